"""A foreign video file, as its packets and its header describe it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from catalog.errors import UnreadableFootage
from catalog.footage import GapReason
from catalog.spans import Span, from_us, to_us
from workbench.media.cutting import PAUSE_S, orphaned, source_table
from workbench.media.frames import MICROSECONDS
from workbench.media.opening import open_video, video_stream
from workbench.media.sound_frames import VideoPacket
from workbench.media.start_clock import StartClock, start_clock

MISSING_END_S = 1.0
"""How much longer than its frames a file may claim to be before the rest counts as missing, seconds."""

NUMBERED_FORMATS = frozenset({"avi", "h264", "hevc", "m4v", "mpegvideo", "obu"})
"""Containers without presentation times: what FFmpeg gives as such for reordered frames is a guess."""

READ_RETRIES = 200
"""Read errors after which a file counts as broken off."""


class SourceFile:
    """One foreign file, read once for its table; its packets are read again when they are wanted.

    Parameters
    ----------
    start_at
        Instant of the first frame; `None` takes what the container, the name or the file's date says.
    time_zone
        IANA name of the zone in which file names count.

    Raises
    ------
    UnreadableFootage
        When it holds no frame that could be decoded.
    """

    def __init__(self, path: Path, start_at: datetime | None, time_zone: str) -> None:
        self.path = path
        self.break_off = ""
        with open_video(path) as container:
            stream = container_stream(container)
            self.time_base = Fraction(stream.time_base or Fraction(1, MICROSECONDS))
            self.codec, self.wh_px = stream.codec_context.name, (stream.width, stream.height)
            numbered_only = bool(stream.codec_context.has_b_frames) and container.format.name in NUMBERED_FORMATS
            self.table = source_table(self.packets(container), self.time_base, numbered_only=numbered_only)
            self.promised_s = _promised_s(container, stream)
            # AVI counts its frames in the header and gives them no times of their own
            promised = stream.frames if container.format.name == "avi" else 0
            self.missing_frames = max(0, promised - len(self.table))
            created = container.metadata.get("creation_time") or stream.metadata.get("creation_time")
        self._orphaned = orphaned(self.table)
        readable = ~self._orphaned & ~self.table.hidden
        if not readable.any():
            found = self.break_off or "it holds no key frame to start from"
            raise UnreadableFootage(f"{path.name} holds no frame that can be read: {found}; use another copy")
        self._shown = np.sort(self.table.pts[~self.table.hidden])
        self.first_pts = int(self._shown[0])
        self.end_pts = int(self._shown[-1]) + self.table.frame_ticks
        length_s = self.table.seconds(self.end_pts - self.first_pts)
        self.clock: StartClock = start_clock(path, created, length_s, start_at=start_at, time_zone=time_zone)

    def packets(self, container: InputContainer) -> Iterator[VideoPacket]:
        """Yield the packets of the table, in its order; where reading fails, go on as long as that helps."""
        stream = container_stream(container)
        for _ in range(READ_RETRIES):
            try:
                yield from (packet for packet in container.demux(stream) if packet.size)
                return
            except av.FFmpegError as error:
                self.break_off = f"reading breaks off: {error.strerror}"
            except IndexError:
                # PyAV knows the streams of the start; a damaged transport stream seems to bring in new ones
                self.break_off = "reading stumbles: a packet names a stream that the file did not announce"

    def until(self, last_pts: int) -> int:
        """Return how long the frame with this time stamp stands: to the next one, ticks, if none is missing."""
        after = int(np.searchsorted(self._shown, last_pts, side="right"))
        if after < len(self._shown) and self._shown[after] - last_pts <= self.table.ticks(PAUSE_S):
            return int(self._shown[after])
        return last_pts + self.table.frame_ticks

    def span_us(self, start_pts: int, end_pts: int) -> Span:
        """Return the span between two time stamps of the table."""
        return Span(self._instant(start_pts), self._instant(end_pts))

    def _instant(self, pts: int) -> datetime:
        elapsed_us = round((pts - self.first_pts) * self.time_base * MICROSECONDS)
        return from_us(to_us(self.clock.start_at) + elapsed_us)

    def gaps(self) -> Iterator[tuple[Span, GapReason, str]]:
        """Yield what the file lacks by its own account: span, reason and what was found."""
        table = self.table
        if (lost := np.flatnonzero(self._orphaned & ~table.hidden)).size:
            until = int(table.pts[table.key][0])
            span = self.span_us(int(table.pts[lost].min()), max(until, int(table.pts[lost].max())))
            yield span, "undecodable", f"{lost.size} frames before the file's first key frame"
        for place in np.flatnonzero(np.diff(self._shown) > table.ticks(PAUSE_S)).tolist():
            last, following = int(self._shown[place]), int(self._shown[place + 1])
            words = f"no frame for {table.seconds(following - last):.1f} s"
            yield self.span_us(last + table.frame_ticks, following), "no_feed", words
        for jump in table.jumps:
            at = self._instant(int(table.pts[jump.rank]))
            words = f"time stamps leap by {jump.jump_s:.3f} s: instants from here on follow the last frame instead"
            yield Span(at, at), "undecodable", words
        yield from self._flagged()
        if self.missing_frames:
            widest = int(np.argmax(np.diff(self._shown))) if len(self._shown) > 1 else 0
            last = int(self._shown[widest])
            late_s = table.seconds(self.missing_frames * table.frame_ticks)
            words = f"{self.missing_frames} frames the header counts are missing, probably here"
            yield (
                self.span_us(last, self.until(last)),
                "undecodable",
                f"{words}; instants may be {late_s:.2f} s early",
            )
        missing_s = self.promised_s - table.seconds(self.end_pts - self.first_pts)
        if missing_s > MISSING_END_S or self.break_off:
            end_pts = self.end_pts + table.ticks(max(0.0, missing_s))
            # where nothing says how long the file should be, the gap's end is unseen
            span = self.span_us(self.end_pts, end_pts) if self.promised_s else Span(self._instant(self.end_pts))
            words = self.break_off or "the file ends early"
            yield span, "undecodable", f"{words}; its header promises {self.promised_s:.1f} s"

    def _flagged(self) -> Iterator[tuple[Span, GapReason, str]]:
        table = self.table
        for rank in np.flatnonzero(table.flagged & ~self._orphaned).tolist():
            later = np.flatnonzero(table.key[rank + 1 :])
            after = rank + 1 + int(later[0]) if later.size else len(table)
            span = self.span_us(int(table.pts[rank:after].min()), self.until(int(table.pts[rank:after].max())))
            yield (
                span,
                "undecodable",
                "the container marks a packet as damaged; pictures to the next key frame may be wrong",
            )


def container_stream(container: InputContainer) -> VideoStream:
    """Return the video stream of a file that `open_video` has opened, set to decode on one thread."""
    stream = video_stream(container)
    assert stream is not None  # open_video refuses files without one
    stream.codec_context.thread_count = 1
    return stream


def _promised_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1
    return (container.duration or 0) / av.time_base if alone else 0.0
