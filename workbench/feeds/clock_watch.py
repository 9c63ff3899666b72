"""A camera's own clock against ours: how far off it is, whether it jumps, whether it drifts.

What a time stamp says, less what our clock said when the packet came, is the error of the camera's clock less the
packet's delay. Delays only make it smaller, so the largest of a second is the best measure of that second: packets
may come late and in heaps as they like, as long as one in a while comes through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from statistics import median

from workbench.feeds.complaint import Complaint, Fault, HealthChange
from workbench.media.frames import MICROSECONDS


@dataclass(frozen=True)
class ClockWatchConfig:
    """When a camera's clock is wrong."""

    off_s: float = 5.0
    """Off from ours by more than this is wrong, seconds."""
    fine_s: float = 2.0
    """Within this it is right again."""
    buffering_s: float = 0.0
    """How far behind a feed may be because it is buffered on its way, e.g. 30 for HLS: allowed on top, that way."""
    jump_s: float = 1.0
    """Time stamps that run back, or leap ahead of what arrival allows, by more than this have jumped."""
    well_after_s: float = 30.0
    """So long without anything wrong ends the complaint."""
    drift_s_per_h: float = 1.0
    """Drift beyond this is wrong; below half of it, right again."""
    drift_after_s: float = 600.0
    """Least time over which drift is measured."""
    drift_floor_s: float = 0.25
    """Least change that is called drift: delays change as much by themselves."""


SECONDS_KEPT = 10
"""Seconds with packets in them over which the offset is taken, as their median."""

SECONDS_NEEDED = 5
"""Seconds that must have been seen before anything is said: many servers begin with what they have in store."""

MINUTES_KEPT = 30
"""Minutes over which drift is measured at most."""

