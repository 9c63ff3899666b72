"""Effects by cohort and period, and the averages of them that staggered treatment is reported by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.designs.effects import Bools, Effects, Floats, JointTest, plain


@dataclass(frozen=True)
class Cells:
    """K effects, each of one cohort in one period."""

    cohorts: Floats
    """(K,) first treated period of the cohort."""
    periods: Floats
    """(K,)"""
    estimates: Floats
    """(K,)"""
    shares: Floats
    """(K,) how much a cell counts in an average, e.g. the units or rows in it; > 0, in any unit."""
    covariance: Floats
    """(K, K) of the estimates, or (K + G, K + G) with that of the G cohorts' shares below, rising cohorts: where
    cohorts are drawn, and not given, an average is uncertain in its weights too."""

    @property
    def own_covariance(self) -> Floats:
        """(K, K) of the estimates alone."""
        return self.covariance[: len(self.estimates), : len(self.estimates)]


@dataclass(frozen=True)
class StaggeredEffects:
    """Effects of staggered treatment: by cohort and period, and on average."""

    cells: Effects
    """By cohort and period, labels `2004,2005`; the covariance of the estimates."""
    cohorts: Floats
    """(K,) of the cells: first treated period."""
    periods: Floats
    """(K,) of the cells."""
    simple: Effects
    """All cells after treatment, each by its share: label `att`."""
    by_cohort: Effects
    """Each cohort's mean over its periods after; labels are first treated periods."""
    by_period: Effects
    """Each calendar period's mean over cohorts treated by then; labels are periods."""
    by_lag: Effects
    """By periods since treatment, those before it too; labels are lags."""
    overall: Effects
    """Averages of the three: `cohort` (by size), `period` and `lag` (the non-negative ones; alike)."""
    pretrend: JointTest | None
    """Of all cells before treatment; None where there is none."""
    units: int
    treated_units: int
    observations: int
    notes: tuple[str, ...] = ()
    """What was left out or could not be estimated."""

    @property
    def lags(self) -> Floats:
        """(R,) the labels of `by_lag` as numbers."""
        return np.asarray([float(label) for label in self.by_lag.labels])


def averages(
    cells: Cells, *, units: int, treated_units: int, observations: int, degrees: float = np.inf,
    level: float = 0.95, balanced: int | None = None, notes: tuple[str, ...] = (),
) -> StaggeredEffects:  # fmt: skip
    """Return the averages of Callaway & Sant'Anna (2021, *Journal of Econometrics* 225), table 1.

    Parameters
    ----------
    degrees
        Degrees of freedom of t; infinite for the normal distribution.
    level
        Coverage of the intervals, share.
    balanced
        Only cohorts seen at this lag enter `by_lag`, at lags up to it; None for all.
    """
    after = cells.periods >= cells.cohorts
    lags = cells.periods - cells.cohorts
    in_lag = _balanced(cells, balanced)
    average = _Averages(cells, degrees, level)
    kept_lags = np.unique(lags[in_lag])
    last_first = kept_lags[kept_lags >= 0]
    cohort_rows = [after & (cells.cohorts == cohort) for cohort in np.unique(cells.cohorts[after])]
    period_rows = [after & (cells.periods == period) for period in np.unique(cells.periods[after])]
    lag_rows = [in_lag & (lags == lag) for lag in kept_lags]
    by_cohort = [average.of(rows, alike=True) for rows in cohort_rows]
    by_period = [average.of(rows) for rows in period_rows]
    by_lag = [average.of(rows) for rows in lag_rows]
    positive = [one for one, lag in zip(by_lag, kept_lags, strict=True) if lag >= 0]
    overall = [average.by_size(by_cohort, cohort_rows), average.mean(by_period)]
    overall += [average.mean(positive)] if len(last_first) else []
    found = Effects(_labels(cells), cells.estimates, cells.own_covariance, degrees, level)
    return StaggeredEffects(
        cells=found, cohorts=cells.cohorts, periods=cells.periods,
        simple=average.effects(["att"], [average.of(after)]),
        by_cohort=average.effects([plain(cells.cohorts[rows][0]) for rows in cohort_rows], by_cohort),
        by_period=average.effects([plain(cells.periods[rows][0]) for rows in period_rows], by_period),
        by_lag=average.effects([plain(lag) for lag in kept_lags], by_lag),
        overall=average.effects(["cohort", "period", "lag"][: len(overall)], overall),
        pretrend=found.of(~after).joint(), units=units, treated_units=treated_units, observations=observations,
        notes=notes,
    )  # fmt: skip


