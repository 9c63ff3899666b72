"""Record a feed as it comes: packets into segments that start on key frames, nothing encoded anew.

A segment is written as `.part`, with a note beside it that says what it is. Closed, it is made durable, gets its
name, and the note says so until the catalog has acknowledged it: whoever dies in between, the next process finds
both and goes on (see `unfinished`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from catalog.footage import Gap, Segment
from catalog.spans import Span, from_us
from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.stream_clock import StreamClock
from workbench.feeds.ticks import scale, ticks_to_us, us_to_ticks
from workbench.feeds.unfinished import Note, discard, final_path, write_note
from workbench.media.segment_files import SELF_CONTAINED, keep

DEFAULT_FRAME_US = 40_000
"""Length of a last frame where nothing tells it, µs (25 per second)."""

SHORTEST_FRAME_US = 1_000
"""Packets nearer to each other have had their time stamps put right, and tell nothing of the frame rate, µs."""

LONGEST_FRAME_US = 5_000_000
"""A frame stands no longer than this, µs: a connection that is silent for longer is frozen."""

FRAGMENT_US = 2_000_000
"""Packets are written out at every key frame, and after so long without one, µs: more is not lost by a crash."""

WRITTEN_BYTES = 131_072
"""Most bytes of a fragment that go to the file, and into its digest, at once: four calls a second for a street
camera, where FFmpeg's own 32 kB make sixteen."""

MUXER_OPTIONS = {
    "movflags": SELF_CONTAINED,
    "frag_duration": str(FRAGMENT_US),
    # what a fragment holds goes to the file at once, not when a buffer of FFmpeg's is full
    "flush_packets": "1",
    "fflags": "+bitexact",
}


class HashedFile:
    """A file that is digested while it is written.

    `write` does not raise: an error raised there would come up in whatever FFmpeg does next in that thread. It is
    kept, and `require_whole` raises it.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        self.digest, self.size_bytes = hashlib.sha256(), 0
        self._error: OSError | None = None
        self.closed = False
        """True when nothing can be written any more."""

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        if not self.closed:
            try:
                self._put(data)
            except OSError as error:
                self._error, self.closed = error, True
        return len(data)

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.digest.update(data)
        self.size_bytes += len(data)

    def require_whole(self) -> None:
        """Raise the error that kept bytes from being written, if one did."""
        if self._error is not None:
            raise self._error

    def cut_back(self, size_bytes: int) -> None:
        """Leave only the first bytes: what follows them is the beginning of something the disk did not take."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, size_bytes)
            self.size_bytes = size_bytes

    def finish(self) -> None:
        """Make it durable."""
        self.require_whole()
        os.fsync(self._descriptor)
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self.closed = -1, True


class Placed(NamedTuple):
    """Where a packet came to lie: the address of its frame.

    One is made for every packet; a frozen dataclass takes twice as long to make.
    """

    pts: int
    """Presentation time stamp in the segment's file, ticks."""
    seen_at: int
    """Instant of the frame, µs since 1970 UTC."""
    early_us: int = 0
    """How long before it is shown it is decoded, µs; 0 unless frames are shown out of order."""


