"""Contrasts: ratio and errors are those of the weighted regression they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from workbench.designs.calibration import calibrate
from workbench.designs.weighted_contrast import Contrast, Variance, contrast


def weighted_places() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    level = rng.gamma(2.0, 2.0, 120)
    before, after = rng.poisson(level[:, None], (120, 6)), rng.poisson(level[:, None], (120, 4)).astype(float)
    treated = np.arange(120) < 12
    matched = np.column_stack([np.ones(120), before.sum(axis=1)])
    weights = np.ones(120)
    weights[~treated] = calibrate(matched[~treated], matched[treated].sum(axis=0), np.full(108, 12 / 108)).weights
    return after, treated, weights, matched


@pytest.mark.parametrize("variance", ["linearised", "clustered"])
def test_errors_are_those_of_a_weighted_regression_by_linearisation(variance: Variance) -> None:
    after, treated, weights, _ = weighted_places()
    long = pd.DataFrame(
        {"y": after.ravel(), "place": np.repeat(np.arange(120), 4), "period": np.tile(range(4), 120)}
    )
    design = pd.get_dummies(long["period"]).astype(float)
    design.insert(0, "treated", np.repeat(treated, 4).astype(float))
    fitted = sm.WLS(long["y"], design, weights=np.repeat(weights, 4))
    groups = long["place"] if variance == "clustered" else np.arange(len(long))
    result = fitted.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    count = 120 if variance == "clustered" else 480
    covariance = result.cov_params().to_numpy() * count / (count - 1)
    control = result.params.iloc[1:].mean()
    own = control + result.params["treated"]
    slope = np.full(5, (1 / own - 1 / control) / 4)
    slope[0] = 1 / own
    found = contrast(after, treated, weights, variance)
    assert found.log_error == pytest.approx(np.sqrt(slope @ covariance @ slope))
    assert found.z == pytest.approx(result.params["treated"] / np.sqrt(covariance[0, 0]))
    assert np.log1p(found.ratio) == pytest.approx(np.log(own / control))


def test_what_is_matched_explains_part_of_the_spread() -> None:
    after, treated, weights, matched = weighted_places()
    by_residual = contrast(after, treated, weights, "residual", matched)
    assert by_residual.log_error < 0.7 * contrast(after, treated, weights, "clustered").log_error


def test_an_interval_holds_its_ratio_and_widens_with_its_level() -> None:
    found = Contrast(80, 100, 0.1, -2.0)
    narrow, wide = found.interval(0.8), found.interval(0.99)
    assert wide[0] < narrow[0] < found.ratio < narrow[1] < wide[1]
    assert found.p_both == pytest.approx(2 * found.p_lower)
    assert found.p_lower + found.p_upper == pytest.approx(1)


def test_without_incidents_there_is_no_error() -> None:
    _, treated, weights, _ = weighted_places()
    assert np.isnan(contrast(np.zeros((120, 4)), treated, weights).log_error)


def test_residuals_need_what_was_matched() -> None:
    after, treated, weights, _ = weighted_places()
    with pytest.raises(ValueError, match="matched"):
        contrast(after, treated, weights, "residual")
