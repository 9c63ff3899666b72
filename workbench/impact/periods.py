"""Periods: a city's own weeks, months or quarters, and how an incident of inexact time is shared among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from workbench.impact.specification import PERIODS_PER_YEAR, FrameSpecification, PeriodKind
from workbench.impact.tables import Instants

Days = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Periods:
    """T periods of equal kind, each ending where the next begins."""

    kind: PeriodKind
    starts: Days
    """(T,) first days, on the city's calendar."""
    end: np.datetime64
    """First day after the last one."""
    edges_at: Instants
    """(T + 1,) midnights at which they begin and the last one ends, UTC, µs."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def per_year(self) -> float:
        """Return how many make a year."""
        return PERIODS_PER_YEAR[self.kind]

    @property
    def ends(self) -> Days:
        """(T,) first day after each period."""
        return np.append(self.starts[1:], self.end)

    def overlap(self, first: date, last: date) -> NDArray[np.bool_]:
        """Return (T,) whether a period has a day of `[first, last)`."""
        return (self.starts < np.datetime64(last, "D")) & (self.ends > np.datetime64(first, "D"))


def lay_periods(frame: FrameSpecification) -> Periods:
    """Return the periods of a study."""
    starts = [frame.start]
    while (following := _next(starts[-1], frame.period)) < frame.end:
        starts.append(following)
    edges_at = [_midnight_at(day, frame.zone) for day in [*starts, frame.end]]
    return Periods(
        frame.period, np.asarray(starts, "datetime64[D]"), np.datetime64(frame.end, "D"),
        np.asarray(edges_at, "datetime64[us]"),
    )  # fmt: skip


def _next(day: date, kind: PeriodKind) -> date:
    if kind == "week":
        return day + timedelta(days=7)
    months = day.year * 12 + day.month - 1 + (3 if kind == "quarter" else 1)
    return date(months // 12, months % 12 + 1, 1)


def _midnight_at(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Shares:
    """M parts of incidents: an incident whose time is inexact has a part in every period it may have been in."""

    incident: Indices
    """(M,) which incident."""
    period: Indices
    """(M,) which period."""
    weight: Floats
    """(M,) chance that it happened in that period, 0..1."""


def share(start_at: Instants, end_at: Instants, edges_at: Instants) -> Shares:
    """Return how incidents are shared among the periods between edges: the aoristic method.

    An incident known to have happened within `[start_at, end_at)` counts in each period with the part of that span
    that lies in it, as if every instant were equally likely; parts before the first and after the last edge count
    nowhere. One whose instant is known counts whole. Ratcliffe and McCullagh (1998), International Journal of
    Geographical Information Science 12: 751.

    Parameters
    ----------
    start_at, end_at
        (N,) UTC; equal where the instant is known.
    edges_at
        (T + 1,) UTC, rising; T ≥ 1.
    """
    periods = len(edges_at) - 1
    first = np.searchsorted(edges_at, start_at, side="right") - 1
    last = np.maximum(first, np.searchsorted(edges_at, end_at, side="left") - 1)
    whole = np.flatnonzero((first == last) & (first >= 0) & (first < periods))
    split = np.flatnonzero((first < last) & (first < periods) & (last >= 0))
    low, high = first[split].clip(min=0), last[split].clip(max=periods - 1)
    parts = high - low + 1
    incident = np.repeat(split, parts)
    period = np.arange(parts.sum()) - np.repeat(parts.cumsum() - parts, parts) + np.repeat(low, parts)
    until = np.minimum(end_at[incident], edges_at[period + 1])
    within = (until - np.maximum(start_at[incident], edges_at[period])).astype(np.float64)
    weight = within / (end_at[incident] - start_at[incident]).astype(np.float64)
    return Shares(
        np.concatenate([whole, incident]), np.concatenate([first[whole], period]),
        np.concatenate([np.ones(len(whole)), weight]),
    )  # fmt: skip
