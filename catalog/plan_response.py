"""Steps, reports of devices and notes for the next shift: what such requests write."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from catalog.audit import AuditLine
from catalog.casework import Alert
from catalog.errors import AlertConflict, BadInput, NotFound, NotPermitted
from catalog.folding import counted
from catalog.plan_alerts import check_seen, sorted_in, with_alerts, with_new
from catalog.plans import Plan
from catalog.records import fit, table_of
from catalog.response import RESPONDERS, AlertStep, DeviceReport, TakenStep, as_it_stands, stepped
from catalog.spans import iso
from catalog.standing import Standing
from catalog.writes import Report, StepAlert, WriteNote


def step_alert(request: StepAlert, standing: Standing, now: datetime) -> Plan:
    """Return the plan that takes a step: the alert's row, the step's, and the audit's, in one commit."""
    step, access = request.step, request.access
    before = standing.alert(step.alert_id)
    if before is None:
        raise NotFound(f"no alert {step.alert_id!r} to {step.kind}; `rtcc alerts --open` lists those that are open")
    after = stepped(before, step, access, now)
    changed = [after]
    if step.kind == "merge":
        changed.append(counted(_goes_on(before, step, standing), before))
    taken = TakenStep.of(step, after, access, now)
    line = AuditLine("alert", f"{step.kind} {step.alert_id}", _said(taken), 1)
    keys = frozenset(alert.alert_id for alert in changed)
    return with_alerts(changed, Plan(access, keys, line=line, answer=after), standing, [taken])


def _goes_on(alert: Alert, step: AlertStep, standing: Standing) -> Alert:
    """Return the alert that goes on for both."""
    leader = standing.alert(step.into or "")
    asked = f"merge alert {alert.alert_id} into {step.into!r}"
    if leader is None:
        raise NotFound(f"{asked}: there is no such alert; `rtcc alerts --open` lists those that are open")
    if not leader.open:
        raise AlertConflict(f"{asked}: that one is {as_it_stands(leader)}. Look again, then decide")
    if leader.rank > alert.rank:
        raise BadInput(f"{asked}: that one is less urgent, and this one would be lost in it; merge that into this")
    return leader


def _said(taken: TakenStep) -> str:
    """Return a step as the audit says it: all but words and plates, which its row holds."""
    words = {
        "version": taken.version, "assignee": taken.assignee, "outcome": taken.outcome,
        "until": iso(taken.snoozed_until), "plate_matches": taken.plate_matches,
        "vehicle_matches": taken.vehicle_matches, "into": taken.merged_into,
    }  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in words.items() if value is not None)


def report(request: Report, standing: Standing, now: datetime) -> Plan:
    """Return the plan that keeps a device's report and its alert; a report known already changes nothing."""
    said, access = request.report, request.access
    asked = frozenset({said.report_id, said.alert.alert_id})
    known_id = standing.reported(said.report_id)
    if known_id is not None:
        return Plan(access, asked, answer=_kept(known_id, standing))
    alert = _placed(said.alert, standing)
    check_seen(alert, access, standing, now)
    known = alert.alert_id in standing.alerts_known([alert])
    folding = sorted_in([] if known else [alert], standing, now)
    alert = _kept(alert.alert_id, standing) if known else folding.fresh[alert.alert_id]
    into = f" into={alert.merged_into}" if alert.merged_into else ""
    words = f"alert={alert.alert_id} kind={said.kind}{into}"
    line = AuditLine("alert", f"report {said.source} {said.event_id}", words, 1)
    row = ("device_reports", _report_row(said, alert, standing))
    plan = with_new(folding, Plan(access, asked, inserts=(row,), line=line), standing, now)

    def settle(after: Standing) -> None:
        plan.settle(after)
        after.reports.add(said.report_id, alert.alert_id)

    return replace(plan, answer=alert, settle=settle)


def _placed(alert: Alert, standing: Standing) -> Alert:
    """Return the alert without a camera nobody knows, where it is too urgent to be refused for that."""
    if alert.kind != "panic" or alert.camera_id is None or alert.camera_id in standing.cameras:
        return alert
    words = f"its camera {alert.camera_id!r} is not in the registry"
    return replace(alert, camera_id=None, detail=f"{alert.detail} ({words})".strip())


def _kept(alert_id: str, standing: Standing) -> Alert:
    alert = standing.alert(alert_id)
    assert alert is not None  # a report's row is written with its alert's, and neither is ever removed
    return alert


def _report_row(said: DeviceReport, alert: Alert, standing: Standing) -> pa.Table:
    row = {
        "report_id": said.report_id, "source": said.source, "event_id": said.event_id, "kind": said.kind,
        "reported_at": said.reported_at, "received_at": said.received_at, "alert_id": alert.alert_id,
        "camera_id": alert.camera_id, "envelope": said.envelope,
    }  # fmt: skip
    return fit(pa.Table.from_pylist([row]), standing.schemas["device_reports"], "device_reports")


def write_note(request: WriteNote, standing: Standing, now: datetime) -> Plan:
    """Return the plan that keeps a note for the next shift; one known already stays as it is."""
    note, access = request.note, request.access
    if access.role not in RESPONDERS:
        raise NotPermitted(f"a note for the next shift: the role {access.role} may not write one; it may read them")
    if note.actor != access.actor:
        raise NotPermitted(
            f"a note for the next shift: {access.actor} may not write it in the name of {note.actor}"
        )
    keys = frozenset({note.note_id})
    if standing.kept("shift_notes", "note_id", (note.note_id,)).num_rows:
        return Plan(access, keys)
    line = AuditLine("note", note.note_id, f"shift={iso(note.shift_from)}..{iso(note.shift_until)}", 1)
    rows = fit(table_of([note]), standing.schemas["shift_notes"], "shift_notes")
    return Plan(access, keys, inserts=(("shift_notes", rows),), line=line)
