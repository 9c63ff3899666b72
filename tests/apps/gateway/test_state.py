"""The state room by itself: what is so now is told as it is, or told to be unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.settings import Policy
from apps.gateway.state import State
from catalog.access import Purpose
from catalog.casework import Alert
from catalog.consent import Consent
from catalog.home import Home
from catalog.registry import Mounting
from catalog.roster import Roster
from catalog.spans import Span, to_us
from ray_jobs.live.figures import CameraFigures
from ray_jobs.live.status import LiveStatus
from ray_jobs.live.storage import StorageFigures
from tests.apps.gateway.conftest import CAMERAS, NOW, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock, tmp_path: Path) -> State:
    state = State(Home(tmp_path), Policy(), clock)
    state.take_roster(roster())
    return state


def roster(*, without: str = "") -> Roster:
    mountings = tuple(
        Mounting(f"mnt_{camera.camera_id}", camera.camera_id, Span(NOW - timedelta(days=1)), lon, lat)
        for camera, lon, lat in CAMERAS
    )
    return Roster("1", tuple(camera for camera, _, _ in CAMERAS if camera.camera_id != without), mountings)


def figures(camera_id: str, state: str = "recording", **more: Any) -> CameraFigures:
    numbers = dict.fromkeys(
        ("packets", "size_bytes", "segments", "gaps", "frames_decoded", "frames_inferred", "frames_held",
         "passed_over", "detections", "tracks", "events", "alerts", "unwritten"), 0,
    )  # fmt: skip
    words: dict[str, Any] = {
        "camera_id": camera_id, "state": state, "since_us": to_us(NOW), "detail": "", "level": "key",
        "level_reason": "", "fps": 15.0, "looks_hz": 2.0, "lag_s": 0.4, "gop_s": 1.0, "clock": "rtcp",
    }  # fmt: skip
    return CameraFigures(**{**numbers, **words, **more})


def live(state: State, *cameras: CameraFigures) -> None:
    state.live = LiveStatus(
        state.clock(), NOW, "live", cameras, (), (), StorageFigures(0, 0, 0, 0), 40.0, 90.0
    )  # fmt: skip


def alert(alert_id: str = "alr_1", **more: Any) -> Alert:
    words: dict[str, Any] = {"kind": "person", "event_id": None, "camera_id": None, "priority": "P2",
                             "raised_at": NOW, "onset_at": NOW, "title": "Something"}  # fmt: skip
    return Alert(alert_id, **{**words, **more})


class Page:
    """A page that listens, and hands out what it was told."""

    def __init__(self, state: State, purpose: Purpose = "response") -> None:
        self._subscription = state.fanout.subscribed(purpose)
        self._subscriber = self._subscription.__enter__()

    def told(self, kind: str | None = None) -> list[dict[str, Any]]:
        messages = []
        while not self._subscriber.queue.empty():
            messages.append(json.loads(self._subscriber.queue.get_nowait()))
        return [one for one in messages if kind in (None, one["type"])]

    @property
    def begins_anew(self) -> bool:
        return self._subscriber.fell_behind.is_set()


def shown(state: State, camera_id: str, purpose: Purpose = "response") -> Any:
    return next(one for one in state.shown_cameras(purpose) if one.camera_id == camera_id)


def test_what_live_work_said_too_long_ago_is_unknown_now(state: State, clock: Clock) -> None:
    live(state, figures("farish-1"), figures("dock-2", "lost"))
    assert (shown(state, "farish-1").state, shown(state, "dock-2").state) == ("recording", "lost")
    assert state.kpi("response").cameras_live == 1
    clock.turn(seconds=6)
    assert (shown(state, "farish-1").state, shown(state, "farish-1").fps) == ("unknown", 0.0)
    kpi = state.kpi("response")
    assert (kpi.cameras_live, kpi.lag_s, kpi.alert_latency_p95_ms) == (0, None, None)
    assert kpi.live_as_of_at == NOW  # how old it is can be told


def test_only_cameras_that_changed_are_told_and_small_steps_add_up(state: State) -> None:
    page = Page(state)
    live(state, figures("farish-1"), figures("dock-2"))
    state.tick()
    assert {one["camera_id"] for one in page.told("cameras")[0]["cameras"]} == {
        one.camera_id for one, _, _ in CAMERAS
    }
    state.tick()
    assert page.told("cameras") == []
    for fps in (15.4, 15.8, 16.2):  # breathing, until it is one picture a second more
        live(state, figures("farish-1", fps=fps), figures("dock-2"))
        state.tick()
    (told,) = page.told("cameras")
    assert [(one["camera_id"], one["fps"]) for one in told["cameras"]] == [("farish-1", 16.2)]
    live(state, figures("farish-1", "lost", fps=0.0), figures("dock-2"))
    state.tick()
    assert page.told("cameras")[0]["cameras"][0]["state"] == "lost"


def test_a_camera_that_leaves_the_registry_lets_pages_begin_anew(state: State) -> None:
    page = Page(state)
    state.tick()
    state.take_roster(roster(without="dock-2"))
    state.tick()
    assert page.begins_anew


def test_an_older_word_of_an_alert_is_passed_over(state: State) -> None:
    page = Page(state)
    first = alert()
    acknowledged = replace(first, version=2, acknowledged_at=NOW, acknowledged_by="reed")
    closed = replace(acknowledged, version=3, closed_at=NOW, outcome="resolved")
    for word in (first, acknowledged, first, closed, acknowledged, closed):
        state.take(word)
    assert [one["alert"]["version"] for one in page.told("alert")] == [1, 2, 3]
    assert state.alerts == {}


@given(st.permutations(range(1, 7)))
def test_in_whatever_order_words_arrive_the_last_version_stands(order: list[int]) -> None:
    state = State(Home(Path("/nowhere")), Policy(), Clock())
    for version in order:
        closing = {"closed_at": NOW, "outcome": "resolved"} if version == 6 else {}
        state.take(alert(version=version, **closing))
    assert state.alerts == {}
    state.take(alert(version=5))
    assert state.alerts == {}


def test_after_the_keeper_began_anew_alerts_closed_meanwhile_are_gone(state: State) -> None:
    state.take_all([alert("alr_1"), alert("alr_2")])
    page = Page(state)
    state.take_all([alert("alr_2")])
    assert list(state.alerts) == ["alr_2"]
    assert page.begins_anew


def test_the_most_urgent_stand_first(state: State) -> None:
    for number, (priority, more) in enumerate((
        ("P3", {}), ("P1", {"raised_at": NOW + timedelta(seconds=1)}), ("P1", {}),
        ("P1", {"kind": "panic", "place_kind": "hospital", "raised_at": NOW + timedelta(seconds=9)}),
        ("P1", {"kind": "panic", "place_kind": "street"}), ("P2", {}),
    )):  # fmt: skip
        state.take(alert(f"alr_{number}", priority=priority, **more))
    order = [one.alert_id for one in state.shown_alerts("response")]
    assert order[0] == "alr_3"
    assert set(order[1:4]) == {"alr_2", "alr_4", "alr_1"}
    assert order[4:] == ["alr_5", "alr_0"]


def test_a_private_camera_is_opened_by_a_lease_and_closed_by_its_end(state: State) -> None:
    assert (shown(state, "farish-1").viewable, shown(state, "store-4").viewable) == (True, False)
    state.take_leases("response", ["store-4"])
    assert shown(state, "store-4").viewable
    assert not shown(state, "store-4", "investigation").viewable
    assert not shown(state, "farish-1", "analysis").viewable  # an analyst's work needs no picture
    state.take_leases("response", [])
    assert not shown(state, "store-4").viewable


def test_what_a_private_camera_saw_is_hidden_where_consent_does_not_cover_it(state: State) -> None:
    seen = alert("alr_seen", kind="rule", camera_id="store-4", rule="zone_dwell")
    state.take(seen)
    state.take(alert("alr_lost", kind="camera_health", camera_id="store-4", rule="camera_lost"))
    page = Page(state)

    def visible(purpose: Purpose = "response") -> set[str]:
        return {one.alert_id for one in state.shown_alerts(purpose)}

    assert visible() == {"alr_lost"}  # about the device, not about what it saw
    state.take(replace(seen, version=2))
    assert page.told("alert") == []
    state.consents = (
        Consent("con_1", "store", ("store-4",), ("response",), Span(NOW - timedelta(hours=1)), live=True),
    )
    assert visible() == {"alr_lost", "alr_seen"}
    assert visible("investigation") == {"alr_lost"}
    assert state.kpi("response").open == 2
    state.consents = (replace(state.consents[0], withdrawn_at=NOW),)
    assert visible() == {"alr_lost"}


def test_the_median_time_to_acknowledge_is_of_the_last_shift(state: State, clock: Clock) -> None:
    assert state.kpi("response").ack_median_s is None
    for number, seconds in enumerate((10, 20, 90)):
        state.take(alert(f"alr_{number}", version=2, acknowledged_at=NOW + timedelta(seconds=seconds)))
    assert state.kpi("response").ack_median_s == 20.0
    clock.turn(hours=9)
    assert state.kpi("response").ack_median_s is None


def panic(alert_id: str = "alr_panic", **more: Any) -> Alert:
    words: dict[str, Any] = {"kind": "panic", "priority": "P1", "place_kind": "school", "lon_deg": -90.1848,
                             "lat_deg": 32.299}  # fmt: skip
    return alert(alert_id, **{**words, **more})


def test_a_wall_order_names_the_nearest_cameras_that_may_be_seen_and_comes_again_when_more_may(
    state: State,
) -> None:
    page = Page(state)
    state.take(panic())
    assert [one["camera_ids"] for one in page.told("wall")] == [["farish-1", "dock-2"]]
    state.tick()
    assert page.told("wall") == []
    state.take_leases("response", ["school-3"])  # the incident has opened it
    state.tick()
    assert [one["camera_ids"] for one in page.told("wall")] == [["farish-1", "school-3", "dock-2"]]
    state.take_leases("response", [])
    state.tick()
    assert page.told("wall") == []  # nobody's tile is closed from here
    state.take(panic(version=2, closed_at=NOW, outcome="resolved"))
    assert state._orders == {}


def test_panic_from_elsewhere_or_without_a_place_orders_no_wall(state: State) -> None:
    page = Page(state)
    state.take(panic("alr_a", place_kind="business"))
    state.take(panic("alr_b", lon_deg=None, lat_deg=None))
    state.take(panic("alr_c", lon_deg=10.0, lat_deg=50.0))  # another continent
    assert page.told("wall") == []


def test_a_camera_places_the_alerts_it_raises(state: State) -> None:
    told = state.shown(alert(camera_id="farish-1", kind="rule", rule="line_cross", title=""))
    assert (told.lon_deg, told.lat_deg, told.camera_name, told.title) == (
        -90.1848, 32.2990, "Farish & Amite", "Line cross",
    )  # fmt: skip
