"""Effects of several evaluations taken together."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from catalog.errors import BadInput
from workbench.impact.pooling import pooled_effect

APART = np.array([0.1, 0.9, -0.4, 0.5])
CLOSE = np.array([0.30, 0.31, 0.29, 0.30])
ERRORS = np.array([0.1, 0.2, 0.15, 0.3])


def test_differing_effects_are_pooled_as_a_library_pools_them():
    ours, theirs = pooled_effect(APART, ERRORS), combine_effects(APART, ERRORS**2, method_re="dl")
    table = theirs.summary_frame().loc[["fixed effect", "random effect"], ["eff", "ci_low", "ci_upp"]].to_numpy()
    assert (ours.fixed, *ours.fixed_interval) == pytest.approx(tuple(table[0]))
    assert (ours.random, *ours.random_interval) == pytest.approx(tuple(table[1]))
    assert (ours.q, ours.tau2, ours.i2_ratio) == pytest.approx((theirs.q, theirs.tau2, theirs.i2))


def test_effects_closer_than_chance_have_no_variance_between_them():
    found = pooled_effect(CLOSE, ERRORS)
    assert (found.tau2, found.i2_ratio) == (0, 0)
    assert (found.random, *found.random_interval) == (found.fixed, *found.fixed_interval)


def test_one_effect_is_not_pooled():
    with pytest.raises(BadInput, match="two or more"):
        pooled_effect(APART[:1], ERRORS[:1])
