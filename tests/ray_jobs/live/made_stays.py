"""One person who stands on a dock, as live work is shown it, and how what is said about it compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from catalog.observations import SegmentRows
from catalog.spans import to_us
from tests.strategies import (
    Piece,
    Stream,
    area,
    at,
    line,
    made_segment,
    pieces,
    standing,
    story,
    stream_of,
)

DWELL = area(name="dock", min_dwell_s=2.0)
ZONES = (DWELL, line((640.0, 0.0), (640.0, 720.0), "kerb"))


def told_by(parts: Sequence[Piece], rows: Sequence[SegmentRows]) -> tuple[object, list[tuple[object, ...]]]:
    """Return all that rows say, in words that do not depend on what segments were called while they were open."""
    analyses = [replace(one.analysis, sampling="") for one in rows]
    return story(rows, parts), [
        (one.segment_id, one.span, one.frames_looked_at, one.frames_held) for one in analyses
    ]


def stands(seconds: float = 12.0, *, from_s: float = 0.0) -> Stream:
    def shown(at_s: float) -> list[object]:
        return [standing(500, 400)] if at_s >= from_s else []

    return stream_of(shown, seconds, 5.0)  # type: ignore[arg-type]


def halves(stream: Stream, cut_s: float = 6.0) -> list[Piece]:
    return pieces(stream, [at(cut_s)])


def begun_at(part: Piece, begin_s: float) -> Piece:
    """Return the piece without its beginning: nobody recorded that."""
    segment = made_segment(at(begin_s), to_us(part.segment.span.end_at) or 0)
    return replace(part, segment=segment, looks=tuple(one for one in part.looks if one.seen_at >= at(begin_s)))


def ends(rows: SegmentRows) -> list[tuple[object, object]]:
    """Return how its tracks and events stand."""
    states = [*rows.track_states.to_pylist(), *rows.event_states.to_pylist()]
    return [(row["end_at"], row["closed_by"]) for row in states]


def all_end_by_gap(rows: SegmentRows) -> bool:
    return bool(ends(rows)) and all(closed_by == "gap" and end_at is not None for end_at, closed_by in ends(rows))
