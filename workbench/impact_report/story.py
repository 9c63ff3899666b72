"""A study at a glance: from what is claimed to what may be said, and where that stands on the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from workbench.designs.findings import Findings, Verdict
from workbench.impact_report import words
from workbench.impact_report.drawing import (
    BLUE,
    FAINT,
    GREY,
    INNER_IN,
    LINE,
    MAGENTA,
    MARGIN_IN,
    PAPER,
    SMALL_PT,
    SOFT,
    TEXT,
    Drawing,
    Mark,
    Sheet,
    as_csv,
    finite,
    shorten,
    wrap,
    write_ticks,
)
from workbench.impact_report.forest import CLAIMED, UNSEEN, ZERO
from workbench.impact_report.intervals import Row, draw_interval

_BIG_PT = 19.0


@dataclass(frozen=True)
class Step:
    """One panel of the story."""

    heading: str
    figure: str
    """What is written large."""
    says: str
    color: str


@dataclass(frozen=True)
class Story:
    """What the claim card tells, before it is laid out."""

    claimed: float | None
    raw: float | None
    raw_range: tuple[float, float] | None
    adjusted: tuple[float, float] | None
    """Range of the verdict, share; None where none may be stated."""
    least: float | None
    """Smallest fall that could have been found, share."""
    baseline: float | None
    shares: bool
    """Whether percentages may be stated."""
    verdict: Verdict | None


def story_of(findings: Findings) -> Story:
    """Return what is claimed and found of the primary outcome."""
    outcome = findings.primary_outcome
    raw = next((estimate for estimate in findings.estimates if estimate.outcome == outcome
                and estimate.design == "none" and estimate.refused is None), None)  # fmt: skip
    verdict, shares = words.verdict_on(findings, outcome), words.percentages_stated(findings, outcome)
    return Story(
        findings.claim.change_ratio, raw.change_ratio if raw and shares else None,
        raw.change_interval if raw and shares else None, verdict.range_ratio if verdict and shares else None,
        words.least_detectable(findings, outcome), words.baseline_count(findings, outcome), shares, verdict,
    )  # fmt: skip


def draw_claim_card(findings: Findings) -> Drawing:
    """Return the study's story in one row: claimed, raw, adjusted, detectable."""
    story = story_of(findings)
    steps = _steps(findings, story)
    outcome = words.outcome_words(findings.primary_outcome)
    sheet = Sheet(f"{outcome}: from the claim to what may be said", f"“{findings.claim.words}”")
    _panels(sheet, steps)
    _axis(sheet, story)
    if story.verdict is not None:
        _conclusion(sheet, story.verdict)
    return sheet.finished(
        "claim_card",
        alt=" ".join([f"Claim card on {outcome.lower()}.", *(_say_step(step) for step in steps),
                      _verdict_words(story.verdict)]).strip(),
        caption="Read from left to right. The raw change compares before with after and cannot tell cameras from "
                "everything else that changed; the adjusted range is what is left once it is held against what "
                "would have happened anyway.",
        table=as_csv(("what", "ratio", "low_ratio", "high_ratio"), [
            ("claimed", story.claimed, None, None), ("raw", story.raw, *(story.raw_range or (None, None))),
            ("adjusted", None, *(story.adjusted or (None, None))), ("least detectable", story.least, None, None)]),
    )  # fmt: skip


def _say_step(step: Step) -> str:
    return f"{step.heading.rstrip('?')}: {step.figure}. {words.sentence_case(step.says).rstrip('.')}."


def _steps(findings: Findings, story: Story) -> tuple[Step, ...]:
    claim = findings.claim
    adjusted = "No range may be stated" if story.adjusted is None else _range(story.adjusted)
    return (
        Step("Claimed", "No figure" if story.claimed is None else words.percent(story.claimed),
             claim.source or "source not given", MAGENTA),
        Step("Raw, not causal", _raw(story), "before against after, nothing held against it", GREY),
        Step("Adjusted", adjusted, _rests(story), BLUE),
        Step("Detectable?", *_detectable(story), TEXT),
    )  # fmt: skip


def _rests(story: Story) -> str:
    if story.adjusted is not None:
        return "Union of the intervals of the designs that the verdict rests on"
    reasons = story.verdict.reasons if story.verdict is not None else ()
    return reasons[0] if reasons else "No method gave an answer to rest on."


def _range(interval: tuple[float, float]) -> str:
    return f"{words.percent(interval[0])} to {words.percent(interval[1])}"


def _raw(story: Story) -> str:
    if story.shares:
        return words.percent(story.raw)
    return f"Under {words.count(20)} before" if story.raw is None else words.percent(story.raw)


