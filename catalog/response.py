"""How an alert is answered: one state machine for all kinds, without a clock and without a catalog.

An alert is raised, acknowledged, assigned, answered on scene and closed with an outcome. Whoever takes a step says
which version of the alert they saw: of two who saw the same one, only the first succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from catalog.access import Access, Role
from catalog.casework import Alert
from catalog.errors import AlertConflict, BadInput, NotPermitted
from catalog.folding import folded, plate_letters
from catalog.ids import content_id
from catalog.spans import iso, to_us

StepKind = Literal[
    "acknowledge", "assign", "on_scene", "close", "escalate", "snooze", "wake", "verify", "note", "release",
    "merge",
]  # fmt: skip
KINDS: tuple[StepKind, ...] = get_args(StepKind)

ReportKind = Literal["panic", "plate", "alert"]

OUTCOMES = ("resolved", "false_alarm", "duplicate", "no_action", "referred")
"""What may come of an alert that a person closes."""

LEADERS: tuple[Role, ...] = ("supervisor", "admin")
"""Who may assign anyone, take over, and close what is not theirs."""

RESPONDERS: tuple[Role, ...] = ("officer", *LEADERS)
"""Who answers alerts."""

ALLOWED: Mapping[Role, tuple[StepKind, ...]] = {
    "officer": KINDS, "supervisor": KINDS, "admin": KINDS, "service": ("escalate", "wake", "merge", "note"),
}  # fmt: skip
"""Steps by role; the other roles may look, and take none."""

LONGEST_SNOOZE = timedelta(hours=8)
"""A shift: nobody puts an alert off until the next one is there."""

LONGEST_NOTE = 4000
"""Characters of a step's note, about a page."""


@dataclass(frozen=True)
class AlertStep:
    """One thing that somebody does about an alert."""

    alert_id: str
    version: int
    """Of the alert, as whoever takes the step saw it."""
    kind: StepKind
    assignee: str | None = None
    """Who shall answer it, for `assign`; `None` for whoever takes the step."""
    outcome: str | None = None
    """What came of it, for `close`."""
    note: str = ""
    """Words for whoever reads the log; needed for `note`."""
    until: datetime | None = None
    """Until when nobody wants to be reminded, for `snooze`."""
    plate_typed: str | None = None
    """The plate as the person reads it in the picture, for `verify`."""
    vehicle_matches: bool | None = None
    """Whether the vehicle in the picture is the one looked for, for `verify`."""
    into: str | None = None
    """The alert that goes on for both, for `merge`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"no step is called {self.kind!r}; use one of {', '.join(KINDS)}")
        if len(self.note) > LONGEST_NOTE:
            raise BadInput(f"a note of {len(self.note)} characters is too long; {LONGEST_NOTE} are kept")


@dataclass(frozen=True)
class DeviceReport:
    """What a device said, word for word, and the alert it calls for."""

    source: str
    """The device, or the service that speaks for it."""
    event_id: str
    """The device's own name for what it reports: the same one again is the same report."""
    kind: ReportKind
    reported_at: datetime
    """When, by the device's clock."""
    received_at: datetime
    """When, by ours."""
    envelope: str
    """The report as it was received, JSON."""
    alert: Alert

    def __post_init__(self) -> None:
        if self.kind not in get_args(ReportKind):
            kinds = ", ".join(get_args(ReportKind))
            raise BadInput(f"no report is of the kind {self.kind!r}; use one of {kinds}")
        if not self.source.strip() or not self.event_id.strip():
            raise BadInput("a report names its source and an event id: without them a repeat cannot be told")
        if self.alert.source != self.source:
            raise BadInput(
                f"report {self.event_id!r} of {self.source!r}: its alert names the source {self.alert.source!r}; "
                "give the alert the report's source"
            )
        if self.kind not in ("alert", self.alert.kind):
            raise BadInput(
                f"report {self.event_id!r} of {self.source!r} is a {self.kind}, its alert a {self.alert.kind}"
            )

    @property
    def report_id(self) -> str:
        """Identity of the report: by source and event."""
        return content_id("rep", self.source, self.event_id)


@dataclass(frozen=True)
class ShiftNote:
    """What one shift leaves to the next."""

    note_id: str
    """`ShiftNote.identify(...)`: the same note twice is one."""
    written_at: datetime
    actor: str
    """Who wrote it."""
    shift_from: datetime
    shift_until: datetime
    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise BadInput("a note for the next shift says nothing; write what they must know")
        if self.shift_until <= self.shift_from:
            raise BadInput(f"a shift from {iso(self.shift_from)} until {iso(self.shift_until)} is none")

    @staticmethod
    def identify(actor: str, written_at: datetime, text: str) -> str:
        """Return the id of the note that this person wrote then."""
        return content_id("nte", actor, to_us(written_at), text)


