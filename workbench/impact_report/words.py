"""How figures and names of a study read: percentages, counts, intervals, p values, guards and rungs."""

from __future__ import annotations

import math
import re
from typing import get_args

from workbench.designs.estimates import PERCENT_FLOOR, Design
from workbench.designs.findings import Findings, Rung, Severity, Verdict

NBSP = "\u00a0"
"""Keeps a number and its unit on one line."""

NOT_STATED = "not stated"

RUNGS: tuple[Rung, ...] = get_args(Rung)
"""The verdict ladder, lowest first."""

RUNG_SYMBOLS: tuple[str, ...] = ("○", "◔", "◑", "●", "✕")
"""One a rung, so that a rung is told by its shape too."""

SEVERITY_SYMBOLS: dict[Severity, str] = {"blocks": "✕", "warns": "▲", "notes": "✓"}
SEVERITY_WORDS: dict[Severity, str] = {"blocks": "Blocks", "warns": "Warning", "notes": "Noted"}

DESIGN_WORDS: dict[Design, str] = {
    # completes "what would have been, from …"
    "none": "nothing: not causal",
    "areas": "one comparison area",
    "series": "the places’ own past",
    "differences": "trends of other places",
    "synthetic": "a weighting of other places",
    "structural": "a model of past and others",
}


def percent(share: float | None, decimals: int | None = None, *, signed: bool = True) -> str:
    """Return a share as a percentage, e.g. `−18.3 %`; without `decimals`, one where it says something."""
    if share is None or math.isnan(share):
        return NOT_STATED
    if math.isinf(share):
        return "+∞" if share > 0 else "−∞"
    places = decimals if decimals is not None else 0 if abs(share) >= 10 else 1
    words = f"{round(abs(share) * 100, places):,.{places}f}"
    if decimals is None:
        words = words.removesuffix(".0")
    return f"{_sign(share, words, signed)}{words}{NBSP}%"


def _sign(value: float, words: str, signed: bool) -> str:
    if float(words.replace(",", "")) == 0:
        return ""
    return "−" if value < 0 else "+" if signed else ""


def percents(interval: tuple[float | None, float | None] | None) -> str:
    """Return an interval of shares, e.g. `−30.1 % to +4.2 %`."""
    return NOT_STATED if interval is None else f"{percent(interval[0])} to {percent(interval[1])}"


def count(value: float | None, *, signed: bool = False) -> str:
    """Return a number of incidents; fractions only where there are any."""
    if value is None or math.isnan(value):
        return NOT_STATED
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    words = f"{round(abs(value), 1):,.1f}".removesuffix(".0")
    return f"{_sign(value, words, signed)}{words}"


def counts(interval: tuple[float | None, float | None] | None) -> str:
    """Return an interval of numbers of incidents more or fewer."""
    if interval is None:
        return NOT_STATED
    return f"{count(interval[0], signed=True)} to {count(interval[1], signed=True)}"


def p_words(p_value: float | None) -> str:
    """Return a p value as journals print it."""
    if p_value is None or math.isnan(p_value):
        return "–"
    return f"<{NBSP}0.001" if p_value < 0.001 else f"{p_value:.3f}" if p_value < 0.0995 else f"{p_value:.2f}"


def p_clause(p_value: float | None) -> str:
    """Return `p = 0.031` or `p < 0.001`, to stand in a sentence."""
    words = p_words(p_value)
    return f"p{NBSP}{words}" if words.startswith("<") else f"p{NBSP}={NBSP}{words}"


def several(number: int, noun: str) -> str:
    """Return a number with its noun, e.g. `1 place`, `12 places`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentence_case(words: str) -> str:
    """Return the words with a capital first letter, the rest as it stands."""
    return words[:1].upper() + words[1:]


def outcome_words(outcome: str) -> str:
    """Return an outcome's name as it reads in a heading."""
    return sentence_case(outcome.replace("_", " ").strip()) or "Outcome"


def slug(words: str) -> str:
    """Return the words as they may stand in a file name or an id: at most 48 lower case letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower())[:48].strip("_") or "x"


def outcomes_of(findings: Findings) -> tuple[str, ...]:
    """Return the outcomes, the primary one first."""
    others = tuple(outcome for outcome in findings.outcomes if outcome != findings.primary_outcome)
    return (findings.primary_outcome, *others)


def figure_name(kind: str, findings: Findings, outcome: str) -> str:
    """Return what the figure of one kind and outcome is called, e.g. `forest-street_robbery`; no two alike."""
    slugs = [slug(one) for one in outcomes_of(findings)]
    at = outcomes_of(findings).index(outcome)
    name = f"{kind}-{slugs[at]}"
    return name if slugs.count(slugs[at]) == 1 else f"{name}_{at + 1}"


def rung_symbol(rung: Rung) -> str:
    """Return the sign that stands beside a rung's name."""
    return RUNG_SYMBOLS[RUNGS.index(rung)]


def percentages_stated(findings: Findings, outcome: str) -> bool:
    """Return whether there were enough incidents before the cameras for a percentage to mean anything."""
    befores = [power.baseline_count for power in findings.power if power.outcome == outcome]
    return not befores or max(befores) >= PERCENT_FLOOR


def baseline_count(findings: Findings, outcome: str) -> float | None:
    """Return the incidents in the treated places before, over a span as long as that after."""
    befores = [power.baseline_count for power in findings.power if power.outcome == outcome]
    return max(befores) if befores else None


def verdict_on(findings: Findings, outcome: str) -> Verdict | None:
    """Return what may be said about one outcome."""
    return next((verdict for verdict in findings.verdicts if verdict.outcome == outcome), None)


def least_detectable(findings: Findings, outcome: str) -> float | None:
    """Return the smallest fall the most sensitive method would find, share; None when there is none."""
    found = [power.least_detectable_ratio for power in findings.power if power.outcome == outcome]
    return max((ratio for ratio in found if ratio is not None), default=None)
