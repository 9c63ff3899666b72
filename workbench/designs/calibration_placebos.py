"""Placebos of the calibration synthetic control: control places that pretend to have cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.calibration import Distance
from workbench.designs.calibration_folds import foretell
from workbench.designs.calibration_study import METHOD
from workbench.designs.findings import Placebos
from workbench.designs.matching import Matching, match, weigh
from workbench.designs.panel import Panel
from workbench.designs.placebo_panels import alike_pools, pick_alike, waves


@dataclass(frozen=True)
class Prepared:
    """All that a placebo draw needs, small enough to be sent to many workers once."""

    waves: tuple[Matching, ...]
    pools: NDArray[np.int64]
    """(n, m) control places that may pretend to be each treated one, wave after wave."""
    distance: Distance = "linear"


@dataclass(frozen=True)
class PlaceboDraw:
    """What the method finds where there were no cameras."""

    seed: int
    change_ratio: float | None
    """Change found, share; None where the pretended places could not be balanced."""
    effective_donors: float


def prepare_placebos(
    panel: Panel, *, match_every: int | None = None, distance: Distance = "linear", alike: bool = True
) -> Prepared:
    """Return what placebo draws of a panel need.

    Parameters
    ----------
    alike
        Whether pretended places are as busy before as the real ones; otherwise any control place may be one.

    Raises
    ------
    BadInput
        When no place has cameras, or too few control places can pretend to.
    """
    waved = waves(panel)
    if not waved:
        raise BadInput(f"no placebos of {panel.outcome!r}: no treated place has cameras in any period")
    pools = alike_pools(panel, np.concatenate([wave.rows for wave in waved]), alike=alike)
    return Prepared(match(panel, match_every, distance).waves, pools, distance)


def placebo_draw(prepared: Prepared, seed: int) -> PlaceboDraw:
    """Return the change found when control places pretend to have cameras; the same seed gives the same.

    Their weights are found again among the control places that do not pretend.
    """
    chosen = pick_alike(prepared.pools, np.random.default_rng(seed))
    rest = np.ones(len(prepared.waves[0].control_after), bool)
    rest[chosen] = False
    counted = expected = 0.0
    fewest, first = np.inf, 0
    for matching in prepared.waves:
        own = chosen[first : first + len(matching.treated_matched)]
        first += len(own)
        donors, after = matching.control_matched[rest], matching.control_after[rest]
        pretended = matching.control_matched[own]
        foretold = foretell(matching, donors, after, pretended, prepared.distance)
        if foretold is not None:
            fewest = min(fewest, foretold.effective_donors)
            expected += foretold.expected(float(pretended[:, len(matching.names) - matching.blocks :].sum()))
        else:
            found = weigh(donors, pretended.sum(axis=0), len(own), prepared.distance)
            fewest = min(fewest, found.effective_donors)
            # Draws are held beside a change that was corrected, where its blocks allowed that.
            if not found.balanced or matching.blocks > 1:
                return PlaceboDraw(seed, None, fewest)
            expected += float(found.weights @ after)
        counted += float(matching.control_after[own].sum())
    return PlaceboDraw(seed, counted / expected - 1 if expected > 0 else None, fewest)


def calibration_placebos(outcome: str, observed_ratio: float, draws: Sequence[PlaceboDraw]) -> Placebos:
    """Return draws beside what was observed; those that could not be balanced are left out."""
    found = tuple(draw.change_ratio for draw in draws if draw.change_ratio is not None)
    return Placebos(outcome, METHOD, "in space", observed_ratio, found, rank_p(observed_ratio, found))


def rank_p(observed_ratio: float, draws_ratio: Sequence[float]) -> float:
    """Return the two-sided p of a change among placebos, itself counted; a halving is as large as a doubling."""
    with np.errstate(divide="ignore"):
        sizes = np.abs(np.log1p(np.asarray(draws_ratio, float)))
        own = abs(np.log1p(observed_ratio))
    return float((1 + (sizes >= own - 1e-12).sum()) / (len(sizes) + 1))
