"""What choosing the hottest places does by itself: the change they show where nothing was done.

Places chosen because their counts were high were in part unlucky, and their counts fall when luck evens out. How
far they fall is a matter of the city, the size of a cell and the length of the spans; so it is found on the city's
own incidents, at days on which nothing began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.findings import Guard
from workbench.designs.panel import Floats

Versus = Literal["raw", "rest"]
"""Whether a claim is a plain change or one against the rest of the city."""

WITHIN_CHANCE_RATIO = 0.05
"""A claim that at least this share of draws reaches is one that choosing hot places makes by itself."""

VERDICT = "regression to the mean / no credible counterfactual"
"""What a claim within reach of the draws comes to."""

BEYOND = "beyond regression to the mean alone"
"""What a claim out of their reach comes to; it is no proof of an effect."""


@dataclass(frozen=True)
class HotSpotNull:
    """Changes of the hottest cells at days on which nothing began."""

    raw_ratio: Floats
    """(N,) change of the chosen cells' counts, share."""
    against_rest_ratio: Floats
    """(N,) their change relative to all other cells', share."""
    began_on: NDArray[np.datetime64]
    """(N,) the days drawn, rising."""
    cells: int
    """How many cells were chosen each time."""
    cells_in_all: int
    """Cells with at least one incident ever."""

    def median_ratio(self, versus: Versus = "raw") -> float:
        """Return the middle of the draws; unlike their mean no single year with a shock moves it far."""
        return float(np.median(self._draws(versus)))

    def mean_ratio(self, versus: Versus = "raw") -> float:
        """Return the mean of the draws."""
        return float(self._draws(versus).mean())

    def interval(self, level: float = 0.9, versus: Versus = "raw") -> tuple[float, float]:
        """Return the quantiles between which a share `level` of the draws lies."""
        low, high = np.quantile(self._draws(versus), [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def as_low_ratio(self, claimed_ratio: float, versus: Versus = "raw") -> float:
        """Return the share of draws at or below a claimed change."""
        return float((self._draws(versus) <= claimed_ratio).mean())

    def verdict(self, claimed_ratio: float | None = None, versus: Versus = "raw") -> str:
        """Return what a claim comes to; without one, that of the draws' own median."""
        claimed = self.median_ratio(versus) if claimed_ratio is None else claimed_ratio
        return VERDICT if self.as_low_ratio(claimed, versus) >= WITHIN_CHANCE_RATIO else BEYOND

    def guard(self, claimed_ratio: float | None = None, versus: Versus = "raw") -> Guard:
        """Return what a study must say of it: blocks a claim that choosing hot places makes by itself."""
        low, high = self.interval(0.9, versus)
        what = "against the rest of the city" if versus == "rest" else "before to after"
        says = (
            f"The {self.cells} hottest cells, chosen on {len(self.began_on)} days on which nothing began, changed "
            f"by {self.median_ratio(versus):+.0%} {what} (nine in ten: {low:+.0%} to {high:+.0%})."
        )
        if claimed_ratio is not None:
            share = self.as_low_ratio(claimed_ratio, versus)
            says += f" {share:.0%} of them reach the {claimed_ratio:+.0%} claimed."
        verdict = self.verdict(claimed_ratio, versus)
        do = "Leave the span the places were chosen by out of the comparison, and compare with places as hot."
        return Guard(
            "regression_to_mean", "blocks" if verdict == VERDICT else "warns", f"{says} {verdict.capitalize()}.", do
        )

    def _draws(self, versus: Versus) -> Floats:
        return self.raw_ratio if versus == "raw" else self.against_rest_ratio


def hot_spot_null(
    xy_m: Floats,
    days: NDArray[np.datetime64],
    *,
    cells: int,
    cell_m: float = 500.0,
    before_days: int = 365,
    after_days: int = 365,
    chosen_days: int | None = None,
    chosen_until_days: int = 0,
    draws: int = 100,
    seed: int = 0,
) -> HotSpotNull:
    """Return how the hottest cells changed around days on which nothing began.

    Each draw takes a day, chooses the cells with most incidents in the `chosen_days` up to `chosen_until_days`
    before it, and compares their counts before and after it. The days are drawn one from each of `draws` equal
    stretches of the incidents' span, so that every year has its say; of cells with as many incidents the western
    one is chosen, then the southern.

    Parameters
    ----------
    xy_m
        (N, 2) incidents, metres east and north of any origin.
    days
        (N,) days of the incidents; leave out what lies after the first camera.
    cells
        How many are chosen.
    chosen_days
        Length of the span they are chosen by; `before_days` when left out.
    chosen_until_days
        How long before the day that span ends. At `before_days` or more it shares no incident with the span before,
        and what is left is the fall that leaving out the span of choice does not cure.

    Raises
    ------
    BadInput
        When the incidents' span is too short for one draw, or has fewer cells than are to be chosen; for an unknown
        position or day, or a length or number that is not above 0.
    """
    chosen_days = before_days if chosen_days is None else chosen_days
    if min(cells, cell_m, before_days, after_days, chosen_days, draws, chosen_until_days + 1) <= 0:
        raise BadInput("the hottest cells were to be chosen by lengths and numbers that are not all above 0")
    if np.isnat(days).any() or not np.isfinite(xy_m).all():
        raise BadInput("an incident's position or day is unknown; leave such incidents out and say how many")
    day = days.astype("datetime64[D]").astype(np.int64)
    order = np.argsort(day, kind="stable")
    day, cell = day[order], _cells_of(xy_m[order], cell_m)
    in_all = int(cell.max(initial=-1)) + 1
    reach = max(before_days, chosen_days + chosen_until_days)
    first, last = (int(day[0]) + reach, int(day[-1]) - after_days + 1) if len(day) else (0, -1)
    if last < first or in_all <= cells:
        raise BadInput(
            f"the hottest {cells} cells were to be chosen over {reach} days and followed for {after_days}, but the "
            f"incidents span {len(day) and int(day[-1] - day[0]) + 1} days and {in_all} cells; give more of them"
        )
    edges = np.linspace(first, last + 1, draws + 1)
    began = np.floor(np.random.default_rng(seed).uniform(edges[:-1], edges[1:])).astype(np.int64)
    found = np.empty((draws, 2))
    for draw, on in enumerate(began):
        until = on - chosen_until_days
        stretches = (until - chosen_days, until), (on - before_days, on), (on, on + after_days)
        chosen, before, after = (
            np.bincount(cell[slice(*np.searchsorted(day, stretch))], minlength=in_all) for stretch in stretches
        )
        found[draw] = _changes(before, after, np.argsort(-chosen, kind="stable")[:cells])
    # Spans of unlike length are compared by their rate; against the rest their lengths cancel.
    found[:, 0] = (1 + found[:, 0]) * before_days / after_days - 1
    kept = np.isfinite(found).all(axis=1)
    if not kept.any():
        raise BadInput("the chosen cells, or all others, have no incident before any day drawn; choose other spans")
    return HotSpotNull(found[kept, 0], found[kept, 1], began[kept].astype("datetime64[D]"), cells, in_all)


def _cells_of(xy_m: Floats, cell_m: float) -> NDArray[np.int64]:
    """Return a number for the square each point lies in, from 0, without gaps."""
    east, north = np.floor(xy_m / cell_m).astype(np.int64).T if len(xy_m) else np.empty((2, 0), np.int64)
    width = int(north.max(initial=0) - north.min(initial=0)) + 1
    _, cell = np.unique((east - east.min(initial=0)) * width + north - north.min(initial=0), return_inverse=True)
    return cell.astype(np.int64)


def _changes(before: NDArray[np.int64], after: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[float, float]:
    """Return the chosen cells' change, raw and relative to all others; NaN where there is no ratio."""
    ours, theirs = (before[chosen].sum(), after[chosen].sum()), (before.sum(), after.sum())
    rest = theirs[0] - ours[0], theirs[1] - ours[1]
    if min(ours[0], *rest) == 0:
        return float("nan"), float("nan")
    ratio = ours[1] / ours[0]
    return float(ratio - 1), float(ratio / (rest[1] / rest[0]) - 1)
