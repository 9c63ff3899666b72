"""From a real keeper's roster to plans, and where cameras go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.casework import Alert
from catalog.errors import KeeperUnavailable, StorageFailed
from catalog.footage import Gap, SamplingLevel
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.observations import Run
from catalog.registry import Mounting
from catalog.roster import Roster
from catalog.spans import Span
from ray_jobs.live.config import LIVE, LiveConfig
from ray_jobs.live.line import CameraStart
from ray_jobs.live.plans import Plans
from tests.catalog.made_rows import rows_of
from tests.conftest import Look
from tests.ray_jobs.live.conftest import Clock
from tests.ray_jobs.live.made_live import (
    BEGUN_AT,
    DOCK,
    FARISH,
    STORE,
    consent_to,
    gate_on,
    register,
    segment_of,
)

AMITE = replace(FARISH, camera_id="amite-4", stream_uri="rtsp://127.0.0.1/amite")


@pytest.fixture
def plans(home: Home, keeper: Keeper, clock: Clock) -> Iterator[Plans]:
    plans = Plans(home, LiveConfig(), keeper, clock)
    yield plans
    plans.close()


def roster(keeper: Keeper) -> Roster:
    taken = keeper.roster()
    assert taken is not None
    return taken


def run_id(plans: Plans, camera_id: str = "farish-1") -> str:
    return plans.by_camera[camera_id].run.run_id


def test_only_cameras_that_have_a_stream_and_hang_somewhere_are_planned(keeper: Keeper, plans: Plans) -> None:
    register(keeper, FARISH, DOCK)
    keeper.register(LIVE, cameras=[AMITE])
    plans.take(roster(keeper))
    assert list(plans.by_camera) == ["farish-1"]


def test_only_the_named_cameras_are_planned_where_some_are_named(home: Home, keeper: Keeper, clock: Clock) -> None:
    register(keeper, FARISH, AMITE)
    plans = Plans(home, LiveConfig(), keeper, clock, ["amite-4"])
    plans.take(roster(keeper))
    assert list(plans.by_camera) == ["amite-4"]


def test_runs_are_written_down_before_their_first_row(keeper: Keeper, plans: Plans, look: Look) -> None:
    register(keeper, FARISH, AMITE)
    plans.take(roster(keeper))
    rows = look("select run_id, camera_id, job, purpose, actor from runs order by camera_id")
    assert rows == [
        (run_id(plans, "amite-4"), "amite-4", "live", "response", "live"),
        (run_id(plans), "farish-1", "live", "response", "live"),
    ]


def test_drawn_zones_make_another_run_of_the_same_feed(keeper: Keeper, plans: Plans, look: Look) -> None:
    register(keeper, FARISH, AMITE)
    plans.take(roster(keeper))
    before = dict(plans.by_camera)
    keeper.register(LIVE, zones=[gate_on(FARISH)])
    plans.take(roster(keeper))
    after = plans.by_camera
    assert after["amite-4"] == before["amite-4"]
    assert after["farish-1"].run.run_id != before["farish-1"].run.run_id
    assert after["farish-1"].same_feed(before["farish-1"])
    assert not before["farish-1"].need(open_incident=False).has_rules
    assert after["farish-1"].need(open_incident=False).has_rules
    assert look("select count(*)::int from runs") == [(3,)]


def test_another_address_is_another_feed_of_the_same_run(keeper: Keeper, plans: Plans) -> None:
    register(keeper, FARISH)
    plans.take(roster(keeper))
    before = plans.by_camera["farish-1"]
    register(keeper, replace(FARISH, stream_uri="rtsp://127.0.0.1/moved"))
    plans.take(roster(keeper))
    assert not plans.by_camera["farish-1"].same_feed(before)
    assert run_id(plans) == before.run.run_id


def test_the_next_director_plans_the_very_same(home: Home, keeper: Keeper, plans: Plans, clock: Clock) -> None:
    """Else shards that outlive a director would be told to begin anew, and every track would end."""
    register(keeper, FARISH)
    plans.take(roster(keeper))
    clock.turn(seconds=60)
    following = Plans(home, LiveConfig(), keeper, clock)
    following.take(roster(keeper))
    assert following.by_camera == plans.by_camera
    assert following.by_camera["farish-1"].run.started_at == BEGUN_AT


def test_a_private_camera_is_refused_until_its_owner_consents(keeper: Keeper, plans: Plans, look: Look) -> None:
    register(keeper, FARISH, STORE)
    plans.take(roster(keeper))
    assert list(plans.refused) == ["store-3"]
    assert "ask its owner 'store'" in plans.refused["store-3"]
    assert look("select camera_id from runs") == [("farish-1",)]
    keeper.grant(LIVE, consent_to(STORE))
    plans.take(roster(keeper))
    assert plans.refused == {}
    assert look("select run_id, consent_id from runs where camera_id = 'store-3'") == [
        (run_id(plans, "store-3"), "con_1")
    ]
    assert plans.by_camera["store-3"].run.consent_id == "con_1"


class _Fickle:
    """A keeper that starts no runs for a while."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.fails: Exception | None = None

    def start_run(self, access: object, run: Run) -> Run:
        if self.fails is not None:
            raise self.fails
        return self._keeper.start_run(LIVE, run)


