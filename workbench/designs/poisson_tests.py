"""Tests of two Poisson rates against each other, for counts too small for a normal approximation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import pdtr, pdtrc
from scipy.stats import binomtest, poisson

from catalog.errors import BadInput
from workbench.designs.panel import Floats

Alternative = Literal["two-sided", "greater", "less"]
"""What the first rate is against the second under the alternative."""

Variance = Literal["unpooled", "pooled"]
"""`unpooled`: k1 / n1² + k2 / n2², as in the article; `pooled`: both counts share one rate, as in a score test."""

_TAIL = 1e-15
"""Chance of a count beyond those summed; far below any p value worth telling apart."""

_SLACK = 1e-9
"""Relative rounding of a root of the quadratic, many times what doubles leave."""


@dataclass(frozen=True)
class RateTest:
    """Two Poisson rates compared."""

    first_rate: float
    second_rate: float
    statistic: float
    """Difference of the rates, less the one under test, over its standard error; NaN where the test has none."""
    p_value: float


def e_test(
    first_count: int,
    second_count: int,
    first_exposure: float = 1.0,
    second_exposure: float = 1.0,
    *,
    difference: float = 0.0,
    alternative: Alternative = "two-sided",
    variance: Variance = "unpooled",
) -> RateTest:
    """Return the E-test of two Poisson means (Krishnamoorthy & Thomson 2004, J. Statist. Plann. Inference 119).

    The chance, at the rates estimated under the null, of a statistic at least as extreme as the one seen. For each
    first count the second counts that are as extreme are two tails whose ends are roots of a quadratic, so the
    double sum of the article becomes one, and counts of many thousands are no trouble.

    Parameters
    ----------
    first_exposure, second_exposure
        Length of time, or size of area, each count was taken over.
    difference
        First rate less second rate under the null.

    Raises
    ------
    BadInput
        For counts below 0, exposures not above 0, no incident at all, a difference so large that the second rate
        would be negative, or a pooled variance with a difference.
    """
    counts, exposures = np.array([first_count, second_count], float), np.array([first_exposure, second_exposure])
    if (counts < 0).any() or (exposures <= 0).any() or counts.sum() == 0:
        raise BadInput(
            f"E-test of {first_count} in {first_exposure:g} and {second_count} in {second_exposure:g}: it takes "
            "counts of 0 or more, at least one incident, and exposures above 0"
        )
    if variance == "pooled" and difference:
        raise BadInput(f"E-test of a difference of {difference:g}: a pooled variance is for a difference of 0")
    second_rate = (counts.sum() - difference * first_exposure) / exposures.sum()
    if second_rate < 0 or second_rate + difference < 0:
        raise BadInput(f"E-test of a difference of {difference:g}: a rate would be negative; test a smaller one")
    weights = 1 / exposures**2 if variance == "unpooled" else np.full(2, 1 / exposures.prod())
    rates = counts / exposures
    statistic = float((rates[0] - rates[1] - difference) / np.sqrt(weights @ counts))
    means = np.array([second_rate + difference, second_rate]) * exposures
    p_value = _chance_as_extreme(statistic, means, exposures, difference, weights, alternative)
    return RateTest(float(rates[0]), float(rates[1]), statistic, p_value)


def c_test(
    first_count: int,
    second_count: int,
    first_exposure: float = 1.0,
    second_exposure: float = 1.0,
    *,
    ratio: float = 1.0,
    alternative: Alternative = "two-sided",
) -> RateTest:
    """Return the conditional test of two Poisson means (Przyborowski & Wilenski 1940, Biometrika 31).

    Given their sum the first count is binomial. Exact, and therefore cautious; the E-test finds more.

    Parameters
    ----------
    ratio
        First rate over second rate under the null.

    Raises
    ------
    BadInput
        For counts below 0, exposures or a ratio not above 0, or no incident at all.
    """
    if min(first_count, second_count) < 0 or min(first_exposure, second_exposure, ratio) <= 0:
        raise BadInput("C-test: it takes counts of 0 or more, and exposures and a ratio above 0")
    if first_count + second_count == 0:
        raise BadInput("C-test: there is no incident in either; widen the spans")
    weighted = ratio * first_exposure
    share = weighted / (weighted + second_exposure)
    found = binomtest(first_count, first_count + second_count, share, alternative=alternative)
    rates = first_count / first_exposure, second_count / second_exposure
    return RateTest(*rates, float("nan"), float(found.pvalue))


def _chance_as_extreme(
    statistic: float,
    means: Floats,
    exposures: Floats,
    difference: float,
    weights: Floats,
    alternative: Alternative,
) -> float:
    first = np.arange(poisson.ppf(_TAIL, means[0]), poisson.isf(_TAIL, means[0]) + 1)
    # (x1/n1 − d − x2/n2)² ≥ t² (w1 x1 + w2 x2), as a x2² + b x2 + c ≥ 0 for each x1.
    gap = first / exposures[0] - difference
    a = 1 / exposures[1] ** 2
    b = -2 * gap / exposures[1] - statistic**2 * weights[1]
    c = gap**2 - statistic**2 * weights[0] * first
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0))
    low, high = (-b - root) / (2 * a), (-b + root) / (2 * a)
    if alternative == "two-sided":
        tails = np.minimum(_at_most(low, means[1]) + _at_least(high, means[1]), 1.0)
    elif alternative == "greater":
        tails = _at_most(low if statistic > 0 else high, means[1])
    else:
        tails = _at_least(high if statistic < 0 else low, means[1])
    chance = float(poisson.pmf(first, means[0]) @ tails)
    # No incident at all gives no statistic: with no difference under test it is not extreme, yet counted above.
    extreme_side = (alternative == "two-sided" and statistic != 0) or (alternative == "greater" and statistic > 0)
    nothing = float(np.exp(-means.sum())) if difference == 0 and extreme_side else 0.0
    return float(np.clip(chance - nothing, 0.0, 1.0))


def _at_most(edge: Floats, mean: float) -> Floats:
    # Counts that tie with the one seen are as extreme; rounding must not put them on the wrong side.
    last = np.floor(edge + _SLACK * (1 + np.abs(edge)))
    return np.where(last >= 0, pdtr(np.maximum(last, 0), mean), 0.0)


def _at_least(edge: Floats, mean: float) -> Floats:
    first = np.ceil(edge - _SLACK * (1 + np.abs(edge)))
    return np.where(first > 0, pdtrc(np.maximum(first - 1, 0), mean), 1.0)
