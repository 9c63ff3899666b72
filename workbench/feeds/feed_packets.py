"""The packets of one connection, at the pace at which a camera sends them; a file may be played again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from workbench.feeds.feed_source import FeedSource, FeedUnavailable, feed_unavailable
from workbench.feeds.feed_stamps import ARRIVAL_TIME_BASE, Stamps
from workbench.feeds.feed_track import VideoTrack
from workbench.media.opening import video_stream
from workbench.media.segment_files import COPYABLE_CODECS

UNSTAMPED_FORMATS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "mpegvideo", "obu"})
"""What FFmpeg calls streams that carry no time stamps: it only counts their packets, at 25 a second."""

LONGEST_WAIT_S = 10.0
"""A file's next packet is waited for no longer, seconds: a time stamp that lies further ahead is damaged."""


def opened_track(source: FeedSource, container: InputContainer) -> tuple[VideoStream, VideoTrack, Stamps]:
    """Return a feed's video, how its packets are to be read, and what gives them their time stamps.

    Raises
    ------
    FeedUnavailable
        When there is no video, or none that can be recorded as it comes.
    """
    stream = video_stream(container)
    if stream is None:
        raise FeedUnavailable(f"the feed {source.shown} carries no video; name another address")
    codec = stream.codec_context.name
    if codec not in COPYABLE_CODECS:
        raise FeedUnavailable(
            f"the feed {source.shown} comes as {codec}, which cannot be recorded as it is; "
            "set the camera to H.264 or H.265"
        )
    by_arrival = source.kind == "http" and container.format.name in UNSTAMPED_FORMATS
    track = VideoTrack.of(stream, ARRIVAL_TIME_BASE if by_arrival else None)
    return stream, track, Stamps(track.time_base, by_arrival=by_arrival)


def feed_packets(
    container: InputContainer, stream: VideoStream, source: FeedSource, stopping: threading.Event,
    begin_anew: Callable[[], None], *, read_s: float,
) -> Iterator[Packet[Any]]:  # fmt: skip
    """Yield packets until `stopping`, each when it comes or, of a file, when it is due.

    Parameters
    ----------
    begin_anew
        Called before the first packet of a file that is played again.
    read_s
        How long a packet is waited for before reading fails, for its words, seconds.

    Raises
    ------
    FeedUnavailable
        When the feed ends or cannot be read.
    """
    pace = _Pace(stopping, Fraction(stream.time_base or ARRIVAL_TIME_BASE)) if source.paced else None
    while True:
        failure: Exception | None = None
        try:
            for packet in container.demux(stream):
                if stopping.is_set():
                    return
                if packet.size == 0:
                    break
                if pace is not None:
                    pace.wait(packet)
                yield packet
        # PyAV raises IndexError for a packet of a stream that was not there when the container was opened
        except (av.FFmpegError, IndexError) as error:
            failure = error
        if failure is not None:
            raise feed_unavailable(source, failure, waited_s=read_s)
        if pace is None or not source.loops or not pace.begun:
            raise FeedUnavailable(f"the feed {source.shown} ended; it is tried again")
        container.seek(0)
        pace.begin_anew()
        begin_anew()


class _Pace:
    """Waits until a file's packet is due, as if a camera sent it."""

    def __init__(self, stopping: threading.Event, time_base: Fraction) -> None:
        self._stopping, self._time_base = stopping, time_base
        self._due_s = 0.0
        """When the last packet was due, on the steady clock."""
        self._last: int | None = None
        self._step_s = 0.04
        self.begun = False
        """True once there was a packet."""

    def begin_anew(self) -> None:
        """Expect the first packet again: it follows the last one as that one followed the one before."""
        self._last = None

    def wait(self, packet: Packet[Any]) -> None:
        """Wait for this packet's turn."""
        now_s = time.monotonic()
        if packet.dts is None:
            return
        if not self.begun:
            self.begun, self._due_s = True, now_s
        elif self._last is None:
            self._due_s += self._step_s
        else:
            passed_s = float((packet.dts - self._last) * self._time_base)
            if 0 < passed_s <= LONGEST_WAIT_S:
                self._due_s, self._step_s = self._due_s + passed_s, passed_s
        self._last = packet.dts
        if now_s - self._due_s > LONGEST_WAIT_S:
            self._due_s = now_s  # the machine slept: what was missed is not made good in one burst
        if self._due_s > now_s:
            self._stopping.wait(self._due_s - now_s)
