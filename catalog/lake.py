"""The lake itself: a DuckDB connection with the catalog attached; the only place that attaches one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import duckdb

from catalog.errors import BadInput, CatalogConflict, NotFound, StorageFailed
from catalog.extensions import connect_with
from catalog.home import Home
from catalog.migrations import check

BUSY_TIMEOUT_MS = 30_000
"""How long SQLite waits for another's lock before it gives up, ms: longer than any merge of small files."""

LOCKED_PAUSE_S = 0.005
"""Before a reader asks again that met a lock, seconds. Locks on the way in and out last microseconds, but the
SQLite that DuckDB carries can only wait in whole seconds (it was built without `usleep`)."""

AnswerT = TypeVar("AnswerT")

METADATA = "__ducklake_metadata_lake"
"""Name under which DuckLake shows its own tables beside the catalog `lake`."""


KEEPER_SETTINGS = {"memory_limit": "1GB", "enable_external_file_cache": "false"}
"""What bounds the memory of a process that commits and merges for months: without a limit DuckDB keeps what it
knows of every file it ever wrote (9 kB a commit), and its cache every file ever merged (27 MB for 300 commits)."""


def connect(
    home: Home,
    *,
    read_only: bool,
    as_of: int | datetime | None = None,
    threads: int | None = None,
    wait_ms: int = BUSY_TIMEOUT_MS,
) -> duckdb.DuckDBPyConnection:
    """Return a connection with the catalog attached as `lake`.

    Parameters
    ----------
    home
        Whose catalog.
    read_only
        True for everybody but the keeper.
    as_of
        A snapshot number or an instant: the catalog as it was then is attached as `past`.
    threads
        How many threads DuckDB may use; `None` for as many as there are cores.
    wait_ms
        How long SQLite waits for another's lock, ms, in whole seconds; 0 for callers that ask again by themselves,
        see `again_while_locked`.

    Raises
    ------
    NotFound
        When nothing has been kept here yet, or the snapshot asked for is not there.
    CatalogConflict
        When the catalog on disk belongs to another data path, or a reader's code does not know its schema.
    StorageFailed
        When the catalog's files or its database cannot be opened.
    """
    connection = bare(home, threads, settings={} if read_only else KEEPER_SETTINGS)
    try:
        _attach(connection, home, "lake", read_only, None, wait_ms)
        if read_only:
            again_while_locked(lambda: check(connection))
        if as_of is not None:
            _attach(connection, home, "past", True, as_of, wait_ms)
    except BaseException:
        connection.close()
        raise
    return connection


def again_while_locked(ask: Callable[[], AnswerT]) -> AnswerT:
    """Return what asking gives, asked again while the metadata is locked, for as long as SQLite would have waited.

    Only for what may be done twice.

    Raises
    ------
    duckdb.Error
        When it stays locked, or whatever else goes wrong.
    """
    give_up_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return ask()
        except duckdb.Error as error:
            if "database is locked" not in str(error) or time.monotonic() > give_up_s:
                raise
        time.sleep(LOCKED_PAUSE_S)


def bare(
    home: Home, threads: int | None, *, settings: Mapping[str, str] = MappingProxyType({})
) -> duckdb.DuckDBPyConnection:
    """Return a connection with the extensions this home needs, and nothing attached; `settings` are DuckDB's."""
    config = dict(settings)
    if threads is not None:
        config["threads"] = str(threads)
    names = ["sqlite_scanner" if home.catalog == "sqlite" else "postgres_scanner", "ducklake"]
    if "://" in home.data_path:
        names.append("httpfs")
    connection = connect_with(names, config)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _attach(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    name: str,
    read_only: bool,
    as_of: int | datetime | None,
    wait_ms: int,
) -> None:
    if home.catalog == "sqlite" and read_only and not Path(home.metadata.removeprefix("sqlite:")).exists():
        raise NotFound(f"{home.root} holds no catalog yet; register a camera first: `rtcc cameras import`")
    options = _options(home, read_only, as_of, wait_ms)
    statement = f"attach {_quoted('ducklake:' + home.metadata)} as {name} ({options})"
    try:
        again_while_locked(lambda: connection.execute(statement))
    except duckdb.Error as error:
        raise attach_error(home, error) from error


def _options(home: Home, read_only: bool, as_of: int | datetime | None, wait_ms: int) -> str:
    options = [f"data_path {_quoted(home.lake_path)}", "data_inlining_row_limit 0"]
    if home.catalog == "sqlite":
        # The metadata lies inside the home and moves with it, so the folder it names may be an old one.
        options += ["override_data_path true", f"meta_busy_timeout {wait_ms}"]
        if not read_only:
            options.append("meta_journal_mode 'WAL'")
    if read_only:
        options.append("read_only")
    if isinstance(as_of, datetime):
        options.append(f"snapshot_time {_quoted(_instant(as_of))}")
    elif as_of is not None:
        options.append(f"snapshot_version {int(as_of)}")
    return ", ".join(options)


def _instant(as_of: datetime) -> str:
    if as_of.tzinfo is None:
        raise BadInput(f"as of {as_of}: the instant names no zone; add Z or an offset such as -06:00")
    return as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def attach_error(home: Home, error: duckdb.Error) -> Exception:
    """Return the workbench's word for what DuckDB says when a catalog will not open."""
    text = str(error)
    if "No snapshot found" in text:
        return NotFound(f"the catalog of {home.root} has no such snapshot ({text}); `rtcc status` shows the range")
    if "does not exist" in text and "DuckLake" in text:
        return NotFound(f"{home.root} holds no catalog yet; register a camera first: `rtcc cameras import`")
    if "does not match existing data path" in text:
        return CatalogConflict(f"the catalog of {home.root} belongs to another data path: {text.splitlines()[0]}")
    return StorageFailed(f"the catalog of {home.root} cannot be opened: {text}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
