"""The methods of series as a case calls them: columns by name, and what published tables print."""

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.verification.method import Inputs, Results, Settings
from workbench.verification.series_methods import METHODS

BY_NAME = {method.name: method for method in METHODS}


def computed(name: str, rows: pd.DataFrame, **parameters: object) -> Results:
    method = BY_NAME[name]
    return method.compute(Inputs("made", rows, Settings("made", parameters, method.parameters)))


def months(step: float = -20.0, seed: int = 0) -> pd.DataFrame:
    rng, place = np.random.default_rng(seed), np.arange(48)
    on = place >= 24
    return pd.DataFrame({
        "day": pd.date_range("2016-01-01", periods=48, freq="MS").astype(str), "number": place + 1,
        "month": place % 12 + 1, "on": on.astype(int), "people": 1000.0 + place,
        "level": 100 - 0.5 * place + step * on + rng.normal(0, 1, 48),
        "count": rng.poisson(np.where(on, 80, 100) * (1 + place / 1000) * (1 + 0.2 * np.sin(np.pi * place / 6))),
    })  # fmt: skip


@pytest.mark.parametrize(
    "when",
    [
        {"time": "number", "intervention": 25},
        {"time": "day", "intervention_on": "2018-01-01"},
        {"time": "number", "interventions": [25]},
        {"time": "number", "indicator": "on"},
        {"intervention": 25},
    ],
    ids=["number", "date", "list", "indicator", "order of rows"],
)
def test_when_it_began_may_be_said_in_many_ways_and_means_the_same(when):
    got = computed("interrupted_time_series", months(), outcome="level", **when)
    same = computed("interrupted_time_series", months(), outcome="level", time="number", intervention=25)
    assert got["step"] == pytest.approx(same["step"])
    assert got["intercept"] == pytest.approx(same["intercept"])
    assert got["step"] == pytest.approx(-20, abs=2)


def test_every_coefficient_comes_with_what_a_table_prints():
    got = computed("interrupted_time_series", months(), outcome="level", intervention=25, lag=2, level=0.9)
    assert got["post_slope"] == pytest.approx(got["pre_slope"] + got["slope_change"])
    assert got["t_step"] == pytest.approx(got["step"] / got["se_step"])
    assert got["ci_step"][0] < got["step"] < got["ci_step"][1]
    assert got["coefficients"]["step"]["p"] == got["p_step"]
    assert got["standard_errors"]["newey_west"]["step"] == got["se_step"]
    assert (got["n"], got["df"], got["lag"]) == (48, 44, 2)
    assert sum(got["effects"][24:]) == pytest.approx(got["change"])
    assert 0.9 < got["r_squared"] < 1


def test_rows_out_of_order_and_gaps_change_nothing():
    rows = months()
    shuffled = pd.concat([rows.sample(frac=1, random_state=1), rows.iloc[:1].assign(level=np.nan)])
    asked = {"outcome": "level", "time": "number", "intervention": 25}
    assert computed("interrupted_time_series", shuffled, **asked)["se_step"] == pytest.approx(
        computed("interrupted_time_series", rows, **asked)["se_step"]
    )


def test_a_group_gives_the_difference_beside_both():
    rows = pd.concat([months(-20, 0).assign(place="ours"), months(-5, 1).assign(place="theirs")])
    got = computed(
        "interrupted_time_series", rows, outcome="level", time="number", intervention=25, group="place",
        treated_group="ours",
    )  # fmt: skip
    assert got["difference_step"] == pytest.approx(-15, abs=3)
    assert got["treated_step"] == pytest.approx(got["step"] + got["difference_step"])
    assert got["difference_post_slope"] == pytest.approx(got["treated_post_slope"] - got["control_post_slope"])
    with pytest.raises(BadInput, match="treated_group"):
        computed("interrupted_time_series", rows, outcome="level", intervention=25, group="place")


def test_several_interruptions_have_a_slope_after_each():
    got = computed("interrupted_time_series", months(), outcome="level", time="number", interventions=[15, 25])
    assert got["post_slope_2"] == pytest.approx(got["pre_slope"] + got["slope_change_1"] + got["slope_change_2"])
    assert got["step_2"] == pytest.approx(-20, abs=4)


