"""What calibration weights foretell of periods they were not matched on, and the comparison that rests on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.designs.calibration import Distance, Weighting
from workbench.designs.matching import Matching, weigh
from workbench.designs.panel import Floats

MOST_FOLDS = 3
"""Blocks before are left out in at most so many groups, as Chernozhukov, Wüthrich and Zhu do."""


@dataclass(frozen=True)
class Foretold:
    """What the weights of each fold, matched on all blocks before but its own, say of it and of what follows."""

    weightings: tuple[Weighting, ...]
    """One a fold."""
    donors_before: Floats
    """(N,) each donor's weighted incidents before, in each fold by the weights that fold had no part in."""
    donors_after: Floats
    """(N,) each donor's weighted incidents after, by the mean of all folds' weights."""

    @property
    def before(self) -> float:
        """Incidents before that were foretold."""
        return float(self.donors_before.sum())

    @property
    def after(self) -> float:
        """Incidents after that the weights say, not corrected."""
        return float(self.donors_after.sum())

    @property
    def balanced(self) -> bool:
        """Whether every fold's weights meet their totals."""
        return all(one.balanced for one in self.weightings)

    @property
    def effective_donors(self) -> float:
        """Of the fold with the fewest."""
        return min(one.effective_donors for one in self.weightings)

    @property
    def weights(self) -> Floats:
        """(N,) the mean of all folds' weights."""
        return np.asarray(np.mean([one.weights for one in self.weightings], axis=0), np.float64)

    def expected(self, treated_before: float) -> float:
        """Return what the treated places would have had after: what was foretold, by how well the past was."""
        return self.after * treated_before / self.before


def folds_of(blocks: int) -> list[NDArray[np.int64]]:
    """Return the blocks of each fold, neighbours together; none where one block leaves nothing to match."""
    return np.array_split(np.arange(blocks), min(MOST_FOLDS, blocks)) if blocks > 1 else []


def foretell(
    matching: Matching, donors: Floats, donors_after: Floats, treated: Floats, distance: Distance = "linear"
) -> Foretold | None:
    """Return what weights foretell of each stretch before when they may not match it; None where nothing is left.

    Weights that match small counts pick donors which were high by luck, and these fall back wherever nothing is
    matched any more, after the cameras as much as in a stretch before that was left out. How far off the weights
    are there is therefore what they are off after: Chernozhukov, Wüthrich and Zhu (2018, arXiv:1812.10820) take it
    from the estimate, fold by fold. Here it is taken off as a ratio, of totals over all folds, because counts
    change in ratios and a fold may hold few of them.

    Parameters
    ----------
    matching
        Says which of the columns are blocks of counts.
    donors
        (N, K) what is matched, of the places that may have weight.
    donors_after
        (N,) their incidents after.
    treated
        (n, K) what is matched, of the places that have, or pretend to have, cameras.
    """
    first = len(matching.names) - matching.blocks
    folds = folds_of(matching.blocks)
    if not folds:
        return None
    weightings, before = [], np.zeros(len(donors))
    totals = treated.sum(axis=0)
    for blocks in folds:
        kept = np.delete(np.arange(len(totals)), first + blocks)
        weightings.append(weigh(donors[:, kept], totals[kept], len(treated), distance))
        before += weightings[-1].weights * donors[:, first + blocks].sum(axis=1)
    mean = np.mean([one.weights for one in weightings], axis=0)
    found = Foretold(tuple(weightings), before, mean * donors_after)
    usable = found.before > 0 and float(totals[first:].sum()) > 0
    return found if usable and found.balanced else None
