"""A made city is the same for the same seed, and what is planted in it is what can be found."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.impact.incidents import Incidents
from workbench.impact.made_city import (
    CENTRE,
    MADE_TYPES,
    SIDE_M,
    MadeCity,
    choose_cells,
    displace,
    make_incidents,
    midnight_at,
    thin,
)

CITY = MadeCity(start=date(2020, 1, 1), end=date(2023, 1, 1), incidents_per_year=4000)


@lru_cache
def _incidents() -> Incidents:
    return make_incidents(CITY, 11)


def test_the_same_seed_makes_the_same_city_and_another_makes_another() -> None:
    again, other = make_incidents(CITY, 11), make_incidents(CITY, 12)
    assert np.array_equal(again.lon_deg, _incidents().lon_deg)
    assert np.array_equal(again.start_at, _incidents().start_at)
    assert not np.array_equal(other.lon_deg[:100], _incidents().lon_deg[:100])


def test_there_are_as_many_as_asked_falling_by_the_trend() -> None:
    years = _incidents().start_at.astype("datetime64[Y]").astype(int) + 1970
    counts = np.bincount(years)[2020:2023]
    assert counts == pytest.approx([4000, 3880, 3764], rel=0.06)


def test_all_lie_in_the_city_and_within_its_days() -> None:
    incidents = _incidents()
    xy_m = CENTRE.to_m(incidents.lon_deg, incidents.lat_deg)
    assert np.abs(xy_m).max() <= SIDE_M / 2 + 1
    assert (incidents.end_at >= midnight_at(CITY.start)).all()
    assert (incidents.start_at < midnight_at(CITY.end)).all()
    assert len(set(incidents.incident_ids)) == len(incidents)


def test_summers_are_higher_than_winters() -> None:
    months = _incidents().start_at.astype("datetime64[M]").astype(int) % 12
    counts = np.bincount(months, minlength=12)
    assert counts[5:8].sum() > 1.2 * counts[[11, 0, 1]].sum()


def test_most_incidents_fall_on_few_blocks() -> None:
    xy_m = CENTRE.to_m(_incidents().lon_deg, _incidents().lat_deg)
    _, counts = np.unique(np.floor(xy_m / 125.0), axis=0, return_counts=True)
    top = np.sort(counts)[::-1][: 64 * 64 // 20]
    # A twentieth of the blocks has more than a third of all incidents: Weisburd (2015), Criminology 53: 133.
    assert top.sum() > len(_incidents()) / 3


def test_incidents_repeat_nearby_soon() -> None:
    plain = make_incidents(MadeCity(CITY.start, CITY.end, 4000, repeat_ratio=0.0), 11)
    assert _near_pairs(_incidents()) > 1.15 * _near_pairs(plain)


def _near_pairs(incidents: Incidents) -> float:
    """Return the pairs within 200 m and 14 days over those within 200 m."""
    from scipy.spatial import cKDTree

    xy_m = CENTRE.to_m(incidents.lon_deg, incidents.lat_deg)
    pairs = cKDTree(xy_m).query_pairs(200.0, output_type="ndarray")
    apart = np.abs(incidents.start_at[pairs[:, 0]] - incidents.start_at[pairs[:, 1]])
    return float((apart < np.timedelta64(14, "D")).mean())


def test_types_differ_in_how_they_come_up_and_how_well_their_time_is_known() -> None:
    incidents = _incidents()
    assert set(incidents.types) == {one.name for one in MADE_TYPES}
    assert incidents.proactive[incidents.of_types(("drug offence",))].mean() > 0.8
    assert incidents.proactive[incidents.of_types(("burglary",))].sum() == 0
    known = incidents.start_at == incidents.end_at
    assert known[incidents.of_types(("robbery",))].mean() > 0.9
    assert known[incidents.of_types(("burglary",))].mean() < 0.4
    assert 0.01 < incidents.poor_geocode.mean() < 0.05


def test_thinning_takes_a_share_where_and_when_it_is_asked_to() -> None:
    incidents = _incidents()
    west = incidents.lon_deg < CENTRE.lon_deg
    after = midnight_at(date(2022, 1, 1))
    thinned = thin(incidents, 0.6, west, after, np.random.default_rng(1))
    touched = west & (incidents.start_at >= after)
    left = int((thinned.lon_deg < CENTRE.lon_deg)[thinned.start_at >= after].sum())
    assert left / touched.sum() == pytest.approx(0.6, abs=4 * (0.24 / touched.sum()) ** 0.5)
    assert len(incidents) - len(thinned) == touched.sum() - left
    assert len(thin(incidents, 1.0, west, after, np.random.default_rng(1))) == len(incidents)
    assert len(thin(incidents, 0.0, west, after, np.random.default_rng(1))) == (~touched).sum()
    with pytest.raises(BadInput, match="keep_ratio is"):
        thin(incidents, -0.2, west, after, np.random.default_rng(1))


def test_what_is_displaced_reappears_nearby_and_is_lost_nowhere() -> None:
    incidents = _incidents()
    everywhere = np.ones(len(incidents), bool)
    rng = np.random.default_rng(2)
    thinned = thin(incidents, 0.5, everywhere, midnight_at(CITY.start), rng)
    moved = displace(incidents, thinned, 1.0, rng)
    assert len(moved) == len(incidents)
    first, second = np.argsort(incidents.incident_ids), np.argsort(moved.incident_ids)
    before = CENTRE.to_m(incidents.lon_deg[first], incidents.lat_deg[first])
    after = CENTRE.to_m(moved.lon_deg[second], moved.lat_deg[second])
    far_m = np.hypot(*(after - before).T)
    assert set((far_m > 1).tolist()) == {True, False}
    assert ((far_m < 1) | ((far_m > 199) & (far_m < 401))).all()
    assert len(displace(incidents, thinned, 0.0, rng)) == len(thinned)


def test_hot_cells_are_hotter_than_random_ones_and_fall_back_by_themselves() -> None:
    incidents = _incidents()
    window = (date(2020, 1, 1), date(2021, 1, 1))
    rng = np.random.default_rng(3)
    hot = choose_cells(incidents, 20, "hot", window, rng)
    random = choose_cells(incidents, 20, "random", window, rng)
    assert _in_cells(incidents, hot, 2020) > 1.5 * _in_cells(incidents, random, 2020)
    city = _of_year(incidents, 2021) / _of_year(incidents, 2020)
    assert _in_cells(incidents, hot, 2021) / _in_cells(incidents, hot, 2020) < city - 0.03


def _of_year(incidents: Incidents, year: int) -> int:
    return int((incidents.start_at.astype("datetime64[Y]") == np.datetime64(str(year), "Y")).sum())


def _in_cells(incidents: Incidents, centres: np.ndarray, year: int) -> int:
    one = incidents.of(incidents.start_at.astype("datetime64[Y]") == np.datetime64(str(year), "Y"))
    cells = {tuple(cell) for cell in np.floor(centres / 500.0).astype(int).tolist()}
    xy_m = CENTRE.to_m(one.lon_deg, one.lat_deg)
    return sum(tuple(cell) in cells for cell in np.floor(xy_m / 500.0).astype(int).tolist())


def test_a_city_without_days_is_refused() -> None:
    with pytest.raises(BadInput, match="an end after its start"):
        MadeCity(start=date(2023, 1, 1), end=date(2020, 1, 1))
