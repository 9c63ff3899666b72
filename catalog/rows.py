"""Tables of what a run states about tracks, events and gaps: the columns of the schema, in its order."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from catalog.footage import Gap
from catalog.observations import Event, Track
from catalog.spans import to_us

INSTANT = pa.timestamp("us", "UTC")
"""Instants are µs since 1970 UTC."""

TRACK_STATES_SCHEMA = pa.schema(
    [
        ("track_id", pa.string()), ("run_id", pa.string()), ("segment_id", pa.string()),
        ("camera_id", pa.string()), ("mounting_id", pa.string()), ("label", pa.string()),
        ("confidence", pa.float32()), ("colour", pa.string()), ("colour_confidence", pa.float32()),
        ("lower_colour", pa.string()), ("lower_colour_confidence", pa.float32()),
        ("start_at", INSTANT), ("last_seen_at", INSTANT), ("end_at", INSTANT), ("closed_by", pa.string()),
        ("sighting_count", pa.int32()), ("best_segment_id", pa.string()), ("best_pts", pa.int64()),
        ("best_x1_px", pa.float32()), ("best_y1_px", pa.float32()),
        ("best_x2_px", pa.float32()), ("best_y2_px", pa.float32()),
        ("first_x_px", pa.float32()), ("first_y_px", pa.float32()),
        ("last_x_px", pa.float32()), ("last_y_px", pa.float32()), ("as_of_at", INSTANT),
    ]
)  # fmt: skip
"""Columns of the table `track_states`."""

EVENT_STATES_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()), ("run_id", pa.string()), ("segment_id", pa.string()),
        ("camera_id", pa.string()), ("mounting_id", pa.string()), ("rule", pa.string()),
        ("zone_id", pa.string()), ("track_ids", pa.list_(pa.string())),
        ("start_at", INSTANT), ("end_at", INSTANT), ("closed_by", pa.string()),
        ("confidence", pa.float32()), ("dwell_s", pa.float64()), ("speed_mps", pa.float64()),
        ("direction", pa.string()), ("label", pa.string()),
        ("evidence_segment_id", pa.string()), ("evidence_pts", pa.int64()), ("plate_text", pa.string()),
        ("review", pa.string()), ("reviewed_by", pa.string()), ("as_of_at", INSTANT),
    ]
)  # fmt: skip
"""Columns of the table `event_states`."""

GAPS_SCHEMA = pa.schema(
    [
        ("gap_id", pa.string()), ("camera_id", pa.string()), ("start_at", INSTANT), ("end_at", INSTANT),
        ("reason", pa.string()), ("detail", pa.string()), ("segment_id", pa.string()),
        ("run_id", pa.string()), ("source_name", pa.string()),
    ]
)  # fmt: skip
"""Columns of the table `gaps`."""


def tracks_table(tracks: Sequence[Track]) -> pa.Table:
    """Return the rows of `track_states` for these statements, in their order."""
    return _table(TRACK_STATES_SCHEMA, tracks)


def events_table(events: Sequence[Event]) -> pa.Table:
    """Return the rows of `event_states` for these statements, in their order."""
    columns = [_column(field, events) for field in EVENT_STATES_SCHEMA if field.name not in {"start_at", "end_at"}]
    table = pa.Table.from_arrays(
        columns, schema=pa.schema([f for f in EVENT_STATES_SCHEMA if f.name not in {"start_at", "end_at"}])
    )
    spans = [event.span for event in events]
    table = table.append_column("start_at", pa.array([to_us(span.start_at) for span in spans], INSTANT))
    table = table.append_column("end_at", pa.array([to_us(span.end_at) for span in spans], INSTANT))
    return table.select(EVENT_STATES_SCHEMA.names)


def gaps_table(gaps: Sequence[Gap], run_id: str | None) -> pa.Table:
    """Return the rows of `gaps`.

    Parameters
    ----------
    gaps
        What could not be read.
    run_id
        The run that found it while decoding; `None` for gaps found on import.
    """
    rows = [
        {
            "gap_id": gap.gap_id, "camera_id": gap.camera_id, "start_at": gap.span.start_at,
            "end_at": gap.span.end_at, "reason": gap.reason, "detail": gap.detail,
            "segment_id": gap.segment_id, "run_id": run_id, "source_name": gap.source_name,
        }
        for gap in gaps
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=GAPS_SCHEMA)


def _table(schema: pa.Schema, records: Sequence[Track]) -> pa.Table:
    return pa.Table.from_arrays([_column(field, records) for field in schema], schema=schema)


def _column(field: pa.Field, records: Sequence[Track] | Sequence[Event]) -> pa.Array:
    values = [getattr(record, field.name) for record in records]
    if field.type == INSTANT:
        values = [to_us(value) for value in values]
    return pa.array(values, field.type)
