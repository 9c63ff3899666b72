"""How many rows a second do eight writers get into the catalog, and how soon does a reader see them?"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
import psutil

from benchmarks.ingest_rows import PICTURES
from benchmarks.ingest_sides import (
    Writing,
    Wrote,
    camera_name,
    spawned,
    straight_to_lake,
    through_keeper,
    to_plain_sqlite,
    watch_lake,
)
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from benchmarks.service import ACCESS, BEGAN, stop_keeper
from catalog.client import open_door
from catalog.home import Home
from catalog.lake import connect
from catalog.observations import Run
from catalog.registry import Camera, Mounting
from catalog.spans import Span
from catalog.whereabouts import find

NAME = "catalog_ingest"
QUESTION = (
    "How many rows a second do eight writing processes get into the catalog through its keeper, how soon does a "
    "reader in another process see them, and what does a commit cost?"
)

WRITERS = 8

BOXES = 8 * PICTURES
"""Boxes of one segment: a minute of a busy crossing, eight boxes in each of 120 pictures."""

PACE = 20_000
"""Rows a second at which visibility is measured, all writers together: the goal's rate."""

RATE_GOAL = Goal("at least", 20_000, "rows/s")
SIGHT_GOAL = Goal("at most", 1.0, "s")
ERROR_GOAL = Goal("at most", 0, "errors")

METHOD = f"""\
A writer is a process with a camera and a run of its own; an append is a segment's rows: {BOXES} boxes (a minute
of a busy crossing), {BOXES // 30} track statements, a memory of 20 kB. As fast as they are acknowledged: one
append in flight a writer. Paced: the same writers share out {PACE} rows a second, while a reader process looks
at the lake every 10 ms; time to visibility runs from handing the rows over to a query of that reader's that
returns them. Plain SQLite: one file, write-ahead log, full sync, a transaction a segment. Straight to the lake:
every process attaches the same DuckLake on SQLite for writing, busy timeout 30 s, a transaction a segment; what
fails there is not tried again. Both peers write boxes and tracks only, without audit, minute counts, ledger and
consent."""
"""How it is measured, for the page."""


@dataclass(frozen=True)
class Outcome:
    """What came of all writers together."""

    seconds: float
    """From the first append handed over to the last acknowledged."""
    rows: int
    """Boxes acknowledged."""
    appends: int
    errors: tuple[str, ...]
    waits_s: tuple[float, ...]
    """From handing an append over to its acknowledgement."""
    sights_s: tuple[float, ...] = ()
    """From handing boxes over to a reader's seeing them."""
    kept: int | None = None
    """Boxes the catalog holds afterwards."""
    commits: int = 0
    commit_cpu_s: float = 0.0
    """CPU time of the keeper over the whole time."""

    @property
    def rate(self) -> float:
        """Boxes a second."""
        return self.rows / self.seconds


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("duckdb", "duckdb-extension-ducklake", "pyarrow"))
    seconds, writers = (0.5, 2) if options.quick else (6.0, WRITERS)
    every_s = writers * BOXES / PACE
    with options.folder(NAME) as folder:
        fast = [_keeper_round(folder / "home", writers, seconds, 0.0) for _ in range(options.rounds)]
        paced = [_keeper_round(folder / "home", writers, seconds, every_s) for _ in range(options.rounds)]
        plain = [_peer_round(folder / "home", to_plain_sqlite, writers, seconds) for _ in range(options.rounds)]
        lake = [_peer_round(folder / "home", straight_to_lake, writers, seconds) for _ in range(options.rounds)]
    return _answer(machine, fast, paced, plain, lake)


def _keeper_round(root: Path, writers: int, seconds: float, every_s: float) -> Outcome:
    home = _home(root)
    try:
        told = _register(home, writers, seconds, every_s)
        where = find(home)
        assert where is not None
        keeper = psutil.Process(where.pid)
        before, commits = sum(keeper.cpu_times()[:2]), _newest_snapshot(home)
        wrote, seen = _together(through_keeper, told, watch=home)
        cpu_s, commits = sum(keeper.cpu_times()[:2]) - before, _newest_snapshot(home) - commits
        kept = _count(home)
    finally:
        stop_keeper(home)
        _remove(root)
    return _outcome(wrote, _sights(wrote, seen), kept, commits, cpu_s)


