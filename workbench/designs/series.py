"""Interrupted time series: a trend, and how its level and slope changed when something began.

For measurements by least squares (Linden 2015, Stata Journal 15, 480–500) or Prais–Winsten; for counts by
generalized linear models (Lopez Bernal, Cummins and Gasparrini 2017, Int J Epidemiol 46, 348–355).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import optimize, stats

from catalog.errors import BadInput
from workbench.designs.panel import Floats
from workbench.designs.segments import Design, Whole

Family = Literal["gaussian", "poisson", "quasipoisson", "negative_binomial", "quasibinomial"]
"""How the outcome scatters around what is expected; all but `gaussian` work on the log (or log-odds) scale."""

Errors = Literal["model", "newey_west", "hc0", "hc1", "hc3"]
"""Where standard errors come from: the model itself; Newey and West (1987, Econometrica 55, 703–708), who allow for
scatter that changes and for neighbours in time that resemble each other; White's, which allow for the first."""


@dataclass(frozen=True)
class Term:
    """One figure of a regression, or a sum of several."""

    estimate: float
    standard_error: float
    statistic: float
    """Estimate over standard error: t or z."""
    p_value: float
    """Two-sided, of 0."""
    low: float
    high: float


@dataclass(frozen=True)
class SegmentedFit:
    """A segmented regression as it was fitted."""

    design: Design
    family: Family
    outcome: Floats
    """(N,)"""
    expected: Floats
    """(N,) what the regression expects."""
    coefficients: Floats
    """(K,)"""
    covariance: Floats
    """(K, K) of the coefficients, of the kind `errors`."""
    long_run: Floats
    """(K, K) the same of the kind `newey_west`."""
    errors: Errors
    standard_errors: tuple[tuple[Errors, Floats], ...]
    """(kind, (K,)) of every kind, for comparison."""
    degrees: float
    """Degrees of freedom of the t distribution; infinite for the normal."""
    lag: int
    """How many periods back Newey and West's errors look."""
    dispersion: float
    """Pearson's chi-square over its degrees of freedom; for `gaussian` the residual variance."""
    residuals: Floats
    """(N,) Pearson residuals."""
    offset: Floats
    """(N,) log of the exposure."""
    alpha: float | None = None
    """Negative binomial: variance = mean + alpha · mean²."""
    rho: float | None = None
    """Prais–Winsten: correlation of neighbouring residuals."""
    log_likelihood: float | None = None

    def term(self, *names: str, level: float = 0.95) -> Term:
        """Return a column's coefficient, or the sum of several columns'."""
        return self.combination(self.design.weights(*names), level)

    def combination(self, weights: Floats, level: float = 0.95) -> Term:
        """Return a weighted sum (K,) of the coefficients."""
        estimate, error = float(weights @ self.coefficients), float(np.sqrt(weights @ self.covariance @ weights))
        return _term(estimate, error, self.degrees, level)

    def standard_error(self, kind: Errors, name: str) -> float:
        """Return a coefficient's standard error of another kind."""
        by_kind = dict(self.standard_errors)
        return float(by_kind[kind][self.design.names.index(name)])

    def without(self) -> Floats:
        """Return (N,) what the regression expects had nothing begun."""
        return _inverse_link(self.family, self.design.without @ self.coefficients + self.offset)


def _term(estimate: float, error: float, degrees: float, level: float) -> Term:
    statistic = estimate / error if error > 0 else np.inf * np.sign(estimate)
    half = stats.t.ppf(0.5 + level / 2, degrees) * error
    p_value = 2 * stats.t.sf(abs(statistic), degrees)
    return Term(estimate, error, float(statistic), float(p_value), float(estimate - half), float(estimate + half))


def _inverse_link(family: Family, linear: Floats) -> Floats:
    if family == "gaussian":
        return linear
    return 1 / (1 + np.exp(-linear)) if family == "quasibinomial" else np.exp(linear)


