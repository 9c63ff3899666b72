"""Places and points as cases ask for them."""

from __future__ import annotations

import geopandas
import libpysal
import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.verification.method import Inputs, Settings
from workbench.verification.place_methods import METHODS

BY_NAME = {method.name: method for method in METHODS}


def given(method_name, rows, **parameters):
    method = BY_NAME[method_name]
    return method.compute(Inputs("made", rows, Settings("made", parameters, method.parameters)))


@pytest.fixture(scope="module")
def burkitt():
    rows = geopandas.read_file(libpysal.examples.get_path("burkitt.shp"))
    return pd.DataFrame(rows.drop(columns="geometry"))


WHERE = {"x": "X", "y": "Y", "time": "T"}


def test_the_knox_test_of_the_library_s_example(burkitt):
    # Documentation of pointpats.
    found = given("knox", burkitt, **WHERE, delta=20, tau=5)
    assert found["statistic"] == 13
    assert found["p_poisson"] == pytest.approx(0.14624558197140414)
    assert found["p"] == pytest.approx(0.17, abs=0.06)
    assert found["observed"] == [[13, 3416], [39, 14110]]
    assert np.array(found["expected"]) == pytest.approx(
        np.array([[10.1438161, 3418.85618], [41.8561839, 14107.1438]])
    )


def test_dates_are_days(burkitt):
    dated = burkitt.assign(T=pd.Timestamp("1961-01-01") + pd.to_timedelta(burkitt["T"], unit="D"))
    asked = {**WHERE, "delta": 20, "tau": 5, "permutations": 9}
    assert given("knox", dated, **asked) == given("knox", burkitt, **asked)


def test_near_repeats_by_bands(burkitt):
    found = given("near_repeats", burkitt, **WHERE, distance_edges=[0, 5, 20], time_edges=[0, 5, 30, 90])
    assert np.shape(found["pairs"]) == np.shape(found["ratio"]) == np.shape(found["p"]) == (2, 3)
    assert sum(row[0] for row in found["pairs"]) == 13


def made_incidents():
    rng = np.random.default_rng(0)
    cell = rng.integers(0, 400, 8000)
    xy = np.stack([cell % 20, cell // 20], axis=1) * 100.0 + rng.uniform(0, 100, (8000, 2))
    dates = np.datetime64("2015-01-01") + rng.integers(0, 2000, 8000)
    return pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "date": dates})


def test_choosing_the_hottest_cells_makes_a_fall_of_nothing():
    found = given("regression_to_the_mean", made_incidents(), hottest=20, cell_m=100, claimed_percent=-40)
    assert found["raw_percent"] < -40
    assert found["vs_rest_percent"] < found["raw_percent"]
    assert found["raw_percent_interval"][0] < found["raw_percent_mean"] < found["raw_percent_interval"][1]
    assert found["verdict"] == "regression to the mean / no credible counterfactual"
    assert found["as_low_ratio"] > 0.5
    assert (found["dates"], found["cells_in_all"]) == (100, 400)


def test_feet_and_degrees_are_turned_into_metres():
    rows = made_incidents()
    asked = {"hottest": 20, "cell_m": 100, "dates": 30}
    metres = given("regression_to_the_mean", rows, **asked)
    feet = rows.assign(x=rows.x / 0.3048006, y=rows.y / 0.3048006)
    assert given("regression_to_the_mean", feet, metres_per_unit=0.3048006, **asked) == metres
    degrees = rows.assign(
        x=-73 + np.degrees(rows.x / 6_371_008.8 / np.cos(np.radians(40.7))),
        y=40.7 + np.degrees(rows.y / 6_371_008.8),
    )
    # The grid lies elsewhere, so cells are others; what chance does to them is much the same.
    found = given("regression_to_the_mean", degrees, degrees=True, **asked)
    assert found["vs_rest_percent"] == pytest.approx(metres["vs_rest_percent"], abs=8)


def test_displacement_by_radius_from_places():
    rows = pd.DataFrame({
        "x": [0.0, 100, 250, 900], "y": 0.0, "before": [207.0, 178, 40, 308], "after": [110.0, 157, 60, 318],
        "treated": [True, False, False, False],
    })  # fmt: skip
    found = given("displacement_by_radius", rows, radii=[0, 150, 300])
    assert found["wdq"][0] == pytest.approx(0.2581857, abs=1e-7)
    assert found["difference"][0] == pytest.approx(-130.5)
    assert found["wdq"][1] < 0
    assert (found["inner_m"], found["outer_m"]) == ([0, 150], [150, 300])
    assert "reappeared" in found["says"]
    far = rows.assign(metres=rows.x).drop(columns=["x", "y"])
    assert given("displacement_by_radius", far, distance="metres", radii=[0, 150, 300]) == found


@pytest.mark.parametrize(
    ("method", "asked", "says"),
    [
        ("knox", {"x": "easting", "delta": 1, "tau": 1}, "no|not there"),
        ("regression_to_the_mean", {"claimed_against": "all"}, "raw or rest"),
    ],
)
def test_what_cannot_be_used_is_said(method, asked, says):
    with pytest.raises(BadInput, match=says):
        given(method, made_incidents(), **asked)


def test_unknown_positions_are_said():
    rows = made_incidents()
    rows.loc[3, "x"] = np.nan
    with pytest.raises(BadInput, match="position is unknown"):
        given("regression_to_the_mean", rows, hottest=20)