def _labels(cells: Cells) -> tuple[str, ...]:
    return tuple(f"{plain(g)},{plain(t)}" for g, t in zip(cells.cohorts, cells.periods, strict=True))


def _balanced(cells: Cells, balanced: int | None) -> Bools:
    lags = cells.periods - cells.cohorts
    if balanced is None:
        return np.ones(len(lags), np.bool_)
    long_enough = np.unique(cells.cohorts[lags == balanced])
    return np.asarray(np.isin(cells.cohorts, long_enough) & (lags <= balanced))


@dataclass(frozen=True)
class _Average:
    value: float
    slopes: Floats
    """Derivative by each cell's estimate and, after those, by each cohort's share."""


class _Averages:
    """Averages of cells with their derivatives, so that any two of them have a covariance."""

    def __init__(self, cells: Cells, degrees: float, level: float) -> None:
        self.cells, self.degrees, self.level = cells, degrees, level
        self.groups, self.group = np.unique(cells.cohorts, return_inverse=True)
        self.random_shares = len(cells.covariance) > len(cells.estimates)

    def of(self, rows: Bools, *, alike: bool = False) -> _Average:
        """Average the cells in `rows` (K,) by their shares, or all `alike`."""
        shares = np.where(rows, 1.0 if alike else self.cells.shares, 0.0)
        value = float(shares @ self.cells.estimates / shares.sum())
        tilt = np.where(rows & (not alike), self.cells.estimates - value, 0.0) / shares.sum()
        return _Average(value, self._slopes(shares / shares.sum(), tilt))

    def by_size(self, parts: list[_Average], rows: list[Bools]) -> _Average:
        """Average one average for each cohort by the cohort's share."""
        sizes = np.asarray([self.cells.shares[chosen][0] for chosen in rows])
        cohorts = np.asarray([self.group[chosen][0] for chosen in rows])
        value = float(sizes @ [part.value for part in parts] / sizes.sum())
        slopes = sum(size / sizes.sum() * part.slopes for size, part in zip(sizes, parts, strict=True))
        slopes = np.array(slopes, np.float64)
        if self.random_shares:
            tilt = (np.asarray([part.value for part in parts]) - value) / sizes.sum()
            np.add.at(slopes, len(self.cells.estimates) + cohorts, tilt)
        return _Average(value, slopes)

    def mean(self, parts: list[_Average]) -> _Average:
        """Average averages, all alike."""
        return _Average(
            float(np.mean([part.value for part in parts])), np.mean([part.slopes for part in parts], axis=0)
        )

    def effects(self, labels: list[str], parts: list[_Average]) -> Effects:
        """Return averages with their covariance."""
        slopes = np.array([part.slopes for part in parts])
        covariance = slopes @ self.cells.covariance @ slopes.T
        return Effects(
            tuple(labels), np.array([part.value for part in parts]), covariance, self.degrees, self.level
        )

    def _slopes(self, weights: Floats, tilt: Floats) -> Floats:
        if not self.random_shares:
            return weights
        return np.concatenate([weights, np.bincount(self.group, tilt, minlength=len(self.groups))])


def clustered(scores: Floats, clusters: NDArray[np.int64] | None) -> Floats:
    """Return the sums of rows of `scores` (N, K) by cluster: their cross product is a clustered covariance."""
    if clusters is None:
        return scores
    sums = np.zeros((int(clusters.max()) + 1, scores.shape[1]))
    np.add.at(sums, clusters, scores)
    return sums
