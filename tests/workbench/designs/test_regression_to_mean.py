"""Choosing the hottest places, where nothing ever began."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.designs.regression_to_mean import BEYOND, VERDICT, hot_spot_null

SPAN_DAYS = 2000


def made_city(spread: float, *, cells=400, yearly=4.0, seed=0):
    """Return incidents of cells of 100 m whose yearly rates vary by `spread` and never change."""
    rng = np.random.default_rng(seed)
    rate = yearly * (rng.gamma(1 / spread, spread, cells) if spread else np.ones(cells))
    cell = np.repeat(np.arange(cells), rng.poisson(rate * SPAN_DAYS / 365))
    corner = np.stack([cell % 20, cell // 20], axis=1) * 100.0
    days = np.datetime64("2015-01-01") + rng.integers(0, SPAN_DAYS, len(cell))
    return corner + rng.uniform(0, 100, corner.shape), days


def test_the_hottest_of_equal_cells_fall_to_the_mean():
    xy_m, days = made_city(0.0)
    null = hot_spot_null(xy_m, days, cells=20, cell_m=100)
    # Of 400 Poisson counts of mean 4 the 20 highest average about 8.6; they fall back to 4.
    assert null.median_ratio() == pytest.approx(4 / 8.6 - 1, abs=0.06)
    assert null.median_ratio("rest") < null.median_ratio()
    assert null.cells_in_all == 400


def test_cells_that_differ_for_good_fall_less():
    alike, unlike = (
        hot_spot_null(*made_city(spread), cells=20, cell_m=100).median_ratio() for spread in (0.0, 2.0)
    )
    assert alike < unlike < -0.02


def test_a_span_of_choice_of_its_own_takes_the_fall_away():
    xy_m, days = made_city(0.0, seed=2)
    apart = hot_spot_null(xy_m, days, cells=20, cell_m=100, chosen_until_days=365)
    assert apart.median_ratio() == pytest.approx(0, abs=0.06)
    assert apart.median_ratio("rest") == pytest.approx(0, abs=0.06)


def test_spans_of_unlike_length_are_compared_by_their_rate():
    xy_m, days = made_city(0.0, seed=3)
    null = hot_spot_null(xy_m, days, cells=20, cell_m=100, before_days=365, after_days=180, chosen_until_days=365)
    assert null.median_ratio() == pytest.approx(0, abs=0.1)


def test_the_same_seed_draws_the_same_days_and_another_seed_others():
    city = made_city(1.0)
    one, same, other = (hot_spot_null(*city, cells=20, cell_m=100, seed=seed) for seed in (4, 4, 5))
    assert (one.began_on == same.began_on).all()
    assert (one.raw_ratio == same.raw_ratio).all()
    assert (one.began_on != other.began_on).any()
    assert (np.diff(one.began_on).astype(int) >= 0).all()


def test_moving_the_city_by_whole_cells_changes_nothing():
    xy_m, days = made_city(1.0)
    here = hot_spot_null(xy_m, days, cells=20, cell_m=100)
    there = hot_spot_null(xy_m + np.array([-50_000, 70_000]), days, cells=20, cell_m=100)
    assert (here.raw_ratio == there.raw_ratio).all()


def test_a_claim_that_choice_alone_makes_is_blocked():
    null = hot_spot_null(*made_city(0.0), cells=20, cell_m=100)
    assert null.verdict() == VERDICT
    guard = null.guard(-0.51)
    assert guard.severity == "blocks"
    assert "regression to the mean / no credible counterfactual" in guard.says.lower()
    assert "-51% claimed" in guard.says


def test_a_claim_out_of_reach_is_only_warned_of():
    null = hot_spot_null(*made_city(2.0), cells=20, cell_m=100)
    assert null.verdict(-0.9) == BEYOND
    assert null.as_low_ratio(-0.9) == 0
    assert null.guard(-0.9).severity == "warns"


def test_the_interval_holds_as_many_draws_as_it_says():
    null = hot_spot_null(*made_city(0.5), cells=20, cell_m=100)
    low, high = null.interval(0.8, "rest")
    inside = (low <= null.against_rest_ratio) & (null.against_rest_ratio <= high)
    assert inside.mean() == pytest.approx(0.8, abs=0.02)
    assert low < null.mean_ratio("rest") < high


@pytest.mark.parametrize(
    "asked", [{"cells": 400}, {"cells": 5, "before_days": 1900}, {"cells": 5, "after_days": 1900}]
)
def test_too_short_a_span_or_too_few_cells_is_said(asked):
    with pytest.raises(BadInput, match="give more of them"):
        hot_spot_null(*made_city(0.0), cell_m=100, **asked)


def test_no_incident_at_all_is_said():
    with pytest.raises(BadInput, match="0 days and 0 cells"):
        hot_spot_null(np.empty((0, 2)), np.empty(0, "datetime64[D]"), cells=5)


@pytest.mark.parametrize("asked", [{"cells": 0}, {"cells": 5, "draws": 0}, {"cells": 5, "chosen_until_days": -1}])
def test_what_is_not_above_nothing_is_said(asked):
    with pytest.raises(BadInput, match="above 0"):
        hot_spot_null(*made_city(0.0), cell_m=100, **asked)


def test_an_unknown_position_or_day_is_said():
    xy_m, days = made_city(0.0)
    nowhere, never = xy_m.copy(), days.copy()
    nowhere[3], never[3] = np.nan, np.datetime64("NaT")
    for incidents in ((nowhere, days), (xy_m, never)):
        with pytest.raises(BadInput, match="unknown"):
            hot_spot_null(*incidents, cells=20, cell_m=100)