class OpenSegment:
    """A segment that is being written.

    Parameters
    ----------
    note
        What it is, as it stands beside the file.
    first_pts, first_dts
        Time stamps of its first packet, ticks of the track.
    frame_us
        Time from frame to frame, µs, as far as it is known before there are two.
    """

    def __init__(
        self, note: Note, track: VideoTrack, clock: StreamClock, folder: Path, first_pts: int, first_dts: int, *,
        frame_us: int = DEFAULT_FRAME_US,
    ) -> None:  # fmt: skip
        self.note, self.track, self.clock = note, track, clock
        self.part = folder / note.part_name
        self._base = first_dts
        self._start_us = clock.instant(ticks_to_us(track.time_base)(first_pts))
        self.start_at = from_us(self._start_us)
        self._file = HashedFile(self.part)
        try:
            self._out, self._stream = _muxer(self._file, track)
            self._file.require_whole()
        except BaseException:
            self._file.close()
            raise
        self.time_base = Fraction(self._stream.time_base or track.time_base)
        self._in_file = scale(track.time_base / self.time_base)
        self._us, self._from_us = ticks_to_us(self.time_base), us_to_ticks(self.time_base)
        self.first_pts = self._ticks(first_pts)
        self.frame_count = 0
        self._last_dts = -1
        self._last_us = self._whole_us = self._start_us
        self._frame_us, self._frame_ticks = frame_us, self._from_us(frame_us)
        self._passed = 0
        """Time between the last two packets, ticks; 0 before there are two."""

    @property
    def length_us(self) -> int:
        """Length so far, its last frame included, µs."""
        return self.end_us - self._start_us

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        return self._file.size_bytes

    @property
    def frame_us(self) -> int:
        """Time from frame to frame, µs."""
        return self._frame_us

    @property
    def end_us(self) -> int:
        """Instant after the last frame so far, µs since 1970 UTC."""
        return self._last_us + self._frame_us

    def end_before(self, until_us: int | None) -> int:
        """Return when it ends, µs since 1970 UTC: where the next one begins, if that follows at once.

        Parameters
        ----------
        until_us
            When the next segment begins, µs since 1970 UTC; `None` where none follows at once.
        """
        follows = until_us is not None and 0 < until_us - self._last_us <= LONGEST_FRAME_US
        return until_us if follows and until_us is not None else self.end_us

    def place(self, pts: int) -> Placed:
        """Return the address of the frame with this time stamp, ticks of the track."""
        return self._placed(self._ticks(pts), self._ticks(pts))

    def write(self, packet: Packet[Any], pts: int, dts: int) -> Placed | None:
        """Write a packet as it is, and return where it came to lie; it is empty afterwards.

        `None` where it cannot lie in this segment: it is shown before the segment's first frame, and rests on the
        segment before. One that is not decoded after the last packet is moved to just after it.

        Raises
        ------
        OSError
            When the disk does not take it.
        av.FFmpegError
            When the file format cannot hold it.
        """
        own_dts = max(self._in_file(dts - self._base), self._last_dts + 1)
        own_pts = max(self._in_file(pts - self._base), own_dts)
        if own_pts < self.first_pts:
            return None
        placed = self._placed(own_pts, own_dts)
        if self._last_dts >= 0 and own_dts - self._last_dts != self._passed:
            self._pass(own_dts - self._last_dts)
        packet.stream, packet.time_base = self._stream, self.time_base
        packet.pts, packet.dts, packet.duration = own_pts, own_dts, self._frame_ticks
        self._put(packet, placed.seen_at)
        self._last_dts = own_dts
        self.frame_count += 1
        self._last_us = max(self._last_us, placed.seen_at)
        return placed

    def _pass(self, ticks: int) -> None:
        """Take in that packets come at another distance than the two before."""
        self._passed, passed_us = ticks, self._us(ticks)
        if passed_us >= SHORTEST_FRAME_US:
            self._frame_us = min(passed_us, LONGEST_FRAME_US)
            self._frame_ticks = self._from_us(self._frame_us)

    def _put(self, packet: Packet[Any], seen_at: int) -> None:
        """Give a packet to the muxer, and look what of it, or of those before, the disk has taken."""
        file = self._file
        size_bytes = file.size_bytes
        self._out.mux_one(packet)
        if file.closed:
            file.cut_back(size_bytes)
            file.require_whole()
        if file.size_bytes > size_bytes:
            self._whole_us = seen_at  # a packet goes to the file with the one that begins the next fragment

    def finish(self, folder: Path, home_root: Path, until_us: int | None) -> Segment:
        """Make the segment durable under its name, and return it.

        Parameters
        ----------
        until_us
            When the next segment begins, µs since 1970 UTC; `None` where none follows at once.

        Raises
        ------
        OSError
            When the disk does not take it: what it has taken can be finished later with `finish_note`, the rest is
            `lost_tail`.
        """
        self._close()
        sha256 = self._file.digest.hexdigest()
        note, start_us = self.note, self._start_us
        final = final_path(folder, start_us, sha256)
        segment = Segment(
            Segment.identify(note.camera_id, start_us, sha256), note.camera_id, note.mounting_id,
            Span(self.start_at, from_us(self.end_before(until_us))), self.first_pts, self.time_base,
            self.frame_count, self.track.width_px, self.track.height_px, self.track.codec, self.clock.clock,
            self.clock.error_s, self._file.size_bytes, sha256, final.relative_to(home_root).as_posix(),
            note.source_name,
        )  # fmt: skip
        write_note(folder, note.closed_as(segment))
        keep(self.part, final)
        return segment

    def lost_tail(self, until_us: int | None, detail: str) -> Gap:
        """Return the stretch at the end that the disk did not take.

        Parameters
        ----------
        until_us
            As for `finish`.
        """
        end_us = self.end_before(until_us)
        span = Span(from_us(min(self._whole_us, end_us)), from_us(end_us))
        return Gap(self.note.camera_id, span, "skipped", detail, None, self.note.source_name)

    def abandon(self) -> None:
        """Let go of the file without keeping it: nothing in it could be used, or nobody may have it."""
        self._file.close()
        with contextlib.suppress(av.FFmpegError, OSError):
            self._out.close()
        discard(self.part.parent, self.note)

    def _close(self) -> None:
        size_bytes = self._file.size_bytes
        try:
            self._out.close()
            if self._file.closed:
                self._file.cut_back(size_bytes)
            self._file.finish()
            self._whole_us = self.end_us
        except av.FFmpegError as error:
            raise OSError(errno.EIO, f"{self.part.name} cannot be closed: {error.strerror}") from error
        finally:
            self._file.close()

    def _placed(self, own_pts: int, own_dts: int) -> Placed:
        early_us = self._us(own_pts - own_dts) if own_pts != own_dts else 0
        return Placed(own_pts, self._start_us + self._us(own_pts - self.first_pts), early_us)

    def _ticks(self, stamp: int) -> int:
        """Return a time stamp of the track in the file, where the first packet is decoded at 0."""
        return self._in_file(stamp - self._base)


