"""Reports of devices: durable with their alert, word for word, and once, however often they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.casework import Alert
from catalog.errors import NotPermitted, UnknownCamera
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.known_reports import KnownReports
from catalog.response import DeviceReport
from catalog.writes import Report
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import BEGUN_AT, OFFICER, STORE, consent_to, register
from tests.catalog.test_answering import CHIEF, LINES, MAST, PANIC, READ, again, last_snapshot, step
from tests.conftest import Look


def report(alert: Alert, event_id: str = "e-1", envelope: str = '{"id": "e-1"}') -> DeviceReport:
    kind = "panic" if alert.kind == "panic" else "plate"
    return DeviceReport(alert.source, event_id, kind, BEGUN_AT, BEGUN_AT + timedelta(seconds=1), envelope, alert)


def test_a_report_is_kept_word_for_word_with_its_alert_and_once(keeper: Keeper, look: Look) -> None:
    first = keeper.report(MAST, report(PANIC))
    before = last_snapshot(look)
    other = replace(PANIC, alert_id="alr_9", raised_at=BEGUN_AT + timedelta(hours=9))
    assert keeper.report(MAST, report(other, envelope="{}")) == first == PANIC
    assert last_snapshot(look) == before
    assert look("select source, event_id, kind, alert_id, envelope from device_reports") == [
        ("button-12", "e-1", "panic", "alr_4", '{"id": "e-1"}')
    ]
    assert look(LINES) == [("mast-4", "report button-12 e-1", "alert=alr_4 kind=panic", "done")]
    closed = keeper.step_alert(CHIEF, step(PANIC, "close", outcome="resolved"))
    assert keeper.report(MAST, report(PANIC)) == closed


def test_a_report_is_known_to_the_next_keeper_and_after_its_memory_is_full(
    kept_home: Home, clock: Clock, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Report(MAST, report(PANIC))
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        first = keeper.submit(asked, "w", 1).result()
        assert keeper.submit(asked, "w", 1).result() == first
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        assert keeper.submit(asked, "w", 1).result() == first
        assert keeper.report(MAST, report(PANIC)) == first
        monkeypatch.setattr(keeper._committer._standing.reports, "_most", 2)
        for number in range(2, 6):
            button = replace(PANIC, alert_id=f"alr_4{number}", source=f"button-{number}")
            keeper.report(MAST, report(button, event_id=f"e-{number}"))
        assert not keeper._committer._standing.reports.complete
        assert keeper.report(MAST, report(PANIC)) == first
    assert look("select count(*)::int from device_reports") == [(5,)]
    assert look("select count(*)::int from alerts") == [(5,)]


def test_reports_beyond_the_memory_are_looked_up_and_new_ones_are_new() -> None:
    known = KnownReports(complete=True, most=2)
    for number in range(3):
        known.add(f"rep_{number}", f"alr_{number}")
    assert (known.alert_of("rep_0"), known.alert_of("rep_2"), known.complete) == (None, "alr_2", False)


def test_a_button_pressed_again_is_a_report_of_its_own_and_one_thing_to_answer(keeper: Keeper, look: Look) -> None:
    keeper.report(MAST, report(PANIC))
    pressed = again(PANIC, 1)
    second = keeper.report(MAST, report(pressed, event_id="e-2"))
    other = keeper.report(MAST, report(replace(PANIC, alert_id="alr_5", source="button-13"), event_id="e-2"))
    assert (second.alert_id, second.merged_into, second.outcome) == ("alr_4.1", "alr_4", "repeat")
    assert other.open
    assert keeper.report(MAST, report(pressed, event_id="e-2")) == second
    assert look("select alert_id from device_reports order by source, event_id") == [
        ("alr_4",), ("alr_4.1",), ("alr_5",),
    ]  # fmt: skip
    assert look(LINES)[1][2] == "alert=alr_4.1 kind=panic into=alr_4"


def test_a_panic_is_taken_whatever_camera_it_names_and_a_plate_only_from_an_open_one(
    keeper: Keeper, look: Look
) -> None:
    taken = keeper.report(MAST, report(replace(PANIC, camera_id="nowhere-9", detail="hall")))
    assert (taken.camera_id, taken.detail) == (None, "hall (its camera 'nowhere-9' is not in the registry)")
    with pytest.raises(UnknownCamera):
        keeper.report(MAST, report(READ))
    register(keeper, STORE)
    with pytest.raises(NotPermitted, match="store-3"):
        keeper.report(MAST, report(replace(READ, camera_id="store-3")))
    keeper.grant(OFFICER, consent_to(STORE, purposes=("response",)))
    keeper.report(MAST, report(replace(READ, camera_id="store-3")))
    assert look("select source, alert_id, camera_id from device_reports order by 1") == [
        ("button-12", "alr_4", None), ("mast-4", "alr_3", "store-3"),
    ]  # fmt: skip
    assert [outcome.partition(":")[0] for *_, outcome in look(LINES)] == ["done", "refused", "done"]


def test_a_report_of_an_alert_that_was_raised_already_adds_no_second_one(keeper: Keeper, look: Look) -> None:
    keeper.raise_alerts(MAST, [PANIC])
    assert keeper.report(MAST, report(replace(PANIC, detail="again"))) == PANIC
    assert look("select alert_id, detail from alerts") == [("alr_4", "")]
    assert look("select alert_id from device_reports") == [("alr_4",)]
