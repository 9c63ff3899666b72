"""Synthetic difference-in-differences: what the three methods share, and where only it is right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.designs.staggered_synthetic import staggered_effect, staggered_error
from workbench.designs.synthetic_did import Block, Kind, double_weighted, standard_error


def block(seed: int = 0, effect: float = 0.0, treated: int = 3, tilt: float = 0.0) -> Block:
    """Additive unit and period effects, noise, and a trend that treated units share with half the donors."""
    rng = np.random.default_rng(seed)
    units = rng.normal(10, 3, 24 + treated)
    outcomes = units[:, None] + rng.normal(0, 1, 16) + rng.normal(0, 0.3, (24 + treated, 16))
    outcomes[12:] += tilt * np.arange(16)
    outcomes[24:, 10:] += effect
    return Block(outcomes[:24], outcomes[24:], 10)


def test_plain_difference_in_differences_is_the_difference_of_four_means() -> None:
    one = block(effect=2.0)
    means = [
        part.mean() for part in (one.treated[:, 10:], one.treated[:, :10], one.donors[:, 10:], one.donors[:, :10])
    ]
    assert double_weighted(one, "did").estimate == pytest.approx(means[0] - means[1] - means[2] + means[3])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 500), st.floats(-20, 20), st.floats(-20, 20))
def test_a_shift_of_all_treated_or_of_a_period_changes_nothing(
    seed: int, of_treated: float, of_period: float
) -> None:
    one = block(seed)
    period = np.where(np.arange(16) == 4, of_period, 0.0)
    moved = Block(one.donors + period, one.treated + of_treated + period, 10)
    assert double_weighted(moved).estimate == pytest.approx(double_weighted(one).estimate, abs=0.02)


@pytest.mark.parametrize("kind", ["sdid", "did", "sc"])
def test_an_added_effect_is_found_whole(kind: Kind) -> None:
    without, with_effect = double_weighted(block(), kind), double_weighted(block(effect=5.0), kind)
    assert with_effect.estimate - without.estimate == pytest.approx(5.0)


def test_weights_find_the_donors_with_the_same_trend_where_plain_differences_do_not() -> None:
    tilted = block(tilt=0.5, effect=-2.0)
    assert double_weighted(tilted, "did").estimate == pytest.approx(-2.0 + 0.5 * 8 / 2, abs=0.5)
    assert double_weighted(tilted).estimate == pytest.approx(-2.0, abs=0.4)


def test_the_early_stop_is_near_the_minimum() -> None:
    one = block(3)
    assert double_weighted(one, solver="frank_wolfe").estimate == pytest.approx(
        double_weighted(one).estimate, abs=0.05
    )


@pytest.mark.parametrize("how", ["placebo", "jackknife", "bootstrap"])
def test_errors_are_of_the_size_of_what_the_estimate_varies_by(how: str) -> None:
    varies = np.std([double_weighted(block(seed)).estimate for seed in range(60)])
    found = np.mean([standard_error(block(seed), "sdid", how, draws=40) for seed in range(4)])  # type: ignore[arg-type]
    assert 0.5 * varies < found < 2 * varies


def test_one_treated_unit_has_neither_jackknife_nor_bootstrap_but_every_donor_is_a_placebo() -> None:
    one = block(treated=1)
    assert np.isnan(standard_error(one, "sdid", "jackknife"))
    assert np.isnan(standard_error(one, "sdid", "bootstrap"))
    assert standard_error(one, "sdid", "placebo", draws=0) == standard_error(
        one, "sdid", "placebo", draws=0, seed=9
    )


def test_cohorts_are_averaged_by_treated_units_and_periods() -> None:
    one = block(treated=4)
    outcomes = np.vstack([one.donors, one.treated])
    first = np.full(28, 16)
    first[24:26], first[26:] = 10, 12
    outcomes[24:26, 10:] += 3.0
    outcomes[26:, 12:] += 3.0
    found = staggered_effect(outcomes, first)
    early, late = found.cohorts
    assert found.estimate == pytest.approx((12 * early.effect.estimate + 8 * late.effect.estimate) / 20)
    assert early.effect.estimate == pytest.approx(3.0, abs=0.6)
    assert late.effect.estimate == pytest.approx(3.0, abs=0.6)
    for how in ("placebo", "bootstrap", "jackknife"):
        assert 0 < staggered_error(outcomes, first, "sdid", how, draws=10) < 1  # type: ignore[arg-type]


def test_one_date_is_the_same_staggered_or_not() -> None:
    one = block(effect=1.0)
    first = np.repeat([16, 10], [24, 3])
    assert staggered_effect(np.vstack([one.donors, one.treated]), first).estimate == double_weighted(one).estimate
