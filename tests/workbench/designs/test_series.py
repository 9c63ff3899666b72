from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from catalog.errors import BadInput
from workbench.designs.segments import harmonics, segments
from workbench.designs.series import (
    automatic_lag,
    change_after,
    fit_counts,
    fit_measurements,
    fit_prais_winsten,
)

TIME = np.arange(60.0)
ON = (TIME >= 36).astype(float)


def measured(seed: int = 0, rho: float = 0.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=60)
    for at in range(1, 60):
        noise[at] += rho * noise[at - 1]
    return 100 - 0.5 * TIME - 8 * ON + 0.3 * (TIME - 36) * ON + noise


def counted(step: float = np.log(0.8), seed: int = 0, spread: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mean = np.exp(5 - 0.003 * TIME + 0.2 * np.sin(2 * np.pi * TIME / 12) + step * ON)
    if spread:
        mean = mean * rng.gamma(1 / spread, spread, 60)
    return rng.poisson(mean).astype(float)


def test_without_noise_level_slopes_and_step_are_what_they_were_made_of():
    exact = 100 - 0.5 * TIME - 8 * ON + 0.3 * (TIME - 36) * ON
    fit = fit_measurements(exact, segments(TIME, [ON]))
    assert fit.coefficients == pytest.approx([100, -0.5, -8, 0.3])
    assert fit.term("pre_slope", "slope_change").estimate == pytest.approx(-0.2)
    change = change_after(fit)
    without = 100 - 0.5 * TIME[36:]
    assert change.count == pytest.approx((exact[36:] - without).sum())
    assert change.ratio == pytest.approx(exact[36:].sum() / without.sum() - 1)


@pytest.mark.parametrize("lag", [0, 1, 4])
def test_newey_west_errors_are_those_of_statsmodels(lag: int):
    outcome, design = measured(rho=0.6), segments(TIME, [ON])
    ours = fit_measurements(outcome, design, lag=lag)
    theirs = sm.OLS(outcome, design.matrix).fit(
        cov_type="HAC", cov_kwds={"maxlags": lag, "use_correction": True}, use_t=True
    )
    assert np.sqrt(np.diag(ours.covariance)) == pytest.approx(theirs.bse)
    assert [ours.term(name).p_value for name in design.names] == pytest.approx(theirs.pvalues)
    term = ours.term("step", level=0.9)
    assert (term.low, term.high) == pytest.approx(theirs.conf_int(0.1)[2])


@pytest.mark.parametrize(("kind", "name"), [("hc0", "HC0"), ("hc1", "HC1"), ("hc3", "HC3"), ("model", "nonrobust")])
def test_other_errors_are_those_of_statsmodels(kind, name):
    outcome, design = measured(), segments(TIME, [ON])
    theirs = sm.OLS(outcome, design.matrix).fit(cov_type=name)
    fit = fit_measurements(outcome, design)
    assert dict(fit.standard_errors)[kind] == pytest.approx(theirs.bse)
    assert fit.standard_error(kind, "step") == pytest.approx(theirs.bse[2])


def test_rows_of_two_series_are_no_neighbours():
    outcome = np.concatenate([measured(1), measured(2)])
    treated = np.repeat([False, True], 60)
    design = segments(np.tile(TIME, 2), [np.tile(ON, 2)], treated=treated)
    theirs = sm.OLS(outcome, design.matrix).fit(
        cov_type="hac-panel", cov_kwds={"groups": treated.astype(int), "maxlags": 3, "use_correction": False}
    )
    ours = fit_measurements(outcome, design, lag=3, small_sample=False)
    assert np.sqrt(np.diag(ours.covariance)) == pytest.approx(theirs.bse)


def test_a_comparison_gives_the_difference_of_two_separate_series():
    treated = np.repeat([False, True], 60)
    both = fit_measurements(
        np.concatenate([measured(1), measured(2)]),
        segments(np.tile(TIME, 2), [np.tile(ON, 2)], treated=treated),
    )
    control, own = (fit_measurements(measured(seed), segments(TIME, [ON])) for seed in (1, 2))
    difference = own.term("step").estimate - control.term("step").estimate
    assert both.term("difference_step").estimate == pytest.approx(difference)


def test_prais_winsten_finds_the_correlation_that_was_made():
    found = [fit_prais_winsten(measured(seed, rho=0.6), segments(TIME, [ON])).rho for seed in range(20)]
    # Short series understate it: by about (1 + 3 ρ + columns) / T.
    assert 0.4 < np.mean(found) < 0.65


def test_prais_winsten_without_correlation_is_least_squares():
    outcome, design = measured(), segments(TIME, [ON])
    fit = fit_prais_winsten(outcome, design)
    assert abs(fit.rho) < 0.3
    assert fit.coefficients == pytest.approx(fit_measurements(outcome, design).coefficients, abs=1)


def test_counts_are_fitted_as_by_statsmodels_and_quasi_widens_by_the_dispersion():
    counts, exposure = counted(spread=0.01), np.linspace(1, 2, 60)
    names, seasons = harmonics(TIME, 2, 12)
    design = segments(TIME, [ON], slope=False, extra=seasons, extra_names=names)
    theirs = sm.GLM(counts, design.matrix, family=sm.families.Poisson(), offset=np.log(exposure)).fit()
    poisson = fit_counts(counts, design, family="poisson", offset=np.log(exposure))
    quasi = fit_counts(counts, design, offset=np.log(exposure))
    assert poisson.coefficients == pytest.approx(theirs.params, abs=1e-7)
    assert np.sqrt(np.diag(poisson.covariance)) == pytest.approx(theirs.bse)
    assert quasi.dispersion == pytest.approx(theirs.pearson_chi2 / theirs.df_resid)
    assert np.sqrt(np.diag(quasi.covariance)) == pytest.approx(theirs.bse * np.sqrt(quasi.dispersion))


def test_a_step_alone_changes_by_its_rate_ratio_and_the_count_follows_from_those_seen():
    counts = counted()
    fit = fit_counts(counts, segments(TIME, [ON], slope=False))
    change, term = change_after(fit), fit.term("step")
    assert change.ratio == pytest.approx(np.expm1(term.estimate))
    assert change.ratio_interval == pytest.approx((np.expm1(term.low), np.expm1(term.high)))
    # Poisson's scores make expected and seen after equal.
    assert change.count == pytest.approx(counts[36:].sum() - fit.without()[36:].sum())
    assert change.p_value == pytest.approx(term.p_value)


def test_the_negative_binomial_is_at_the_top_of_its_likelihood_and_gives_back_alpha():
    counts = counted(spread=0.05)
    design = segments(TIME, [ON], slope=False)
    fit = fit_counts(counts, design, family="negative_binomial")
    theirs = sm.NegativeBinomial(counts, design.matrix).fit(disp=0, maxiter=500, method="bfgs")
    assert fit.log_likelihood == pytest.approx(theirs.llf, abs=1e-3)
    assert fit.alpha == pytest.approx(theirs.params[-1], rel=0.02)


def test_a_share_gives_the_change_whatever_moves_treated_and_control_alike():
    shock = np.exp(np.random.default_rng(5).normal(0, 0.4, 60))
    treated, control = counted(seed=1) * shock, counted(step=0.0, seed=2) * shock
    design = segments(TIME, [ON], slope=False)
    fit = fit_counts(treated, design, family="quasibinomial", totals=treated + control)
    assert change_after(fit).ratio == pytest.approx(-0.2, abs=0.04)
    scaled = fit_counts(treated, design, family="quasibinomial", totals=treated + 10 * control)
    assert change_after(scaled).ratio == pytest.approx(change_after(fit).ratio, abs=0.01)


def test_intervals_cover_what_was_made_about_as_often_as_they_say():
    design = segments(TIME, [ON], slope=False, extra=harmonics(TIME, 1, 12)[1], extra_names=("sin1", "cos1"))
    held = []
    for seed in range(150):
        fit = fit_counts(counted(seed=seed, spread=0.01), design, normal=False)
        low, high = change_after(fit, level=0.9).ratio_interval
        held.append(low <= -0.2 <= high)
    assert 0.83 <= np.mean(held) <= 0.97


def test_what_cannot_be_fitted_says_what_to_do():
    with pytest.raises(BadInput, match="fewer"):
        fit_measurements(np.arange(4.0), segments(np.arange(4.0), [np.array([0.0, 0, 1, 1])]))
    with pytest.raises(BadInput, match="below 0"):
        fit_counts(np.full(60, -1.0), segments(TIME, [ON]))
    fit = fit_measurements(measured(), segments(TIME, [ON]))
    with pytest.raises(BadInput, match="no column 'stop'"):
        fit.term("stop")


def test_wider_errors_give_wider_intervals_and_the_same_change():
    fit = fit_counts(counted(), segments(TIME, [ON]))
    wide = replace(fit, covariance=4 * fit.covariance)
    assert change_after(wide).ratio == change_after(fit).ratio
    assert change_after(wide).ratio_interval[1] > change_after(fit).ratio_interval[1]


def test_the_automatic_lag_grows_slowly_with_the_longest_series():
    assert [automatic_lag(np.zeros(size, np.int64)) for size in (31, 60, 100, 400)] == [3, 3, 4, 5]
