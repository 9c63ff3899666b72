"""Rows made while a segment was open are, once it is closed, those that were made of the closed file."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from catalog.ids import content_id
from catalog.observations import SegmentRows
from catalog.spans import to_us
from tests.strategies import (
    MOUNTING,
    RUN,
    Piece,
    area,
    at,
    follow,
    pieces,
    standing,
    stream_of,
)
from workbench.rules.firm import firm, stand_in
from workbench.rules.follow import FollowConfig, Follower

STREAM = stream_of(lambda at_s: [standing(100 + round(60 * at_s), 400), standing(900, 300, "car")], 20, 5)
CUTS = [at(4), at(8), at(12)]


def live(parts: list[Piece]) -> list[SegmentRows]:
    """Follow the pieces as live work does: each under a stand-in, taken in the order of time, then made firm."""
    follower = Follower(FollowConfig(), RUN, MOUNTING, [area()])
    rows = []
    for part in parts:
        segment, open_id = part.segment, stand_in("made-1", part.segment.span.start_at)
        follower.begin(open_id, segment.span.start_at, (segment.width_px, segment.height_px))
        gaps = [replace(gap, segment_id=open_id) for gap in part.gaps]
        steps = [*((to_us(gap.span.start_at), gap) for gap in gaps), *((look.seen_at, look) for look in part.looks)]
        for _, step in sorted(steps, key=lambda one: one[0]):
            if step in gaps:
                follower.miss(to_us(step.span.end_at) - to_us(step.span.start_at))
            elif step.detections is None:
                follower.look(step)
            else:
                follower.look(replace(step, detections=replace(step.detections, segment_id=open_id)))
        made = follower.close(
            replace(segment, segment_id=open_id), frames_decoded=len(part.looks), sampling="all", decode_gaps=gaps
        )
        rows.append(firm(made, open_id, segment.segment_id))
        follower = Follower.restore(rows[-1].memory, FollowConfig(), RUN, MOUNTING, [area()])
    return rows


@pytest.mark.parametrize(
    "missing", [(), ((at(5), at(6)),), ((at(5), at(10)),)], ids=["whole", "a short hole", "a long hole"]
)
def test_they_are_the_archives_rows_to_the_byte(missing):
    parts = pieces(replace(STREAM, missing=missing), CUTS, inside=True)
    archive = follow(parts, [area()], restarting=True)
    firmed = live(parts)
    assert sum(part.event_states.num_rows for part in archive) > 0
    assert sum(part.track_states.num_rows for part in archive) > 4
    for made, expected in zip(firmed, archive, strict=True):
        assert made.analysis == expected.analysis
        for name in ("detections", "track_states", "event_states", "gaps"):
            assert getattr(made, name).equals(getattr(expected, name)), name
            assert getattr(made, name).schema == getattr(expected, name).schema
        assert made.memory == expected.memory


def test_nothing_of_the_stand_in_is_left():
    parts = pieces(replace(STREAM, missing=((at(5), at(6)),)), CUTS, inside=True)
    for part, rows in zip(parts, live(parts), strict=True):
        open_id = stand_in("made-1", part.segment.span.start_at)
        assert open_id.encode() not in rows.memory
        for table in (rows.detections, rows.track_states, rows.event_states, rows.gaps):
            assert open_id not in str(table.to_pylist())
        assert rows.segment_id == part.segment.segment_id


def test_other_segments_and_what_is_unknown_stay_as_they_are():
    part = pieces(STREAM)[0]
    (rows,) = follow([part])
    names = ["seg_a", None, "seg_b"]
    table = pa.table({"best_segment_id": pa.array(names, pa.string()), "text": pa.array(["seg_a"] * 3)})
    found = firm(replace(rows, track_states=table), "seg_a", "seg_c").track_states
    assert found["best_segment_id"].to_pylist() == ["seg_c", None, "seg_b"]
    assert found["text"].to_pylist() == ["seg_a"] * 3


def test_a_stand_in_is_the_cameras_and_the_instants_alone():
    start_at = pieces(STREAM)[0].segment.span.start_at
    first = stand_in("cam", start_at)
    assert first == stand_in("cam", pieces(STREAM)[0].segment.span.start_at)
    assert first != stand_in("cam-2", start_at)
    assert first != content_id("seg", "cam", to_us(start_at))
    assert len(first) == len(pieces(STREAM)[0].segment.segment_id)
