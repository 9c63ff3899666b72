"""What a request would write: judged against what the keeper knows, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.audit import Action, AuditLine
from catalog.errors import BadInput, NotFound, NotPermitted
from catalog.observations import SegmentRows
from catalog.plan_alerts import alert_rows, close_alerts, firmed, raise_alerts
from catalog.plan_footage import add_footage, delete_footage, place_hold, release_hold
from catalog.plan_response import report, step_alert, write_note
from catalog.plans import SLACK, Plan, Replaced, ReplacedSegment
from catalog.records import fit, table_of
from catalog.registry import Zone
from catalog.spans import Span, iso
from catalog.standing import Appended, Standing
from catalog.writes import (
    ROW_TABLES,
    AddFootage,
    Append,
    CloseAlerts,
    DeleteFootage,
    Grant,
    Permit,
    PlaceHold,
    RaiseAlerts,
    Record,
    Register,
    ReleaseHold,
    Report,
    Request,
    StartRun,
    StepAlert,
    Withdraw,
    WriteNote,
)

NONE: frozenset[str] = frozenset()


def plan(request: Request, standing: Standing, now: datetime) -> Plan:
    """Return what the request writes.

    A refusal by consent is a plan too: it writes its line into the audit. Anything else that is wrong with
    the request is raised as a `BadInput` or `NotFound`, and leaves no trace.
    """
    try:
        return _PLANNERS[type(request)](request, standing, now)
    except NotPermitted as refusal:
        action, question = _named(request)
        line = AuditLine(action, question, outcome=f"refused: {refusal}")
        return Plan(request.access, line=line, refusal=refusal)


def _named(request: Request) -> tuple[Action, str]:
    """Return action and question of the audit's line about a request that was refused."""
    action, question = _NAMES.get(type(request), ("footage", lambda request: "import"))
    return action, question(request)


def _register(request: Register, standing: Standing, now: datetime) -> Plan:
    for mounting in request.mountings:
        if mounting.camera_id not in {camera.camera_id for camera in request.cameras}:
            standing.camera(mounting.camera_id)
    mountings = {mounting.mounting_id: mounting for mounting in (*standing.mountings.values(), *request.mountings)}
    for zone in request.zones:
        _check_zone(zone, mountings)
    parts = (
        ("cameras", "camera_id", request.cameras, standing.cameras),
        ("mountings", "mounting_id", request.mountings, standing.mountings),
        ("zones", "zone_id", request.zones, standing.zones),
    )
    removes, inserts, named = [], [], []
    for table, column, records, known in parts:
        latest = {getattr(record, column): record for record in records}
        if latest:
            removes.append(Replaced(table, column, tuple(latest.keys() & known.keys())))
            inserts.append((table, fit(table_of(list(latest.values())), standing.schemas[table], table)))
            named.append(f"{table}={','.join(latest)}")

    def settle(after: Standing) -> None:
        after.cameras |= {camera.camera_id: camera for camera in request.cameras}
        after.mountings |= {mounting.mounting_id: mounting for mounting in request.mountings}
        after.zones |= {zone.zone_id: zone for zone in request.zones}

    count = sum(rows.num_rows for _, rows in inserts)
    line = AuditLine("register", "registry", " ".join(named), count) if named else None
    return Plan(
        request.access, closes_group=True, removes=tuple(removes), inserts=tuple(inserts), line=line, settle=settle
    )


def _check_zone(zone: Zone, mountings: dict[str, Any]) -> None:
    mounting = mountings.get(zone.mounting_id)
    if mounting is None or mounting.camera_id != zone.camera_id:
        raise BadInput(
            f"zone {zone.name!r} of camera {zone.camera_id!r}: mounting {zone.mounting_id} is not a mounting of "
            "that camera; register the mounting first"
        )