def fit_measurements(
    outcome: Floats, design: Design, *, errors: Errors = "newey_west", lag: int | None = None,
    small_sample: bool = True,
) -> SegmentedFit:  # fmt: skip
    """Fit by ordinary least squares.

    Parameters
    ----------
    outcome
        (N,)
    errors
        Which standard errors intervals and p rest on; Stata's `itsa` takes `newey_west`.
    lag
        How many periods back those of Newey and West look; None for `automatic_lag`.
    small_sample
        Whether they are widened by N / (N − K), as Stata's `newey` does.
    """
    coefficients = _least_squares(outcome, design.matrix)
    expected = design.matrix @ coefficients
    residuals = outcome - expected
    degrees = len(outcome) - len(coefficients)
    variance = float(residuals @ residuals / degrees)
    log_likelihood = -len(outcome) / 2 * (np.log(2 * np.pi * residuals @ residuals / len(outcome)) + 1)
    return _with_errors(
        SegmentedFit(
            design, "gaussian", outcome, expected, coefficients, np.empty(0), np.empty(0), errors, (), degrees,
            automatic_lag(design.series) if lag is None else lag, variance, residuals, np.zeros(len(outcome)),
            log_likelihood=float(log_likelihood),
        ),
        np.ones(len(outcome)), residuals, variance, small_sample,
    )  # fmt: skip


def _least_squares(outcome: Floats, matrix: Floats) -> Floats:
    coefficients, _, rank, _ = np.linalg.lstsq(matrix, outcome)
    if rank < matrix.shape[1] or len(outcome) <= matrix.shape[1]:
        raise BadInput(
            f"{len(outcome)} periods cannot tell {matrix.shape[1]} columns apart (rank {rank}); use fewer "
            "harmonics or controls, no change of slope, or more periods"
        )
    return np.asarray(coefficients)


def automatic_lag(series: Whole) -> int:
    """Return Newey and West's lag by the rule ⌊4 (T / 100)^(2/9)⌋ for the longest series of T periods."""
    longest = int(np.unique(series, return_counts=True)[1].max())
    return int(4 * (longest / 100) ** (2 / 9))


def _with_errors(
    fit: SegmentedFit, weights: Floats, score: Floats, scale: float, small_sample: bool
) -> SegmentedFit:
    """Return the fit with covariances of every kind, from the rows' weights (N,) and scores' residuals (N,)."""
    matrix = fit.design.matrix
    bread = np.linalg.inv(matrix.T @ (weights[:, None] * matrix))
    widen = len(matrix) / (len(matrix) - matrix.shape[1])
    leverage = weights * np.einsum("ij,jk,ik->i", matrix, bread, matrix)
    scores = matrix * score[:, None]
    white = bread @ (scores.T @ scores) @ bread
    jackknife = scores / (1 - np.clip(leverage, 0, 1 - 1e-9))[:, None]
    long_run = bread @ long_run_variance(scores, fit.design.series, fit.lag) @ bread
    kinds: list[tuple[Errors, Floats]] = [
        ("model", np.asarray(bread * scale)), ("newey_west", long_run * (widen if small_sample else 1.0)),
        ("hc0", white), ("hc1", white * widen), ("hc3", bread @ (jackknife.T @ jackknife) @ bread),
    ]  # fmt: skip
    errors = tuple((kind, np.sqrt(np.diag(covariance))) for kind, covariance in kinds)
    by_kind = dict(kinds)
    return replace(fit, covariance=by_kind[fit.errors], long_run=by_kind["newey_west"], standard_errors=errors)


def long_run_variance(scores: Floats, series: Whole, lag: int) -> Floats:
    """Return (K, K) the variance of the sum of scores (N, K), neighbours up to `lag` periods apart counted.

    Bartlett's weights 1 − l / (lag + 1) as of Newey and West (1987); rows of different series are no neighbours.
    """
    meat = scores.T @ scores
    for back in range(1, lag + 1):
        same = series[back:] == series[:-back]
        across = scores[back:][same].T @ scores[:-back][same]
        meat = meat + (1 - back / (lag + 1)) * (across + across.T)
    return np.asarray(meat)


