"""How far a figure may be off: the spread between places, and that of counts over time; the wider of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workbench.designs.area_tests import pearson_dispersion
from workbench.designs.counterfactuals import Cohorts, cohorts_of
from workbench.designs.panel import Bools, Floats, Panel
from workbench.designs.scatter import at_least_poisson, panel_dispersion

LEAST_TREATED = 6
"""With fewer treated places their spread is not known well enough to state an interval from it: at five degrees of
freedom 95 % of t lie within 2.6, at two within 4.3."""

MOST_GROUPS = 40
"""Places are left out in at most so many groups of either kind; more change the third digit of an error."""

DRAWS = 200

Measure = Callable[[Cohorts], Floats]
"""From cohorts to (K,) figures."""


@dataclass(frozen=True)
class Spread:
    """How far K figures may be off."""

    places: Floats | None
    """(K, K) covariance from leaving places out; None with fewer than `LEAST_TREATED` treated places."""
    degrees: int
    """Groups of treated places less one; degrees of freedom of `places`."""
    counts: Floats
    """(K, K) covariance if counts scatter about what they are as they did before."""
    dispersion: float
    """Variance over mean of counts before; 1 is Poisson."""
    places_dispersion: float
    """The same of single places alone."""

    def margin(self, row: int, level: float) -> float:
        """Return half the width of a figure's interval."""
        by_counts = float(stats.norm.ppf((1 + level) / 2)) * float(np.sqrt(self.counts[row, row]))
        if self.places is None:
            return by_counts
        return max(by_counts, float(stats.t.ppf((1 + level) / 2, self.degrees) * np.sqrt(self.places[row, row])))

    def p_value(self, row: int, found: float) -> float:
        """Return the two-sided p of a figure being nothing."""
        by_counts = float(2 * stats.norm.sf(abs(found) / np.sqrt(self.counts[row, row])))
        if self.places is None:
            return by_counts
        return max(by_counts, float(2 * stats.t.sf(abs(found) / np.sqrt(self.places[row, row]), self.degrees)))

    @property
    def covariance(self) -> Floats:
        """(K, K) of places, each figure's error widened to that of counts where that is larger."""
        if self.places is None:
            return self.counts
        own = np.sqrt(np.maximum(np.diag(self.places), 1e-300))
        wider = np.maximum(1.0, np.sqrt(np.diag(self.counts)) / own)
        return np.asarray(self.places * np.outer(wider, wider), np.float64)

    @property
    def covariance_within(self) -> Floats:
        """(K, K) that areas which part before the cameras do not widen: what a test of their trends needs."""
        if self.places is not None:
            return self.places
        return self.counts * (self.places_dispersion / self.dispersion)


def spread_of(panel: Panel, measure: Measure, seed: int) -> Spread:
    """Return how far the figures that `measure` gives of a panel may be off.

    Between places: the jackknife that leaves groups of places out, treated and control apart (Kott 2001, *Journal
    of Official Statistics* 17); like clustering by place, but sound with few places a cohort, even one. Over time:
    figures of cohorts whose counts are drawn anew with the dispersion found before the cameras, which places as
    wholes and areas as wholes give (the larger): what all treated places share, no spread between them shows.

    Parameters
    ----------
    seed
        Of the groups and the draws.
    """
    rng = np.random.default_rng(seed)
    cohorts, member = cohorts_of(panel)
    exposure = np.ones(len(member)) if panel.exposure is None else panel.exposure
    treated = panel.treated & panel.active.any(axis=1)
    groups = {"treated": _groups(treated, rng), "control": _groups((member >= 0) & ~treated, rng)}
    covariance = None
    if treated.sum() >= LEAST_TREATED:
        covariance = sum(
            _jackknife([measure(left) for left in _without(cohorts, panel.counts, exposure, member, chosen)])
            for chosen in groups.values()
        )
    dispersion = at_least_poisson(panel_dispersion(panel))
    alone = at_least_poisson(pearson_dispersion(panel.counts[member >= 0][:, panel.before]))
    drawn = np.array([measure(_drawn(cohorts, dispersion, rng)) for _ in range(DRAWS)])
    over_time = np.atleast_2d(np.cov(drawn[np.isfinite(drawn).all(axis=1)], rowvar=False))
    degrees = max(len(groups["treated"]) - 1, 1)
    return Spread(None if covariance is None else np.asarray(covariance), degrees, over_time, dispersion, alone)


def _groups(rows: Bools, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    places = rng.permutation(np.flatnonzero(rows))
    return np.array_split(places, min(len(places), MOST_GROUPS)) if len(places) else []


def _without(
    cohorts: Cohorts, counts: Floats, exposure: Floats, member: NDArray[np.int64], groups: list[NDArray[np.int64]]
) -> Iterator[Cohorts]:
    """Yield cohorts with one group of places left out, each of them once."""
    for places in groups:
        sums, size = cohorts.sums.copy(), cohorts.exposure.copy()
        np.subtract.at(sums, member[places], counts[places])
        np.subtract.at(size, member[places], exposure[places])
        # What is left of a cohort without places is rounding, not exposure.
        left = size > 1e-9 * cohorts.exposure
        yield Cohorts(np.maximum(sums, 0.0)[left], size[left], cohorts.active[left])


def _jackknife(figures: list[Floats]) -> Floats:
    found = np.array([one for one in figures if np.isfinite(one).all()])
    if len(found) < 2:
        return np.zeros((len(figures[0]), len(figures[0]))) if figures else np.zeros(())
    off = found - found.mean(axis=0)
    return np.asarray((len(found) - 1) / len(found) * off.T @ off)


def _drawn(cohorts: Cohorts, dispersion: float, rng: np.random.Generator) -> Cohorts:
    """Return cohorts with gamma counts: never below zero, of any dispersion."""
    shape = np.maximum(cohorts.sums / dispersion, 1e-12)
    return Cohorts(rng.gamma(shape, dispersion), cohorts.exposure, cohorts.active)
