"""Requests and answers as bytes: a JSON head, then Arrow tables. What crosses is columns, never pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from catalog import errors
from catalog.access import Access
from catalog.alert_board import AlertChanges
from catalog.audit import AuditLine
from catalog.casework import Alert, AlertClosing
from catalog.consent import Consent
from catalog.errors import BadInput, RtccError
from catalog.footage import Gap, SamplingLevel, Segment
from catalog.leases import Lease
from catalog.maintenance import Maintained
from catalog.observations import Analysis, Run, SegmentRows
from catalog.records import records_of, table_of
from catalog.registry import Camera, Mounting, Zone
from catalog.response import AlertStep, DeviceReport, ShiftNote
from catalog.retention import Hold
from catalog.roster import Roster
from catalog.spans import Span, from_us, to_us
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
    ipc_bytes,
)

HEAD_BYTES = 4
"""Length of the head's length, little endian, bytes."""

Words = dict[str, Any]
Tables = dict[str, pa.Table]


@dataclass(frozen=True)
class Envelope:
    """A request with the number its writer gave it."""

    request: Request | None
    """`None` asks for upkeep."""
    writer: str
    sequence: int


@dataclass(frozen=True)
class _Body:
    """What a request or answer is made of."""

    kind: str
    words: Mapping[str, Any] = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)

    def encode(self) -> bytes:
        parts = [(name, ipc_bytes(table)) for name, table in self.tables.items()]
        head = {"kind": self.kind, "words": self.words, "tables": [(name, part.size) for name, part in parts]}
        text = json.dumps(head).encode()
        return b"".join([len(text).to_bytes(HEAD_BYTES, "little"), text, *(part for _, part in parts)])

    @classmethod
    def decode(cls, body: pa.Buffer) -> _Body:
        view = memoryview(body)
        start = HEAD_BYTES + int.from_bytes(view[:HEAD_BYTES], "little")
        head = json.loads(bytes(view[HEAD_BYTES:start]))
        tables: Tables = {}
        for name, size in head["tables"]:
            # Copied, because columns must start at multiples of 8 bytes and nothing says where the body starts.
            tables[name] = pa.ipc.open_stream(bytes(view[start : start + size])).read_all()
            start += size
        return cls(head["kind"], head["words"], tables)


def encode_request(envelope: Envelope) -> bytes:
    """Return the bytes that ask for this."""
    request = envelope.request
    words: Words = {"writer": envelope.writer, "sequence": envelope.sequence}
    if request is None:
        return _Body("Upkeep", words).encode()
    more, tables = _spread(request)
    access = asdict(request.access)
    return _Body(type(request).__name__, words | more | {"access": access}, tables).encode()


def _spread(request: Request) -> tuple[Words, Tables]:  # noqa: C901, PLR0911, PLR0912  one case for each kind of request
    match request:
        case Register(_, cameras, mountings, zones):
            return {}, {"cameras": table_of(cameras), "mountings": table_of(mountings), "zones": table_of(zones)}
        case Grant(_, consent):
            return {}, {"consents": table_of([consent])}
        case Withdraw(_, consent_id):
            return {"consent_id": consent_id}, {}
        case AddFootage(_, segments, gaps, levels):
            tables = {"segments": table_of(segments), "gaps": table_of(gaps), "sampling_levels": table_of(levels)}
            return {}, tables
        case DeleteFootage(_, segment_ids, rule):
            return {"segment_ids": list(segment_ids), "rule": rule}, {}
        case StartRun(_, run):
            return {}, {"runs": table_of([run])}
        case Append(_, rows):
            tables = {name: getattr(rows, name) for name in ROW_TABLES}
            memory = pa.table({"memory": pa.array([rows.memory], pa.large_binary())})
            return {}, {"analyses": table_of([rows.analysis]), "memories": memory, **tables}
        case Record(_, line):
            return {}, {"lines": table_of([line])}
        case Permit(_, camera_id, footage):
            span = {"start_us": to_us(footage.start_at), "end_us": to_us(footage.end_at)}
            return {"camera_id": camera_id, **span}, {}
        case RaiseAlerts(_, alerts):
            return {}, {"alerts": table_of(alerts)}
        case CloseAlerts(_, closings):
            return {}, {"closings": table_of(closings)}
        case StepAlert(_, step):
            return {}, {"steps": table_of([step])}
        case Report(_, report):
            words = {name: getattr(report, name) for name in ("source", "event_id", "kind", "envelope")}
            instants = {"reported_us": to_us(report.reported_at), "received_us": to_us(report.received_at)}
            return words | instants, {"alerts": table_of([report.alert])}
        case WriteNote(_, note):
            return {}, {"notes": table_of([note])}
        case PlaceHold(_, hold):
            return {}, {"holds": table_of([hold])}
        case ReleaseHold(_, hold_id):
            return {"hold_id": hold_id}, {}


