"""Staggered treatment: arithmetic, agreement between estimators, and what is refused."""

import diff_diff
import numpy as np
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.made_panels import long_rows, made_panel
from workbench.designs.extended import extended_two_way
from workbench.designs.staggered import callaway_santanna, imputation, sun_abraham

NAMES = ("count", "unit", "period", "first")


@pytest.fixture(scope="module")
def rows():
    return long_rows(made_panel())


@pytest.fixture(scope="module")
def group_time(rows):
    return callaway_santanna(rows, *NAMES)


def test_a_cell_is_a_difference_of_differences(rows, group_time):
    cell = group_time.cells.labels.index("13,15")
    means = rows.groupby(["first", "period"])["count"].mean()
    wanted = (means[13, 15] - means[13, 12]) - (means[0, 15] - means[0, 12])
    assert group_time.cells.estimates[cell] == pytest.approx(wanted)


def test_averages_and_their_errors_are_those_of_the_package(rows, group_time):
    fit = diff_diff.CallawaySantAnna(estimation_method="reg").fit(
        rows, outcome="count", unit="unit", time="period", first_treat="first"
    )
    assert group_time.simple.estimates[0] == pytest.approx(fit.overall_att)
    assert group_time.simple.errors[0] == pytest.approx(fit.overall_se)
    lags = fit.aggregate("event_study").to_dataframe()
    assert group_time.by_lag.estimates == pytest.approx(lags["att"].to_numpy())
    assert group_time.by_lag.errors == pytest.approx(lags["se"].to_numpy())
    groups = fit.aggregate("group").to_dataframe()
    assert group_time.by_cohort.errors == pytest.approx(groups["se"].to_numpy())


def test_overall_averages_are_averages(group_time):
    after = group_time.lags >= 0
    by_name = dict(zip(group_time.overall.labels, group_time.overall.estimates, strict=True))
    assert by_name["lag"] == pytest.approx(group_time.by_lag.estimates[after].mean())
    assert by_name["period"] == pytest.approx(group_time.by_period.estimates.mean())


def test_cohort_sizes_that_are_drawn_make_averages_less_certain(group_time):
    weights = np.where(group_time.periods >= group_time.cohorts, 1.0, 0.0)
    assert group_time.cells.covariance.shape == (len(weights), len(weights))
    assert group_time.overall.errors.min() > 0


def test_bases_differ_before_treatment_only(rows, group_time):
    universal = callaway_santanna(rows, *NAMES, base_period="universal")
    assert universal.simple.estimates == pytest.approx(group_time.simple.estimates)
    assert universal.by_lag.estimates[universal.lags == -1] == 0.0
    assert universal.pretrend.p_value == pytest.approx(group_time.pretrend.p_value)


def test_interaction_weighting_without_gaps_is_never_treated_group_time(rows, group_time):
    found = sun_abraham(rows, *NAMES)
    assert found.simple.estimates == pytest.approx(group_time.simple.estimates)
    for lag in ("0", "3"):
        assert found.by_lag.estimates[found.by_lag.labels.index(lag)] == pytest.approx(
            group_time.by_lag.estimates[group_time.by_lag.labels.index(lag)]
        )


def test_without_untreated_the_last_cohort_stands_in(rows):
    found = sun_abraham(rows[rows["first"] > 0], *NAMES)
    assert "treated last" in found.notes[0]
    assert found.by_cohort.labels == ("13",)
    with pytest.raises(BadInput, match="no unit is never treated"):
        callaway_santanna(rows[rows["first"] > 0], *NAMES)


def test_imputation_is_the_linear_regression_with_all_cells(rows):
    found = imputation(rows, *NAMES)
    linear = extended_two_way(rows, *NAMES, family="ols")
    assert found.simple.estimates == pytest.approx(linear.simple.estimates)
    assert found.simple.errors == pytest.approx(linear.simple.errors, rel=0.1)
    two_stage = imputation(rows, *NAMES, variance="two_stage")
    assert two_stage.simple.estimates == pytest.approx(found.simple.estimates)
    assert 0 < found.pretrend.p_value < 1
    assert two_stage.pretrend is None


def test_the_poisson_regression_is_that_of_the_package_without_covariates(rows):
    found = extended_two_way(rows, *NAMES)
    fit = diff_diff.WooldridgeDiD(method="poisson").fit(
        rows, outcome="count", unit="unit", time="period", first_treat="first"
    )
    assert found.simple.estimates[0] == pytest.approx(fit.overall_att)
    assert found.simple.errors[0] == pytest.approx(fit.overall_se, rel=1e-3)


def test_a_planted_ratio_is_found_on_the_logarithm(rows):
    found = extended_two_way(rows, *NAMES, scale="link")
    assert found.simple.low[0] < np.log(0.7) < found.simple.high[0]
    assert found.simple.high[0] < 0


def test_covariates_that_never_vary_change_nothing(rows):
    plain = extended_two_way(rows, *NAMES)
    same = extended_two_way(rows.assign(one=1.0), *NAMES, covariates=["one"])
    assert same.simple.estimates == pytest.approx(plain.simple.estimates)


def test_clusters_of_one_unit_are_units(rows, group_time):
    found = callaway_santanna(rows.assign(own=rows["unit"] * 2), *NAMES, cluster="own")
    assert found.simple.errors == pytest.approx(group_time.simple.errors)


def test_equal_weights_change_nothing(rows, group_time):
    found = callaway_santanna(rows.assign(weight=2.0), *NAMES, weights="weight")
    assert found.simple.estimates == pytest.approx(group_time.simple.estimates)
    assert found.simple.errors == pytest.approx(group_time.simple.errors)


def test_nobody_treated_is_refused(rows):
    with pytest.raises(BadInput, match="no unit becomes treated"):
        callaway_santanna(rows[rows["first"] == 0], *NAMES)


def test_negative_counts_are_refused(rows):
    with pytest.raises(BadInput, match="below zero"):
        extended_two_way(rows.assign(count=-1.0), *NAMES)
