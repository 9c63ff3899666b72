"""What the keeper knows by heart: registry, consents, runs and which segments each run has rows of.

The keeper alone writes, so its memory is the catalog's; it is read once at start, and again after a commit
whose outcome was not seen.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from catalog.casework import Alert
from catalog.consent import Consent, consent_for, may_open, why_never
from catalog.errors import BadInput, NotPermitted, UnknownCamera
from catalog.known_alerts import ALERTS, KnownAlerts
from catalog.known_reports import KnownReports
from catalog.lately import Lately
from catalog.observations import Run
from catalog.records import records_of
from catalog.registry import Camera, Mounting, Zone
from catalog.retention import Hold
from catalog.spans import Span, iso

KNOWN_SEGMENTS = 2_000_000
"""Segments remembered over all runs before the run least used is forgotten: about 500 MB."""

TABLES = (
    "cameras", "mountings", "zones", "consents", "segments", "gaps", "runs", "analyses", "memories",
    "detections", "track_states", "event_states", "minute_counts", "alerts", "audit",
    "sampling_levels", "holds", "tombstones", "alert_steps", "device_reports", "shift_notes",
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
    alerts: KnownAlerts = field(default_factory=KnownAlerts)
    """Open ones, and those whose event is not a row yet; the others are looked up where they matter."""
    leaders_due: bool = True
    """True where the rows of alerts whose repeats were only counted may be replaced by the next commit."""
    reports: KnownReports = field(default_factory=KnownReports)
    """Reports of devices, the latest ones."""
    holds: dict[str, Hold] = field(default_factory=dict)
    """Open ones."""
    opened: Mapping[str, datetime] = field(default_factory=dict)
    """Cameras shared `on_incident` that have an open incident near them, and from when on it lets them be seen."""
    raised_lately: Lately = field(default_factory=Lately)
    """Alerts, open or not."""
    stated_lately: Lately = field(default_factory=Lately)
    """Events that are rows."""

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection) -> Standing:
        """Read the registry of the attached `lake`."""

        def all_of(table: str) -> pa.Table:
            return connection.execute(f"select * from lake.{table}").to_arrow_table()

        schemas = {
            table: connection.execute(f"select * from lake.{table} limit 0").to_arrow_table().schema
            for table in TABLES
        }
        standing = cls(
            connection,
            schemas,
            AppendedSegments(connection),
            {camera.camera_id: camera for camera in records_of(Camera, all_of("cameras"))},
            {mounting.mounting_id: mounting for mounting in records_of(Mounting, all_of("mountings"))},
            {zone.zone_id: zone for zone in records_of(Zone, all_of("zones"))},
            {consent.consent_id: consent for consent in records_of(Consent, all_of("consents"))},
            {run.run_id: run for run in records_of(Run, all_of("runs"))},
            KnownAlerts.load(connection),
            reports=KnownReports.load(connection),
        )
        for hold in records_of(Hold, all_of("holds where released_at is null")):
            standing.take_hold(hold)
        return standing

    def kept(
        self, table: str, column: str, ids: tuple[str, ...], start_within: tuple[datetime, datetime] | None = None
    ) -> pa.Table:
        """Return the table's rows of these ids, in the types that `schemas` gives.

        Parameters
        ----------
        start_within
            First and last `start_at` among them, where known: spares a search through all days.
        """
        if not ids:
            return self.schemas[table].empty_table()
        columns = ", ".join(self.schemas[table].names)
        where, values = f"{column} in (select unnest(?::varchar[]))", list[Any]([list(ids)])
        if start_within is not None:
            where += " and start_at between ? and ?"
            values += start_within
        rows = self.connection.execute(f"select {columns} from lake.{table} where {where}", values).to_arrow_table()
        return rows.cast(self.schemas[table])

    def stated_events(self, event_ids: Sequence[str], since: datetime) -> frozenset[str]:
        """Return which of these events are rows already, stated as of `since` or later."""
        if self.stated_lately.covers(since):
            return frozenset(event_id for event_id in event_ids if event_id in self.stated_lately)
        rows = self.connection.execute(
            "select distinct event_id from lake.event_states where as_of_at >= ? "
            "and event_id in (select unnest(?::varchar[]))",
            [since, list(event_ids)],
        ).fetchall()
        return frozenset(str(event_id) for (event_id,) in rows)

    def reported(self, report_id: str) -> str | None:
        """Return the alert that this report called for; `None` where it is new."""
        alert_id = self.reports.alert_of(report_id)
        if alert_id is not None or self.reports.complete:
            return alert_id
        row = self.connection.execute(
            "select alert_id from lake.device_reports where report_id = ?", [report_id]
        ).fetchone()
        return None if row is None else str(row[0])

    def alerts_known(self, alerts: Sequence[Alert]) -> frozenset[str]:
        """Return the ids of those among these alerts that were raised before, whatever has become of them."""
        known = {alert.alert_id for alert in alerts if alert.alert_id in self.alerts}
        known |= {alert.alert_id for alert in alerts if alert.alert_id in self.raised_lately}
        older = tuple(
            alert.alert_id
            for alert in alerts
            if alert.alert_id not in known and not self.raised_lately.covers(alert.onset_at)
        )
        known.update(self.kept("alerts", "alert_id", older)["alert_id"].to_pylist())
        return frozenset(known)

    def alert(self, alert_id: str) -> Alert | None:
        """Return the alert as it is now, closed ones too; `None` where there is none."""
        if alert_id in self.alerts:
            return self.alerts[alert_id]
        rows = self.connection.execute(f"{ALERTS} where alert_id = ?", [alert_id]).to_arrow_table()
        return next(iter(records_of(Alert, rows)), None)

    def take_hold(self, hold: Hold) -> None:
        """Remember the hold while it stands."""
        if hold.released_at is None:
            self.holds[hold.hold_id] = hold
        else:
            self.holds.pop(hold.hold_id, None)

    def keeping(self) -> Mapping[str, list[Span]]:
        """Return the spans of each camera's footage that may not be deleted: held, or an open alert's evidence."""
        spans: dict[str, list[Span]] = defaultdict(list)
        for hold in self.holds.values():
            spans[hold.camera_id].append(hold.span)
        for alert in self.alerts.values():
            if alert.open and alert.camera_id is not None:
                spans[alert.camera_id].append(alert.evidence)
        return spans

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
        since = self.opened.get(camera_id)
        incident = since is not None and footage.start_at >= since
        given = self.consents.values()
        if not camera.private or consent_for(camera, purpose, footage, asked_at, given, incident=incident):
            return
        until = f" to {iso(footage.end_at)}" if footage.end_at else ""
        raise NotPermitted(
            f"footage of {camera_id!r} from {iso(footage.start_at)}{until} is closed for {purpose}: "
            f"{self._why_closed(camera, purpose)}; ask its owner {camera.owner_id!r}"
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
        if may_open(camera, purpose, incident=camera_id in self.opened):
            for consent in self.consents.values():
                named = camera_id in consent.camera_ids
                if named and consent.archived and consent.in_force(asked_at, purpose):
                    return consent
        raise NotPermitted(
            f"a run over {camera_id!r} for {purpose} may not start: {self._why_closed(camera, purpose)}; "
            f"ask its owner {camera.owner_id!r}"
        )

    def _why_closed(self, camera: Camera, purpose: str) -> str:
        incident = camera.camera_id in self.opened
        if not may_open(camera, purpose, incident=incident):
            return f"{why_never(camera, incident=incident)} ({camera.legal_basis} camera)"
        return f"it is a {camera.legal_basis} camera and no consent in force covers this"
