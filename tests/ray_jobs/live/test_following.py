"""One camera's answers: what live says is what the archive says, at once, whatever dies or changes in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ClusterError
from catalog.keeper import Keeper
from catalog.observations import Detections, SegmentRows
from catalog.registry import Mounting, Zone
from catalog.spans import Span, from_us, to_us
from ray_jobs.live.config import LIVE, LiveConfig
from ray_jobs.live.following import LeftOut, Memory, SegmentBegun
from ray_jobs.live.writing import Writing
from tests.ray_jobs.live.conftest import Clock, Look
from tests.ray_jobs.live.made_line import MADE, MadeLine, looked, made_plan, opened
from tests.ray_jobs.live.made_live import WAIT_S
from tests.strategies import (
    MOUNTING,
    Piece,
    Stream,
    area,
    at,
    cuts,
    follow,
    line,
    made_segment,
    made_stats,
    pieces,
    sightings,
    standing,
    story,
    stream_of,
)
from workbench.rules.follow import Follower

DWELL = area(name="dock", min_dwell_s=2.0)
ZONES = (DWELL, line((640.0, 0.0), (640.0, 720.0), "kerb"))


def told_by(parts: Sequence[Piece], rows: Sequence[SegmentRows]) -> tuple[object, list[tuple[object, ...]]]:
    """Return all that rows say, in words that do not depend on what segments were called while they were open."""
    analyses = [replace(one.analysis, sampling="") for one in rows]
    return story(rows, parts), [
        (one.segment_id, one.span, one.frames_looked_at, one.frames_held) for one in analyses
    ]


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


def test_other_zones_make_another_run_and_what_went_on_by_the_old_one_ends_as_a_gap() -> None:
    watching = MadeLine(made_plan([DWELL]))
    first, second = halves(stands())
    watching.begin(first)
    watching.put(*[looked(one) for one in first.looks])
    watching.following.replan(made_plan([], "run_new"))
    watching.end(first)
    watching.show(second)
    old, new = watching.rows
    assert (old.run_id, new.run_id) == ("run_made", "run_new")
    assert all_end_by_gap(old)
    assert [row["start_at"] for row in new.track_states.to_pylist()] == [from_us(at(6.0))]
    assert new.event_states.num_rows == 0


def test_other_zones_between_two_segments_end_the_old_run_with_the_next_segment() -> None:
    watching = MadeLine(made_plan([DWELL]))
    first, second = halves(stands())
    watching.show(first)
    watching.following.replan(made_plan([], "run_new"))
    watching.show(second)
    _, old, new = watching.rows
    assert (old.run_id, old.segment_id) == ("run_made", second.segment.segment_id)
    assert (new.run_id, new.segment_id) == ("run_new", second.segment.segment_id)
    assert all_end_by_gap(old)
    assert old.analysis.frames_looked_at == 0
    assert new.analysis.frames_looked_at == len(second.looks)


def test_a_plan_that_asks_for_the_same_work_ends_nothing() -> None:
    """A corrected name, another day of keeping: no reason to lose sight of anybody."""
    first, second = halves(stands())
    watching, plan = MadeLine(made_plan([DWELL])), made_plan([DWELL])
    watching.begin(first)
    watching.put(*[looked(one) for one in first.looks])
    renamed = replace(plan.site.camera, name="Dock, west", keep_days=5.0)
    watching.following.replan(replace(plan, site=replace(plan.site, camera=renamed)))
    watching.end(first)
    watching.show(second)
    assert told_by([first, second], watching.rows) == told_by([first, second], follow([first, second], [DWELL]))
    assert watching.following.plan.site.camera.name == "Dock, west"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_camera_that_was_hung_anew_begins_anew_and_ends_what_it_saw_before(restarted: bool) -> None:
    anew = Mounting("mnt_anew", "made-1", Span(from_us(at(5))), frame_width_px=1280, frame_height_px=720)
    plan = made_plan([DWELL], "run_made", MOUNTING, anew)
    first, second = halves(stands())
    second = replace(second, segment=replace(second.segment, mounting_id="mnt_anew"))
    watching = MadeLine(made_plan([DWELL]))
    watching.show(first)
    if restarted:
        watching = MadeLine(plan, Memory(MOUNTING.mounting_id, watching.rows[0].memory))
    else:
        watching.following.replan(plan)
    watching.show(second)
    rows = watching.rows[-1]
    assert len([one for one in watching.rows if one.segment_id == second.segment.segment_id]) == 1
    states = {row["mounting_id"]: row for row in rows.track_states.to_pylist()}
    assert (states["mnt_made"]["closed_by"], states["mnt_anew"]["closed_by"]) == ("gap", None)
    assert states["mnt_made"]["end_at"] == from_us(first.looks[-1].seen_at)
    assert rows.analysis.frames_looked_at == len(second.looks)


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


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a way to make one method of the follower fail once."""

    def once(name: str) -> None:
        works = getattr(Follower, name)

        def fails(self: Follower, *told: object, **more: object) -> object:
            monkeypatch.setattr(Follower, name, works)
            raise ZeroDivisionError

        monkeypatch.setattr(Follower, name, fails)

    return once


