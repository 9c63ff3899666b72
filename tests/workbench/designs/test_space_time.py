"""Incidents close in space and time, held against a library, a table made by hand and chance."""

from __future__ import annotations

import geopandas
import libpysal
import numpy as np
import pytest
from pointpats.spacetime import Knox as LibraryKnox

from catalog.errors import BadInput
from workbench.designs.space_time import knox, near_repeats


@pytest.fixture(scope="module")
def burkitt():
    """Return Burkitt's lymphoma cases in Uganda, as libpysal carries them."""
    rows = geopandas.read_file(libpysal.examples.get_path("burkitt.shp"))
    return rows[["X", "Y"]].to_numpy(float), rows["T"].to_numpy(float)


def test_the_published_example_comes_out(burkitt):
    # Documentation of pointpats: 13 pairs, Poisson p 0.146, shuffled p 0.17 and 0.21 by two seeds.
    found = knox(*burkitt, distance=20, time=5)
    assert found.pairs == 13
    assert found.expected_pairs == pytest.approx(10.1438161)
    assert found.p_more == pytest.approx(0.14624558197140414)
    assert found.p_permutation == pytest.approx(0.19, abs=0.04)
    assert found.p_as_many > found.p_more


@pytest.mark.parametrize(("distance", "time"), [(5, 30), (20, 100), (50, 0)])
def test_pairs_are_counted_as_the_library_counts_them(burkitt, distance, time):
    xy, times = burkitt
    theirs = LibraryKnox(xy, times[:, None], distance, time, permutations=0)
    ours = knox(xy, times, distance, time, permutations=0)
    assert (ours.pairs, ours.near_pairs - ours.pairs) == tuple(theirs.observed[0])
    assert ours.soon_pairs - ours.pairs == theirs.observed[1, 0]
    assert ours.expected_pairs == pytest.approx(theirs.expected[0, 0])
    assert np.isnan(ours.p_permutation)


def scattered(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 1000, (count, 2)), rng.uniform(0, 365, count)


def test_incidents_that_bring_others_are_found_and_scattered_ones_are_not():
    xy, times = scattered(200)
    assert knox(xy, times, 100, 7, permutations=199).p_permutation > 0.05
    both = np.vstack([xy, xy[:40] + 5]), np.concatenate([times, times[:40] + 1])
    assert knox(*both, 100, 7, permutations=199).p_permutation == pytest.approx(1 / 200)


def test_the_same_seed_shuffles_alike_and_the_shared_generator_is_left_alone():
    xy, times = scattered(100)
    before = np.random.get_state()[1].copy()
    assert knox(xy, times, 100, 20, seed=5) == knox(xy, times, 100, 20, seed=5)
    assert (np.random.get_state()[1] == before).all()


def test_the_table_holds_the_pairs_of_the_test():
    xy, times = scattered(150)
    table = near_repeats(xy, times, [0, 50, 100, 200], [0, 7, 14], seed=1)
    assert table.pairs.shape == (3, 2)
    assert table.pairs[:2].sum() == knox(xy, times, 100, 14, permutations=0).pairs
    assert table.pairs[0, 0] == knox(xy, times, 50, 7, permutations=0).pairs


def test_a_band_holds_its_upper_edge_and_the_first_its_lower_too():
    xy = np.array([[0.0, 0], [0, 0], [0, 10], [0, 20]])
    table = near_repeats(xy, np.zeros(4), [0, 10, 20], [0, 1])
    # Apart: 0, 10, 20, 10, 20, 10.
    assert table.pairs.tolist() == [[4], [2]]


def test_repeats_stand_out_where_they_are_near_and_soon():
    xy, times = scattered(300)
    both = np.vstack([xy, xy[:60] + 5]), np.concatenate([times, times[:60] + 1])
    table = near_repeats(*both, [0, 20, 200], [0, 3, 30])
    assert table.ratio[0, 0] > 5
    assert table.p_value[0, 0] == 0.01
    assert table.ratio[1, 1] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: knox(np.zeros((1, 2)), np.zeros(1), 1, 1),
        lambda: knox(np.zeros((3, 2)), np.zeros(2), 1, 1),
        lambda: knox(np.zeros((3, 2)), np.zeros(3), -1, 1),
        lambda: near_repeats(np.zeros((3, 2)), np.zeros(3), [0, 1, 1], [0, 1]),
        lambda: near_repeats(np.zeros((3, 2)), np.zeros(3), [0], [0, 1]),
    ],
)
def test_what_has_no_answer_is_said(ask):
    with pytest.raises(BadInput):
        ask()
