"""Before any result: is there time enough, are seasons whole, did something happen, when were places chosen?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tests.workbench.impact.small_study import even_incidents, files, site
from workbench.designs.findings import Guard
from workbench.impact import guards_of_time as guards
from workbench.impact.counting import count_study
from workbench.impact.preflight import Look

START, END = "start = 2021-01-01", "end = 2024-01-01"


def _look(look: Look, *changes: tuple[str, str], **study: object) -> list[Guard]:
    return look(count_study(files(*changes, **study)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("activated_on", "severity"),
    [
        (date(2021, 3, 1), "blocks"),
        (date(2023, 11, 1), "blocks"),
        (date(2021, 5, 1), "warns"),
        (date(2022, 1, 1), "notes"),
    ],
)
def test_few_periods_on_either_side_warn_and_fewer_block(activated_on: date, severity: str) -> None:
    found = _look(guards.length_of_windows, sites=[site(activated_on=activated_on)])
    assert [(guard.name, guard.severity) for guard in found] == [("few_periods", severity)]


@pytest.mark.parametrize(
    ("activated_on", "severity", "says"),
    [
        (date(2023, 1, 1), "notes", "1 whole year(s)"),
        (date(2023, 6, 1), "warns", "Two years before allow a season to be fitted"),
        (date(2021, 8, 1), "blocks", "No season can be fitted"),
    ],
)
def test_windows_are_whole_years_or_allow_a_season_to_be_fitted(
    activated_on: date, severity: str, says: str
) -> None:
    (found,) = _look(guards.whole_years, sites=[site(activated_on=activated_on)])
    assert found.severity == severity
    assert says in found.says


def test_places_chosen_by_lot_need_no_window() -> None:
    assert _look(guards.chosen_on_counts) == []


def test_places_chosen_on_counts_must_not_be_compared_with_that_window() -> None:
    hot = site(chosen_by="counts", chosen_on=(date(2022, 1, 1), date(2022, 12, 1)))
    (found,) = _look(guards.chosen_on_counts, sites=[hot])
    assert (found.name, found.severity) == ("selection_window", "warns")
    assert "1 of 1 sites were chosen on incidents from 2022-01-01 until 2022-12-01" in found.says
    assert "11 months before activation are in that window; 13 are left" in found.says
    assert "2022-01-01 until 2022-12-01 is left out" in found.do


def test_the_window_of_a_place_that_came_later_is_dropped_too() -> None:
    first = site(-750, -750, site_id="first", activated_on=date(2021, 7, 1))
    later = site(chosen_by="counts", chosen_on=(date(2022, 1, 1), date(2023, 1, 1)))
    (found,) = _look(guards.chosen_on_counts, sites=[first, later])
    # The first place has six months before; the later one twelve outside its window.
    assert "12 months before activation are in that window; 6 are left" in found.says


def test_nothing_is_known_when_the_window_is_all_there_is_before() -> None:
    hot = site(chosen_by="counts", chosen_on=(date(2020, 1, 1), date(2022, 12, 1)))
    (found,) = _look(guards.chosen_on_counts, sites=[hot])
    assert (found.name, found.severity) == ("selection_window", "blocks")


def test_a_choice_on_counts_without_its_days_blocks() -> None:
    (found,) = _look(guards.chosen_on_counts, sites=[site(chosen_by="counts")])
    assert (found.name, found.severity) == ("selection_window", "blocks")
    assert "chosen_on_from" in found.do


def test_a_reason_that_speaks_of_crime_is_a_choice_on_counts() -> None:
    found = _look(guards.chosen_on_counts, sites=[site(chosen_by=None, reason="High crime corner")])
    assert "blocks" in {guard.severity for guard in found}
    other = _look(guards.chosen_on_counts, sites=[site(chosen_by="other", reason="Crime lab has power there")])
    assert other == []


def test_a_choice_nobody_explains_warns() -> None:
    (found,) = _look(guards.chosen_on_counts, sites=[site(chosen_by=None)])
    assert (found.name, found.severity) == ("selection_unknown", "warns")


def test_a_shock_within_the_study_is_named_with_its_source_and_side() -> None:
    found = _look(guards.shocks, (START, "start = 2020-01-01"), incidents=even_incidents(1, "2020-01"))
    assert [guard.name for guard in found] == ["shock", "shock", "reporting_change"]
    assert "COVID-19, from 2020-03-13, before the first camera" in found[0].says
    assert "MMWR" in found[0].says
    during = _look(guards.shocks, (START, "start = 2020-01-01"), sites=[site(activated_on=date(2020, 4, 10))])
    assert "both before and after the first camera" in during[0].says


def test_without_a_shock_nothing_is_said() -> None:
    assert _look(guards.shocks, (START, "start = 2021-02-01"), (END, "end = 2024-02-01")) == []


def test_every_known_shock_has_a_source_and_days_in_order() -> None:
    for shock in guards.KNOWN_SHOCKS:
        assert shock.source
        assert shock.start < shock.end


def test_days_without_pictures_are_counted() -> None:
    off = site(off=((date(2023, 6, 1), date(2023, 7, 1)),))
    (found,) = _look(guards.cameras_off, sites=[off, site(600, 600, site_id="s2")])
    assert found.severity == "warns"
    assert "1 sites were off for 4.1% of all days after activation: s1" in found.says
    assert _look(guards.cameras_off) == []


def test_a_month_without_any_record_blocks() -> None:
    incidents = even_incidents(1)
    gap = incidents.start_at.astype("datetime64[M]") == np.datetime64("2022-05")
    (found,) = _look(guards.missing_periods, incidents=incidents.of(~gap))
    assert (found.name, found.severity) == ("missing_periods", "blocks")
    assert "1 of 36 months have no incident at all: 2022-05-01" in found.says
    assert _look(guards.missing_periods) == []
