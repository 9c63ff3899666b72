"""Two-way fixed effects, against arithmetic and against the packages' own figures."""

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.made_panels import long_rows, made_panel
from workbench.designs.differences import (
    bacon_decomposition,
    event_study,
    first_treated_period,
    two_way_fixed_effects,
)


@pytest.fixture(scope="module")
def rows():
    return long_rows(made_panel())


def test_two_periods_and_two_groups_are_a_difference_of_differences():
    rows = pd.DataFrame(
        {"unit": list("aabbccdd"), "period": [0, 1] * 4, "y": [5.0, 9, 6, 8, 3, 4, 2, 5],
         "on": [0, 1, 0, 1, 0, 0, 0, 0]}
    )  # fmt: skip
    found = two_way_fixed_effects(rows, "y", ["on"], ["unit", "period"], errors="iid")
    assert found.effects.estimates[0] == pytest.approx((8.5 - 5.5) - (4.5 - 2.5))
    assert found.observations == 8


def test_truth_values_are_regressors_like_any_other(rows):
    as_truth = two_way_fixed_effects(rows, "count", ["on"], ["unit", "period"])
    as_number = two_way_fixed_effects(rows.astype({"on": float}), "count", ["on"], ["unit", "period"])
    assert as_truth.effects.labels == ("on",)
    assert as_truth.effects.estimates == pytest.approx(as_number.effects.estimates)


def test_standard_errors_of_one_row_a_cluster_are_the_robust_ones(rows):
    rows = rows.assign(row=np.arange(len(rows)))
    robust = two_way_fixed_effects(rows, "count", ["on"], [], errors="hetero")
    single = two_way_fixed_effects(rows, "count", ["on"], [], errors="cluster", cluster=["row"])
    assert single.effects.errors == pytest.approx(robust.effects.errors, rel=1e-3)
    assert single.clusters == len(rows)


def test_clustered_errors_count_the_effects_that_are_not_nested(rows):
    found = two_way_fixed_effects(rows, "count", ["on"], ["unit", "period"], errors="cluster", cluster=["unit"])
    y, x = (
        rows[name].astype(float) - rows.groupby("unit")[name].transform("mean")
        - rows.groupby("period")[name].transform("mean") + rows[name].mean()
        for name in ("count", "on")
    )  # fmt: skip
    scores = (x * (y - x * (x @ y) / (x @ x))).groupby(rows["unit"]).sum()
    n, units, periods = len(rows), 60, 24
    # One regressor and all but one period beside the grand mean; units are nested in the cluster.
    factor = (n - 1) / (n - 1 - periods) * units / (units - 1)
    assert found.effects.errors[0] == pytest.approx(np.sqrt(factor * (scores**2).sum()) / (x @ x))


def test_poisson_of_one_group_and_period_is_the_ratio_of_means():
    rows = pd.DataFrame({"y": [2.0, 4, 6, 12], "on": [0, 0, 1, 1]})
    found = two_way_fixed_effects(rows, "y", ["on"], [], family="poisson")
    assert np.exp(found.effects.estimates[-1]) == pytest.approx(3.0)
    assert np.isinf(found.effects.degrees)


def test_clustered_errors_without_a_cluster_are_refused(rows):
    with pytest.raises(BadInput, match="no cluster was named"):
        two_way_fixed_effects(rows, "count", ["on"], ["unit"], errors="cluster")


def test_a_missing_column_is_named(rows):
    with pytest.raises(BadInput, match="'counts' was asked for"):
        two_way_fixed_effects(rows, "counts", ["on"], ["unit"])


def test_what_the_effects_absorb_is_no_regressor(rows):
    with pytest.raises(BadInput, match="cannot be estimated"):
        two_way_fixed_effects(rows, "count", ["ever"], ["unit", "period"])


def test_an_event_study_of_one_cohort_is_differences_of_means():
    rows = long_rows(made_panel(firsts=(12,)))
    found = event_study(rows, "count", "period", "ever", ["unit", "period"], reference=12, cluster=["unit"])
    means = rows.groupby(["ever", "period"])["count"].mean()
    gap = means[True] - means[False]
    wanted = [gap[period] - gap[12] for period in found.periods]
    assert found.effects.estimates == pytest.approx(np.array(wanted))
    assert found.before == 11
    assert found.pretrend.degrees == 11


def test_a_reference_that_is_not_there_is_refused(rows):
    with pytest.raises(BadInput, match="period 99 was asked for"):
        event_study(rows, "count", "period", "ever", ["unit", "period"], reference=99, cluster=["unit"])


def test_the_decomposition_adds_up_to_what_it_decomposes(rows):
    found = bacon_decomposition(rows, "count", "unit", "period", "first")
    two_way = two_way_fixed_effects(rows, "count", ["on"], ["unit", "period"])
    assert found.estimate == pytest.approx(two_way.effects.estimates[0])
    assert sum(one.weight for one in found.comparisons) == pytest.approx(1.0)
    assert sum(one.weight * one.estimate for one in found.comparisons) == pytest.approx(found.estimate)
    kinds = ("treated_vs_untreated", "earlier_vs_later", "later_vs_earlier")
    assert sum(found.kind(kind)[0] for kind in kinds) == pytest.approx(1.0)


def test_a_panel_with_gaps_is_not_decomposed(rows):
    with pytest.raises(BadInput, match="every unit in every period"):
        bacon_decomposition(rows.iloc[1:], "count", "unit", "period", "first")


def test_first_treated_periods_are_found(rows):
    assert (first_treated_period(rows, "unit", "period", "on") == rows["first"]).all()


def test_a_unit_that_is_treated_no_longer_is_named():
    rows = long_rows(made_panel(off_at=20))
    with pytest.raises(BadInput, match="no longer in 21"):
        first_treated_period(rows, "unit", "period", "on")
