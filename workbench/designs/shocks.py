"""Shocks: the whole city's level moves at once, so that a place's own past no longer says what would have been.

Shifts that last and spells that end are added to a trend with seasons one by one, the strongest first, as Chen
and Liu (1993, J Am Stat Assoc 88, 284–297) do for level shifts and temporary changes; every date tried is paid for
in p.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy import stats

from catalog.errors import BadInput
from workbench.designs.panel import Days, Floats, Panel
from workbench.designs.segments import Whole, harmonics

SPELLS = (3, 6, 12)
"""Lengths of spells that are looked for, periods: a lockdown of a spring, half a year, a year."""

EDGE_PERIODS = 6
"""A shift that lasts has at least so many periods on either side, else it could not be told from a spell."""

LEAST_PERIODS = 24
"""In fewer periods neither seasons nor a trend are known."""

MOST_SHOCKS = 5
"""A series with more than this is not a trend with shocks, and says so by its first five."""


@dataclass(frozen=True)
class Shock:
    """A shift of the level of a series."""

    at: date
    """First day of the first period with the new level."""
    until: date | None
    """First day of the first period after it; None where it lasts to the end."""
    change_ratio: float
    """New level against that of trend and season, share."""
    z: float
    """Shift over its standard error; t distributed were its date known."""
    p_value: float
    """Two-sided, corrected for every date and length tried."""


@dataclass(frozen=True)
class _Candidates:
    """Everything that is tried: C spans of periods, and which of T periods each holds."""

    firsts: Whole
    """(C,)"""
    ends: Whole
    """(C,) T for one that lasts."""
    columns: Floats
    """(T, C) 1 within, 0 without."""


def level_shifts(
    counts: Floats, starts: Days, periods_per_year: float, *, level: float = 0.01
) -> tuple[Shock, ...]:
    """Return the shocks of a series, the earliest first.

    Parameters
    ----------
    counts
        (T,) incidents of many places together; the larger, the smaller the shifts that can be seen.
    starts
        (T,) first day of each period.
    level
        Greatest corrected p of a shock that is returned.

    Raises
    ------
    BadInput
        With fewer than `LEAST_PERIODS` periods.
    """
    outcome, base = _logs(counts), _base(len(counts), periods_per_year)
    tried = _candidates(len(counts))
    found: list[tuple[int, float, float]] = []
    columns = base
    while len(found) < MOST_SHOCKS:
        scores, degrees = _scores(outcome, columns, tried.columns)
        best = int(np.argmax(np.abs(scores)))
        p_value = min(1.0, len(scores) * 2 * float(stats.t.sf(abs(scores[best]), degrees)))
        if p_value > level:
            break
        found.append((best, float(scores[best]), p_value))
        columns = np.column_stack([columns, tried.columns[:, best]])
    # All shifts anew, beside each other.
    shifts = np.linalg.lstsq(columns, outcome)[0][base.shape[1] :]
    shocks = [
        _shock(starts, int(tried.firsts[best]), int(tried.ends[best]), float(shift), z, p_value)
        for (best, z, p_value), shift in zip(found, shifts, strict=True)
    ]
    return tuple(sorted(shocks, key=lambda one: one.at))


def shift_at(
    counts: Floats, starts: Days, periods_per_year: float, day: date, until: date | None = None
) -> Shock | None:
    """Return the shift at a date known beforehand, its p of this date alone; None where no period is without it.

    Parameters
    ----------
    day, until
        The periods that begin on or after `day` and before `until` have the new level; None for all after.
    """
    within = starts >= np.datetime64(day)
    if until is not None:
        within &= starts < np.datetime64(until)
    if not 0 < within.sum() < len(starts):
        return None
    outcome, base = _logs(counts), _base(len(counts), periods_per_year)
    scores, degrees = _scores(outcome, base, within[:, None].astype(float))
    shift = np.linalg.lstsq(np.column_stack([base, within]), outcome)[0][-1]
    first, end = int(np.flatnonzero(within)[0]), int(np.flatnonzero(within)[-1]) + 1
    p_value = float(2 * stats.t.sf(abs(scores[0]), degrees))
    return _shock(starts, first, end, float(shift), float(scores[0]), p_value)


def city_shocks(panel: Panel, level: float = 0.01) -> tuple[Shock, ...]:
    """Return the shocks of all controls together; of all places that are not treated where there is no control.

    Treated places are left out, so that what cameras do is not taken for a shock. Nothing is returned of studies
    too short to look.
    """
    rows = panel.control if panel.control.any() else ~panel.treated
    if not rows.any() or len(panel.starts) < LEAST_PERIODS:
        return ()
    return level_shifts(panel.counts[rows].sum(axis=0), panel.starts, panel.periods_per_year, level=level)


def _logs(counts: Floats) -> Floats:
    if len(counts) < LEAST_PERIODS:
        raise BadInput(f"{len(counts)} periods; shocks are looked for in {LEAST_PERIODS} or more")
    # Half an incident more keeps a month without any from being minus infinity.
    return np.asarray(np.log(counts + 0.5))


def _base(periods: int, periods_per_year: float) -> Floats:
    """Return intercept, line and, with two years, seasons of two pairs of harmonics."""
    place = np.arange(periods, dtype=float)
    pairs = min(2, int(periods_per_year / 2)) if periods >= 2 * periods_per_year else 0
    return np.column_stack([np.ones(periods), place / periods, harmonics(place, pairs, periods_per_year)[1]])


def _candidates(periods: int) -> _Candidates:
    spans = [(first, periods) for first in range(EDGE_PERIODS, periods - EDGE_PERIODS + 1)]
    spans += [(first, first + length) for length in SPELLS for first in range(1, periods - length)]
    firsts, ends = (np.asarray(one, np.int64) for one in zip(*spans, strict=True))
    place = np.arange(periods)[:, None]
    return _Candidates(firsts, ends, ((place >= firsts) & (place < ends)).astype(float))


def _scores(outcome: Floats, base: Floats, candidates: Floats) -> tuple[Floats, int]:
    """Return (C,) t of each candidate were it added to the columns (T, K), and their degrees of freedom.

    What the columns leave of the outcome is put on what they leave of each candidate (Frisch and Waugh 1933,
    Econometrica 1, 387–401). Errors are widened by √((1 + ρ) / (1 − ρ)) where neighbours in time still correlate by
    ρ, as those of a mean of such periods, with ρ corrected for the columns that were fitted. Beyond ρ of about 0.6
    that is not enough: a level that wanders has no shocks to tell, and shows more of them than `level` says.
    """
    periods, width = base.shape
    frame, _ = np.linalg.qr(base)
    left, ours = outcome - frame @ (frame.T @ outcome), candidates - frame @ (frame.T @ candidates)
    sizes = (ours**2).sum(axis=0)
    # A candidate that the columns make up already, such as one found before, has nothing left.
    known = sizes > 1e-6
    sizes = np.where(known, sizes, 1.0)
    shifts = ours.T @ left / sizes
    residuals = left[:, None] - ours * shifts
    squares = (residuals**2).sum(axis=0)
    rho = (residuals[1:] * residuals[:-1]).sum(axis=0) / np.maximum(squares, 1e-12)
    rho = np.clip(rho + (width + 1) / periods * (1 - rho), 0.0, 0.95)
    degrees = periods - width - 1
    variance = squares / degrees / sizes * (1 + rho) / (1 - rho)
    return np.where(known, shifts / np.sqrt(np.maximum(variance, 1e-18)), 0.0), degrees


def _shock(starts: Days, first: int, end: int, shift: float, z: float, p_value: float) -> Shock:
    days: list[date] = starts.astype("datetime64[D]").tolist()
    return Shock(days[first], days[end] if end < len(days) else None, float(np.expm1(shift)), z, p_value)
