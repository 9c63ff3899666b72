"""Alerts answered through the write door: steps, repeats and notes, durable and in the audit."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from catalog import committer
from catalog.access import Access
from catalog.casework import EVIDENCE_AFTER, Alert, AlertClosing
from catalog.committer import Committer
from catalog.errors import AlertConflict, BadInput, NotFound, NotPermitted, RtccError
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.lake import connect
from catalog.pending import Pending
from catalog.response import AlertStep, ShiftNote, StepKind
from catalog.spans import Span
from catalog.writes import Append, DeleteFootage, RaiseAlerts, StepAlert
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import (
    BEGUN_AT,
    FARISH,
    OFFICER,
    begin,
    register,
    rows_of,
    segment_of,
)
from tests.catalog.test_alerts import stating
from tests.conftest import Look

DOE, ROE = Access("doe", "officer", "response"), Access("roe", "officer", "response")
CHIEF, MAST = Access("chief", "supervisor", "response"), Access("mast-4", "service", "response")
DWELL = Alert("alr_1", "rule", "evt_1", "farish-1", "P3", BEGUN_AT, BEGUN_AT, rule="zone_dwell")
CROSSING = replace(DWELL, alert_id="alr_2", event_id=None, rule="line_cross")
READ = Alert(
    "alr_3", "plate", None, "farish-1", "P2", BEGUN_AT, BEGUN_AT, source="mast-4", confidence=0.9,
    plate_text="HND 4128", vehicle="white pickup",
)  # fmt: skip
PANIC = Alert("alr_4", "panic", None, None, "P1", BEGUN_AT, BEGUN_AT, source="button-12", place_kind="school")
STEPS = "select alert_id, version, kind, actor, plate_matches, vehicle_matches from alert_steps order by 1, 2"
LINES = "select actor, question, parameters, outcome from audit where action = 'alert' order by line"
ROWS = "select alert_id, version, repeats, merged_into, outcome from alerts order by 1"


def step(alert: Alert, kind: StepKind, **more: object) -> AlertStep:
    return AlertStep(alert.alert_id, alert.version, kind, **more)  # type: ignore[arg-type]


def again(alert: Alert, number: int) -> Alert:
    """Return the same thing once more, some seconds later."""
    return replace(
        alert, alert_id=f"{alert.alert_id}.{number}", event_id=None,
        onset_at=alert.onset_at + timedelta(seconds=10 * number),
    )  # fmt: skip


def last_snapshot(look: Look) -> object:
    return look("select max(snapshot_id) from lake.snapshots()")[0][0]


def test_each_step_is_a_row_and_a_line_and_the_alert_as_it_is_now(keeper: Keeper, clock: Clock, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [DWELL])
    alert = keeper.step_alert(DOE, step(DWELL, "acknowledge"))
    clock.turn(seconds=20)
    alert = keeper.step_alert(DOE, step(alert, "assign", note="on my way"))
    alert = keeper.step_alert(CHIEF, step(alert, "close", outcome="resolved"))
    assert (alert.state, alert.version, alert.assigned_to, alert.outcome) == ("closed", 4, "doe", "resolved")
    assert look("select version, acknowledged_by, assigned_to, outcome from alerts") == [
        (4, "doe", "doe", "resolved")
    ]
    assert look(
        "select kind, actor, role, assignee, outcome, note, camera_id from alert_steps order by version"
    ) == [
        ("acknowledge", "doe", "officer", None, None, "", "farish-1"),
        ("assign", "doe", "officer", "doe", None, "on my way", "farish-1"),
        ("close", "chief", "supervisor", None, "resolved", "", "farish-1"),
    ]
    assert look(LINES)[1:] == [
        ("doe", "acknowledge alr_1", "version=2", "done"),
        ("doe", "assign alr_1", "version=3 assignee=doe", "done"),
        ("chief", "close alr_1", "version=4 outcome=resolved", "done"),
    ]


def test_a_conflict_writes_nothing_and_a_refusal_its_line(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [DWELL, READ])
    keeper.step_alert(DOE, step(DWELL, "assign"))
    before = last_snapshot(look)
    with pytest.raises(AlertConflict, match="doe has it"):
        keeper.step_alert(ROE, step(DWELL, "assign"))
    with pytest.raises(BadInput):
        keeper.step_alert(CHIEF, step(READ, "close"))
    with pytest.raises(NotFound, match="alr_9"):
        keeper.step_alert(DOE, AlertStep("alr_9", 1, "acknowledge"))
    assert last_snapshot(look) == before
    with pytest.raises(NotPermitted, match="it may look"):
        keeper.step_alert(OFFICER, step(DWELL, "note", note="x"))
    with pytest.raises(NotPermitted, match="type it from the picture"):
        keeper.step_alert(CHIEF, step(READ, "assign"))
    assert [(actor, question) for actor, question, _, outcome in look(LINES) if outcome.startswith("refused")] == [
        ("doe", "note alr_1"), ("chief", "assign alr_3"),
    ]  # fmt: skip
    assert len(look(STEPS)) == 1


def test_of_many_who_take_an_alert_at_once_one_gets_it(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [DWELL])
    got: list[str] = []

    def take(actor: str) -> None:
        try:
            keeper.step_alert(Access(actor, "officer", "response"), step(DWELL, "assign"))
        except AlertConflict:
            return
        got.append(actor)

    threads = [threading.Thread(target=take, args=(f"officer-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert look("select assigned_to from alerts") == [(got[0],)]


def test_a_mistyped_plate_is_kept_and_leaves_it_unverified(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [READ])
    wrong = keeper.step_alert(DOE, step(READ, "verify", plate_typed="HND 4129", vehicle_matches=True))
    assert (wrong.verified_at, wrong.version) == (None, 2)
    right = keeper.step_alert(ROE, step(wrong, "verify", plate_typed="hnd-4128", vehicle_matches=True))
    assert keeper.step_alert(ROE, step(right, "assign")).state == "assigned"
    assert look(STEPS) == [
        ("alr_3", 2, "verify", "doe", False, True), ("alr_3", 3, "verify", "roe", True, True),
        ("alr_3", 4, "assign", "roe", None, None),
    ]  # fmt: skip
    assert look("select plate_typed, verified_by from alerts") == [("hnd-4128", "roe")]
    said = " ".join(" ".join(line) for line in look(LINES))
    assert "plate_matches=False vehicle_matches=True" in said
    assert "412" not in said


def test_a_step_asked_for_again_is_taken_once(kept_home: Home, clock: Clock, look: Look) -> None:
    asked = StepAlert(DOE, step(DWELL, "acknowledge"))
    refused = StepAlert(OFFICER, step(DWELL, "acknowledge"))
    with Keeper(kept_home, clock=clock) as keeper:
        register(keeper, FARISH)
        keeper.raise_alerts(MAST, [DWELL])
        first = keeper.submit(asked, "w", 1).result()
        assert keeper.submit(asked, "w", 1).result() == first
        with pytest.raises(NotPermitted):
            keeper.submit(refused, "v", 1).result()
    with Keeper(kept_home, clock=clock) as keeper:
        with pytest.raises(NotPermitted):
            keeper.submit(refused, "v", 1).result()
        keeper.step_alert(DOE, step(first, "close", outcome="no_action"))
        assert keeper.submit(asked, "w", 1).result().state == "closed"
    assert [kind for _, _, kind, *_ in look(STEPS)] == ["acknowledge", "close"]


def test_what_the_system_closes_is_a_step_too(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [DWELL])
    keeper.close_alerts(MAST, [AlertClosing("alr_1", BEGUN_AT, "recovered")])
    assert look("select version, kind, actor, role, outcome from alert_steps") == [
        (2, "close", "mast-4", "service", "recovered")
    ]
    with pytest.raises(AlertConflict, match="closed as recovered"):
        keeper.step_alert(DOE, step(replace(DWELL, version=2), "acknowledge"))


def test_an_alert_that_becomes_firm_is_another_version(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.raise_alerts(MAST, [DWELL])
    keeper.append(OFFICER, stating(run.run_id, 0))
    with pytest.raises(AlertConflict, match="version 2, you saw 1"):
        keeper.step_alert(DOE, step(DWELL, "assign"))
    keeper.step_alert(DOE, step(replace(DWELL, version=2), "assign"))
    assert look("select version, firm_at is not null, assigned_to from alerts") == [(3, True, "doe")]


def test_a_merged_alert_counts_on_the_one_that_goes_on(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [DWELL, again(DWELL, 1), again(DWELL, 2), CROSSING, READ])
    dwell = replace(DWELL, version=3)
    with pytest.raises(NotFound, match="no such alert"):
        keeper.step_alert(DOE, step(dwell, "merge", into="alr_9"))
    with pytest.raises(BadInput, match="less urgent"):
        keeper.step_alert(DOE, step(READ, "merge", into="alr_2"))
    merged = keeper.step_alert(DOE, step(dwell, "merge", into="alr_2"))
    assert (merged.state, merged.merged_into, merged.version) == ("closed", "alr_2", 4)
    assert look(ROWS) == [
        ("alr_1", 4, 2, "alr_2", "repeat"), ("alr_1.1", 2, 0, "alr_1", "repeat"),
        ("alr_1.2", 2, 0, "alr_1", "repeat"), ("alr_2", 2, 3, None, None), ("alr_3", 1, 0, None, None),
    ]  # fmt: skip
    assert look("select last_onset_at from alerts where alert_id = 'alr_2'") == [(again(DWELL, 2).onset_at,)]
    with pytest.raises(AlertConflict, match="folded into alr_2"):
        keeper.step_alert(DOE, step(READ, "merge", into="alr_1"))


def test_repeats_are_rows_of_their_own_and_the_audit_says_how_many(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.raise_alerts(MAST, [DWELL])
    keeper.raise_alerts(MAST, [again(DWELL, 1), again(DWELL, 2), CROSSING])
    assert look(ROWS) == [
        ("alr_1", 3, 2, None, None), ("alr_1.1", 2, 0, "alr_1", "repeat"), ("alr_1.2", 2, 0, "alr_1", "repeat"),
        ("alr_2", 1, 0, None, None),
    ]  # fmt: skip
    assert [parameters for _, _, parameters, _ in look(LINES)] == [
        "alerts=alr_1",
        "alerts=alr_1.1,alr_1.2,alr_2 repeats=2",
    ]
    keeper.step_alert(CHIEF, step(replace(DWELL, version=3), "close", outcome="resolved"))
    keeper.raise_alerts(MAST, [again(DWELL, 3)])
    assert look("select merged_into, closed_at from alerts where alert_id = 'alr_1.3'") == [(None, None)]


def test_the_rows_of_alerts_with_repeats_follow_now_and_then_and_the_answers_at_once(
    kept_home: Home, clock: Clock, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "LEADERS_EVERY_S", 3600.0)
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        register(keeper, FARISH)
        for number in range(4):
            keeper.raise_alerts(MAST, [again(DWELL, number)])
        assert look("select version, repeats from alerts where alert_id = 'alr_1.0'") == [(2, 1)]
        (now,) = keeper.alert_changes().alerts
        assert (now.version, now.repeats, now.last_onset_at) == (4, 3, again(DWELL, 3).onset_at)
        version = keeper.alert_changes().version
        keeper._committer.bring_up_leaders()
        assert look("select version, repeats from alerts where alert_id = 'alr_1.0'") == [(4, 3)]
        assert keeper.alert_changes(version).alerts == ()
        keeper.raise_alerts(MAST, [again(DWELL, 4)])
        with pytest.raises(AlertConflict, match="version 5, you saw 4"):
            keeper.step_alert(DOE, step(now, "acknowledge"))
        assert look("select version, repeats from alerts where alert_id = 'alr_1.0'") == [(4, 3)]
    assert look("select version, repeats from alerts where alert_id = 'alr_1.0'") == [(5, 4)]


@pytest.mark.parametrize("stepped_on", [False, True], ids=["untouched", "stepped on"])
def test_repeats_that_a_killed_keeper_only_counted_are_counted_again(
    kept_home: Home, clock: Clock, look: Look, monkeypatch: pytest.MonkeyPatch, stepped_on: bool
) -> None:
    monkeypatch.setattr(committer, "LEADERS_EVERY_S", 3600.0)
    with monkeypatch.context() as killed, Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        killed.setattr(Committer, "bring_up_leaders", lambda self: None)
        register(keeper, FARISH)
        keeper.raise_alerts(MAST, [DWELL, CROSSING])
        if stepped_on:
            merged = keeper.step_alert(DOE, step(CROSSING, "merge", into="alr_1"))
            assert merged.state == "closed"
        for number in range(1, 5):
            keeper.raise_alerts(MAST, [again(DWELL, number)])
        before = {alert.alert_id: alert for alert in keeper.alert_changes().alerts}
        keeper.close()
        assert look("select repeats from alerts where alert_id = 'alr_1'") != [(before["alr_1"].repeats,)]
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        assert {alert.alert_id: alert for alert in keeper.alert_changes().alerts} == before
        keeper.raise_alerts(MAST, [again(DWELL, 9)])
    assert look("select version, repeats from alerts where alert_id = 'alr_1'") == [
        (before["alr_1"].version + 1, before["alr_1"].repeats + 1)
    ]


def test_footage_is_kept_until_the_last_repeat_has_been_answered(keeper: Keeper, clock: Clock) -> None:
    register(keeper, FARISH)
    minutes = [segment_of("farish-1", number) for number in range(0, 16, 5)]
    keeper.add_footage(MAST, minutes, [])
    keeper.raise_alerts(MAST, [DWELL])
    keeper.raise_alerts(MAST, [replace(again(DWELL, 1), onset_at=BEGUN_AT + timedelta(minutes=5))])
    (leader,) = keeper.alert_changes().alerts
    assert leader.evidence == Span(
        BEGUN_AT - timedelta(seconds=60), BEGUN_AT + timedelta(minutes=5) + EVIDENCE_AFTER
    )
    ids = [segment.segment_id for segment in minutes]
    assert keeper.delete_footage(MAST, ids, "retention 1 d") == (ids[2], ids[3])
    keeper.step_alert(CHIEF, step(leader, "close", outcome="resolved"))
    assert keeper.delete_footage(MAST, ids, "retention 1 d") == tuple(ids)


def test_a_note_for_the_next_shift_is_kept_once_and_in_the_writers_name(keeper: Keeper, look: Look) -> None:
    note = ShiftNote(
        ShiftNote.identify("doe", BEGUN_AT, "gate stuck"), BEGUN_AT, "doe", BEGUN_AT - timedelta(hours=8), BEGUN_AT,
        "gate stuck",
    )  # fmt: skip
    keeper.write_note(DOE, note)
    before = last_snapshot(look)
    keeper.write_note(DOE, note)
    assert last_snapshot(look) == before
    with pytest.raises(NotPermitted, match="in the name of doe"):
        keeper.write_note(ROE, replace(note, note_id="nte_2"))
    with pytest.raises(NotPermitted, match="may not write one"):
        keeper.write_note(OFFICER, note)
    assert look("select note_id, actor, text from shift_notes") == [(note.note_id, "doe", "gate stuck")]
    assert look("select actor, outcome like 'refused%' from audit where action = 'note' order by line") == [
        ("doe", False), ("roe", True), ("doe", True),
    ]  # fmt: skip


def test_alerts_from_before_answers_were_kept_can_be_answered(kept_home: Home, clock: Clock, look: Look) -> None:
    with connect(kept_home, read_only=False) as lake:
        lake.execute(
            "insert into lake.alerts (alert_id, kind, rule, camera_id, priority, raised_at) values "
            "('alr_1', 'rule', 'zone_dwell', 'farish-1', 'P3', '2026-03-01T16:00:00Z')"
        )
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        register(keeper, FARISH)
        assert keeper.alert_changes().alerts == (replace(DWELL, event_id=None),)
        keeper.raise_alerts(MAST, [again(DWELL, 1)])
        keeper.step_alert(DOE, AlertStep("alr_1", 2, "acknowledge"))
    assert look("select version, repeats, acknowledged_by from alerts where alert_id = 'alr_1'") == [(3, 1, "doe")]


def test_what_changes_is_told_as_soon_as_it_is_durable(keeper: Keeper) -> None:
    run = begin(keeper)
    first = keeper.alert_changes()
    assert (first.complete, first.alerts) == (True, ())
    told: list[object] = []
    waiting = threading.Thread(target=lambda: told.append(keeper.alert_changes(first.version, 10.0)))
    waiting.start()
    keeper.raise_alerts(MAST, [DWELL])
    waiting.join(10)
    assert [getattr(answer, "alerts", None) for answer in told] == [(DWELL,)]
    second = keeper.alert_changes(first.version)
    keeper.append(OFFICER, stating(run.run_id, 0))
    third = keeper.alert_changes(second.version)
    assert [(alert.version, alert.provisional) for alert in third.alerts] == [(2, False)]
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
    assert keeper.alert_changes(third.version).alerts == ()
    roster = keeper.roster()
    assert roster is not None
    keeper.step_alert(DOE, step(third.alerts[0], "acknowledge"))
    answered = keeper.roster(roster.version)
    assert answered is not None
    assert [alert.acknowledged_by for alert in answered.alerts] == ["doe"]


@pytest.mark.parametrize("error", [AlertConflict], ids=str)
def test_a_conflict_has_an_exit_code_of_its_own(error: type[RtccError]) -> None:
    assert error.exit_code == 12


def test_of_alerts_raised_at_once_none_is_lost_and_every_repeat_counts(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    asked = [
        Append.of(OFFICER, rows_of(run.run_id, "farish-1", 0)),
        RaiseAlerts(MAST, (DWELL,)),
        RaiseAlerts(MAST, (CROSSING, DWELL)),
        RaiseAlerts(MAST, (CROSSING, READ)),
        RaiseAlerts(MAST, (again(READ, 1), again(DWELL, 1))),
        DeleteFootage(MAST, ("seg_1",), "retention 1 d"),
        StepAlert(CHIEF, step(replace(DWELL, version=2), "acknowledge")),
    ]
    group = [Pending(request) for request in asked]
    keeper._committer.keep(group)  # in the test's thread: nothing else is asked meanwhile
    answers = [pending.promise.result() for pending in group]
    assert answers[-1].acknowledged_by == "chief"
    assert look(ROWS) == [
        ("alr_1", 3, 1, None, None), ("alr_1.1", 2, 0, "alr_1", "repeat"), ("alr_2", 1, 0, None, None),
        ("alr_3", 2, 1, None, None), ("alr_3.1", 2, 0, "alr_3", "repeat"),
    ]  # fmt: skip
    assert [parameters for _, question, parameters, _ in look(LINES) if question == "raise"] == [
        "alerts=alr_1", "alerts=alr_2", "alerts=alr_3", "alerts=alr_3.1,alr_1.1 repeats=2",
    ]  # fmt: skip


def test_different_alerts_of_several_who_raise_at_once_are_one_commit(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    group = [
        Pending(RaiseAlerts(MAST, (replace(DWELL, alert_id=f"alr_{number}", rule=f"rule_{number}"),)))
        for number in range(5)
    ]
    keeper._committer.keep(group)
    assert len({pending.promise.result() for pending in group}) == 1
    assert len([line for line in look(LINES) if line[1] == "raise"]) == 5


def test_what_is_deleted_after_a_raise_in_the_same_group_is_judged_by_it(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    keeper.add_footage(MAST, [segment_of("farish-1", 0)], [])
    group = [
        Pending(RaiseAlerts(MAST, (DWELL,))), Pending(RaiseAlerts(MAST, (CROSSING,))),
        Pending(DeleteFootage(MAST, ("seg_farish-1_0",), "retention 1 d")),
    ]  # fmt: skip
    keeper._committer.keep(group)
    assert group[2].promise.result() == ()
    assert look("select count(*)::int from segments") == [(1,)]
