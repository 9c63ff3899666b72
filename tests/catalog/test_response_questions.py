"""What can be asked about the answer to alerts: a shift with known truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog.access import Access
from catalog.casework import Alert, AlertClosing
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.reader import Reader
from catalog.response import AlertStep, DeviceReport, ShiftNote
from tests.catalog.filled import Notebook
from tests.catalog.made_rows import BEGUN_AT, FARISH, register

DOE, ROE = Access("doe", "officer", "response"), Access("roe", "officer", "response")
CHIEF, LIVE = Access("chief", "supervisor", "response"), Access("live", "service", "response")
DWELL = Alert("alr_1", "rule", None, "farish-1", "P3", BEGUN_AT, BEGUN_AT, rule="zone_dwell")
OTHER = replace(DWELL, alert_id="alr_2", onset_at=BEGUN_AT + timedelta(hours=1))
REPEAT = replace(DWELL, alert_id="alr_3", onset_at=BEGUN_AT + timedelta(seconds=9))
READ = Alert(
    "alr_4", "plate", None, "farish-1", "P2", BEGUN_AT, BEGUN_AT, source="mast-4", plate_text="HND 4128",
    title="Plate hit",
)  # fmt: skip
PANIC = Alert("alr_5", "panic", None, None, "P3", BEGUN_AT, BEGUN_AT, source="button-12", place_kind="school")
DARK = replace(DWELL, alert_id="alr_6", kind="camera_health", rule="camera_dark")
NOTE = ShiftNote(
    "nte_1", BEGUN_AT + timedelta(hours=8), "doe", BEGUN_AT, BEGUN_AT + timedelta(hours=8), "gate stuck"
)


def after(seconds: float) -> datetime:
    return BEGUN_AT + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    home = Home.create(Path(tmp_path_factory.mktemp("answered")))
    clock = [BEGUN_AT]
    with Keeper(home, clock=lambda: clock[0], commit_every_s=0.0) as keeper:
        register(keeper, FARISH)
        keeper.raise_alerts(LIVE, [DWELL, REPEAT, OTHER, DARK])
        keeper.report(
            LIVE, DeviceReport("mast-4", "e-1", "plate", BEGUN_AT, after(1), '{"plate": "HND 4128"}', READ)
        )
        keeper.report(LIVE, DeviceReport("button-12", "e-1", "panic", BEGUN_AT, after(1), "{}", PANIC))
        steps: list[tuple[float, Access, AlertStep]] = [
            (10.5, DOE, AlertStep("alr_1", 2, "acknowledge")),
            (20, DOE, AlertStep("alr_1", 3, "assign")),
            (50, DOE, AlertStep("alr_1", 4, "on_scene", note="at the gate")),
            (90, DOE, AlertStep("alr_1", 5, "close", outcome="resolved")),
            (100, CHIEF, AlertStep("alr_2", 1, "close", outcome="false_alarm")),
            (110, ROE, AlertStep("alr_4", 1, "verify", plate_typed="HND 4129", vehicle_matches=True)),
            (120, ROE, AlertStep("alr_5", 1, "assign")),
        ]
        for seconds, access, step in steps:
            clock[0] = after(seconds)
            keeper.step_alert(access, step)
        clock[0] = after(130)
        keeper.close_alerts(LIVE, [AlertClosing("alr_6", after(130), "recovered")])
        keeper.write_note(DOE, NOTE)
    with Reader(home, DOE, Notebook(), clock=lambda: after(200), threads=1) as opened:  # type: ignore[arg-type]
        yield opened


def asked(reader: Reader, question: str, *columns: str, **given: object) -> list[tuple[Any, ...]]:
    rows = reader.ask(question, **given).to_pylist()
    return [tuple(row[column] for column in columns) for row in rows]


def test_an_alert_is_told_with_its_state_and_without_a_read_nobody_has_verified(reader: Reader) -> None:
    columns = ("state", "version", "repeats", "plate_text", "title", "outcome")
    assert asked(reader, "alert_by_id", *columns, alert_id="alr_1") == [("closed", 6, 1, None, "", "resolved")]
    assert asked(reader, "alert_by_id", *columns, alert_id="alr_4") == [
        ("acknowledged", 2, 0, None, "Plate hit", None)
    ]
    assert asked(reader, "alert_by_id", *columns, alert_id="alr_9") == []


def test_panic_from_a_school_is_the_most_pressing(reader: Reader) -> None:
    assert asked(reader, "open_alerts", "alert_id", "state", "camera_name") == [
        ("alr_5", "assigned", None), ("alr_4", "acknowledged", "Farish & Amite"),
    ]  # fmt: skip
    assert asked(reader, "alerts_between", "alert_id", "merged_into", rule="zone_dwell") == [
        ("alr_1", None), ("alr_2", None), ("alr_3", "alr_1"),
    ]  # fmt: skip


def test_the_log_says_every_step_in_order(reader: Reader) -> None:
    assert asked(reader, "alert_steps", "version", "kind", "actor", "note", alert_id="alr_1") == [
        (3, "acknowledge", "doe", ""), (4, "assign", "doe", ""), (5, "on_scene", "doe", "at the gate"),
        (6, "close", "doe", ""),
    ]  # fmt: skip
    assert asked(reader, "alert_steps", "alert_id", "title", start_at=after(105), end_at=after(121)) == [
        ("alr_4", "Plate hit"), ("alr_5", ""),
    ]  # fmt: skip
    assert asked(reader, "alert_steps", "alert_id", "plate_matches", actor="roe") == [
        ("alr_4", False),
        ("alr_5", None),
    ]


def test_response_times_are_seconds_from_raising_and_repeats_have_none(reader: Reader) -> None:
    columns = ("alert_id", "acknowledge_s", "assign_s", "on_scene_s", "close_s")
    assert asked(reader, "response_times", *columns, rule="zone_dwell") == [
        ("alr_1", 10.5, 20.0, 50.0, 90.0), ("alr_2", 100.0, None, None, 100.0),
    ]  # fmt: skip
    assert asked(reader, "response_times", *columns, start_at=after(1)) == []


def test_load_is_open_alerts_by_whoever_has_them(reader: Reader) -> None:
    assert asked(reader, "officer_load", "assigned_to", "open", "open_p1", "oldest_raised_at") == [
        ("roe", 1, 0, BEGUN_AT), (None, 1, 0, BEGUN_AT),
    ]  # fmt: skip


def test_a_scorecard_counts_outcomes_and_repeats_apart(reader: Reader) -> None:
    columns = ("rule", "alerts", "repeats", "open", "resolved", "false_alarm", "recovered", "other")
    assert asked(reader, "rule_scorecards", *columns, "acknowledge_median_s", kind="rule") == [
        ("zone_dwell", 2, 1, 0, 1, 1, 0, 0, 55.25)
    ]
    assert asked(reader, "rule_scorecards", *columns, "acknowledge_median_s", kind="camera_health") == [
        ("camera_dark", 1, 0, 0, 0, 0, 1, 0, None)
    ]


def test_what_a_device_said_is_found_by_its_own_name_for_it(reader: Reader) -> None:
    assert asked(reader, "device_report_by_event", "alert_id", "envelope", source="mast-4", event_id="e-1") == [
        ("alr_4", '{"plate": "HND 4128"}')
    ]
    assert asked(reader, "device_report_by_event", "alert_id", source="mast-4", event_id="e-2") == []
    assert asked(reader, "device_report_of_alert", "event_id", "envelope", alert_id="alr_4") == [
        ("e-1", '{"plate": "HND 4128"}')
    ]


def test_shift_notes_are_found_by_when_they_were_written(reader: Reader) -> None:
    assert asked(reader, "shift_notes", "actor", "text") == [("doe", "gate stuck")]
    assert asked(reader, "shift_notes", "text", end_at=NOTE.written_at) == []
