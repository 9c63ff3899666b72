"""Looking at footage: stills and clips, each permitted, checked and written down before it is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from catalog.errors import BadInput, FootageGap, NotFound
from catalog.footage import FrameAddress, Segment
from catalog.home import Home
from catalog.reader import Reader
from catalog.records import records_of
from catalog.spans import Span, from_us, to_us
from workbench.analysis.local_time import say_duration, say_instant, say_span, say_zone
from workbench.answers.hits import Hit, thing_words
from workbench.answers.picture import Box
from workbench.answers.stills import Clip, Still
from workbench.media.clip import cut_clip
from workbench.media.decode import frame_at, frame_pts
from workbench.media.kept import KeptFootage

CLIP_MARGIN_S = 2.0
"""How much a clip of a hit shows before and after it was in view, seconds: enough to see where it came from."""

PICTURE_CONFIDENCE = 0.25
"""Boxes fainter than this are left out of pictures; they stay in the catalog."""


class Viewing:
    """The footage of a home as one asker may see it.

    Parameters
    ----------
    name_of
        Says what people call a camera.
    """

    def __init__(self, home: Home, reader: Reader, footage: KeptFootage, name_of: Callable[[str], str]) -> None:
        self.footage = footage
        self._home, self._reader, self._name_of = home, reader, name_of
        self._zone = ZoneInfo(home.time_zone)

    def segments(self, segment_ids: Sequence[str]) -> dict[str, Segment]:
        """Return by id those of these segments that are open to the asker."""
        if not segment_ids:
            return {}
        rows = self._reader.ask("segments_by_ids", segment_ids=sorted(set(segment_ids)))
        return {segment.segment_id: segment for segment in records_of(Segment, rows)}

    def best_frame(self, hit: Hit) -> Still:
        """Return the frame that shows a hit best, with its box."""
        segment = self.segments([hit.best_segment_id]).get(hit.best_segment_id)
        if segment is None:
            raise NotFound(
                f"segment {hit.best_segment_id} of {hit.camera_id!r} is not in the catalog, or not open to "
                f"{self._reader.access.purpose}; ask `footage_of_camera` for what there is"
            )
        instant = from_us(segment.seen_at_us(hit.best_pts))
        (opened,) = self.footage.open("still", [segment], [Span(instant, instant)])
        box = Box(hit.box_px, hit.label, f"{hit.thing()} {hit.confidence:.2f}")
        return self._still(segment, hit.best_pts, opened.path).with_boxes([box])

    def standing_frame(self, camera_id: str, seen_at: datetime) -> Still:
        """Return the picture that stands at an instant, with every box a run found in it."""
        # Asked first: a closed camera is to be called closed, not empty.
        self.footage.permit(camera_id, Span(seen_at, seen_at))
        rows = self._reader.ask("segment_at", camera_id=camera_id, seen_at=seen_at)
        asked = (
            f"no footage from {camera_id!r} at {say_instant(seen_at, self._zone)} {say_zone(seen_at, self._zone)}"
        )
        if not rows.num_rows:
            raise FootageGap(f"{asked}: there is none of this camera at all; ask `coverage` for what there is")
        (segment,) = records_of(Segment, rows)
        away_s = rows.column("distance_s")[0].as_py()
        if away_s > 0:
            raise FootageGap(
                f"{asked}; the nearest segment {segment.segment_id} is "
                f"{say_span(segment.span.start_at, segment.span.end_at, self._zone)}, {say_duration(away_s)} away. "
                "Ask `footage_of_camera` for what there is"
            )
        (opened,) = self.footage.open("still", [segment], [Span(seen_at, seen_at)])
        stamps = frame_pts(opened.path)
        # The picture that stands at an instant is the last one taken before it.
        row = max(int(np.searchsorted(stamps, segment.pts_at(to_us(seen_at)), side="right")) - 1, 0)
        return self.with_all_boxes(self._still(segment, int(stamps[row]), opened.path))

    def with_all_boxes(self, still: Still) -> Still:
        """Return the still with every box that the latest run found in exactly this frame."""
        rows = self._reader.ask(
            "detections_of_camera", camera_id=still.camera_id, start_at=still.seen_at,
            end_at=still.seen_at + timedelta(microseconds=1), min_confidence=PICTURE_CONFIDENCE,
        )  # fmt: skip
        return still.with_boxes(
            [
                Box(
                    (row["x1_px"], row["y1_px"], row["x2_px"], row["y2_px"]),
                    row["label"],
                    f"{thing_words(row['label'], row['colour'], row['lower_colour'])} {row['confidence']:.2f}",
                )
                for row in rows.to_pylist()
                if (row["segment_id"], row["pts"]) == (still.address.segment_id, still.address.pts)
            ]
        )

    def clip_of_hit(self, hit: Hit, to: Path | str | None) -> Clip:
        """Return a hit's footage as one file, with a little before and after it where there is some."""
        margin = timedelta(seconds=CLIP_MARGIN_S)
        wide = Span(hit.start_at - margin, hit.last_seen_at + margin)
        rows = self._reader.ask(
            "footage_of_camera", camera_id=hit.camera_id, start_at=wide.start_at, end_at=wide.end_at
        )
        spans = [segment.span for segment in records_of(Segment, rows)]
        # What lies before the first and after the last segment is no gap in what was asked for: it was never asked.
        start_at = max(wide.start_at, min((span.start_at for span in spans), default=wide.start_at))
        end_at = min(_end(wide), max((_end(span) for span in spans), default=hit.last_seen_at))
        return self.clip(hit.camera_id, Span(min(start_at, hit.start_at), max(end_at, hit.last_seen_at)), to)

    def clip(self, camera_id: str, span: Span, to: Path | str | None) -> Clip:
        """Return this stretch of a camera's footage as one file."""
        self.footage.permit(camera_id, span)
        rows = self._reader.ask(
            "footage_of_camera", camera_id=camera_id, start_at=span.start_at, end_at=span.end_at
        )
        segments = records_of(Segment, rows)
        if not segments:
            raise FootageGap(
                f"no footage from {camera_id!r} in {say_span(span.start_at, span.end_at, self._zone)}; "
                "ask `coverage` for what there is"
            )
        path = self._clip_path(camera_id, span) if to is None else Path(to)
        if path.suffix.lower() != ".mp4":
            raise BadInput(f"clip {path.name!r}: clips are MP4 files; name one that ends in .mp4")
        opened = self.footage.open("clip", segments, [_overlap(segment.span, span) for segment in segments])
        path.parent.mkdir(parents=True, exist_ok=True)
        files = {each.segment.segment_id: each.path for each in opened}
        cut = cut_clip(segments, lambda segment: files[segment.segment_id], span, path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Clip(path, camera_id, self._name_of(camera_id), span, cut.segment_ids, cut.gaps, digest, self._zone)

    def _still(self, segment: Segment, pts: int, path: Path) -> Still:
        return Still(
            segment.camera_id, self._name_of(segment.camera_id), FrameAddress(segment.segment_id, pts),
            from_us(segment.seen_at_us(pts)), segment.clock_error_s, frame_at(path, segment, pts), (), self._zone,
        )  # fmt: skip

    def _clip_path(self, camera_id: str, span: Span) -> Path:
        name = f"{camera_id}_{span.start_at:%Y%m%dT%H%M%S}Z_{span.duration_s or 0:.0f}s.mp4"
        return self._home.root / "clips" / name


def _end(span: Span) -> datetime:
    return span.end_at or span.start_at


def _overlap(one: Span, other: Span) -> Span:
    ends = [span.end_at for span in (one, other) if span.end_at is not None]
    return Span(max(one.start_at, other.start_at), min(ends))
