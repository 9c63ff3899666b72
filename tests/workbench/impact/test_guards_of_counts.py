"""Before any result: are there enough incidents, were they reported or looked for, and how do counts scatter?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.impact.small_study import even_incidents, files, incidents_at
from workbench.designs.findings import Guard
from workbench.impact import guards_of_counts as guards
from workbench.impact.counting import count_study
from workbench.impact.preflight import Look

ARSON = '[[outcome]]\nname = "arson"\ntypes = ["arson"]\n[sites]'


def _look(look: Look, *changes: tuple[str, str], **study: object) -> list[Guard]:
    return look(count_study(files(*changes, **study)))  # type: ignore[arg-type]


def test_the_primary_outcome_is_named_and_the_others_are_corrected() -> None:
    (found,) = _look(guards.primary_outcome, ("[sites]", ARSON))
    assert found.outcome == "robbery"
    assert "p values of arson are corrected after Holm" in found.says


def test_percentages_of_few_incidents_are_suppressed() -> None:
    assert _look(guards.few_incidents) == []
    (few,) = _look(guards.few_incidents, incidents=even_incidents(1))
    assert (few.name, few.severity) == ("few_incidents", "warns")
    assert "12 incidents in the 12 periods before" in few.says
    assert "no percentage is stated" in few.do


def test_nothing_can_fall_from_nothing() -> None:
    elsewhere = incidents_at(np.asarray([[-1750.0, -1750.0]]), ["2021-06-01"])
    found = _look(guards.few_incidents, ("[sites]", ARSON), incidents=elsewhere)
    assert [(guard.outcome, guard.severity) for guard in found] == [("robbery", "blocks"), ("arson", "warns")]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.05, 0), (0.5, 1)])
def test_incidents_police_looked_for_warn_when_they_are_many(share: float, expected: int) -> None:
    incidents = even_incidents(1)
    looked_for = np.arange(len(incidents)) < share * len(incidents)
    found = _look(guards.looked_for, incidents=replace(incidents, proactive=looked_for))
    assert [guard.name for guard in found] == ["proactive"] * expected


def test_an_outcome_said_to_be_looked_for_warns_even_if_records_do_not_tell() -> None:
    unknown = replace(even_incidents(1), origin_known=False)
    (found,) = _look(guards.looked_for, ("primary = true", "primary = true\nproactive = true"), incidents=unknown)
    assert "mostly found by police" in found.says


def test_the_scatter_of_counts_is_said_of_every_outcome() -> None:
    (found,) = _look(guards.overdispersion)
    assert (found.severity, found.outcome) == ("notes", "robbery")
    assert "0.00 times" in found.says


def test_counts_of_a_poisson_scatter_once_and_of_mixed_rates_more() -> None:
    rng = np.random.default_rng(8)
    level = rng.gamma(1.0, 5.0, (200, 1)) * rng.uniform(0.5, 1.5, (1, 36))
    assert guards.dispersion(rng.poisson(level).astype(float)) == pytest.approx(1.0, abs=0.06)
    # Negative binomial of size 4: variance = mean + mean² / 4, weighted by 1 / mean gives 1 + mean / 4.
    even = np.full((200, 36), 8.0)
    mixed = rng.poisson(even * rng.gamma(4.0, 0.25, even.shape)).astype(float)
    assert guards.dispersion(mixed) == pytest.approx(3.0, abs=0.2)
    assert guards.dispersion(np.zeros((5, 5))) is None


@pytest.mark.parametrize(("poor", "severity"), [(0.1, "notes"), (0.5, "warns")])
def test_places_known_coarsely_warn_when_they_are_many(poor: float, severity: str) -> None:
    incidents = even_incidents(1)
    coarse = np.arange(len(incidents)) < poor * len(incidents)
    (found,) = _look(guards.known_places, incidents=replace(incidents, poor_geocode=coarse))
    assert (found.name, found.severity) == ("geocode", severity)


def test_places_found_nobody_knows_how_warn() -> None:
    (found,) = _look(guards.known_places, incidents=replace(even_incidents(1), geocode_known=False))
    assert (found.name, found.severity) == ("geocode", "warns")


@pytest.mark.parametrize(("days", "severity"), [(0, "notes"), (9, "warns")])
def test_times_known_inexactly_warn_when_they_are_many(days: int, severity: str) -> None:
    incidents = even_incidents(1)
    inexact = replace(incidents, end_at=incidents.start_at + np.timedelta64(days, "D"))
    (found,) = _look(guards.known_times, incidents=inexact)
    assert (found.name, found.severity) == ("inexact_times", severity)


@pytest.mark.parametrize(("lost", "severity"), [(10, "notes"), (1000, "warns")])
def test_every_row_left_out_has_its_reason_said(lost: int, severity: str) -> None:
    (found,) = _look(guards.left_out, left_out=(("no time can be read", lost),))
    assert found.severity == severity
    assert f"{lost} no time can be read" in found.says