@pytest.mark.parametrize("error", [KeeperUnavailable("away"), StorageFailed("full")], ids=str)
def test_while_runs_cannot_be_written_down_cameras_keep_their_plan_and_new_ones_are_recorded(
    home: Home, keeper: Keeper, clock: Clock, error: Exception
) -> None:
    register(keeper, FARISH)
    door = _Fickle(keeper)
    plans = Plans(home, LiveConfig(), door, clock)  # type: ignore[arg-type]
    plans.take(roster(keeper))
    before = plans.by_camera["farish-1"]
    register(keeper, AMITE, zones=[])
    keeper.register(LIVE, zones=[gate_on(FARISH)])
    door.fails = error
    with pytest.raises(KeeperUnavailable, match="runs cannot be written down"):
        plans.take(roster(keeper))
    assert plans.by_camera["farish-1"] == before
    assert "amite-4" in plans.by_camera
    assert plans.refused == {}
    door.fails = None
    plans.take(roster(keeper))
    assert run_id(plans) != before.run.run_id


def test_an_incident_is_an_open_alert_that_somebody_wants_eyes_on(keeper: Keeper, plans: Plans) -> None:
    register(keeper, FARISH, AMITE)
    dark = Alert("alr_1", "camera_health", None, "farish-1", "P1", BEGUN_AT, BEGUN_AT, rule="camera_dark")
    unseen = Alert("alr_2", "rule", "evt_2", "farish-1", "P3", BEGUN_AT, BEGUN_AT, rule="zone_dwell")
    panic_elsewhere = Alert("alr_3", "panic", None, None, "P1", BEGUN_AT, BEGUN_AT)
    keeper.raise_alerts(LIVE, [dark, unseen, panic_elsewhere])
    plans.take(roster(keeper))
    assert plans.incidents == ()
    panic = Alert("alr_4", "panic", None, "amite-4", "P1", BEGUN_AT, BEGUN_AT)
    keeper.raise_alerts(LIVE, [panic])
    plans.take(roster(keeper))
    assert plans.incidents == ("amite-4",)


def test_a_camera_never_recorded_begins_with_nothing(keeper: Keeper, plans: Plans) -> None:
    register(keeper, FARISH)
    plans.take(roster(keeper))
    assert plans.starts(["farish-1", "unknown-9"]) == {"farish-1": CameraStart()}


def test_a_camera_goes_on_from_its_last_footage_its_memory_and_what_is_open(keeper: Keeper, plans: Plans) -> None:
    register(keeper, FARISH, AMITE)
    plans.take(roster(keeper))
    footage = [segment_of("farish-1", number, seconds=60) for number in range(3)]
    still_open = Gap("farish-1", Span(BEGUN_AT + timedelta(minutes=3)), "no_feed", "hung up", source_name="farish")
    ended = Gap("farish-1", Span(BEGUN_AT - timedelta(minutes=3), BEGUN_AT), "no_feed", "", source_name="farish")
    keeper.add_footage(LIVE, footage, [still_open, ended])
    for number in (0, 1):
        rows = rows_of(run_id(plans), "farish-1", number)
        analysis = replace(rows.analysis, segment_id=footage[number].segment_id, detections=0)
        keeper.append(LIVE, replace(rows, analysis=analysis, detections=rows.detections.slice(0, 0)))
    lost = Alert("alr_1", "camera_health", None, "farish-1", "P2", BEGUN_AT, BEGUN_AT, rule="camera_lost")
    keeper.raise_alerts(LIVE, [lost])
    plans.take(roster(keeper))
    starts = plans.starts(["farish-1", "amite-4"])
    start = starts["farish-1"]
    assert start.last_end_at == footage[2].span.end_at
    assert start.looked_until_at == footage[1].span.end_at
    assert start.memory is not None
    assert (start.memory.mounting_id, start.memory.state) == ("mnt_farish-1", b"memory 1.0")
    assert [(gap.reason, gap.span) for gap in start.open_gaps] == [("no_feed", still_open.span)]
    assert start.open_health == (("alr_1", "camera_lost"),)
    assert starts["amite-4"] == CameraStart()


