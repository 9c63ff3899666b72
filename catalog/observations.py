"""What runs state about footage: detections, tracks, events, and how much was looked at.

A segment's rows are written as one unit and replaced as one unit. A track or an event that lives on in the
next segment is stated again there: every statement is complete as of its segment's end, and the tables
`tracks` and `events` show the latest one. So no row is ever updated, and a repeated segment changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.ids import content_id
from catalog.spans import Span

LABELS: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "bus", "train", "truck",
    "dog", "backpack", "handbag", "suitcase",
)  # fmt: skip
"""What a detection may be called: the street's share of COCO-80, in the order `class_index` counts."""

VEHICLES: frozenset[str] = frozenset({"car", "truck", "bus"})
"""Labels that detectors confuse among themselves; counted together as `vehicle`."""

COLOURS: tuple[str, ...] = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "brown",
)  # fmt: skip
"""Colour names an attribute may take, in the order colour indexes count; -1 is unknown."""

ClosedBy = Literal["left", "lost", "gap"]
RuleName = Literal[
    "zone_enter", "zone_leave", "zone_dwell", "line_cross", "left_object",
    "camera_dark", "camera_blurred", "camera_moved", "camera_frozen",
    "camera_lost", "camera_clock", "camera_slow",
]  # fmt: skip
Review = Literal["unreviewed", "confirmed", "rejected"]


@dataclass(frozen=True)
class Run:
    """One job with fixed code, settings, weights and purpose."""

    run_id: str
    job: str
    """Name of the job, e.g. `index`."""
    camera_id: str | None
    """The camera it looks at; `None` for jobs over many."""
    purpose: str
    consent_id: str | None
    """The consent it rests on; `None` for the city's own cameras."""
    code_version: str
    config_sha256: str
    weights_sha256: str
    started_at: datetime
    """First start; kept when the same run goes on later."""
    actor: str
    """Who started it."""

    @staticmethod
    def identify(
        job: str, camera_id: str | None, purpose: str, code_version: str, config_sha256: str, weights_sha256: str
    ) -> str:
        """Return the id that the same work gets every time it is asked for."""
        return content_id("run", job, camera_id, purpose, code_version, config_sha256, weights_sha256)


@dataclass(frozen=True)
class Detections:
    """The boxes of one frame, as columns; N may be 0."""

    segment_id: str
    pts: int
    """Frame address, ticks."""
    seen_at: int
    """Instant of the frame, µs since 1970 UTC."""
    xyxy_px: NDArray[np.float32]
    """(N, 4) left, top, right, bottom in native frame pixels."""
    confidence: NDArray[np.float32]
    """(N,) the model's raw score, 0..1."""
    class_index: NDArray[np.int16]
    """(N,) index into `LABELS`."""
    colour: NDArray[np.int8]
    """(N,) index into `COLOURS`: vehicle body or upper clothing; -1 unknown."""
    colour_confidence: NDArray[np.float32]
    """(N,) share of the pixels that agree, 0..1."""
    lower_colour: NDArray[np.int8]
    """(N,) index into `COLOURS`: a person's lower clothing; -1 unknown or not a person."""
    lower_colour_confidence: NDArray[np.float32]
    """(N,) share of the pixels that agree, 0..1."""

    def __post_init__(self) -> None:
        count = len(self.xyxy_px)
        if self.xyxy_px.shape != (count, 4):
            raise ValueError(f"xyxy_px must be (N, 4), got {self.xyxy_px.shape}")
        columns = (
            self.confidence, self.class_index, self.colour,
            self.colour_confidence, self.lower_colour, self.lower_colour_confidence,
        )  # fmt: skip
        if any(column.shape != (count,) for column in columns):
            raise ValueError(f"every column of a frame's detections must have length {count}")

    def __len__(self) -> int:
        return len(self.confidence)

    @staticmethod
    def of(
        segment_id: str,
        pts: int,
        seen_at: int,
        xyxy_px: NDArray[np.float32],
        confidence: NDArray[np.float32],
        class_index: NDArray[np.int16],
    ) -> Detections:
        """Return detections whose colours are still unknown."""
        count = len(confidence)
        unknown, none = np.full(count, -1, np.int8), np.zeros(count, np.float32)
        return Detections(
            segment_id, pts, seen_at, np.asarray(xyxy_px, np.float32).reshape(count, 4),
            np.asarray(confidence, np.float32), np.asarray(class_index, np.int16),
            unknown, none, unknown.copy(), none.copy(),
        )  # fmt: skip


@dataclass(frozen=True)
class Track:
    """What is known, as of a segment's end, of one thing through one view."""

    track_id: str
    run_id: str
    segment_id: str
    """The segment this statement was made in; the track may have begun earlier."""
    camera_id: str
    mounting_id: str
    label: str
    """The label most sightings agree on, weighted by confidence."""
    confidence: float
    """Mean confidence of the sightings with that label, 0..1."""
    colour: str | None
    colour_confidence: float | None
    lower_colour: str | None
    lower_colour_confidence: float | None
    start_at: datetime
    last_seen_at: datetime
    end_at: datetime | None
    """Last sighting of a closed track; `None` while open."""
    closed_by: ClosedBy | None
    """How the end was observed; `None` while open."""
    sighting_count: int
    """Frames in which it was detected."""
    best_segment_id: str
    """Where its most confident sighting is: the picture to show."""
    best_pts: int
    best_x1_px: float
    best_y1_px: float
    best_x2_px: float
    best_y2_px: float
    first_x_px: float
    """Anchor of the first sighting: bottom centre of the box."""
    first_y_px: float
    last_x_px: float
    """Anchor of the last sighting."""
    last_y_px: float
    as_of_at: datetime
    """End of the segment this statement was made in."""


