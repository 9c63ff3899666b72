"""Cameras make a place treated, their neighbourhood a buffer, something else excludes it; the rest are controls."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tests.workbench.impact.small_study import city, files, polygon, site
from workbench.impact.areas import Area
from workbench.impact.counting import count_study, lay_out
from workbench.impact.roles import Roles
from workbench.impact.study_files import StudyFiles

CURFEW = "\n[[co_intervention]]\nname = 'curfew'\nstart = 2022-01-01\n"


def _roles(study: StudyFiles) -> Roles:
    return lay_out(study).roles


def _count(roles: Roles) -> dict[str, int]:
    return {role: roles.roles.count(role) for role in ("treated", "buffer", "control", "excluded")}  # type: ignore[arg-type]


def test_the_cell_a_camera_sees_most_of_is_treated_and_its_neighbours_are_buffer() -> None:
    # A circle of 150 m in a cell of 500: too little to count by share, and yet the site is not lost.
    roles = _roles(files())
    assert _count(roles) == {"treated": 1, "buffer": 4, "control": 59, "excluded": 0}
    assert [ids for ids in roles.sites_of if ids] == [("s1",)]
    assert roles.active.sum() == 12


def test_a_viewshed_treats_all_it_covers_enough_of() -> None:
    wide = site(viewshed=polygon(0, 0, 1000, 400))
    layout = lay_out(files(sites=[wide]))
    treated = np.asarray([role == "treated" for role in layout.roles.roles])
    assert sorted(map(tuple, layout.places.xy_m[treated].round().tolist())) == [(250, 250), (750, 250)]


def test_several_sites_may_cover_a_place_together() -> None:
    halves = [
        site(site_id="w", viewshed=polygon(-100, 0, 150, 500)),
        site(site_id="e", viewshed=polygon(350, 0, 600, 500)),
    ]
    layout = lay_out(files(sites=halves))
    here = int(layout.places.locate(np.asarray([[250.0, 250.0]]))[0])
    assert layout.roles.sites_of[here] == ("w", "e")


def test_a_period_counts_as_with_cameras_when_they_were_on_for_most_of_it() -> None:
    late = site(activated_on=date(2023, 3, 20), off=((date(2023, 6, 1), date(2023, 6, 20)),))
    active = _roles(files(sites=[late])).active.any(axis=0)
    months = np.arange("2021-01", "2024-01", dtype="datetime64[M]")
    assert [str(month) for month in months[active]] == [
        "2023-04", "2023-05", "2023-07", "2023-08", "2023-09", "2023-10", "2023-11", "2023-12",
    ]  # fmt: skip


def test_a_second_camera_keeps_a_place_active_while_the_first_is_off() -> None:
    first = site(off=((date(2023, 6, 1), date(2023, 7, 1)),))
    active = _roles(files(sites=[first, site(site_id="s2", activated_on=date(2023, 2, 1))])).active.any(axis=0)
    assert active.sum() == 12


def test_places_with_no_before_or_no_after_are_left_out() -> None:
    early = site(250, 250, site_id="early", activated_on=date(2020, 1, 1))
    late = site(-1750, -1750, site_id="late", activated_on=date(2025, 1, 1))
    plain = site(1750, 1750, site_id="plain")
    roles = _roles(files(sites=[early, late, plain]))
    assert (roles.always_on, roles.never_on) == (1, 1)
    # Nothing is near a camera that is not there yet: only the other two have a buffer.
    assert _count(roles) == {"treated": 1, "buffer": 4 + 2, "control": 55, "excluded": 2}


def test_a_site_that_sees_no_place_is_named() -> None:
    assert _roles(files(sites=[site(), site(50_000, 0, site_id="far")])).sites_outside == ("far",)


def test_control_polygons_near_cameras_are_buffer() -> None:
    areas = [
        Area("west", polygon(-1999, -1999, 499, 1999), "study"),
        Area("east", polygon(501, -1999, 1999, 1999), "control"),
    ]
    roles = _roles(files(areas=areas))
    assert roles.near_controls == 1
    aside = Area("aside", polygon(-1999, -1999, -1501, 1999), "excluded")
    assert _count(_roles(files(areas=[city(), aside])))["excluded"] == 8


def test_the_rings_decide_how_wide_the_buffer_is() -> None:
    assert _count(_roles(files(("[100, 200]", "[100, 700]"))))["buffer"] > 8


def test_controls_touched_by_something_else_are_none() -> None:
    square = Area("square", polygon(-1999, -1999, -1001, -1001), None)
    roles = _roles(files(("[rings]", CURFEW + "area = 'square'\n[rings]"), areas=[city(), square]))
    assert _count(roles)["excluded"] == 4
    assert (roles.touched[0].treated, roles.touched[0].others) == (0, 4)


@pytest.mark.parametrize(("sites", "kept"), [(1, True), (2, False)])
def test_treated_places_touched_by_something_else_are_left_out_unless_none_would_be_left(
    sites: int, kept: bool
) -> None:
    square = Area("square", polygon(1, 1, 499, 499), None)
    both = [site(), site(-1750, -1750, site_id="s2")][:sites]
    roles = _roles(files(("[rings]", CURFEW + "area = 'square'\n[rings]"), areas=[city(), square], sites=both))
    assert roles.treated_kept is kept
    assert _count(roles)["treated"] == 1


def test_what_touches_the_whole_city_excludes_nothing_and_what_is_over_touches_nothing() -> None:
    everywhere = _roles(files(("[rings]", CURFEW + "whole_city = true\n[rings]")))
    assert _count(everywhere)["excluded"] == 0
    assert everywhere.touched[0].others == 63
    over = CURFEW.replace("2022-01-01", "2019-01-01\nend = 2020-01-01")
    assert _roles(files(("[rings]", over + "whole_city = true\n[rings]"))).touched == ()


def test_a_study_without_one_site_has_its_places_excluded_not_compared_with() -> None:
    study = files(sites=[site(), site(-1750, -1750, site_id="s2")])
    without = count_study(study, leave_out=["s2"])
    assert without.primary.roles.count("treated") == 1
    assert without.primary.roles.count("excluded") == 1
    assert without.primary.roles.count("control") == count_study(study).primary.roles.count("control")
