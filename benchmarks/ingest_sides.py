"""Processes of the ingest benchmark: writers through the keeper, writers past it, and a reader that polls."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.ingest_rows import segment_rows
from benchmarks.service import ACCESS, BEGAN
from catalog.client import open_door
from catalog.errors import RtccError
from catalog.home import Home
from catalog.lake import again_while_locked, connect
from catalog.observations import SegmentRows

MADE_A_SECOND = 8
"""Segments whose rows lie ready when a writer begins, for each second that it writes: making rows is no part of
keeping them."""

spawned = multiprocessing.get_context("spawn")
"""Fresh processes, as writers are: nothing is inherited."""

POLL_S = 0.01
"""The reader looks again after so long, seconds."""

BUSY_MS = 30_000
"""How long SQLite waits for a lock, milliseconds: what the workbench's own lake uses."""


@dataclass(frozen=True)
class Writing:
    """What one writer is told."""

    root: Path
    number: int
    run_id: str
    mounting_id: str
    boxes: int
    """Boxes of one segment."""
    seconds: float
    every_s: float
    """From one append to the next, seconds; 0 for as fast as they are acknowledged."""

    @property
    def camera_id(self) -> str:
        """The camera this writer writes for."""
        return camera_name(self.number)

    def rows(self, number: int) -> SegmentRows:
        """Return the rows of this writer's segment with this number."""
        return segment_rows(self.run_id, self.camera_id, self.mounting_id, number, BEGAN, self.boxes)


@dataclass
class Wrote:
    """What one writer did."""

    writer: int
    began_at: list[float] = field(default_factory=list)
    """When each append was handed over, s on the machine's monotonic clock."""
    done_at: list[float] = field(default_factory=list)
    """When it was acknowledged; NaN where it failed."""
    errors: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """Appends that were acknowledged."""
        return sum(not math.isnan(done) for done in self.done_at)


def camera_name(number: int) -> str:
    """Return the camera of a writer."""
    return f"street-{number}"


def write(
    append: Callable[[SegmentRows], object], failures: tuple[type[Exception], ...], told: Writing, start: Event
) -> Wrote:
    """Append segments until the time is up."""
    ready = math.ceil(told.seconds * MADE_A_SECOND)
    wrote, made = Wrote(told.number), [told.rows(number) for number in range(ready)]
    start.wait()
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < told.seconds:
        due = began + number * told.every_s
        if due > time.monotonic():
            time.sleep(due - time.monotonic())
        rows = made[number] if number < len(made) else told.rows(number)
        wrote.began_at.append(time.monotonic())
        try:
            append(rows)
            wrote.done_at.append(time.monotonic())
        except failures as error:
            wrote.done_at.append(float("nan"))
            wrote.errors.append(" ".join(str(error).split()))
        number += 1
    return wrote


def through_keeper(told: Writing, ready: Queue[int], start: Event, out: Queue[Wrote]) -> None:
    """Write through the home's keeper."""
    door = open_door(Home.open(told.root))
    ready.put(told.number)
    out.put(write(lambda rows: door.append(ACCESS, rows), (RtccError,), told, start))
    door.close()


def straight_to_lake(told: Writing, ready: Queue[int], start: Event, out: Queue[Wrote]) -> None:
    """Write the same tables into the same kind of lake, one transaction a segment, without a keeper."""
    connection = connect(Home.open(told.root), read_only=False, threads=1)

    def append(rows: SegmentRows) -> None:
        connection.begin()
        try:
            for table in ("detections", "track_states"):
                staged = getattr(rows, table)
                connection.register("staged", staged)
                connection.execute(
                    f"insert into lake.{table} ({', '.join(staged.column_names)}) select * from staged"
                )
                connection.unregister("staged")
            connection.commit()
        except duckdb.Error:
            with contextlib.suppress(duckdb.Error):  # a failed commit has ended it already
                connection.rollback()
            raise

    ready.put(told.number)
    out.put(write(append, (duckdb.Error,), told, start))
    connection.close()


def to_plain_sqlite(told: Writing, ready: Queue[int], start: Event, out: Queue[Wrote]) -> None:
    """Write the same rows into one SQLite file, as durably: a transaction a segment, write-ahead log, full sync."""
    connection = sqlite3.connect(told.root / "plain.sqlite", timeout=BUSY_MS / 1000, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    for name, columns in PLAIN_TABLES.items():
        connection.execute(f"create table if not exists {name} ({columns})")

    def append(rows: SegmentRows) -> None:
        connection.execute("begin immediate")
        try:
            for table in PLAIN_TABLES:
                _insert_plain(connection, table, getattr(rows, table))
            connection.execute("commit")
        except sqlite3.Error:
            connection.execute("rollback")
            raise

    ready.put(told.number)
    out.put(write(append, (sqlite3.Error,), told, start))
    connection.close()


PLAIN_TABLES = {
    "detections": "run_id, segment_id, camera_id, pts, seen_at, track_id, label, confidence, x1_px, y1_px, x2_px, "
    "y2_px, colour, colour_confidence, lower_colour, lower_colour_confidence",
    "track_states": "track_id, run_id, segment_id, camera_id, label, start_at, last_seen_at, as_of_at",
}


def _insert_plain(connection: sqlite3.Connection, table: str, rows: pa.Table) -> None:
    columns = PLAIN_TABLES[table].split(", ")
    values = [
        rows[name].cast(pa.int64()).to_pylist()
        if pa.types.is_timestamp(rows[name].type)
        else rows[name].to_pylist()
        for name in columns
    ]
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"insert into {table} values ({marks})", zip(*values, strict=True))


NEWEST = """
select camera_id, epoch_us(max(seen_at))
from lake.detections
where seen_at >= $since
group by camera_id
"""
"""What the reader asks: each camera's newest box."""


def watch_lake(root: Path, cameras: int, stop: Event, ready: Queue[int], out: Queue[dict[str, list[Any]]]) -> None:
    """Look at the lake again and again, and note when each camera's newest boxes came into sight.

    Puts out, by camera, pairs of (instant of the newest box, µs; when it was first seen, s on the monotonic clock).
    """
    connection = connect(Home.open(root), read_only=True, threads=1, wait_ms=0)
    seen: dict[str, list[Any]] = {camera_name(number): [] for number in range(cameras)}
    newest = dict.fromkeys(seen, 0)
    ready.put(-1)
    while not stop.is_set():
        since = BEGAN + timedelta(microseconds=min(newest.values()))
        rows = again_while_locked(
            lambda since=since: connection.execute(NEWEST, {"since": since}).fetchall()  # type: ignore[misc]
        )
        at = time.monotonic()
        for camera_id, newest_us in rows:
            if newest_us - _epoch_us() > newest[camera_id]:
                newest[camera_id] = newest_us - _epoch_us()
                seen[camera_id].append((newest[camera_id], at))
        time.sleep(POLL_S)
    out.put(seen)
    connection.close()


def _epoch_us() -> int:
    return round(BEGAN.timestamp() * 1_000_000)
