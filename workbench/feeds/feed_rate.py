"""A feed's frame rate against what it usually is."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from workbench.feeds.complaint import Complaint, Fault, HealthChange
from workbench.media.frames import MICROSECONDS


@dataclass(frozen=True)
class FeedRateConfig:
    """When a feed is slow."""

    window_s: int = 10
    """Whole seconds over which frames are counted."""
    slow_ratio: float = 0.6
    """Share of the usual rate below which a feed is slow."""
    well_ratio: float = 0.8
    """Share at which it is well again."""
    slow_after_s: int = 8
    """Seconds with frames in them that the rate must stay down: a single pause that is too short to be called lost
    (5 s) lies in the window for less."""
    well_after_s: float = 10.0
    """How long the rate must be well before the complaint ends, seconds."""
    learn_count: int = 12
    """Windows that must have been counted before any is judged: two minutes."""
    learn_every_s: int = 10
    """Time between windows learnt from until then, seconds."""
    refresh_every_s: int = 60
    """The same, after that."""
    keep_count: int = 61
    """Windows the usual is the median of, about an hour; the oldest make room."""
    adopt_after_s: float = 3600.0
    """A rate that lasts so long is taken for the usual one: somebody has set the camera so."""
    least_hz: float = 0.5
    """A feed usually slower than this has too few frames in a window to be judged."""


@dataclass
class FeedRateMemory:
    """How many frames came lately, and how many usually do."""

    counts: list[int] = field(default_factory=list)
    """Frames in each of the last seconds, oldest first; empty after an interruption."""
    samples_hz: list[float] = field(default_factory=list)
    """Rates learnt from, oldest first."""
    learn_in_s: int = 0
    """Seconds until the next is learnt."""
    usual_hz: float | None = None
    """What the feed is judged by; `None` while too little is known."""
    low_s: int = 0
    """Seconds with frames in them for which the rate has been low."""
    low_since_us: int = 0
    """When it was first found low."""
    shortfall: float = 0.0
    """Frames missed since `fallen_at_us`."""
    fallen_at_us: int = 0
    """When the rate began to fall, as far as can be told."""


class FeedRate:
    """`camera_slow` for one feed, told how many frames came in each second."""

    def __init__(self, config: FeedRateConfig, memory: FeedRateMemory, complaint: Complaint) -> None:
        self.config = config
        self.memory = memory
        self.complaint = complaint

    @property
    def rate_hz(self) -> float | None:
        """Frames a second over the last ten; `None` before a whole second was counted."""
        counts = self.memory.counts
        return sum(counts) / len(counts) if counts else None

    def interrupt(self) -> None:
        """Begin to count anew: footage stopped. A complaint stays as it is, for nobody sees how things are."""
        self.memory.counts, self.memory.low_s, self.memory.shortfall = [], 0, 0.0
        self.complaint.well_since_us = None

    def close_second(self, end_at_us: int, count: int) -> HealthChange | None:
        """Take in a second that has passed, and return the complaint that begins or ends with it."""
        memory, window = self.memory, self.config.window_s
        self._follow_fall(end_at_us, count)
        memory.counts.append(count)
        if len(memory.counts) < window:
            return None
        if len(memory.counts) > window:
            memory.counts.pop(0)
        rate_hz = sum(memory.counts) / window
        usual_hz = memory.usual_hz
        if usual_hz is None or usual_hz < self.config.least_hz:
            self._learn(rate_hz)
            return None
        fault = self._fault(rate_hz, usual_hz, end_at_us, flowing=count > 0)
        if memory.low_s == 0 and not self.complaint.is_open:
            self._learn(rate_hz)
        if self._adopts(end_at_us):
            memory.samples_hz, memory.usual_hz, memory.low_s = [], None, 0
            return self.complaint.end(end_at_us)
        well = rate_hz >= self.config.well_ratio * usual_hz
        return self.complaint.judge(fault, well, end_at_us, round(self.config.well_after_s * MICROSECONDS))

    def _follow_fall(self, end_at_us: int, count: int) -> None:
        """Add up what is missing (CUSUM, Page 1954): the last time nothing was is when the rate fell."""
        memory, config = self.memory, self.config
        enough = (config.slow_ratio + config.well_ratio) / 2 * (memory.usual_hz or 0.0)
        memory.shortfall = max(0.0, memory.shortfall + enough - count)
        if memory.shortfall == 0.0:
            memory.fallen_at_us = end_at_us

    def _fault(self, rate_hz: float, usual_hz: float, end_at_us: int, flowing: bool) -> Fault | None:
        memory, config = self.memory, self.config
        if rate_hz >= config.slow_ratio * usual_hz:
            memory.low_s = 0
            return None
        if memory.low_s == 0:
            # a rate that sagged for hours falls when it is low, not when it began to sag
            memory.low_since_us = max(memory.fallen_at_us, end_at_us - config.window_s * MICROSECONDS)
        memory.low_s += flowing or memory.low_s == 0
        if memory.low_s < config.slow_after_s:
            return None
        return Fault(memory.low_since_us, f"{rate_hz:.1f} frames a second where {usual_hz:.1f} are usual")

    def _adopts(self, now_us: int) -> bool:
        onset_at_us = self.complaint.onset_at_us
        return onset_at_us is not None and now_us - onset_at_us > self.config.adopt_after_s * MICROSECONDS

    def _learn(self, rate_hz: float) -> None:
        memory, config = self.memory, self.config
        memory.learn_in_s -= 1
        if memory.learn_in_s > 0:
            return
        memory.samples_hz = [*memory.samples_hz, rate_hz][-config.keep_count :]
        known = len(memory.samples_hz) >= config.learn_count
        memory.learn_in_s = config.refresh_every_s if known else config.learn_every_s
        if known:
            # cameras that send fewer frames of a still street: what one window in ten falls to is usual, too
            low_hz = sorted(memory.samples_hz)[len(memory.samples_hz) // 10]
            memory.usual_hz = min(median(memory.samples_hz), low_hz / config.well_ratio)