def test_what_is_open_about_a_private_camera_is_known_though_nobody_may_watch_it(
    keeper: Keeper, plans: Plans
) -> None:
    """Else a gap that began while it was closed would never end."""
    register(keeper, STORE)
    keeper.grant(LIVE, consent_to(STORE))
    keeper.add_footage(LIVE, [segment_of("store-3", 0)], [])
    keeper.withdraw(LIVE, "con_1")
    since_at = BEGUN_AT + timedelta(minutes=1)
    closed = Gap("store-3", Span(since_at), "not_permitted", "withdrawn", source_name="store")
    keeper.add_footage(LIVE, [], [closed])
    plans.take(roster(keeper))
    start = plans.starts(["store-3"])["store-3"]
    assert start.last_end_at == segment_of("store-3", 0).span.end_at
    assert start.open_gaps == (closed,)


def test_an_alert_that_the_rules_remember_is_left_to_them(keeper: Keeper, plans: Plans) -> None:
    """They will say when the camera is no longer dark; that footage comes does not."""
    register(keeper, FARISH)
    plans.take(roster(keeper))
    footage = segment_of("farish-1", 0, seconds=60)
    keeper.add_footage(LIVE, [footage], [])
    rows = rows_of(run_id(plans), "farish-1", 0, boxes=0)
    analysis = replace(rows.analysis, segment_id=footage.segment_id)
    keeper.append(LIVE, replace(rows, analysis=analysis, memory=b'{"event":"evt_dark"}'))
    known = Alert("alr_dark", "camera_health", "evt_dark", "farish-1", "P2", BEGUN_AT, BEGUN_AT, rule="camera_dark")
    forgotten = replace(known, alert_id="alr_darker", event_id="evt_darker")
    keeper.raise_alerts(LIVE, [known, forgotten])
    plans.take(roster(keeper))
    assert plans.starts(["farish-1"])["farish-1"].open_health == (("alr_darker", "camera_dark"),)
    hung_anew_at = BEGUN_AT + timedelta(hours=1)
    keeper.register(LIVE, mountings=[Mounting("mnt_anew", "farish-1", Span(hung_anew_at))])
    plans.take(roster(keeper))
    assert len(plans.starts(["farish-1"])["farish-1"].open_health) == 2, "another view begins anew"


def test_where_a_hundred_cameras_go_on_is_four_questions(keeper: Keeper, plans: Plans, look: Look) -> None:
    """Each costs a commit: a shard that was killed may not wait for one a camera."""
    cameras = [replace(FARISH, camera_id=f"cam-{number}") for number in range(100)]
    register(keeper, *cameras)
    keeper.add_footage(LIVE, [segment_of(camera.camera_id, 0) for camera in cameras], [])
    plans.take(roster(keeper))
    assert len(plans.starts([camera.camera_id for camera in cameras])) == 100
    assert look("select count(*)::int from audit where action = 'ask'") == [(4,)]


def test_levels_left_without_an_end_are_handed_on(keeper: Keeper, plans: Plans) -> None:
    register(keeper, FARISH)
    ended = SamplingLevel("farish-1", Span(BEGUN_AT, BEGUN_AT + timedelta(seconds=5)), "keyframes", "start")
    left = SamplingLevel("farish-1", Span(BEGUN_AT + timedelta(seconds=5)), "full", "open incident")
    keeper.add_footage(LIVE, [], [], [ended, left])
    plans.take(roster(keeper))
    assert plans.starts(["farish-1"])["farish-1"].open_levels == (left,)


def test_a_question_that_fails_is_asked_anew(keeper: Keeper, plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    register(keeper, FARISH)
    plans.take(roster(keeper))
    plans.starts(["farish-1"])
    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "record", _unavailable)
        with pytest.raises(KeeperUnavailable):
            plans.starts(["farish-1"])
    assert plans.starts(["farish-1"]) == {"farish-1": CameraStart()}


def _unavailable(*_: object) -> str:
    raise KeeperUnavailable("away")
