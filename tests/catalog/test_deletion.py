"""Footage that goes: tombstones in its place, and what keeps it from going."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.casework import EVIDENCE_AFTER, EVIDENCE_BEFORE, Alert, AlertClosing
from catalog.errors import BadInput, NotFound, UnknownCamera
from catalog.footage import Gap, SamplingLevel
from catalog.keeper import Keeper
from catalog.retention import Hold
from catalog.spans import Span
from catalog.writes import DeleteFootage
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import BEGUN_AT, FARISH, OFFICER, STORE, register, segment_of, span_of
from tests.conftest import Look

KEPT = "select segment_id from segments order by start_at"
RULE = "retention 30 d"


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(f"seg_farish-1_{number}" for number in numbers)


def hold(start: int, end: int | None = None) -> Hold:
    end_at = None if end is None else span_of(end).start_at
    return Hold("hld_1", "farish-1", Span(span_of(start).start_at, end_at), "case_0413", "doe", BEGUN_AT)


def filled(keeper: Keeper, segments: int = 4) -> None:
    register(keeper, FARISH, STORE)
    keeper.add_footage(OFFICER, [segment_of("farish-1", number) for number in range(segments)], [])


def test_a_deleted_segment_leaves_a_tombstone(keeper: Keeper, clock: Clock, look: Look) -> None:
    filled(keeper)
    assert keeper.delete_footage(OFFICER, [*ids(1, 0), "seg_unknown", *ids(1)], RULE) == ids(1, 0)
    assert look(KEPT) == [(name,) for name in ids(2, 3)]
    span, kept = span_of(0), segment_of("farish-1", 0)
    assert look("select * exclude (rule) from tombstones order by start_at limit 1") == [
        (kept.segment_id, "farish-1", span.start_at, span.end_at, 1000, kept.sha256, kept.uri, clock.now)
    ]
    assert look("select rule from tombstones") == [(RULE,), (RULE,)]
    assert look("select question, parameters, row_count from audit where action = 'delete'") == [
        (RULE, "cameras=farish-1 from=2026-03-01T16:00:00Z to=2026-03-01T16:01:00Z held=0", 2)
    ]


def test_deleting_again_names_it_again_and_writes_nothing(keeper: Keeper, look: Look) -> None:
    filled(keeper)
    keeper.delete_footage(OFFICER, ids(0, 1), RULE)
    before = look("select max(snapshot_id) from lake.snapshots()")
    assert keeper.delete_footage(OFFICER, ids(1), RULE) == ids(1)
    assert keeper.delete_footage(OFFICER, ["seg_unknown"], RULE) == ()
    assert keeper.delete_footage(OFFICER, [], RULE) == ()
    assert look("select max(snapshot_id) from lake.snapshots()") == before


def test_a_request_whose_answer_was_lost_is_answered_the_same(keeper: Keeper) -> None:
    filled(keeper)
    request = DeleteFootage(OFFICER, ids(0, 1), RULE)
    first = keeper.submit(request, "writer", 1).result()
    assert keeper.submit(request, "writer", 1).result() == first == ids(0, 1)


def test_footage_that_came_again_after_it_went_is_kept(keeper: Keeper, look: Look) -> None:
    filled(keeper)
    keeper.delete_footage(OFFICER, ids(0), RULE)
    keeper.add_footage(OFFICER, [segment_of("farish-1", 0)], [])
    assert len(look(KEPT)) == 4
    assert keeper.delete_footage(OFFICER, ids(0), "disk full") == ids(0)
    assert look("select rule from tombstones order by rule") == [("disk full",), (RULE,)]


def test_what_is_held_stays_until_the_hold_is_released(keeper: Keeper, look: Look) -> None:
    filled(keeper)
    keeper.place_hold(OFFICER, hold(1, 2))
    assert keeper.delete_footage(OFFICER, ids(0, 1, 2), RULE) == ids(0, 2)
    assert look("select parameters like '%held=1' from audit where action = 'delete'") == [(True,)]
    keeper.release_hold(OFFICER, "hld_1")
    assert keeper.delete_footage(OFFICER, ids(1), RULE) == ids(1)


def test_a_hold_without_an_end_keeps_all_that_follows_of_its_camera_alone(keeper: Keeper) -> None:
    filled(keeper)
    keeper.place_hold(OFFICER, replace(hold(2), hold_id="hld_2"))
    keeper.place_hold(OFFICER, replace(hold(0), hold_id="hld_3", camera_id="store-3"))
    assert keeper.delete_footage(OFFICER, ids(0, 1, 2, 3), RULE) == ids(0, 1)


def test_a_hold_placed_or_released_twice_stays_as_it_was_first(keeper: Keeper, clock: Clock, look: Look) -> None:
    filled(keeper)
    keeper.place_hold(OFFICER, hold(1, 2))
    keeper.place_hold(OFFICER, replace(hold(0), reason="another"))
    keeper.release_hold(OFFICER, "hld_1")
    released = look("select hold_id, reason, released_at from holds")
    assert released == [("hld_1", "case_0413", clock.now)]
    clock.turn(days=1)
    keeper.release_hold(OFFICER, "hld_1")
    keeper.place_hold(OFFICER, hold(1, 2))
    assert look("select hold_id, reason, released_at from holds") == released
    assert look("select question, row_count from audit where action = 'hold' order by line") == [
        ("place hld_1", 1), ("release hld_1", 1), ("release hld_1", 0),
    ]  # fmt: skip


def test_a_hold_needs_a_camera_and_a_reason(keeper: Keeper) -> None:
    with pytest.raises(UnknownCamera):
        keeper.place_hold(OFFICER, hold(0))
    with pytest.raises(BadInput, match="gives no reason"):
        replace(hold(0), reason=" ")
    with pytest.raises(NotFound, match="hld_9"):
        keeper.release_hold(OFFICER, "hld_9")
    with pytest.raises(BadInput, match="without a reason"):
        keeper.delete_footage(OFFICER, ids(0), "")


def test_what_an_open_alert_rests_on_stays_until_it_is_closed(keeper: Keeper) -> None:
    filled(keeper, 10)
    onset_at = span_of(2).start_at
    keeper.raise_alerts(OFFICER, [Alert("alr_1", "panic", None, "farish-1", "P1", onset_at, onset_at)])
    first, last = onset_at - EVIDENCE_BEFORE, onset_at + EVIDENCE_AFTER
    resting = {n for n in range(10) if span_of(n).overlaps(Span(first, last))}
    assert resting == {1, 2, 3, 4, 5, 6}
    assert keeper.delete_footage(OFFICER, ids(*range(10)), RULE) == ids(0, 7, 8, 9)
    keeper.close_alerts(OFFICER, [AlertClosing("alr_1", onset_at + timedelta(hours=1), "nothing found")])
    assert keeper.delete_footage(OFFICER, ids(*range(10)), RULE) == ids(*range(10))


def test_how_closely_a_camera_was_looked_at_is_kept_once(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    begun = SamplingLevel("farish-1", Span(BEGUN_AT), "full", "active rules")
    ended = replace(begun, span=Span(BEGUN_AT, BEGUN_AT + timedelta(minutes=1)))
    lower = SamplingLevel("farish-1", Span(BEGUN_AT + timedelta(minutes=1)), "keyframes", "behind by 3.1 s")
    keeper.add_footage(OFFICER, [], [], [begun])
    keeper.add_footage(
        OFFICER, [segment_of("farish-1", 0)], [Gap("farish-1", span_of(3), "no_feed")], [ended, lower]
    )
    keeper.add_footage(OFFICER, [], [], [ended, lower])
    assert look("select level, reason, end_at is null from sampling_levels order by start_at") == [
        ("full", "active rules", False), ("keyframes", "behind by 3.1 s", True),
    ]  # fmt: skip
    assert look("select parameters from audit where action = 'footage' order by line limit 2") == [
        ("cameras=farish-1 segments=0 gaps=0 levels=1",), ("cameras=farish-1 segments=1 gaps=1 levels=2",),
    ]  # fmt: skip
    with pytest.raises(UnknownCamera):
        keeper.add_footage(OFFICER, [], [], [replace(begun, camera_id="nowhere-9")])
    with pytest.raises(BadInput, match="use one of record, keyframes, substream, full"):
        replace(begun, level="all")  # type: ignore[arg-type]
