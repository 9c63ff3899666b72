"""How far trends may bend before an effect is lost: bounds where the difference in trends is smooth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from catalog.errors import BadInput
from workbench.designs.effects import Floats

MOST_KNOTS = 20
"""The path ends here at the latest, times its length: it has about as many knots as periods before."""


@dataclass(frozen=True)
class SmoothnessBound:
    """The interval for one effect, for one bound on how much trends may bend."""

    bend: float
    """M: the most the slope of the difference in trends may change from one period to the next, in the outcome's
    unit; 0 is a straight line."""
    low: float
    high: float
    center: float
    """The estimate the interval is centered on: the effect less the weighted slopes before."""
    weights: Floats
    """(pre + post,) of the coefficients in `center`."""
    worst_bias: float
    """The most `center` may be off on average."""

    @property
    def excludes_zero(self) -> bool:
        """Whether the effect is told from nothing even so."""
        return self.low > 0 or self.high < 0


def smoothness_bounds(
    estimates: Floats,
    covariance: Floats,
    before: int,
    bends: Sequence[float],
    target: Floats | None = None,
    *,
    level: float = 0.95,
) -> tuple[SmoothnessBound, ...]:
    """Return the optimal fixed-length intervals under ΔSD(M): Rambachan & Roth (2023, *Rev. Econ. Studies* 90).

    Parallel trends need not hold: the difference in trends may be any line (M = 0), or bend by up to M per period.
    The interval is centered on a weighting of the coefficients that no straight line moves, and half as wide as
    the critical value of a folded normal around its worst bias (their section 4.1; `findOptimalFLCI` in the R
    package `HonestDiD`). Which weighting is a lasso: every trade between bias and variance lies on its path.

    Parameters
    ----------
    estimates
        (K,) coefficients of an event study, oldest first, the reference period (zero) left out.
    covariance
        (K, K)
    before
        How many of them lie before the reference period.
    bends
        Bounds M to try, in the outcome's unit, ≥ 0.
    target
        (K − before,) weights of the effects after that are asked about; the first one where None.
    level
        Coverage of the intervals, share.

    Raises
    ------
    BadInput
        When nothing lies before or after the reference period, shapes differ, or a bound is negative.
    """
    after = len(estimates) - before
    if before < 1 or after < 1:
        raise BadInput(f"{before} periods before the reference and {after} after; the bounds need one of each")
    if covariance.shape != (len(estimates), len(estimates)):
        raise BadInput(f"{len(estimates)} coefficients with a covariance of {covariance.shape}")
    if min(bends, default=0.0) < 0:
        raise BadInput(f"a bend of {min(bends)}; it is a size, 0 or more")
    weights = np.eye(after)[0] if target is None else np.asarray(target, np.float64)
    if weights.shape != (after,):
        raise BadInput(f"{len(weights)} weights for {after} effects after the reference period")
    problem = _Problem(covariance, before, weights)
    return tuple(_bound(problem, estimates, bend, level) for bend in bends)


class _Problem:
    """Choose the summed slope weights u: variance u'Qu + q'u + c, bias M (b + Σ|u|), last u given.

    The estimator is target'β_post − Σ w_s (β_s − β_{s−1}) with u = cumsum(w); that no line moves it fixes the last
    u to Σ s · target_s (their equation 17).
    """

    def __init__(self, covariance: Floats, before: int, target: Floats) -> None:
        self.before, self.target = before, target
        steps = np.arange(1, len(target) + 1)
        self.last = float(steps @ target)
        # β_pre enters with weights v = u-differences of differences: v = D C u, C undoing the cumulative sum.
        difference = np.eye(before) - np.eye(before, k=-1)
        self.to_weights = difference @ difference
        pre, cross = covariance[:before, :before], covariance[:before, before:]
        self.q2 = self.to_weights.T @ pre @ self.to_weights
        self.q1 = 2 * self.to_weights.T @ cross @ target
        self.q0 = float(target @ covariance[before:, before:] @ target)
        # What bends after the reference add: sums of the target's tails, as HonestDiD has it.
        tails = [abs(float(np.arange(1, s + 1) @ target[len(target) - s :])) for s in steps]
        self.constant = sum(tails) - self.last

    def spread(self, u: Floats) -> float:
        return math.sqrt(max(float(u @ self.q2 @ u + self.q1 @ u) + self.q0, 0.0))

    def bias(self, u: Floats) -> float:
        """Worst bias for M = 1."""
        return self.constant + float(np.abs(u).sum())

    def path(self) -> list[Floats]:
        """Return the u between which all trades of variance for bias lie, from least bias to least variance.

        They minimise variance + price · Σ|u| as the price falls to nothing, and are straight between the prices at
        which one of them leaves zero or returns to it (Osborne, Presnell & Turlach 2000, *IMA J. Numer. Anal.* 20).
        """
        free = self.before - 1
        bend, slope = 2 * self.q2[:free, :free], self.q1[:free] + 2 * self.q2[:free, free] * self.last
        u, price = np.zeros(free), float(np.abs(slope).max(initial=0.0))
        active: dict[int, float] = {}
        knots = [np.append(u, self.last)]
        joins = int(np.abs(slope).argmax()) if free else None
        for _ in range(MOST_KNOTS * max(free, 1)):
            if joins is not None:
                active[joins] = -float(np.sign(bend[joins] @ u + slope[joins]))
            if not active or price <= 0:
                break
            rows, signs = list(active), np.array(list(active.values()))
            at_none, per_price = np.linalg.lstsq(
                bend[np.ix_(rows, rows)], np.column_stack([-slope[rows], signs]), rcond=None
            )[0].T
            price, joins, leaves = self._next_price(bend, slope, active, at_none, per_price, price)
            u = np.zeros(free)
            u[rows] = at_none - price * per_price
            if leaves is not None:
                u[leaves] = 0.0
                del active[leaves]
            knots.append(np.append(u, self.last))
        return knots

    @staticmethod
    def _next_price(
        bend: Floats, slope: Floats, active: dict[int, float], at_none: Floats, per_price: Floats, price: float
    ) -> tuple[float, int | None, int | None]:
        """Return the next lower price at which one u joins or leaves, and which."""
        rows, below = list(active), price * (1 - 1e-10)
        best: tuple[float, int | None, int | None] = (0.0, None, None)
        for place, row in enumerate(rows):
            found = at_none[place] / per_price[place] if per_price[place] else 0.0
            if best[0] < found < below:
                best = (float(found), None, row)
        for row in set(range(len(slope))) - set(rows):
            pull, change = bend[row, rows] @ at_none + slope[row], bend[row, rows] @ per_price
            for way in (1.0, -1.0):
                found = pull / (change + way) if change + way else 0.0
                if best[0] < found < below:
                    best = (float(found), row, None)
        return best


def _bound(problem: _Problem, estimates: Floats, bend: float, level: float) -> SmoothnessBound:
    u = _free_line(problem) if bend == 0 else _best(problem, bend, level)
    weights = np.concatenate([problem.to_weights @ u, problem.target])
    spread, worst = problem.spread(u), bend * problem.bias(u)
    half = _critical(worst / spread, level) * spread if spread else worst
    center = float(weights @ estimates)
    return SmoothnessBound(bend, center - half, center + half, center, weights, worst)


def _free_line(problem: _Problem) -> Floats:
    """Return the u of least variance: with no bend allowed there is no bias to trade it for."""
    last = problem.last
    free = problem.before - 1
    inner = np.linalg.lstsq(
        2 * problem.q2[:free, :free], -(problem.q1[:free] + 2 * problem.q2[:free, free] * last), rcond=None
    )[0]
    return np.append(inner, last)


def _best(problem: _Problem, bend: float, level: float) -> Floats:
    """Return the u of the shortest interval: its half width is convex along the path."""

    def width(u: Floats) -> float:
        spread = problem.spread(u)
        return _critical(bend * problem.bias(u) / spread, level) * spread

    knots = problem.path()
    near = int(np.argmin([width(u) for u in knots]))
    tried = [knots[near]]
    for one, other in itertools.pairwise(knots[max(near - 1, 0) : near + 2]):
        found = optimize.minimize_scalar(
            lambda share, one=one, other=other: width(one + share * (other - one)), bounds=(0.0, 1.0),
            method="bounded", options={"xatol": 1e-9},
        )  # fmt: skip
        tried.append(one + found.x * (other - one))
    return min(tried, key=width)


def _critical(shift: float, level: float) -> float:
    """Return the `level` quantile of |N(shift, 1)|."""
    high = shift + float(special.ndtri((1 + level) / 2)) + 1e-9
    # Two tails for small shifts, one for large ones, where only one is left.
    low = max(shift + float(special.ndtri(level)) - 1e-9, 0.0)
    return float(optimize.brentq(lambda x: special.ndtr(x - shift) - special.ndtr(-x - shift) - level, low, high))
