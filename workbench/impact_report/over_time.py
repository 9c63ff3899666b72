"""What happened month by month: counts beside what would have been, and the change by time since activation."""

from __future__ import annotations

from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench.designs.findings import EventStudy, Findings, Series
from workbench.impact_report import words
from workbench.impact_report.drawing import (
    BLUE,
    FAINT,
    GREY,
    INNER_IN,
    LINE,
    MARGIN_IN,
    ORANGE,
    SMALL_PT,
    SOFT,
    TEXT,
    Drawing,
    Mark,
    Sheet,
    as_csv,
    finite,
    shorten,
)
from workbench.impact_report.method_words import method_title

_PLOT_LEFT_IN = MARGIN_IN + 0.55
_PLOT_WIDTH_IN = INNER_IN - 0.55

COUNTED = Mark(TEXT, "", dashes="-")
WOULD_HAVE_BEEN = Mark(BLUE, "", dashes=(0, (4, 2)))
FEWER = Mark(BLUE, "", dashes="", hatch="//////")
MORE = Mark(ORANGE, "", dashes="", hatch="xxxxxx")
ACTIVATION = Mark(GREY, "", dashes=(0, (1, 1.2)))


def draw_series(findings: Findings, outcome: str) -> Drawing:
    """Return the counts of the treated places over time and what would have been, one panel a method."""
    series = [one for one in findings.series if one.outcome == outcome]
    name = words.outcome_words(outcome)
    sheet = Sheet(f"{name}: counted, and what would have been", "Incidents in the places with cameras, by period")
    sheet.key([(COUNTED, "counted"), (WOULD_HAVE_BEEN, "would have been"), (FEWER, "fewer"), (MORE, "more"),
               (ACTIVATION, "first cameras on")])  # fmt: skip
    for one in series:
        _panel_title(sheet, f"{method_title(one.method)}, first cameras on {one.activated_on:%Y-%m-%d}")
        axes = sheet.plot(_PLOT_LEFT_IN, sheet.below_in, _PLOT_WIDTH_IN, 2.2)
        _counts(axes, one)
        sheet.below_in += 2.2 + 0.38
    return sheet.finished(
        words.figure_name("series", findings, outcome),
        alt=" ".join([f"Counts of {name.lower()} over time.", *(_say_series(one) for one in series)]),
        caption="Before the cameras the two lines should lie on each other; after them the hatched gap between "
                "the lines is the change the method finds.",
        table=as_csv(("method", "start", "counted", "would_have_been"), (
            (one.method, start.isoformat(), counted, expected) for one in series
            for start, counted, expected in zip(one.starts, one.treated, one.counterfactual, strict=True))),
    )  # fmt: skip


def _panel_title(sheet: Sheet, title: str) -> None:
    sheet.say(MARGIN_IN, sheet.below_in + 0.1, shorten(title, INNER_IN, bold=True), bold=True)
    sheet.below_in += 0.3


def _counts(axes: Axes, one: Series) -> None:
    at = np.asarray([start.toordinal() for start in one.starts], dtype=np.float64)
    counted = np.asarray(one.treated, dtype=np.float64)
    expected = np.asarray([np.nan if value is None else value for value in one.counterfactual], dtype=np.float64)
    on = one.activated_on.toordinal()
    after = at >= on
    for mark, side in ((FEWER, expected > counted), (MORE, expected < counted)):
        axes.fill_between(at, counted, expected, where=after & side, facecolor=FAINT, edgecolor=mark.color,
                          hatch=mark.hatch[:4], linewidth=0, interpolate=True)  # fmt: skip
    axes.plot(at, counted, color=COUNTED.color, linewidth=1.5)
    axes.plot(at, expected, color=WOULD_HAVE_BEEN.color, linestyle=WOULD_HAVE_BEEN.dashes, linewidth=1.7)
    axes.axvline(on, color=ACTIVATION.color, linestyle=ACTIVATION.dashes, linewidth=1.5)
    values = finite([*counted.tolist(), *expected.tolist()])
    axes.set_ylim(0, max(1.0, max(values, default=1.0)) * 1.08)
    if at.size:
        axes.set_xlim(at.min(), max(at.max(), at.min() + 1))
        _dates(axes, one)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.count(value)))
    axes.grid(axis="y", color=LINE, linewidth=0.7)


