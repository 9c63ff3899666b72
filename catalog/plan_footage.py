"""Footage that comes, goes, and may not go yet: what such requests write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import BadInput, NotFound
from catalog.footage import Segment
from catalog.plans import Plan, Replaced
from catalog.records import fit, records_of, table_of
from catalog.retention import Hold
from catalog.spans import Span, iso
from catalog.standing import Standing
from catalog.writes import AddFootage, DeleteFootage, PlaceHold, ReleaseHold

TOMBSTONE = ("segment_id", "camera_id", "start_at", "end_at", "size_bytes", "sha256", "uri")
"""What of a segment its tombstone keeps."""


def add_footage(request: AddFootage, standing: Standing, now: datetime) -> Plan:
    """Return the plan that adds or replaces segments, gaps and sampling levels."""
    segments = {segment.segment_id: segment for segment in request.segments}
    gaps = {gap.gap_id: gap for gap in request.gaps}
    for segment in segments.values():
        _check_segment(segment, standing)
        standing.require(segment.camera_id, request.access.purpose, segment.span, now)
    levels = {level.level_id: level for level in request.levels}
    for camera_id in (*(gap.camera_id for gap in request.gaps), *(level.camera_id for level in request.levels)):
        standing.camera(camera_id)
    removes: list[Replaced] = []
    inserts: list[tuple[str, pa.Table]] = []
    staged_cameras: list[str] = []
    parts = (
        ("segments", "segment_id", segments),
        ("gaps", "gap_id", gaps),
        ("sampling_levels", "level_id", levels),
    )
    for table, column, records in parts:
        if records:
            staged = fit(table_of(list(records.values())), standing.schemas[table], table)
            # Each of these ids is made from camera and start: an earlier row of it starts at the same instant.
            starts = pc.min_max(staged["start_at"]).as_py()
            within = (starts["min"], starts["max"])
            changed, before = _changed(staged, standing.kept(table, column, tuple(records), within), column)
            removes.append(Replaced(table, column, before, within))
            inserts.append((table, changed))
            staged_cameras += staged["camera_id"].to_pylist()
    cameras = sorted(set(staged_cameras))
    counts = f"segments={len(segments)} gaps={len(gaps)}" + (f" levels={len(levels)}" if levels else "")
    line = AuditLine(
        "footage",
        "import",
        f"cameras={','.join(cameras)} {counts}",
        sum(rows.num_rows for _, rows in inserts),
    )
    keys = frozenset({*segments, *gaps, *levels})
    return Plan(request.access, keys, removes=tuple(removes), inserts=tuple(inserts), line=line if keys else None)


def _changed(staged: pa.Table, kept: pa.Table, column: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the rows that are not kept word for word yet, and the ids among them that replace kept ones."""
    before = {row[column]: row for row in kept.to_pylist()}
    rows = staged.to_pylist()
    fresh = pa.array([before.get(row[column]) != row for row in rows], pa.bool_())
    return staged.filter(fresh), tuple(r[column] for r in rows if r[column] in before and before[r[column]] != r)


def _check_segment(segment: Segment, standing: Standing) -> None:
    standing.camera(segment.camera_id)
    mounting = standing.mountings.get(segment.mounting_id)
    if mounting is None or mounting.camera_id != segment.camera_id:
        raise BadInput(
            f"segment {segment.segment_id} of {segment.camera_id!r}: mounting {segment.mounting_id} is not one of "
            "that camera; register the mounting first"
        )
    if not mounting.span.covers(segment.span):
        raise BadInput(
            f"segment {segment.segment_id} of {segment.camera_id!r} from {iso(segment.span.start_at)}: its "
            f"mounting {mounting.mounting_id} hangs only from {iso(mounting.span.start_at)} to "
            f"{iso(mounting.span.end_at) or 'now'}; register how the camera hung then"
        )


