"""Before and after in a few areas as cases ask for it: figures in parameters, a comparison a row, or a panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.verification.area_methods import METHODS
from workbench.verification.method import Inputs, Settings

BY_NAME = {method.name: method for method in METHODS}
EXAMPLE = {"treated": [207, 110], "control": [308, 318]}
"""Counts of the worked example of Wheeler & Ratcliffe (2018), Crime Science 7:11."""


def given(method_name, rows=None, **parameters):
    method = BY_NAME[method_name]
    return method.compute(Inputs("made", rows, Settings("made", parameters, method.parameters)))


def test_the_displacement_difference_of_the_article():
    moved = {"displacement_treated": [178, 157], "displacement_control": [150, 140]}
    found = given("weighted_displacement_difference", **EXAMPLE, **moved)
    assert (found["local"], found["displacement"], found["total"]) == (-107, -11, -118)
    assert (found["se"], found["z"]) == pytest.approx((39.59798, -2.97995), abs=1e-5)
    assert found["ci"] == pytest.approx([-195.61, -40.39], abs=0.005)
    assert found["refused"] == ""
    narrow = given("weighted_displacement_difference", **EXAMPLE, **moved, level=0.9)
    assert narrow["ci"][0] > found["ci"][0]


def test_weights_of_spans_and_areas():
    by_span = given("weighted_displacement_difference", treated=[80, 20], control=[100, 50], time_weights=[2, 1])
    assert (by_span["total"], by_span["se"]) == pytest.approx((-20, np.sqrt(115)))
    by_area = given("weighted_displacement_difference", **EXAMPLE, area_weights=[0.9, 1.2, 1, 1])
    # Wheeler, Using weights in regression examples: −91.9 (31.5).
    assert (by_area["local"], by_area["local_se"]) == pytest.approx((-91.9, 31.5), abs=0.05)


def test_a_control_the_size_of_a_city_is_answered_with_a_warning_beside_it():
    found = given("weighted_displacement_difference", treated=[858, 788], control=[58_109, 60_686])
    assert found["total"] == -2647
    assert "67.7 times" in found["refused"]


def test_rate_ratio_and_relative_effect_size_are_inverse():
    ratio = given("log_irr", treated=[50, 30], control=[60, 55])
    assert next(iter(ratio)) == "log_irr"
    assert (ratio["log_irr"], ratio["irr"], ratio["wdd"]) == pytest.approx((-0.4238142, 0.6545455, -15), abs=1e-7)
    size = given("relative_effect_size", treated=[50, 30], control=[60, 55])
    assert next(iter(size)) == "res"
    assert size["res"] * ratio["irr"] == pytest.approx(1)
    assert size["ln_res"] == pytest.approx(-ratio["log_irr"])
    assert size["variance"] == pytest.approx(1 / 50 + 1 / 30 + 1 / 60 + 1 / 55)


def test_dispersion_is_given_or_the_literature_s():
    twice = given("relative_effect_size", **EXAMPLE, dispersion=2)
    assert twice["variance"] == pytest.approx(2 * given("relative_effect_size", **EXAMPLE)["variance"])
    rule = given("relative_effect_size", **EXAMPLE, dispersion_rule="farrington")
    assert rule["dispersion"] == pytest.approx(0.0008 * (207 + 110 + 308 + 318) / 4 + 1.2)
    with pytest.raises(BadInput, match="given or farrington"):
        given("relative_effect_size", **EXAMPLE, dispersion_rule="guess")


def test_a_row_each_gives_lists_and_pools_them():
    rows = pd.DataFrame({"a": [100, 200], "b": [80, 190], "c": [90, 210], "d": [95, 205]})
    columns = {"treated": ["a", "b"], "control": ["c", "d"]}
    found = given("relative_effect_size", rows, columns=columns)
    alone = [given("relative_effect_size", treated=[100, 80], control=[90, 95])["res"],
             given("relative_effect_size", treated=[200, 190], control=[210, 205])["res"]]  # fmt: skip
    assert found["res"] == pytest.approx(alone)
    weights = 1 / np.array(found["variance"])
    assert found["pooled_res"] == pytest.approx(np.exp(weights @ found["ln_res"] / weights.sum()))
    assert found["pooled_res_ci"][0] < found["pooled_res"] < found["pooled_res_ci"][1]
    assert found["tau2"] >= 0


def test_columns_have_plain_names_of_their_own_and_areas_may_be_missing():
    rows = pd.DataFrame({
        "treated_before": [207.0, 100], "treated_after": [110.0, 80], "control_before": [308.0, 100],
        "control_after": [318.0, 90],
    })  # fmt: skip
    assert given("weighted_displacement_difference", rows)["total"] == [-107, -10]
    with pytest.raises(BadInput, match="no column 'control_before'"):
        given("log_irr", rows[["treated_before", "treated_after"]])
    with pytest.raises(BadInput, match="it takes"):
        given("log_irr", rows, columns={"treated": ["treated_before"]})


def test_raw_changes_are_percent_and_say_whether_one_may_be_stated():
    found = given("raw_change", treated=[200, 80], time_weights=[24, 12])
    assert (found["percent"], found["change"]) == pytest.approx((-20, -20))
    assert found["percent_may_be_stated"] is True
    assert given("raw_change", treated=[19, 8])["percent_may_be_stated"] is False


def test_the_quotient_with_its_effects():
    found = given("weighted_displacement_quotient", **EXAMPLE, buffer=[178, 157])
    assert (found["gross_effect"], found["total_net_effect"]) == pytest.approx((97, 130.5))
    assert (found["net_effect"], found["wdq"]) == pytest.approx((0.326166, 0.2581857), abs=1e-6)
    low, high = found["total_net_effect_ci"]
    assert low < 130.5 < high
    assert np.isnan(given("weighted_displacement_quotient", treated=[5, 9], control=[5, 5])["wdq"])


def test_harm_from_parameters_or_rows():
    # Wheeler (2020), Amending the WDD test to incorporate harm weights: −1721 (304.1).
    differences, harm = [-14, -42, -157, -30, -60], [3, 2, 5, 7, 10]
    errors = np.sqrt([428, 1222, 833, 386, 440])
    found = given("weighted_displacement_harm", differences=differences, standard_errors=errors.tolist(), harm=harm)
    assert (found["total"], found["se"]) == pytest.approx((-1721, 304.10360077))
    rows = pd.DataFrame({"difference": differences, "se": errors, "harm": harm})
    assert given("weighted_displacement_harm", rows) == found
    with pytest.raises(BadInput, match="be as many"):
        given("weighted_displacement_harm", differences=[1], standard_errors=[1, 2], harm=[1])


def test_one_e_test_or_several():
    # Krishnamoorthy & Thomson (2004): 0.0884 and 0.1749.
    several = given("e_test", first=[0, 6], second=[3, 2])
    assert several["p"] == pytest.approx([0.0884, 0.1749], abs=5e-5)
    assert given("e_test", counts=[6, 2])["p"] == several["p"][1]
    rows = pd.DataFrame({"first": [0, 6], "second": [3, 2]})
    assert given("e_test", rows)["p"] == several["p"]
    assert given("e_test", counts=[6, 2], exposures=[2, 1])["first_rate"] == 3
    assert given("e_test", counts=[6, 2], alternative="greater")["p"] < several["p"][1]
    assert given("c_test", counts=[0, 3])["p"] == pytest.approx(0.25)
    assert given("e_test", counts=[3, 0])["ratio"] == float("inf")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "give counts"),
        ({"counts": [1, 2, 3]}, "it takes two"),
        ({"first": [1, 2], "second": [1]}, "as many"),
        ({"counts": [1.5, 2]}, "must be whole"),
        ({"counts": [1, 2], "alternative": "more"}, "two-sided, greater or less"),
        ({"counts": [1, 2], "variance": "both"}, "unpooled or pooled"),
    ],
)
def test_what_an_e_test_cannot_use_is_said(asked, says):
    with pytest.raises(BadInput, match=says):
        given("e_test", **asked)


def made_rows():
    """Return 4 places over 8 periods, two kinds of crime; places 7 and 8 have cameras from period 5."""
    rows = pd.DataFrame([(unit, period) for unit in (5, 6, 7, 8) for period in range(1, 9)], columns=["id", "t"])
    rows["cameras"] = ((rows.id >= 7) & (rows.t >= 5)).astype(int)
    rows["theft"] = 10 + rows.t % 2 - 4 * rows.cameras
    rows["fraud"] = 6
    return rows


PANEL = {"unit": "id", "period": "t", "treated": "cameras", "outcomes": ["theft", "fraud"]}


def test_a_panel_is_counted_by_area_and_span():
    found = given("area_change", made_rows(), **PANEL)["theft"]
    counts = [found[f"{area}_{span}"] for area in ("treated", "control") for span in ("before", "after")]
    assert counts == [84, 52, 84, 84]
    assert found["raw_percent"] == pytest.approx(100 * (52 / 84 - 1))
    assert found["res"] == pytest.approx(84 / 52)
    assert (found["wdd"], found["wdd_se"]) == pytest.approx((-32, np.sqrt(84 * 3 + 52)))
    assert found["scaled_difference"] == pytest.approx(-32)
    assert found["wdd_refused"] == ""


def test_spans_of_unlike_length_are_weighted():
    asked = {**PANEL, "before": [1, 2, 3, 4], "after": [5, 6]}
    found = given("area_change", made_rows(), **asked, time_weights=[2, 1])["theft"]
    assert found["treated_after"] == 26
    assert found["control_percent"] == pytest.approx(0)
    assert found["wdd"] == pytest.approx(-16)


def test_spans_units_and_controls_may_be_named():
    rows = made_rows()
    rows["near"] = rows.id == 5
    named = {"unit": "id", "period": "t", "treated_units": ["7", "8"], "control": "near", "outcomes": ["fraud"]}
    found = given("area_change", rows, **named, before=[3, 4], after=[5, 6])["fraud"]
    assert (found["treated_before"], found["control_before"]) == (24, 12)
    with pytest.raises(BadInput, match="before and after"):
        given("area_change", rows, **named)


def test_overdispersion_is_always_reported_and_widens():
    rows = made_rows()
    rows["theft"] *= np.random.default_rng(0).choice([0, 2], len(rows))
    found = given("area_change", rows, **PANEL)["theft"]
    assert found["dispersion"] > 1
    assert found["res_ci_inflated"][0] < found["res_ci"][0]
    told = given("dispersion", rows, unit="id", period="t", outcome="theft")
    assert told["dispersion"] > 1
    assert (told["units"], told["periods"]) == (4, 8)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"outcomes": ["arson"]}, "no column"),
        ({"outcomes": []}, "no column"),
        ({"treated_units": ["99"]}, "0 of 32 rows"),
        ({"treated": "theft"}, "32 of 32 rows"),
    ],
)
def test_a_panel_that_cannot_be_compared_says_why(change, says):
    with pytest.raises(BadInput, match=says):
        given("area_change", made_rows(), **(PANEL | change))


def test_every_result_named_is_given_for_the_example():
    found = given("relative_effect_size", **EXAMPLE)
    named = {name for name, _ in BY_NAME["relative_effect_size"].results} - {"pooled_res", "random_res"}
    assert named == set(found)
