"""Upkeep of the lake: small files merged, old snapshots expired, files nobody reads any more removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from catalog.durable import DurableFiles

SMALL_FILE_BYTES = 4_000_000
"""Files below this are merged, bytes; measured best for group commits of 0.25 s."""

LONGEST_QUERY = timedelta(hours=1)
"""A file replaced by a merge stays so long, for readers that opened the lake before: no question runs longer."""

ORPHANED_AFTER = timedelta(days=1)
"""A file no snapshot names is what a killed commit left; anything younger may belong to one under way."""


TEXT_DATES = timedelta(days=1)
"""Kept longer on SQLite, which compares DuckLake's instants as text: `2026-03-01 23:59` sorts before
`2026-03-01T00:00`, so the last day before a limit would already go."""


def limit(at: datetime, *, sqlite: bool) -> datetime:
    """Return the instant to hand to DuckLake so that nothing younger than `at` goes."""
    return at - TEXT_DATES if sqlite else at


@dataclass(frozen=True)
class Maintained:
    """What one round of upkeep did."""

    merged_files: int = 0
    """Small files that became part of larger ones."""
    expired_snapshots: int = 0
    removed_files: int = 0
    """Files taken off the disk: merged ones past the longest query, and what killed commits left."""


def merge(connection: duckdb.DuckDBPyConnection, files: DurableFiles, tables: tuple[str, ...]) -> int:
    """Merge the small files of the attached `lake` in one transaction and return how many went."""
    connection.begin()
    try:
        rows = connection.execute(
            "call ducklake_merge_adjacent_files('lake', max_file_size => ?)", [SMALL_FILE_BYTES]
        ).fetchall()
        if rows:
            connection.execute("call lake.set_commit_message('keeper', 'merge small files')")
            files.sync(tables)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return sum(int(files_before) for _, _, files_before, _ in rows)


def expirable(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> int:
    """Return how many snapshots `expire` would take."""
    due = connection.execute(
        "call ducklake_expire_snapshots('lake', dry_run => true, older_than => ?)",
        [older_than],
    ).to_arrow_table()
    return int(due.num_rows)


def expire(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> int:
    """Expire snapshots from before this instant and return how many went; the newest always stays."""
    gone = connection.execute(
        "call ducklake_expire_snapshots('lake', older_than => ?)", [older_than]
    ).to_arrow_table()
    return int(gone.num_rows)


def clean_up(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> int:
    """Remove files that were replaced before this instant, and return how many went."""
    gone = connection.execute(
        "call ducklake_cleanup_old_files('lake', older_than => ?)", [older_than]
    ).to_arrow_table()
    return int(gone.num_rows)


def remove_orphans(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Remove files that no snapshot names, a day old or more, and return how many went."""
    gone = connection.execute(
        "call ducklake_delete_orphaned_files('lake', older_than => ?)", [now - ORPHANED_AFTER]
    ).to_arrow_table()
    return int(gone.num_rows)