def fit_prais_winsten(
    outcome: Floats, design: Design, *, errors: Errors = "model", lag: int | None = None,
    tolerance: float = 1e-6, most_rounds: int = 100,
) -> SegmentedFit:  # fmt: skip
    """Fit by Prais and Winsten's (1954, Cowles Commission 383) iterated least squares for residuals of order one.

    The first period of each series is kept, scaled by √(1 − ρ²); ρ is the regression of a residual on the one
    before it, as in Stata's `prais`.
    """
    lag = automatic_lag(design.series) if lag is None else lag
    rho, residuals = 0.0, outcome - design.matrix @ _least_squares(outcome, design.matrix)
    same = design.series[1:] == design.series[:-1]
    for _ in range(most_rounds):
        previous = rho
        rho = float(residuals[1:][same] @ residuals[:-1][same] / (residuals[:-1][same] @ residuals[:-1][same]))
        rho = float(np.clip(rho, -0.999, 0.999))
        turned = replace(design, matrix=_quasi_difference(design.matrix, design.series, rho))
        fit = fit_measurements(
            _quasi_difference(outcome[:, None], design.series, rho)[:, 0], turned, errors=errors, lag=lag
        )
        residuals = outcome - design.matrix @ fit.coefficients
        if abs(rho - previous) < tolerance:
            break
    return replace(fit, design=design, outcome=outcome, expected=design.matrix @ fit.coefficients, rho=rho)


def _quasi_difference(columns: Floats, series: Whole, rho: float) -> Floats:
    turned = columns * np.sqrt(1 - rho**2)
    same = np.flatnonzero(series[1:] == series[:-1]) + 1
    turned[same] = columns[same] - rho * columns[same - 1]
    return np.asarray(turned)


def fit_counts(
    counts: Floats, design: Design, *, family: Family = "quasipoisson", offset: Floats | None = None,
    totals: Floats | None = None, errors: Errors = "model", lag: int | None = None, small_sample: bool = True,
    normal: bool = True,
) -> SegmentedFit:  # fmt: skip
    """Fit counts by a generalized linear model with log link.

    Parameters
    ----------
    counts
        (N,)
    family
        `quasipoisson` widens Poisson's errors by the dispersion found; `negative_binomial` takes its alpha by
        maximum likelihood, as R's `glm.nb`; `quasibinomial` is the share of `totals`, on the log-odds scale.
    offset
        (N,) log of the exposure; 0 by default.
    totals
        (N,) for `quasibinomial`: out of how many.
    normal
        Whether intervals rest on the normal distribution, as in Lopez Bernal and others; else on t with N − K.

    Raises
    ------
    BadInput
        For a negative count, too few rows, columns that cannot be told apart, or a fit that does not settle.
    """
    if np.any(counts < 0) or not np.isfinite(counts).all():
        raise BadInput("counts below 0, or missing, cannot be fitted; leave such periods out")
    offset = np.zeros(len(counts)) if offset is None else np.asarray(offset, float)
    _least_squares(counts, design.matrix)
    alpha = _negative_binomial_alpha(counts, design.matrix, offset) if family == "negative_binomial" else None
    found = _generalized(counts, design.matrix, family, offset, totals, alpha)
    mean = np.asarray(found.fittedvalues) * (1.0 if totals is None else totals)
    variance = _variance(family, mean, totals, alpha)
    degrees = len(counts) - design.matrix.shape[1]
    residuals = (counts - mean) / np.sqrt(variance)
    dispersion = float(residuals @ residuals / degrees)
    # Log and log-odds: d mean / d linear is the variance of Poisson and binomial, but the mean of neg. binomial.
    slope = mean if family == "negative_binomial" else variance
    return _with_errors(
        SegmentedFit(
            design, family, counts, mean, np.asarray(found.params), np.empty(0), np.empty(0), errors, (),
            np.inf if normal else degrees, automatic_lag(design.series) if lag is None else lag, dispersion,
            residuals, offset, alpha, log_likelihood=float(found.llf),
        ),
        slope**2 / variance, slope * (counts - mean) / variance,
        dispersion if family.startswith("quasi") else 1.0, small_sample,
    )  # fmt: skip


def _variance(family: Family, mean: Floats, totals: Floats | None, alpha: float | None) -> Floats:
    if totals is not None:
        return mean * (1 - mean / totals)
    return mean * (1 + (alpha or 0.0) * mean)