def _peer_round(root: Path, side: Callable[..., None], writers: int, seconds: float) -> Outcome:
    home = _home(root)
    try:
        told = _register(home, writers, seconds, 0.0)
        stop_keeper(home)
        wrote, _ = _together(side, told)
        kept = _count(home) if side is straight_to_lake else None
    finally:
        _remove(root)
    return _outcome(wrote, (), kept, 0, 0.0)


def _home(root: Path) -> Home:
    _remove(root)
    return Home.create(root)


def _remove(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)


def _register(home: Home, writers: int, seconds: float, every_s: float) -> list[Writing]:
    """Register a camera and begin a run for every writer."""
    span = Span(datetime(2020, 1, 1, tzinfo=UTC))
    cameras = [Camera(camera_name(number), f"Street {number}") for number in range(writers)]
    mountings = [Mounting(Mounting.identify(camera.camera_id, span), camera.camera_id, span) for camera in cameras]
    with open_door(home) as door:
        door.register(ACCESS, cameras=cameras, mountings=mountings)
        runs = [
            Run(
                f"run_{number:016d}",
                "index",
                camera_name(number),
                ACCESS.purpose,
                None,
                "",
                "",
                "",
                BEGAN,
                "benchmark",
            )
            for number in range(writers)
        ]
        for run in runs:
            door.start_run(ACCESS, run)
    return [
        Writing(home.root, number, run.run_id, mounting.mounting_id, BOXES, seconds, every_s)
        for number, (run, mounting) in enumerate(zip(runs, mountings, strict=True))
    ]


def _together(
    side: Callable[..., None], told: Sequence[Writing], watch: Home | None = None
) -> tuple[list[Wrote], dict[str, list[Any]]]:
    """Let all writers write at once, with a reader beside them where one is wanted."""
    start, stop = spawned.Event(), spawned.Event()
    ready, out, sight = spawned.Queue(), spawned.Queue(), spawned.Queue()
    processes = [spawned.Process(target=side, args=(one, ready, start, out)) for one in told]
    if watch is not None:
        processes.append(spawned.Process(target=watch_lake, args=(watch.root, len(told), stop, ready, sight)))
    for process in processes:
        process.start()
    for _ in processes:
        ready.get(timeout=60)
    start.set()
    try:
        wrote = [out.get(timeout=120) for _ in told]
        time.sleep(1.0 if watch else 0.0)  # the reader's last look
        stop.set()
        seen = sight.get(timeout=30) if watch else {}
    except Empty:
        raise RuntimeError("a writer or the reader died; see its traceback above") from None
    for process in processes:
        process.join(30)
    return wrote, seen


def _sights(wrote: Sequence[Wrote], seen: dict[str, list[Any]]) -> tuple[float, ...]:
    """Return for every acknowledged append how long its boxes took to come into a reader's sight, seconds."""
    sights = []
    for one in wrote:
        looks = seen[camera_name(one.writer)]
        newest = np.array([newest_us for newest_us, _ in looks])
        for number, (began, done) in enumerate(zip(one.began_at, one.done_at, strict=True)):
            place = int(np.searchsorted(newest, number * 60_000_000))  # the first look at or past its first instant
            if not math.isnan(done) and place < len(looks):
                sights.append(looks[place][1] - began)
    return tuple(sights)


def _outcome(
    wrote: Sequence[Wrote], sights: tuple[float, ...], kept: int | None, commits: int, cpu_s: float
) -> Outcome:
    began = min(one.began_at[0] for one in wrote)
    ended = max((done for one in wrote for done in one.done_at if not math.isnan(done)), default=began + 1)
    waits = [
        done - start
        for one in wrote
        for start, done in zip(one.began_at, one.done_at, strict=True)
        if not math.isnan(done)
    ]
    appends = sum(one.acknowledged for one in wrote)
    errors = tuple(error for one in wrote for error in one.errors)
    return Outcome(ended - began, appends * BOXES, appends, errors, tuple(waits), sights, kept, commits, cpu_s)


