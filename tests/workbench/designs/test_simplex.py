"""Shares: nearest mixes are nearest, whichever way they are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from workbench.designs import simplex
from workbench.designs.simplex import frank_wolfe, nearest_mix, onto_simplex

Floats = NDArray[np.float64]


def problem(seed: int, rows: int = 6, columns: int = 9) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)), rng.normal(size=rows)


def slack(donors: Floats, target: Floats, ridge: float, shares: Floats) -> float:
    """How much a small move towards any one donor could still gain: none at the minimum of a convex function."""
    slope = donors.T @ (donors @ shares - target) + ridge * shares
    return float(slope @ shares - slope.min())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 1.0, 100.0]))
def test_a_mix_is_made_of_shares_and_none_is_nearer(seed: int, ridge: float) -> None:
    donors, target = problem(seed)
    shares = nearest_mix(donors, target, ridge)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1)
    assert slack(donors, target, ridge, shares) < 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_many_donors_are_mixed_as_few_are(seed: int) -> None:
    donors, target = problem(seed, 8, 12)
    few = nearest_mix(donors, target, 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simplex, "MOST_AUGMENTED", 0)
        many = nearest_mix(donors, target, 0.5)
    np.testing.assert_allclose(few, many, atol=1e-9)


def test_a_target_that_is_a_mix_is_met() -> None:
    donors, _ = problem(3, 10, 5)
    shares = np.array([0.5, 0, 0.2, 0, 0.3])
    np.testing.assert_allclose(nearest_mix(donors, donors @ shares), shares, atol=1e-10)


def test_one_donor_is_all_of_the_mix() -> None:
    assert nearest_mix(np.array([[1.0], [2.0]]), np.array([5.0, 5.0])).tolist() == [1.0]


def test_donors_that_are_the_target_share_alike() -> None:
    np.testing.assert_allclose(nearest_mix(np.zeros((3, 4)), np.zeros(3)), 0.25)


def test_a_search_that_is_not_stopped_early_comes_to_the_same_mix() -> None:
    donors, target = problem(5)
    start = np.full(9, 1 / 9)
    searched = frank_wolfe(donors, target, 2.0, start, least_fall=0.0, steps=4_000)
    np.testing.assert_allclose(searched, nearest_mix(donors, target, 2.0), atol=5e-3)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12))
def test_shares_nearest_to_a_point_are_shares_and_keep_its_order(point: list[float]) -> None:
    shares = onto_simplex(np.array(point))
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares[np.argsort(point)]) >= -1e-12).all()
