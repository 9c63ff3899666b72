"""One connection of a live feed: its packets recorded and handed on, what is wrong with them told."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

import av
from av.container import InputContainer
from av.packet import Packet

from catalog.errors import RtccError
from catalog.spans import to_us
from workbench.feeds.back_off import BackOff
from workbench.feeds.feed_packets import feed_packets, opened_track
from workbench.feeds.feed_sink import FeedFigures, FeedPlan, FeedSink, FeedWaits
from workbench.feeds.feed_source import FeedUnavailable
from workbench.feeds.feed_stamps import Stamped
from workbench.feeds.feed_watch import FeedWatch
from workbench.feeds.open_gap import OpenGap
from workbench.feeds.recorder import OpenSegment, Placed, Recorder
from workbench.feeds.stream_clock import CameraClock, ClockFinder

MOST_FRAMES = 8000
"""A segment without a further key frame is ended here: decord misreads longer files (from about 9 000)."""

HEAD_BYTES = 8
"""How much of a packet tells whether it can be video."""

BURST_RATIO = 0.5
"""Packets that come in less than this share of the time they last are a burst: what the device, or FFmpeg while it
opened the feed, had in store."""

LONGEST_BURST_US = 2_000_000
"""A burst is waited out no longer, µs."""

LARGEST_BURST = 600
"""Packets of a burst that are held back at most: 20 s at 30 fps, a few segments of HLS."""


class DiskFull(RtccError):
    """The disk took nothing more."""


class NoKeyFrame(FeedUnavailable):
    """Packets come, but none from which pictures could be decoded."""


class SessionFeed(Protocol):
    """What a session needs of its feed."""

    plan: FeedPlan
    recorder: Recorder
    sink: FeedSink
    back_off: BackOff
    waits: FeedWaits
    stopping: threading.Event
    clock: ClockFinder
    watch: FeedWatch
    figures: FeedFigures
    gap: OpenGap

    def clock_us(self) -> int:
        """Return the wall clock, µs since 1970 UTC."""
        ...

    def steady_s(self) -> float:
        """Return the steady clock, seconds."""
        ...

    def require_open(self) -> None:
        """Raise `Closed` where the feed may not be read now."""
        ...

    def end_segment(self, until_us: int | None) -> None:
        """Hand over the open segment, to be finished."""
        ...

    def hand_over(self, segment: OpenSegment, until_us: int | None) -> None:
        """Hand over a segment, to be finished."""
        ...


@dataclass(frozen=True)
class _Damage:
    """From here to the next key frame nothing can be used."""

    since_us: int
    """Instant after the last good frame, µs since 1970 UTC."""
    detail: str


class Session:
    """Takes the packets of one connection, until it ends or the feed is to stop."""

    def __init__(self, feed: SessionFeed, container: InputContainer) -> None:
        self.feed, self.container = feed, container
        self.stream, self.track, self.stamps = opened_track(feed.plan.source, container)
        self._camera_clock = CameraClock()
        self._burst: list[Stamped] | None = []
        """Packets of the burst in which many feeds begin, the last of which tells best when all were seen; `None`
        once it is over."""
        self._came = False
        """True once there was a packet."""
        self._waiting_us: int | None = None
        """Since when a key frame is waited for, µs since 1970 UTC; `None` while it is not."""
        self._damage: _Damage | None = None
        """What the open segment lacks from its last frame on."""
        self._in_doubt = False
        """True from damage on, until a key frame has been decoded: rubbish may look like one."""
        feed.clock.forget()
        feed.figures.connects += 1
        for change in feed.watch.connected(feed.clock_us()):
            feed.sink.health(change)

    def run(self) -> None:
        """Take packets until the connection ends or the feed is to stop."""
        feed = self.feed
        source, read_s = feed.plan.source, feed.waits.read_s
        try:
            for packet in feed_packets(
                self.container, self.stream, source, feed.stopping, self.stamps.go_on, read_s=read_s
            ):
                feed.require_open()
                self._arrived(packet)
            self._take_burst()
        except FeedUnavailable:
            self._take_burst()
            raise
        finally:
            self._leave()

    def _leave(self) -> None:
        """Say what is damaged to the end: there is no next key frame."""
        damage, self._damage = self._damage, None
        if damage is not None:
            self.feed.end_segment(None)
            if self.feed.gap.reason is None:
                self.feed.gap.begin("undecodable", damage.detail, damage.since_us)

    def _arrived(self, packet: Packet[Any]) -> None:
        feed, arrived_us = self.feed, self.feed.clock_us()
        if not self._came:
            self._came = True
            feed.back_off.came(feed.steady_s())
        come = self.stamps.take(packet, arrived_us)
        for stamped in come:
            if stamped.leap_s:
                self._leapt(stamped)
            self._camera_clock.observe(stamped)
        for stamped in come:
            if self._burst and not self._bursting(self._burst, stamped):
                self._take_burst()
            feed.clock.observe(stamped.stream_us, stamped.arrived_us)
            if self._burst is not None:
                self._burst.append(stamped)
            else:
                self._watch_and_take(stamped)
        feed.gap.tick(arrived_us)

    def _bursting(self, burst: list[Stamped], stamped: Stamped) -> bool:
        """Tell whether a packet still belongs to the burst in which the feed begins."""
        first, last = burst[0], burst[-1]
        lasts_us = (stamped.dts - last.dts) * self.track.time_base * 1_000_000
        fast = stamped.arrived_us - last.arrived_us < BURST_RATIO * lasts_us
        short = len(burst) < LARGEST_BURST and stamped.arrived_us - first.arrived_us <= LONGEST_BURST_US
        return fast and short

    def _take_burst(self) -> None:
        burst, self._burst = self._burst, None
        for stamped in burst or ():
            self._watch_and_take(stamped)

    def _watch_and_take(self, stamped: Stamped) -> None:
        feed, figures, packet = self.feed, self.feed.figures, stamped.packet
        figures.packets += 1
        figures.size_bytes += packet.size
        figures.last_packet_us = stamped.arrived_us
        origin_us = self._camera_clock.origin_us
        changes = feed.watch.packet(
            stamped.arrived_us, None if origin_us is None else origin_us + stamped.stream_us, packet.is_keyframe,
            packet.size, stream_us=stamped.stream_us,
        )  # fmt: skip
        for change in changes:
            feed.sink.health(change)
        self._take(stamped)

    def _take(self, stamped: Stamped) -> None:
        """Record one packet, and hand it on."""
        feed, packet = self.feed, stamped.packet
        key = bool(packet.is_keyframe)
        if packet.is_corrupt or self.track.rubbish(bytes(memoryview(packet)[:HEAD_BYTES])):
            self._spoil("packets arrive damaged", stamped)
            return
        data = bytes(packet) if key else b""
        if key and not self._begin_at_key(stamped, data):
            return
        segment = feed.recorder.current
        if segment is None or self._damage is not None:
            self._await_key(stamped)
            return
        wanted = feed.sink.wants(key=key)
        if wanted and not data:
            data = bytes(packet)
        placed = self._write(segment, stamped)
        if placed is None:
            return
        feed.sink.placed(placed)
        if key:
            feed.figures.key(placed.seen_at)
        if wanted:
            feed.sink.packet(data, placed, key=key)
        if segment.frame_count >= MOST_FRAMES:
            feed.end_segment(None)
            feed.gap.begin("undecodable", f"no key frame in {MOST_FRAMES} frames", segment.end_us)

    def _write(self, segment: OpenSegment, stamped: Stamped) -> Placed | None:
        """Write one packet to the segment; `None` where it is left out."""
        try:
            placed = segment.write(stamped.packet, stamped.pts, stamped.dts)
        except OSError as error:
            raise _disk_full(error) from error
        except av.FFmpegError as error:
            if segment.frame_count == 0:
                self.feed.end_segment(None)
            self._spoil(f"a packet cannot be recorded: {error.strerror}", stamped)
            return None
        self.feed.figures.left_out += placed is None
        return placed

    def _begin_at_key(self, stamped: Stamped, data: bytes) -> bool:
        """Begin a new segment where it is time to; False where the key frame cannot be used."""
        feed = self.feed
        track = self.track.from_key(data, prove=self._in_doubt)
        if track is None:
            self._spoil("a key frame cannot be decoded", stamped)
            return False
        self.track = track
        self._mend(stamped)
        if not feed.recorder.due(track):
            return True
        before = feed.recorder.current
        clock = feed.clock.for_segment(
            self._camera_clock.origin_us, before.frame_us if before is not None else None
        )
        try:
            feed.recorder.begin(track, clock, stamped.pts, stamped.dts)
        except OSError as error:
            raise _disk_full(error) from error
        except (av.FFmpegError, ValueError) as error:
            raise FeedUnavailable(
                f"the feed {feed.plan.source.shown} cannot be recorded as {track.codec}: {error}; "
                "set the camera to H.264 or H.265"
            ) from None
        segment = feed.recorder.current
        assert segment is not None  # begin has just made it
        self._follow_on(before, to_us(segment.start_at))
        feed.figures.set("recording", stamped.arrived_us)
        feed.figures.clock = clock.clock
        feed.sink.begun(segment)
        return True

    def _follow_on(self, before: OpenSegment | None, start_us: int) -> None:
        """Hand over the segment before the one that begins at this instant, and end the gap between them."""
        feed = self.feed
        if before is not None:
            feed.hand_over(before, start_us)
            if before.end_before(start_us) < start_us:
                feed.gap.begin("no_feed", "no packet came", before.end_before(start_us))
        feed.gap.end(start_us)

    def _await_key(self, stamped: Stamped) -> None:
        """Take in a packet that is of no use before the next key frame."""
        feed, waits = self.feed, self.feed.waits
        feed.figures.left_out += 1
        if self._waiting_us is None:
            self._waiting_us = stamped.arrived_us
        waited_s = (stamped.arrived_us - self._waiting_us) / 1e6
        if waited_s >= waits.no_key_s and feed.figures.state != "no key frame":
            self._say_no_key(self._waiting_us, stamped.arrived_us)
        if waited_s >= waits.give_up_keys_s:
            raise NoKeyFrame(f"the feed {feed.plan.source.shown} sends no key frame; it is opened anew")

    def _say_no_key(self, since_us: int, arrived_us: int) -> None:
        """End the segment, and begin a gap with what was wrong first."""
        feed = self.feed
        damage, self._damage = self._damage, None
        words = [damage.detail] if damage is not None else []
        words.append(f"no key frame for {feed.waits.no_key_s:g} s")
        detail = ", ".join(words)
        feed.end_segment(None)
        feed.gap.begin("undecodable", detail, since_us if damage is None else damage.since_us)
        feed.figures.set("no key frame", arrived_us, detail)

    def _spoil(self, detail: str, stamped: Stamped) -> None:
        """Leave out packets from here to the next key frame: what rests on them shows nonsense."""
        segment = self.feed.recorder.current
        if self._damage is None and segment is not None:
            self._damage = _Damage(segment.end_us, detail)
        self._in_doubt = True
        self._await_key(stamped)

    def _mend(self, stamped: Stamped) -> None:
        """End the damage at a key frame that can be decoded."""
        damage, self._damage, self._waiting_us, self._in_doubt = self._damage, None, None, False
        segment = self.feed.recorder.current
        if damage is None or segment is None:
            return
        until_us = segment.place(stamped.pts).seen_at
        if until_us > damage.since_us:
            self.feed.sink.damaged(damage.since_us, until_us, damage.detail)

    def _leapt(self, stamped: Stamped) -> None:
        """Go on as if time stamps had not leapt; what was known of the clock means nothing any more."""
        self._camera_clock.leapt(stamped.arrived_us)
        self.feed.clock.forget()
        for change in self.feed.watch.leapt(stamped.arrived_us, stamped.leap_s):
            self.feed.sink.health(change)


def _disk_full(error: OSError) -> DiskFull:
    return DiskFull(f"footage cannot be written: {error.strerror or error}; recording is tried again")