def test_prais_winsten_gives_its_correlation():
    got = computed("interrupted_time_series", months(), outcome="level", intervention=25, estimator="prais_winsten")
    assert -1 < got["rho"] < 1
    with pytest.raises(BadInput, match="prais_winsten"):
        computed("interrupted_time_series", months(), outcome="level", intervention=25, estimator="gls")


def test_counts_give_rate_ratios_by_both_families_and_the_raw_change():
    asked = {
        "outcome": "count", "time": "number", "indicator": "on", "exposure": "people", "harmonics": 1,
        "season_time": "month",
    }  # fmt: skip
    got = computed("its_poisson", months(), **asked)
    assert got["rate_ratio"] == pytest.approx(0.8, abs=0.12)
    assert got["quasi"][0] == got["poisson"][0] == got["rate_ratio"]
    assert np.log(got["quasi"][2] / got["quasi"][0]) == pytest.approx(
        np.sqrt(got["dispersion"]) * np.log(got["poisson"][2] / got["poisson"][0])
    )
    rows = months()
    assert got["raw_percent"] == pytest.approx(100 * (rows["count"][24:].mean() / rows["count"][:24].mean() - 1))
    assert got["percent_change"] == pytest.approx(100 * (got["rate_ratio"] - 1))
    assert computed("its_poisson", months(), **asked, family="negative_binomial")["alpha"] >= 0
    with pytest.raises(BadInput, match="family"):
        computed("its_poisson", months(), **asked, family="gamma")


def test_nothing_that_says_when_is_an_error_that_says_how():
    with pytest.raises(BadInput, match="indicator"):
        computed("its_poisson", months(), outcome="count")
    with pytest.raises(BadInput, match="hc3"):
        computed("interrupted_time_series", months(), outcome="level", intervention=25, errors="robust")


def twins() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    control = 100 + np.cumsum(rng.normal(size=80))
    outcome = 5 + 1.1 * control + rng.normal(0, 0.5, 80) + np.where(np.arange(80) >= 60, 8.0, 0.0)
    days = pd.date_range("2020-01-01", periods=80).astype(str)
    return pd.DataFrame({"day": days, "y": outcome, "x": control, "noise": rng.normal(size=80)})


@pytest.mark.parametrize(
    "windows",
    [
        {"index": "day", "pre_period": ["2020-01-01", "2020-02-29"], "post_period": ["2020-03-01", "2020-03-20"]},
        {"index": "day", "pre_end": "2020-02-29"},
        {"index": "day", "post_start": "2020-03-01"},
        {"pre_period": [1, 60], "post_period": [61, 80], "covariates": ["x", "noise"]},
    ],
    ids=["dates", "end", "start", "rows"],
)
def test_windows_of_a_structural_series_may_be_said_in_many_ways(windows):
    got = computed("bayesian_structural_time_series", twins(), outcome="y", draws=400, burn=100, **windows)
    assert (got["n_before"], got["n_after"]) == (60, 20)
    assert got["effect"] == pytest.approx(8, abs=1.5)
    assert got["cumulative"]["effect"] == pytest.approx(20 * got["effect"])
    assert got["inclusion"]["x"] == 1
    assert got["effect_ci"][0] < got["effect"] < got["effect_ci"][1]
    assert got["p"] + got["causal_probability"] == 1


def test_a_structural_series_without_windows_or_with_an_unknown_column_says_what_to_give():
    with pytest.raises(BadInput, match="pre_period"):
        computed("bayesian_structural_time_series", twins(), outcome="y")
    with pytest.raises(BadInput, match="covariates"):
        computed("bayesian_structural_time_series", twins(), outcome="y", pre_end="60", covariates=["z"])
    with pytest.raises(BadInput, match="a first and a last"):
        computed("bayesian_structural_time_series", twins(), outcome="y", pre_period=[1])


def test_dates_where_there_are_none_say_what_to_give():
    with pytest.raises(BadInput, match="intervention_on"):
        computed("interrupted_time_series", months(), outcome="level", time="day", intervention=25)
    with pytest.raises(BadInput, match="no date"):
        computed("interrupted_time_series", months(), outcome="level", time="day", intervention_on="soon")
    words = months().assign(day="soon")
    with pytest.raises(BadInput, match="neither of numbers nor of dates"):
        computed("interrupted_time_series", words, outcome="level", time="day", indicator="on")
    with pytest.raises(BadInput, match="in index"):
        computed("bayesian_structural_time_series", twins(), outcome="y", pre_end="2020-02-29")