def _grant(request: Grant, standing: Standing, now: datetime) -> Plan:
    consent = request.consent
    for camera_id in consent.camera_ids:
        standing.camera(camera_id)
    rows = fit(table_of([consent]), standing.schemas["consents"], "consents")
    known = (consent.consent_id,) if consent.consent_id in standing.consents else ()
    purposes, cameras = ",".join(consent.purposes), ",".join(consent.camera_ids)
    return Plan(
        request.access,
        closes_group=True,
        removes=(Replaced("consents", "consent_id", known),),
        inserts=(("consents", rows),),
        line=AuditLine("consent", f"grant {consent.consent_id}", f"cameras={cameras} purposes={purposes}", 1),
        settle=lambda after: after.consents.update({consent.consent_id: consent}),
    )


def _withdraw(request: Withdraw, standing: Standing, now: datetime) -> Plan:
    consent = standing.consents.get(request.consent_id)
    if consent is None:
        known = ", ".join(sorted(standing.consents)[:5]) or "none"
        raise NotFound(f"no consent {request.consent_id!r} to withdraw; the catalog holds: {known}")
    if consent.withdrawn_at is not None and consent.withdrawn_at <= now:
        line = AuditLine("consent", f"withdraw {consent.consent_id}", f"since={iso(consent.withdrawn_at)}", 0)
        return Plan(request.access, line=line)
    granted = _grant(Grant(request.access, replace(consent, withdrawn_at=now)), standing, now)
    return replace(granted, line=AuditLine("consent", f"withdraw {consent.consent_id}", "", 1))


def _start_run(request: StartRun, standing: Standing, now: datetime) -> Plan:
    run = request.run
    if run.camera_id is not None:
        consent = standing.standing_consent(run.camera_id, run.purpose, now)
        if consent is not None and run.consent_id is None:
            run = replace(run, consent_id=consent.consent_id)
    stored = standing.runs.get(run.run_id)
    said = f"job={run.job} camera={run.camera_id or 'many'} for={run.purpose}"
    line = AuditLine("run", f"run {run.run_id}", said + (" goes on" if stored else " begins"))
    if stored is not None:
        return Plan(request.access, line=line, answer=stored)
    rows = fit(table_of([run]), standing.schemas["runs"], "runs")

    def settle(after: Standing) -> None:
        after.runs[run.run_id] = run
        after.appended.begin(run.run_id)

    return Plan(
        request.access, frozenset({run.run_id}), inserts=(("runs", rows),), line=line, answer=run, settle=settle
    )


def _append(request: Append, standing: Standing, now: datetime) -> Plan:
    rows, analysis = request.rows, request.rows.analysis
    run = standing.run(rows.run_id)
    if run.camera_id is not None and run.camera_id != analysis.camera_id:
        raise BadInput(f"run {run.run_id} looks at {run.camera_id!r}, these rows are of {analysis.camera_id!r}")
    standing.require(analysis.camera_id, run.purpose, analysis.span, now)
    key = frozenset({f"{rows.run_id}/{rows.segment_id}"})
    before = standing.appended.find(rows.run_id, rows.segment_id)
    if before is not None and before.sha256 == request.sha256:
        return Plan(request.access, key)
    inserts = tuple((table, part) for table, part in segment_tables(rows, standing) if part.num_rows)
    removes: tuple[Replaced | ReplacedSegment, ...] = ()
    if before is not None:
        removes = (ReplacedSegment(rows.run_id, rows.segment_id, before.span),)
    count = sum(part.num_rows for _, part in inserts)
    kept = Appended(analysis.span, request.sha256)
    stated = (
        frozenset(dict(inserts)["event_states"]["event_id"].to_pylist()) if rows.event_states.num_rows else NONE
    )
    firm = firmed(stated, standing, now)
    if firm:
        alerts, earlier = alert_rows(firm, standing)
        key |= {alert.alert_id for alert in firm}
        removes, inserts = (*removes, earlier), (*inserts, ("alerts", alerts))

    def settle(after: Standing) -> None:
        after.appended.add(rows.run_id, rows.segment_id, kept)
        after.stated_lately.add(stated, now)
        for alert in firm:
            after.alerts.take(alert)

    return Plan(
        request.access,
        key,
        removes=removes,
        inserts=inserts,
        line=AuditLine("append", f"run {rows.run_id}", row_count=count),
        run_id=rows.run_id,
        states=stated,
        settle=settle,
    )