def _newest_snapshot(home: Home) -> int:
    return _asked(home, "select id from lake.current_snapshot()")


def _count(home: Home) -> int:
    return _asked(home, "select count(*) from lake.detections")


def _asked(home: Home, question: str) -> int:
    connection = connect(home, read_only=True, threads=1)
    try:
        row = connection.execute(question).fetchone()
        assert row is not None
        return int(row[0])
    finally:
        connection.close()


def _answer(
    machine: str,
    fast: Sequence[Outcome],
    paced: Sequence[Outcome],
    plain: Sequence[Outcome],
    lake: Sequence[Outcome],
) -> Answer:
    keeper = [*fast, *paced]
    astray = [abs((one.kept or 0) - one.rows) for one in keeper]
    sights = [np.array(one.sights_s) for one in paced]
    p50, p95 = (Spread(tuple(float(np.percentile(one, at)) for one in sights)) for at in (50, 95))
    errors = Spread(tuple(float(len(one.errors)) for one in keeper))
    ratios = (
        Ratio("rows a second through the keeper", Spread(tuple(one.rate for one in fast)), RATE_GOAL, "rows/s"),
        Ratio("errors of writers through the keeper", errors, ERROR_GOAL, "errors"),
        Ratio("boxes acknowledged but lost, or kept twice", Spread(tuple(map(float, astray))), ERROR_GOAL, "boxes"),
        Ratio("time to visibility, p50", p50, None, "s"),
        Ratio("time to visibility, p95", p95, SIGHT_GOAL, "s"),
        Ratio("keeper over eight processes writing to plain SQLite, rows/s", _over(fast, plain)),
        Ratio("keeper over eight processes writing straight to the lake, rows/s", _over(fast, lake)),
    )
    words = (METHOD,)
    return Answer(NAME, QUESTION, machine, ratios, (_outcomes(fast, paced, plain, lake), _locks(lake)), words)


def _over(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> Spread:
    return Spread(tuple(one.rate / max(other.rate, 1.0) for one, other in zip(ours, theirs, strict=True)))


def _outcomes(*sides: Sequence[Outcome]) -> Table:
    names = ("keeper, as fast as acknowledged", "keeper, paced", "plain SQLite", "straight to the lake")
    rows = []
    for name, outcomes in zip(names, sides, strict=True):
        last = outcomes[-1]
        commit = "—"
        if last.commits:
            commit = (
                f"{1000 * last.commit_cpu_s / last.commits:.0f} ms CPU for {last.rows / last.commits:.0f} boxes: "
                f"{last.rows / last.commit_cpu_s:.0f} a CPU second"
            )
        waits = np.array(last.waits_s or (float("nan"),))
        rows.append((
            name, Spread(tuple(one.rate for one in outcomes)).text(0), str(last.appends), str(len(last.errors)),
            f"{np.percentile(waits, 50):.2f} / {np.percentile(waits, 95):.2f}", str(last.commits or "—"), commit,
        ))  # fmt: skip
    columns = (
        "writers", "rows/s", "appends acknowledged, last round", "errors, last round",
        "wait for the acknowledgement p50 / p95, s", "commits", "a commit costs the keeper",
    )  # fmt: skip
    return Table("All writers together", columns, tuple(rows))


def _locks(lake: Sequence[Outcome]) -> Table:
    words: dict[str, int] = {}
    for one in lake:
        for error in one.errors:
            what = "database is locked" if "locked" in error else error[:80].replace("|", "/")
            words[what] = words.get(what, 0) + 1
    tried = sum(one.appends + len(one.errors) for one in lake)
    rows = tuple((what, f"{count} of {tried}") for what, count in words.items()) or (("none", f"0 of {tried}"),)
    return Table("What goes wrong without a keeper", ("error", "appends"), rows)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
