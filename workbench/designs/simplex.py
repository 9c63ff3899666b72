"""Shares: weights that are not negative and sum to one, so that a mix of donors comes as near as it can."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

MOST_AUGMENTED = 150
"""Up to so many weights a penalty is added as rows of the least-squares problem; beyond it the dual is solved,
whose size is that of what is matched."""

FAINT_RIDGE = 1e-8
"""A penalty below this share of a donor's sum of squares leaves the dual too badly conditioned to be solved."""

NEWTON_STEPS = 100


def frank_wolfe(
    donors: Floats, target: Floats, ridge: float, start: Floats, *, least_fall: float, steps: int
) -> Floats:
    """Return the shares that a Frank–Wolfe search with exact line search reaches from `start`.

    It minimises what `nearest_mix` does, and stops when a step gains no more than `least_fall` in the objective
    over K: published figures that stopped there too are reproduced to their last digit.

    Notes
    -----
    Jaggi 2013, *Proceedings of the 30th International Conference on Machine Learning*.
    """
    shares, last = start.copy(), np.inf
    mixed = donors @ shares
    for _ in range(steps):
        slope = donors.T @ (mixed - target) + ridge * shares
        best = int(slope.argmin())
        towards = -shares
        towards[best] += 1
        change = donors[:, best] - mixed
        curve = float(change @ change + ridge * (towards @ towards))
        if curve > 0:
            length = min(max(float(-slope @ towards) / curve, 0.0), 1.0)
            shares = shares + length * towards
            mixed = donors @ shares
        misfit = mixed - target
        value = float(misfit @ misfit + ridge * (shares @ shares)) / len(target)
        if last - value <= least_fall:
            break
        last = value
    return shares


def nearest_mix(donors: Floats, target: Floats, ridge: float = 0.0) -> Floats:
    """Return the shares of donors whose mix is nearest to a target.

    Minimises ‖donors · w − target‖² + ridge · ‖w‖² over w ≥ 0 with sum one, to machine accuracy.

    Parameters
    ----------
    donors
        (K, N) what is matched, one column a donor.
    target
        (K,)
    ridge
        Penalty on unequal shares, in the square of the target's unit.

    Returns
    -------
    (N,) shares.

    Notes
    -----
    Without a penalty it is the point of a convex hull nearest to another point, which is one problem of
    nonnegative least squares (Lawson and Hanson 1974, *Solving Least Squares Problems*, chapter 23).
    """
    if donors.shape[1] == 1:
        return np.ones(1)
    if ridge <= 0:
        return _nearest_in_hull(donors - target[:, None])
    if donors.shape[1] <= MOST_AUGMENTED:
        penalty = np.sqrt(ridge) * np.eye(donors.shape[1])
        return _nearest_in_hull(np.vstack([donors - target[:, None], penalty]))
    if ridge < FAINT_RIDGE * float((donors**2).sum(axis=0).mean()):
        return _nearest_in_hull(donors - target[:, None])  # it would only decide between equally good mixes
    return _by_dual(donors, target, ridge)


def _nearest_in_hull(corners: Floats) -> Floats:
    """Return the shares of the point of a hull nearest to the origin.

    With u = s · w the problem min ‖C u‖² + (sum u − 1)² has, for every w, its best s at 1 / (1 + ‖C w‖²), and is
    then rising in ‖C w‖²: its solution is that of the hull, scaled.
    """
    size = np.sqrt((corners**2).sum(axis=0).mean())
    if size == 0:
        return np.full(corners.shape[1], 1 / corners.shape[1])
    stacked = np.vstack([corners / size, np.ones(corners.shape[1])])
    sought = np.zeros(len(stacked))
    sought[-1] = 1.0
    scaled, _ = nnls(stacked, sought, maxiter=50 * stacked.shape[1])
    shares: Floats = scaled / scaled.sum()
    return shares


def onto_simplex(point: Floats) -> Floats:
    """Return the shares nearest to a point (Held, Wolfe and Crowder 1974, *Mathematical Programming*)."""
    falling = np.sort(point)[::-1]
    above = np.cumsum(falling) - 1
    kept = int(np.flatnonzero(falling * np.arange(1, len(point) + 1) > above)[-1])
    shares: Floats = np.maximum(point - above[kept] / (kept + 1), 0.0)
    return shares


def _by_dual(donors: Floats, target: Floats, ridge: float) -> Floats:
    """Solve for the misfit r = target − donors · w, where w is the projection of donorsᵀ r / ridge.

    r is the minimum of a strongly convex function with as many unknowns as there are rows, found by a semismooth
    Newton method with a line search (Qi and Sun 1993, *Mathematical Programming*).
    """

    def dual(misfit: Floats) -> tuple[float, Floats]:
        pull = donors.T @ misfit / ridge
        shares = onto_simplex(pull)
        support = pull @ shares - shares @ shares / 2
        return float(misfit @ misfit / 2 - target @ misfit + ridge * support), shares

    misfit = target - donors.mean(axis=1)
    value, shares = dual(misfit)
    enough = 1e-13 * max(float(np.abs(donors).max()), float(np.abs(target).max()), 1e-300)
    for _ in range(NEWTON_STEPS):
        slope = misfit - target + donors @ shares
        if np.abs(slope).max() <= enough:
            break
        kept = donors[:, shares > 0]
        spread = kept - kept.mean(axis=1, keepdims=True)
        step = -np.linalg.solve(np.eye(len(target)) + spread @ spread.T / ridge, slope)
        length = 1.0
        while True:
            tried, tried_shares = dual(misfit + length * step)
            if tried <= value + 1e-4 * length * float(slope @ step) or length < 1e-10:
                break
            length /= 2
        if length < 1e-10:
            break  # rounding is all that is left
        misfit, value, shares = misfit + length * step, tried, tried_shares
    return shares
