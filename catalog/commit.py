"""One transaction for many requests: old rows out, new rows in, audit and ledger with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.durable import DurableFiles
from catalog.plans import SEGMENT_TABLES, SLACK, Plan, Replaced, ReplacedSegment

AUTHOR = "keeper"
"""Who signs the commits of the lake."""


class OutcomeUnknown(Exception):
    """COMMIT itself failed: only the catalog, read anew, says whether the transaction stands."""


def write_group(
    connection: duckdb.DuckDBPyConnection,
    files: DurableFiles,
    plans: Sequence[Plan],
    audit_rows: pa.Table,
    note: str,
) -> None:
    """Make all plans durable in one transaction of the attached `lake`, or none of them.

    Parameters
    ----------
    audit_rows
        Columns of the table `audit`; N may be 0.
    note
        What the ledger wants remembered with the commit.

    Raises
    ------
    duckdb.Error, OSError
        When nothing was kept.
    OutcomeUnknown
        When COMMIT itself failed.
    """
    connection.begin()
    try:
        for removal in (removal for each in plans for removal in each.removes):
            _remove(connection, removal)
        touched = _insert(connection, plans, audit_rows)
        connection.execute(
            "call lake.set_commit_message(?, ?, extra_info => ?)", [AUTHOR, f"{len(plans)} requests", note]
        )
        files.sync(touched)
    except BaseException:
        roll_back(connection)
        raise
    try:
        connection.commit()
    except duckdb.Error as error:
        roll_back(connection)
        raise OutcomeUnknown(str(error)) from error


def roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Undo the open transaction, if there still is one."""
    try:
        connection.rollback()
    except duckdb.Error:
        # A failed COMMIT has already ended it; the keeper reads everything anew after any failure.
        return


def _remove(connection: duckdb.DuckDBPyConnection, removal: Replaced | ReplacedSegment) -> None:
    if isinstance(removal, Replaced):
        if removal.ids:
            where, values = f"{removal.column} in (select unnest(?::varchar[]))", list[Any]([list(removal.ids)])
            if removal.start_within is not None:
                where += " and start_at between ? and ?"
                values += removal.start_within
            connection.execute(f"delete from lake.{removal.table} where {where}", values)
        return
    key = [removal.run_id, removal.segment_id]
    for table in SEGMENT_TABLES:
        where, values = "run_id = ? and segment_id = ?", list[Any](key)
        if table == "detections" and removal.span.end_at is not None:
            where += " and seen_at between ? and ?"
            values += [removal.span.start_at - 2 * SLACK, removal.span.end_at + 2 * SLACK]
        connection.execute(f"delete from lake.{table} where {where}", values)


def _insert(connection: duckdb.DuckDBPyConnection, plans: Sequence[Plan], audit_rows: pa.Table) -> set[str]:
    parts: Mapping[str, list[pa.Table]] = defaultdict(list)
    for each in plans:
        for table, rows in each.inserts:
            if rows.num_rows:
                parts[table].append(rows)
    if audit_rows.num_rows:
        parts["audit"].append(audit_rows)
    for table, tables in parts.items():
        staged = pa.concat_tables(tables)
        columns = ", ".join(staged.column_names)
        connection.register("staged", staged)
        try:
            connection.execute(f"insert into lake.{table} ({columns}) select {columns} from staged")
        finally:
            connection.unregister("staged")
    removed = {removal.table for each in plans for removal in each.removes if isinstance(removal, Replaced)}
    if any(isinstance(removal, ReplacedSegment) for each in plans for removal in each.removes):
        removed.update(SEGMENT_TABLES)
    return set(parts) | removed


def audit_lines(plans: Iterable[Plan]) -> tuple[list[tuple[Access, AuditLine]], list[int | None]]:
    """Return the audit's new lines, and for each plan which of them (from 0) is its own.

    Appends of one run by one access share a line: the audit says that rows came in, the rows say which.
    """
    lines: list[tuple[Access, AuditLine]] = []
    of_plan: list[int | None] = []
    shared: dict[tuple[Access, str], int] = {}
    segments: dict[int, int] = defaultdict(int)
    for each in plans:
        if each.line is None:
            of_plan.append(None)
            continue
        if each.run_id is None:
            of_plan.append(len(lines))
            lines.append((each.access, each.line))
            continue
        at = shared.setdefault((each.access, each.run_id), len(lines))
        of_plan.append(at)
        segments[at] += 1
        before = lines[at][1].row_count or 0 if at < len(lines) else 0
        line = AuditLine(
            "append", each.line.question, f"segments={segments[at]}", before + (each.line.row_count or 0)
        )
        lines[at : at + 1] = [(each.access, line)]
    return lines, of_plan
