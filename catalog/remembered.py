"""What a reader remembers between two questions: cameras, consents, and which cameras several runs looked at.

Reading these few rows costs more than most questions do, and they seldom change. The lake says which tables
each snapshot changed, so they are read again exactly when they did, or when it cannot be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from catalog.consent import Consent
from catalog.lake import METADATA
from catalog.records import records_of
from catalog.registry import Camera

ROW_CHANGES = frozenset(
    {"inserted_into_table", "deleted_from_table", "compacted_table", "inlined_insert", "inlined_delete"}
)
"""Changes of a snapshot that name a table by its number and touch nothing but that table's rows."""

WATCHED = frozenset({"cameras", "consents", "runs"})


@dataclass
class Remembered:
    """The registry as of one snapshot."""

    source: str
    """Where runs are read: `lake`, or `past` for questions about an earlier state."""
    snapshot_id: int | None = None
    """The snapshot of `lake` that was read last; `None` before the first."""
    cameras: tuple[Camera, ...] = ()
    consents: tuple[Consent, ...] = ()
    contested: frozenset[str] = frozenset()
    """Cameras that more than one run may have looked at."""

    def refresh(self, connection: duckdb.DuckDBPyConnection, snapshot_id: int) -> None:
        """Read again what changed up to this snapshot of `lake`, the one the connection's transaction sees."""
        changed = WATCHED
        if self.snapshot_id is not None:
            changed = changed_tables(connection, self.snapshot_id, snapshot_id) & WATCHED
        if "cameras" in changed:
            rows = connection.execute("select * from lake.main.cameras").to_arrow_table()
            self.cameras = records_of(Camera, rows)
        if "consents" in changed:
            rows = connection.execute("select * from lake.main.consents").to_arrow_table()
            self.consents = records_of(Consent, rows)
        if changed & {"cameras", "runs"}:
            self.contested = self._contested(connection)
        self.snapshot_id = snapshot_id

    def _contested(self, connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
        try:
            runs = connection.execute(f"select camera_id, count(*) from {self.source}.main.runs group by camera_id")
        except duckdb.CatalogException:  # there was no such table then
            return frozenset()
        counts = dict(runs.fetchall())
        everywhere = counts.pop(None, 0)
        known = {camera.camera_id for camera in self.cameras} | set(counts)
        return frozenset(camera_id for camera_id in known if counts.get(camera_id, 0) + everywhere > 1)


def changed_tables(connection: duckdb.DuckDBPyConnection, after: int, until: int) -> frozenset[str]:
    """Return the watched tables that snapshots after one and up to another may have changed."""
    if after == until:
        return frozenset()
    rows = connection.execute(
        f"select changes_made from {METADATA}.ducklake_snapshot_changes where snapshot_id > $after "
        "and snapshot_id <= $until",
        {"after": after, "until": until},
    ).fetchall()
    if len(rows) != until - after:
        return WATCHED
    changes = [change.partition(":") for (line,) in rows for change in (line or "").split(",") if change]
    if any(kind not in ROW_CHANGES for kind, _, _ in changes):
        return WATCHED
    return _names(connection, {number for _, _, number in changes})


def _names(connection: duckdb.DuckDBPyConnection, numbers: set[str]) -> frozenset[str]:
    rows = connection.execute(f"select table_id, table_name from {METADATA}.ducklake_table").fetchall()
    named = {str(number): str(name) for number, name in rows}
    if numbers - set(named):
        return WATCHED
    return frozenset(named[number] for number in numbers)