@pytest.mark.parametrize("method", ["look", "close", "begin", "news"])
def test_a_failure_in_following_costs_no_more_than_the_segment_and_is_said(
    stumbling: Callable[[str], None], method: str
) -> None:
    first, second, third = pieces(stands(18.0), [at(6), at(12)])
    watching = MadeLine(made_plan([DWELL]))
    watching.show(first)
    watching.begin(second)
    stumbling(method)
    watching.put(*[looked(one) for one in second.looks])
    watching.end(second)
    watching.show(third)
    assert watching.following.idle
    assert watching.rows[-1].segment_id == third.segment.segment_id
    assert watching.rows[-1].analysis.frames_looked_at == len(third.looks)
    if method == "close":
        (gap,) = watching.said.gaps
        assert (gap.reason, gap.span, gap.segment_id) == ("skipped", second.segment.span, second.segment.segment_id)
        assert "ZeroDivisionError" in gap.detail


def test_a_segment_whose_end_was_never_told_does_not_hold_up_the_next() -> None:
    first, second = halves(stands())
    watching = MadeLine(made_plan([DWELL]))
    watching.begin(first)
    watching.put(*[looked(one) for one in first.looks])
    watching.show(second)
    assert [rows.segment_id for rows in watching.rows] == [second.segment.segment_id]


def test_a_clock_that_was_set_back_makes_tracks_begin_anew() -> None:
    first, second = halves(stands())
    watching = MadeLine(made_plan([DWELL]))
    watching.show(second)
    watching.show(first)
    assert [rows.segment_id for rows in watching.rows] == [second.segment.segment_id, first.segment.segment_id]
    assert watching.rows[1].analysis.tracks_begun == 1


# The camera itself


def dark_from_2_to(until_s: float, seconds: float = 30.0) -> Stream:
    def health(at_s: float) -> object:
        dark = made_stats(round(at_s * 1000), luma_mean=5.0, signature=made_stats().signature * 0)
        return dark if 2 <= at_s < until_s else made_stats(round(at_s * 1000))

    return stream_of(lambda _: [], seconds, 5.0, health)  # type: ignore[arg-type]


def test_a_dark_camera_raises_an_alert_that_closes_when_it_is_light_again() -> None:
    watching = MadeLine()
    for part in pieces(dark_from_2_to(15.0), [at(10), at(20)]):
        watching.show(part)
    (alert,) = watching.said.raised
    assert (alert.kind, alert.rule, alert.onset_at) == ("camera_health", "camera_dark", from_us(at(2.0)))
    (closing,) = watching.said.closed
    assert (closing.alert_id, closing.outcome) == (alert.alert_id, "recovered")


def test_when_footage_ends_nobody_knows_whether_it_is_still_dark() -> None:
    watching = MadeLine()
    first, _ = pieces(dark_from_2_to(99.0), [at(20)])
    watching.show(first, last=True)
    (alert,) = watching.said.raised
    assert [(one.alert_id, one.outcome) for one in watching.said.closed] == [(alert.alert_id, "footage ended")]


def test_a_camera_dark_before_and_after_a_long_break_has_one_open_alert() -> None:
    watching = MadeLine()
    first, second = pieces(dark_from_2_to(99.0, 40.0), [at(15)])
    watching.show(first)
    (before,) = watching.said.raised
    resumed = MadeLine(memory=watching.later(), open_health=((before.alert_id, "camera_dark"),))
    resumed.show(begun_at(second, 20.0))
    resumed.voice.well_for(100)
    closed = [one.alert_id for one in resumed.said.closed]
    raised = [one.alert_id for one in resumed.said.raised]
    assert closed == [before.alert_id]
    assert len(raised) == 1
    assert raised != closed


def test_looks_before_a_segment_are_of_nothing() -> None:
    watching = MadeLine()
    (part,) = pieces(stands(4.0))
    watching.put(*[looked(one) for one in part.looks])
    watching.end(part)
    assert watching.rows == []
    watching.put(SegmentBegun(opened(part.segment)))
    assert watching.following.unanswered == 0
    assert watching.following.oldest_s is None
