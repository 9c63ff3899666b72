"""Cameras shared on incident: opened by one nearby, within the consent, and closed with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access import Access, Purpose
from catalog.casework import Alert, AlertClosing
from catalog.client import KeeperClient
from catalog.consent import Consent
from catalog.errors import NotPermitted
from catalog.home import Home
from catalog.incidents import is_incident, near, opened_by_incidents
from catalog.keeper import Keeper
from catalog.observations import Run
from catalog.registry import Camera, Mounting
from catalog.serve import Door
from catalog.spans import Span
from catalog.whereabouts import Whereabouts
from tests.catalog.conftest import Clock

SERVICE = Access("live", "service", "response")
SCHOOL = Camera("school-3", "Gate", owner_id="school", legal_basis="voluntary", sharing="on_incident",
                place_kind="school")  # fmt: skip
FAR = replace(SCHOOL, camera_id="school-9")
SECRET = replace(SCHOOL, camera_id="school-5", sharing="registry_only")
LON, LAT = -90.1848, 32.2990


def registered(keeper: Keeper, now: datetime) -> None:
    places = {SCHOOL: (LON, LAT + 0.001), FAR: (LON, LAT + 0.1), SECRET: (LON, LAT)}
    mountings = [
        Mounting(f"mnt_{camera.camera_id}", camera.camera_id, Span(now - timedelta(days=9)), lon, lat)
        for camera, (lon, lat) in places.items()
    ]
    keeper.register(SERVICE, cameras=list(places), mountings=mountings)
    ids = tuple(camera.camera_id for camera in places)
    keeper.grant(SERVICE, Consent("con_1", "school", ids, ("response", "investigation"),
                                  Span(now - timedelta(days=9)), live=True))  # fmt: skip


def incident(now: datetime, **more: Any) -> Alert:
    words: dict[str, Any] = {
        "kind": "panic", "event_id": None, "camera_id": None, "priority": "P1", "raised_at": now, "onset_at": now,
        "source": "button", "lon_deg": LON, "lat_deg": LAT,
    }  # fmt: skip
    return Alert("alr_panic", **{**words, **more})


def refusals(keeper: Any, purpose: Purpose = "response") -> dict[str, str | None]:
    leases = keeper.lease(Access("reed", "officer", purpose), [SCHOOL.camera_id, FAR.camera_id, SECRET.camera_id])
    return {lease.camera_id: lease.refusal for lease in leases}


def open_ids(keeper: Any, purpose: Purpose = "response") -> set[str]:
    return {camera_id for camera_id, refusal in refusals(keeper, purpose).items() if refusal is None}


def test_an_incident_opens_the_cameras_near_it_and_its_end_closes_them(keeper: Keeper, clock: Clock) -> None:
    registered(keeper, clock())
    assert open_ids(keeper) == set()
    assert "none is open near it" in str(refusals(keeper)["school-3"])
    keeper.raise_alerts(SERVICE, [incident(clock())])
    assert open_ids(keeper) == {"school-3"}
    assert open_ids(keeper, "investigation") == set()  # for response alone, whatever else consent allows
    keeper.close_alerts(SERVICE, [AlertClosing("alr_panic", clock(), "resolved")])
    assert open_ids(keeper) == set()


def test_consent_still_decides(keeper: Keeper, clock: Clock) -> None:
    registered(keeper, clock())
    keeper.raise_alerts(SERVICE, [incident(clock())])
    keeper.withdraw(SERVICE, "con_1")
    assert open_ids(keeper) == set()
    recorded_only = Consent("con_2", "school", ("school-3",), ("response",), Span(clock() - timedelta(days=1)))
    keeper.grant(SERVICE, recorded_only)
    assert open_ids(keeper) == set()
    hours = replace(recorded_only, consent_id="con_3", live=True, hours_from="00:00", hours_until="00:01")
    keeper.grant(SERVICE, hours)
    assert open_ids(keeper) == set()
    keeper.grant(SERVICE, replace(recorded_only, consent_id="con_4", live=True))
    assert open_ids(keeper) == {"school-3"}


def test_what_happens_may_be_recorded_and_what_was_before_stays_closed(keeper: Keeper, clock: Clock) -> None:
    registered(keeper, clock())
    run = Run("run_1", "live", "school-3", "response", None, "1", "c", "w", clock(), "live")
    with pytest.raises(NotPermitted, match="on_incident"):
        keeper.start_run(SERVICE, run)
    keeper.raise_alerts(SERVICE, [incident(clock())])
    assert keeper.start_run(SERVICE, run).consent_id == "con_1"
    clock.turn(seconds=30)
    keeper.permit(SERVICE, "school-3", Span(clock() - timedelta(seconds=20), clock() - timedelta(seconds=10)))
    with pytest.raises(NotPermitted):
        keeper.permit(SERVICE, "school-3", Span(clock() - timedelta(hours=2), clock() - timedelta(hours=1)))
    keeper.close_alerts(SERVICE, [AlertClosing("alr_panic", clock(), "resolved")])
    with pytest.raises(NotPermitted):
        keeper.permit(SERVICE, "school-3", Span(clock() - timedelta(seconds=20), clock() - timedelta(seconds=10)))


def test_an_incident_that_is_open_when_the_keeper_comes_back_still_opens(kept_home: Home, clock: Clock) -> None:
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        registered(keeper, clock())
        keeper.raise_alerts(SERVICE, [incident(clock())])
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as again:
        assert open_ids(again) == {"school-3"}


def test_how_near_is_a_setting_of_the_home(kept_home: Home, clock: Clock) -> None:
    with Keeper(replace(kept_home, incident_radius_m=20_000.0), clock=clock, commit_every_s=0.0) as keeper:
        registered(keeper, clock())
        keeper.raise_alerts(SERVICE, [incident(clock())])
        assert open_ids(keeper) == {"school-3", "school-9"}


def test_the_roster_names_the_consents_also_from_outside(keeper: Keeper, clock: Clock, kept_home: Home) -> None:
    registered(keeper, clock())
    door = Door(keeper, "token")
    (kept_home.run_dir / "keeper.token").write_text("token")
    Whereabouts(f"grpc://127.0.0.1:{door.port}", 1, "token").publish(kept_home)
    try:
        with KeeperClient(kept_home, spawn=False) as client:
            roster = client.roster()
            assert roster is not None
            assert [consent.consent_id for consent in roster.consents] == ["con_1"]
    finally:
        door.shutdown()


NOW = datetime.fromisoformat("2026-03-01T16:00:00Z")

KINDS = {
    "panic, whatever its priority": ({"priority": "P3"}, True), "a P1 of a rule": ({"kind": "rule"}, True),
    "a P1 that somebody raised": ({"kind": "person"}, True), "a P2": ({"kind": "person", "priority": "P2"}, False),
    "a camera that is lost": ({"kind": "camera_health"}, False), "a closed one": ({"closed_at": NOW}, False),
}  # fmt: skip


@pytest.mark.parametrize(("words", "opens"), KINDS.values(), ids=KINDS.keys())
def test_what_counts_as_an_incident(words: dict[str, Any], opens: bool) -> None:
    assert is_incident(incident(NOW, **words)) is opens


def test_an_incident_is_where_its_camera_hangs_now_or_nowhere() -> None:
    old = Mounting("mnt_old", "farish-1", Span(NOW - timedelta(days=9), NOW - timedelta(days=1)), LON, LAT + 5)
    new = Mounting("mnt_new", "farish-1", Span(NOW - timedelta(days=1)), LON, LAT)
    school = Mounting("mnt_school", "school-3", Span(NOW - timedelta(days=9)), LON, LAT)
    at_camera = incident(NOW, kind="rule", camera_id="farish-1", lon_deg=None, lat_deg=None)
    nowhere = incident(NOW, lon_deg=None, lat_deg=None)
    for mountings in ((old, new, school), (new, school, old)):
        assert opened_by_incidents([SCHOOL], mountings, [at_camera, nowhere], 500.0).keys() == {"school-3"}
    assert opened_by_incidents([SCHOOL], [school], [nowhere], 500.0) == {}
    assert opened_by_incidents([SCHOOL], [old], [at_camera], 500.0) == {}


places = st.tuples(st.floats(-180, 180), st.floats(-85, 85))


@given(places, places, st.floats(0, 20_000_000))
def test_near_is_the_same_from_both_sides_and_more_with_more(
    one: tuple[float, float], other: tuple[float, float], radius_m: float
) -> None:
    assert near(one, other, radius_m) == near(other, one, radius_m)
    assert not near(one, other, radius_m) or near(one, other, radius_m * 2)
    assert near(one, one, 0.0)
