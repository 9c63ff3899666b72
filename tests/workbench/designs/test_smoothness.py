"""Bounds on trends, against the package and their laws."""

import itertools

import numpy as np
import pytest
from diff_diff import honest_did
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from workbench.designs.smoothness import smoothness_bounds


def made(seed, before=4, after=3):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(before + after, before + after))
    return rng.normal(size=before + after), root @ root.T / 10 + np.eye(before + after) / 20


def test_intervals_are_those_of_the_package():
    estimates, covariance = made(1)
    target = np.full(3, 1 / 3)
    found = smoothness_bounds(estimates, covariance, 4, [0.15], target)
    for bound in found:
        low, high, _ = honest_did._flci_solve(estimates[:4], estimates[4:], covariance, target, 4, 3, bound.bend)
        assert bound.high - bound.low <= high - low + 1e-6
        assert (bound.low, bound.high) == pytest.approx((low, high), abs=2e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_a_straight_line_moves_nothing(seed, slope):
    estimates, covariance = made(seed)
    # The reference lies at −1: the line passes through zero there.
    line = slope * np.array([-4.0, -3, -2, -1, 1, 2, 3])
    one = smoothness_bounds(estimates, covariance, 4, [0.0, 0.2])
    other = smoothness_bounds(estimates + line, covariance, 4, [0.0, 0.2])
    for before, after in zip(one, other, strict=True):
        assert after.low - before.low == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_more_bend_is_never_narrower(seed):
    estimates, covariance = made(seed)
    widths = [bound.high - bound.low for bound in smoothness_bounds(estimates, covariance, 4, [0, 0.05, 0.2, 1])]
    assert all(wide >= narrow - 1e-8 for narrow, wide in itertools.pairwise(widths))


def test_units_change_only_units():
    estimates, covariance = made(3)
    one = smoothness_bounds(estimates, covariance, 4, [0.1])[0]
    ten = smoothness_bounds(10 * estimates, 100 * covariance, 4, [1.0])[0]
    assert ten.low == pytest.approx(10 * one.low, rel=1e-5)


def test_one_period_before_leaves_nothing_to_choose():
    bound = smoothness_bounds(np.array([0.1, 1.0]), np.diag([0.04, 0.04]), 1, [0.3])[0]
    assert bound.center == pytest.approx(1.1)
    assert bound.worst_bias == pytest.approx(0.3)


def test_no_period_before_is_refused():
    with pytest.raises(BadInput, match="0 periods before"):
        smoothness_bounds(np.array([1.0]), np.eye(1), 0, [0.1])


def test_a_negative_bend_is_refused():
    with pytest.raises(BadInput, match="0 or more"):
        smoothness_bounds(np.array([0.1, 1.0]), np.eye(2), 1, [-0.1])