def segment_tables(rows: SegmentRows, standing: Standing) -> list[tuple[str, pa.Table]]:
    """Return every table's rows of an append, checked to be of its run and segment."""
    analysis = rows.analysis
    if analysis.span.end_at is None:
        raise BadInput(f"segment {rows.segment_id} has no end: rows are kept of closed segments only")
    tables = [("analyses", fit(table_of([analysis]), standing.schemas["analyses"], "analyses"))]
    memory = {
        "run_id": [rows.run_id], "segment_id": [rows.segment_id],
        "camera_id": [analysis.camera_id], "memory": [rows.memory],
    }  # fmt: skip
    tables.append(("memories", fit(pa.table(memory), standing.schemas["memories"], "memories")))
    for name in ROW_TABLES:
        part = fit(getattr(rows, name), standing.schemas[name], name)
        for column, expected in (("run_id", rows.run_id), ("segment_id", rows.segment_id)):
            _check_all(part, name, column, expected)
        _check_all(part, name, "camera_id", analysis.camera_id)
        tables.append((name, part))
    detections = dict(tables)["detections"]
    _check_instants(detections, analysis.span, rows.segment_id)
    tables.append(("minute_counts", minute_counts(detections, standing.schemas["minute_counts"])))
    return tables


def _check_all(part: pa.Table, table: str, column: str, expected: str) -> None:
    if part.num_rows:
        found = pc.unique(part[column]).to_pylist()
        if found != [expected]:
            others = [value for value in found if value != expected][:3]
            raise BadInput(f"rows for table {table}: {column} is {others}, but the append is of {expected}")


def _check_instants(detections: pa.Table, span: Span, segment_id: str) -> None:
    if detections.num_rows == 0 or span.end_at is None:
        return
    seen = pc.min_max(detections["seen_at"]).as_py()
    if seen["min"] < span.start_at - SLACK or seen["max"] > span.end_at + SLACK:
        raise BadInput(
            f"detections of segment {segment_id} run from {iso(seen['min'])} to {iso(seen['max'])}, outside its "
            f"span {iso(span.start_at)} to {iso(span.end_at)}"
        )


def minute_counts(detections: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return detections counted by minute and label; columns of the table `minute_counts`."""
    if detections.num_rows == 0:
        return schema.empty_table()
    minute_at = pc.floor_temporal(detections["seen_at"], unit="minute")
    by = ["run_id", "segment_id", "camera_id", "minute_at", "label"]
    counted = detections.append_column("minute_at", minute_at).group_by(by, use_threads=False)
    counts = counted.aggregate([([], "count_all")]).rename_columns({"count_all": "detections"})
    return fit(counts, schema, "minute_counts")


def _record(request: Record, standing: Standing, now: datetime) -> Plan:
    return Plan(request.access, line=request.line)


def _permit(request: Permit, standing: Standing, now: datetime) -> Plan:
    standing.require(request.camera_id, request.access.purpose, request.footage, now)
    return Plan(request.access)


_PLANNERS: dict[type, Callable[[Any, Standing, datetime], Plan]] = {
    Register: _register, Grant: _grant, Withdraw: _withdraw, AddFootage: add_footage,
    DeleteFootage: delete_footage, PlaceHold: place_hold, ReleaseHold: release_hold,
    StartRun: _start_run, Append: _append, Record: _record, Permit: _permit,
    RaiseAlerts: raise_alerts, CloseAlerts: close_alerts, StepAlert: step_alert, Report: report,
    WriteNote: write_note,
}  # fmt: skip

_NAMES: dict[type, tuple[Action, Callable[[Any], str]]] = {
    Append: ("append", lambda request: f"run {request.rows.run_id}"),
    StartRun: ("run", lambda request: f"run {request.run.run_id}"),
    RaiseAlerts: ("alert", lambda request: "raise"),
    StepAlert: ("alert", lambda request: f"{request.step.kind} {request.step.alert_id}"),
    Report: ("alert", lambda request: f"report {request.report.source} {request.report.event_id}"),
    WriteNote: ("note", lambda request: str(request.note.note_id)),
    Permit: ("footage", lambda request: str(request.camera_id)),
}
