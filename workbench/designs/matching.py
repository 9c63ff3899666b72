"""What treated places and those that may stand for them are matched on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.designs.calibration import Distance, Weighting, calibrate
from workbench.designs.panel import Bools, Floats, Panel
from workbench.designs.placebo_panels import Wave, waves

MOST_BLOCKS = 16
"""Counts before are matched in at most so many blocks of periods: more constraints thin the donors out."""

FEWEST_DONORS = 5.0
"""With fewer effective donors the counterfactual is a handful of places, whose own luck it would carry."""

WORRYING_DONORS = 20.0
"""With fewer, longer blocks are tried first; a reader must know where none has more."""


@dataclass(frozen=True)
class Matching:
    """What one wave's weights must balance, and what they are then laid on."""

    names: tuple[str, ...]
    """(K,) what is matched."""
    control_matched: Floats
    """(N, K) of each control place."""
    treated_matched: Floats
    """(n, K) of each treated place."""
    control_after: Floats
    """(N,) incidents while the wave's cameras were on."""
    treated_after: Floats
    """(n,)"""
    blocks: int = 0
    """How many of the totals, the last ones, are counts before, oldest first; 0 where none may be left out."""

    @property
    def treated_before(self) -> float:
        """Incidents of the treated places in all blocks before."""
        return float(self.treated_matched[:, len(self.names) - self.blocks :].sum())

    def weighting(self, distance: Distance = "linear") -> Weighting:
        """Return the weights of the control places."""
        totals, treated = self.treated_matched.sum(axis=0), len(self.treated_matched)
        return weigh(self.control_matched, totals, treated, distance)


def weigh(donors: Floats, totals: Floats, treated: int, distance: Distance = "linear") -> Weighting:
    """Return calibration weights that start at treated over donors."""
    return calibrate(donors, totals, np.full(len(donors), treated / len(donors)), distance=distance)


@dataclass(frozen=True)
class Matched:
    """The waves of a panel and the weights of their donors."""

    match_every: int
    """Periods a block of counts before."""
    waves: tuple[Matching, ...]
    weightings: tuple[Weighting, ...]
    """One a wave; some may not be balanced."""

    @property
    def balanced(self) -> bool:
        """Whether all waves' totals are met."""
        return all(one.balanced for one in self.weightings)

    @property
    def effective_donors(self) -> float:
        """Of the wave with the fewest."""
        return min((one.effective_donors for one in self.weightings), default=0.0)


def match(panel: Panel, match_every: int | None = None, distance: Distance = "linear") -> Matched:
    """Weight the control places for each wave of cameras.

    Parameters
    ----------
    match_every
        Periods a block of counts before; None for the shortest blocks, of one period up to all there are before,
        that can be balanced and leave `WORRYING_DONORS`, or else the most donors. What came after plays no part in
        the choice.
    """
    lengths = (match_every,) if match_every is not None else _lengths(panel)
    found: list[Matched] = []
    for length in lengths:
        waved = matchings(panel, length)
        found.append(Matched(length, waved, tuple(one.weighting(distance) for one in waved)))
        if found[-1].balanced and found[-1].effective_donors >= WORRYING_DONORS:
            return found[-1]
    possible = [one for one in found if one.balanced]
    return max(possible, key=lambda one: one.effective_donors) if possible else found[-1]


def _lengths(panel: Panel) -> Sequence[int]:
    """Return the lengths of blocks worth trying: a period, a quarter, half a year, a year, all before."""
    longest = max(int(wave.before.sum()) for wave in waves(panel))
    year = panel.periods_per_year
    usual = {1, *(max(round(year * share), 1) for share in (0.25, 0.5, 1.0)), -(-longest // MOST_BLOCKS), longest}
    controls = int(panel.control.sum())
    fitting = [
        length for length in sorted(usual)
        if length <= longest and longest // length <= min(MOST_BLOCKS, max(controls // 2, 1))
    ]  # fmt: skip
    return fitting


def matchings(panel: Panel, match_every: int) -> tuple[Matching, ...]:
    """Return what is matched for each wave: how many places, exposure, covariates, and counts before.

    Blocks of counts end where the wave's cameras come on; the oldest takes what is left over.
    """
    return tuple(_matching(panel, wave, match_every) for wave in waves(panel))


def _matching(panel: Panel, wave: Wave, match_every: int) -> Matching:
    blocks = blocks_before(wave.before, match_every)
    columns = [np.ones((len(panel.place_ids), 1))]
    names = ["places"]
    if panel.exposure is not None:
        columns.append(panel.exposure[:, None])
        names.append("exposure")
    if panel.covariates.size:
        columns.append(panel.covariates)
        names += panel.covariate_names
    columns += [panel.counts[:, block].sum(axis=1, keepdims=True) for block in blocks]
    names += [f"{panel.outcome} from {panel.starts[block[0]]}" for block in blocks]
    matched = np.hstack(columns)
    after = panel.counts[:, wave.after].sum(axis=1)
    control = panel.control
    return Matching(
        tuple(names), matched[control], matched[wave.rows], after[control], after[wave.rows], len(blocks)
    )


def blocks_before(before: Bools, length: int) -> list[NDArray[np.int64]]:
    """Return the periods of each block before; the oldest takes what is left over."""
    periods = np.flatnonzero(before)
    count = max(len(periods) // length, 1)
    edges = [0, *(len(periods) - length * left for left in range(count - 1, -1, -1))]
    return [periods[first:last] for first, last in pairwise(edges)]
