"""What may be said: one of five rungs, with the reasons and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.designs.differences_study import CHANGE_IN_COUNTS
from workbench.designs.estimates import Design, Estimate
from workbench.designs.findings import Claim, Displacement, EventStudy, Guard, Placebos, Power, Verdict

Family = Literal["comparison areas", "synthetic control", "the places' own past"]

FAMILIES: Mapping[Design, Family] = {
    "areas": "comparison areas",
    "differences": "comparison areas",
    "synthetic": "synthetic control",
    "series": "the places' own past",
    "structural": "the places' own past",
}
"""Designs of one family lean on the same thing, so that their agreement proves nothing new."""

PREFERRED = (
    "poisson_etwfe", "imputation", "callaway_santanna", "sun_abraham", "differences", "comparative_series",
    "relative_effect", "weighted_displacement", "calibration_synthetic_control",
    "synthetic_difference_in_differences", "synthetic_control", "interrupted_series", "structural",
)  # fmt: skip
"""Which method speaks for its family: the first that answered and passed its checks."""

PLACEBO_P = 0.05
PRETREND_P = 0.05
"""Below this the places with and without cameras are taken to have moved apart before."""

NEEDED_FAMILIES = 2

UNSETTLED = ("selection_unknown", "missing_periods", "cameras_off", "geocoding_change")
"""Guards that, while they warn, leave a doubt no design removes: the verdict stays below *supported*."""

BLIND_TO_SHOCKS: tuple[Design, ...] = ("series", "structural")
"""Designs that know nothing but the places' own past, and so take what happens to the whole city for the cameras'
doing: where a shock is known or found they do not speak."""


@dataclass(frozen=True)
class Evidence:
    """Everything a verdict about one outcome rests on."""

    outcome: str
    claim: Claim
    guards: Sequence[Guard]
    power: Power | None
    estimates: Sequence[Estimate]
    event_studies: Sequence[EventStudy]
    placebos: Sequence[Placebos]
    displacement: Displacement | None
    corrected_p: Mapping[str, float]
    """p of each method after Holm, where the outcome is not the primary one; empty for the primary."""


def verdict(evidence: Evidence) -> Verdict:
    """Return the highest rung that everything found allows.

    *Not estimable*: a guard blocks, or nothing stands for what would have been. *Contradicts claim*: two
    independent designs exclude the claimed change, and one as large as claimed would have been found. *Supported*:
    two independent designs agree, every placebo p < .05, pre-trends pass, the change is larger than the least
    detectable and goes one way in ratios as in counts, and displacement was examined. *Suggestive*: some design
    excludes no change, none the other way. Else *consistent with no effect*.
    """
    blocks = [guard for guard in evidence.guards if guard.severity == "blocks"]
    speakers = _speakers(evidence)
    if blocks or not speakers:
        return _not_estimable(evidence, blocks)
    low, high = _union(speakers)
    found = {family: _direction(one, evidence.corrected_p) for family, one in speakers.items()}
    contradiction = _contradiction(evidence, speakers)
    if contradiction is not None:
        return contradiction
    directions = {way for way in found.values() if way != 0}
    if len(directions) != 1:
        return _no_effect(evidence, speakers, low, high, disagree=len(directions) > 1)
    missing = tuple(_missing(evidence, speakers, found))
    return _some_effect(evidence, speakers, missing, low, high)


def _speakers(evidence: Evidence) -> Mapping[Family, Estimate]:
    """Return, for each family, the estimate that speaks for it."""
    rank = {method: place for place, method in enumerate(PREFERRED)}
    chosen: dict[Family, Estimate] = {}
    for one in sorted(
        credible(evidence.estimates, evidence.guards), key=lambda one: rank.get(one.method, len(rank))
    ):
        chosen.setdefault(FAMILIES[one.design], one)
    return chosen


def credible(estimates: Sequence[Estimate], guards: Sequence[Guard]) -> list[Estimate]:
    """Return the estimates a verdict may lean on: they answered, passed everything they looked at themselves, and
    are not of a kind that something warned of in `guards` makes blind."""
    shocked = any(guard.name == "shock" and guard.severity == "warns" for guard in guards)
    return [
        one for one in estimates
        if one.causal and one.change_ratio is not None and one.change_interval is not None
        and all(check.passed for check in one.checks) and not (shocked and one.design in BLIND_TO_SHOCKS)
    ]  # fmt: skip


def _interval(one: Estimate) -> tuple[float, float]:
    assert one.change_interval is not None
    return one.change_interval


def _union(speakers: Mapping[Family, Estimate]) -> tuple[float, float]:
    intervals = [_interval(one) for one in speakers.values()]
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def _direction(one: Estimate, corrected_p: Mapping[str, float]) -> int:
    """Return −1 for a fall, 1 for a rise, 0 where no change at all is not excluded."""
    low, high = _interval(one)
    if low <= 0 <= high or corrected_p.get(one.method, 0.0) > 1 - one.level:
        return 0
    return -1 if high < 0 else 1


def _contradiction(evidence: Evidence, speakers: Mapping[Family, Estimate]) -> Verdict | None:
    claimed = evidence.claim.change_ratio
    if claimed is None or len(speakers) < NEEDED_FAMILIES:
        return None
    if any(low <= claimed <= high for low, high in map(_interval, speakers.values())):
        return None
    low, high = _union(speakers)
    # A fall smaller than claimed on every count, or a rise: the claim lies outside, on one side of everything.
    if not (claimed < low or claimed > high):
        return None
    least = None if evidence.power is None else evidence.power.least_detectable_ratio
    if least is None or (claimed < 0 and claimed > least):
        return None
    words = (
        f"A change of {percent(claimed)} is claimed. {len(speakers)} independent ways of working out what would "
        f"have happened without cameras put it between {percent(low)} and {percent(high)}, and a change as large "
        "as claimed would have been seen."
    )
    reasons = tuple(f"{family}: {_said(one)}." for family, one in speakers.items())
    change = (
        "Incidents or sites that this study does not have.",
        "A reason why the claim is about other places or another span.",
    )
    return Verdict(evidence.outcome, "contradicts claim", words, (low, high), reasons, change)


def _not_estimable(evidence: Evidence, blocks: Sequence[Guard]) -> Verdict:
    reasons = [guard.says for guard in blocks]
    change = [guard.do for guard in blocks if guard.do]
    tried = [one for one in evidence.estimates if one.design != "none"]
    if not tried:
        reasons.append(
            "Nothing stands for what would have happened without cameras; before and after alone says nothing."
        )
    if not blocks:
        reasons += [f"{_name(one.method).capitalize()}: {one.refused or _failed(one)}" for one in tried]
        change.append("Comparable places without cameras, or a longer past of the same places.")
    words = (
        f"Whether the cameras changed {evidence.outcome} cannot be known from these data: there is no credible "
        "picture of what would have happened without them."
    )
    if any(guard.name == "regression_to_mean" for guard in blocks):
        words += " Places chosen because they had just been bad get better by themselves: regression to the mean."
    return Verdict(evidence.outcome, "not estimable", words, None, tuple(reasons), tuple(change))


def _no_effect(
    evidence: Evidence, speakers: Mapping[Family, Estimate], low: float, high: float, *, disagree: bool
) -> Verdict:
    words = (
        f"The data fit cameras that changed nothing about {evidence.outcome}, and they fit every change between "
        f"{percent(low)} and {percent(high)}."
    )
    reasons = [f"{family}: {_said(one)}." for family, one in speakers.items()]
    if disagree:
        reasons.insert(
            0, "The designs disagree on the direction, so that no one of them can be believed by itself."
        )
    least = None if evidence.power is None else evidence.power.least_detectable_ratio
    change = ["A longer time with cameras, or more places with them: the range would be narrower."]
    if least is not None:
        reasons.append(f"A fall smaller than {percent(least)} would probably not have been seen.")
    return Verdict(evidence.outcome, "consistent with no effect", words, (low, high), tuple(reasons), tuple(change))


def _missing(
    evidence: Evidence, speakers: Mapping[Family, Estimate], found: Mapping[Family, int]
) -> Iterator[tuple[str, str]]:
    """Yield (what keeps the verdict from *supported*, what would change that)."""
    agreeing = [family for family, way in found.items() if way != 0]
    if len(agreeing) < NEEDED_FAMILIES:
        yield (
            f"Only {' and '.join(agreeing)} shows a change; {NEEDED_FAMILIES} independent designs must agree.",
            "A second independent design that agrees.",
        )
    for guard in evidence.guards:
        if guard.name in UNSETTLED and guard.severity == "warns":
            yield guard.says, guard.do
    yield from _turned_round(evidence, max(found.values(), key=abs))
    believed = {one.method for one in credible(evidence.estimates, evidence.guards)}
    placebos = [one for one in evidence.placebos if one.method in believed]
    if not placebos:
        yield "No placebo was run.", "Placebos in space or time: run the study with some."
    weak = [one for one in placebos if one.p_value >= max(PLACEBO_P, least_p(len(one.draws_ratio)))]
    for one in weak:
        yield (
            f"Places or times without cameras show changes as large (placebo {one.kind}, {_name(one.method)}: "
            f"p = {one.p_value:.2f}).",
            "More places without cameras to compare with, or a larger change.",
        )
    yield from _pretrends(evidence)
    effects = sorted(one.change_ratio for one in speakers.values() if one.change_ratio is not None)
    least = None if evidence.power is None else evidence.power.least_detectable_ratio
    smallest = min(effects, key=abs)
    if least is None or abs(smallest) <= abs(least):
        shown = "nothing" if least is None else percent(least)
        yield (
            f"The change ({percent(smallest)}) is not larger than the least that this study can tell from chance "
            f"({shown}).",
            "More incidents: a longer time, or more places with cameras.",
        )
    if evidence.displacement is None or not evidence.displacement.rings:
        yield (
            "Whether crime moved nearby was not examined.",
            "Rings around the sites, so that displacement can be looked at.",
        )


def _turned_round(evidence: Evidence, way: int) -> Iterator[tuple[str, str]]:
    """Yield that the change goes the other way if places change by the same number and not by the same share."""
    told = (check for one in evidence.estimates for check in one.checks if check.name == CHANGE_IN_COUNTS)
    other = next((check for check in told if check.found * way < 0), None)
    if other is not None:
        yield (
            f"It is a {'fall' if way < 0 else 'rise'} only if places change by the same share. {other.says} "
            "Nothing here tells which of the two holds.",
            "Places to compare with that are as busy as those with cameras, or a time in which the city changed "
            "less.",
        )


def least_p(draws: int) -> float:
    """Return the p, just above, that a change larger than each of so many placebos has: few cannot reach .05."""
    return 1 / (draws + 1) + 1e-9


def _pretrends(evidence: Evidence) -> Iterator[tuple[str, str]]:
    tested = [one for one in evidence.event_studies if one.pretrend_p is not None]
    if not tested:
        yield (
            "Whether the places moved alike before the cameras could not be tested.",
            "More periods before the cameras.",
        )
    for one in tested:
        if one.pretrend_p is not None and one.pretrend_p < PRETREND_P:
            yield (
                f"The places with cameras moved differently before they had them ({_name(one.method)}: "
                f"p = {one.pretrend_p:.3f}).",
                "Places to compare with that moved alike before.",
            )


def _some_effect(
    evidence: Evidence,
    speakers: Mapping[Family, Estimate],
    missing: Sequence[tuple[str, str]],
    low: float,
    high: float,
) -> Verdict:
    middle = sorted(one.change_ratio for one in speakers.values() if one.change_ratio is not None)
    way = "fell" if middle[len(middle) // 2] < 0 else "rose"
    between = f"between {percent(low)} and {percent(high)}"
    if missing:
        words = (
            f"There are signs that {evidence.outcome} {way} because of the cameras ({between}), but they do not "
            "hold against everything that could mislead."
        )
        reasons, change = tuple(why for why, _ in missing), tuple(what for _, what in missing)
        return Verdict(evidence.outcome, "suggestive", words, (low, high), reasons, tuple(dict.fromkeys(change)))
    words = (
        f"{evidence.outcome.capitalize()} {way} because of the cameras: {between} against what would have happened "
        f"without them, by {len(speakers)} independent ways of working that out."
    )
    reasons = tuple(f"{family}: {_said(one)}." for family, one in speakers.items())
    change = (
        "Another explanation that came at the same time and in the same places, which no design here can see.",
    )
    return Verdict(evidence.outcome, "supported", words, (low, high), reasons, change)


def _said(one: Estimate) -> str:
    low, high = _interval(one)
    assert one.change_ratio is not None
    return f"{percent(one.change_ratio)} ({percent(low)} to {percent(high)}, {_name(one.method)})"


def _name(method: str) -> str:
    """Return what a method is called in a sentence."""
    return method.replace("_", " ")


def _failed(one: Estimate) -> str:
    failed = [check.says for check in one.checks if not check.passed]
    return failed[0] if failed else "it gives no interval."


def percent(ratio: float) -> str:
    """Return a share as people read it: `−12 %`, `+3 %`, `0 %`; one digit after the point below 10 %."""
    digits = 0 if abs(ratio) >= 0.0995 else 1
    text = f"{abs(100 * ratio):.{digits}f}"
    if float(text) == 0:
        return "0 %"
    return f"{'−' if ratio < 0 else '+'}{text} %"
