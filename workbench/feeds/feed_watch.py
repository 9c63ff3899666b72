"""Health of a feed that shows in packets rather than pictures: lost, slow, with a wrong clock.

A few numbers are kept for every second, none for every packet. All judging is done when a second has passed, by
whatever is told next, so it does not matter how often `tick` is called. Every call returns the complaints that
began or ended with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.feeds.clock_watch import ClockWatch, ClockWatchConfig, ClockWatchMemory
from workbench.feeds.complaint import Complaint, Fault, HealthChange
from workbench.feeds.feed_rate import FeedRate, FeedRateConfig, FeedRateMemory
from workbench.media.frames import MICROSECONDS

__all__ = ["FeedWatch", "FeedWatchConfig", "FeedWatchMemory", "HealthChange"]


@dataclass(frozen=True)
class FeedWatchConfig:
    """When a feed is lost; what makes it slow and its clock wrong is said where that is judged."""

    lost_after_s: float = 5.0
    """Without a packet for longer, a feed is lost, seconds."""
    lost_cap_s: float = 60.0
    """The same for a feed that sends less than a frame a second or two: three times as long as between its frames,
    but never more than this."""
    back_after_s: float = 2.0
    """Packets must flow for so long before it is back."""
    rate: FeedRateConfig = field(default_factory=FeedRateConfig)
    clock: ClockWatchConfig = field(default_factory=ClockWatchConfig)


WIDE_GAPS_NEEDED = 3
"""So many wide gaps in a row make a feed one that sends few frames."""


@dataclass
class FeedWatchMemory:
    """All that is known of a feed: plain numbers that can be written down and read back."""

    lost: Complaint = field(default_factory=lambda: Complaint("camera_lost"))
    slow: Complaint = field(default_factory=lambda: Complaint("camera_slow"))
    wrong_clock: Complaint = field(default_factory=lambda: Complaint("camera_clock"))
    rate: FeedRateMemory = field(default_factory=FeedRateMemory)
    clock: ClockWatchMemory = field(default_factory=ClockWatchMemory)
    begun_at_us: int | None = None
    """The first thing told: from then on, packets are expected."""
    last_at_us: int | None = None
    """When the last packet came."""
    flowing_since_us: int | None = None
    """First packet since which they come without a break; `None` while they do not."""
    lost_after_us: int = 0
    """Longest wait for a packet; 0 for the configured one."""
    wide_gaps: int = 0
    """How many gaps up to now were wide."""
    disconnected: str | None = None
    """Why there is no connection; `None` while there is one."""
    second: int = 0
    """The second that runs, since 1970 UTC."""
    count: int = 0
    """Packets in it."""
    size_bytes: int = 0
    """Bytes in it."""
    bytes_per_s: float = 0.0
    """Over about the last ten seconds."""
    key_at_us: int | None = None
    """When the last key frame came."""
    gop_s: float = 0.0
    """Time between the last two key frames, seconds; 0 while unknown."""
    changes: list[HealthChange] = field(default_factory=list)
    """What has not been told yet."""


class FeedWatch:
    """`camera_lost`, `camera_slow` and `camera_clock` for one feed.

    All instants are µs since 1970 UTC on one clock that never jumps: our clock as it was at the start, counted on
    by a monotonic one.

    Parameters
    ----------
    memory
        What an earlier watch of this feed knew; `None` to begin anew.
    """

    def __init__(self, config: FeedWatchConfig | None = None, memory: FeedWatchMemory | None = None) -> None:
        self.config = config or FeedWatchConfig()
        self.memory = memory or FeedWatchMemory()
        known = self.memory
        self._rate = FeedRate(self.config.rate, known.rate, known.slow)
        self._clock = ClockWatch(self.config.clock, known.clock, known.wrong_clock)
        self._lost_after_us = round(self.config.lost_after_s * MICROSECONDS)
        self._back_after_us = round(self.config.back_after_s * MICROSECONDS)
        self._wide_us = self._lost_after_us // 3

    @property
    def rate_hz(self) -> float | None:
        """Frames a second over the last ten; `None` while none come."""
        return self._rate.rate_hz

    @property
    def gop_s(self) -> float:
        """Time between the last two key frames, seconds; 0 while unknown."""
        return self.memory.gop_s

    def packet(
        self, arrived_at_us: int, seen_at_us: int | None, is_key: bool, size: int, stream_us: int | None = None
    ) -> tuple[HealthChange, ...]:
        """Take in one packet.

        Parameters
        ----------
        arrived_at_us
            When it was read, on our clock.
        seen_at_us
            When it was seen, on the camera's clock; `None` where the feed carries none.
        size
            Bytes.
        stream_us
            Its time stamp, µs from anywhere; judged for jumps where `seen_at_us` is `None`.
        """
        memory = self.memory
        if arrived_at_us // MICROSECONDS > memory.second:
            self._pass_seconds(arrived_at_us)
        memory.count += 1
        memory.size_bytes += size
        last_at_us = memory.last_at_us
        if last_at_us is None or memory.flowing_since_us is None or arrived_at_us - last_at_us > self._wide_us:
            self._resume(arrived_at_us, last_at_us)
        elif memory.wide_gaps:
            memory.wide_gaps = memory.lost_after_us = 0
        memory.last_at_us = arrived_at_us
        if seen_at_us is not None:
            self._clock.take(arrived_at_us, seen_at_us, True)
        elif stream_us is not None:
            self._clock.take(arrived_at_us, stream_us, False)
        if is_key:
            self._note_key(arrived_at_us)
        return self._told() if memory.changes else ()

    def leapt(self, at_us: int, leap_s: float) -> tuple[HealthChange, ...]:
        """Take in that time stamps leapt, and were evened out before they came here."""
        self._pass_seconds(at_us)
        self._clock.note_jump(at_us, round(leap_s * MICROSECONDS))
        return self._told()

    def connected(self, at_us: int) -> tuple[HealthChange, ...]:
        """Take in that a connection was made: time stamps may count from elsewhere."""
        self._pass_seconds(at_us)
        self.memory.disconnected = None
        self.memory.key_at_us = None
        self._clock.restart()
        return self._told()

    def disconnected(self, at_us: int, reason: str) -> tuple[HealthChange, ...]:
        """Take in that the connection was lost, or could not be made."""
        self._pass_seconds(at_us)
        self.memory.disconnected = reason
        return self._told()

    def tick(self, now_us: int) -> tuple[HealthChange, ...]:
        """Take in that time passes. To be called about once a second, for when nothing else comes."""
        self._pass_seconds(now_us)
        self._judge_flow(now_us)
        return self._told()

    def _told(self) -> tuple[HealthChange, ...]:
        changes, self.memory.changes = tuple(self.memory.changes), []
        return changes

    def _pass_seconds(self, now_us: int) -> None:
        """Judge all seconds that have passed."""
        memory, now_s = self.memory, now_us // MICROSECONDS
        if memory.begun_at_us is None:
            memory.begun_at_us, memory.second = now_us, now_s
        if now_s <= memory.second:
            return
        # silence too long for a second-by-second look is judged as such
        last_s = memory.second if self._silent_us(now_us) > self._patience_us() else now_s - 1
        for second in range(memory.second, last_s + 1):
            self._close_second(second)
        memory.second = now_s
        self._judge_flow(now_us)

    def _close_second(self, second: int) -> None:
        memory, end_at_us = self.memory, (second + 1) * MICROSECONDS
        memory.bytes_per_s += (memory.size_bytes - memory.bytes_per_s) / self.config.rate.window_s
        changes = [self._clock.close_second(end_at_us)]
        # the second in which packets began to flow is not a whole one
        if memory.flowing_since_us is not None and memory.flowing_since_us <= second * MICROSECONDS:
            changes.append(self._rate.close_second(end_at_us, memory.count))
        memory.changes += [change for change in changes if change is not None]
        memory.count = memory.size_bytes = 0

    def _judge_flow(self, now_us: int) -> None:
        """Tell whether the feed is lost, or back."""
        memory = self.memory
        silent_us = self._silent_us(now_us)
        if silent_us > self._patience_us():
            if not memory.lost.is_open:
                memory.changes.append(memory.lost.begin(Fault(now_us - silent_us, self._why_lost())))
            memory.flowing_since_us, memory.bytes_per_s = None, 0.0
            self._rate.interrupt()
            self._clock.interrupt()
            return
        since_us, last_at_us = memory.flowing_since_us, memory.last_at_us
        if since_us is None or last_at_us is None or not memory.lost.is_open:
            return
        if last_at_us - since_us >= self._back_after_us:
            memory.changes.append(memory.lost.end(since_us))

    def _silent_us(self, now_us: int) -> int:
        """Return for how long packets have been waited for, µs."""
        memory = self.memory
        since_us = memory.begun_at_us if memory.last_at_us is None else memory.last_at_us
        return 0 if since_us is None else now_us - since_us

    def _patience_us(self) -> int:
        return self.memory.lost_after_us or self._lost_after_us

    def _resume(self, arrived_at_us: int, last_at_us: int | None) -> None:
        """Take in a packet after a wide gap, or the first one."""
        memory = self.memory
        gap_us = 0 if last_at_us is None else arrived_at_us - last_at_us
        broken = gap_us > max(self._back_after_us, self._patience_us() * 2 // 5)
        if memory.flowing_since_us is None or (broken and memory.lost.is_open):
            memory.flowing_since_us = arrived_at_us
        if gap_us > self._wide_us:
            memory.wide_gaps += 1
        if memory.wide_gaps >= WIDE_GAPS_NEEDED:
            # a feed that has always sent so few is not lost between two of them
            cap_us = round(self.config.lost_cap_s * MICROSECONDS)
            memory.lost_after_us = min(max(3 * gap_us, self._lost_after_us), cap_us)

    def _why_lost(self) -> str:
        memory = self.memory
        if memory.disconnected is not None:
            return f"disconnected: {memory.disconnected}"
        return "no packet ever came" if memory.last_at_us is None else "connected, but no packet comes"

    def _note_key(self, arrived_at_us: int) -> None:
        memory = self.memory
        if memory.key_at_us is not None:
            memory.gop_s = max(arrived_at_us - memory.key_at_us, 0) / MICROSECONDS
        memory.key_at_us = arrived_at_us
