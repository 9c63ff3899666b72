"""Effects that were estimated together, with their covariance: what tables, tests and averages are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class JointTest:
    """Whether several effects are all nothing."""

    statistic: float
    """Wald statistic; divided by `degrees` where it is held against an F."""
    degrees: int
    """How many effects were tested; the rank of their covariance."""
    p_value: float


@dataclass(frozen=True)
class Effects:
    """K effects that were estimated together."""

    labels: tuple[str, ...]
    """(K,) e.g. names of regressors, cohorts, or periods since activation."""
    estimates: Floats
    """(K,)"""
    covariance: Floats
    """(K, K) of the estimates; zero in the rows of what is zero by construction."""
    degrees: float = np.inf
    """Degrees of freedom of t; infinite for the normal distribution."""
    level: float = 0.95
    """Nominal coverage of the intervals, share."""

    @property
    def errors(self) -> Floats:
        """(K,) standard errors."""
        return np.sqrt(np.clip(np.diag(self.covariance), 0.0, None))

    @property
    def statistics(self) -> Floats:
        """(K,) estimates over their standard errors; 0 for what is zero by construction."""
        return np.divide(self.estimates, self.errors, out=np.zeros_like(self.estimates), where=self.errors > 0)

    @property
    def p_values(self) -> Floats:
        """(K,) two-sided, of no effect; 1 for what is zero by construction."""
        return np.asarray(2 * stats.t.sf(np.abs(self.statistics), self.degrees))

    @property
    def margins(self) -> Floats:
        """(K,) half the width of the intervals."""
        return np.asarray(stats.t.ppf((1 + self.level) / 2, self.degrees) * self.errors)

    @property
    def low(self) -> Floats:
        """(K,)"""
        return self.estimates - self.margins

    @property
    def high(self) -> Floats:
        """(K,)"""
        return self.estimates + self.margins

    def of(self, rows: Bools) -> Effects:
        """Return the effects where `rows` (K,) is True."""
        kept = np.flatnonzero(rows)
        return Effects(
            tuple(self.labels[row] for row in kept), self.estimates[kept], self.covariance[np.ix_(kept, kept)],
            self.degrees, self.level,
        )  # fmt: skip

    def combined(self, labels: Sequence[str], weights: Floats) -> Effects:
        """Return weighted sums of the effects, one for each row of `weights` (R, K)."""
        return Effects(
            tuple(labels), weights @ self.estimates, weights @ self.covariance @ weights.T, self.degrees, self.level
        )

    def joint(self) -> JointTest | None:
        """Return the Wald test that all effects are nothing; None where there is none to test.

        Held against χ² when `degrees` is infinite, else, divided by the number of effects, against an F.
        """
        estimated = self.errors > 0
        if not estimated.any():
            return None
        covariance = self.covariance[np.ix_(estimated, estimated)]
        rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
        found = self.estimates[estimated]
        wald = float(found @ np.linalg.pinv(covariance, hermitian=True) @ found)
        if np.isinf(self.degrees):
            return JointTest(wald, rank, float(stats.chi2.sf(wald, rank)))
        return JointTest(wald / rank, rank, float(stats.f.sf(wald / rank, rank, self.degrees)))


def plain(number: float) -> str:
    """Return a period or a cohort as people write it: `2004`, `-3`, `0.5`."""
    return str(int(number)) if float(number).is_integer() else str(float(number))
