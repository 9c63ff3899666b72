"""Effects of several evaluations, or of several kinds of crime, taken together."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from catalog.errors import BadInput
from workbench.designs.area_tests import BeforeAfter, weighted_displacement
from workbench.designs.pooling import combine_by_harm, pooled_effect

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


def test_harm_weighs_kinds_of_crime():
    # Wheeler (2020), Amending the WDD test to incorporate harm weights.
    before_after = [
        ((133, 91), (130, 74)), ((388, 305), (327, 202)), ((148, 97), (398, 190)), ((86, 64), (144, 92)),
        ((94, 67), (183, 96)),
    ]  # fmt: skip
    found = [weighted_displacement(BeforeAfter(*t), BeforeAfter(*c)) for c, t in before_after]
    differences, errors = np.array([(one.local, one.local_se) for one in found]).T
    harm = combine_by_harm(differences, errors, np.array([3, 2, 5, 7, 10.0]))
    assert (harm.total, harm.standard_error, harm.z) == pytest.approx((-1721, 304.10360077, -5.65925558))
    assert harm.interval == pytest.approx((-2317.03210507, -1124.96789493))


def test_harm_without_error_is_no_harm():
    with pytest.raises(BadInput, match="no error"):
        combine_by_harm(np.zeros(0), np.zeros(0), np.zeros(0))
