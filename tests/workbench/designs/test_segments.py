import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.designs.segments import harmonics, segments

TIME = np.arange(6.0)
ON = (TIME >= 3).astype(float)


def test_time_since_counts_from_the_first_period_it_holds_as_in_itsa_or_from_one():
    from_zero, from_one = segments(TIME, [ON]), segments(TIME, [ON], since_from=1)
    assert from_zero.names == ("intercept", "pre_slope", "step", "slope_change")
    assert from_zero.matrix[:, 3].tolist() == [0, 0, 0, 0, 1, 2]
    assert from_one.matrix[:, 3].tolist() == [0, 0, 0, 1, 2, 3]


def test_had_nothing_begun_level_and_slope_stay_those_before():
    design = segments(TIME, [ON])
    assert (design.without[:, :2] == design.matrix[:, :2]).all()
    assert not design.without[:, 2:].any()
    assert design.after.tolist() == [False, False, False, True, True, True]


def test_beside_a_comparison_the_treated_would_have_changed_as_it_did():
    treated = np.repeat([False, True], 6)
    design = segments(np.tile(TIME, 2), [np.tile(ON, 2)], treated=treated)
    assert design.names[4:] == (
        "difference_intercept", "difference_pre_slope", "difference_step", "difference_slope_change",
    )  # fmt: skip
    assert design.without[9:, 2].tolist() == [1, 1, 1]
    assert not design.without[:, 6:].any()
    assert not design.after[:6].any()


def test_several_interruptions_are_numbered():
    design = segments(TIME, [(TIME >= 2).astype(float), (TIME >= 4).astype(float)], slope=False)
    assert design.names == ("intercept", "pre_slope", "step_1", "step_2")


def test_an_interruption_that_always_holds_is_none():
    with pytest.raises(BadInput, match="before and after"):
        segments(TIME, [np.ones(6)])


def test_harmonics_sum_to_nothing_over_a_whole_year_and_leave_out_a_sine_that_is_zero():
    names, columns = harmonics(np.arange(24), 6, 12)
    assert len(names) == 11
    assert "sin6" not in names
    assert np.abs(columns.sum(axis=0)).max() < 1e-9
    with pytest.raises(BadInput, match="at most 2"):
        harmonics(np.arange(8), 3, 4)
    assert harmonics(np.arange(8), 0, 12)[1].shape == (8, 0)
