"""What one camera shows while plans change, following fails, or the camera itself is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from catalog.registry import Mounting
from catalog.spans import Span, from_us
from ray_jobs.live.following import Memory
from tests.ray_jobs.live.made_line import MadeLine, looked, made_plan
from tests.ray_jobs.live.made_stays import DWELL, all_end_by_gap, begun_at, halves, stands, told_by
from tests.strategies import (
    MOUNTING,
    Stream,
    at,
    follow,
    made_stats,
    pieces,
    stream_of,
)
from workbench.rules.follow import Follower


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