def _detectable(story: Story) -> tuple[str, str]:
    if story.baseline is None:
        return "Not known", "no method said what it could have found"
    base = f"with {words.count(story.baseline)} incidents before"
    if story.least is None:
        return "No", f"not even a fall to nothing would have been found {base}"
    least = words.percent(-story.least, signed=False)
    if story.claimed is None or story.claimed >= 0:
        return f"≥ {least}", f"smaller falls would be missed {base}"
    answer = "Yes" if story.claimed <= story.least else "No"
    return answer, f"falls of {least} or more would be found {base}"


_GAP_IN = 0.3


def _panels(sheet: Sheet, steps: Sequence[Step]) -> None:
    width = (INNER_IN - _GAP_IN * (len(steps) - 1)) / len(steps)
    inside = width - 0.28
    figures = [_large(step.figure, inside) for step in steps]
    says = [_short(words.sentence_case(step.says), inside) for step in steps]
    tall = 0.42 + 0.68 + 0.15 * max(len(lines) for lines in says) + 0.1
    top = sheet.below_in + 0.02
    for at, (step, (lines, size), said) in enumerate(zip(steps, figures, says, strict=True)):
        left = MARGIN_IN + at * (width + _GAP_IN)
        quiet = step.color == GREY
        sheet.box(left, top, width, tall, face=PAPER if quiet else FAINT, edge=LINE)
        sheet.page.add_line(Line2D([left + 0.14, left + 0.42], [top + 0.12] * 2, color=step.color, linewidth=2.6,
                                   linestyle=(0, (1.6, 0.9)) if quiet else "-"))  # fmt: skip
        sheet.say(left + 0.14, top + 0.29, step.heading, size_pt=SMALL_PT, color=SOFT, bold=True)
        step_in, ink = size / 72 * 1.2, SOFT if quiet else step.color
        for row, line in enumerate(lines):
            middle = top + 0.72 + (row - (len(lines) - 1) / 2) * step_in
            sheet.say(left + 0.14, middle, line, size_pt=size, color=ink, bold=not quiet)
        sheet.lines(left + 0.14, top + 1.06, said, size_pt=SMALL_PT, color=SOFT)
        if at:
            sheet.say(left - _GAP_IN / 2, top + tall / 2, "→", size_pt=13, color=GREY, align="center")
    sheet.below_in = top + tall + 0.12


def _short(said: str, most_in: float) -> list[str]:
    lines = wrap(said, most_in, SMALL_PT)
    return lines if len(lines) <= 5 else [*lines[:4], shorten(f"{lines[4]} {lines[5]}", most_in, SMALL_PT)]


def _large(figure: str, most_in: float) -> tuple[list[str], float]:
    """Return a figure's lines, and the largest size at which at most two of them fit."""
    for size in (_BIG_PT, 16.0, 14.0, 12.0, 10.5):
        lines = wrap(figure, most_in, size, bold=True)
        if len(lines) == 1 or (len(lines) == 2 and size <= 16.0):
            return lines, size
    return lines[:2], size


def _axis(sheet: Sheet, story: Story) -> None:
    """Draw the story's figures on one axis, each on a line of its own."""
    names = {
        "claimed": Mark(MAGENTA, "D"),
        "raw, not causal": Mark(GREY, "o", filled=False),
        "adjusted": Mark(BLUE, ""),
    }
    raw_low, raw_high = story.raw_range or (None, None)
    low, high = story.adjusted or (None, None)
    rows = [Row("claimed", story.claimed, None, None, names["claimed"], ()),
            Row("raw, not causal", story.raw, raw_low, raw_high, names["raw, not causal"], (), quiet=True),
            Row("adjusted", None, low, high, names["adjusted"], ())]  # fmt: skip
    rows = [row for row in rows if finite((row.point, row.low, row.high))]
    if not rows:
        return
    least = story.least if story.shares else None
    sheet.key([(ZERO, "no change")] + ([] if least is None else [
        (UNSEEN, f"falls too small to be found: up to {words.percent(-least, signed=False)}")]))  # fmt: skip
    lines = [value for value in (0.0, least, story.claimed) if value is not None]
    ends, tall, left = _ends(rows, lines), 0.26 * len(rows) + 0.06, MARGIN_IN + 1.25
    axes = sheet.plot(left, sheet.below_in, MARGIN_IN + INNER_IN - left, tall)
    axes.set_xlim(*ends)
    axes.set_ylim(tall, 0)
    axes.set_yticks([])
    write_ticks(axes, words.percent, MARGIN_IN + INNER_IN - left)
    axes.grid(axis="x", color=LINE, linewidth=0.7)
    if least is not None:
        axes.axvspan(least, 0.0, facecolor=FAINT, edgecolor="#c3ccd4", hatch="////", linewidth=0, zorder=0.4)
    axes.axvline(0.0, color=ZERO.color, linewidth=1.4, zorder=2)
    if story.claimed is not None and ends[0] <= story.claimed <= ends[1]:
        axes.axvline(story.claimed, color=CLAIMED.color, linestyle=CLAIMED.dashes, linewidth=1.1, zorder=1)
    for at, row in enumerate(rows):
        y = 0.03 + 0.26 * (at + 0.5)
        sheet.say(left - 0.12, sheet.below_in + y, row.name, size_pt=SMALL_PT, color=SOFT, align="right")
        draw_interval(axes, row, y, ends, line=1.8 if row.quiet else 6.0)
    sheet.below_in += tall + 0.34


