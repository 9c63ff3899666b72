"""What cohorts of places would have counted without cameras, from places not (yet) treated: sums in, sums out.

Nothing here sees single places: with everyone in every period, the estimators of `staggered` and `extended` depend
on a cohort's counts through their sums alone (tests hold them against those). That makes one fit cost
milliseconds whatever the number of places, and so hundreds of them, with places left out, affordable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.designs.panel import Bools, Floats, Panel

MOST_ROUNDS = 5_000
CLOSE_ENOUGH = 1e-10
"""Proportional fitting ends once no fitted margin is off by more than this share."""

Shape = Literal["additive", "multiplicative"]
"""Whether trends are parallel in counts per unit of exposure, or in their ratios."""


@dataclass(frozen=True)
class Cohorts:
    """Counts of C cohorts: places whose cameras are on in the same of T periods."""

    sums: Floats
    """(C, T) incidents."""
    exposure: Floats
    """(C,) > 0; places, where their exposure is not known."""
    active: Bools
    """(C, T) whether cameras are on; False throughout for places that may only be compared with."""

    @property
    def first(self) -> NDArray[np.int64]:
        """(C,) index of the first period with cameras on; T for never."""
        found = np.where(self.ever, self.active.argmax(axis=1), self.active.shape[1])
        return np.asarray(found, np.int64)

    @property
    def ever(self) -> Bools:
        """(C,) whether cameras ever come on."""
        return np.asarray(self.active.any(axis=1), np.bool_)

    @property
    def after(self) -> Bools:
        """(C, T) from the first period with cameras on."""
        return np.asarray(np.arange(self.active.shape[1]) >= self.first[:, None])

    @property
    def rates(self) -> Floats:
        """(C, T) incidents for each unit of exposure."""
        return self.sums / self.exposure[:, None]


Counterfactual = Callable[[Cohorts], Floats]
"""From cohorts to (C, T) incidents without cameras; NaN where there is no one left to compare with."""


def cohorts_of(panel: Panel) -> tuple[Cohorts, NDArray[np.int64]]:
    """Return the cohorts of a panel's treated and control places, and (P,) each place's cohort; −1 for others."""
    used = panel.treated | panel.control
    patterns, member = np.unique(panel.active[used], axis=0, return_inverse=True)
    cohort = np.full(len(panel.place_ids), -1, np.int64)
    cohort[used] = member.ravel()
    exposure = np.ones(len(cohort)) if panel.exposure is None else panel.exposure
    sums = np.zeros(patterns.shape)
    np.add.at(sums, cohort[used], panel.counts[used])
    size = np.bincount(cohort[used], exposure[used], minlength=len(patterns)).astype(np.float64)
    return Cohorts(sums, size, patterns), cohort


def against_last_before(shape: Shape, *, never_only: bool = False, span: int = 1) -> Counterfactual:
    """Return the counterfactual that carries a cohort's last `span` periods before on with the others' trend.

    Additive with `span` 1: Callaway & Sant'Anna (2021) without covariates, compared with everyone not yet treated
    by the later of the two periods; with `never_only` also Sun & Abraham (2021), where the cohort treated last
    stands in if nobody is never treated. Multiplicative: the saturated Poisson regression of Wooldridge (2023).
    """

    def without(cohorts: Cohorts) -> Floats:
        found = np.full(cohorts.sums.shape, np.nan)
        for row in np.flatnonzero(cohorts.ever):
            found[row] = _carried_on(cohorts, int(row), shape, never_only, span)
        return found

    return without


def _carried_on(cohorts: Cohorts, row: int, shape: Shape, never_only: bool, span: int) -> Floats:
    first, periods = cohorts.first, cohorts.sums.shape[1]
    base = slice(max(int(first[row]) - span, 0), int(first[row]))
    # A donor must be without cameras in the period asked about and in the base; all such donors are pooled.
    if never_only:
        pool = np.broadcast_to((first == first.max())[:, None], cohorts.sums.shape)
        pool = pool & ~cohorts.after
    else:
        pool = first[:, None] > np.maximum(np.arange(periods), first[row] - 1)
    pool = pool & (np.arange(len(first)) != row)[:, None]
    size = np.where(pool, cohorts.exposure[:, None], 0.0).sum(axis=0)
    now = np.where(pool, cohorts.sums, 0.0).sum(axis=0)
    then = np.where(pool, cohorts.sums[:, base].mean(axis=1)[:, None], 0.0).sum(axis=0)
    own = cohorts.sums[row, base].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        if shape == "additive":
            return np.asarray(own + cohorts.exposure[row] * (now - then) / size)
        return np.asarray(np.where(size > 0, own * now / then, np.nan))


def imputed(cohorts: Cohorts) -> Floats:
    """Return counts without cameras from cohort and period effects of untreated cells (Borusyak et al. 2024)."""
    free = ~cohorts.after
    fitted = _two_way(cohorts.rates, cohorts.exposure, free, np.empty((*free.shape, 0)))[0]
    return np.where(_told(free), fitted * cohorts.exposure[:, None], np.nan)


def _told(free: Bools) -> Bools:
    """Return which cells' cohort and period both have cells that are free."""
    return np.logical_and.outer(free.any(axis=1), free.any(axis=0))


