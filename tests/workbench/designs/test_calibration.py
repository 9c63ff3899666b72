"""Calibration weights: totals are met exactly, no weight is negative, and what cannot be met is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from workbench.designs.calibration import Distance, calibrate

Floats = NDArray[np.float64]


def places(seed: int, donors: int = 200, matched: int = 5) -> tuple[Floats, Floats, Floats]:
    """Donors, the totals of ten of their kind, and start weights."""
    rng = np.random.default_rng(seed)
    everything = np.column_stack([np.ones(donors + 10), rng.poisson(3.0, (donors + 10, matched))])
    return everything[:donors], everything[donors:].sum(axis=0), np.full(donors, 10 / donors)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["linear", "raking"]))
def test_totals_are_met_by_weights_that_are_not_negative(seed: int, distance: Distance) -> None:
    donors, totals, start = places(seed)
    found = calibrate(donors, totals, start, distance=distance)
    assert found.balanced
    assert found.weights.min() >= 0
    np.testing.assert_allclose(found.weights @ donors, totals, rtol=1e-7)


def test_no_weights_that_meet_the_totals_are_nearer_to_the_start() -> None:
    donors, totals, start = places(1, donors=25, matched=3)
    totals = totals * np.array([1, 1.3, 0.8, 1.2])
    found = calibrate(donors, totals, start)
    assert (found.weights == 0).any(), "the bound must bind, or this shows nothing of it"
    general = minimize(
        lambda weights: ((weights - start) ** 2 / start).sum(), start, bounds=[(0, None)] * 25, method="SLSQP",
        constraints={"type": "eq", "fun": lambda weights: weights @ donors - totals},
        options={"maxiter": 500, "ftol": 1e-13},
    )  # fmt: skip
    assert general.success
    np.testing.assert_allclose(found.weights, general.x, atol=1e-5)


def test_where_no_weight_is_cut_the_weights_are_those_of_a_regression_estimator() -> None:
    donors, _, start = places(2)
    totals = start @ donors * np.array([1, 1.02, 0.98, 1.03, 0.99, 1.01])
    found = calibrate(donors, totals, start)
    assert (found.weights > 0).all()
    shift = np.linalg.solve(donors.T @ (donors * start[:, None]), totals - start @ donors)
    np.testing.assert_allclose(found.weights, start * (1 + donors @ shift), atol=1e-9)


def test_totals_beyond_any_donor_are_not_met_and_it_is_said() -> None:
    donors, totals, start = places(3)
    totals[2] = 10 * donors[:, 2].max() + 5  # ten places cannot have more than ten times the most any has
    found = calibrate(donors, totals, start)
    assert not found.balanced
    assert found.weights.min() >= 0
    assert np.abs(found.miss).max() > 0.01


def test_what_the_treated_have_none_of_no_donor_may_have() -> None:
    donors, totals, start = places(4)
    totals[3] = 0
    found = calibrate(donors, totals, start)
    assert found.balanced
    assert found.weights[donors[:, 3] > 0].max() == 0


def test_a_total_asked_for_twice_changes_nothing() -> None:
    donors, totals, start = places(5)
    twice = calibrate(np.hstack([donors, donors[:, 1:2]]), np.append(totals, totals[1]), start)
    np.testing.assert_allclose(twice.weights, calibrate(donors, totals, start).weights, atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_the_unit_of_what_is_matched_does_not_matter(seed: int, unit: float) -> None:
    donors, totals, start = places(seed)
    scale = np.array([1, unit, 1, 1 / unit, 1, 1])
    np.testing.assert_allclose(
        calibrate(donors * scale, totals * scale, start).weights,
        calibrate(donors, totals, start).weights,
        atol=1e-7,
    )


def test_equal_weights_are_as_many_donors_as_there_are() -> None:
    donors, _, start = places(6)
    found = calibrate(donors, start @ donors, start)
    assert found.effective_donors == pytest.approx(200)
    assert found.largest_ratio == pytest.approx(1 / 200)
