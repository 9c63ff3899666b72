"""What the keeper knows by heart: registry, consents, runs and which segments each run has rows of.

The keeper alone writes, so its memory is the catalog's; it is read once at start, and again after a commit
whose outcome was not seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from catalog.consent import Consent, consent_for
from catalog.errors import BadInput, NotPermitted, UnknownCamera
from catalog.observations import Run
from catalog.records import records_of
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import Span, iso

KNOWN_SEGMENTS = 2_000_000
"""Segments remembered over all runs before the run least used is forgotten: about 500 MB."""

TABLES = (
    "cameras", "mountings", "zones", "consents", "segments", "gaps", "runs", "analyses", "memories",
    "detections", "track_states", "event_states", "minute_counts", "alerts", "audit",
)  # fmt: skip
"""Tables the keeper writes."""


@dataclass(frozen=True)
class Appended:
    """What is remembered of one run's rows of one segment."""

    span: Span
    sha256: str | None
    """Digest of the rows; `None` when they were kept by an earlier keeper."""


class AppendedSegments:
    """Which segments each run has rows of; read from the catalog a run at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._runs: OrderedDict[str, dict[str, Appended]] = OrderedDict()
        self._count = 0

    def find(self, run_id: str, segment_id: str) -> Appended | None:
        """Return what is remembered of this run's rows of this segment; `None` when it has none."""
        return self._of(run_id).get(segment_id)

    def add(self, run_id: str, segment_id: str, appended: Appended) -> None:
        """Remember rows that are durable now."""
        known = self._of(run_id)
        self._count += segment_id not in known
        known[segment_id] = appended
        while self._count > KNOWN_SEGMENTS and len(self._runs) > 1:
            self._count -= len(self._runs.popitem(last=False)[1])

    def begin(self, run_id: str) -> None:
        """Remember a run that has no rows yet, which saves asking the catalog."""
        self._runs.setdefault(run_id, {})

    def _of(self, run_id: str) -> dict[str, Appended]:
        if run_id not in self._runs:
            rows = self._connection.execute(
                "select segment_id, start_at, end_at from lake.analyses where run_id = ?", [run_id]
            ).to_arrow_table()
            self._runs[run_id] = {
                row["segment_id"]: Appended(Span(row["start_at"], row["end_at"]), None) for row in rows.to_pylist()
            }
            self._count += rows.num_rows
        self._runs.move_to_end(run_id)
        return self._runs[run_id]


@dataclass
class Standing:
    """The catalog's registry as of the last commit."""

    connection: duckdb.DuckDBPyConnection
    schemas: Mapping[str, pa.Schema]
    """Columns and types of every table the keeper writes."""
    appended: AppendedSegments
    cameras: dict[str, Camera] = field(default_factory=dict)
    mountings: dict[str, Mounting] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection) -> Standing:
        """Read the registry of the attached `lake`."""

        def all_of(table: str) -> pa.Table:
            return connection.execute(f"select * from lake.{table}").to_arrow_table()

        schemas = {
            table: connection.execute(f"select * from lake.{table} limit 0").to_arrow_table().schema
            for table in TABLES
        }
        return cls(
            connection,
            schemas,
            AppendedSegments(connection),
            {camera.camera_id: camera for camera in records_of(Camera, all_of("cameras"))},
            {mounting.mounting_id: mounting for mounting in records_of(Mounting, all_of("mountings"))},
            {zone.zone_id: zone for zone in records_of(Zone, all_of("zones"))},
            {consent.consent_id: consent for consent in records_of(Consent, all_of("consents"))},
            {run.run_id: run for run in records_of(Run, all_of("runs"))},
        )

    def kept(self, table: str, column: str, ids: tuple[str, ...]) -> pa.Table:
        """Return the table's rows of these ids, in the types that `schemas` gives."""
        columns = ", ".join(self.schemas[table].names)
        rows = self.connection.execute(
            f"select {columns} from lake.{table} where {column} in (select unnest(?::varchar[]))", [list(ids)]
        ).to_arrow_table()
        return rows.cast(self.schemas[table])

    def camera(self, camera_id: str) -> Camera:
        """Return the camera, or raise `UnknownCamera`."""
        try:
            return self.cameras[camera_id]
        except KeyError:
            raise UnknownCamera(
                f"camera {camera_id!r} is not in the registry; `rtcc cameras list` shows what is, "
                "`rtcc cameras import` adds to it"
            ) from None

    def run(self, run_id: str) -> Run:
        """Return the run, or raise `BadInput`: no row without the run that states it."""
        try:
            return self.runs[run_id]
        except KeyError:
            raise BadInput(f"run {run_id} was never started; call start_run before the first append") from None

    def require(self, camera_id: str, purpose: str, footage: Span, asked_at: datetime) -> None:
        """Return if this footage is open for this purpose now.

        Raises
        ------
        UnknownCamera
            When the registry does not hold the camera.
        NotPermitted
            When the camera is private and no consent in force covers the footage.
        """
        camera = self.camera(camera_id)
        if not camera.private or consent_for(camera, purpose, footage, asked_at, self.consents.values()):
            return
        until = f" to {iso(footage.end_at)}" if footage.end_at else ""
        raise NotPermitted(
            f"footage of {camera_id!r} from {iso(footage.start_at)}{until} is closed for {purpose}: "
            f"{self._why_closed(camera)}; ask its owner {camera.owner_id!r}"
        )

    def standing_consent(self, camera_id: str, purpose: str, asked_at: datetime) -> Consent | None:
        """Return a consent that lets work for this purpose begin; `None` when the camera needs none.

        Raises
        ------
        NotPermitted
            When the camera is private and no consent for this purpose is in force.
        """
        camera = self.camera(camera_id)
        if not camera.private:
            return None
        if camera.sharing not in ("registry_only", "on_incident"):
            for consent in self.consents.values():
                named = camera_id in consent.camera_ids
                if named and consent.archived and consent.in_force(asked_at, purpose):
                    return consent
        raise NotPermitted(
            f"a run over {camera_id!r} for {purpose} may not start: {self._why_closed(camera)}; "
            f"ask its owner {camera.owner_id!r}"
        )

    def _why_closed(self, camera: Camera) -> str:
        if camera.sharing in ("registry_only", "on_incident"):
            return f"its owner shares it {camera.sharing} ({camera.legal_basis} camera)"
        return f"it is a {camera.legal_basis} camera and no consent in force covers this"
