"""One camera's answers: what live says is what the archive says, at once, whatever dies or changes in between."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ClusterError
from catalog.keeper import Keeper
from catalog.observations import Detections, SegmentRows
from catalog.registry import Zone
from catalog.spans import Span, from_us
from ray_jobs.live.config import LIVE, LiveConfig
from ray_jobs.live.following import LeftOut, Memory, SegmentBegun
from ray_jobs.live.writing import Writing
from tests.conftest import Look
from tests.ray_jobs.live.conftest import Clock
from tests.ray_jobs.live.made_line import MADE, MadeLine, looked, made_plan, opened
from tests.ray_jobs.live.made_stays import DWELL, ZONES, all_end_by_gap, begun_at, ends, halves, stands, told_by
from tests.strategies import (
    MOUNTING,
    Piece,
    at,
    cuts,
    follow,
    pieces,
    sightings,
)
from tests.waiting import WAIT_S


def live(parts: Sequence[Piece], zones: Sequence[Zone] = (), *, restarting: bool = False) -> list[SegmentRows]:
    """Return what live says; `restarting` goes on in another process after each segment."""
    watching = MadeLine(made_plan(zones))
    rows: list[SegmentRows] = []
    for part in parts:
        watching.show(part)
        rows += watching.rows
        watching.rows.clear()
        if restarting and rows:
            watching = MadeLine(made_plan(zones), Memory(MOUNTING.mounting_id, rows[-1].memory))
    return rows


def looked_at(parts: Sequence[Piece]) -> list[Piece]:
    """Return the pieces that live states: those with anything to look at."""
    return [part for part in parts if part.looks]


@settings(max_examples=30, deadline=None)
@given(st.data(), st.booleans())
def test_live_says_what_the_archive_says(data: st.DataObject, restarting: bool) -> None:
    stream = data.draw(sightings())
    parts = looked_at(pieces(stream, data.draw(cuts(stream)), inside=data.draw(st.booleans())))
    assert told_by(parts, live(parts, ZONES, restarting=restarting)) == told_by(parts, follow(parts, ZONES))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_answers_may_come_in_any_order(data: st.DataObject) -> None:
    stream = data.draw(sightings())
    parts = looked_at(pieces(stream, data.draw(cuts(stream))))
    watching = MadeLine(made_plan(ZONES))
    promises: list[tuple[Future[Detections], Detections]] = []
    for part in parts:
        watching.begin(part)
        for look in part.looks:
            promise: Future[Detections] = Future()
            watching.put(looked(look, promise))
            if look.detections is not None:
                promises.append((promise, look.detections))
        watching.end(part)
    for promise, answer in data.draw(st.permutations(promises)):
        promise.set_result(answer)
        watching.following.go_on()
    assert watching.following.idle
    assert told_by(parts, watching.rows) == told_by(parts, follow(parts, ZONES))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_segment_that_could_not_be_kept_is_as_if_it_had_never_been_seen(data: st.DataObject) -> None:
    stream = data.draw(sightings(holds=False))
    parts = looked_at(pieces(stream, data.draw(cuts(stream))))
    lost = data.draw(st.sets(st.sampled_from(range(len(parts)))) if parts else st.just(set()))
    watching = MadeLine(made_plan(ZONES))
    for number, part in enumerate(parts):
        watching.show(part, failed=OSError(28, "No space left on device") if number in lost else None)
    kept = [part for number, part in enumerate(parts) if number not in lost]
    assert told_by(kept, watching.rows) == told_by(kept, follow(kept, ZONES))


# What follows is told of one person who stands on the dock.


def test_an_alert_goes_out_before_its_segment_is_closed_and_once() -> None:
    watching = MadeLine(made_plan([DWELL]))
    first, second = halves(stands())
    watching.begin(first)
    raised_at = []
    for look in first.looks:
        watching.now_us = look.seen_at + 80_000
        watching.put(looked(look))
        raised_at += [look.seen_at] if watching.said.raised and not raised_at else []
    (alert,) = watching.said.raised
    assert raised_at == [at(2.0)], "with the frame in which the stay became long enough"
    assert (alert.rule, alert.camera_id, alert.provisional) == ("zone_dwell", "made-1", True)
    assert alert.onset_at == from_us(at(0))
    assert watching.latencies.ms == [80.0]
    assert watching.rows == []
    watching.end(first)
    watching.show(second, last=True)
    assert watching.said.raised == [alert]
    events = [row for rows in watching.rows for row in rows.event_states.to_pylist()]
    assert {row["event_id"] for row in events} == {alert.event_id}


def test_rules_that_nobody_need_answer_raise_nothing() -> None:
    watching = MadeLine(made_plan([DWELL]), config=LiveConfig(alert_rules=("left_object",)))
    for part in halves(stands()):
        watching.show(part)
    assert watching.said.raised == []
    assert watching.voice.counts.events == 1


def test_an_alert_becomes_firm_with_its_row_and_stays_one(keeper: Keeper, clock: Clock, look: Look) -> None:
    keeper.register(LIVE, cameras=[MADE], mountings=[MOUNTING], zones=[DWELL])
    plan = made_plan([DWELL])
    keeper.start_run(LIVE, plan.run)
    writing = Writing(keeper, LIVE)
    watching = MadeLine(plan, writing=writing)
    told = "select event_id, firm_at is not null from alerts"
    first, second = halves(stands())
    watching.begin(first)
    watching.put(*[looked(one) for one in first.looks])
    assert writing.flush(WAIT_S)
    ((event_id, firm),) = look(told)
    assert not firm
    watching.end(first)
    watching.show(second, last=True)
    assert writing.flush(WAIT_S)
    assert look(told) == [(event_id, True)]
    assert look("select distinct event_id from event_states where rule = 'zone_dwell'") == [(event_id,)]
    assert look("select closed_by from event_states order by as_of_at desc limit 1") == [("gap",)]
    writing.close()
    assert writing.join(WAIT_S)


def test_when_live_stops_what_goes_on_ends_as_a_gap() -> None:
    watching = MadeLine(made_plan([DWELL]))
    first, second = halves(stands())
    watching.show(first)
    assert (None, None) in ends(watching.rows[0])
    watching.show(second, last=True)
    assert all_end_by_gap(watching.rows[1])


def test_when_live_stops_unseeing_what_went_on_ends_all_the_same() -> None:
    """In the last segment nobody looked: its rows say so, and end the track."""
    watching = MadeLine(made_plan([DWELL]))
    first, second = halves(stands())
    watching.show(first)
    watching.show(replace(second, looks=()), last=True)
    (_, last) = watching.rows
    assert all_end_by_gap(last)
    assert (last.analysis.sampling, last.analysis.frames_looked_at, last.analysis.frames_held) == ("none", 0, 0)
    assert {end_at for end_at, _ in ends(last)} == {from_us(first.looks[-1].seen_at)}


def test_what_nobody_looked_at_is_not_stated() -> None:
    watching = MadeLine(made_plan([DWELL]))
    first, second = halves(stands())
    watching.show(replace(first, looks=()))
    watching.show(replace(second, looks=()), last=True)
    assert watching.rows == []


def test_a_process_that_comes_back_late_ends_what_went_on_as_a_gap() -> None:
    first, second = halves(stands(20.0), 6.0)
    watching = MadeLine(made_plan([DWELL]))
    watching.show(first)
    late = begun_at(second, 9.0)
    resumed = MadeLine(made_plan([DWELL]), watching.later())
    resumed.show(late)
    before = {row["track_id"] for row in watching.rows[0].track_states.to_pylist()}
    states = {row["track_id"]: row for row in resumed.rows[0].track_states.to_pylist()}
    (ended,) = before
    assert states[ended]["closed_by"] == "gap"
    assert states[ended]["end_at"] == from_us(first.looks[-1].seen_at)
    assert len(states) == 2, "whoever stands there now is another track"


def test_a_process_that_comes_back_soon_goes_on_with_the_track() -> None:
    first, second = halves(stands(), 6.0)
    watching = MadeLine(made_plan([DWELL]))
    watching.show(first)
    soon = begun_at(second, 7.0)
    resumed = MadeLine(made_plan([DWELL]), watching.later())
    resumed.show(soon)
    tracks = [row["track_id"] for rows in (*watching.rows, *resumed.rows) for row in rows.track_states.to_pylist()]
    assert len(tracks) == 2
    assert len(set(tracks)) == 1
    assert len(watching.said.raised) == 1
    assert resumed.said.raised == [], "nobody is told of the same stay twice"


def test_what_no_detector_answered_is_a_stretch_without_a_look_until_the_next_one() -> None:
    watching = MadeLine()
    (part,) = pieces(stands(4.0))
    watching.begin(part)
    broken: Future[Detections] = Future()
    broken.set_exception(ClusterError("no detector"))
    gone: Future[Detections] = Future()
    gone.cancel()
    for number, one in enumerate(part.looks):
        watching.put(looked(one, {5: broken, 6: gone, 7: broken}.get(number)))
    watching.end(part)
    (gap,) = watching.said.gaps
    assert (gap.reason, gap.detail) == ("skipped", "no detector answered")
    assert gap.span == Span(from_us(part.looks[5].seen_at), from_us(part.looks[8].seen_at))
    assert watching.voice.counts.passed_over == 3
    assert watching.rows[0].analysis.frames_looked_at == len(part.looks) - 3


def test_what_was_left_out_is_said_while_it_lasts_and_ends_with_the_next_look() -> None:
    watching = MadeLine()
    (part,) = pieces(stands(10.0))
    watching.begin(part)
    watching.put(looked(part.looks[0]), LeftOut(at(1.0), "looking falls behind"))
    watching.following.blind.tick(at(2.0))
    assert watching.said.gaps == []
    watching.following.blind.tick(at(5.0))
    watching.put(looked(part.looks[40]))
    begun, ended = watching.said.gaps
    assert begun.span == Span(from_us(at(1.0)))
    assert ended.span == Span(from_us(at(1.0)), from_us(part.looks[40].seen_at))
    assert begun.gap_id == ended.gap_id


def test_what_was_damaged_is_told_with_the_segment_looked_at_or_not() -> None:
    stream = replace(stands(4.0), missing=((at(1), at(2)),))
    (part,) = pieces(stream, inside=True)
    watching = MadeLine()
    watching.show(part)
    assert [row["reason"] for row in watching.rows[0].gaps.to_pylist()] == ["undecodable"]
    assert {row["segment_id"] for row in watching.rows[0].gaps.to_pylist()} == {part.segment.segment_id}
    unseen = MadeLine()
    unseen.show(replace(part, looks=()))
    assert unseen.rows == []
    assert [(gap.reason, gap.segment_id) for gap in unseen.said.gaps] == [("undecodable", part.segment.segment_id)]


def test_damage_before_the_first_look_of_a_segment_ends_what_went_on() -> None:
    parts = pieces(replace(stands(), missing=((at(6), at(9)),)), [at(6)], inside=True)
    watching = MadeLine(made_plan([DWELL]))
    for part in parts:
        watching.show(part)
    assert told_by(parts, watching.rows) == told_by(parts, follow(parts, [DWELL]))
    assert "gap" in {closed_by for _, closed_by in ends(watching.rows[1])}


def test_looks_before_a_segment_are_of_nothing() -> None:
    watching = MadeLine()
    (part,) = pieces(stands(4.0))
    watching.put(*[looked(one) for one in part.looks])
    watching.end(part)
    assert watching.rows == []
    watching.put(SegmentBegun(opened(part.segment)))
    assert watching.following.unanswered == 0
    assert watching.following.oldest_s is None
