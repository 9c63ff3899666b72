"""Differences of a study: planted changes are found, and what cannot be told is refused."""

import numpy as np
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.made_panels import made_panel
from workbench.designs.differences_study import (
    CHANGE_IN_COUNTS,
    estimate_callaway_santanna,
    estimate_differences,
    estimate_imputation,
    estimate_poisson_etwfe,
    estimate_sun_abraham,
    event_study,
    smoothness,
)

ALL = (
    estimate_differences, estimate_poisson_etwfe, estimate_callaway_santanna, estimate_sun_abraham,
    estimate_imputation,
)  # fmt: skip


def named(panel, **changes):
    fields = ("outcome", "place_ids", "starts", "end", "counts", "active", "roles")
    return type(panel)(**{name: changes.get(name, getattr(panel, name)) for name in fields})


@pytest.mark.parametrize("estimate", ALL)
def test_a_planted_fall_lies_in_the_interval(estimate):
    found = estimate(made_panel(seed=4))
    assert found.refused is None
    low, high = found.change_interval
    assert low < -0.3 < high
    assert low < found.change_ratio < high
    assert found.count_interval[0] < found.change_count < found.count_interval[1]
    assert found.checks[0].name == "pre-trend p"


@pytest.mark.parametrize("estimate", [estimate_differences, estimate_sun_abraham])
def test_p_and_interval_agree(estimate):
    found = estimate(made_panel(seed=1, effect=-0.5), level=0.9)
    assert (found.p_value < 0.1) == (found.change_interval[1] < 0 or found.change_interval[0] > 0)


@pytest.mark.parametrize("estimate", [estimate_poisson_etwfe, estimate_callaway_santanna])
def test_scaling_all_counts_changes_counts_only(estimate):
    panel = made_panel()
    one, ten = estimate(panel), estimate(named(panel, counts=10 * panel.counts))
    assert ten.change_ratio == pytest.approx(one.change_ratio)
    assert ten.change_count == pytest.approx(10 * one.change_count)


def test_hot_places_that_shrink_with_the_rest_of_the_city_are_no_effect_in_ratios():
    panel = made_panel(effect=0.0, mean=20)
    later = np.where(np.arange(24) >= 12, 0.7, 1.0)
    shrunk = named(panel, counts=panel.counts * later)
    low, high = estimate_poisson_etwfe(shrunk).change_interval
    assert low < 0 < high


@pytest.mark.parametrize("estimate", ALL)
def test_no_camera_within_the_study_is_refused(estimate):
    panel = made_panel()
    assert "end the study later" in estimate(named(panel, active=np.zeros_like(panel.active))).refused


@pytest.mark.parametrize("estimate", ALL)
def test_one_date_and_no_control_is_refused(estimate):
    panel = made_panel(firsts=(12,))
    assert "add control places" in estimate(panel.of(panel.treated)).refused


@pytest.mark.parametrize("estimate", ALL)
def test_one_period_before_is_refused(estimate):
    assert "begin earlier" in estimate(made_panel(firsts=(1,))).refused


@pytest.mark.parametrize("estimate", ALL)
def test_no_incidents_are_refused(estimate):
    panel = made_panel()
    assert "no incidents" in estimate(named(panel, counts=np.zeros_like(panel.counts))).refused


def test_cameras_that_go_off_are_for_one_method_only():
    panel = made_panel(off_at=20)
    assert "went off again" in estimate_poisson_etwfe(panel).refused
    found = estimate_differences(panel)
    assert found.refused is None
    assert any("count as off" in note for note in found.notes)


def test_places_that_get_cameras_later_are_compared_with_and_named():
    panel = made_panel()
    roles = (*panel.roles[:-3], "treated", "treated", "treated")
    found = estimate_poisson_etwfe(named(panel, roles=roles))
    assert any("3 places that get cameras later" in note for note in found.notes)
    assert found.change_ratio == pytest.approx(estimate_poisson_etwfe(panel).change_ratio)


def test_few_places_are_named_in_a_note():
    found = estimate_poisson_etwfe(made_panel(treated=3, mean=30))
    assert any("under 6" in note for note in found.notes)


def test_an_event_study_shows_nothing_before_and_the_fall_after():
    found = event_study(made_panel(places=200, treated=60, mean=10))
    lags = np.array(found.relative_periods)
    change = np.array(found.change_ratio)
    assert change[lags == -1] == 0.0
    assert abs(change[lags < 0].mean()) < 0.08
    assert change[lags >= 0].mean() == pytest.approx(-0.3, abs=0.08)
    assert found.pretrend_p > 0.01
    assert all(low <= ratio <= high for low, ratio, high in zip(found.low, found.change_ratio, found.high,
                                                                strict=True))  # fmt: skip


def test_places_that_were_already_falling_fail_the_test_of_trends():
    panel = made_panel(places=200, treated=60, effect=0.0, mean=10, firsts=(16,))
    falling = np.where(panel.treated[:, None], np.exp(-0.08 * np.arange(24)), 1.0)
    found = estimate_poisson_etwfe(named(panel, counts=panel.counts * falling))
    assert found.checks[0].found < 0.05
    assert not found.checks[0].passed
    straight = smoothness(named(panel, counts=panel.counts * falling), bends=(0.0,))
    assert straight.low[0] < 0 < straight.high[0]


def test_the_more_trends_may_bend_the_less_is_known():
    found = smoothness(made_panel(places=200, treated=60, mean=10, firsts=(16,)), bends=(0.0, 0.02, 0.1))
    widths = np.log1p(found.high) - np.log1p(found.low)
    assert (np.diff(widths) > 0).all()
    assert found.settings == ("a straight line", "bends by 2.0% a block", "bends by 10.0% a block")


def test_an_event_study_that_cannot_be_is_refused():
    with pytest.raises(BadInput, match="no event study by poisson_etwfe of 'thefts'"):
        event_study(made_panel(firsts=(1,)))


@pytest.mark.parametrize("estimate", [estimate_imputation, estimate_callaway_santanna, estimate_sun_abraham])
def test_counts_and_ratios_that_part_are_refused_in_counts(estimate):
    panel = made_panel(places=200, treated=40, effect=0.0, mean=10, firsts=(12,))
    busier = np.where(panel.treated[:, None], 5, 1) * np.where(np.arange(24) >= 12, 0.7, 1.0)
    refused = estimate(named(panel, counts=panel.counts * busier))
    assert "if they change by the same share" in str(refused.refused)
    assert refused.change_interval is None
    assert refused.checks[-1].name == "counts or ratios, standard errors apart"
    low, high = estimate_poisson_etwfe(named(panel, counts=panel.counts * busier)).change_interval
    assert low < 0 < high


def test_a_fall_in_ratios_that_is_a_rise_in_counts_is_told():
    panel = made_panel(places=200, treated=40, effect=-0.3, mean=10, firsts=(12,))
    busier = np.where(panel.treated[:, None], 5, 1) * np.where(np.arange(24) >= 12, 2.0, 1.0)
    found = estimate_poisson_etwfe(named(panel, counts=panel.counts * busier))
    told = {check.name: check for check in found.checks}[CHANGE_IN_COUNTS]
    assert found.change_interval[1] < 0 < told.found
    assert told.passed
