"""What cohorts would have counted, against regressions on single places."""

import numpy as np
import pyfixest
import pytest

from tests.workbench.designs.made_panels import long_rows, made_panel
from workbench.designs.counterfactuals import (
    Cohorts,
    against_last_before,
    cohorts_of,
    imputed,
    one_ratio,
    scaled,
    with_leads,
)
from workbench.designs.extended import extended_two_way
from workbench.designs.staggered import callaway_santanna, imputation, sun_abraham

NAMES = ("count", "unit", "period", "first")


@pytest.fixture(scope="module")
def panel():
    return made_panel()


@pytest.fixture(scope="module")
def rows(panel):
    return long_rows(panel)


def fewer(panel, counterfactual):
    """Incidents more than without cameras, in each treated place and period on average."""
    cohorts, _ = cohorts_of(panel)
    off = (cohorts.sums - counterfactual(cohorts))[cohorts.after].sum()
    return off / panel.active.sum()


def test_additive_is_callaway_santanna(panel, rows):
    found = callaway_santanna(rows, *NAMES, control_group="not_yet_treated").simple.estimates[0]
    assert fewer(panel, against_last_before("additive")) == pytest.approx(found)


def test_additive_of_never_treated_is_sun_abraham(panel, rows):
    found = sun_abraham(rows, *NAMES).simple.estimates[0]
    assert fewer(panel, against_last_before("additive", never_only=True)) == pytest.approx(found)


def test_imputed_is_imputation(panel, rows):
    assert fewer(panel, imputed) == pytest.approx(imputation(rows, *NAMES).simple.estimates[0])


def test_scaled_is_the_extended_poisson_regression(panel, rows):
    assert fewer(panel, scaled) == pytest.approx(extended_two_way(rows, *NAMES).simple.estimates[0])


def test_one_ratio_is_the_two_way_poisson_regression(panel, rows):
    fit = pyfixest.fepois("count ~ on | unit + period", rows.astype({"on": float}))
    cohorts, _ = cohorts_of(panel)
    ratio = cohorts.sums[cohorts.active].sum() / one_ratio(cohorts)[cohorts.active].sum()
    assert np.log(ratio) == pytest.approx(float(fit.coef()["on"]), abs=1e-7)


@pytest.mark.parametrize("way", [
    against_last_before("additive"), against_last_before("multiplicative"), imputed, scaled, one_ratio,
    lambda cohorts: with_leads(cohorts, 6),
])  # fmt: skip
def test_where_trends_are_exactly_parallel_nothing_is_found(way):
    season = np.array([4.0, 5, 6, 5, 4, 3])
    active = np.arange(6) >= np.array([[3], [4], [6]])
    cohorts = Cohorts(np.array([2.0, 1.0, 5.0])[:, None] * season, np.array([2.0, 1.0, 5.0]), active)
    assert way(cohorts)[:2] == pytest.approx(cohorts.sums[:2])


def test_where_nobody_is_left_to_compare_with_it_says_so():
    active = np.arange(6) >= np.array([[2], [4]])
    cohorts = Cohorts(np.full((2, 6), 3.0), np.ones(2), active)
    for way in (against_last_before("additive"), against_last_before("multiplicative"), imputed, scaled):
        found = way(cohorts)
        assert np.isnan(found[0, 4:]).all()
        assert np.isfinite(found[0, 2:4]).all()


def test_buffer_and_excluded_places_are_in_no_cohort(panel):
    roles = ("buffer", "excluded", *panel.roles[2:])
    cohorts, member = cohorts_of(type(panel)(
        panel.outcome, panel.place_ids, panel.starts, panel.end, panel.counts, panel.active, roles
    ))  # fmt: skip
    assert (member[:2] == -1).all()
    assert cohorts.sums.sum() == pytest.approx(panel.counts[2:].sum())
