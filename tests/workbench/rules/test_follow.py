from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.errors import BadInput, CatalogConflict
from catalog.observations import DETECTIONS_SCHEMA, Analysis
from catalog.rows import EVENT_STATES_SCHEMA, GAPS_SCHEMA, TRACK_STATES_SCHEMA
from catalog.spans import Span, from_us
from tests.strategies import (
    MOUNTING,
    RUN,
    Piece,
    Seen,
    area,
    at,
    follow,
    look_of,
    made_segment,
    pieces,
    standing,
    stream_of,
)
from workbench.media.frames import Sampling
from workbench.rules.follow import FollowConfig, Follower


def through(at_s: float) -> list[Seen]:
    return [standing(100 + round(100 * at_s), 400)]


STREAM = stream_of(through, 12, 5)


def test_rows_have_the_columns_of_the_schema() -> None:
    (rows,) = follow(pieces(replace(STREAM, missing=((at(3), at(4)),)), inside=True), [area()])
    assert rows.detections.schema == DETECTIONS_SCHEMA
    assert rows.track_states.schema == TRACK_STATES_SCHEMA
    assert rows.event_states.schema == EVENT_STATES_SCHEMA
    assert rows.gaps.schema == GAPS_SCHEMA
    assert all(table.num_rows > 0 for table in (rows.detections, rows.track_states, rows.event_states, rows.gaps))


def test_an_empty_segment_has_empty_tables_of_the_same_columns() -> None:
    (rows,) = follow([Piece(made_segment(at(0), at(10)), ())])
    assert rows.detections.schema == DETECTIONS_SCHEMA
    assert rows.event_states.schema == EVENT_STATES_SCHEMA
    assert (rows.track_states.num_rows, rows.gaps.num_rows, rows.analysis.frames_looked_at) == (0, 0, 0)


def test_the_analysis_says_what_an_empty_answer_rests_on() -> None:
    stream = stream_of(lambda at_s: None if at_s >= 8 else through(at_s), 12, 5)
    (rows,) = follow(pieces(stream), [area()])
    segment_id = rows.segment_id
    assert rows.analysis == Analysis(
        "run_made", segment_id, "made-1", Span(from_us(at(0)), from_us(at(12))), "all", 60, 40, 20, 40, 1, 1
    )


def test_what_lives_on_is_stated_again_as_of_each_segments_end() -> None:
    rows = follow(pieces(STREAM, [at(4), at(8)]))
    states = [part.track_states.to_pylist()[0] for part in rows]
    assert len({state["track_id"] for state in states}) == 1
    assert [state["as_of_at"] for state in states] == [from_us(at(second)) for second in (4, 8, 12)]
    assert [state["sighting_count"] for state in states] == [20, 40, 60]
    assert len({state["best_segment_id"] for state in states}) == 1


def test_what_was_not_sighted_is_not_stated_again() -> None:
    stream = stream_of(lambda at_s: [standing(600, 400)] if at_s < 10 else [], 30, 2)
    rows = follow(pieces(stream, [at(10), at(14), at(24)]))
    assert [part.track_states.num_rows for part in rows] == [1, 0, 1, 0]
    assert rows[2].track_states["closed_by"].to_pylist() == ["lost"]


def test_a_hole_between_segments_ends_tracks_at_their_last_sighting() -> None:
    rows = follow(pieces(replace(STREAM, missing=((at(4), at(9)),))))
    ended, fresh = rows[1].track_states.to_pylist()
    assert (ended["closed_by"], ended["end_at"]) == ("gap", from_us(at(3.8)))
    assert (fresh["start_at"], fresh["closed_by"]) == (from_us(at(9)), None)


def test_a_small_hole_is_bridged() -> None:
    rows = follow(pieces(replace(STREAM, missing=((at(4), at(5)),))))
    assert len({row["track_id"] for part in rows for row in part.track_states.to_pylist()}) == 1


def test_holes_on_both_sides_of_a_cut_count_together() -> None:
    stream = replace(STREAM, missing=((at(4), at(7)),))
    parts = pieces(stream, [at(5.5)], inside=True)
    assert [row["closed_by"] for row in follow(parts)[1].track_states.to_pylist()] == ["gap", None]


def test_a_segment_of_another_mounting_is_refused() -> None:
    with pytest.raises(BadInput, match="follow the other mounting on its own"):
        follow([Piece(made_segment(at(0), at(10), "mnt_other"), ())])


def test_segments_out_of_order_are_refused() -> None:
    with pytest.raises(BadInput, match="hand segments over in order of time"):
        follow(list(reversed(pieces(STREAM, [at(6)]))))


def test_a_memory_of_an_older_meaning_is_refused() -> None:
    (rows,) = follow(pieces(STREAM))
    older = rows.memory.replace(b'"version":1', b'"version":0')
    with pytest.raises(CatalogConflict, match="as a new run"):
        Follower.restore(older, FollowConfig(), RUN, MOUNTING, [])


def test_a_follower_can_be_asked_for_its_memory_before_it_has_seen_anything() -> None:
    fresh = Follower(FollowConfig(), RUN, MOUNTING, [area()])
    assert Follower.restore(fresh.memory, FollowConfig(), RUN, MOUNTING, [area()]).memory == fresh.memory


def test_the_rows_of_a_segment_do_not_depend_on_what_comes_after() -> None:
    parts = pieces(STREAM, [at(4), at(8)])
    assert follow(parts[:2]) == follow(parts)[:2]


def test_a_segment_done_again_from_the_memory_before_it_gives_the_same_rows() -> None:
    parts = pieces(STREAM, [at(4), at(8)])
    rows = follow(parts, [area()])
    again = Follower.restore(rows[0].memory, FollowConfig(), RUN, MOUNTING, [area()])
    part = parts[1]
    assert again.process(part.segment, part.looks, frames_decoded=20, sampling=Sampling("all")) == rows[1]


def test_the_frame_a_look_was_made_in_is_the_address_in_the_row() -> None:
    (part,) = pieces(STREAM)
    (rows,) = follow([part])
    assert rows.detections["pts"].to_pylist() == [look_of(part.segment, shot).pts for shot in STREAM.shots]