def delete_footage(request: DeleteFootage, standing: Standing, now: datetime) -> Plan:
    """Return the plan that puts tombstones in the place of segments, held ones left as they are.

    No consent is asked for: to delete is not to look.
    """
    if not request.rule.strip():
        raise BadInput("footage may not be deleted without a reason; name the rule, e.g. `retention 30 d`")
    asked = tuple(dict.fromkeys(request.segment_ids))
    rows = standing.kept("segments", "segment_id", asked)
    keeping = standing.keeping()
    going = pa.array([not _kept(row, keeping.get(row["camera_id"], ())) for row in rows.to_pylist()], pa.bool_())
    dead = rows.filter(going)
    deleted = set(dead["segment_id"].to_pylist())
    gone = deleted | set(buried(asked, standing))
    answer = tuple(segment_id for segment_id in asked if segment_id in gone)
    if not deleted:
        return Plan(request.access, frozenset(asked), answer=answer)
    tombstones = dead.select(list(TOMBSTONE))
    tombstones = tombstones.append_column("deleted_at", pa.array([now] * len(deleted), pa.timestamp("us", "UTC")))
    tombstones = tombstones.append_column("rule", pa.array([request.rule] * len(deleted)))
    starts = pc.min_max(dead["start_at"]).as_py()
    within = (starts["min"], starts["max"])
    cameras = ",".join(sorted(set(dead["camera_id"].to_pylist())))
    said = f"cameras={cameras} from={iso(within[0])} to={iso(within[1])} held={rows.num_rows - len(deleted)}"
    return Plan(
        request.access,
        frozenset(asked),
        removes=(Replaced("segments", "segment_id", tuple(deleted), within),),
        inserts=(("tombstones", fit(tombstones, standing.schemas["tombstones"], "tombstones")),),
        line=AuditLine("delete", request.rule, said, len(deleted)),
        answer=answer,
    )


def _kept(row: dict[str, Any], spans: Iterable[Span]) -> bool:
    own = Span(row["start_at"], row["end_at"])
    return any(span.overlaps(own) for span in spans)


def buried(segment_ids: tuple[str, ...], standing: Standing) -> tuple[str, ...]:
    """Return which of these have a tombstone and no segment."""
    dead = standing.kept("tombstones", "segment_id", segment_ids)["segment_id"].to_pylist()
    if not dead:
        return ()
    alive = set(standing.kept("segments", "segment_id", tuple(dead))["segment_id"].to_pylist())
    return tuple(dict.fromkeys(segment_id for segment_id in dead if segment_id not in alive))


def place_hold(request: PlaceHold, standing: Standing, now: datetime) -> Plan:
    """Return the plan that keeps footage from being deleted."""
    hold = request.hold
    standing.camera(hold.camera_id)
    if hold.hold_id in standing.holds or standing.kept("holds", "hold_id", (hold.hold_id,)).num_rows:
        return Plan(request.access, frozenset({hold.hold_id}))
    until = iso(hold.span.end_at) or "open"
    said = f"camera={hold.camera_id} from={iso(hold.span.start_at)} until={until} reason={hold.reason}"
    return _with_hold(request.access, hold, standing, AuditLine("hold", f"place {hold.hold_id}", said, 1))


def release_hold(request: ReleaseHold, standing: Standing, now: datetime) -> Plan:
    """Return the plan that lets a hold go; one let go before stays as it is."""
    hold = standing.holds.get(request.hold_id)
    if hold is None:
        earlier = records_of(Hold, standing.kept("holds", "hold_id", (request.hold_id,)))
        if not earlier:
            known = ", ".join(sorted(standing.holds)[:5]) or "none"
            raise NotFound(f"no hold {request.hold_id!r} to release; open ones are: {known}")
        since = f"since={iso(earlier[0].released_at)}"
        return Plan(request.access, line=AuditLine("hold", f"release {request.hold_id}", since, 0))
    line = AuditLine("hold", f"release {hold.hold_id}", f"camera={hold.camera_id}", 1)
    return _with_hold(request.access, replace(hold, released_at=now), standing, line)


def _with_hold(access: Access, hold: Hold, standing: Standing, line: AuditLine) -> Plan:
    known = (hold.hold_id,) if hold.hold_id in standing.holds else ()
    return Plan(
        access,
        frozenset({hold.hold_id}),
        closes_group=True,  # what is deleted next is judged by it
        removes=(Replaced("holds", "hold_id", known),),
        inserts=(("holds", fit(table_of([hold]), standing.schemas["holds"], "holds")),),
        line=line,
        settle=lambda after: after.take_hold(hold),
    )
