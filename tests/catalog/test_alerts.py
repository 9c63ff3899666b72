"""Alerts through the write door: raised once, firm when their event is a row, closed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.casework import Alert, AlertClosing
from catalog.errors import BadInput, NotFound, NotPermitted, UnknownCamera
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.observations import Event, SegmentRows
from catalog.rows import events_table
from catalog.spans import Span
from catalog.writes import Append, RaiseAlerts
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import BEGUN_AT, FARISH, OFFICER, STORE, begin, consent_to, register, rows_of, span_of
from tests.conftest import Look

DWELL = Alert(
    "alr_1", "rule", "evt_1", "farish-1", "P2", BEGUN_AT + timedelta(seconds=40), BEGUN_AT + timedelta(seconds=30),
    rule="zone_dwell", detail="a person stays at the dock",
)  # fmt: skip
CROSSING = replace(DWELL, alert_id="alr_3", event_id="evt_3", rule="line_cross")
DARK = Alert(
    "alr_2", "camera_health", None, "farish-1", "P3", BEGUN_AT + timedelta(seconds=50),
    BEGUN_AT + timedelta(seconds=45), rule="camera_dark",
)  # fmt: skip
ENDED = AlertClosing("alr_1", BEGUN_AT + timedelta(seconds=90), "false alarm")
STATE = "select alert_id, firm_at is not null, closed_at is not null, outcome from alerts order by alert_id"
LINES = "select question, parameters, row_count from audit where action = 'alert' order by line"


def stating(run_id: str, number: int, event_ids: Sequence[str] = ("evt_1",)) -> SegmentRows:
    """Return rows of a minute at whose end these events are stated."""
    rows = rows_of(run_id, "farish-1", number)
    end_at = span_of(number).end_at
    assert end_at is not None
    events = [
        Event(
            event_id, run_id, rows.segment_id, "farish-1", "mnt_farish-1", "zone_dwell", None, ("trk_0",),
            Span(DWELL.onset_at), end_at,
        )
        for event_id in event_ids
    ]  # fmt: skip
    return replace(rows, event_states=events_table(events))


def test_an_alert_raised_twice_is_one(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(OFFICER, [DWELL, DARK])
    snapshot_id = look("select max(snapshot_id) from lake.snapshots()")[0][0]
    assert keeper.raise_alerts(OFFICER, [replace(DWELL, detail="again"), DARK]) == snapshot_id
    assert keeper.raise_alerts(OFFICER, []) == snapshot_id
    keeper.raise_alerts(
        OFFICER, [DWELL, replace(DWELL, alert_id="alr_3"), replace(DWELL, alert_id="alr_3", priority="P1")]
    )
    assert look("select alert_id, priority, detail from alerts order by 1") == [
        ("alr_1", "P2", DWELL.detail), ("alr_2", "P3", ""), ("alr_3", "P2", DWELL.detail),
    ]  # fmt: skip
    assert look(LINES) == [("raise", "alerts=alr_1,alr_2", 2), ("raise", "alerts=alr_3 repeats=1", 1)]


def test_an_alert_is_firm_once_its_event_is_a_row(keeper: Keeper, clock: Clock, look: Look) -> None:
    run = begin(keeper)
    keeper.raise_alerts(OFFICER, [DWELL, DARK])
    keeper.append(OFFICER, stating(run.run_id, 0, ["evt_other"]))
    assert look(STATE) == [("alr_1", False, False, None), ("alr_2", False, False, None)]
    clock.turn(seconds=7)
    keeper.append(OFFICER, stating(run.run_id, 1))
    assert look("select alert_id, firm_at from alerts order by 1") == [("alr_1", clock.now), ("alr_2", None)]
    firm_at = clock.now
    clock.turn(seconds=60)
    keeper.append(OFFICER, stating(run.run_id, 2))
    assert look("select firm_at from alerts where alert_id = 'alr_1'") == [(firm_at,)]
    assert look("select count(*)::int from alerts") == [(2,)]


def test_an_alert_about_an_event_that_is_a_row_already_is_firm_from_the_start(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, stating(run.run_id, 0))
    keeper.raise_alerts(OFFICER, [DWELL, CROSSING])
    assert look(STATE) == [("alr_1", True, False, None), ("alr_3", False, False, None)]


def test_an_append_and_the_alert_after_it_may_wait_together(kept_home: Home, clock: Clock, look: Look) -> None:
    with Keeper(kept_home, clock=clock, commit_every_s=0.5) as keeper:
        run = begin(keeper)
        promises = [
            keeper.submit(Append.of(OFFICER, stating(run.run_id, 0))),
            keeper.submit(Append.of(OFFICER, stating(run.run_id, 1))),
            keeper.submit(RaiseAlerts(OFFICER, (DWELL, CROSSING))),
            keeper.submit(Append.of(OFFICER, stating(run.run_id, 2, ["evt_3"]))),
        ]
        for promise in promises:
            promise.result()
    assert look(STATE) == [("alr_1", True, False, None), ("alr_3", True, False, None)]


def test_what_is_open_or_provisional_is_remembered_by_the_next_keeper(
    kept_home: Home, clock: Clock, look: Look
) -> None:
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        run = begin(keeper)
        keeper.append(OFFICER, stating(run.run_id, 0))
        firm = replace(DWELL, alert_id="alr_0", rule="line_cross")
        keeper.raise_alerts(OFFICER, [firm, replace(DWELL, event_id="evt_2"), DARK])
        keeper.close_alerts(OFFICER, [ENDED, replace(ENDED, alert_id="alr_0")])
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        assert set(keeper._committer._standing.alerts) == {"alr_1", "alr_2"}
        keeper.raise_alerts(OFFICER, [firm])
        keeper.append(OFFICER, stating(run.run_id, 1, ["evt_2"]))
        assert set(keeper._committer._standing.alerts) == {"alr_2"}
        assert keeper._committer._standing.alerts.provisional == {}
    assert look(STATE) == [
        ("alr_0", True, True, "false alarm"), ("alr_1", True, True, "false alarm"), ("alr_2", False, False, None),
    ]  # fmt: skip


def test_an_alert_closed_twice_keeps_its_first_outcome(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(OFFICER, [DWELL, DARK])
    keeper.close_alerts(OFFICER, [ENDED])
    keeper.close_alerts(
        OFFICER, [replace(ENDED, outcome="arrest"), AlertClosing("alr_2", ENDED.closed_at, "recovered")]
    )
    assert look("select alert_id, closed_at, outcome from alerts order by 1") == [
        ("alr_1", ENDED.closed_at, "false alarm"), ("alr_2", ENDED.closed_at, "recovered"),
    ]  # fmt: skip
    before = look(LINES)
    keeper.close_alerts(OFFICER, [ENDED])
    assert look(LINES) == before
    with pytest.raises(NotFound, match="alr_9"):
        keeper.close_alerts(OFFICER, [replace(ENDED, alert_id="alr_9")])


def test_what_a_closed_camera_saw_raises_no_alert_but_its_health_does(keeper: Keeper, look: Look) -> None:
    register(keeper, STORE)
    seen, dark = replace(DWELL, camera_id="store-3"), replace(DARK, camera_id="store-3")
    with pytest.raises(NotPermitted, match="store-3"):
        keeper.raise_alerts(OFFICER, [seen, dark])
    keeper.raise_alerts(OFFICER, [dark])
    keeper.grant(OFFICER, consent_to(STORE, live=True))
    keeper.raise_alerts(OFFICER, [seen])
    assert look("select alert_id from alerts order by 1") == [("alr_1",), ("alr_2",)]
    assert look("select outcome like 'refused:%' from audit where action = 'alert' order by line") == [
        (True,), (False,), (False,),
    ]  # fmt: skip


def test_an_alert_of_an_unknown_camera_is_refused_and_one_of_none_is_not(keeper: Keeper, look: Look) -> None:
    with pytest.raises(UnknownCamera):
        keeper.raise_alerts(OFFICER, [DWELL])
    keeper.raise_alerts(OFFICER, [Alert("alr_5", "panic", None, None, "P1", BEGUN_AT, BEGUN_AT)])
    assert look("select alert_id, kind from alerts") == [("alr_5", "panic")]


@pytest.mark.parametrize("change", [{"kind": "noise"}, {"priority": "P0"}], ids=str)
def test_an_alert_of_another_kind_or_priority_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="use one of"):
        replace(DWELL, **change)  # type: ignore[arg-type]