def _dates(axes: Axes, one: Series) -> None:
    """Write years where there are several, else months: the first of each that the axis can hold."""
    firsts = sorted({date(start.year, 1, 1) for start in one.starts} | {date(one.starts[-1].year + 1, 1, 1)})
    months = len(firsts) <= 3
    if months:
        firsts = [date(year.year, month, 1) for year in firsts for month in (1, 4, 7, 10)]
    shown = [first for first in firsts if one.starts[0] <= first <= one.starts[-1]]
    shown = shown[:: -(-len(shown) // 10) or 1]
    axes.set_xticks([first.toordinal() for first in shown], [f"{first:%Y-%m}" if months else f"{first:%Y}"
                                                              for first in shown])  # fmt: skip


def _say_series(one: Series) -> str:
    pairs = [(counted, expected) for start, counted, expected in
             zip(one.starts, one.treated, one.counterfactual, strict=True)
             if expected is not None and start >= one.activated_on]  # fmt: skip
    if not pairs:
        return f"{method_title(one.method)} does not say what would have been after {one.activated_on:%Y-%m-%d}."
    counted, expected = (sum(column) for column in zip(*pairs, strict=True))
    return (
        f"{method_title(one.method)}: from {one.activated_on:%Y-%m-%d} on, {words.count(counted)} incidents were "
        f"counted over {words.several(len(pairs), 'full period')}, where {words.count(expected)} would have been."
    )


def draw_event_study(findings: Findings, outcome: str) -> Drawing:
    """Return the change by period since activation, one panel a method, with the joint p of the periods before."""
    studies = [study for study in findings.event_studies if study.outcome == outcome]
    name = words.outcome_words(outcome)
    levels = " and ".join(sorted({words.percent(study.level, signed=False) for study in studies}))
    sheet = Sheet(f"{name}: change by period since the cameras came on",
                  f"Against the last period before, with {levels or '95 %'} intervals")  # fmt: skip
    sheet.key([(BEFORE, "before, should lie about zero"), (AFTER, "after")])
    for study in studies:
        _panel_title(sheet, f"{method_title(study.method)}: {_pretrend(study)}")
        axes = sheet.plot(_PLOT_LEFT_IN, sheet.below_in, _PLOT_WIDTH_IN, 2.1)
        _periods(axes, study)
        sheet.below_in += 2.1 + 0.28
        sheet.say(MARGIN_IN + INNER_IN, sheet.below_in + 0.08, "periods since activation", size_pt=SMALL_PT,
                  color=SOFT, align="right")  # fmt: skip
        sheet.below_in += 0.26
    return sheet.finished(
        words.figure_name("event_study", findings, outcome),
        alt=" ".join([f"Event study of {name.lower()}.", *(_say_study(study) for study in studies)]),
        caption="If places with and without cameras were already parting before activation, the hollow points "
                "leave the zero line, and the change after cannot be laid to the cameras.",
        table=as_csv(("method", "relative_period", "change_ratio", "low_ratio", "high_ratio", "level",
                      "pretrend_p"), (
            (study.method, *row, study.level, study.pretrend_p) for study in studies for row in
            zip(study.relative_periods, study.change_ratio, study.low, study.high, strict=True))),
    )  # fmt: skip


BEFORE = Mark(GREY, "o", filled=False, dashes="")
AFTER = Mark(BLUE, "o", dashes="")


def _pretrend(study: EventStudy) -> str:
    if study.pretrend_p is None:
        return "no periods before to look at"
    seen = "the places were already parting" if study.pretrend_p < 0.05 else "no sign of parting"
    return f"{seen} before the cameras (joint {words.p_clause(study.pretrend_p)})"


def _periods(axes: Axes, study: EventStudy) -> None:
    low, high = _reach(study)
    for period, change, below, above in zip(study.relative_periods, study.change_ratio, study.low, study.high,
                                            strict=True):  # fmt: skip
        mark = BEFORE if period < 0 else AFTER
        ends = [min(max(end, low), high) for end in (below, above)]
        axes.plot([period, period], ends, color=mark.color, linewidth=1.6, solid_capstyle="butt")
        # Inside the axis by half an arrow, which would else lie on the numbers below it.
        inside = 0.02 * (high - low)
        for end, bound, arrow in ((below, low, "v"), (above, high, "^")):
            if (end < bound) if arrow == "v" else (end > bound):
                at = bound + inside if arrow == "v" else bound - inside
                axes.plot([period], [at], marker=arrow, color=mark.color, markersize=5)
        if low <= change <= high:
            axes.plot([period], [change], zorder=4, **mark.point(5.5))
    axes.axhline(0, color=TEXT, linewidth=1.2, zorder=1)
    axes.axvline(-0.5, color=ACTIVATION.color, linestyle=ACTIVATION.dashes, linewidth=1.5)
    axes.set_ylim(low, high)
    if study.relative_periods:
        axes.set_xlim(min(study.relative_periods) - 0.6, max(study.relative_periods) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.count(value, signed=True)))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.percent(value)))
    axes.grid(axis="y", color=LINE, linewidth=0.7)


def _reach(study: EventStudy) -> tuple[float, float]:
    ends = np.asarray(finite([*study.change_ratio, *study.low, *study.high, 0.0]))
    usual = float(np.quantile(np.abs(ends), 0.9)) or 0.1
    low, high = max(float(ends.min()), -1.6 * usual, -1.0), min(float(ends.max()), 1.6 * usual)
    pad = 0.08 * (high - low) or 0.05
    return low - pad, high + pad


def _say_study(study: EventStudy) -> str:
    after = [row for row in zip(study.relative_periods, study.change_ratio, study.low, study.high, strict=True)
             if row[0] >= 0]  # fmt: skip
    apart = sum(not low <= 0 <= high for _, _, low, high in after)
    said = f"{method_title(study.method)}: {_pretrend(study)}."
    if not after:
        return said
    changes = [change for _, change, _, _ in after]
    return (
        f"{said} In the {words.several(len(after), 'period')} after, the change lies between "
        f"{words.percent(min(changes))} and {words.percent(max(changes))}; {apart} of the "
        "intervals exclude no change."
    )
