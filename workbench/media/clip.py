"""Stills and clips for people, cut from segments to the frame, with every gap said."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import FootageGap
from catalog.footage import Gap, Segment
from catalog.spans import Span, iso, to_us
from workbench.media.decode import SegmentDecoder, frame_at
from workbench.media.frames import Sampling
from workbench.media.segment_files import FOR_PEOPLE, encode_frames, part_file

CLIP_TIME_BASE = Fraction(1, 90_000)
"""Seconds per tick of a clip: the usual clock of video, finer than any camera's rhythm."""

SEAM_US = 1_000
"""Segments whose ends lie no further apart join without a gap, µs: rounding of time stamps."""

JPEG_QUALITY = 90
"""Quality of stills, 1..95."""

SLATE_LAST_US = 40_000
"""A slate is shown a last time so long before its gap ends, µs: players give the last picture no length."""

SLATE_GREY = 40
"""Brightness of the picture that stands for missing footage, 0..255."""


@dataclass(frozen=True)
class Clip:
    """A video file for people, cut from segments."""

    path: Path
    span: Span
    """What was asked for; the file starts at its start."""
    segment_ids: tuple[str, ...]
    """What it was cut from, in order of time."""
    frame_count: int
    """Pictures from the camera; slates for gaps are not counted."""
    gaps: tuple[Gap, ...]
    """What is missing inside the span; a grey slate says so in the clip."""


def still(path: Path, segment: Segment, pts: int) -> NDArray[np.uint8]:
    """Return the picture at a frame address: (H, W, 3) RGB in native size. Raises as `decode.frame_at`."""
    return frame_at(path, segment, pts)


def still_jpeg(path: Path, segment: Segment, pts: int) -> bytes:
    """Return the picture at a frame address as a JPEG file in native size. Raises as `decode.frame_at`."""
    content = io.BytesIO()
    Image.fromarray(frame_at(path, segment, pts)).save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


def cut_clip(segments: Sequence[Segment], path_of: Callable[[Segment], Path], span: Span, out: Path) -> Clip:
    """Write what one camera saw in a span as an mp4 file that plays everywhere, and return what it holds.

    Pictures are encoded anew, so the file holds no frame from outside the span, hidden or not. Each picture keeps
    its own instant. Missing footage is never bridged: a slate stands in its place.

    Parameters
    ----------
    segments
        Of one camera; those outside the span are left aside.
    path_of
        Where a segment's file is; may refuse.
    span
        With an end.

    Raises
    ------
    FootageGap
        When no frame of the span can be shown.
    """
    if span.end_at is None:
        raise ValueError("a clip needs an end")
    inside = sorted((one for one in segments if one.span.overlaps(span)), key=lambda one: one.span.start_at)
    if not inside:
        raise FootageGap(f"no footage from {iso(span.start_at)} to {iso(span.end_at)}; ask for what there is")
    reel = _Reel(inside, path_of, span)
    wh_px = (inside[0].width_px, inside[0].height_px)
    with part_file(out.parent, out.name) as part:
        encode_frames(reel.frames(wh_px), wh_px, CLIP_TIME_BASE, part, movflags=FOR_PEOPLE)
        if not reel.frame_count:
            words = "; ".join(gap.detail for gap in reel.gaps)
            raise FootageGap(
                f"camera {inside[0].camera_id!r}, {iso(span.start_at)} to {iso(span.end_at)}: no frame can be "
                f"shown ({words}); ask for another span"
            )
        os.replace(part, out)
    return Clip(out, span, tuple(one.segment_id for one in inside), reel.frame_count, tuple(reel.gaps))


class _Reel:
    """The pictures of a clip in order of time, slates where there are none."""

    def __init__(self, segments: Sequence[Segment], path_of: Callable[[Segment], Path], span: Span) -> None:
        self.segments, self.path_of, self.span = segments, path_of, span
        self.gaps: list[Gap] = []
        self.frame_count = 0
        self._last_pts = -1

    def frames(self, wh_px: tuple[int, int]) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield (picture, ticks since the span's start)."""
        reached_at = self.span.start_at
        for segment in self.segments:
            yield from self._missing(segment.camera_id, reached_at, segment.span.start_at, wh_px)
            yield from self._segment(segment, wh_px)
            reached_at = max(reached_at, segment.span.end_at or reached_at)
        yield from self._missing(self.segments[0].camera_id, reached_at, self.span.end_at or reached_at, wh_px)

    def _segment(self, segment: Segment, wh_px: tuple[int, int]) -> Iterator[tuple[av.VideoFrame, int]]:
        decoder = SegmentDecoder(self.path_of(segment), segment, Sampling("all"), size_px=wh_px, within=self.span)
        said: set[str] = set()
        for batch in decoder:
            for rgb, seen_at in zip(batch.rgb, batch.seen_at.tolist(), strict=True):
                yield from self._damage(decoder.gaps, seen_at, said, wh_px)
                yield from self._show(rgb, seen_at)
                self.frame_count += 1
        yield from self._damage(decoder.gaps, to_us(segment.span.end_at) or 0, said, wh_px)
        self.gaps += [gap for gap in decoder.gaps if gap.span.overlaps(self.span)]

    def _damage(
        self, gaps: Sequence[Gap], until: int, said: set[str], wh_px: tuple[int, int]
    ) -> Iterator[tuple[av.VideoFrame, int]]:
        for gap in gaps:
            if gap.gap_id not in said and to_us(gap.span.start_at) <= until and gap.span.overlaps(self.span):
                said.add(gap.gap_id)
                yield from self._slate(gap.span, wh_px)

    def _missing(
        self, camera_id: str, start_at: datetime, end_at: datetime, wh_px: tuple[int, int]
    ) -> Iterator[tuple[av.VideoFrame, int]]:
        if to_us(end_at) - to_us(start_at) > SEAM_US:
            span = Span(start_at, end_at)
            self.gaps.append(Gap(camera_id, span, "no_feed", "no segment holds this span"))
            yield from self._slate(span, wh_px)

    def _slate(self, span: Span, wh_px: tuple[int, int]) -> Iterator[tuple[av.VideoFrame, int]]:
        slate = np.full((wh_px[1], wh_px[0], 3), SLATE_GREY, np.uint8)
        size = wh_px[0] / 640
        lines = ("no footage", f"{iso(span.start_at)}", f"to {iso(span.end_at)}")
        for number, line in enumerate(lines, 1):
            place = (round(20 * size), round((10 + 30 * number) * size))
            cv2.putText(slate, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7 * size, (230, 230, 230), 1, cv2.LINE_AA)
        yield from self._show(slate, to_us(max(span.start_at, self.span.start_at)))
        ends_at = min(end for end in (span.end_at, self.span.end_at) if end is not None)
        yield from self._show(slate, to_us(ends_at) - SLATE_LAST_US)

    def _show(self, rgb: NDArray[np.uint8], seen_at: int) -> Iterator[tuple[av.VideoFrame, int]]:
        pts = round(Fraction(seen_at - to_us(self.span.start_at), 1_000_000) / CLIP_TIME_BASE)
        if pts > self._last_pts:
            self._last_pts = pts
            yield av.VideoFrame.from_ndarray(rgb, format="rgb24"), pts