@dataclass(frozen=True)
class TakenStep:
    """A step as it is kept: what was done, by whom, and what came of it."""

    alert_id: str
    version: int
    """Of the alert after the step."""
    kind: StepKind
    stepped_at: datetime
    actor: str
    role: str
    camera_id: str | None
    """The camera the alert concerns."""
    assignee: str | None = None
    outcome: str | None = None
    note: str = ""
    snoozed_until: datetime | None = None
    plate_typed: str | None = None
    plate_matches: bool | None = None
    """Whether the typing is what the device read; `None` for other steps than `verify`."""
    vehicle_matches: bool | None = None
    merged_into: str | None = None

    @classmethod
    def of(cls, step: AlertStep, after: Alert, access: Access, now: datetime) -> TakenStep:
        """Return the record of a step that led to the alert as it is after it."""
        verifies = step.kind == "verify"
        return cls(
            after.alert_id, after.version, step.kind, now, access.actor, access.role, after.camera_id,
            assignee=after.assigned_to if step.kind == "assign" else None, outcome=after.outcome, note=step.note,
            snoozed_until=after.snoozed_until if step.kind == "snooze" else None,
            plate_typed=after.plate_typed if verifies else None,
            plate_matches=plate_matches(after, step) if verifies else None,
            vehicle_matches=step.vehicle_matches if verifies else None, merged_into=after.merged_into,
        )  # fmt: skip


