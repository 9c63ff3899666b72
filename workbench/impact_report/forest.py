"""All methods on one outcome, side by side: what each found, how sure it is, which gave no answer and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from workbench.designs.estimates import Design, Estimate
from workbench.designs.findings import Findings
from workbench.impact_report import words
from workbench.impact_report.drawing import (
    BLUE,
    BODY_PT,
    BROWN,
    GREY,
    INNER_IN,
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
)
from workbench.impact_report.intervals import Column, Group, Row, Scale, draw_intervals
from workbench.impact_report.method_words import method_title

DESIGNS: tuple[Design, ...] = get_args(Design)

DESIGN_MARKS: dict[Design, Mark] = {
    "none": Mark(GREY, "o", filled=False, dashes=""),
    "areas": Mark(ORANGE, "s", dashes=""),
    "series": Mark(VIOLET, "^", dashes=""),
    "differences": Mark(BLUE, "o", dashes=""),
    "synthetic": Mark(TEAL, "D", dashes=""),
    "structural": Mark(BROWN, "v", dashes=""),
}

ZERO = Mark(TEXT, "", dashes="-")
CLAIMED = Mark(MAGENTA, "", dashes=(0, (4, 2)))
UNSEEN = Mark("#9aa6b0", "", dashes="", hatch="//////")


def draw_forest(findings: Findings, outcome: str) -> Drawing:
    """Return the estimates of all methods on one outcome, grouped by design.

    Percentages where there were enough incidents before the cameras, else numbers of incidents.
    """
    estimates = [estimate for estimate in findings.estimates if estimate.outcome == outcome]
    shares = words.percentages_stated(findings, outcome)
    sheet = Sheet(f"{words.outcome_words(outcome)}: what each method found", _subtitle(estimates, shares))
    least = words.least_detectable(findings, outcome) if shares else None
    claimed = findings.claim.change_ratio if shares and outcome == findings.primary_outcome else None
    _key(sheet, claimed, least)
    answered = [estimate for estimate in estimates if estimate.refused is None]
    if answered:
        draw_intervals(sheet, _groups(answered, shares), _scale(shares, claimed, least), _columns(shares))
    _refused(sheet, [estimate for estimate in estimates if estimate.refused is not None])
    return sheet.finished(
        words.figure_name("forest", findings, outcome),
        alt=_alt(estimates, outcome, shares, claimed, least),
        caption="Each row is one method; the line is its interval. Methods under different headings take what "
                "would have happened from different places, so agreement between them counts for more. "
                "Grey compares before with after only and shows nothing about cameras.",
        table=_table(estimates, shares),
    )  # fmt: skip


def _subtitle(estimates: Sequence[Estimate], shares: bool) -> str:
    levels = sorted({words.percent(estimate.level, signed=False) for estimate in estimates})
    what = "Change against what would have been" if shares else (
        "Incidents more or fewer than would have been; too few before the cameras for percentages")  # fmt: skip
    return f"{what}, with {' and '.join(levels) or '95 %'} intervals"


def _key(sheet: Sheet, claimed: float | None, least: float | None) -> None:
    entries = [(ZERO, "no change")]
    if claimed is not None:
        entries.append((CLAIMED, f"claimed {words.percent(claimed)}"))
    if least is not None:
        entries.append((UNSEEN, f"falls too small to be found: up to {words.percent(-least, signed=False)}"))
    sheet.key(entries)


def _groups(estimates: Sequence[Estimate], shares: bool) -> list[Group]:
    return [
        Group(f"From {words.DESIGN_WORDS[design]}", tuple(_row(estimate, shares) for estimate in estimates if
                                                estimate.design == design))
        for design in DESIGNS
        if any(estimate.design == design for estimate in estimates)
    ]  # fmt: skip


def _row(estimate: Estimate, shares: bool) -> Row:
    point = estimate.change_ratio if shares else estimate.change_count
    low, high = (estimate.change_interval if shares else estimate.count_interval) or (None, None)
    return Row(
        method_title(estimate.method), point, low, high, DESIGN_MARKS[estimate.design],
        (words.percent(point) if shares else words.count(point, signed=True), _range(low, high, shares),
         words.p_words(estimate.p_value)),
        remark="not causal" if estimate.design == "none" else "", quiet=estimate.design == "none",
    )  # fmt: skip


def _range(low: float | None, high: float | None, shares: bool) -> str:
    if low is None or high is None:
        return "–"
    return words.percents((low, high)) if shares else words.counts((low, high))


def _scale(shares: bool, claimed: float | None, least: float | None) -> Scale:
    lines = [(0.0, ZERO), *([] if claimed is None else [(claimed, CLAIMED)])]
    band = None if least is None else (least, 0.0)
    if shares:
        return Scale("change", words.percent, tuple(lines), band, least=-1.0)
    return Scale("incidents", lambda value: words.count(value, signed=True), tuple(lines))


def _columns(shares: bool) -> list[Column]:
    return [Column("change" if shares else "incidents", 0.75), Column("interval", 1.5), Column("p", 0.62)]


def _refused(sheet: Sheet, refused: Sequence[Estimate]) -> None:
    if not refused:
        return
    sheet.below_in += 0.04
    sheet.say(MARGIN_IN, sheet.below_in + 0.1, "Gave no answer", size_pt=SMALL_PT, color=SOFT, bold=True)
    sheet.below_in += 0.21
    sheet.rule(sheet.below_in)
    sheet.below_in += 0.07
    for estimate in refused:
        sheet.say(MARGIN_IN + 0.05, sheet.below_in + 0.085, "✕", size_pt=SMALL_PT, color=SOFT)
        title = f"{method_title(estimate.method)}: {estimate.refused}"
        sheet.below_in = sheet.paragraph(title, x_in=MARGIN_IN + 0.24, most_in=INNER_IN - 0.24, size_pt=BODY_PT,
                                         color=SOFT) + 0.05  # fmt: skip


def _alt(
    estimates: Sequence[Estimate], outcome: str, shares: bool, claimed: float | None, least: float | None
) -> str:  # fmt: skip
    said = [f"Forest plot of {words.several(len(estimates), 'method')} on {words.outcome_words(outcome).lower()}."]
    if claimed is not None:
        said.append(f"The claim is {words.percent(claimed)}.")
    if least is not None:
        said.append(f"Falls of less than {words.percent(-least, signed=False)} could not be found.")
    return " ".join(said + [say_estimate(estimate, shares) for estimate in estimates])


def say_estimate(estimate: Estimate, shares: bool) -> str:
    """Return one method's answer as a sentence."""
    title = method_title(estimate.method)
    if estimate.refused is not None:
        return f"{title} gave no answer: {estimate.refused.rstrip('.')}."
    point, interval = (estimate.change_ratio, estimate.change_interval) if shares else (
        estimate.change_count, estimate.count_interval)  # fmt: skip
    found = words.percent(point) if shares else f"{words.count(point, signed=True)} incidents"
    between = (
        "" if interval is None else f", interval {words.percents(interval) if shares else words.counts(interval)}"
    )
    chance = "" if estimate.p_value is None else f", {words.p_clause(estimate.p_value)}"
    raw = " (before and after only, not causal)" if estimate.design == "none" else ""
    return f"{title}{raw}: {found}{between}{chance}."


def _table(estimates: Sequence[Estimate], shares: bool) -> str:
    header = ("method", "design", "change_ratio", "change_low_ratio", "change_high_ratio", "change_count",
              "count_low", "count_high", "level", "p_value", "dispersion", "refused")  # fmt: skip
    return as_csv(header, (
        (estimate.method, estimate.design, *_ends(estimate.change_ratio, estimate.change_interval, shares),
         *_ends(estimate.change_count, estimate.count_interval, True), estimate.level, estimate.p_value,
         estimate.dispersion, estimate.refused)
        for estimate in estimates
    ))  # fmt: skip


def _ends(
    point: float | None, interval: tuple[float, float] | None, stated: bool
) -> tuple[float | None, float | None, float | None]:  # fmt: skip
    return (point, *(interval or (None, None))) if stated else (None, None, None)
