"""A camera's small stream, looked at while its main stream is recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from catalog.errors import RtccError
from workbench.feeds.back_off import BackOff
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_packets import feed_packets, opened_track
from workbench.feeds.feed_sink import FeedWaits
from workbench.feeds.feed_source import FeedRefused, FeedSource, open_feed
from workbench.feeds.feed_stamps import Stamped
from workbench.feeds.stream_clock import CameraClock, ClockFinder, StreamClock
from workbench.media.decode import picture_of
from workbench.media.frames import MICROSECONDS, fitted_wh_px

Show = Callable[[NDArray[np.uint8], int], None]
"""Takes an (H, W, 3) picture and its instant, µs since 1970 UTC."""


MOST_WAITING = 64
"""Frames whose packets went in and which have not come out; beyond it the decoder has lost them."""


class SubFeed:
    """Decodes all of a small stream and shows some pictures a second, in a thread of its own, until `stop`.

    Parameters
    ----------
    why_closed
        Why the feed may not be read now; `None` while it may.
    fps
        Pictures shown a second: the first at or after each instant of that rate's grid.
    picture_px
        Longer side of the pictures, px.
    waits
        How long is waited for what; `None` for the usual.
    """

    def __init__(
        self, source: FeedSource, credential: Credential | None, why_closed: Callable[[], str | None],
        show: Show, *, fps: float, picture_px: int, clock_us: Callable[[], int], random: Random,
        waits: FeedWaits | None = None,
    ) -> None:  # fmt: skip
        self.source, self.credential = source, credential
        self._why_closed, self._show, self._clock_us = why_closed, show, clock_us
        self._step_us, self._picture_px = MICROSECONDS / fps, picture_px
        self._waits = waits or FeedWaits()
        self._back_off = BackOff(self._waits.back_off, random)
        self._stopping = threading.Event()
        self._next_us = 0.0
        """Instant from which the next picture is shown, µs since 1970 UTC."""
        self.problem = ""
        """Why it does not come; empty while it does."""

    def stop(self) -> None:
        """Ask the thread to leave."""
        self._stopping.set()

    def run(self) -> None:
        """Show pictures until `stop`."""
        while not self._stopping.is_set():
            self._stopping.wait(self._once())

    def _once(self) -> float:
        """Keep one connection as long as it lasts, and return how long to wait before the next, seconds."""
        closed = self._why_closed()
        if closed is not None:
            self.problem = closed
            return self._waits.closed_s
        try:
            with open_feed(
                self.source,
                self.credential,
                open_timeout_s=self._waits.open_s,
                read_timeout_s=self._waits.read_s,
                small=True,
            ) as container:
                self._session(container)
        except FeedRefused as refused:
            self.problem = str(refused)
            return self._waits.refused_s
        except RtccError as error:
            self.problem = str(error)
        return self._back_off.next_wait_s(time.monotonic())

    def _session(self, container: InputContainer) -> None:
        """Show pictures until the feed may not be read any more, or is to stop."""
        stream, track, stamps = opened_track(self.source, container)
        pictures = _Pictures(track.decoder(), ClockFinder())
        packets = feed_packets(
            container, stream, self.source, self._stopping, stamps.go_on, read_s=self._waits.read_s
        )
        for packet in packets:
            if self._why_closed() is not None:
                return
            self._back_off.came(time.monotonic())
            come = stamps.take(packet, self._clock_us())
            pictures.observe(come)
            for stamped in come:
                for frame, at_us in pictures.of(stamped):
                    self._show_when_due(frame, at_us)

    def _show_when_due(self, frame: VideoFrame, at_us: int) -> None:
        self.problem = ""
        # a clock set back by more than a step leaves the old grid behind
        if self._next_us - 2 * self._step_us < at_us < self._next_us:
            return
        self._next_us = (at_us // self._step_us + 1) * self._step_us
        self._show(picture_of(frame, fitted_wh_px((frame.width, frame.height), self._picture_px)), at_us)


class _Pictures:
    """The sound pictures of one connection, and their instants by the clock the main stream goes by, too."""

    def __init__(self, decoder: av.VideoCodecContext, finder: ClockFinder) -> None:
        self._decoder, self._finder = decoder, finder
        self._camera_clock = CameraClock()
        self._clock: StreamClock | None = None
        self._stream_us: dict[int, int] = {}
        self._sound = False
        """True from a key frame on, until something cannot be decoded."""

    def observe(self, come: Sequence[Stamped]) -> None:
        """Take in what packets say of the time, before their pictures are asked for."""
        for stamped in come:
            if stamped.leap_s:
                self._camera_clock.leapt(stamped.arrived_us)
                self._finder.forget()
            self._camera_clock.observe(stamped)
            self._finder.observe(stamped.stream_us, stamped.arrived_us)

    def of(self, stamped: Stamped) -> Iterator[tuple[VideoFrame, int]]:
        """Yield the pictures that come out with one packet, and their instants, µs since 1970 UTC."""
        if stamped.packet.is_keyframe:
            self._clock = self._finder.for_segment(self._camera_clock.origin_us)
            self._sound = True
        clock = self._clock
        if clock is None or not self._sound:
            return
        for frame in self._decoded(stamped):
            stream_us = self._stream_us.pop(frame.pts, None) if frame.pts is not None else None
            if stream_us is not None:
                yield frame, clock.instant(stream_us)

    def _decoded(self, stamped: Stamped) -> list[VideoFrame]:
        packet = av.Packet(bytes(stamped.packet))
        packet.pts = packet.dts = stamped.pts
        self._stream_us[stamped.pts] = stamped.stream_us
        if len(self._stream_us) > MOST_WAITING:
            del self._stream_us[min(self._stream_us)]
        try:
            frames: list[VideoFrame] = self._decoder.decode(packet)
        except av.FFmpegError:
            self._sound = False
            return []
        if any(frame.is_corrupt for frame in frames):
            self._sound = False
            return []
        return frames
