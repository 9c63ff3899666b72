"""Complaints about a feed: what is wrong with it, since when, and when it was well again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FeedRule = Literal["camera_lost", "camera_slow", "camera_clock"]
"""What packets alone tell of a camera's health; pictures tell the rest."""


@dataclass(frozen=True)
class HealthChange:
    """A complaint began or ended."""

    rule: FeedRule
    onset_at_us: int
    """When what it is about began, µs since 1970 UTC; with the rule, it names the complaint."""
    detail: str
    """What was found, for the operator."""
    ended_at_us: int | None = None
    """From when all was well again; `None` where the complaint begins."""


@dataclass(frozen=True)
class Fault:
    """Something is wrong now."""

    onset_at_us: int
    detail: str


@dataclass
class Complaint:
    """One thing that may be wrong with a feed."""

    rule: FeedRule
    onset_at_us: int | None = None
    """`None` while all is well."""
    detail: str = ""
    well_since_us: int | None = None
    """From when all has been well again; `None` while it is not."""
    ended_at_us: int = 0
    """When the one before ended: no complaint begins before that."""

    @property
    def is_open(self) -> bool:
        """True from when it is made until it ends."""
        return self.onset_at_us is not None

    def begin(self, fault: Fault) -> HealthChange:
        """Make the complaint."""
        self.onset_at_us, self.detail = max(fault.onset_at_us, self.ended_at_us), fault.detail
        self.well_since_us = None
        return HealthChange(self.rule, self.onset_at_us, self.detail)

    def end(self, at_us: int) -> HealthChange:
        """End the complaint that is open: all is well since `at_us`."""
        if self.onset_at_us is None:
            raise ValueError(f"{self.rule} is not open: nothing to end")
        change = HealthChange(self.rule, self.onset_at_us, self.detail, max(at_us, self.onset_at_us))
        self.ended_at_us = max(at_us, self.onset_at_us)
        self.onset_at_us = self.well_since_us = None
        return change

    def judge(self, fault: Fault | None, well: bool, now_us: int, well_after_us: int) -> HealthChange | None:
        """Take in what was found just now: a fault, all well, or neither, and return what changes by it.

        Parameters
        ----------
        well_after_us
            How long all must be well before the complaint ends; its end is then dated back to the first of it.
        """
        if fault is not None and not self.is_open:
            return self.begin(fault)
        if not self.is_open or fault is not None or not well:
            self.well_since_us = None
            return None
        if self.well_since_us is None:
            self.well_since_us = now_us
        return self.end(self.well_since_us) if now_us - self.well_since_us >= well_after_us else None