def with_leads(cohorts: Cohorts, window: int) -> Floats:
    """Return `imputed`, but before treatment counts less effects of up to `window` leads, lag −1 their reference.

    Leads are fitted to untreated cells alone, as the test of Borusyak et al. (2024, section 4.4) has it.
    """
    lag = np.arange(cohorts.sums.shape[1]) - cohorts.first[:, None]
    # A cohort without cameras has no lags.
    lag[~cohorts.ever] = 1
    leads = np.arange(-window, -1)
    shown = lag[:, :, None] == leads
    free = ~cohorts.after
    effects = _two_way(cohorts.rates, cohorts.exposure, free, shown.astype(np.float64))[1]
    lead_sums = (shown @ effects) * cohorts.exposure[:, None]
    return np.where(free, cohorts.sums - lead_sums, imputed(cohorts))


def _two_way(rates: Floats, weights: Floats, free: Bools, more: Floats) -> tuple[Floats, Floats]:
    """Return (C, T) cohort + period effects and (J,) those of `more` (C, T, J), by least squares on `free`."""
    rows, periods = rates.shape
    dummies = [np.repeat(np.eye(rows), periods, axis=0), np.tile(np.eye(periods), (rows, 1))]
    design = np.hstack([*dummies, more.reshape(rows * periods, -1)])
    kept = free.ravel()
    weighted = (design * np.repeat(weights, periods)[:, None])[kept]
    # One effect is free (a cohort's up, all periods' down); least squares takes the shortest of equal answers.
    effects = np.linalg.lstsq(weighted.T @ design[kept], weighted.T @ rates.ravel()[kept], rcond=1e-12)[0]
    shared = rows + periods
    fitted = (design[:, :shared] @ effects[:shared]).reshape(rows, periods)
    return np.asarray(fitted, np.float64), np.asarray(effects[shared:], np.float64)


def scaled(cohorts: Cohorts) -> Floats:
    """Return counts without cameras from a Poisson regression with an effect for each treated cohort and period.

    Wooldridge (2023): that regression fits treated cells exactly, so it is cohort × period means fitted to the
    untreated cells, carried over to the treated ones.
    """
    free = ~cohorts.after
    fitted = _proportional(np.where(free, cohorts.sums, 0.0), free, np.zeros_like(free))
    return np.where(_told(free), fitted, np.nan)


def one_ratio(cohorts: Cohorts) -> Floats:
    """Return counts without cameras from a two-way Poisson regression with one effect for all that is treated."""
    return _proportional(cohorts.sums, np.ones_like(cohorts.active), cohorts.active)


def _proportional(sums: Floats, free: Bools, treated: Bools) -> Floats:
    """Return (C, T) products of a row, a column and, left out of what is returned, a common treated factor.

    Iterative proportional fitting to the margins of `sums` over `free` cells (Deming & Stephan 1940): the maximum
    of the Poisson likelihood, whose score equations are those margins.
    """
    row_totals, column_totals = (sums * free).sum(axis=1), (sums * free).sum(axis=0)
    treated_total = sums[treated].sum()
    column, ratio = np.where(column_totals > 0, 1.0, 0.0), 1.0
    row = np.zeros(len(sums))
    for _ in range(MOST_ROUNDS):
        cell = np.where(treated, ratio, 1.0) * free
        row = _divided(row_totals, cell @ column)
        new = _divided(column_totals, row @ cell)
        moved = np.abs(new - column).max(initial=0.0) / max(float(np.abs(new).max(initial=0.0)), 1e-300)
        column = new
        if treated.any():
            expected = float(np.outer(row, column)[treated].sum())
            step = treated_total / expected / ratio if expected > 0 else 1.0
            # Plain fitting creeps where most cells are treated; a step and a half gets there sooner.
            ratio *= max(step, 1e-12) ** 1.5
            moved = max(moved, abs(step - 1.0))
        if moved < CLOSE_ENOUGH:
            break
    return np.outer(row, column)


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
