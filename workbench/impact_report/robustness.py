"""Whether the answer holds: where there were no cameras, with other choices, and around the cameras."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from workbench.designs.findings import Findings, Placebos, Ring, Sensitivity
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
    TEAL,
    TEXT,
    Drawing,
    Mark,
    Sheet,
    as_csv,
    finite,
    shorten,
    write_ticks,
)
from workbench.impact_report.forest import ZERO
from workbench.impact_report.intervals import Column, Group, Row, Scale, draw_intervals
from workbench.impact_report.method_words import method_title

OBSERVED = Mark(ORANGE, "D", dashes="-")
DRAWN = Mark(GREY, "", dashes="", hatch="//////")


def draw_placebos(findings: Findings, outcome: str) -> Drawing:
    """Return the changes found where or when there were no cameras, the observed one among them."""
    placebos = [one for one in findings.placebos if one.outcome == outcome]
    name = words.outcome_words(outcome)
    sheet = Sheet(f"{name}: what the same method finds where there were no cameras",
                  "Number of placebos by the change found in them")  # fmt: skip
    sheet.key([(DRAWN, "placebos"), (OBSERVED, "observed, with cameras")])
    for one in placebos:
        title = f"{method_title(one.method)}, {one.kind}: rank {words.p_clause(one.p_value)}"
        sheet.say(MARGIN_IN, sheet.below_in + 0.1, shorten(title, INNER_IN, bold=True), bold=True)
        sheet.below_in = (
            sheet.paragraph(_say_rank(one), top_in=sheet.below_in + 0.2, size_pt=SMALL_PT, color=SOFT) + 0.12
        )
        if not finite(one.draws_ratio):
            continue
        axes = sheet.plot(MARGIN_IN + 0.4, sheet.below_in, INNER_IN - 0.4, 1.35)
        _histogram(axes, one)
        sheet.below_in += 1.35 + 0.36
    return sheet.finished(
        words.figure_name("placebos", findings, outcome),
        alt=" ".join([f"Placebo tests on {name.lower()}.", *(
            f"{method_title(one.method)}, {one.kind}: observed {words.percent(one.observed_ratio)}, rank "
            f"{words.p_clause(one.p_value)}. {_say_rank(one)}" for one in placebos)]),
        caption="If places or times without cameras often show changes as large as the observed one, the observed "
                "one is no evidence of cameras at work.",
        table=as_csv(("method", "kind", "what", "change_ratio", "p_value"), (
            row for one in placebos for row in [
                (one.method, one.kind, "observed", one.observed_ratio, one.p_value),
                *((one.method, one.kind, "placebo", draw, None) for draw in one.draws_ratio)])),
    )  # fmt: skip


def _size(change_ratio: float) -> float:
    return abs(math.log1p(change_ratio)) if change_ratio > -1 else math.inf


def _say_rank(one: Placebos) -> str:
    draws = finite(one.draws_ratio)
    if not draws:
        return "No placebo gave an answer."
    # As the rank has it: a halving is as large as a doubling.
    as_large = sum(_size(draw) >= _size(one.observed_ratio) for draw in draws)
    lost = len(one.draws_ratio) - len(draws)
    said = (
        f"{as_large:,} of {words.several(len(draws), 'placebo')} changed by as much as the observed "
        f"{words.percent(one.observed_ratio)}, up or down"
    )
    return said + (f"; {lost:,} more gave no finite figure." if lost else ".")


def _histogram(axes: Axes, one: Placebos) -> None:
    draws = np.asarray(finite(one.draws_ratio))
    everything = np.asarray(finite([*draws, one.observed_ratio, 0.0]))
    reach = max(1.3 * float(np.quantile(np.abs(everything), 0.95)), 0.05)
    low, high = max(float(everything.min()), -reach, -1.0), min(float(everything.max()), reach)
    pad = 0.06 * (high - low) or 0.05
    low, high = low - pad, high + pad
    bins = _bins(low, high, draws.size)
    low, high = float(bins[0]), float(bins[-1])
    axes.hist(
        np.clip(draws, low, high), bins=list(bins), facecolor=FAINT, edgecolor=GREY, hatch="////", linewidth=0.8
    )
    axes.axvline(0, color=TEXT, linewidth=1.0, zorder=1)
    observed = min(max(one.observed_ratio, low), high)
    top = axes.get_ylim()[1]
    axes.plot([observed, observed], [0, top * 1.04], color=OBSERVED.color, linewidth=2.2, zorder=4)
    axes.plot([observed], [top * 1.04], zorder=5, clip_on=False, **OBSERVED.point(6))
    axes.set_ylim(0, top * 1.1)
    axes.set_xlim(max(low, -1.0 - 0.01 * (high - low)), high)
    write_ticks(axes, words.percent, INNER_IN - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.grid(axis="y", color=LINE, linewidth=0.7)


def _bins(low: float, high: float, number: int) -> NDArray[np.float64]:
    """Return edges of bins of a round width, one of them at zero, so that no bin mixes falls with rises."""
    wanted = (high - low) / min(36, max(14, round(math.sqrt(number) * 2)))
    size = 10.0 ** math.floor(math.log10(wanted))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= wanted)
    return np.arange(math.floor(low / step), math.ceil(high / step) + 1, dtype=np.float64) * step


def draw_displacement(findings: Findings, outcome: str) -> Drawing:
    """Return the weighted displacement difference ring by ring."""
    displacements = [one for one in findings.displacement if one.outcome == outcome]
    name = words.outcome_words(outcome)
    levels = " and ".join(sorted({words.percent(one.level, signed=False) for one in displacements}))
    sheet = Sheet(
        f"{name}: did it move around the corner?",
        f"Weighted displacement difference of the places with cameras and each ring together, incidents, with "
        f"{levels or '95 %'} intervals",
    )
    sheet.key([(ZERO, "no net change"), (RING, "places with cameras and ring together")])
    rows = [_ring_row(ring) for one in displacements for ring in one.rings]
    if rows:
        scale = Scale("incidents", lambda value: words.count(value, signed=True), ((0.0, ZERO),))
        columns = [Column("difference", 0.8), Column("interval", 1.55), Column("quotient", 0.78)]
        draw_intervals(sheet, [Group("", tuple(rows))], scale, columns)
    for one in displacements:
        sheet.below_in = sheet.paragraph(one.says) + 0.04
    return sheet.finished(
        words.figure_name("displacement", findings, outcome),
        alt=" ".join([f"Displacement of {name.lower()} by distance.", *(
            said for one in displacements for said in [one.says, *(_say_ring(ring) for ring in one.rings)])]),
        caption="Left of zero, incidents fell on balance even when the ring is counted in. The quotient is the "
                "share of the fall that the ring lost too; negative, the share that came back there.",
        table=as_csv(("inner_m", "outer_m", "before_count", "after_count", "difference", "low", "high",
                      "displaced_ratio", "level"), (
            (ring.inner_m, ring.outer_m, ring.before_count, ring.after_count, ring.difference, ring.low, ring.high,
             ring.displaced_ratio, one.level) for one in displacements for ring in one.rings)),
    )  # fmt: skip


RING = Mark(TEAL, "D", dashes="")


def _band(ring: Ring) -> str:
    return f"{words.count(ring.inner_m)}–{words.count(ring.outer_m)}{words.NBSP}m"


def _ring_row(ring: Ring) -> Row:
    return Row(
        _band(ring), ring.difference, ring.low, ring.high, RING,
        (words.count(ring.difference, signed=True), words.counts((ring.low, ring.high)),
         _quotient(ring.displaced_ratio)),
        remark=f"in the ring: {words.count(ring.before_count)} before, {words.count(ring.after_count)} after",
    )  # fmt: skip


def _quotient(ratio: float | None) -> str:
    if ratio is None or math.isnan(ratio):
        return "–"
    return f"{ratio:+.2f}".replace("-", "−")


def _say_ring(ring: Ring) -> str:
    moved = ""
    if ring.displaced_ratio is not None:
        share = words.percent(abs(ring.displaced_ratio), signed=False)
        moved = (
            f", {share} of the fall came back there"
            if ring.displaced_ratio < 0
            else (f", the ring fell too, by {share} of the fall")
        )
    return (
        f"{_band(ring)}: {words.count(ring.before_count)} before and {words.count(ring.after_count)} after, "
        f"difference {words.count(ring.difference, signed=True)}, interval {words.counts((ring.low, ring.high))}"
        f"{moved}."
    )


CHOICES = {
    "window": "Other windows of time", "cell": "Other sizes of place",
    "smoothness": "Trends allowed to bend", "without a site": "Each site left out",
}  # fmt: skip


def draw_sensitivity(findings: Findings, outcome: str) -> Drawing:
    """Return what the same question gives when one choice is made differently."""
    tried = [one for one in findings.sensitivity if one.outcome == outcome]
    name = words.outcome_words(outcome)
    sheet = Sheet(
        f"{name}: the same question, one choice made differently",
        f"Change against what would have been, by {_methods(tried)}",
    )
    sheet.key([(ZERO, "no change"), (TRIED, "with this choice")])
    several = len({one.method for one in tried}) > 1
    groups = [
        Group(CHOICES[one.choice], tuple(_settings(one)), remark=method_title(one.method) if several else "")
        for one in tried
    ]
    if groups:
        scale = Scale("change", words.percent, ((0.0, ZERO),), least=-1.0)
        draw_intervals(sheet, groups, scale, [Column("change", 0.75), Column("interval", 1.5)])
    return sheet.finished(
        words.figure_name("sensitivity", findings, outcome),
        alt=" ".join([f"Sensitivity of {name.lower()}.", *(_say_tried(one) for one in tried)]),
        caption="An answer that turns with a choice that could as well have been made otherwise is an answer about "
                "the choice.",
        table=as_csv(("method", "choice", "setting", "change_ratio", "low_ratio", "high_ratio"), (
            (one.method, one.choice, *row) for one in tried
            for row in zip(one.settings, one.change_ratio, one.low, one.high, strict=True))),
    )  # fmt: skip


TRIED = Mark(BLUE, "o", dashes="")


def _methods(tried: Sequence[Sensitivity]) -> str:
    titles = {method_title(one.method) for one in tried}
    return titles.pop() if len(titles) == 1 else words.several(len(titles), "method")


def _settings(one: Sensitivity) -> Sequence[Row]:
    return [
        Row(setting, change, low, high, TRIED,
            ("no answer" if change is None else words.percent(change),
             "–" if low is None or high is None else words.percents((low, high))), quiet=change is None)
        for setting, change, low, high in zip(one.settings, one.change_ratio, one.low, one.high, strict=True)
    ]  # fmt: skip


def _say_tried(one: Sensitivity) -> str:
    said = [
        f"{setting} {'no answer' if change is None else words.percent(change)}"
        + ("" if low is None or high is None else f" ({words.percents((low, high))})")
        for setting, change, low, high in zip(one.settings, one.change_ratio, one.low, one.high, strict=True)
    ]
    return f"{CHOICES[one.choice]}, {method_title(one.method)}: {'; '.join(said)}."
