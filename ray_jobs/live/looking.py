"""One camera's packets on their way to the detector: decoded, sampled, left out when too much waits."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

import av
import numpy as np
from numpy.typing import NDArray

from catalog.footage import Level, Segment
from catalog.spans import to_us
from ray_jobs.live.detecting import Detecting
from ray_jobs.live.following import Following, LeftOut, Looked, SegmentBegun, SegmentEnded
from ray_jobs.live.voice import Counts
from workbench.feeds.recorder import OpenSegment, Placed
from workbench.feeds.sampler import Damage, SampledPicture, Sampler, SamplerConfig

log = logging.getLogger(__name__)

MOST_QUEUED_BYTES = 12_000_000
"""Packets one camera may have waiting for the decoder, bytes: about 20 s of a 4 Mbit/s stream."""

MOST_UNANSWERED = 6
"""Pictures of one camera that may wait for the detector or the follower: at 5 Hz, 1.2 s."""

PACKETS_A_TURN = 40
"""Packets decoded before another camera has its turn."""


@dataclass(frozen=True)
class Packet:
    """A recorded packet that is to be looked at."""

    data: bytes
    placed: Placed
    key: bool
    level: Level
    since_s: float
    """When it came, on the steady clock."""


@dataclass(frozen=True)
class Shown:
    """A picture of the small stream, with the recorded frame it belongs to."""

    rgb: NDArray[np.uint8]
    placed: Placed
    since_s: float


@dataclass(frozen=True)
class _Missed:
    """Packets were left out here."""

    placed: Placed | None = None
    """The first of them, where they should have been looked at; `None` where nobody wanted to."""


@dataclass(frozen=True)
class _Ended:
    segment: OpenSegment
    closing: Future[Segment]
    last: bool


class Looking:
    """The way from packets to looks; filled by the feed's thread, emptied by one decoding thread at a time.

    Parameters
    ----------
    wake_decoder, wake_follower
        Give this camera a turn.
    """

    def __init__(
        self, config: SamplerConfig, detecting: Detecting, following: Following, counts: Counts,
        wake_decoder: Callable[[], None], wake_follower: Callable[[], None],
    ) -> None:  # fmt: skip
        self._config, self._detecting, self._following, self._counts = config, detecting, following, counts
        self._wake_decoder, self._wake_follower = wake_decoder, wake_follower
        self._inbox: deque[OpenSegment | Packet | Shown | _Missed | Damage | _Ended] = deque()
        self._bytes = 0
        self._guard = threading.Lock()
        self._broken = False
        """True after packets were left out, until the next key frame goes in."""
        self._behind = False
        """True while they are left out because too many wait."""
        self._sampler: Sampler | None = None
        self._frame_wh_px = (0, 0)

    @property
    def idle(self) -> bool:
        """True when nothing waits for the decoder."""
        return not self._inbox

    def lag_s(self, now_s: float) -> float:
        """Return the age of the oldest packet or picture that is not answered, seconds."""
        waiting = next((one.since_s for one in list(self._inbox) if isinstance(one, Packet | Shown)), None)
        known = [since_s for since_s in (waiting, self._following.oldest_s) if since_s is not None]
        return max(0.0, now_s - min(known)) if known else 0.0

    def begun(self, segment: OpenSegment) -> None:
        """Take in that a segment is being recorded."""
        self._put(segment)

    def ended(self, segment: OpenSegment, closing: Future[Segment], *, last: bool) -> None:
        """Take in that the segment is being closed."""
        self._put(_Ended(segment, closing, last))
        closing.add_done_callback(lambda _: self._wake_follower())

    def damaged(self, damage: Damage) -> None:
        """Take in that a stretch of the segment is damaged."""
        self._put(damage)

    def packet(self, data: bytes, placed: Placed, level: Level, *, key: bool) -> None:
        """Take a recorded packet that is to be looked at."""
        self._queue(Packet(data, placed, key, level, time.monotonic()), len(data), fresh=key)

    def shown(self, rgb: NDArray[np.uint8], placed: Placed) -> None:
        """Take a picture of the small stream."""
        self._queue(Shown(rgb, placed, time.monotonic()), rgb.nbytes, fresh=True)

    def left_out(self) -> None:
        """Take in that a recorded packet is not looked at: those that rest on it show nonsense."""
        if self._broken:
            return
        with self._guard:
            self._broken = True
            self._inbox.append(_Missed())

    def _put(self, item: OpenSegment | Damage | _Ended) -> None:
        with self._guard:
            self._inbox.append(item)
        self._wake_decoder()

    def _queue(self, item: Packet | Shown, size: int, *, fresh: bool) -> None:
        """Put it before the decoder, unless too much waits there already; then begin again at a key frame."""
        with self._guard:
            full = self._bytes + size > MOST_QUEUED_BYTES
            if full and not self._behind:
                self._behind = True
                self._inbox.append(_Missed(item.placed))
            if full or (self._broken and not fresh):
                self._broken = True
                return
            self._broken = self._behind = False
            self._inbox.append(item)
            self._bytes += size
        self._wake_decoder()

    def go_on(self) -> bool:
        """Decode some of what waits; return whether more does."""
        for _ in range(PACKETS_A_TURN):
            with self._guard:
                if not self._inbox:
                    return False
                item = self._inbox.popleft()
                self._bytes -= _size(item)
            self._take(item)
        return True

    def _take(self, item: OpenSegment | Packet | Shown | _Missed | Damage | _Ended) -> None:
        if isinstance(item, OpenSegment):
            self._begin(item)
        elif isinstance(item, Damage):
            self._following.put(item)
        elif isinstance(item, _Ended):
            self._end(item)
        elif self._sampler is not None:
            self._sample(self._sampler, item)
        self._wake_follower()

    def _begin(self, segment: OpenSegment) -> None:
        self._following.put(SegmentBegun(segment))
        self._frame_wh_px = (segment.track.width_px, segment.track.height_px)
        self._sampler = None
        try:
            self._sampler = Sampler(segment.track, self._config, self._room)
        except (av.FFmpegError, ValueError) as error:
            log.warning("pictures of %s cannot be decoded: %s", segment.track.codec, error)
            why = f"{segment.track.codec} cannot be decoded: {error}"
            self._following.put(LeftOut(to_us(segment.start_at), why))

    def _sample(self, sampler: Sampler, item: Packet | Shown | _Missed) -> None:
        decoded, passed_over, damaged = sampler.frames_decoded, sampler.passed_over, len(sampler.damage)
        rate, at_us = f"{self._config.full_fps:g} fps", item.placed.seen_at if item.placed else None
        pictures: list[SampledPicture] = []
        sampling = rate
        if isinstance(item, _Missed):
            sampler.missed()
            if at_us is not None:
                self._counts.add("passed_over")
                self._following.put(LeftOut(at_us, "looking falls behind: too much waits to be decoded"))
        elif isinstance(item, Shown):
            sampler.missed()  # the main stream's packets are not looked at meanwhile
            sampling = f"substream {rate}"
            if self._room():
                pictures = [sampler.picture(item.rgb, item.placed)]
            else:
                self._counts.add("passed_over")
        else:
            sampling = rate if item.level == "full" else "keyframes"
            pictures = self._taken(sampler, item)
        # a stretch that is known as damaged only now lies before these pictures
        for damage in sampler.damage[damaged:]:
            self._following.put(damage)
        since_s = item.since_s if not isinstance(item, _Missed) else 0.0
        self._look(pictures, since_s, sampling)
        self._counts.add("frames_decoded", sampler.frames_decoded - decoded)
        self._counts.add("passed_over", sampler.passed_over - passed_over)

    def _taken(self, sampler: Sampler, packet: Packet) -> list[SampledPicture]:
        try:
            return sampler.take(packet.data, packet.placed, key=packet.key, level=packet.level)
        except (av.FFmpegError, ValueError) as error:  # a picture of a kind that cannot be made smaller
            sampler.missed()
            self._counts.add("passed_over")
            self._following.put(LeftOut(packet.placed.seen_at, f"a picture cannot be used: {error}"))
            return []

    def _room(self) -> bool:
        return self._following.unanswered < MOST_UNANSWERED

    def _look(self, pictures: list[SampledPicture], since_s: float, sampling: str) -> None:
        for picture in pictures:
            answer = None
            if picture.rgb is not None:
                answer = self._detecting.submit(picture.rgb, self._frame_wh_px)
                answer.add_done_callback(lambda _: self._wake_follower())
            self._following.put(Looked(replace(picture, rgb=None), answer, since_s, sampling))

    def _end(self, item: _Ended) -> None:
        sampler, self._sampler = self._sampler, None
        damage: tuple[Damage, ...] = ()
        decoded = 0
        try:
            if sampler is not None:
                known, before = len(sampler.damage), sampler.frames_decoded
                self._look(sampler.finish(), time.monotonic(), f"{self._config.full_fps:g} fps")
                damage, decoded = tuple(sampler.close(item.segment.end_us)[known:]), sampler.frames_decoded
                self._counts.add("frames_decoded", decoded - before)
        except (av.FFmpegError, ValueError) as error:
            log.warning("the last pictures of a segment cannot be used: %s", error)
        # whatever failed: without this word the segment would never be stated
        self._following.put(SegmentEnded(item.closing, item.last, decoded, damage))


def _size(item: object) -> int:
    """Return what an item takes of the room, bytes."""
    if isinstance(item, Packet):
        return len(item.data)
    return item.rgb.nbytes if isinstance(item, Shown) else 0