def decode_request(body: pa.Buffer) -> Envelope:
    """Return what the bytes ask for.

    Raises
    ------
    BadInput
        When they are no request, or a record in them breaks its own rules.
    """
    try:
        part = _Body.decode(body)
        words = part.words
        writer, sequence = str(words["writer"]), int(words["sequence"])
        if part.kind == "Upkeep":
            return Envelope(None, writer, sequence)
        return Envelope(_gather(part, Access(**words["access"])), writer, sequence)
    except (KeyError, TypeError, IndexError, UnicodeDecodeError, json.JSONDecodeError, pa.ArrowException) as error:
        raise BadInput(
            f"not a request to the keeper ({type(error).__name__}: {error}); use the same version"
        ) from error


def _gather(part: _Body, access: Access) -> Request:  # noqa: C901, PLR0911, PLR0912  one case for each kind of request
    words, tables = part.words, part.tables
    match part.kind:
        case "Register":
            cameras = records_of(Camera, tables["cameras"])
            mountings = records_of(Mounting, tables["mountings"])
            return Register(access, cameras, mountings, records_of(Zone, tables["zones"]))
        case "Grant":
            return Grant(access, records_of(Consent, tables["consents"])[0])
        case "Withdraw":
            return Withdraw(access, words["consent_id"])
        case "AddFootage":
            segments, gaps = records_of(Segment, tables["segments"]), records_of(Gap, tables["gaps"])
            return AddFootage(access, segments, gaps, records_of(SamplingLevel, tables["sampling_levels"]))
        case "DeleteFootage":
            return DeleteFootage(access, tuple(words["segment_ids"]), words["rule"])
        case "StartRun":
            return StartRun(access, records_of(Run, tables["runs"])[0])
        case "Append":
            analysis = records_of(Analysis, tables["analyses"])[0]
            rows = {name: tables[name] for name in ROW_TABLES}
            return Append.of(access, SegmentRows(analysis, **rows, memory=tables["memories"]["memory"][0].as_py()))
        case "Record":
            return Record(access, records_of(AuditLine, tables["lines"])[0])
        case "Permit":
            return Permit(access, words["camera_id"], Span(from_us(words["start_us"]), from_us(words["end_us"])))
        case "RaiseAlerts":
            return RaiseAlerts(access, records_of(Alert, tables["alerts"]))
        case "CloseAlerts":
            return CloseAlerts(access, records_of(AlertClosing, tables["closings"]))
        case "StepAlert":
            return StepAlert(access, records_of(AlertStep, tables["steps"])[0])
        case "Report":
            return Report(access, _report(words, records_of(Alert, tables["alerts"])[0]))
        case "WriteNote":
            return WriteNote(access, records_of(ShiftNote, tables["notes"])[0])
        case "PlaceHold":
            return PlaceHold(access, records_of(Hold, tables["holds"])[0])
        case "ReleaseHold":
            return ReleaseHold(access, words["hold_id"])
    raise BadInput(f"the keeper knows no request {part.kind!r}; use the same version on both sides")


def _report(words: Mapping[str, Any], alert: Alert) -> DeviceReport:
    return DeviceReport(
        words["source"], words["event_id"], words["kind"], from_us(words["reported_us"]),
        from_us(words["received_us"]), words["envelope"], alert,
    )  # fmt: skip


def encode_lease_request(access: Access, camera_ids: Sequence[str]) -> bytes:
    """Return the bytes that ask for leases: no numbered request, since it writes nothing."""
    return _Body("Lease", {"access": asdict(access), "camera_ids": list(camera_ids)}).encode()