def _ends(rows: Sequence[Row], lines: Sequence[float]) -> tuple[float, float]:
    values = [*lines, *finite(end for row in rows for end in (row.point, row.low, row.high))]
    low, high = max(min(values), -1.0), min(max(values), _MOST_RATIO)
    pad = 0.06 * (high - low) or 0.1
    return max(low - pad, -1.0), high + pad


_MOST_RATIO = 1.5
"""A rise past which the axis ends; what is beyond is drawn as an arrow."""


def _conclusion(sheet: Sheet, verdict: Verdict) -> None:
    sheet.rule(sheet.below_in)
    heading = f"{words.rung_symbol(verdict.rung)}  {words.sentence_case(verdict.rung)}"
    sheet.say(MARGIN_IN, sheet.below_in + 0.2, heading, size_pt=10.5, bold=True)
    sheet.below_in = sheet.paragraph(verdict.sentence, top_in=sheet.below_in + 0.33) + 0.04


def _verdict_words(verdict: Verdict | None) -> str:
    return "" if verdict is None else f"Verdict: {verdict.rung}. {verdict.sentence}"


def draw_ladder(findings: Findings) -> Drawing:
    """Return where the verdict on each outcome stands among all verdicts there are."""
    sheet = Sheet(
        "Where each verdict stands", "From what cannot be said, by way of what can, to the opposite of the claim"
    )
    left, range_in = MARGIN_IN + 1.75, 1.45
    pitch = (INNER_IN - 1.75 - range_in) / len(words.RUNGS)
    for at, rung in enumerate(words.RUNGS):
        lines = wrap(rung, pitch - 0.1, SMALL_PT)
        sheet.lines(left + (at + 0.5) * pitch, sheet.below_in + (0.32 - 0.15 * len(lines)), lines, size_pt=SMALL_PT,
                    color=SOFT, align="center")  # fmt: skip
    sheet.say(
        MARGIN_IN + INNER_IN, sheet.below_in + 0.245, "range stated", size_pt=SMALL_PT, color=SOFT, align="right"
    )
    sheet.below_in += 0.4
    for verdict in findings.verdicts:
        _rung_row(sheet, verdict, left, pitch, primary=verdict.outcome == findings.primary_outcome)
    said = [
        f"{words.outcome_words(verdict.outcome)}: {verdict.rung}, {_stated(verdict)}."
        for verdict in findings.verdicts
    ]
    return sheet.finished(
        "verdict_ladder",
        alt=" ".join(["Verdict ladder from not estimable to contradicts claim.",
                      *(said or ["No verdict was given."])]),
        caption="“Supported” asks for two independent designs that agree, a placebo p under 0.05, trends that were "
                "parallel before, a change larger than the least detectable one and of one direction in ratios as "
                "in counts, and displacement looked at.",
        table=as_csv(("outcome", "rung", "low_ratio", "high_ratio"), (
            (verdict.outcome, verdict.rung, *(verdict.range_ratio or (None, None)))
            for verdict in findings.verdicts)),
    )  # fmt: skip


def _stated(verdict: Verdict) -> str:
    return "no range stated" if verdict.range_ratio is None else words.percents(verdict.range_ratio)


def _rung_row(sheet: Sheet, verdict: Verdict, left: float, pitch: float, *, primary: bool) -> None:
    sheet.rule(sheet.below_in)
    middle = sheet.below_in + 0.22
    name = shorten(words.outcome_words(verdict.outcome), 1.62, bold=primary)
    sheet.say(MARGIN_IN, middle, name, bold=primary)
    at = words.RUNGS.index(verdict.rung)
    ends = [left + 0.5 * pitch, left + (len(words.RUNGS) - 0.5) * pitch]
    sheet.page.add_line(Line2D(ends, [middle] * 2, color=LINE, linewidth=1.4, zorder=1))
    for rung in range(len(words.RUNGS)):
        here = rung == at
        sheet.page.add_line(Line2D([left + (rung + 0.5) * pitch], [middle], marker="o", linestyle="none",
                                   markersize=10 if here else 4.5, markerfacecolor=BLUE if here else PAPER,
                                   markeredgecolor=BLUE if here else GREY, markeredgewidth=1.1,
                                   zorder=2))  # fmt: skip
    sheet.say(MARGIN_IN + INNER_IN, middle, _stated(verdict).replace("no range stated", "none"),
              size_pt=SMALL_PT,
              color=TEXT if verdict.range_ratio else SOFT, align="right")  # fmt: skip
    sheet.below_in += 0.44