WRAPS_US = tuple(2**bits * MICROSECONDS // 90_000 for bits in (32, 33))
"""Time stamps of RTP (32 bits) and MPEG-TS (33 bits) start over so often at 90 kHz: 13 h 15 min and 26 h 31 min."""

WRAP_TOLERANCE_US = 10 * MICROSECONDS
"""How far off a wrap a step back may be and still be one: frames may be missing at it."""


@dataclass
class ClockWatchMemory:
    """What is known of a camera's clock. Offsets are its time stamps less their arrival, µs."""

    own: bool = False
    """True where time stamps are instants of the camera's clock, false where they count up from anywhere."""
    last_us: int | None = None
    """The last time stamp."""
    best_us: int | None = None
    """Largest offset in the second that runs; `None` before its first packet."""
    best_at_us: int = 0
    """When that packet came."""
    seconds: list[tuple[int, int]] = field(default_factory=list)
    """Of the last seconds with packets: when the first came, and the largest offset."""
    usual_us: int | None = None
    """Largest offset of all these."""
    minute: tuple[int, int] | None = None
    """The same of the minute that runs."""
    minutes: list[tuple[int, int]] = field(default_factory=list)
    """The same of the minutes before."""
    off: bool = False
    """True from being off until being fine."""
    drifting: bool = False
    drift_s_per_h: float = 0.0
    """What was last measured."""
    jump: Fault | None = None
    """The time stamps jumped in the second that runs."""


class ClockWatch:
    """`camera_clock` for one feed, told the time stamp of every packet."""

    def __init__(self, config: ClockWatchConfig, memory: ClockWatchMemory, complaint: Complaint) -> None:
        self.config = config
        self.memory = memory
        self.complaint = complaint
        self._jump_us = round(config.jump_s * MICROSECONDS)

    def restart(self) -> None:
        """Begin to measure anew: time stamps may count from elsewhere. What was wrong is so until seen right."""
        memory = self.memory
        memory.last_us = memory.best_us = memory.usual_us = memory.minute = None
        memory.seconds, memory.minutes = [], []

    def interrupt(self) -> None:
        """Take in that no packets come: nobody sees how things are."""
        self.complaint.well_since_us = None

    def take(self, arrived_at_us: int, stamp_us: int, own: bool) -> None:
        """Take in one packet: when it came, and what it says when it was sent."""
        memory = self.memory
        if own is not memory.own:
            self.restart()
            memory.own = own
        last_us = memory.last_us
        offset_us = stamp_us - arrived_at_us
        if last_us is not None and not -self._jump_us <= stamp_us - last_us <= self._jump_us:
            self._leap(arrived_at_us, stamp_us - last_us, offset_us)
        memory.last_us = stamp_us
        if memory.best_us is None:
            memory.best_us, memory.best_at_us = offset_us, arrived_at_us
        elif offset_us > memory.best_us:
            memory.best_us = offset_us

    def note_jump(self, at_us: int, step_us: int) -> None:
        """Take in that time stamps jumped; for whoever evens them out before they get here."""
        way = "ran back" if step_us < 0 else "leapt ahead"
        self.memory.jump = Fault(at_us, f"time stamps {way} by {_length(step_us)}")

    def close_second(self, end_at_us: int) -> HealthChange | None:
        """Take in that a second has passed, and return the complaint that begins or ends with it."""
        memory = self.memory
        if memory.best_us is None:
            return None
        memory.seconds = [*memory.seconds, (memory.best_at_us, memory.best_us)][-SECONDS_KEPT:]
        memory.usual_us = max(offset_us for _, offset_us in memory.seconds)
        fault, memory.jump = memory.jump, None
        if memory.own:
            self._measure_drift(memory.best_at_us, memory.best_us)
            fault = fault or self._off() or self._drift()
        memory.best_us = None
        well = not memory.off and not memory.drifting
        return self.complaint.judge(fault, well, end_at_us, round(self.config.well_after_s * MICROSECONDS))

    def _leap(self, arrived_at_us: int, step_us: int, offset_us: int) -> None:
        """Tell whether a large step of the time stamps is a jump, or frames that are missing."""
        memory = self.memory
        if step_us > 0:
            known_us = [us for us in (memory.usual_us, memory.best_us) if us is not None]
            step_us = offset_us - max(known_us, default=offset_us)
            if step_us <= self._jump_us:
                return
        wrapped = not memory.own and any(abs(step_us + wrap_us) <= WRAP_TOLERANCE_US for wrap_us in WRAPS_US)
        if len(memory.seconds) >= SECONDS_NEEDED and not wrapped:
            self.note_jump(arrived_at_us, step_us)
        self.restart()

    def _off(self) -> Fault | None:
        """Tell whether the clock is off, and since when."""
        memory, config = self.memory, self.config
        if len(memory.seconds) < SECONDS_NEEDED:
            return None
        off_us = median(self._beyond_buffering(offset_us) for _, offset_us in memory.seconds)
        limit_us = (config.fine_s if memory.off else config.off_s) * MICROSECONDS
        memory.off = abs(off_us) > limit_us
        if not memory.off:
            return None
        since_us = next(at_us for at_us, us in memory.seconds if abs(self._beyond_buffering(us)) > limit_us)
        return Fault(since_us, f"its clock is {_length(off_us)} {'ahead of' if off_us > 0 else 'behind'} ours")

    def _beyond_buffering(self, offset_us: int) -> int:
        """Return an offset without what buffering may explain of it."""
        return offset_us if offset_us >= 0 else min(0, offset_us + round(self.config.buffering_s * MICROSECONDS))

    def _measure_drift(self, at_us: int, offset_us: int) -> None:
        """Take in a second; once a minute, measure."""
        memory, config = self.memory, self.config
        if memory.minute is not None and at_us - memory.minute[0] < 60 * MICROSECONDS:
            memory.minute = (memory.minute[0], max(memory.minute[1], offset_us))
            return
        if memory.minute is not None:
            memory.minutes = [*memory.minutes, memory.minute][-MINUTES_KEPT:]
        memory.minute = (at_us, offset_us)
        if len(memory.minutes) < 2 or at_us - memory.minutes[0][0] < config.drift_after_s * MICROSECONDS:
            return
        drift = _steady_slope(memory.minutes)
        change_us = abs(drift) * (at_us - memory.minutes[0][0])
        memory.drift_s_per_h = drift * 3600
        limit = config.drift_s_per_h * (0.5 if memory.drifting else 1.0)
        large = change_us > config.drift_floor_s * MICROSECONDS
        memory.drifting = abs(memory.drift_s_per_h) > limit and (memory.drifting or large)

    def _drift(self) -> Fault | None:
        memory = self.memory
        if not memory.drifting or not memory.minutes:
            return None
        way = "gains" if memory.drift_s_per_h > 0 else "loses"
        return Fault(memory.minutes[0][0], f"its clock {way} {abs(memory.drift_s_per_h):.1f} s an hour")


def _steady_slope(points: list[tuple[int, int]]) -> float:
    """Return the slope of the points; 0 where not both halves of them show at least half of it.

    A clock drifts all the while; a buffer that grew once is a step.
    """
    middle = len(points) // 2
    whole, halves = _slope(points), (_slope(points[: middle + 1]), _slope(points[middle:]))
    return whole if all(half * whole > 0 and abs(half) >= abs(whole) / 2 for half in halves) else 0.0


def _slope(points: list[tuple[int, int]]) -> float:
    """Return the median of the slopes between all pairs (Theil 1950, Sen 1968): strays leave it alone.

    30 points make 435 pairs, 0.1 ms once a minute.
    """
    return median((later[1] - sooner[1]) / (later[0] - sooner[0]) for sooner, later in combinations(points, 2))


def _length(us: float) -> str:
    """Return a length of time for people, without its sign."""
    seconds = abs(us) / MICROSECONDS
    for unit_s, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.1f} {unit}"
    return f"{seconds:.1f} s"