def _muxer(file: HashedFile, track: VideoTrack) -> tuple[OutputContainer, VideoStream]:
    out = av.open(file, "w", format="mp4", options=MUXER_OPTIONS, buffer_size=WRITTEN_BYTES)
    stream = out.add_stream_from_template(track.template)
    context = stream.codec_context
    if track.extradata:
        context.extradata = track.extradata
    if track.width_px:
        context.width, context.height = track.width_px, track.height_px
    stream.time_base = track.time_base
    out.start_encoding()
    return out, stream


class Recorder:
    """Cuts one feed into segments.

    Parameters
    ----------
    mounting_at
        Which mounting a segment that begins at an instant (µs since 1970 UTC) belongs to.
    segment_s
        Least length of a segment, seconds; it ends at the next key frame.
    """

    def __init__(
        self, camera_id: str, mounting_at: Callable[[int], str], source_name: str, folder: Path, *, segment_s: float
    ) -> None:
        self.camera_id, self.source_name, self.folder = camera_id, source_name, folder
        self._mounting_at, self._segment_us = mounting_at, round(segment_s * 1_000_000)
        self.current: OpenSegment | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def due(self, track: VideoTrack) -> bool:
        """Tell whether a key frame that comes now begins a new segment."""
        current = self.current
        if current is None or current.track != track:
            return True
        # half a frame less will do: a key frame that comes a little early is not worth another group of pictures
        return current.length_us + current.frame_us // 2 >= self._segment_us

    def begin(self, track: VideoTrack, clock: StreamClock, pts: int, dts: int) -> OpenSegment | None:
        """Begin a segment with the key frame of these time stamps; return the one before, to be finished.

        Raises
        ------
        OSError
            When the disk does not take it; the one before stays open.
        av.FFmpegError
            When the file format cannot hold such a track; the one before stays open.
        """
        start_us = clock.instant(ticks_to_us(track.time_base)(pts))
        note = Note(
            self.camera_id, self._mounting_at(start_us), start_us, clock.clock, clock.error_s, self.source_name
        )  # fmt: skip
        try:
            write_note(self.folder, note)
            frame_us = DEFAULT_FRAME_US if self.current is None else self.current.frame_us
            begun = OpenSegment(note, track, clock, self.folder, pts, dts, frame_us=frame_us)
        except (OSError, av.FFmpegError, ValueError):
            discard(self.folder, note)
            raise
        before, self.current = self.current, begun
        return before

    def end(self) -> OpenSegment | None:
        """Return the open segment, to be finished; none is open any more."""
        before, self.current = self.current, None
        return before
