"""The ratio of what treated places had to what weighted control places had, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Variance = Literal["linearised", "clustered", "residual"]
"""`linearised`: every place and period by itself, as R's `microsynth` has it; `clustered`: whole places, so that a
place that is busy in one period may be busy in all; `residual`: whole places, and only what the matched totals do
not already say of them."""


@dataclass(frozen=True)
class Contrast:
    """Treated places against weighted control places, over the periods after."""

    treated_count: float
    """Incidents in the treated places."""
    expected_count: float
    """Weighted incidents in the control places."""
    log_error: float
    """Standard error of the logarithm of the ratio; NaN where either count is 0."""
    z: float
    """Difference of the means over its standard error."""

    @property
    def ratio(self) -> float:
        """Change against what was expected, share; −0.2 is a fifth fewer."""
        return self.treated_count / self.expected_count - 1 if self.expected_count > 0 else float("nan")

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of `ratio`, symmetric in the logarithm."""
        if not np.isfinite(self.log_error):
            return float("nan"), float("nan")
        centre, half = np.log1p(self.ratio), norm.ppf((1 + level) / 2) * self.log_error
        return float(np.expm1(centre - half)), float(np.expm1(centre + half))

    @property
    def p_lower(self) -> float:
        """Chance of a fall at least as large, were there no change."""
        return float(norm.cdf(self.z))

    @property
    def p_upper(self) -> float:
        """Chance of a rise at least as large, were there no change."""
        return float(norm.sf(self.z))

    @property
    def p_both(self) -> float:
        """Chance of a change at least as large either way, were there none."""
        return float(2 * norm.sf(abs(self.z)))


def contrast(
    outcomes: Floats,
    treated: Bools,
    weights: Floats,
    variance: Variance = "clustered",
    matched: Floats | None = None,
) -> Contrast:
    """Compare treated places with weighted control places.

    Parameters
    ----------
    outcomes
        (P, T) counts in the periods after.
    treated
        (P,)
    weights
        (P,) 1 for treated places, at least 0 for the others.
    matched
        (P, K) what the weights balance, for `residual` alone; one column must be constant.

    Notes
    -----
    The error is that of a weighted regression on period and treatment by Taylor linearisation, and of the logarithm
    of the ratio by the delta method (Robbins and Davenport 2021, *Journal of Statistical Software* 97(2)); whole
    places as clusters after Binder 1983, *International Statistical Review* 51(3); residuals after Deville and
    Särndal 1992. The first two treat the weights as given.
    """
    totals = outcomes.sum(axis=1)
    treated_count, expected = float(totals[treated].sum()), float(weights[~treated] @ totals[~treated])
    if expected <= 0:
        return Contrast(treated_count, expected, float("nan"), float("nan"))
    if variance == "residual":
        if matched is None:
            raise ValueError("residual variance needs what was matched")
        log_error, z = _residual_errors(totals, treated, weights, matched)
    else:
        log_error, z = _regression_errors(outcomes, treated, weights, clustered=variance == "clustered")
    return Contrast(treated_count, expected, log_error if treated_count > 0 else float("nan"), z)


def _regression_errors(
    outcomes: Floats, treated: Bools, weights: Floats, *, clustered: bool
) -> tuple[float, float]:
    """Return the error of the log ratio, and treatment over its error, from y ~ treatment + period."""
    places, periods = outcomes.shape
    mass = np.array([weights[~treated].sum(), weights[treated].sum()])
    # Weights are the same in every period, so the normal equations have this small form.
    normal = np.zeros((periods + 1, periods + 1))
    normal[0, 0] = periods * mass[1]
    normal[0, 1:] = normal[1:, 0] = mass[1]
    normal[1:, 1:] = np.eye(periods) * mass.sum()
    inverse = np.linalg.inv(normal)
    right = np.concatenate([[weights[treated] @ outcomes[treated].sum(axis=1)], weights @ outcomes])
    effect, *levels = inverse @ right
    weighted = weights[:, None] * (outcomes - np.asarray(levels) - effect * treated[:, None])
    if clustered:
        scores = np.column_stack([weighted.sum(axis=1) * treated, weighted])
        meat = scores.T @ scores * places / (places - 1)
    else:
        by_period = (weighted**2).sum(axis=0)
        of_treated = (weighted[treated] ** 2).sum(axis=0)
        meat = np.zeros_like(normal)
        meat[0, 0] = of_treated.sum()
        meat[0, 1:] = meat[1:, 0] = of_treated
        meat[1:, 1:] = np.diag(by_period)
        meat *= places * periods / (places * periods - 1)
    covariance = inverse @ meat @ inverse
    control = float(np.mean(levels))
    own = control + effect
    slope = np.full(periods + 1, (1 / own - 1 / control) / periods) if own > 0 and control > 0 else None
    if slope is None:
        return float("nan"), float(effect / np.sqrt(covariance[0, 0]))
    slope[0] = 1 / own
    return float(np.sqrt(slope @ covariance @ slope)), float(effect / np.sqrt(covariance[0, 0]))


def _residual_errors(totals: Floats, treated: Bools, weights: Floats, matched: Floats) -> tuple[float, float]:
    """Return the error of the log ratio, and difference over its error, of what is not explained by `matched`."""
    used = np.flatnonzero(~treated & (weights > 0))
    own, expected = float(totals[treated].sum()), float(weights[used] @ totals[used])
    count = int(treated.sum())
    of_donors, of_treated, rank = residuals(totals, treated, weights, matched)
    spare = max(len(used) - rank, 1)
    donors_variance = float(((weights[used] * of_donors) ** 2).sum()) * len(used) / spare
    treated_variance = float((of_treated**2).sum()) * count / max(count - 1, 1)
    z = (own - expected) / np.sqrt(donors_variance + treated_variance)
    return float(np.sqrt(treated_variance / own**2 + donors_variance / expected**2)) if own > 0 else np.nan, float(
        z
    )


def residuals(totals: Floats, treated: Bools, weights: Floats, matched: Floats) -> tuple[Floats, Floats, int]:
    """Return what `matched` does not say of the donors used, of the treated places, and how many figures it took.

    The treated places' part is what a regression among the weighted donors says, changed by the ratio found.
    """
    used = np.flatnonzero(~treated & (weights > 0))
    root = np.sqrt(weights[used])
    size = np.sqrt((matched[used] ** 2).mean(axis=0))
    size = np.where(size > 0, size, 1.0)
    found, _, rank, _ = np.linalg.lstsq(matched[used] / size * root[:, None], totals[used] * root, rcond=1e-10)
    said = matched / size @ found
    change = totals[treated].sum() / (weights[used] @ totals[used])
    return totals[used] - said[used], totals[treated] - change * said[treated], int(rank)
