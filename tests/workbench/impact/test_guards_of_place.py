"""Before any result: who is compared with whom, what lies near, and what else happened there?"""

from __future__ import annotations

from datetime import date

import pytest

from tests.workbench.impact.small_study import city, files, polygon, site
from workbench.designs.findings import Guard
from workbench.impact import guards_of_place as guards
from workbench.impact.areas import Area
from workbench.impact.counting import count_study
from workbench.impact.preflight import Look

CURFEW = "\n[[co_intervention]]\nname = 'curfew'\nstart = 2022-01-01\n"


def _look(look: Look, *changes: tuple[str, str], **study: object) -> list[Guard]:
    return look(count_study(files(*changes, **study)))  # type: ignore[arg-type]


def _curfew(where: str) -> tuple[str, str]:
    return "[rings]", CURFEW + where + "\n[rings]"


@pytest.mark.parametrize(
    ("radius_m", "name", "severity"),
    [("200", "controls", "notes"), ("2100", "few_controls", "warns"), ("9000", "no_controls", "blocks")],
)
def test_without_controls_nothing_stands_for_what_would_have_been(radius_m: str, name: str, severity: str) -> None:
    (found,) = _look(guards.controls, ("[100, 200]", f"[100, {radius_m}]"))
    assert (found.name, found.severity) == (name, severity)


def test_sites_that_cannot_count_are_named() -> None:
    assert _look(guards.treated_places) == []
    early = site(-750, -750, site_id="early", activated_on=date(2020, 1, 1))
    late = site(-1750, -1750, site_id="late", activated_on=date(2025, 1, 1))
    far = site(90_000, 0, site_id="far")
    names = [guard.name for guard in _look(guards.treated_places, sites=[site(), early, late, far])]
    assert names == ["sites_outside", "always_on", "never_on"]
    blocking = _look(guards.treated_places, sites=[late])
    assert (blocking[0].name, blocking[0].severity) == ("no_treated", "blocks")


def test_the_buffer_is_out_of_the_controls() -> None:
    (found,) = _look(guards.buffers)
    assert (found.name, found.severity) == ("buffer", "notes")
    assert "4 places within 200 m" in found.says


def test_a_control_drawn_over_the_buffer_blocks() -> None:
    areas = [
        Area("near", polygon(-1999, -1999, 499, 1999), "buffer"),
        Area("far", polygon(1, -1999, 1999, 1999), "control"),
    ]
    (found,) = _look(guards.buffers, areas=areas)
    assert (found.name, found.severity) == ("buffer_in_controls", "blocks")
    assert "Polygon 'near' overlaps the control 'far' by 25%" in found.says


def test_control_polygons_near_cameras_are_said_to_be_buffer() -> None:
    areas = [
        Area("west", polygon(-1999, -1999, 499, 1999), "study"),
        Area("east", polygon(501, -1999, 1999, 1999), "control"),
    ]
    (found,) = _look(guards.buffers, areas=areas)
    assert "1 of them lie in control polygons" in found.says


@pytest.mark.parametrize(
    ("where", "sites", "severity"),
    [
        ("whole_city = true", 1, "warns"),
        ("area = 'square'", 1, "blocks"),
        ("area = 'square'", 2, "warns"),
        ("area = 'elsewhere'", 1, "notes"),
        ("role = 'treated'", 1, "blocks"),
        ("role = 'treated'\nend = 2022-02-01", 1, "blocks"),
    ],
)
def test_what_else_touched_the_places_with_cameras_warns_or_blocks(where: str, sites: int, severity: str) -> None:
    areas = [
        city(),
        Area("square", polygon(1, 1, 499, 499), None),
        Area("elsewhere", polygon(-1999, -1999, -1501, 0), None),
    ]
    both = [site(), site(1750, 1750, site_id="s2")][:sites]
    (found,) = _look(guards.co_interventions, _curfew(where), areas=areas, sites=both)
    assert (found.name, found.severity) == ("co_intervention", severity)
    assert "'curfew'" in found.says


def test_something_before_the_study_is_no_co_intervention() -> None:
    over = ("2022-01-01", "2019-01-01\nend = 2020-01-01")
    assert _look(guards.co_interventions, _curfew("whole_city = true"), over) == []


def test_controls_of_another_size_must_be_scaled() -> None:
    (many,) = _look(guards.scale_of_controls)
    assert (many.name, many.severity, many.outcome) == ("unscaled_controls", "notes", "robbery")
    assert "controls had 1416 incidents, places with cameras 24: a ratio of 59.0" in many.says
    rest = [
        Area("west", polygon(-1999, 1, -1501, 499), "study"),
        Area("rest", polygon(1, -999, 1999, 499), "control"),
    ]
    by_area = ("[study]", '[study]\nplace = "area"')
    (few,) = _look(guards.scale_of_controls, by_area, areas=rest, sites=[site(-1750, 250)])
    assert (few.name, few.severity) == ("unscaled_controls", "warns")
    assert "a ratio of 12.0" in few.says
    areas = [
        Area("west", polygon(-1999, 1, -1501, 499), "study"), Area("east", polygon(1501, 1, 1999, 499), "control"),
    ]  # fmt: skip
    assert _look(guards.scale_of_controls, areas=areas, sites=[site(-1750, 250)]) == []


def test_places_nobody_lives_in_are_said_to_be_left_out() -> None:
    named = ('file = "areas.geojson"', 'file = "areas.geojson"\nexposure = "people"')
    half = Area("west", polygon(-2000, -2000, 10, 2000), None, 500.0)
    (found,) = _look(guards.unknown_places, named, areas=[city(), half])
    assert "24 of 64 places" in found.says
    assert _look(guards.unknown_places) == []


def test_cameras_nobody_watches_are_named() -> None:
    assert _look(guards.monitoring) == []
    found = _look(guards.monitoring, sites=[site(monitored=False), site(600, 600, site_id="s2", monitored=None)])
    assert [(guard.name, guard.severity) for guard in found] == [
        ("not_monitored", "warns"), ("monitoring_unknown", "notes"),
    ]  # fmt: skip
