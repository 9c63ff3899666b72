"""Effects estimated together."""

import numpy as np
import pytest
from scipy import stats

from workbench.designs.effects import Effects, plain


def test_intervals_and_p_agree_on_what_is_excluded():
    effects = Effects(("a", "b"), np.array([1.0, 1.0]), np.diag([0.25, 0.27]), degrees=1e9)
    assert ((effects.low > 0) == (effects.p_values < 0.05)).all()
    assert 0 < (effects.low > 0).sum() < 2


def test_what_is_zero_by_construction_is_not_tested():
    effects = Effects(("-2", "-1"), np.array([0.3, 0.0]), np.diag([0.01, 0.0]))
    joint = effects.joint()
    assert joint.degrees == 1
    assert joint.statistic == pytest.approx(9.0)
    assert joint.p_value == pytest.approx(stats.chi2.sf(9.0, 1))
    assert effects.p_values[1] == 1.0


def test_nothing_estimated_gives_no_test():
    assert Effects(("-1",), np.zeros(1), np.zeros((1, 1))).joint() is None


def test_one_effect_with_degrees_of_freedom_has_one_p_either_way():
    effects = Effects(("a",), np.array([2.0]), np.array([[1.0]]), degrees=9)
    assert effects.joint().p_value == pytest.approx(effects.p_values[0])


def test_sums_of_effects_carry_their_covariance():
    covariance = np.array([[1.0, 0.5], [0.5, 1.0]])
    mean = Effects(("a", "b"), np.array([1.0, 3.0]), covariance).combined(["mean"], np.array([[0.5, 0.5]]))
    assert mean.estimates[0] == 2.0
    assert mean.errors[0] ** 2 == pytest.approx(0.75)


@pytest.mark.parametrize(("number", "words"), [(2004.0, "2004"), (-3, "-3"), (0.5, "0.5")])
def test_periods_are_written_as_people_do(number, words):
    assert plain(number) == words
