"""How an alert is answered: laws that hold whatever steps are taken, and what each step needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from catalog.access import Access, Role
from catalog.casework import Alert, AlertKind, Priority
from catalog.errors import AlertConflict, BadInput, NotPermitted, RtccError
from catalog.response import (
    KINDS,
    LONGEST_NOTE,
    LONGEST_SNOOZE,
    OUTCOMES,
    AlertStep,
    DeviceReport,
    ShiftNote,
    StepKind,
    TakenStep,
    allowed_steps,
    stepped,
)
from tests.catalog.made_rows import BEGUN_AT

NOW = BEGUN_AT + timedelta(minutes=3)
PLATE = "HND 41-28"
DOE, ROE = Access("doe", "officer", "response"), Access("roe", "officer", "response")
CHIEF, GATEWAY = Access("chief", "supervisor", "response"), Access("gateway", "service", "response")
DWELL = Alert("alr_1", "rule", "evt_1", "farish-1", "P3", BEGUN_AT, BEGUN_AT, rule="zone_dwell")
READ = Alert(
    "alr_2", "plate", None, "farish-1", "P2", BEGUN_AT, BEGUN_AT, source="mast-4", confidence=0.91,
    plate_text=PLATE, vehicle="white pickup",
)  # fmt: skip
PANIC = Alert("alr_3", "panic", None, None, "P1", BEGUN_AT, BEGUN_AT, source="button-12", place_kind="school")

accesses = st.one_of(
    st.sampled_from([DOE, ROE, CHIEF, GATEWAY]),
    st.builds(Access, st.just("ann"), st.sampled_from(get_args(Role)), st.just("response")),
)
alerts = st.sampled_from([DWELL, READ, PANIC, replace(READ, plate_text=None), replace(DWELL, kind="person")])
typings = st.sampled_from([None, "", PLATE, "hnd4128", "HND 41-29", "-"])
steps = st.builds(
    AlertStep, alert_id=st.just("?"), version=st.just(1), kind=st.sampled_from(KINDS),
    assignee=st.sampled_from([None, "doe", "roe", "chief", " "]),
    outcome=st.sampled_from([None, *OUTCOMES, "repeat", "whatever"]), note=st.sampled_from(["", "called back"]),
    until=st.sampled_from([None, NOW, NOW + timedelta(hours=1), NOW + timedelta(days=1)]), plate_typed=typings,
    vehicle_matches=st.sampled_from([None, True, False]), into=st.sampled_from([None, "alr_1", "alr_9"]),
)  # fmt: skip
walks = st.lists(st.tuples(steps, accesses), max_size=25)


def step(alert: Alert, kind: StepKind, **more: object) -> AlertStep:
    return AlertStep(alert.alert_id, alert.version, kind, **more)  # type: ignore[arg-type]


def walk(alert: Alert, taken: list[tuple[AlertStep, Access]]) -> list[Alert]:
    """Return the alert after each step that was allowed, every step taken on what the one before left."""
    found = [alert]
    for number, (one, access) in enumerate(taken):
        now = NOW + timedelta(seconds=number)
        one = replace(one, alert_id=alert.alert_id, version=found[-1].version)  # noqa: PLW2901
        try:
            found.append(stepped(found[-1], one, access, now))
        except (AlertConflict, BadInput, NotPermitted):
            continue
    return found


@given(alerts, walks, steps, accesses, steps, accesses)
def test_of_two_steps_that_saw_the_same_version_only_the_first_succeeds(
    alert: Alert, before: list[tuple[AlertStep, Access]], one: AlertStep, by: Access, other: AlertStep, too: Access
) -> None:
    seen = walk(alert, before)[-1]
    one, other = (replace(each, alert_id=seen.alert_id, version=seen.version) for each in (one, other))
    try:
        after = stepped(seen, one, by, NOW)
    except RtccError:
        assume(False)
        return
    with pytest.raises((AlertConflict, NotPermitted)):
        stepped(after, other, too, NOW)


@given(alerts, walks, steps, accesses, st.sampled_from(["close", "merge"]))
def test_a_closed_alert_never_changes(
    alert: Alert, before: list[tuple[AlertStep, Access]], one: AlertStep, by: Access, ending: StepKind
) -> None:
    last = walk(alert, before)[-1]
    if last.open:
        last = stepped(last, step(last, ending, outcome="resolved", into="alr_9"), CHIEF, NOW)
    with pytest.raises((AlertConflict, NotPermitted)):
        stepped(last, replace(one, alert_id=last.alert_id, version=last.version), by, NOW)


@given(alerts, walks)
def test_nobody_is_sent_after_a_plate_that_no_person_has_read(
    alert: Alert, taken: list[tuple[AlertStep, Access]]
) -> None:
    for one in walk(alert, taken):
        if one.kind == "plate" and one.verified_at is None:
            assert one.assigned_to is None
            assert one.on_scene_at is None
            assert one.state in ("raised", "acknowledged", "closed")


@given(alerts, walks)
def test_every_change_adds_one_to_the_version_and_changes_nothing_of_what_was_raised(
    alert: Alert, taken: list[tuple[AlertStep, Access]]
) -> None:
    found = walk(alert, taken)
    assert [one.version for one in found] == list(range(1, len(found) + 1))
    fixed = (
        "alert_id",
        "kind",
        "camera_id",
        "priority",
        "raised_at",
        "onset_at",
        "plate_text",
        "source",
        "repeats",
    )
    for name in fixed:
        assert {getattr(one, name) for one in found} == {getattr(alert, name)}


@given(alerts, walks)
def test_who_acts_on_an_alert_has_taken_notice_of_it_and_only_people_do(
    alert: Alert, taken: list[tuple[AlertStep, Access]]
) -> None:
    for one in walk(alert, taken):
        if one.state in ("assigned", "on_scene") or one.verified_at or (not one.open and not one.merged_into):
            assert one.acknowledged_at is not None
        assert one.acknowledged_by != GATEWAY.actor


@given(alerts, walks, steps, accesses)
def test_no_refusal_tells_the_read(
    alert: Alert, before: list[tuple[AlertStep, Access]], one: AlertStep, by: Access
) -> None:
    seen = walk(alert, before)[-1]
    said = ""
    try:
        stepped(seen, replace(one, alert_id=seen.alert_id, plate_typed="ABC 123", version=seen.version), by, NOW)
    except RtccError as error:
        said = str(error)
    assert "4128" not in said.replace(" ", "").replace("-", "")


@given(st.lists(st.sampled_from([" ", "-", "–", "·", "."])), st.booleans(), st.integers(0, 6))
def test_a_plate_is_the_same_however_it_is_spaced(between: list[str], small: bool, place: int) -> None:
    letters = "HND4128"
    typed = letters[:place] + "".join(between) + letters[place:]
    verified = stepped(
        READ, step(READ, "verify", plate_typed=typed.lower() if small else typed, vehicle_matches=True), DOE, NOW
    )
    assert (verified.verified_at, verified.verified_by) == (NOW, "doe")


@given(st.text("HND4128O0I1", min_size=1, max_size=9))
def test_another_plate_never_verifies(typed: str) -> None:
    assume(typed != "HND4128")
    seen = stepped(READ, step(READ, "verify", plate_typed=typed, vehicle_matches=True), DOE, NOW)
    assert (seen.verified_at, seen.plate_typed, seen.version) == (None, typed, 2)


def test_an_alert_goes_through_its_states_to_its_end() -> None:
    now = NOW
    alert, states = DWELL, []
    for kind, more in (
        ("acknowledge", {}), ("assign", {}), ("on_scene", {}), ("close", {"outcome": "resolved"}),
    ):  # fmt: skip
        now += timedelta(seconds=10)
        alert = stepped(alert, step(alert, kind, **more), DOE, now)  # type: ignore[arg-type]
        states.append(alert.state)
    assert states == ["acknowledged", "assigned", "on_scene", "closed"]
    assert (alert.acknowledged_at, alert.on_scene_at, alert.closed_at) == tuple(
        NOW + timedelta(seconds=10 * number) for number in (1, 3, 4)
    )
    assert (alert.assigned_to, alert.outcome, alert.version) == ("doe", "resolved", 5)


def test_a_plate_is_verified_by_typing_it_and_by_the_vehicle_and_then_acted_on() -> None:
    with pytest.raises(NotPermitted, match="type it from the picture"):
        stepped(READ, step(READ, "assign"), CHIEF, NOW)
    other_car = stepped(READ, step(READ, "verify", plate_typed=PLATE, vehicle_matches=False), DOE, NOW)
    assert other_car.verified_at is None
    verified = stepped(other_car, step(other_car, "verify", plate_typed="hnd 4128", vehicle_matches=True), ROE, NOW)
    assert (verified.state, verified.verified_by, verified.acknowledged_by) == ("acknowledged", "roe", "doe")
    assert stepped(verified, step(verified, "assign"), ROE, NOW).state == "assigned"
    with pytest.raises(AlertConflict, match="roe has verified it already"):
        stepped(verified, step(verified, "verify", plate_typed=PLATE, vehicle_matches=True), DOE, NOW)


def test_who_has_acknowledged_a_misread_plate_may_close_it() -> None:
    seen = stepped(READ, step(READ, "verify", plate_typed="XYZ 1", vehicle_matches=False), DOE, NOW)
    assert stepped(seen, step(seen, "close", outcome="false_alarm"), DOE, NOW).outcome == "false_alarm"
    with pytest.raises(NotPermitted, match="doe has acknowledged it"):
        stepped(seen, step(seen, "close", outcome="false_alarm"), ROE, NOW)


def test_panic_needs_no_such_step() -> None:
    assert stepped(PANIC, step(PANIC, "assign"), DOE, NOW).state == "assigned"


def test_an_officer_takes_it_or_hands_on_what_is_theirs_and_a_supervisor_anything() -> None:
    with pytest.raises(NotPermitted, match="take it first"):
        stepped(DWELL, step(DWELL, "assign", assignee="roe"), DOE, NOW)
    does = stepped(DWELL, step(DWELL, "assign"), DOE, NOW)
    there = stepped(does, step(does, "on_scene"), DOE, NOW)
    for kind in ("assign", "on_scene", "close", "release", "snooze", "merge"):
        with pytest.raises(AlertConflict, match="on scene, doe has it"):
            stepped(
                there, step(there, kind, outcome="resolved", until=NOW + timedelta(hours=1), into="alr_9"), ROE, NOW
            )
    handed = stepped(there, step(there, "assign", assignee="roe"), DOE, NOW)
    assert (handed.assigned_to, handed.state) == ("roe", "assigned")
    taken = stepped(handed, step(handed, "assign", assignee="ann"), CHIEF, NOW)
    assert taken.assigned_to == "ann"
    with pytest.raises(AlertConflict, match="ann has it already"):
        stepped(taken, step(taken, "assign", assignee="ann"), CHIEF, NOW)


def test_what_is_released_is_nobodys_again() -> None:
    does = stepped(DWELL, step(DWELL, "assign"), DOE, NOW)
    free = stepped(does, step(does, "release"), DOE, NOW)
    assert (free.assigned_to, free.state) == (None, "acknowledged")
    with pytest.raises(AlertConflict, match="nobody is assigned"):
        stepped(free, step(free, "release"), DOE, NOW)


def test_only_its_owner_or_a_supervisor_closes_an_alert() -> None:
    with pytest.raises(NotPermitted, match="nobody has it"):
        stepped(DWELL, step(DWELL, "close", outcome="resolved"), DOE, NOW)
    assert stepped(DWELL, step(DWELL, "close", outcome="no_action"), CHIEF, NOW).acknowledged_by == "chief"


def test_whoever_is_late_is_told_how_it_stands() -> None:
    does = stepped(DWELL, step(DWELL, "assign"), DOE, NOW)
    with pytest.raises(
        AlertConflict, match=r"acknowledge alert alr_1: .*version 2, you saw 1; it is assigned, doe"
    ):
        stepped(does, step(DWELL, "acknowledge"), ROE, NOW)
    with pytest.raises(AlertConflict, match="doe has acknowledged it already"):
        stepped(does, step(does, "acknowledge"), ROE, NOW)


def test_the_service_escalates_wakes_folds_and_notes_and_does_nothing_else() -> None:
    assert allowed_steps("service") == ("escalate", "wake", "merge", "note")
    for kind in set(KINDS) - set(allowed_steps("service")):
        with pytest.raises(NotPermitted, match="the role service may not"):
            stepped(DWELL, step(DWELL, kind), GATEWAY, NOW)
    assert stepped(DWELL, step(DWELL, "escalate"), GATEWAY, NOW).escalated_at == NOW
    folded = stepped(DWELL, step(DWELL, "merge", into="alr_9"), GATEWAY, NOW)
    assert (folded.outcome, folded.merged_into, folded.version) == ("repeat", "alr_9", 2)


@pytest.mark.parametrize("role", ["investigator", "analyst", "auditor"])
def test_who_may_only_look_takes_no_step(role: Role) -> None:
    assert allowed_steps(role) == ()
    for kind in KINDS:
        with pytest.raises(NotPermitted, match="it may look"):
            stepped(DWELL, step(DWELL, kind), Access("ann", role), NOW)


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("close", {}, "no outcome is given; use one of resolved"),
        ("close", {"outcome": "recovered"}, "'recovered' is no outcome"),
        ("snooze", {}, "say until when"),
        ("snooze", {"until": NOW}, "say until when"),
        ("snooze", {"until": NOW + LONGEST_SNOOZE + timedelta(seconds=1)}, "at most 8 h"),
        ("note", {"note": " "}, "says nothing"),
        ("merge", {}, "name another alert"),
        ("merge", {"into": "alr_1"}, "name another alert"),
        ("assign", {"assignee": ""}, "names nobody"),
        ("on_scene", {}, "assign it first"),
        ("verify", {"plate_typed": PLATE, "vehicle_matches": True}, "no plate was read"),
    ],
)
def test_a_step_says_what_it_lacks(kind: StepKind, more: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        stepped(DWELL, step(DWELL, kind, **more), CHIEF, NOW)


@pytest.mark.parametrize(
    "more", [{}, {"plate_typed": PLATE}, {"plate_typed": "- ", "vehicle_matches": True}], ids=str
)
def test_a_verification_needs_both_typing_and_vehicle(more: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="type the plate"):
        stepped(READ, step(READ, "verify", **more), DOE, NOW)


def test_what_is_put_off_comes_back_by_being_woken_or_acted_on() -> None:
    until = NOW + timedelta(hours=1)
    asleep = stepped(DWELL, step(DWELL, "snooze", until=until), DOE, NOW)
    assert asleep.snoozed_until == until
    assert stepped(asleep, step(asleep, "wake"), GATEWAY, NOW).snoozed_until is None
    for kind in ("acknowledge", "assign", "escalate"):
        assert stepped(asleep, step(asleep, kind), DOE, NOW).snoozed_until is None
    with pytest.raises(AlertConflict, match="not snoozed"):
        stepped(DWELL, step(DWELL, "wake"), DOE, NOW)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: AlertStep("alr_1", 1, "shrug"), "no step is called"),  # type: ignore[arg-type]
        (lambda: AlertStep("alr_1", 1, "note", note="x" * (LONGEST_NOTE + 1)), "too long"),
        (lambda: DeviceReport("", "1", "panic", NOW, NOW, "{}", PANIC), "names its source"),
        (lambda: DeviceReport("b", "1", "panic", NOW, NOW, "{}", PANIC), "give the alert the report's source"),
        (lambda: DeviceReport("mast-4", "1", "panic", NOW, NOW, "{}", READ), "is a panic, its alert a plate"),
        (lambda: DeviceReport("mast-4", "1", "sos", NOW, NOW, "{}", READ), "no report is of the kind"),  # type: ignore[arg-type]
        (lambda: ShiftNote("n", NOW, "doe", BEGUN_AT, NOW, " "), "says nothing"),
        (lambda: ShiftNote("n", NOW, "doe", NOW, NOW, "quiet"), "is none"),
    ],
)
def test_what_makes_no_sense_is_refused_before_it_goes_anywhere(made: Callable[[], object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        made()


def test_a_step_of_one_alert_is_not_taken_on_another() -> None:
    with pytest.raises(BadInput, match="alr_1"):
        stepped(READ, step(DWELL, "note", note="x"), DOE, NOW)


def test_a_step_is_kept_with_what_came_of_it() -> None:
    typed = step(READ, "verify", plate_typed=" hnd 41 29 ", vehicle_matches=True, note="glare")
    assert TakenStep.of(typed, stepped(READ, typed, DOE, NOW), DOE, NOW) == TakenStep(
        "alr_2", 2, "verify", NOW, "doe", "officer", "farish-1", note="glare", plate_typed="hnd 41 29",
        plate_matches=False, vehicle_matches=True,
    )  # fmt: skip
    taken = step(DWELL, "assign")
    assert TakenStep.of(taken, stepped(DWELL, taken, DOE, NOW), DOE, NOW).assignee == "doe"


@pytest.mark.parametrize(
    ("kind", "place_kind", "priority", "rank"),
    [
        ("panic", "school", "P1", 0), ("panic", "hospital", "P3", 0), ("panic", "park", "P1", 1),
        ("panic", None, "P1", 1), ("rule", "school", "P1", 1), ("plate", None, "P2", 2), ("rule", None, "P3", 3),
    ],
)  # fmt: skip
def test_panic_from_a_school_or_a_hospital_outranks_everything(
    kind: AlertKind, place_kind: str | None, priority: Priority, rank: int
) -> None:
    at: datetime = BEGUN_AT
    assert Alert("alr_1", kind, None, None, priority, at, at, place_kind=place_kind).rank == rank
