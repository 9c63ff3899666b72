"""Crime that moves, planted at a known distance."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.designs.area_tests import BeforeAfter, displacement_quotient
from workbench.designs.displacement import displacement_by_radius, distance_to_sites_m, read_rings, rings_around
from workbench.designs.findings import Ring
from workbench.designs.panel import Panel


def made_town(moved_ratio=0.0, *, fall_ratio=0.5, rate=40.0, roles_by_distance=True):
    """Return a line of places 100 m apart, cameras in the first; a share of the fall reappears at 200–300 m."""
    places, months = 40, (24, 12)
    xy_m = np.stack([np.arange(places) * 100.0, np.zeros(places)], axis=1)
    counts = np.full((places, sum(months)), rate)
    counts[0, months[0] :] = rate * (1 - fall_ratio)
    counts[2:4, months[0] :] += rate * fall_ratio * moved_ratio / 2
    active = np.zeros(counts.shape, bool)
    active[0, months[0] :] = True
    roles = tuple(
        "treated" if i == 0 else "buffer" if i <= 5 and roles_by_distance else "control" for i in range(places)
    )
    starts = np.arange("2021-01", sum(months), dtype="datetime64[M]").astype("datetime64[D]")
    names = tuple(str(i) for i in range(places))
    return Panel("theft", names, starts, np.datetime64("2024-01-01"), counts, active, roles, xy_m)


def test_what_moved_is_found_in_its_band_and_only_there():
    found = displacement_by_radius(made_town(0.6))
    shares = {(ring.inner_m, ring.outer_m): ring.displaced_ratio for ring in found.rings}
    assert shares[(0, 150)] == pytest.approx(0)
    assert shares[(150, 300)] == pytest.approx(-0.6)
    assert shares[(300, 500)] == pytest.approx(0)
    assert "Between 0 and 150 m nothing moved; between 150 and 300 m 60% of the fall reappeared" in found.says


def test_the_difference_is_that_of_treated_area_and_band_together():
    found = displacement_by_radius(made_town(0.6))
    # 12 months in which 20 of 40 a month fell and 12 of them reappeared.
    assert [ring.difference for ring in found.rings] == pytest.approx([-240, -96, -240])
    assert all(ring.low < ring.difference < ring.high for ring in found.rings)
    assert found.rings[1].before_count == 2 * 40 * 24


def test_places_within_the_largest_radius_are_never_controls():
    # Whether called buffer or control, the places near the cameras stand in a band; the answer is the same.
    assert displacement_by_radius(made_town(0.6)) == displacement_by_radius(made_town(0.6, roles_by_distance=False))


def test_a_control_must_lie_beyond_the_largest_radius():
    with pytest.raises(BadInput, match="farther out"):
        displacement_by_radius(made_town(), radii_m=(0, 5000))


def test_without_a_fall_nothing_can_have_moved():
    found = displacement_by_radius(made_town(fall_ratio=-0.2))
    assert all(ring.displaced_ratio is None for ring in found.rings)
    assert "nothing that could have moved" in found.says


def test_a_fall_of_the_whole_town_moves_nothing():
    town = made_town(fall_ratio=0.0)
    counts = town.counts.copy()
    counts[:, 24:] *= 0.7
    fallen = Panel(town.outcome, town.place_ids, town.starts, town.end, counts, town.active, town.roles, town.xy_m)
    found = displacement_by_radius(fallen)
    assert [ring.difference for ring in found.rings] == pytest.approx([0, 0, 0], abs=1e-9)
    assert "nothing that could have moved" in found.says


def test_incidents_themselves_can_be_counted():
    rng = np.random.default_rng(0)
    xy_m = rng.uniform(-2000, 2000, (4000, 2))
    later = rng.random(4000) < 0.5
    distance_m = distance_to_sites_m(xy_m, np.array([[0.0, 0], [1000, 1000]]))
    treated = distance_m <= 100
    rings = rings_around(
        distance_m, (~later).astype(float), later.astype(float), treated=treated, control=distance_m > 800,
        radii_m=(100, 300, 500),
    )  # fmt: skip
    inside = ~treated & (distance_m <= 300)
    assert (rings[0].before_count, rings[0].after_count) == ((inside & ~later).sum(), (inside & later).sum())
    assert sum(ring.before_count for ring in rings) == (~treated & (distance_m <= 500) & ~later).sum()


def test_a_quotient_is_that_of_the_worked_example():
    rows = np.array([[207, 110], [178, 157], [308, 318]], float)
    ring = rings_around(
        np.array([0.0, 100, 900]), rows[:, 0], rows[:, 1], treated=np.array([True, False, False]),
        control=np.array([False, False, True]), radii_m=(0, 500),
    )[0]  # fmt: skip
    assert ring.displaced_ratio == pytest.approx(0.2581857, abs=1e-7)
    worked = displacement_quotient(*(BeforeAfter(*row) for row in (rows[0], rows[2], rows[1])))
    assert ring.difference == pytest.approx(-worked.total_net_effect)


def test_bands_without_incidents_are_left_out():
    rows = np.array([[20, 10], [30, 30], [90, 90]], float)
    rings = rings_around(
        np.array([0.0, 200, 900]), rows[:, 0], rows[:, 1], treated=np.array([True, False, False]),
        control=np.array([False, False, True]),
    )  # fmt: skip
    assert [(ring.inner_m, ring.outer_m) for ring in rings] == [(150, 300)]
    assert "nothing can be said" in read_rings(())


def test_excluded_places_are_in_no_band_and_no_control():
    town = made_town(0.6)
    roles = tuple("excluded" if i == 2 else role for i, role in enumerate(town.roles))
    without = Panel(town.outcome, town.place_ids, town.starts, town.end, town.counts, town.active, roles, town.xy_m)
    found = displacement_by_radius(without)
    assert found.rings[1].before_count == 40 * 24


def test_more_may_reappear_than_fell():
    ring = Ring(0, 150, 10, 20, 3, -2, 8, -1.4)
    assert "more reappeared than fell (140% of it)" in read_rings([ring])


@pytest.mark.parametrize("radii_m", [(0,), (0, 300, 300), (300, 150)])
def test_radii_must_rise(radii_m):
    with pytest.raises(BadInput, match="must rise"):
        displacement_by_radius(made_town(), radii_m=radii_m)


def test_places_need_a_position():
    town = made_town()
    nowhere = Panel(town.outcome, town.place_ids, town.starts, town.end, town.counts, town.active, town.roles)
    with pytest.raises(BadInput, match="no position"):
        displacement_by_radius(nowhere)