@dataclass(frozen=True)
class Event:
    """A statement that one rule held over one span, as of a segment's end."""

    event_id: str
    run_id: str
    segment_id: str
    """The segment this statement was made in."""
    camera_id: str
    mounting_id: str
    rule: RuleName
    zone_id: str | None
    track_ids: tuple[str, ...]
    span: Span
    """When the rule held; `end_at` is `None` while it still does."""
    as_of_at: datetime
    """End of the segment this statement was made in."""
    closed_by: ClosedBy | None = None
    """How the end was observed; `None` while open, and for events of an instant (start and end are equal)."""
    confidence: float | None = None
    dwell_s: float | None = None
    """Time inside the zone, seconds; `None` for rules that do not measure it."""
    speed_mps: float | None = None
    """Ground speed; `None` without a calibrated mounting."""
    direction: str | None = None
    """`forward` or `backward` across a line: forward goes from the left of first→last point to its right."""
    label: str | None = None
    """Label of the thing the rule is about; `None` for the camera itself."""
    evidence_segment_id: str | None = None
    """Segment of the frame that shows it: the statement's own, or an earlier one."""
    evidence_pts: int | None = None
    """The frame of `evidence_segment_id` that shows it, ticks."""
    plate_text: str | None = None
    review: Review = "unreviewed"
    reviewed_by: str | None = None


@dataclass(frozen=True)
class Analysis:
    """How much of one segment one run looked at: what an empty answer rests on."""

    run_id: str
    segment_id: str
    camera_id: str
    span: Span
    sampling: str
    """`2 fps`, `keyframes` or `all`."""
    frames_decoded: int
    frames_looked_at: int
    """Frames the detector saw."""
    frames_held: int
    """Sampled frames whose picture had not changed: the previous answer stands."""
    detections: int
    tracks_begun: int
    events_begun: int


@dataclass(frozen=True)
class SegmentRows:
    """Everything one run states about one segment: appended, and replaced, as a whole."""

    analysis: Analysis
    detections: pa.Table
    """Columns of the table `detections`."""
    track_states: pa.Table
    """Columns of the table `track_states`."""
    event_states: pa.Table
    """Columns of the table `event_states`."""
    gaps: pa.Table
    """Columns of the table `gaps`: what could not be decoded inside the segment."""
    memory: bytes
    """Tracker and rules at the segment's end, for the next segment to go on from."""

    @property
    def run_id(self) -> str:
        """The run that states these rows."""
        return self.analysis.run_id

    @property
    def segment_id(self) -> str:
        """The segment they are about."""
        return self.analysis.segment_id


DETECTIONS_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()), ("segment_id", pa.string()), ("camera_id", pa.string()),
        ("pts", pa.int64()), ("seen_at", pa.timestamp("us", "UTC")), ("track_id", pa.string()),
        ("label", pa.string()), ("confidence", pa.float32()),
        ("x1_px", pa.float32()), ("y1_px", pa.float32()), ("x2_px", pa.float32()), ("y2_px", pa.float32()),
        ("colour", pa.string()), ("colour_confidence", pa.float32()),
        ("lower_colour", pa.string()), ("lower_colour_confidence", pa.float32()),
    ]
)  # fmt: skip


def detections_table(
    run_id: str, camera_id: str, frames: Sequence[tuple[Detections, Sequence[str | None]]]
) -> pa.Table:
    """Return the rows of `detections` for frames whose boxes have been given to tracks.

    Parameters
    ----------
    frames
        Each frame's boxes with one track id per box, `None` where no track took it.
    """
    boxes = [seen for seen, _ in frames if len(seen)]
    track_ids = [track_id for seen, ids in frames if len(seen) for track_id in ids]
    if not boxes:
        return DETECTIONS_SCHEMA.empty_table()
    counts = [len(seen) for seen in boxes]
    total = sum(counts)
    if len(track_ids) != total:
        raise ValueError(f"{total} boxes but {len(track_ids)} track ids")
    xyxy_px = np.concatenate([seen.xyxy_px for seen in boxes])
    columns = [
        pa.array([run_id] * total), pa.array(np.repeat([seen.segment_id for seen in boxes], counts).tolist()),
        pa.array([camera_id] * total), pa.array(np.repeat([seen.pts for seen in boxes], counts)),
        pa.array(np.repeat([seen.seen_at for seen in boxes], counts), pa.timestamp("us", "UTC")),
        pa.array(track_ids, pa.string()), _names(LABELS, [seen.class_index for seen in boxes]),
        pa.array(np.concatenate([seen.confidence for seen in boxes])),
        *(pa.array(np.ascontiguousarray(xyxy_px[:, side])) for side in range(4)),
        *_attribute([seen.colour for seen in boxes], [seen.colour_confidence for seen in boxes]),
        *_attribute([seen.lower_colour for seen in boxes], [seen.lower_colour_confidence for seen in boxes]),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=DETECTIONS_SCHEMA)


def _names(words: Sequence[str], indexes: Sequence[NDArray[np.integer]]) -> pa.Array:
    index = np.concatenate(indexes)
    return pa.array([words[i] if i >= 0 else None for i in index], pa.string())


def _attribute(
    indexes: Sequence[NDArray[np.int8]], confidences: Sequence[NDArray[np.float32]]
) -> tuple[pa.Array, pa.Array]:
    unknown = np.concatenate(indexes) < 0
    return _names(COLOURS, indexes), pa.array(np.concatenate(confidences), mask=unknown)