def stepped(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    """Return the alert after the step, one version on.

    A `verify` whose typing does not match is a step too: it leaves the alert unverified, and says so by
    `verified_at` alone.

    Raises
    ------
    NotPermitted
        When the role may not take this step, or a plate was not verified before it is acted on.
    BadInput
        When the step lacks what its kind needs.
    AlertConflict
        When the alert is closed, no longer of the version that was seen, or someone else's; the message says how it
        stands.
    """
    if step.alert_id != alert.alert_id:
        raise BadInput(f"a step of alert {step.alert_id!r} was taken on {alert.alert_id!r}")
    if step.kind not in allowed_steps(access.role):
        raise NotPermitted(f"{_asked(step)}: the role {access.role} may not; it may look")
    if step.version != alert.version:
        raise _conflict(alert, step, f"it has changed since: version {alert.version}, you saw {step.version}")
    if not alert.open:
        raise _conflict(alert, step, "it is closed")
    return replace(_TAKEN[step.kind](alert, step, access, now), version=alert.version + 1)


def allowed_steps(role: Role) -> tuple[StepKind, ...]:
    """Return the kinds of steps that this role may take at all."""
    return ALLOWED.get(role, ())


def _acknowledge(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if alert.acknowledged_at is not None:
        raise _conflict(alert, step, f"{alert.acknowledged_by or 'someone'} has acknowledged it already")
    return _noticed(alert, access, now)


def _assign(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    _need_verified(alert, step)
    assignee = access.actor if step.assignee is None else step.assignee
    if not assignee.strip():
        raise BadInput(f"{_asked(step)}: it names nobody; say who shall answer it")
    _not_anothers(alert, step, access)
    if alert.assigned_to == assignee:
        raise _conflict(alert, step, f"{assignee} has it already")
    if assignee != access.actor and access.role not in LEADERS and alert.assigned_to is None:
        raise NotPermitted(
            f"{_asked(step)} to {assignee!r}: an officer takes it, or hands on what is theirs; take it first, or "
            "ask the supervisor"
        )
    return replace(_noticed(alert, access, now), assigned_to=assignee, on_scene_at=None)


def _on_scene(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    _need_verified(alert, step)
    if alert.assigned_to is None:
        raise BadInput(f"{_asked(step)}: nobody answers it yet; assign it first")
    _not_anothers(alert, step, access)
    if alert.on_scene_at is not None:
        raise _conflict(alert, step, f"{alert.assigned_to} is there since {iso(alert.on_scene_at)}")
    return replace(_noticed(alert, access, now), on_scene_at=now)


def _close(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if step.outcome not in OUTCOMES:
        given = "no outcome is given" if step.outcome is None else f"{step.outcome!r} is no outcome"
        raise BadInput(f"{_asked(step)}: {given}; use one of {', '.join(OUTCOMES)}")
    _not_anothers(alert, step, access)
    # Who has acknowledged a misread plate must be able to close it, though they could never be assigned to it.
    owner = alert.assigned_to or alert.acknowledged_by
    if access.role not in LEADERS and owner != access.actor:
        whose = f"{owner} has acknowledged it" if owner else "nobody has it"
        raise NotPermitted(f"{_asked(step)}: only its owner or a supervisor closes it, and {whose}; take it first")
    return replace(_noticed(alert, access, now), closed_at=now, outcome=step.outcome)


def _escalate(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if alert.escalated_at is not None:
        raise _conflict(alert, step, f"the supervisor has it before them since {iso(alert.escalated_at)}")
    return replace(alert, escalated_at=now, snoozed_until=None)


def _snooze(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if step.until is None or not now < step.until <= now + LONGEST_SNOOZE:
        hours = LONGEST_SNOOZE.total_seconds() / 3600
        raise BadInput(f"{_asked(step)}: say until when, from now on at most {hours:g} h")
    _not_anothers(alert, step, access)
    return replace(alert, snoozed_until=step.until)


def _wake(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if alert.snoozed_until is None:
        raise _conflict(alert, step, "it is not snoozed")
    return replace(alert, snoozed_until=None)


def _verify(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if alert.kind != "plate" or not plate_letters(alert.plate_text or ""):
        raise BadInput(f"{_asked(step)}: no plate was read, so there is nothing to compare")
    typed = (step.plate_typed or "").strip()
    if not plate_letters(typed) or step.vehicle_matches is None:
        raise BadInput(f"{_asked(step)}: type the plate from the picture, and say whether the vehicle is the one")
    if alert.verified_at is not None:
        raise _conflict(alert, step, f"{alert.verified_by} has verified it already")
    matches = step.vehicle_matches and plate_matches(alert, step)
    noticed = replace(_noticed(alert, access, now), plate_typed=typed)
    return replace(noticed, verified_at=now, verified_by=access.actor) if matches else noticed


def plate_matches(alert: Alert, step: AlertStep) -> bool:
    """Tell whether the step's typing is what the device read."""
    return plate_letters(step.plate_typed or "") == plate_letters(alert.plate_text or "")


def _note(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if not step.note.strip():
        raise BadInput(f"{_asked(step)}: it says nothing; write what others must know")
    return alert


def _release(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if alert.assigned_to is None:
        raise _conflict(alert, step, "nobody is assigned")
    _not_anothers(alert, step, access)
    return replace(alert, assigned_to=None, on_scene_at=None)


def _merge(alert: Alert, step: AlertStep, access: Access, now: datetime) -> Alert:
    if step.into is None or step.into == alert.alert_id:
        raise BadInput(f"{_asked(step)}: name another alert that goes on for both")
    if access.role != "service":
        _not_anothers(alert, step, access)
    return folded(alert, step.into, now)


_TAKEN: Mapping[StepKind, Callable[[Alert, AlertStep, Access, datetime], Alert]] = {
    "acknowledge": _acknowledge, "assign": _assign, "on_scene": _on_scene, "close": _close, "escalate": _escalate,
    "snooze": _snooze, "wake": _wake, "verify": _verify, "note": _note, "release": _release, "merge": _merge,
}  # fmt: skip


def _noticed(alert: Alert, access: Access, now: datetime) -> Alert:
    """Return the alert with a person's notice of it: who acts on it has seen it, and wants no reminder."""
    if alert.acknowledged_at is not None:
        return replace(alert, snoozed_until=None)
    return replace(alert, acknowledged_at=now, acknowledged_by=access.actor, snoozed_until=None)


def _need_verified(alert: Alert, step: AlertStep) -> None:
    if alert.kind == "plate" and alert.verified_at is None:
        raise NotPermitted(
            f"{_asked(step)}: nobody is sent after a plate that no person has read; type it from the picture first"
        )


def _not_anothers(alert: Alert, step: AlertStep, access: Access) -> None:
    if access.role not in LEADERS and alert.assigned_to not in (None, access.actor):
        raise _conflict(alert, step, "it is theirs")


def _conflict(alert: Alert, step: AlertStep, why: str) -> AlertConflict:
    return AlertConflict(f"{_asked(step)}: {why}; it is {as_it_stands(alert)}. Look again, then decide")


def as_it_stands(alert: Alert) -> str:
    """Return the alert's state and whose it is, in words."""
    if alert.merged_into is not None:
        return f"closed, folded into {alert.merged_into}"
    if alert.closed_at is not None:
        return f"closed as {alert.outcome}"
    if alert.assigned_to is not None:
        return f"{'on scene' if alert.on_scene_at else 'assigned'}, {alert.assigned_to} has it"
    if alert.acknowledged_at is not None:
        return f"acknowledged by {alert.acknowledged_by}, nobody has it"
    return "raised, nobody has it"


def _asked(step: AlertStep) -> str:
    return f"{step.kind} alert {step.alert_id}"
