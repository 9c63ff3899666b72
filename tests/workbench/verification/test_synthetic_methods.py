"""Methods with synthetic counterfactuals, as a stranger's cases name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.verification.case import leaves
from workbench.verification.method import Inputs, Settings
from workbench.verification.synthetic_methods import METHODS

BY_NAME = {method.name: method for method in METHODS}


def compute(name: str, rows: pd.DataFrame, parameters: Mapping[str, object]) -> dict[str, Any]:
    method = BY_NAME[name]
    settings = Settings("made", parameters, method.parameters)
    return cast(dict[str, Any], dict(method.compute(Inputs("made", rows, settings))))


def regions(effect: float = -4.0) -> pd.DataFrame:
    """Eight regions over 1991 to 2010; `r0` is half `r1`, half `r2`, and changes by `effect` from 2003 on."""
    rng = np.random.default_rng(1)
    years = np.arange(1991, 2011)
    levels = 30 + rng.normal(size=(8, 1)) * 4 + rng.normal(size=(8, 20)).cumsum(axis=1)
    income = rng.normal(100, 10, size=(8, 1)) + np.zeros((8, 20))
    levels[0], income[0] = levels[1:3].mean(axis=0), income[1:3].mean(axis=0)
    levels[0, years >= 2003] += effect
    return pd.DataFrame({
        "region": np.repeat([f"r{number}" for number in range(8)], 20), "year": np.tile(years, 8),
        "crime": levels.ravel(), "income": income.ravel(),
        "law": ((np.repeat(np.arange(8), 20) == 0) & (np.tile(years, 8) >= 2003)).astype(int),
    })  # fmt: skip


REGIONS = {"unit": "region", "period": "year", "outcome": "crime"}


def test_a_synthetic_control_is_asked_for_by_unit_and_date_or_by_a_column() -> None:
    by_column = compute("synthetic_control", regions(), {**REGIONS, "treated": "law"})
    by_name = compute("synthetic_control", regions(), {**REGIONS, "treated_unit": "r0", "treated_from": 2003})
    assert by_column == by_name
    assert by_column["att"] == pytest.approx(-4.0)
    assert by_column["weights"]["r1"] == pytest.approx(0.5)
    assert by_column["gap"]["2002"] == pytest.approx(0.0, abs=1e-6)
    assert by_column["gap"]["2010"] == pytest.approx(-4.0)


def test_predictors_are_described_in_many_ways() -> None:
    special = {
        "crime": [[1995], [1998, 2000]],
        "early": {"column": "crime", "from": 1991, "to": 1994, "every": 2, "statistic": "median"},
        "income": 2001,
    }
    found = compute("synthetic_control", regions(), {
        **REGIONS, "treated": "law", "predictors": ["income"], "predictors_from": 1995,
        "special_predictors": special, "importance": [1, 1, 1, 1, 1], "fit_to": 2000,
    })  # fmt: skip
    names = ["income", "crime 1995", "crime 1998-2000", "early 1991-1993", "income 2001"]
    assert list(found["predictors"]) == names
    rows = regions().set_index(["region", "year"])["crime"]
    assert found["predictors"]["crime 1998-2000"]["treated"] == pytest.approx(rows["r0"][[1998, 2000]].mean())
    assert found["predictors"]["early 1991-1993"]["treated"] == pytest.approx(rows["r0"][[1991, 1993]].median())
    assert found["weights"]["r1"] + found["weights"]["r2"] == pytest.approx(1, abs=1e-5)


def test_placebos_rank_the_treated_unit() -> None:
    found = compute(
        "synthetic_control", regions(), {**REGIONS, "treated": "law", "placebos": True, "in_time": [1999]}
    )
    assert found["rank"] == 1
    assert found["p_value"] == pytest.approx(1 / 8)
    assert len(found["placebo_att"]) == 7
    assert found["in_time"]["1999"]["att"] == pytest.approx(0, abs=1e-6)


def test_a_column_a_unit_says_the_same_as_a_row_a_unit_and_period() -> None:
    rows = regions()
    long = compute("synthetic_control", rows, {**REGIONS, "treated": "law", "importance": [1, 2],
                   "special_predictors": {"crime": 1995, "income": 1991}})  # fmt: skip
    wide = rows.pivot(index="year", columns="region", values="crime").reset_index(drop=True)
    top = pd.DataFrame([wide.loc[4], rows[rows["year"] == 1991].set_index("region")["income"]])
    turned = compute("synthetic_control", pd.concat([top, wide], ignore_index=True), {
        "layout": "transposed", "treated_unit": "r0", "treated_from": 2003, "first_period": 1991,
        "predictor_rows": [0, 1], "importance": [1, 2],
    })  # fmt: skip
    assert turned["att"] == pytest.approx(long["att"])
    assert turned["gap"] == pytest.approx(long["gap"])


def test_the_raw_change_stands_beside_the_one_against_donors() -> None:
    found = compute("raw_versus_synthetic", regions(), {**REGIONS, "treated": "law"})
    rows = regions().set_index(["region", "year"])["crime"]["r0"]
    assert found["raw_pct"] == pytest.approx(100 * (rows.loc[2003:].mean() / rows.loc[:2002].mean() - 1))
    assert found["sc_difference"] == pytest.approx(-4.0)
    assert found["sc_pct"] == pytest.approx(100 * -4.0 / (rows.loc[2003:].mean() + 4.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"treated_unit": "r9", "treated_from": 2003}, "no unit 'r9'"),
        ({"treated_unit": "r0"}, "give `treated_unit` and `treated_from`"),
        ({"treated": "law", "special_predictors": {"crime": 1900}}, "asks for period 1900"),
        ({"treated": "law", "starts": ["anywhere"]}, "none of equal, regression"),
        ({"treated": "law", "importance": [1, 2], "predictors": ["income"]}, "2 importances for 1 predictors"),
        ({"treated": "law", "predictors": ["incom"]}, "no column 'incom'"),
        ({"treated": "law", "special_predictors": {"crime": {"form": 1995}}}, "has no 'form'"),
        ({"treated": "law", "in_time": [2005]}, "in_time needs periods before"),
    ],
)
def test_what_cannot_be_done_is_said(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        compute("synthetic_control", regions(), {**REGIONS, **change})


def test_synthetic_did_gives_all_three_with_an_error_and_weights() -> None:
    found = compute("synthetic_difference_in_differences", regions(), {
        **REGIONS, "treated": "law", "replications": 0, "solver": "exact"
    })  # fmt: skip
    assert found["estimate"] == found["sdid"] == pytest.approx(-4.0, abs=1.5)
    rows = regions().assign(after=lambda rows: rows["year"] >= 2003, own=lambda rows: rows["region"] == "r0")
    means = rows.groupby(["own", "after"])["crime"].mean()
    assert found["did"] == pytest.approx(
        means[True, True] - means[True, False] - means[False, True] + means[False, False]
    )
    assert found["sc"] == pytest.approx(-4.0, abs=0.01)
    assert sum(found["unit_weights"].values()) == pytest.approx(1)
    assert sum(found["time_weights"].values()) == pytest.approx(1)
    assert found["ci"][0] < found["estimate"] < found["ci"][1]
    assert found["placebo_se"] == found["se"] > 0


def test_dates_may_differ_and_covariates_are_taken_out_first() -> None:
    rows = regions()
    rows.loc[(rows["region"] == "r5") & (rows["year"] >= 2007), ["law"]] = 1
    rows["moving"] = np.sin(np.arange(len(rows)))
    rows["crime"] += 10 * rows["moving"]
    asked = {**REGIONS, "treated": "law", "replications": 20, "covariates": ["moving"]}
    found = compute("synthetic_difference_in_differences", rows, asked)
    assert list(found["cohorts"]) == ["2003", "2007"]
    assert found["cohorts"]["2003"]["estimate"] == pytest.approx(-4.0, abs=1.5)
    shares = np.array([8, 4]) / 12
    assert found["estimate"] == pytest.approx(shares @ [one["estimate"] for one in found["cohorts"].values()])
    assert found["se"] > 0


def blocks(change: float = 1.0) -> pd.DataFrame:
    """Sixty blocks over ten quarters; five are treated in the last two."""
    rng = np.random.default_rng(2)
    level = rng.gamma(3.0, 2.0, 60)
    mean = np.repeat(level[:, None], 10, axis=1)
    mean[:5, 8:] *= change
    return pd.DataFrame({
        "block": np.repeat(np.arange(60) + 1e14, 10), "quarter": np.tile(np.arange(1, 11), 60),
        "thefts": rng.poisson(mean).ravel(), "people": np.repeat(rng.integers(20, 80, 60), 10),
        "treated": np.repeat(np.arange(60) < 5, 10).astype(float),
    })  # fmt: skip


BLOCKS = {
    "unit": "block", "period": "quarter", "treated": "treated", "outcomes": ["thefts"], "last_before": 8,
    "match_covariates": ["people"], "match_every": 4,
}  # fmt: skip


def test_calibration_balances_and_says_everything_by_outcome() -> None:
    found = compute("calibration_synthetic_control", blocks(), {**BLOCKS, "permutations": 20})
    assert found["balanced"] is True
    assert found["constraints"] == 4
    assert found["weight_sum"] == pytest.approx(5)
    thefts = found["thefts"]
    assert thefts["pct"] == pytest.approx(thefts["trt"] / thefts["con"] - 1)
    assert thefts["lin_ci90"] == thefts["ci90"] == [thefts["ci_lower"], thefts["ci_upper"]]
    assert thefts["lin_p_both"] == pytest.approx(2 * min(thefts["lin_p_lower"], thefts["lin_p_upper"]))
    assert {"clustered_se", "residual_ci90", "perm_p_both", "perm_draws"} <= set(thefts)
    assert all(isinstance(value, float | int | str | bool) for _, value in leaves(found))


def test_a_treatment_dated_by_its_column_needs_no_last_period() -> None:
    rows = blocks()
    dated = rows.assign(treated=rows["treated"] * (rows["quarter"] > 8))
    without = {key: value for key, value in BLOCKS.items() if key != "last_before"}
    assert compute("calibration_synthetic_control", dated, without) == compute(
        "calibration_synthetic_control", rows, BLOCKS
    )
    with pytest.raises(BadInput, match="give `last_before`"):
        compute("calibration_synthetic_control", rows, without)


def test_totals_that_cannot_be_met_are_refused_and_say_why() -> None:
    rows = blocks()
    rows.loc[(rows["treated"] == 1) & (rows["quarter"] == 3), "thefts"] = 500
    found = compute("calibration_synthetic_control", rows, BLOCKS)
    assert found["balanced"] is False
    assert "effective donors" in found["refused"]
    assert "thefts" not in found


def test_a_block_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="100000000000000 has period 1 twice"):
        compute("calibration_synthetic_control", pd.concat([blocks(), blocks()]), BLOCKS)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_parameter_is_described_and_none_twice(method: Any) -> None:
    names = [parameter.name for parameter in method.parameters]
    assert len(set(names)) == len(names)
    assert all(parameter.words for parameter in method.parameters)
