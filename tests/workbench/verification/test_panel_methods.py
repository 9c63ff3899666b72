"""Cases of differences: parameters, results and published figures that need no data."""

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.made_panels import long_rows, made_panel
from workbench.verification.method import Inputs, Settings
from workbench.verification.panel_methods import METHODS

BY_NAME = {method.name: method for method in METHODS}
PANEL = {"outcome": "count", "unit": "unit", "period": "period", "first_treated": "first"}


@pytest.fixture(scope="module")
def rows():
    return long_rows(made_panel())


def run(name, rows, **parameters):
    method = BY_NAME[name]
    found = method.compute(Inputs("made", rows, Settings("made", parameters, method.parameters)))
    assert set(found) <= {result for result, _ in method.results}
    return found


@pytest.mark.parametrize(
    "name", ["callaway_santanna", "sun_abraham", "imputation_did", "poisson_etwfe", "bacon_decomposition"]
)
def test_first_periods_and_truth_values_say_the_same(rows, name):
    by_truth = {key: value for key, value in PANEL.items() if key != "first_treated"} | {"treated": "on"}
    one, other = run(name, rows, **PANEL), run(name, rows, **by_truth)
    key = "twfe" if name == "bacon_decomposition" else "estimate"
    assert one[key] == pytest.approx(other[key])


def test_effects_come_by_cohort_as_lists_and_by_name(rows):
    found = run("callaway_santanna", rows, **PANEL, control_group="not_yet_treated", estimation="reg")
    place = found["periods"].index(15.0)
    assert found["att"]["13"][place] == found["group_time"]["13"]["15"]
    assert found["event_se"]["0"] > 0
    assert found["low"] < found["estimate"] < found["high"]


def test_both_errors_of_a_regression_are_given(rows):
    found = run(
        "two_way_fixed_effects", rows, outcome="count", unit="unit", period="period", treated="on", cluster="unit"
    )
    assert found["se"] == found["se_cluster"] != found["se_hc"]
    assert found["clusters"] == 60
    assert found["n"] == len(rows)


def test_two_by_two_without_absorbed_effects_is_the_difference_of_means(rows):
    rows = rows[rows["first"] != 17].assign(after=lambda table: table["period"] >= 13)
    found = run("did_2x2", rows, outcome="count", treated="ever", post="after")
    mean = rows.groupby(["ever", "after"])["count"].mean()
    assert found["estimate"] == pytest.approx(
        mean[True, True] - mean[True, False] - mean[False, True] + mean[False, False]
    )


def test_four_means_are_enough_for_a_difference_of_differences():
    # Card & Krueger (1994), American Economic Review 84, table 3: full-time employment, New Jersey, Pennsylvania.
    means = {"treated_before": 20.44, "treated_after": 21.03, "control_before": 23.33, "control_after": 21.17}
    found = run("did_2x2", None, **means, standard_errors=[0.51, 0.52, 1.35, 0.94])
    assert found["estimate"] == pytest.approx(2.76, abs=0.011)
    assert found["treated_change"] == pytest.approx(0.59)
    assert found["se"] == pytest.approx(1.80, abs=0.05)
    assert "se" not in run("did_2x2", None, **means)


def test_an_event_study_by_lag_leaves_the_last_before_out(rows):
    found = run("event_study_ols", rows, **PANEL, first_lag=-6, last_lag=6)
    assert found["periods"] == [lag for lag in range(-6, 7) if lag != -1]
    assert np.array(found["vcov"]).shape == (12, 12)
    assert found["coefficients"]["3"] < 0


def test_bounds_come_from_rows_or_from_coefficients(rows):
    lags = {**PANEL, "first_lag": -4, "last_lag": 2}
    from_rows = run("smoothness_bounds", rows, **lags, m=[0, 0.1])
    from_numbers = run(
        "smoothness_bounds", None, betahat=from_rows["coefficients"], sigma=from_rows["vcov"], pre_periods=3,
        m=[0, 0.1],
    )  # fmt: skip
    assert from_numbers["intervals"]["0.1"] == pytest.approx(from_rows["intervals"]["0.1"])
    flat = [number for row in from_rows["vcov"] for number in row]
    again = run("smoothness_bounds", None, betahat=from_rows["coefficients"], sigma=flat, pre_periods=3, m=[0.1])
    assert again["low"][0] == pytest.approx(from_rows["low"][1])


def test_the_breakdown_is_where_zero_comes_in():
    known = {"betahat": [0.0, 0.0, 1.0], "sigma": (np.eye(3) / 100).tolist(), "pre_periods": 2}
    at = run("smoothness_bounds", None, **known)["breakdown"]
    assert run("smoothness_bounds", None, **known, m=[at])["low"][0] == pytest.approx(0.0, abs=1e-5)


def test_a_covariance_of_another_size_is_refused():
    with pytest.raises(BadInput, match="3 × 3"):
        run("smoothness_bounds", None, betahat=[0, 0, 1], sigma=[0.1, 0.1, 0.1], pre_periods=2)


def test_no_treatment_named_is_refused(rows):
    with pytest.raises(BadInput, match="neither `first_treated` nor `treated`"):
        run("callaway_santanna", rows, outcome="count", unit="unit", period="period")


def test_a_choice_that_there_is_not_is_refused(rows):
    with pytest.raises(BadInput, match="must be one of dr, reg, ipw"):
        run("callaway_santanna", rows, **PANEL, estimation="ols")


def test_periods_that_are_words_are_refused():
    rows = pd.DataFrame({"unit": ["a", "b"], "period": ["May", "June"], "count": [1, 2], "first": [0, 0]})
    with pytest.raises(BadInput, match="periods must be numbers"):
        run("callaway_santanna", rows, **PANEL)
