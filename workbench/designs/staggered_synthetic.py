"""Synthetic difference-in-differences where units are treated from different periods on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.designs.synthetic_did import Block, DoubleWeighted, Kind, Solver, Spread, double_weighted

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class CohortEffect:
    """What came out for the units treated from one period on."""

    start: int
    """Their first treated period, counted from 0."""
    units: int
    effect: DoubleWeighted
    block: Block


@dataclass(frozen=True)
class StaggeredEffect:
    """The average over cohorts, each by how many treated units and periods it has."""

    estimate: float
    """In the outcome's unit."""
    cohorts: tuple[CohortEffect, ...]


def staggered_effect(
    outcomes: Floats, first: Whole, kind: Kind = "sdid", *, zeta: float | None = None, solver: Solver = "exact"
) -> StaggeredEffect:
    """Weight the units never treated for each cohort, and average the effects.

    Parameters
    ----------
    outcomes
        (N, T)
    first
        (N,) each unit's first treated period, from 0; T for units never treated.

    Notes
    -----
    Arkhangelsky et al. 2021, *American Economic Review* 111(12), appendix A; Clarke, Pailañir, Athey and Imbens
    2024, *Stata Journal* 24(4).
    """
    never = first == outcomes.shape[1]
    found = []
    for start in np.unique(first[~never]):
        block = Block(outcomes[never], outcomes[first == start], int(start))
        effect = double_weighted(block, kind, zeta=zeta, solver=solver)
        found.append(CohortEffect(int(start), len(block.treated), effect, block))
    cells = np.array([one.units * (outcomes.shape[1] - one.start) for one in found], float)
    estimate = float(cells @ [one.effect.estimate for one in found] / cells.sum())
    return StaggeredEffect(estimate, tuple(found))


def staggered_error(
    outcomes: Floats, first: Whole, kind: Kind = "sdid", how: Spread = "placebo", *, draws: int = 200,
    seed: int = 0, solver: Solver = "exact",
) -> float:  # fmt: skip
    """Return the standard error of the average; NaN where it is not defined.

    `placebo` gives the treated units' dates to units never treated; `bootstrap` draws all units again; `jackknife`
    leaves out one after the other, weights found again.
    """
    rng = np.random.default_rng(seed)
    never = np.flatnonzero(first == outcomes.shape[1])
    treated = np.flatnonzero(first < outcomes.shape[1])
    if (how == "placebo" and len(never) <= len(treated)) or (how != "placebo" and len(treated) < 2):
        return float("nan")

    def found(rows: Whole, dates: Whole) -> float:
        return staggered_effect(outcomes[rows], dates, kind, solver=solver).estimate

    if how == "placebo":
        values = []
        for _ in range(draws):
            dates = np.full(len(never), outcomes.shape[1])
            dates[rng.choice(len(never), len(treated), replace=False)] = first[treated]
            values.append(found(never, dates))
        return float(np.std(values))
    if how == "jackknife":
        everyone = np.arange(len(first))
        values = [found(np.delete(everyone, row), np.delete(first, row)) for row in everyone]
        return float(np.sqrt((len(first) - 1) * np.var(values)))
    values = []
    while len(values) < draws:
        rows = rng.integers(len(first), size=len(first))
        if np.isin(first[rows], outcomes.shape[1]).any() and (first[rows] < outcomes.shape[1]).any():
            values.append(found(rows, first[rows]))
    return float(np.std(values))
