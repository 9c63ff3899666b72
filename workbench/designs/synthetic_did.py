"""Synthetic difference-in-differences, and the two methods it lies between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.designs.simplex import frank_wolfe, nearest_mix

Floats = NDArray[np.float64]

Kind = Literal["sdid", "did", "sc"]
"""Synthetic difference-in-differences, plain difference-in-differences, synthetic control without predictors."""

Spread = Literal["placebo", "jackknife", "bootstrap"]
"""How the standard error is found."""

Solver = Literal["exact", "frank_wolfe"]
"""`exact`: to machine accuracy; `frank_wolfe`: stopped where the authors' package stops, whose published figures
are up to a few thousandths from the exact ones."""

TINY_ZETA = 1e-6
"""Penalty of the time weights, and of a plain synthetic control, in standard deviations of a step: it only decides
between weights that fit equally well."""


@dataclass(frozen=True)
class Block:
    """Outcomes of donors and of treated units, which are all treated from the same period on."""

    donors: Floats
    """(N0, T)"""
    treated: Floats
    """(N1, T)"""
    before: int
    """Periods before the treatment, of T."""

    @property
    def noise(self) -> float:
        """Standard deviation of a donor's step from one period to the next, before the treatment."""
        steps = np.diff(self.donors[:, : self.before], axis=1)
        return float(steps.std(ddof=1)) if steps.size > 1 else 0.0


@dataclass(frozen=True)
class DoubleWeighted:
    """What came out of one block."""

    estimate: float
    """Mean effect on the treated units over the periods after, in the outcome's unit."""
    unit_weights: Floats
    """(N0,) shares."""
    time_weights: Floats
    """(before,) shares; all 0 for a synthetic control, which takes no difference."""
    counterfactual: Floats
    """(T,) what the treated units' mean would have been."""
    zeta: float
    """Penalty on unequal unit weights, in the outcome's unit."""


def double_weighted(
    block: Block, kind: Kind = "sdid", *, zeta: float | None = None, solver: Solver = "exact"
) -> DoubleWeighted:
    """Weight donors and periods before, and take the difference of differences.

    Parameters
    ----------
    zeta
        Penalty on unequal unit weights, in the outcome's unit; None for (N1 · T1)^¼ times the noise (`sdid`).

    Notes
    -----
    Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021, *American Economic Review* 111(12), algorithm 1.
    """
    donors, before = block.donors, block.before
    count, periods = donors.shape
    mean = block.treated.mean(axis=0)
    if kind == "did":
        units, times, zeta = np.full(count, 1 / count), np.full(before, 1 / before), 0.0
    elif kind == "sc":
        zeta = TINY_ZETA * block.noise if zeta is None else zeta
        units = _shares(donors[:, :before].T, mean[:before], before * zeta**2, block.noise, solver)
        times = np.zeros(before)
    else:
        cells = len(block.treated) * (periods - before)
        zeta = cells**0.25 * block.noise if zeta is None else zeta
        early, late = donors[:, :before], donors[:, before:].mean(axis=1)
        penalty, tiny = before * zeta**2, count * (TINY_ZETA * block.noise) ** 2
        units = _shares(_centred(early.T), _centred(mean[:before]), penalty, block.noise, solver)
        times = _shares(_centred(early), _centred(late), tiny, block.noise, solver)
    mixed = units @ donors
    counterfactual = mixed + times @ (mean - mixed)[:before]
    estimate = float((mean - counterfactual)[before:].mean())
    return DoubleWeighted(estimate, units, times, counterfactual, float(zeta))


def _shares(donors: Floats, target: Floats, ridge: float, noise: float, solver: Solver) -> Floats:
    """Return shares; by Frank–Wolfe in two rounds, small shares cleared between them, as the authors do."""
    if solver == "exact":
        return nearest_mix(donors, target, ridge)
    least_fall, start = (1e-5 * noise) ** 2, np.full(donors.shape[1], 1 / donors.shape[1])
    rough = frank_wolfe(donors, target, ridge, start, least_fall=least_fall, steps=100)
    large = np.where(rough > rough.max() / 4, rough, 0.0)
    return frank_wolfe(donors, target, ridge, large / large.sum(), least_fall=least_fall, steps=10_000)


def _centred(columns: Floats) -> Floats:
    """Return it less its means over rows: an intercept costs nothing."""
    centred: Floats = columns - columns.mean(axis=0)
    return centred


def standard_error(
    block: Block, kind: Kind = "sdid", how: Spread = "placebo", *, draws: int = 200, seed: int = 0,
    solver: Solver = "exact",
) -> float:  # fmt: skip
    """Return the standard error of the estimate, in the outcome's unit; NaN where it is not defined.

    Parameters
    ----------
    how
        `placebo`: donors as if treated (algorithm 4; needs more donors than treated units); `jackknife`: without
        each unit, weights kept (algorithm 3; needs two treated units); `bootstrap`: units drawn again, weights
        found again (algorithm 2; needs two treated units).
    draws
        Placebos or samples. 0 with `placebo` and one treated unit takes every donor once.

    Notes
    -----
    Arkhangelsky et al. 2021, section V.
    """
    if how == "placebo":
        return _placebo_error(block, kind, draws, np.random.default_rng(seed), solver)
    if len(block.treated) < 2:
        return float("nan")
    if how == "jackknife":
        return _jackknife_error(block, kind, solver)
    return _bootstrap_error(block, kind, draws, np.random.default_rng(seed), solver)


def placebo_block(block: Block, chosen: NDArray[np.int64]) -> Block:
    """Return the block in which the chosen donors are the treated units, and the treated ones are left out."""
    rest = np.setdiff1d(np.arange(len(block.donors)), chosen)
    return Block(block.donors[rest], block.donors[chosen], block.before)


def _placebo_error(block: Block, kind: Kind, draws: int, rng: np.random.Generator, solver: Solver) -> float:
    count, treated = len(block.donors), len(block.treated)
    if count <= treated:
        return float("nan")
    if draws == 0:
        chosen = [np.array([donor]) for donor in range(count)]
    else:
        chosen = [rng.choice(count, treated, replace=False) for _ in range(draws)]
    found = [double_weighted(placebo_block(block, donors), kind, solver=solver).estimate for donors in chosen]
    return float(np.std(found))


def _jackknife_error(block: Block, kind: Kind, solver: Solver) -> float:
    fitted = double_weighted(block, kind, solver=solver)
    rows, count = np.vstack([block.donors, block.treated]), len(block.donors)
    found = []
    for left_out in range(len(rows)):
        kept = np.arange(len(rows)) != left_out
        units = fitted.unit_weights[kept[:count]]
        if units.sum() <= 0:
            return float("nan")  # everything rests on one donor
        gap = rows[count:][kept[count:]].mean(axis=0) - units / units.sum() @ rows[:count][kept[:count]]
        found.append(gap[block.before :].mean() - fitted.time_weights @ gap[: block.before])
    return float(np.sqrt((len(rows) - 1) * np.var(found)))


def _bootstrap_error(block: Block, kind: Kind, draws: int, rng: np.random.Generator, solver: Solver) -> float:
    rows, count = np.vstack([block.donors, block.treated]), len(block.donors)
    found: list[float] = []
    while len(found) < draws:
        chosen = np.sort(rng.integers(len(rows), size=len(rows)))
        donors, treated = chosen[chosen < count], chosen[chosen >= count]
        if len(donors) and len(treated):
            sample = Block(rows[donors], rows[treated], block.before)
            found.append(double_weighted(sample, kind, solver=solver).estimate)
    return float(np.std(found))