def decode_lease_request(body: pa.Buffer) -> tuple[Access, tuple[str, ...]]:
    """Return who asks for leases, and of which cameras.

    Raises
    ------
    BadInput
        When the bytes ask for something else.
    """
    try:
        words = _Body.decode(body).words
        return Access(**words["access"]), tuple(words["camera_ids"])
    except (KeyError, TypeError, IndexError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(
            f"not a request for leases ({type(error).__name__}: {error}); use the same version"
        ) from error


def encode_leases(leases: Sequence[Lease]) -> bytes:
    """Return the bytes of the keeper's word on cameras."""
    return _Body("leases", {"leases": [[one.camera_id, one.private, one.refusal] for one in leases]}).encode()


def encode_answer(value: object) -> bytes:
    """Return the bytes of an answer: a number, a text, ids, nothing, a run, an alert, or what upkeep did."""
    if isinstance(value, tuple):
        return _Body("ids", {"ids": list(value)}).encode()
    if isinstance(value, Run):
        return _Body("run", tables={"runs": table_of([value])}).encode()
    if isinstance(value, Alert):
        return _Body("alert", tables={"alerts": table_of([value])}).encode()
    if isinstance(value, Maintained):
        return _Body("maintained", asdict(value)).encode()
    return _Body("plain", {"value": value}).encode()


def encode_error(error: BaseException) -> bytes:
    """Return the bytes of a refusal or failure, its type with it."""
    kind = type(error).__name__ if isinstance(error, RtccError) else RtccError.__name__
    text = str(error) if isinstance(error, RtccError) else f"the keeper failed: {type(error).__name__}: {error}"
    return _Body("error", {"kind": kind, "text": text}).encode()


def decode_answer(body: pa.Buffer) -> object:
    """Return the answer, or raise the error it carries."""
    part = _Body.decode(body)
    if part.kind == "error":
        kind = getattr(errors, part.words["kind"], RtccError)
        raise kind(part.words["text"])
    if part.kind == "leases":
        return tuple(Lease(*words) for words in part.words["leases"])
    if part.kind == "ids":
        return tuple(part.words["ids"])
    if part.kind == "run":
        return records_of(Run, part.tables["runs"])[0]
    if part.kind == "alert":
        return records_of(Alert, part.tables["alerts"])[0]
    if part.kind == "maintained":
        return Maintained(**part.words)
    return part.words["value"]


def encode_roster(roster: Roster | None) -> bytes:
    """Return the bytes of a roster; `None` says that the one known still stands."""
    if roster is None:
        return _Body("plain", {"value": None}).encode()
    tables = {
        "cameras": table_of(roster.cameras), "mountings": table_of(roster.mountings),
        "zones": table_of(roster.zones), "alerts": table_of(roster.alerts), "consents": table_of(roster.consents),
    }  # fmt: skip
    return _Body("roster", {"version": roster.version}, tables).encode()


def decode_roster(body: pa.Buffer) -> Roster | None:
    """Return the roster, or raise the error that came instead."""
    part = _Body.decode(body)
    if part.kind != "roster":
        decode_answer(body)
        return None
    tables = part.tables
    return Roster(
        part.words["version"], records_of(Camera, tables["cameras"]), records_of(Mounting, tables["mountings"]),
        records_of(Zone, tables["zones"]), records_of(Alert, tables["alerts"]),
        records_of(Consent, tables["consents"]),
    )  # fmt: skip


def encode_changes_request(known: str, wait_s: float) -> bytes:
    """Return the bytes that ask what has become of alerts: no numbered request, since it writes nothing."""
    return _Body("AlertChanges", {"known": known, "wait_s": wait_s}).encode()


def decode_changes_request(body: pa.Buffer) -> tuple[str, float]:
    """Return which version is known, and how long to wait for another, seconds.

    Raises
    ------
    BadInput
        When the bytes ask for something else.
    """
    try:
        words = _Body.decode(body).words
        return str(words["known"]), float(words["wait_s"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInput(
            f"not a question about alerts ({type(error).__name__}: {error}); use the same version"
        ) from error


def encode_changes(changes: AlertChanges) -> bytes:
    """Return the bytes of what has become of alerts."""
    words = {"version": changes.version, "complete": changes.complete}
    return _Body("alert_changes", words, {"alerts": table_of(changes.alerts)}).encode()


def decode_changes(body: pa.Buffer) -> AlertChanges:
    """Return what has become of alerts, or raise the error that came instead."""
    part = _Body.decode(body)
    if part.kind != "alert_changes":
        raise BadInput(f"the keeper answered {decode_answer(body)!r} to a question about alerts")
    return AlertChanges(part.words["version"], part.words["complete"], records_of(Alert, part.tables["alerts"]))
