from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.designs.made_panels import city_panel
from workbench.designs.aggregate import treated_series, whole_years
from workbench.designs.series_estimates import estimate_comparative_series, estimate_interrupted_series

BOTH = pytest.mark.parametrize("estimate", [estimate_interrupted_series, estimate_comparative_series])


@BOTH
def test_a_planted_fall_is_found(estimate):
    found = estimate(city_panel(-0.3))
    low, high = found.change_interval
    assert low < -0.3 < high < 0
    assert found.count_interval[0] < found.change_count < found.count_interval[1] < 0
    assert found.p_value < 0.05
    assert {check.name for check in found.checks} == {
        "residual autocorrelation p", "dispersion", "placebo breaks as large, share",
    }  # fmt: skip


@BOTH
def test_nothing_planted_is_within_the_interval_about_as_often_as_it_says(estimate):
    found = [estimate(city_panel(0.0, seed=seed), placebos=False) for seed in range(60)]
    held = [one.change_interval[0] <= 0 <= one.change_interval[1] for one in found]
    assert np.mean(held) >= 0.88
    assert abs(np.mean([one.change_ratio for one in found])) < 0.03


def test_what_moves_the_whole_city_drops_out_beside_controls_only():
    panel = city_panel(-0.3, shock=0.3)
    alone, beside = (
        one(panel, placebos=False) for one in (estimate_interrupted_series, estimate_comparative_series)
    )
    width = [one.change_interval[1] - one.change_interval[0] for one in (alone, beside)]
    assert width[1] < width[0] / 2
    assert beside.change_interval[0] < -0.3 < beside.change_interval[1]
    assert (alone.design, beside.design) == ("series", "differences")


def test_controls_ten_times_as_large_change_little():
    panel = city_panel(-0.3)
    larger = replace(panel, counts=panel.counts * np.where(panel.control, 10.0, 1.0)[:, None])
    ratios = [estimate_comparative_series(one, placebos=False).change_ratio for one in (panel, larger)]
    assert ratios[0] == pytest.approx(ratios[1], abs=0.01)


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        (city_panel(first=8), "8 periods before"),
        (city_panel(first=58), "2 periods with cameras on"),
        (city_panel(first=18), "whole years"),
        (city_panel(first=60), "no treated place"),
        (city_panel(change=-1.0), "no incident"),
    ],
    ids=["too few before", "too few after", "half a year", "never on", "none after"],
)
def test_what_cannot_be_answered_is_refused_with_what_to_do(panel, says):
    refused = estimate_interrupted_series(panel)
    assert says in refused.refused
    assert refused.change_ratio is None


def test_harmonics_that_are_asked_for_allow_windows_that_are_not_whole_years():
    assert estimate_interrupted_series(city_panel(first=20), harmonics=1, placebos=False).refused is None
    assert estimate_interrupted_series(city_panel(first=12, periods=24), placebos=False).refused is None


def test_without_controls_a_comparison_is_refused():
    panel = city_panel()
    alone = replace(panel, roles=tuple("excluded" if role == "control" else role for role in panel.roles))
    assert "name controls" in estimate_comparative_series(alone).refused
    assert estimate_interrupted_series(alone, placebos=False).refused is None


def test_the_roll_out_is_neither_before_nor_after():
    panel = city_panel(roll_out=10)
    series = treated_series(panel)
    assert series.before.sum() == 36
    assert 0 < series.left_out < 10
    found = estimate_interrupted_series(panel, placebos=False)
    assert any("roll-out" in note for note in found.notes)


def test_a_year_is_whole_to_within_half_a_period():
    assert whole_years(24, 12)
    assert not whole_years(18, 12)
    assert whole_years(104, 365.25 / 7)
    assert not whole_years(3, 12)


def test_placebo_breaks_rank_a_real_change_first_and_nothing_somewhere():
    share = {
        change: next(
            check.found
            for check in estimate_interrupted_series(city_panel(change, rate=20)).checks
            if check.name.startswith("placebo")
        )
        for change in (-0.4, 0.0)
    }
    assert share[-0.4] < 0.1 < share[0.0]


def test_a_level_that_wanders_is_covered_once_made_up_breaks_are_asked():
    def held(placebos: bool) -> float:
        found = []
        for seed in range(40):
            panel, rng = city_panel(0.0, rate=20, seed=seed), np.random.default_rng(seed)
            level = np.exp(np.cumsum(rng.normal(0, 0.06, panel.counts.shape[1])))
            counts = rng.poisson(panel.counts * level).astype(float)
            low, high = estimate_interrupted_series(
                replace(panel, counts=counts), placebos=placebos
            ).change_interval
            found.append(low <= 0 <= high)
        return float(np.mean(found))

    assert held(placebos=True) > held(placebos=False)