def _generalized(
    counts: Floats, matrix: Floats, family: Family, offset: Floats, totals: Floats | None, alpha: float | None
) -> Any:
    """Return statsmodels' fit; the log-likelihood of `quasi` families is that of their parent."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    outcome = counts if totals is None else np.column_stack([counts, totals - counts])
    if family == "negative_binomial":
        kind = families.NegativeBinomial(alpha=alpha)
    else:
        kind = families.Poisson() if totals is None else families.Binomial()
    found = GLM(outcome, matrix, family=kind, offset=offset).fit(tol=1e-10)
    if not found.converged:
        raise BadInput(f"the {family} regression of {len(counts)} periods does not settle; is there a segment "
                       "without a single incident?")  # fmt: skip
    return found


def _negative_binomial_alpha(counts: Floats, matrix: Floats, offset: Floats) -> float:
    """Return the alpha of the highest likelihood; at the lowest searched the model is Poisson's."""

    def cost(log_alpha: float) -> float:
        return -float(_generalized(counts, matrix, "negative_binomial", offset, None, float(np.exp(log_alpha))).llf)

    found = optimize.minimize_scalar(cost, bounds=(-14.0, 4.0), method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Change:
    """How much there was after, against what the regression expects had nothing begun."""

    ratio: float
    """Share of what would have been: −0.2 is a fifth less."""
    ratio_interval: tuple[float, float]
    count: float
    """More (or, negative, fewer) than would have been, summed over the rows."""
    count_interval: tuple[float, float]
    p_value: float
    error: float = float("nan")
    """Standard error of the logarithm of 1 + ratio; NaN for measurements."""


def change_after(fit: SegmentedFit, level: float = 0.95, further: float = 0.0) -> Change:
    """Return the change over all rows after, by the delta method.

    On the log and log-odds scales the ratio of what is expected with and without is taken on the log scale, and the
    count from the incidents seen: seen · (1 − 1 / ratio). For measurements, the difference itself.

    Parameters
    ----------
    further
        Standard error of the log ratio that the regression itself does not know of; not of measurements.
    """
    if fit.family == "gaussian":
        return _difference(fit, level)
    log_ratio = _log_ratio(fit, level)
    if further > 0:
        error = float(np.hypot(log_ratio.standard_error, further))
        log_ratio = _term(log_ratio.estimate, error, fit.degrees, level)
    seen = float(fit.outcome[fit.design.after].sum())
    low, middle, high = (seen * -np.expm1(-one) for one in (log_ratio.low, log_ratio.estimate, log_ratio.high))
    return Change(
        float(np.expm1(log_ratio.estimate)), (float(np.expm1(log_ratio.low)), float(np.expm1(log_ratio.high))),
        float(middle), (float(low), float(high)), log_ratio.p_value, log_ratio.standard_error,
    )  # fmt: skip


def _log_ratio(fit: SegmentedFit, level: float) -> Term:
    rows = fit.design.after
    with_, without = fit.design.matrix[rows], fit.design.without[rows]
    if fit.family == "quasibinomial":
        # Of a share the odds are the ratio of treated to control, and controls are as they are with or without.
        return fit.combination((with_ - without).mean(axis=0), level)
    expected, otherwise = fit.expected[rows], fit.without()[rows]
    gradient = expected @ with_ / expected.sum() - otherwise @ without / otherwise.sum()
    error = float(np.sqrt(gradient @ fit.covariance @ gradient))
    return _term(float(np.log(expected.sum() / otherwise.sum())), error, fit.degrees, level)


def _difference(fit: SegmentedFit, level: float) -> Change:
    rows = fit.design.after
    weights = (fit.design.matrix - fit.design.without)[rows].sum(axis=0)
    difference, otherwise = fit.combination(weights, level), float(fit.without()[rows].sum())
    ratio = difference.estimate / otherwise
    gradient = (weights - ratio * fit.design.without[rows].sum(axis=0)) / otherwise
    of_ratio = _term(ratio, float(np.sqrt(gradient @ fit.covariance @ gradient)), fit.degrees, level)
    return Change(
        ratio, (of_ratio.low, of_ratio.high), difference.estimate, (difference.low, difference.high),
        difference.p_value,
    )  # fmt: skip
