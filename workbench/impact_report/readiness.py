"""What the study could have seen, and what its inputs are like: both known before any result."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench.designs.findings import Findings, Power
from workbench.impact_report import words
from workbench.impact_report.drawing import (
    BLUE,
    BROWN,
    FAINT,
    GREY,
    INNER_IN,
    LINE,
    MAGENTA,
    MARGIN_IN,
    ORANGE,
    SMALL_PT,
    SOFT,
    TEAL,
    TEXT,
    VIOLET,
    Drawing,
    Mark,
    Sheet,
    as_csv,
    shorten,
    write_ticks,
)
from workbench.impact_report.forest import CLAIMED
from workbench.impact_report.method_words import method_title

CURVES = (
    Mark(BLUE, "o"), Mark(ORANGE, "s"), Mark(TEAL, "D"), Mark(VIOLET, "^"), Mark(MAGENTA, "v"), Mark(BROWN, "P"),
)  # fmt: skip
"""One a method, told apart by marker as well as colour; more than six lines cannot be told apart at all."""

WANTED = Mark(GREY, "", dashes=(0, (1, 1.2)))


def draw_power(findings: Findings, outcome: str) -> Drawing:
    """Return the chance of finding a change by its size, one line a method, the most sensitive first."""
    powers = sorted(
        (power for power in findings.power if power.outcome == outcome),
        key=lambda power: (power.least_detectable_ratio is None, -(power.least_detectable_ratio or 0.0)),
    )
    name = words.outcome_words(outcome)
    base = words.baseline_count(findings, outcome)
    sheet = Sheet(f"{name}: what this study could have found",
                  "Chance of finding a change, by its size" + (
                      "" if base is None else f"; {words.count(base)} incidents before the cameras"))  # fmt: skip
    claimed = findings.claim.change_ratio if outcome == findings.primary_outcome else None
    curved = [power for power in powers if power.curve]
    if curved:
        _curves(sheet, curved[: len(CURVES)], claimed)
    _least(sheet, powers, curved)
    return sheet.finished(
        words.figure_name("power", findings, outcome),
        alt=" ".join([f"Power of the study on {name.lower()}.", *(_say_power(power) for power in powers),
                      *([] if claimed is None else [f"The claim is {words.percent(claimed)}."])]),
        caption="Where a line lies below the dotted one, a true change of that size would likely be missed, and "
                "“nothing found” would mean little.",
        table=as_csv(("method", "change_ratio", "chance", "wanted_power", "level", "least_detectable_ratio",
                      "baseline_count"), (
            (power.method, change, chance, power.power, power.level, power.least_detectable_ratio,
             power.baseline_count) for power in powers for change, chance in (power.curve or ((None, None),)))),
    )  # fmt: skip


def _curves(sheet: Sheet, powers: Sequence[Power], claimed: float | None) -> None:
    wanted = powers[0].power
    entries = [(mark, method_title(power.method)) for mark, power in zip(CURVES, powers, strict=False)]
    entries.append((WANTED, f"{words.percent(wanted, signed=False)} chance"))
    sheet.key([*entries, *([] if claimed is None else [(CLAIMED, f"claimed {words.percent(claimed)}")])])
    axes = sheet.plot(MARGIN_IN + 0.55, sheet.below_in + 0.05, INNER_IN - 0.55, 2.3)
    for mark, power in zip(CURVES, powers, strict=False):
        changes, chances = zip(*power.curve, strict=True)
        axes.plot(changes, chances, linewidth=1.6, markevery=max(1, len(changes) // 8),
                  **{**mark.point(4.5), "linestyle": "-"})  # fmt: skip
    axes.axhline(wanted, color=WANTED.color, linestyle=WANTED.dashes, linewidth=1.5)
    if claimed is not None:
        axes.axvline(claimed, color=CLAIMED.color, linestyle=CLAIMED.dashes, linewidth=1.4)
    axes.set_ylim(0, 1.03)
    write_ticks(axes, words.percent, INNER_IN - 0.55, most=8)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.percent(value, signed=False)))
    axes.grid(color=LINE, linewidth=0.7)
    sheet.below_in += 2.3 + 0.4


def _least(sheet: Sheet, powers: Sequence[Power], curved: Sequence[Power]) -> None:
    if not powers:
        return
    sheet.say(MARGIN_IN, sheet.below_in + 0.1, "smallest fall that would be found", size_pt=SMALL_PT, color=SOFT,
              bold=True)  # fmt: skip
    sheet.below_in += 0.21
    for power in powers:
        sheet.rule(sheet.below_in)
        middle = sheet.below_in + 0.13
        if power in curved[: len(CURVES)]:
            CURVES[curved.index(power)].draw(sheet.page, MARGIN_IN, middle)
        sheet.say(MARGIN_IN + 0.34, middle, shorten(method_title(power.method), INNER_IN - 2.2))
        least = "not even a fall to nothing" if power.least_detectable_ratio is None else words.percent(
            -power.least_detectable_ratio, signed=False)  # fmt: skip
        sheet.say(MARGIN_IN + INNER_IN, middle, least, align="right", color=TEXT)
        sheet.below_in += 0.26
    sheet.below_in += 0.04


def _say_power(power: Power) -> str:
    title = method_title(power.method)
    if power.least_detectable_ratio is None:
        return f"{title} would not find even a fall to nothing."
    return (
        f"{title} would find a fall of {words.percent(-power.least_detectable_ratio, signed=False)} or more with a "
        f"chance of {words.percent(power.power, signed=False)} or more."
    )


def draw_quality(findings: Findings) -> Drawing:
    """Return what the inputs are like: incidents a year, shares that are inexact, and what was left out."""
    quality = findings.quality
    kept = quality.used / quality.incidents if quality.incidents else None
    said = f"{quality.used:,} of {words.several(quality.incidents, 'incident')} used"
    sheet = Sheet(
        "What the study’s data are like", said + ("" if kept is None else f" ({words.percent(kept, signed=False)})")
    )
    half = (INNER_IN - 0.4) / 2
    top, right = sheet.below_in, MARGIN_IN + half + 0.4
    sheet.say(MARGIN_IN, top + 0.1, "Incidents used, by year", bold=True)
    _years(sheet, top + 0.34, half, quality.by_year)
    shares = (("time known only to within more than a day", quality.inexact_time_ratio),
              ("place coarser than an address or a block", quality.poor_geocode_ratio),
              ("found because police looked", quality.proactive_ratio))  # fmt: skip
    sheet.say(right, top + 0.1, "Share of incidents with", bold=True)
    y = top + 0.3
    for name, share in shares:
        y = _share_bar(sheet, right, y, half, (name, share))
    if quality.left_out:
        sheet.say(right, y + 0.16, "Left out", bold=True)
        y += 0.3
    for reason, number in quality.left_out:
        sheet.say(right, y + 0.1, shorten(reason, half - 0.8), color=SOFT)
        sheet.say(right + half, y + 0.1, f"{number:,}", align="right")
        y += 0.21
    sheet.below_in = max(y, top + 2.2) + 0.06
    return sheet.finished(
        "data_quality",
        alt=" ".join(["Quality of the data.", f"{said}.", *(
            f"{words.percent(share, signed=False)} {name}." for name, share in shares),
                     *(f"Left out, {reason}: {number:,}." for reason, number in quality.left_out),
                     *(f"{year}: {number:,} used." for year, number in quality.by_year)]),
        caption="A year with far fewer incidents may be a change in recording rather than in crime.",
        table=as_csv(("what", "which", "figure"), [
            ("incidents", "all", quality.incidents), ("incidents", "used", quality.used),
            *(("left out", *row) for row in quality.left_out), *(("used in year", *row) for row in quality.by_year),
            ("share", "inexact_time_ratio", quality.inexact_time_ratio),
            ("share", "poor_geocode_ratio", quality.poor_geocode_ratio),
            ("share", "proactive_ratio", quality.proactive_ratio)]),
    )  # fmt: skip


def _years(sheet: Sheet, top_in: float, width_in: float, by_year: Sequence[tuple[int, int]]) -> None:
    if not by_year:
        sheet.say(MARGIN_IN, top_in + 0.1, "none", color=SOFT)
        return
    axes = sheet.plot(MARGIN_IN + 0.5, top_in, width_in - 0.5, 1.55)
    years, numbers = zip(*by_year, strict=True)
    axes.bar(years, numbers, width=0.62, color=BLUE)
    axes.set_xlim(min(years) - 0.6, max(years) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.count(value)))
    axes.grid(axis="y", color=LINE, linewidth=0.7)


def _share_bar(sheet: Sheet, left_in: float, top_in: float, width_in: float, bar: tuple[str, float]) -> float:
    name, share = bar
    sheet.say(left_in, top_in + 0.1, shorten(name, width_in - 0.6), color=SOFT)
    sheet.say(left_in + width_in, top_in + 0.1, words.percent(share, 1, signed=False), align="right")
    sheet.box(left_in, top_in + 0.22, width_in, 0.07, face=FAINT, round_in=0.03)
    filled = width_in * min(max(share, 0.0), 1.0)
    if filled > 0:
        sheet.page.plot([left_in, left_in + filled], [top_in + 0.255] * 2, color=ORANGE, linewidth=5,
                        solid_capstyle="butt")  # fmt: skip
    return top_in + 0.4
