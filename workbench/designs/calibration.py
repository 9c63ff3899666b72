"""Calibration weights: control places weighted so that they match the treated places' totals exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Distance = Literal["linear", "raking"]
"""How far weights are from where they start: squared over the start (and none below zero), or entropy."""

BALANCE_TOLERANCE = 1e-6
"""Largest miss of a balanced total, share of the total, or of the donors' spread where that is larger."""

_RIDGE = 1e-9
"""Pull of the multipliers towards where they were, so that constraints that say the same twice can be solved; it is
taken back step by step."""

_STEPS = 150
_LARGEST_POWER = 60.0


@dataclass(frozen=True)
class Weighting:
    """Weights of donors."""

    weights: Floats
    """(N,) each at least 0; they sum to the number of treated places where that is one of the totals."""
    miss: Floats
    """(K,) weighted donors' total less the treated places', share of the latter, or of the donors' spread."""
    steps: int
    """Newton steps it took."""

    @property
    def balanced(self) -> bool:
        """Whether all totals are met."""
        return bool(np.abs(self.miss).max(initial=0.0) <= BALANCE_TOLERANCE)

    @property
    def effective_donors(self) -> float:
        """How many equally weighted donors would carry as much information (Kish 1965)."""
        squares = float(self.weights @ self.weights)
        return float(self.weights.sum()) ** 2 / squares if squares > 0 else 0.0

    @property
    def largest_ratio(self) -> float:
        """Share of the largest weight in their sum."""
        total = float(self.weights.sum())
        return float(self.weights.max(initial=0.0)) / total if total > 0 else 0.0


def calibrate(matched: Floats, totals: Floats, start: Floats, *, distance: Distance = "linear") -> Weighting:
    """Return the weights nearest to `start` that are not negative and give the totals.

    Parameters
    ----------
    matched
        (N, K) what is matched, one row a donor; a column of ones matches how many places there are.
    totals
        (K,) sums over the treated places.
    start
        (N,) where the weights start, > 0; treated over control places, as in R's `microsynth`.

    Returns
    -------
    Weights; where no weights can give the totals, some that come near, with what they miss.

    Notes
    -----
    Deville and Särndal 1992, *Journal of the American Statistical Association* 87(418), cases 1 (cut at 0) and 2;
    Robbins, Saunders and Kilmer 2017, same journal 112(517). The dual has only K unknowns and is minimised by a
    semismooth Newton method with a line search; it is convex, so what is found is the answer.
    """
    kept, asked = _possible(matched, totals)
    size = np.sqrt((matched[kept] ** 2).mean(axis=0)) if kept.any() else np.ones(len(totals))
    size = np.where(size > 0, size, 1.0)
    scale = max(float(start[kept].sum()), 1e-300)
    dual = _Dual(matched[kept][:, asked] / size[asked], totals[asked] / size[asked] / scale, start[kept] / scale,
                 distance)  # fmt: skip
    multipliers, steps = dual.solve()
    weights = np.zeros(len(matched))
    weights[kept] = scale * dual.weights(multipliers)
    miss = (weights @ matched - totals) / np.maximum(np.abs(totals), size * scale * 1e-3)
    return Weighting(weights, miss, steps)


def _possible(matched: Floats, totals: Floats) -> tuple[Bools, Bools]:
    """Return which donors may have weight and which totals remain to be met.

    Where the treated places have nothing of a kind, no donor with some of it may be used.
    """
    nothing = np.logical_and(totals == 0, (matched >= 0).all(axis=0))
    barred: Bools = np.asarray((matched[:, nothing] > 0).any(axis=1))
    return ~barred, ~nothing


class _Dual:
    """The dual of the weights' programme, scaled so that its unknowns and its slope are of order one."""

    def __init__(self, matched: Floats, totals: Floats, start: Floats, distance: Distance) -> None:
        self._matched, self._totals, self._start, self._distance = matched, totals, start, distance

    def weights(self, multipliers: Floats) -> Floats:
        """Return the weights that go with multipliers."""
        pulls = self._matched @ multipliers
        if self._distance == "linear":
            return self._start * np.maximum(1 + pulls, 0.0)
        return self._start * np.exp(np.minimum(pulls, _LARGEST_POWER))

    def solve(self) -> tuple[Floats, int]:
        """Return the multipliers and the number of steps: rounds of Newton, each pulled to where the last ended."""
        anchor, steps = np.zeros(len(self._totals)), 0
        worst = np.inf
        while steps < _STEPS and len(self._matched):
            found, used = self._round(anchor, _STEPS - steps)
            steps += used
            missed = float(np.abs(self._slope(found)[0]).max(initial=0.0))
            anchor, worst, before = found, missed, worst
            # Impossible totals miss as much as the round before; possible ones a small fraction of it.
            if missed < 1e-12 or missed > 0.3 * before:
                break
        return anchor, steps

    def _slope(self, multipliers: Floats) -> tuple[Floats, Floats]:
        weights = self.weights(multipliers)
        return weights @ self._matched - self._totals, weights

    def _value(self, multipliers: Floats, weights: Floats, anchor: Floats) -> float:
        own = weights @ (weights / self._start) / 2 if self._distance == "linear" else weights.sum()
        away = multipliers - anchor
        return float(own - self._totals @ multipliers + _RIDGE * (away @ away) / 2)

    def _round(self, anchor: Floats, most_steps: int) -> tuple[Floats, int]:
        multipliers = anchor.copy()
        slope, weights = self._slope(multipliers)
        value = self._value(multipliers, weights, anchor)
        for step_number in range(most_steps):
            pulled = slope + _RIDGE * (multipliers - anchor)
            if np.abs(pulled).max(initial=0.0) < 1e-13:
                return multipliers, step_number
            step = -cho_solve(cho_factor(self._curvature(weights), check_finite=False), pulled, check_finite=False)
            gain, length = float(pulled @ step), 1.0
            while True:
                tried = multipliers + length * step
                tried_slope, tried_weights = self._slope(tried)
                tried_value = self._value(tried, tried_weights, anchor)
                if tried_value <= value + 1e-4 * length * gain or length < 1e-6:
                    break
                length /= 2
            if length < 1e-6:
                return multipliers, step_number  # rounding is all that is left
            multipliers, slope, weights, value = tried, tried_slope, tried_weights, tried_value
        return multipliers, most_steps

    def _curvature(self, weights: Floats) -> Floats:
        used = np.flatnonzero(weights > 0)
        slopes = self._start[used] if self._distance == "linear" else weights[used]
        rows = self._matched[used] * np.sqrt(slopes)[:, None]
        curvature: Floats = rows.T @ rows  # of one array with itself: BLAS works out half of it
        curvature[np.diag_indices_from(curvature)] += _RIDGE
        return curvature
