from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from catalog.errors import BadInput
from workbench.designs.reporting import Share, holm, reporting_changes, share, shares_of_types

STARTS = (np.datetime64("2019-01") + np.arange(36)).astype("datetime64[D]")
BEFORE = np.arange(36) < 18


def made_share(later: float = 0.2, turn: int = 18, seed: int = 0, size: float = 400, spread: float = 0.0) -> Share:
    rng = np.random.default_rng(seed)
    whole = rng.poisson(size, 36)
    chance = np.where(np.arange(36) >= turn, later, 0.2) + spread * rng.normal(size=36)
    return Share("proactive", rng.binomial(whole, np.clip(chance, 0, 1)).astype(float), whole.astype(float))


def test_a_share_that_moved_when_the_cameras_came_is_called_changed():
    (found,) = reporting_changes([made_share(0.3)], STARTS, BEFORE)
    assert found.changed
    assert (found.before_ratio, found.after_ratio) == (pytest.approx(0.2, abs=0.02), pytest.approx(0.3, abs=0.02))
    assert found.turned_at == date(2020, 7, 1)
    assert found.turn_ratio == pytest.approx(0.1, abs=0.02)


def test_a_turn_is_dated_wherever_it_is():
    (found,) = reporting_changes([made_share(0.3, turn=9)], STARTS, BEFORE)
    assert found.turned_at == date(2019, 10, 1)
    assert found.changed


def test_a_share_that_stays_is_rarely_called_changed():
    found = [reporting_changes([made_share(seed=seed, spread=0.03)], STARTS, BEFORE)[0] for seed in range(200)]
    assert np.mean([one.p_value < 0.05 for one in found]) < 0.1
    assert np.mean([one.turn_p < 0.05 for one in found]) < 0.1
    assert np.mean([one.changed for one in found]) < 0.03
    assert np.mean([one.dispersion for one in found]) > 2


def test_in_very_many_incidents_a_tiny_move_is_beyond_chance_and_yet_no_change():
    (found,) = reporting_changes([made_share(0.21, size=40_000)], STARTS, BEFORE)
    assert found.p_value < 1e-6
    assert not found.changed


def test_without_dispersion_the_statistic_is_pearsons():
    moved = made_share(0.25, seed=2)
    (found,) = reporting_changes([moved], STARTS, BEFORE)
    table = [[moved.part[rows].sum(), (moved.whole - moved.part)[rows].sum()] for rows in (BEFORE, ~BEFORE)]
    theirs = stats.chi2_contingency(table, correction=False)
    assert found.chi_square * found.dispersion == pytest.approx(theirs.statistic)


def test_shares_are_counted_by_period_and_those_too_small_are_left_out():
    types = ["theft"] * 30 + ["arson"]
    period = np.asarray([0, 1, 2] * 10 + [5])
    both = shares_of_types(types, period, 3)
    assert [one.name for one in both] == ["type arson", "type theft"]
    assert both[1].part.tolist() == [10, 10, 10]
    assert both[0].part.sum() == 0
    flagged = share("proactive", np.asarray([True] * 3 + [False] * 28), period, 3)
    assert flagged.part.tolist() == [1, 1, 1]
    assert reporting_changes(both, STARTS[:3], np.asarray([True, False, False])) == ()


def test_without_a_before_there_is_nothing_to_compare():
    with pytest.raises(BadInput, match="some after"):
        reporting_changes([], STARTS, np.ones(36, bool))


def test_correction_of_a_few_is_that_of_holms_paper():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_correction_keeps_the_order_and_multiplies_the_smallest_by_their_number(p_values):
    corrected = holm(p_values)
    assert all(now >= was for now, was in zip(corrected, p_values, strict=True))
    assert min(corrected) == pytest.approx(min(1.0, len(p_values) * min(p_values)))
    by_size = [now for _, now in sorted(zip(p_values, corrected, strict=True))]
    assert by_size == sorted(by_size)
