"""What do the questions investigators ask most cost on ten and on a hundred million rows?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from benchmarks.lake_rows import Month, camera_name, made_month, plain_parquet, size_mib, track_name
from benchmarks.machine import Cost, Stopwatch, machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from benchmarks.service import ACCESS, stop_keeper
from catalog.access import Access
from catalog.audit import AuditLine
from catalog.client import KeeperClient, open_door
from catalog.home import Home
from catalog.reader import Reader

NAME = "queries"
QUESTION = (
    "What do the questions investigators ask most cost on 10⁷ and on 10⁸ detections, and on 10⁷ against the same "
    "rows in plain Parquet files?"
)

SIZES = (10_000_000, 100_000_000)
QUICK_SIZE = 10_000
QUICK_DAYS = 3

TIMES = 7
"""How often each question is asked, after a first time that is told apart."""

CPU_GOAL = Goal("at most", 100.0, "ms CPU")

CAMERA = 0.6
"""Which camera is asked about: its place among all, as a share."""

BEFORE_END = timedelta(hours=9)
"""How long before the end of the rows "now" lies, from which the last five minutes are counted."""

METHOD = """\
Rows lie in day partitions, sorted by camera and time, as the keeper's merging leaves them in the long run. Each
question goes through `Reader.ask` with a reader of its own; CPU time is that of the asking process, all its
threads, files in the page cache; the first asking, in which the reader reads the lake's metadata, is told
apart, and so is the audit line, which is durable before the answer leaves. Zone: through the events made in it.
Peer: the same detections in plain Parquet files, one a day and sorted alike, read by a pyarrow dataset with
filters; its zone is the polygon's bounding box, and it has no consent, no audit, no snapshot, and no table of
tracks: a track by id is a search through every file."""
"""How it is measured, for the page."""


@dataclass(frozen=True)
class Question:
    """One question, as the read door knows it and as the peer has to compute it."""

    words: str
    name: str
    parameters: Mapping[str, object]
    peer: Callable[[ds.Dataset], pa.Table]
    goal: bool = True


@dataclass(frozen=True)
class Asked:
    """What asking one question came to."""

    question: Question
    first: Cost
    costs: tuple[Cost, ...]
    """Without the audit."""
    audit: tuple[Cost, ...]
    rows: int
    peer: tuple[Cost, ...] = ()
    peer_rows: int = 0

    def cpu_ms(self) -> Spread:
        """Return the CPU time of each asking but the first."""
        return Spread(tuple(1000 * cost.cpu_s for cost in self.costs))


class TimedDoor:
    """The write door, with what recording audit lines costs told apart."""

    def __init__(self, door: KeeperClient) -> None:
        self.door = door
        self.last = Cost(0.0, 0.0)

    def record(self, access: Access, line: AuditLine) -> str:
        """Record the line and note what that took."""
        watch = Stopwatch()
        digest = self.door.record(access, line)
        self.last = watch.read()
        return digest


def questions_about(month: Month) -> tuple[Question, ...]:
    """Return the questions, about a camera in the middle of the month."""
    number = int(CAMERA * month.cameras)
    now = month.end_at - BEFORE_END
    camera, day_ago, month_ago = camera_name(number), now - timedelta(days=1), now - timedelta(days=30)
    five = {"camera_id": camera, "start_at": now - timedelta(minutes=5), "end_at": now}
    day = {"camera_id": camera, "start_at": day_ago, "end_at": now, "label": "car"}
    track = track_name(number, month.days // 2, 12 * 60 + 7)
    seen, here = ds.field("seen_at"), ds.field("camera_id") == camera
    inside = (ds.field("x1_px") >= 480) & (ds.field("x2_px") <= 1440) & (ds.field("y2_px") <= 810)
    during_day = (seen >= pa.scalar(day_ago)) & (seen < pa.scalar(now))
    during_month = (seen >= pa.scalar(month_ago)) & (seen < pa.scalar(now))
    during_five = (seen >= pa.scalar(now - timedelta(minutes=5))) & (seen < pa.scalar(now))

    def cars_in_zone(rows: ds.Dataset) -> pa.Table:
        return rows.to_table(filter=here & during_day & (ds.field("label") == "car") & inside)

    return (
        Question("last five minutes of a camera", "detections_of_camera", five,
                 lambda rows: rows.to_table(filter=here & during_five)),
        Question("24 h + class + zone: events", "events", day | {"zone_id": "crossing"}, cars_in_zone),
        Question("24 h + class + zone: tracks", "tracks", day | {"zone": "crossing"}, cars_in_zone),
        Question("hourly counts, 30 days, one camera", "hourly_counts",
                 {"camera_id": camera, "start_at": month_ago, "end_at": now}, _hourly(here & during_month)),
        Question("hourly counts, 30 days, all cameras", "hourly_counts", {"start_at": month_ago, "end_at": now},
                 _hourly(during_month)),
        Question("track by id", "track_by_id", {"track_id": track}, _by_track(track)),
        Question("all boxes of a track by id", "sightings_of_track", {"track_id": track}, _by_track(track)),
    )  # fmt: skip


def _hourly(where: ds.Expression) -> Callable[[ds.Dataset], pa.Table]:
    def count(rows: ds.Dataset) -> pa.Table:
        table = rows.to_table(columns=["camera_id", "label", "seen_at"], filter=where)
        table = table.append_column("hour_at", pc.floor_temporal(table["seen_at"], unit="hour"))
        return table.group_by(["hour_at", "camera_id", "label"]).aggregate([([], "count_all")])

    return count


def _by_track(track_id: str) -> Callable[[ds.Dataset], pa.Table]:
    return lambda rows: rows.to_table(filter=ds.field("track_id") == track_id)


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("duckdb", "duckdb-extension-ducklake", "pyarrow"))
    sizes = options.rows or ((QUICK_SIZE,) if options.quick else SIZES)
    asked: dict[Month, list[Asked]] = {}
    notes: list[str] = []
    with options.folder(NAME) as folder:
        for size in sizes:
            month = Month.of(size, QUICK_DAYS) if options.quick else Month.of(size)
            home, made_s = made_month(folder / f"rows-{size}", month)
            asked[month] = _ask_all(home, month, folder, TIMES if not options.quick else 2, peer=size == sizes[0])
            notes.append(
                f"{month.rows:,} detections of {month.cameras} cameras in {month.days} days ({month.segments:,} "
                f"segments and tracks): {size_mib([home.root]):,.0f} MiB on disk, made in {made_s:.0f} s."
            )
    return _answer(machine, asked, notes)


def _ask_all(home: Home, month: Month, folder: Path, times: int, *, peer: bool) -> list[Asked]:
    files = plain_parquet(home, month, folder / f"plain-{month.rows}") if peer else None
    door = TimedDoor(open_door(home))
    try:
        return [_ask(home, door, question, files, times) for question in questions_about(month)]
    finally:
        door.door.close()
        stop_keeper(home)


def _ask(home: Home, door: TimedDoor, question: Question, files: Path | None, times: int) -> Asked:
    """Ask one question with a reader of its own, so that nothing is warm but the files."""
    costs, audit, rows = [], [], 0
    with Reader(home, ACCESS, door) as reader:  # type: ignore[arg-type]
        for _ in range(times + 1):
            watch = Stopwatch()
            rows = reader.ask(question.name, **question.parameters).num_rows
            whole = watch.read()
            audit.append(door.last)
            costs.append(Cost(whole.wall_s - door.last.wall_s, whole.own_s - door.last.own_s))
    peer, peer_rows = [], 0
    if files is not None:
        for _ in range(max(1, times // 2)):
            watch = Stopwatch()
            peer_rows = question.peer(ds.dataset(files, format="parquet")).num_rows
            peer.append(watch.read())
    return Asked(question, costs[0], tuple(costs[1:]), tuple(audit[1:]), rows, tuple(peer), peer_rows)


def _answer(machine: str, asked: Mapping[Month, Sequence[Asked]], notes: Sequence[str]) -> Answer:
    months = list(asked)
    largest = asked[months[-1]]
    ratios = [
        Ratio(f"{one.question.words}, {_short(months[-1].rows)} rows", one.cpu_ms(), CPU_GOAL, "ms CPU")
        for one in largest
    ]
    ratios += [
        Ratio(f"plain Parquet over read door, CPU: {one.question.words}, {_short(months[0].rows)} rows", _over(one))
        for one in asked[months[0]]
        if one.peer
    ]
    tables = [_costs(month, rows) for month, rows in asked.items()]
    words = (
        *notes,
        METHOD,
    )
    return Answer(NAME, QUESTION, machine, tuple(ratios), tuple(tables), words)


def _over(one: Asked) -> Spread:
    ours = one.cpu_ms().median
    return Spread(tuple(1000 * cost.cpu_s / max(ours, 0.01) for cost in one.peer))


def _short(rows: int) -> str:
    return f"{rows / 1e6:.0f} million" if rows >= 1_000_000 else str(rows)


def _costs(month: Month, asked: Sequence[Asked]) -> Table:
    def wall(costs: Sequence[Cost]) -> str:
        return Spread(tuple(1000 * cost.wall_s for cost in costs)).text(0) if costs else "—"

    rows = tuple(
        (
            one.question.words, str(one.rows), one.cpu_ms().text(0), wall(one.costs),
            f"{1000 * one.first.cpu_s:.0f}",
            wall(one.audit), Spread(tuple(1000 * cost.cpu_s for cost in one.peer)).text(0) if one.peer else "—",
            str(one.peer_rows) if one.peer else "—",
        )
        for one in asked
    )  # fmt: skip
    columns = (
        "question", "rows", "CPU, ms", "wall, ms", "CPU of the first asking, ms", "audit line, wall ms",
        "plain Parquet, CPU ms", "its rows",
    )  # fmt: skip
    return Table(f"{month.rows:,} detections", columns, rows)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
