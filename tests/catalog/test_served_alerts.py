"""Alerts through the keeper's process: whoever waits for changes holds up nobody, and a kill loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.access import Access
from catalog.alert_board import AlertChanges
from catalog.casework import Alert
from catalog.client import KeeperClient, open_door
from catalog.errors import AlertConflict, KeeperUnavailable, NotPermitted
from catalog.home import Home
from catalog.lake import connect
from catalog.response import AlertStep, DeviceReport
from catalog.whereabouts import find
from tests.catalog.made_rows import BEGUN_AT, FARISH, OFFICER, register

WAITING = 24
"""Pages and services that wait at once; more than the threads of any pool of fixed size would be here."""

DOE = Access("doe", "officer", "response")
BUTTON = Access("button-12", "service", "response")
PANIC = Alert("alr_p", "panic", None, None, "P1", BEGUN_AT, BEGUN_AT, source="button-12", title="Panic: hall")


@pytest.fixture(scope="module")
def door(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeeperClient]:
    root = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(empty_home, root)
    with open_door(Home.open(root), wait_s=60) as client:
        register(client, FARISH)
        yield client
    where = find(client.home)
    if where is not None:
        os.kill(where.pid, signal.SIGTERM)


def waiting(
    door: KeeperClient, known: str
) -> tuple[list[AlertChanges | KeeperUnavailable], list[threading.Thread]]:
    """Return the answers that come in, and the threads that wait for them."""
    answers: list[AlertChanges | KeeperUnavailable] = []

    def ask() -> None:
        try:
            answers.append(door.alert_changes(known, 10.0, timeout_s=20.0))
        except KeeperUnavailable as error:
            answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(WAITING)]
    for thread in threads:
        thread.start()
    return answers, threads


def report(event_id: str, number: int = 0) -> DeviceReport:
    alert = replace(PANIC, alert_id=f"alr_{event_id}", onset_at=datetime.fromtimestamp(1_772_380_800 + number, UTC))
    return DeviceReport("button-12", event_id, "panic", BEGUN_AT, BEGUN_AT, "{}", alert)


def test_those_who_wait_for_changes_hold_up_nobody_and_are_told_at_once(door: KeeperClient) -> None:
    first = door.alert_changes()
    assert first.complete
    answers, threads = waiting(door, first.version)
    for _ in range(20):
        assert door.lease(OFFICER, ["farish-1"], timeout_s=8.0)[0].refusal is None
        assert door.roster(timeout_s=8.0) is not None
    assert answers == []
    door.report(BUTTON, report("e-1"))
    for thread in threads:
        thread.join(30)
    assert [answer.alerts for answer in answers if isinstance(answer, AlertChanges)] == [
        (report("e-1").alert,)
    ] * WAITING
    assert door.alert_changes(first.version, 10.0).alerts == (report("e-1").alert,)


def test_steps_conflicts_and_refusals_come_through_with_their_type(door: KeeperClient) -> None:
    taken = door.step_alert(DOE, AlertStep("alr_e-1", 1, "assign"))
    assert (taken.assigned_to, taken.version) == ("doe", 2)
    with pytest.raises(AlertConflict, match="assigned, doe has it"):
        door.step_alert(Access("roe", "officer", "response"), AlertStep("alr_e-1", 1, "assign"))
    with pytest.raises(NotPermitted, match="it may look"):
        door.step_alert(OFFICER, AlertStep("alr_e-1", 2, "release"))


def test_a_killed_keeper_loses_no_report_and_no_repeat_and_takes_none_twice(door: KeeperClient) -> None:
    before = door.alert_changes()
    for number in range(1, 5):
        door.report(BUTTON, report(f"r-{number}", number))
    os.kill(door.connect().pid, signal.SIGKILL)
    for number in range(1, 5):
        known = door.report(BUTTON, report(f"r-{number}", number))
        assert (known.alert_id, known.merged_into) == (f"alr_r-{number}", "alr_e-1")
    assert door.report(BUTTON, report("e-1")).version == 6
    with pytest.raises(KeeperUnavailable):
        door.alert_changes(before.version)  # its connection was the killed one's
    after = door.alert_changes(before.version)
    assert after.complete
    assert [(alert.alert_id, alert.version, alert.repeats) for alert in after.alerts] == [("alr_e-1", 6, 4)]
    with connect(door.home, read_only=True) as lake:
        assert lake.execute("select count(*) from lake.alerts").fetchone() == (5,)
        assert lake.execute("select count(*), count(distinct report_id) from lake.device_reports").fetchone() == (
            5,
            5,
        )


def test_a_keeper_that_is_told_to_leave_lets_those_go_who_wait(door: KeeperClient) -> None:
    known = door.alert_changes()
    answers, threads = waiting(door, known.version)
    where = door.connect()
    os.kill(where.pid, signal.SIGTERM)
    for thread in threads:
        thread.join(9)  # less than they would have waited by themselves
    assert not any(thread.is_alive() for thread in threads)
    assert len(answers) == WAITING
    assert not [answer for answer in answers if isinstance(answer, AlertChanges) and answer.alerts]
