"""What can be asked of the write door, each with who asks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.consent import Consent
from catalog.footage import Gap, Segment
from catalog.maintenance import Maintained
from catalog.observations import Run, SegmentRows
from catalog.records import table_of
from catalog.registry import Camera, Mounting, Zone
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
    """Segments and the gaps between them; an id already there is replaced."""

    access: Access
    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()


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


Request = Register | Grant | Withdraw | AddFootage | StartRun | Append | Record | Permit


class WriteDoor(Protocol):
    """The one way into the catalog; `Keeper` is it in process, `KeeperClient` from outside.

    Every method blocks until what it wrote is durable, and may be repeated: the same thing twice writes the
    same rows once. Refusals raise `NotPermitted` and are in the audit by then.
    """

    def register(
        self,
        access: Access,
        *,
        cameras: Sequence[Camera] = (),
        mountings: Sequence[Mounting] = (),
        zones: Sequence[Zone] = (),
    ) -> int:
        """Add or replace cameras, mountings and zones by id; return the snapshot that holds them."""
        ...

    def grant(self, access: Access, consent: Consent) -> int:
        """Add or replace a consent; return the snapshot that holds it."""
        ...

    def withdraw(self, access: Access, consent_id: str) -> int:
        """Take a consent back as of now; return the snapshot that says so."""
        ...

    def add_footage(self, access: Access, segments: Sequence[Segment], gaps: Sequence[Gap]) -> int:
        """Add or replace segments and gaps by id; return the snapshot that holds them."""
        ...

    def start_run(self, access: Access, run: Run) -> Run:
        """Return the run as it is kept: this one, or the one that was started first under its id."""
        ...

    def append(self, access: Access, rows: SegmentRows) -> int:
        """Replace what a run states about a segment; return the snapshot that holds it."""
        ...

    def record(self, access: Access, line: AuditLine) -> str:
        """Add a line to the audit; return its digest."""
        ...

    def permit(self, access: Access, camera_id: str, footage: Span) -> None:
        """Return if this footage may be opened now, else raise `NotPermitted`."""
        ...

    def maintain(self) -> Maintained:
        """Merge small files, expire old snapshots, remove files nobody reads any more."""
        ...

    def close(self) -> None:
        """Let go of the door."""
        ...


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
