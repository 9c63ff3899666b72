"""Whether an interrupted series may be believed: neighbours in time, scatter, and breaks where nothing began."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from catalog.errors import BadInput
from workbench.designs.panel import Floats
from workbench.designs.series import Change

EDGE_PERIODS = 6
"""A placebo break has at least so many periods on either side; with fewer, one odd month looks like a change."""


@dataclass(frozen=True)
class Portmanteau:
    """Whether residuals resemble those before them."""

    statistic: float
    """Ljung and Box's Q, chi-square with `lags` degrees of freedom where they do not."""
    lags: int
    p_value: float
    first: float
    """Correlation of neighbours, −1 to 1."""


def ljung_box(residuals: Floats, lags: int | None = None) -> Portmanteau:
    """Return Ljung and Box's (1978, Biometrika 65, 297–303) test of residuals (T,) over the first `lags` lags.

    By default a fifth of the periods, at most 10 (Hyndman and Athanasopoulos 2021, Forecasting, section 5.4).
    """
    periods = len(residuals)
    lags = max(1, min(10, periods // 5)) if lags is None else lags
    if not 0 < lags < periods:
        raise BadInput(f"{lags} lags of {periods} periods; ask for 1 to {periods - 1}")
    centred = residuals - residuals.mean()
    power = float(centred @ centred) or 1.0
    shares = np.asarray([centred[lag:] @ centred[:-lag] / power for lag in range(1, lags + 1)])
    statistic = periods * (periods + 2) * float(np.sum(shares**2 / (periods - np.arange(1, lags + 1))))
    return Portmanteau(statistic, lags, float(stats.chi2.sf(statistic, lags)), float(shares[0]))


def durbin_watson(residuals: Floats) -> float:
    """Return Durbin and Watson's (1950, Biometrika 37, 409–428) statistic; 2 where neighbours do not correlate."""
    return float(np.sum(np.diff(residuals) ** 2) / np.sum(residuals**2))


@dataclass(frozen=True)
class PlaceboBreak:
    """What the method finds where nothing began."""

    at: int
    """Index of the first period after the break that was made up."""
    change_ratio: float
    p_value: float
    error: float
    """Standard error of the logarithm of 1 + change."""


def error_beyond(breaks: Sequence[PlaceboBreak]) -> float:
    """Return the standard error of a log ratio that the method's own does not account for; 0 where it does.

    Where nothing began a change should be as large as its standard error says; what is found beyond that is error
    the method does not know of. Schuemie, Ryan, DuMouchel, Suchard and Madigan (2014, Statistics in Medicine 33,
    209–218) find it so from negative controls, and Schuemie, Hripcsak, Ryan, Madigan and Suchard (2018, PNAS 115,
    2571–2577) widen intervals by it; here its mean is taken to be 0, so that a bias counts as error, by moments.
    """
    known = [one for one in breaks if np.isfinite(one.error) and one.change_ratio > -1]
    if not known:
        return 0.0
    beyond = np.mean([np.log1p(one.change_ratio) ** 2 - one.error**2 for one in known])
    return float(np.sqrt(max(beyond, 0.0)))


def placebo_breaks(before: int, fit: Callable[[int], Change], edge: int = EDGE_PERIODS) -> tuple[PlaceboBreak, ...]:
    """Return what a method finds at breaks made up within the periods before.

    Parameters
    ----------
    before
        How many periods there are before.
    fit
        What gives the change at a break, from the periods before alone; a break it cannot fit is left out.
    edge
        How many periods must stand on either side.
    """
    found = []
    for at in range(edge, before - edge + 1):
        try:
            change = fit(at)
        except BadInput:
            continue
        found.append(PlaceboBreak(at, change.ratio, change.p_value, change.error))
    return tuple(found)
