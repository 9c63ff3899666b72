"""Counts of one kind of incident by place and period, and where and when cameras were on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]

Role = Literal["treated", "control", "buffer", "excluded"]
"""`treated`: has or gets cameras; `control`: may stand for what would have been; `buffer`: near enough that crime
may have moved there, so never a control; `excluded`: touched by something else."""


@dataclass(frozen=True)
class Panel:
    """Counts of one kind of incident in P places over T periods of equal kind, oldest first."""

    outcome: str
    """Which kind of incident."""
    place_ids: tuple[str, ...]
    """(P,) names, each once."""
    starts: Days
    """(T,) first day of each period, rising; a period ends where the next begins."""
    end: np.datetime64
    """First day after the last period."""
    counts: Floats
    """(P, T) incidents; fractions where the time of an incident is only known to within periods."""
    active: Bools
    """(P, T) whether cameras were on for most of the period; False everywhere for a control."""
    roles: tuple[Role, ...]
    """(P,)"""
    xy_m: Floats | None = None
    """(P, 2) metres east and north of the study's origin; None where places have no position."""
    exposure: Floats | None = None
    """(P,) people, households or area at risk, > 0; None where counts are compared as they are."""
    covariates: Floats = field(default_factory=lambda: np.empty((0, 0)))
    """(P, K) what is known of each place beside its counts; K may be 0."""
    covariate_names: tuple[str, ...] = ()
    """(K,)"""
    periods_per_year: float = 12.0
    """How many periods make a year: 12 for months, 4 for quarters, 365.25 / 7 for weeks."""

    def __post_init__(self) -> None:
        places, periods = len(self.place_ids), len(self.starts)
        for name, array, shape in (
            ("counts", self.counts, (places, periods)),
            ("active", self.active, (places, periods)),
            ("roles", np.asarray(self.roles), (places,)),
        ):
            if array.shape != shape:
                raise ValueError(f"panel of {self.outcome!r}: {name} is {array.shape}, it must be {shape}")
        if len(set(self.place_ids)) != places:
            raise ValueError(f"panel of {self.outcome!r}: a place stands in it twice")
        if periods and not (np.diff(self.starts) > np.timedelta64(0, "D")).all():
            raise ValueError(f"panel of {self.outcome!r}: its periods are not in order")
        if self.covariates.size and self.covariates.shape != (places, len(self.covariate_names)):
            raise ValueError(f"panel of {self.outcome!r}: covariates are {self.covariates.shape}")

    # Kept once asked for: methods ask hundreds of times.
    @cached_property
    def treated(self) -> Bools:
        """(P,) places that have or get cameras; read-only."""
        return self._with_role("treated")

    @cached_property
    def control(self) -> Bools:
        """(P,) places that may stand for what would have been; read-only."""
        return self._with_role("control")

    def _with_role(self, wanted: Role) -> Bools:
        rows = np.asarray([role == wanted for role in self.roles], np.bool_)
        rows.flags.writeable = False
        return rows

    @property
    def first_active(self) -> NDArray[np.int64]:
        """(P,) index of the first period with cameras on; T for a place that never has them."""
        any_on = self.active.any(axis=1)
        return np.where(any_on, self.active.argmax(axis=1), len(self.starts)).astype(np.int64)

    @property
    def before(self) -> Bools:
        """(T,) periods before the first camera anywhere."""
        first = int(self.first_active.min(initial=len(self.starts)))
        return np.arange(len(self.starts)) < first

    def of(self, rows: Bools) -> Panel:
        """Return the panel of the places where `rows` (P,) is True."""
        kept = np.flatnonzero(rows)
        return Panel(
            self.outcome, tuple(self.place_ids[row] for row in kept), self.starts, self.end, self.counts[kept],
            self.active[kept], tuple(self.roles[row] for row in kept),
            None if self.xy_m is None else self.xy_m[kept], None if self.exposure is None else self.exposure[kept],
            self.covariates[kept] if self.covariates.size else self.covariates, self.covariate_names,
            self.periods_per_year,
        )  # fmt: skip

    def between(self, first: int, last: int) -> Panel:
        """Return the panel of the periods `[first, last)`."""
        end = self.starts[last] if last < len(self.starts) else self.end
        return replace(
            self, starts=self.starts[first:last], end=end, counts=self.counts[:, first:last],
            active=self.active[:, first:last],
        )  # fmt: skip
