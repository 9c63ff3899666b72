"""Made rows of one segment, as a run states them: a minute of a crossing, or two seconds of many."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from catalog.footage import Segment
from catalog.ids import content_id
from catalog.observations import DETECTIONS_SCHEMA, LABELS, Analysis, SegmentRows
from catalog.rows import EVENT_STATES_SCHEMA, GAPS_SCHEMA, TRACK_STATES_SCHEMA
from catalog.spans import Span, to_us

PICTURES = 120
"""Pictures looked at in a segment: a minute at 2 fps."""

MEMORY_BYTES = 20_000
"""What tracker and rules remember at a segment's end, bytes: about what a busy crossing leaves."""

TRACK_BOXES = 30
"""Boxes one track takes in a minute."""


PLACES = (
    "best_x1_px", "best_y1_px", "best_x2_px", "best_y2_px", "first_x_px", "first_y_px", "last_x_px", "last_y_px",
)  # fmt: skip
"""Columns of a track statement that say where it was."""


def segment_of(camera_id: str, number: int, began: datetime, length: timedelta) -> str:
    """Return the id of a camera's segment with this number, from 0."""
    return Segment.identify(camera_id, to_us(began + number * length), f"{number:064d}")


def segment_rows(
    run_id: str, camera_id: str, mounting_id: str, number: int, began: datetime, boxes: int,
    length: timedelta = timedelta(minutes=1),
) -> SegmentRows:  # fmt: skip
    """Return what a run states about the segment with this number: so many boxes, their tracks, a memory."""
    dice = np.random.default_rng((number, sum(camera_id.encode())))
    segment_id, start_at = segment_of(camera_id, number, began, length), began + number * length
    track_ids = [content_id("trk", segment_id, k) for k in range(max(1, boxes // TRACK_BOXES))]
    detections = _detections(dice, run_id, camera_id, segment_id, to_us(start_at), track_ids, boxes, length)
    tracks = _tracks(dice, run_id, camera_id, mounting_id, segment_id, start_at, track_ids, length)
    analysis = Analysis(
        run_id, segment_id, camera_id, Span(start_at, start_at + length), "2 fps", 1500, PICTURES, 0, boxes,
        len(track_ids), 0,
    )  # fmt: skip
    return SegmentRows(
        analysis, detections, tracks, EVENT_STATES_SCHEMA.empty_table(), GAPS_SCHEMA.empty_table(),
        dice.bytes(MEMORY_BYTES),
    )  # fmt: skip


def _detections(
    dice: np.random.Generator, run_id: str, camera_id: str, segment_id: str, start_at: int, track_ids: list[str],
    boxes: int, length: timedelta,
) -> pa.Table:  # fmt: skip
    step_us = length // timedelta(microseconds=1) // PICTURES
    picture = np.sort(dice.integers(0, PICTURES, boxes))
    left, top = dice.uniform(0, 1800, boxes).astype(np.float32), dice.uniform(0, 900, boxes).astype(np.float32)
    columns = [
        pa.array([run_id] * boxes), pa.array([segment_id] * boxes), pa.array([camera_id] * boxes),
        pa.array(picture * 1000), pa.array(start_at + picture * step_us, pa.timestamp("us", "UTC")),
        pa.array([track_ids[k] for k in dice.integers(0, len(track_ids), boxes)]),
        pa.array([LABELS[k] for k in dice.integers(0, 4, boxes)]),
        pa.array(dice.uniform(0.1, 1, boxes).astype(np.float32)),
        pa.array(left), pa.array(top), pa.array(left + 60), pa.array(top + 120),
        pa.array(["grey"] * boxes), pa.array(np.full(boxes, 0.5, np.float32)),
        pa.nulls(boxes, pa.string()), pa.nulls(boxes, pa.float32()),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=DETECTIONS_SCHEMA)


def _tracks(
    dice: np.random.Generator, run_id: str, camera_id: str, mounting_id: str, segment_id: str, start_at: datetime,
    track_ids: list[str], length: timedelta,
) -> pa.Table:  # fmt: skip
    end_at = start_at + length
    rows = [
        {
            "track_id": track_id, "run_id": run_id, "segment_id": segment_id, "camera_id": camera_id,
            "mounting_id": mounting_id, "label": "car", "confidence": float(dice.uniform(0.3, 1)), "colour": "grey",
            "colour_confidence": 0.5, "start_at": start_at, "last_seen_at": end_at, "end_at": end_at,
            "closed_by": "left", "sighting_count": TRACK_BOXES, "best_segment_id": segment_id, "best_pts": 1000,
            "as_of_at": end_at,
        } | dict.fromkeys(
            PLACES, 100.0,
        )
        for track_id in track_ids
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TRACK_STATES_SCHEMA)
