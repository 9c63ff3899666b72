"""Rows that were made before their segment's bytes were known: given the segment's true id once it is closed.

A live segment is looked at while it is being written, but its id rests on the digest of its bytes. Until then a
stand-in is used, and exchanged in everything that was stated, memory included.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from catalog.ids import content_id
from catalog.observations import SegmentRows
from catalog.spans import to_us


def stand_in(camera_id: str, start_at: datetime) -> str:
    """Return the id that a camera's open segment bears until it is closed: no other thing bears it."""
    return content_id("seg", camera_id, to_us(start_at), "open")


def firm(rows: SegmentRows, open_id: str, segment_id: str) -> SegmentRows:
    """Return the rows with the segment's own id wherever the stand-in `open_id` stands.

    Ids are tokens that occur nowhere else, so that exchanging them in the memory's bytes is exact.
    """
    return replace(
        rows,
        analysis=replace(rows.analysis, segment_id=segment_id),
        detections=_exchanged(rows.detections, open_id, segment_id),
        track_states=_exchanged(rows.track_states, open_id, segment_id),
        event_states=_exchanged(rows.event_states, open_id, segment_id),
        gaps=_exchanged(rows.gaps, open_id, segment_id),
        memory=rows.memory.replace(open_id.encode(), segment_id.encode()),
    )


def _exchanged(rows: pa.Table, old: str, new: str) -> pa.Table:
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type) and field.name.endswith("segment_id"):
            column = rows.column(place)
            exchanged = pc.if_else(pc.fill_null(pc.equal(column, old), False), new, column)
            rows = rows.set_column(place, field, exchanged.cast(field.type))
    return rows
