"""What can be asked of the write door, each with who asks."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa

from catalog.access import Access
from catalog.alert_board import AlertChanges
from catalog.audit import AuditLine
from catalog.casework import Alert, AlertClosing
from catalog.consent import Consent
from catalog.footage import Gap, SamplingLevel, Segment
from catalog.leases import Lease
from catalog.maintenance import Maintained
from catalog.observations import Run, SegmentRows
from catalog.records import table_of
from catalog.registry import Camera, Mounting, Zone
from catalog.response import AlertStep, DeviceReport, ShiftNote
from catalog.retention import Hold
from catalog.roster import Roster
from catalog.spans import Span


@dataclass(frozen=True)
class Register:
    """Cameras, how they hang and what is drawn on their pictures; an id already there is replaced."""

    access: Access
    cameras: tuple[Camera, ...] = ()
    mountings: tuple[Mounting, ...] = ()
    zones: tuple[Zone, ...] = ()


@dataclass(frozen=True)
class Grant:
    """A consent, given or changed."""

    access: Access
    consent: Consent


@dataclass(frozen=True)
class Withdraw:
    """A consent, taken back as of now."""

    access: Access
    consent_id: str


@dataclass(frozen=True)
class AddFootage:
    """Segments, the gaps between them, and how closely they were looked at; an id already there is replaced."""

    access: Access
    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    levels: tuple[SamplingLevel, ...] = ()


@dataclass(frozen=True)
class DeleteFootage:
    """Segments that shall go, and why; held ones and those an open alert rests on stay."""

    access: Access
    segment_ids: tuple[str, ...]
    rule: str
    """Why, as their tombstones will say."""


@dataclass(frozen=True)
class StartRun:
    """A run, before its first rows; one already there stays as it is."""

    access: Access
    run: Run


@dataclass(frozen=True)
class Append:
    """What one run states about one segment; what it stated before is replaced."""

    access: Access
    rows: SegmentRows
    sha256: str
    """Digest of the rows: the same rows again are acknowledged without a write."""

    @classmethod
    def of(cls, access: Access, rows: SegmentRows) -> Append:
        """Return the request for these rows, digest taken."""
        return cls(access, rows, rows_sha256(rows))


@dataclass(frozen=True)
class Record:
    """A line for the audit."""

    access: Access
    line: AuditLine


@dataclass(frozen=True)
class Permit:
    """Leave to open recorded footage of one camera."""

    access: Access
    camera_id: str
    footage: Span


@dataclass(frozen=True)
class RaiseAlerts:
    """Alerts; one already known stays as it is, and one that repeats an open one is folded into it."""

    access: Access
    alerts: tuple[Alert, ...]


@dataclass(frozen=True)
class CloseAlerts:
    """Ends of alerts; one already closed stays as it is."""

    access: Access
    closings: tuple[AlertClosing, ...]


@dataclass(frozen=True)
class StepAlert:
    """What somebody does about an alert."""

    access: Access
    step: AlertStep


@dataclass(frozen=True)
class Report:
    """What a device said, and the alert it calls for; the same source and event again is the same report."""

    access: Access
    report: DeviceReport


@dataclass(frozen=True)
class WriteNote:
    """What one shift leaves to the next; a note already known stays as it is."""

    access: Access
    note: ShiftNote


@dataclass(frozen=True)
class PlaceHold:
    """A hold on footage; one already known stays as it is."""

    access: Access
    hold: Hold


@dataclass(frozen=True)
class ReleaseHold:
    """A hold, let go as of now."""

    access: Access
    hold_id: str


Request = (
    Register | Grant | Withdraw | AddFootage | DeleteFootage | StartRun | Append | Record | Permit
    | RaiseAlerts | CloseAlerts | StepAlert | Report | WriteNote | PlaceHold | ReleaseHold
)  # fmt: skip


class WriteDoor(ABC):
    """The one way into the catalog; `Keeper` is it in process, `KeeperClient` from outside.

    Every method but `lease`, `roster` and `alert_changes` blocks until what it wrote is durable, and may be
    repeated: the same thing twice writes the same rows once. Refusals raise `NotPermitted` and are in the audit by
    then.
    """

    @abstractmethod
    def _ask(self, request: Request) -> object:
        """Return the answer to a request once it is durable."""

    @abstractmethod
    def lease(self, access: Access, camera_ids: Sequence[str]) -> tuple[Lease, ...]:
        """Return for each camera whether its live feed may be read now; answered at once, whatever else waits."""

    @abstractmethod
    def roster(self, known: str = "") -> Roster | None:
        """Return registry and open alerts; `None` while they are still those of the version `known`."""

    @abstractmethod
    def alert_changes(self, known: str = "", wait_s: float = 0.0) -> AlertChanges:
        """Return what has become of alerts since the version `known`, all open ones where that is unknown.

        Waits for a change, at most `wait_s` seconds and never longer than `LONGEST_WAIT_S`, behind no commit.
        """

    @abstractmethod
    def append(self, access: Access, rows: SegmentRows) -> int:
        """Replace what a run states about a segment; return the snapshot that holds it."""

    @abstractmethod
    def maintain(self) -> Maintained:
        """Merge small files, expire old snapshots, remove files nobody reads any more."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the door."""

    def register(
        self,
        access: Access,
        *,
        cameras: Sequence[Camera] = (),
        mountings: Sequence[Mounting] = (),
        zones: Sequence[Zone] = (),
    ) -> int:
        """Add or replace cameras, mountings and zones by id; return the snapshot that holds them."""
        return cast(int, self._ask(Register(access, tuple(cameras), tuple(mountings), tuple(zones))))

    def grant(self, access: Access, consent: Consent) -> int:
        """Add or replace a consent; return the snapshot that holds it."""
        return cast(int, self._ask(Grant(access, consent)))

    def withdraw(self, access: Access, consent_id: str) -> int:
        """Take a consent back as of now; return the snapshot that says so."""
        return cast(int, self._ask(Withdraw(access, consent_id)))

    def add_footage(
        self, access: Access, segments: Sequence[Segment], gaps: Sequence[Gap], levels: Sequence[SamplingLevel] = ()
    ) -> int:
        """Add or replace segments, gaps and sampling levels by id; return the snapshot that holds them."""
        return cast(int, self._ask(AddFootage(access, tuple(segments), tuple(gaps), tuple(levels))))

    def delete_footage(self, access: Access, segment_ids: Sequence[str], rule: str) -> tuple[str, ...]:
        """Replace segments by their tombstones; return which are gone now, whose files may go too.

        A segment under an open hold, or that an open alert rests on, is left out, and so is an unknown one. One
        that went before is named again, so that a caller who was cut off can finish.
        """
        return cast(tuple[str, ...], self._ask(DeleteFootage(access, tuple(segment_ids), rule)))

    def place_hold(self, access: Access, hold: Hold) -> int:
        """Keep footage from being deleted; return the snapshot that says so."""
        return cast(int, self._ask(PlaceHold(access, hold)))

    def release_hold(self, access: Access, hold_id: str) -> int:
        """Let a hold go as of now; return the snapshot that says so."""
        return cast(int, self._ask(ReleaseHold(access, hold_id)))

    def raise_alerts(self, access: Access, alerts: Sequence[Alert]) -> int:
        """Add alerts, those already known left as they are; return the snapshot that holds them.

        One that repeats an open alert (`catalog.folding`) is kept closed, and counted on that one.
        """
        return cast(int, self._ask(RaiseAlerts(access, tuple(alerts))))

    def close_alerts(self, access: Access, closings: Sequence[AlertClosing]) -> int:
        """Close alerts, those already closed left as they are; return the snapshot that says so."""
        return cast(int, self._ask(CloseAlerts(access, tuple(closings))))

    def step_alert(self, access: Access, step: AlertStep) -> Alert:
        """Take a step (`catalog.response.stepped`) and return the alert after it, durable.

        Raises
        ------
        NotFound
            When there is no such alert.
        AlertConflict
            When the alert is no longer as it was seen, or someone else's: nothing is written then.
        """
        return cast(Alert, self._ask(StepAlert(access, step)))

    def report(self, access: Access, report: DeviceReport) -> Alert:
        """Keep a device's report and return its alert, durable; of a repeated report, the first one's as it stands.

        The alert is the report's own: where it repeats an open one it is closed, and `merged_into` names that one.
        """
        return cast(Alert, self._ask(Report(access, report)))

    def write_note(self, access: Access, note: ShiftNote) -> int:
        """Keep what one shift leaves to the next; return the snapshot that holds it."""
        return cast(int, self._ask(WriteNote(access, note)))

    def start_run(self, access: Access, run: Run) -> Run:
        """Return the run as it is kept: this one, or the one that was started first under its id."""
        return cast(Run, self._ask(StartRun(access, run)))

    def record(self, access: Access, line: AuditLine) -> str:
        """Add a line to the audit; return its digest."""
        return cast(str, self._ask(Record(access, line)))

    def permit(self, access: Access, camera_id: str, footage: Span) -> None:
        """Return if this footage may be opened now, else raise `NotPermitted`."""
        self._ask(Permit(access, camera_id, footage))


ROW_TABLES = ("detections", "track_states", "event_states", "gaps")
"""Tables whose rows a `SegmentRows` brings as Arrow tables."""


def rows_sha256(rows: SegmentRows) -> str:
    """Return the digest of everything an append brings, hex."""
    digest = hashlib.sha256(ipc_bytes(table_of([rows.analysis])))
    digest.update(rows.memory)
    for name in ROW_TABLES:
        digest.update(ipc_bytes(getattr(rows, name)))
    return digest.hexdigest()


def ipc_bytes(rows: pa.Table) -> pa.Buffer:
    """Return the table as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return sink.getvalue()
