"""Every figure of a study, in the order in which a reader should meet them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from workbench.designs.findings import Findings
from workbench.impact_report import words
from workbench.impact_report.drawing import Drawing
from workbench.impact_report.forest import draw_forest
from workbench.impact_report.over_time import draw_event_study, draw_series
from workbench.impact_report.places import draw_donors, draw_map
from workbench.impact_report.readiness import draw_power, draw_quality
from workbench.impact_report.robustness import draw_displacement, draw_placebos, draw_sensitivity
from workbench.impact_report.story import draw_claim_card, draw_ladder

SHARES_ONLY = (draw_event_study, draw_placebos, draw_sensitivity)
"""Figures that show nothing but percentages, left out where too few incidents came before the cameras."""


def draw_all(findings: Findings) -> tuple[Drawing, ...]:
    """Return all figures there is something to draw for: the story, what was known before, results, doubts, places.

    Names are `claim_card`, `verdict_ladder`, `data_quality`, `map`, `donors`, and, once for each outcome,
    `power-OUTCOME`, `forest-…`, `series-…`, `event_study-…`, `placebos-…`, `displacement-…`, `sensitivity-…`.
    """
    drawings = [draw_claim_card(findings), draw_ladder(findings)]
    drawings += _each(draw_power, findings, _outcomes([power for power in findings.power if power.curve]))
    drawings.append(draw_quality(findings))
    drawings += _each(draw_forest, findings, _outcomes(findings.estimates))
    drawings += _each(draw_series, findings, _outcomes(findings.series))
    drawings += _each(draw_event_study, findings, _outcomes(findings.event_studies))
    drawings += _each(draw_placebos, findings, _outcomes(findings.placebos))
    drawings += _each(draw_displacement, findings, _outcomes(findings.displacement))
    drawings += _each(draw_sensitivity, findings, _outcomes(findings.sensitivity))
    if findings.study_map.places or findings.study_map.sites:
        drawings.append(draw_map(findings))
    if any(place.donor_weight for place in findings.study_map.places):
        drawings.append(draw_donors(findings))
    return tuple(drawings)


class _OfOutcome(Protocol):
    @property
    def outcome(self) -> str: ...


def _outcomes(records: Sequence[_OfOutcome]) -> set[str]:
    return {record.outcome for record in records}


def _each(
    draw: Callable[[Findings, str], Drawing], findings: Findings, present: set[str]
) -> list[Drawing]:  # fmt: skip
    return [
        draw(findings, outcome)
        for outcome in words.outcomes_of(findings)
        if outcome in present and (draw not in SHARES_ONLY or words.percentages_stated(findings, outcome))
    ]
