"""Decode the frames of one closed segment: chosen by time, identified by their time stamps, damage said aloud.

Every frame is known by the time stamp its own packet carried through the decoder, never by counting. A picture
that rests on damage the decoder noticed is not handed out: from there to the next key frame there is a gap. Changed
bytes that still make valid video are beyond any decoder; a segment's digest tells them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from catalog.errors import FootageGap, UnreadableFootage
from catalog.footage import Gap, Segment
from catalog.spans import Span, from_us, iso, to_us
from workbench.media.decord_reader import decord_pictures
from workbench.media.frame_table import FrameTable
from workbench.media.frames import MICROSECONDS, FrameBatch, Sampling
from workbench.media.opening import open_video, video_stream
from workbench.media.sound_frames import SoundFrames, VideoPacket

Decoder = Literal["av", "decord"]

Picture = NDArray[np.uint8]


class SegmentDecoder:
    """Iterate over the chosen frames of one segment, in batches.

    After the iteration `frames_decoded` and `gaps` say what happened; with each batch, `gaps` is complete up to
    it. A file that cannot be opened gives no batch and one gap.

    Parameters
    ----------
    size_px
        Width and height of the pictures handed out, px; `None` for the native size.
    batch_frames
        Most frames in one batch.
    within
        Only frames seen in this span; `None` for the whole segment.
    decoder
        `av` (the default) or `decord`. They choose the same frames. On one core `av` was measured as fast at
        rates and twice as fast on key frames, and it alone reports damage: decord hands out the smeared pictures
        behind flipped bytes as if they were sound. decord is refused long files (see `decord_reader`).
    """

    def __init__(
        self,
        path: Path,
        segment: Segment,
        sampling: Sampling,
        *,
        size_px: tuple[int, int] | None = None,
        batch_frames: int = 16,
        within: Span | None = None,
        decoder: Decoder = "av",
    ) -> None:
        self.path, self.segment, self.sampling = path, segment, sampling
        self.size_px = size_px or (segment.width_px, segment.height_px)
        self.batch_frames, self.within, self.decoder = batch_frames, within, decoder
        self.frames_decoded = 0
        """Pictures that came out of the decoder: more than were handed out, as pictures rest on each other."""
        self.gaps: list[Gap] = []
        """What could not be looked at, and why."""

    def __iter__(self) -> Iterator[FrameBatch]:
        self.frames_decoded, self.gaps = 0, []
        try:
            source = _SegmentFile(self.path)
        except UnreadableFootage as error:
            self.gaps = [_gap(self.segment, self.segment.span, str(error))]
            return
        with source:
            table = source.sound.table
            seen_at = _seen_at(self.segment, table.pts)
            rows = self.sampling.choose(seen_at, table.key, to_us(self.segment.span.end_at) or 0)
            if self.within is not None:
                rows = rows[_inside(seen_at[rows], self.within)]
            for batch in self._batches(self._pictures(source.sound, rows), table, seen_at):
                self.gaps = source.gaps(self.segment, seen_at)
                yield batch
            self.frames_decoded = source.sound.frames_decoded
            self.gaps = source.gaps(self.segment, seen_at)

    def _pictures(self, sound: SoundFrames, rows: NDArray[np.intp]) -> Iterator[tuple[int, Picture]]:
        done = 0
        if self.decoder == "decord":
            pictures = decord_pictures(self.path, rows, len(sound.table), self.size_px, self.batch_frames)
            for pair in pictures or ():
                done += 1
                sound.frames_decoded += 1
                yield pair
        yield from ((row, picture_of(frame, self.size_px)) for row, frame in sound.frames(rows[done:]))

    def _batches(
        self, pictures: Iterator[tuple[int, Picture]], table: FrameTable, seen_at: NDArray[np.int64]
    ) -> Iterator[FrameBatch]:
        native = (self.segment.width_px, self.segment.height_px)
        rows: list[int] = []
        stack: list[Picture] = []
        for row, picture in pictures:
            rows.append(row)
            stack.append(picture)
            if len(rows) == self.batch_frames:
                yield FrameBatch(self.segment.segment_id, table.pts[rows], seen_at[rows], np.stack(stack), native)
                rows, stack = [], []
        if rows:
            yield FrameBatch(self.segment.segment_id, table.pts[rows], seen_at[rows], np.stack(stack), native)


def frame_at(path: Path, segment: Segment, pts: int) -> Picture:
    """Return exactly the picture at one frame address: (H, W, 3) RGB in native size.

    Raises
    ------
    FootageGap
        When the segment has no such frame, or it cannot be decoded without damage.
    UnreadableFootage
        When the file cannot be opened.
    """
    asked = f"frame {pts} of segment {segment.segment_id} from camera {segment.camera_id!r}"
    with _SegmentFile(path) as source:
        table = source.sound.table
        row = table.row_of(pts)
        if row is None:
            nearest = table.pts[np.argmin(np.abs(table.pts - pts))] if len(table) else None
            raise FootageGap(f"{asked}: there is no such frame; the nearest is {nearest}")
        for _, frame in source.sound.frames(np.array([row], np.intp)):
            return picture_of(frame, (segment.width_px, segment.height_px))
        instant = iso(from_us(segment.seen_at_us(pts)))
        raise FootageGap(f"{asked}, seen at {instant}: {source.sound.damage_words()}; ask outside the damage")


def frame_pts(path: Path) -> NDArray[np.int64]:
    """Return the time stamps of all frames of a segment file, ticks, rising: (N,).

    Raises
    ------
    UnreadableFootage
        When the file cannot be opened.
    """
    with _SegmentFile(path) as source:
        return source.sound.table.pts


def _seen_at(segment: Segment, pts: NDArray[np.int64]) -> NDArray[np.int64]:
    # Segment.seen_at_us for many frames at once, with its rounding: halves go to the even microsecond
    per_s = segment.time_base.denominator
    whole, rest = np.divmod((pts - segment.first_pts) * (segment.time_base.numerator * MICROSECONDS), per_s)
    up = (2 * rest > per_s) | ((2 * rest == per_s) & (whole % 2 == 1))
    instants: NDArray[np.int64] = to_us(segment.span.start_at) + whole + up
    return instants


def _inside(seen_at: NDArray[np.int64], span: Span) -> NDArray[np.bool_]:
    end_at = to_us(span.end_at)
    return (seen_at >= to_us(span.start_at)) & (True if end_at is None else seen_at < end_at)


def _gap(segment: Segment, span: Span, detail: str) -> Gap:
    return Gap(segment.camera_id, span, "undecodable", detail, segment.segment_id, segment.source_name)


def picture_of(frame: VideoFrame, size_px: tuple[int, int]) -> Picture:
    """Return a decoded frame as (H, W, 3) RGB of this width and height, px."""
    width_px, height_px = size_px
    # area averaging: fine things keep their weight when a picture is made much smaller
    rgb = frame.to_ndarray(format="rgb24", width=width_px, height=height_px, interpolation="AREA")
    return cast(Picture, rgb)


class _SegmentFile:
    """One open segment file, read whole: a segment lasts at most a minute."""

    def __init__(self, path: Path) -> None:
        self.container = open_video(path)
        stream = video_stream(self.container)
        assert stream is not None  # open_video refuses files without one
        stream.codec_context.thread_count = 1
        packets: list[VideoPacket] = []
        self.break_off = ""
        try:
            packets.extend(packet for packet in self.container.demux(stream) if packet.size)
        except (av.FFmpegError, OSError) as error:
            self.break_off = f"the file breaks off: {error.strerror}"
        self.sound = SoundFrames(packets, stream.codec_context)

    def __enter__(self) -> _SegmentFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def gaps(self, segment: Segment, seen_at: NDArray[np.int64]) -> list[Gap]:
        """Return the spans of the segment that could not be looked at."""
        end_at = to_us(segment.span.end_at) or 0
        gone = segment.frame_count - len(seen_at)
        edges = np.concatenate([[to_us(segment.span.start_at)], seen_at, [end_at]])
        usual_us = int(np.median(np.diff(seen_at))) if len(seen_at) > 1 else 0
        until = edges[2:].copy()
        gaps = []
        if gone > 0:
            # frames that the file no longer holds are missed where the hole in time is widest
            hole = int(np.argmax(np.diff(edges)))
            start_at = int(edges[hole]) + (usual_us if hole else 0)
            if hole:
                until[hole - 1] = start_at
            words = f"{gone} of {segment.frame_count} frames gone: {self.break_off or 'the file was changed'}"
            gaps.append(_gap(segment, Span(from_us(start_at), from_us(int(edges[hole + 1]))), words))
        for first, after in self.sound.lost_runs():
            span = Span(from_us(int(seen_at[first])), from_us(int(until[after - 1])))
            words = self.sound.damage_words(first, after)
            gaps.append(
                _gap(segment, span, f"{after - first} frames from pts {self.sound.table.pts[first]}: {words}")
            )
        return sorted(gaps, key=lambda gap: gap.span.start_at)
