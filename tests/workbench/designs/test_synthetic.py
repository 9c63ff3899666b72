"""Synthetic control: a mix that is there is found, and placebos rank what is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.designs.synthetic import Search, Setting, placebo_in_time, placebos_in_space, synthetic_control

Floats = NDArray[np.float64]

MIX = np.array([0.6, 0.0, 0.4, 0.0, 0.0, 0.0])


def made(effect: float = -3.0, noise: float = 0.0, seed: int = 0, *, predictors: bool = True) -> Setting:
    """A treated unit that is 60 % the first donor and 40 % the third, over 20 periods, treated from the 13th."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(20, 3)).cumsum(axis=0)
    loadings = rng.uniform(0, 2, size=(3, 6))
    donors = 20 + factors @ loadings
    before = np.arange(20) < 12
    treated = donors @ MIX + rng.normal(0, noise, 20) + np.where(before, 0, effect)
    own = np.vstack([loadings, rng.normal(size=6)])
    return Setting(
        treated, donors + rng.normal(0, noise, donors.shape), before, before,
        own @ MIX if predictors else np.empty(0), own if predictors else np.empty((0, 6)),
    )  # fmt: skip


@pytest.mark.parametrize("predictors", [True, False], ids=["by predictors", "by outcomes"])
def test_a_mix_that_is_there_is_found_with_its_effect(predictors: bool) -> None:
    found = synthetic_control(made(predictors=predictors))
    np.testing.assert_allclose(found.weights, MIX, atol=0.01)
    np.testing.assert_allclose(found.gap[12:], -3.0, atol=0.05)
    assert found.weights.sum() == pytest.approx(1)


def test_more_searches_never_fit_worse() -> None:
    setting = made(noise=0.4)
    one = synthetic_control(setting, Search(("equal",), ("bfgs",)))
    assert synthetic_control(setting).fit_mspe <= one.fit_mspe


def test_given_importance_is_used_and_its_scale_does_not_matter() -> None:
    setting = made(noise=0.4)
    small = synthetic_control(setting, Search(importance=(1, 2, 3, 0.5)))
    large = synthetic_control(setting, Search(importance=(10, 20, 30, 5)))
    np.testing.assert_allclose(small.weights, large.weights, atol=1e-8)
    np.testing.assert_allclose(small.importance, np.array([1, 2, 3, 0.5]) / 6.5)


def test_a_predictor_in_another_unit_changes_nothing() -> None:
    setting = made(noise=0.4)
    scale = np.array([1000.0, 1, 1, 0.01])
    other = Setting(
        setting.treated, setting.donors, setting.before, setting.fitted, setting.treated_predictors * scale,
        setting.donor_predictors * scale[:, None],
    )  # fmt: skip
    search = Search(importance=(1, 1, 1, 1))
    np.testing.assert_allclose(
        synthetic_control(setting, search).weights, synthetic_control(other, search).weights, atol=1e-8
    )


def test_the_treated_unit_ranks_first_among_placebos_when_only_it_changed() -> None:
    setting = made(effect=-8.0, noise=0.3, predictors=False)
    observed = synthetic_control(setting)
    found = placebos_in_space(setting, observed)
    assert found.rank == 1
    assert found.p_value == pytest.approx(1 / 7)
    assert all(len(one.weights) == 5 for one in found.controls)


def test_donors_that_fit_badly_before_can_be_left_out_of_the_rank() -> None:
    setting = made(effect=-8.0, noise=0.3, predictors=False)
    observed = synthetic_control(setting)
    fits = [one.before_rmspe**2 for one in placebos_in_space(setting, observed).controls]
    strict = placebos_in_space(setting, observed, worst_fit=2.0)
    assert strict.p_value == pytest.approx(
        strict.rank / (1 + sum(fit <= 2 * observed.before_rmspe**2 for fit in fits))
    )


def test_a_pretended_date_finds_no_effect_of_the_later_one() -> None:
    (found,) = placebo_in_time(made(noise=0.05), [8])
    assert len(found.gap) == 12
    assert abs(found.gap[8:].mean()) < 0.5
