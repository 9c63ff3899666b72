"""A month of made detections, written straight into a lake: what a city's keeper would have merged by then."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.service import ACCESS, BEGAN
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.lake import connect
from catalog.observations import Run
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import Span

FIRST_DAY = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 32
"""Days of rows in a whole month: a span of 30 days lies inside them."""

MINUTES = 24 * 60
"""Segments of a day and camera."""

LABELS = ("person", "car", "bicycle", "truck")


@dataclass(frozen=True)
class Month:
    """How much is made."""

    cameras: int
    boxes: int
    """Boxes of a segment, one track each."""
    days: int = DAYS

    @classmethod
    def of(cls, rows: int, days: int = DAYS) -> Month:
        """Return a month of at least so many rows: up to 22 boxes a minute, then more cameras."""
        segments = days * MINUTES
        boxes = max(1, min(22, rows // segments))
        return cls(-(-rows // (segments * boxes)), boxes, days)

    @property
    def rows(self) -> int:
        """Detections altogether."""
        return self.segments * self.boxes

    @property
    def segments(self) -> int:
        """Segments altogether; as many tracks."""
        return self.cameras * self.days * MINUTES

    @property
    def end_at(self) -> datetime:
        """The instant after the last day."""
        return FIRST_DAY + timedelta(days=self.days)


def camera_name(number: int) -> str:
    """Return a camera's id."""
    return f"street-{number:04d}"


def track_name(camera: int, day: int, minute: int) -> str:
    """Return the id of the track in a camera's segment."""
    return f"trk_{(camera * DAYS + day) * MINUTES + minute:016x}"


def made_month(root: Path, month: Month) -> tuple[Home, float]:
    """Return a home whose catalog holds the month, and how long it took to make, seconds.

    One that is there already stays.
    """
    done = root / "made.txt"
    if done.exists():
        made, took_s = done.read_text().split("\n")
        if made == repr(month):
            return Home.open(root), float(took_s)
    began_s = time.monotonic()
    shutil.rmtree(root, ignore_errors=True)
    home = Home.create(root)
    _register(home, month)
    connection = connect(home, read_only=False)
    try:
        connection.execute("set preserve_insertion_order = true")
        for day in range(month.days):
            _make_day(connection, month, day)
    finally:
        connection.close()
    took_s = time.monotonic() - began_s
    done.write_text(f"{month!r}\n{took_s}")
    return home, took_s


def _register(home: Home, month: Month) -> None:
    span = Span(datetime(2020, 1, 1, tzinfo=UTC))
    cameras = [Camera(camera_name(number), f"Street {number}") for number in range(month.cameras)]
    mountings = [Mounting(f"mnt_{number:016d}", camera.camera_id, span) for number, camera in enumerate(cameras)]
    square = ((480.0, 270.0), (1440.0, 270.0), (1440.0, 810.0), (480.0, 810.0))
    zones = [
        Zone(f"zon_{number:016d}", mounting.mounting_id, mounting.camera_id, "area", "crossing", square)
        for number, mounting in enumerate(mountings)
    ]
    with Keeper(home) as keeper:
        keeper.register(ACCESS, cameras=cameras, mountings=mountings, zones=zones)
        for number, camera in enumerate(cameras):
            run_id = f"run_{number:016d}"
            keeper.start_run(
                ACCESS, Run(run_id, "index", camera.camera_id, ACCESS.purpose, None, "", "", "", BEGAN, "benchmark")
            )


def _make_day(connection: duckdb.DuckDBPyConnection, month: Month, day: int) -> None:
    """Add one day of all cameras, sorted by camera and time, in one commit."""
    values = {
        "day": day, "day_at": FIRST_DAY + timedelta(days=day), "cameras": month.cameras, "boxes": month.boxes,
        "labels": list(LABELS), "days": DAYS,
    }  # fmt: skip
    connection.begin()
    connection.execute(SEGMENTS, {name: values[name] for name in ("day", "day_at", "cameras", "days", "labels")})
    connection.execute(DETECTIONS, {"boxes": month.boxes})
    connection.execute(MINUTE_COUNTS, {"boxes": month.boxes})
    for statement in (ANALYSES, TRACK_STATES):
        connection.execute(statement, {"boxes": month.boxes})
    connection.execute(EVENT_STATES)
    connection.commit()


SEGMENTS = """
create or replace temp table made as
select
    format('run_{:016d}', c) as run_id,
    format('street-{:04d}', c) as camera_id,
    format('mnt_{:016d}', c) as mounting_id,
    format('zon_{:016d}', c) as zone_id,
    format('seg_{:016x}', (c * $days + $day) * 1440 + m) as segment_id,
    format('trk_{:016x}', (c * $days + $day) * 1440 + m) as track_id,
    format('evt_{:016x}', (c * $days + $day) * 1440 + m) as event_id,
    $labels[1 + (hash(c, m, $day) % 4)::integer] as label,
    (hash(m, c) % 1800)::float as x_px,
    (hash(c, m) % 700)::float as y_px,
    m,
    $day_at::timestamptz + to_minutes(m) as start_at
from range($cameras) cameras (c), range(1440) minutes (m)
order by c, m
"""

DETECTIONS = """
insert into lake.detections
select
    run_id, segment_id, camera_id, k * 45000 as pts, start_at + to_milliseconds(500 * k) as seen_at, track_id,
    label, 0.3 + 0.6 * ((k * 37 + m) % 100) / 100, x_px + 4 * k, y_px, x_px + 4 * k + 60, y_px + 120,
    case when k % 3 = 0 then null else 'grey' end, case when k % 3 = 0 then null else 0.5 end, null, null
from made, range($boxes) boxes (k)
order by camera_id, start_at, k
"""

MINUTE_COUNTS = """
insert into lake.minute_counts
select run_id, segment_id, camera_id, start_at, label, $boxes from made order by camera_id, start_at
"""

ANALYSES = """
insert into lake.analyses
select
    run_id, segment_id, camera_id, start_at, start_at + interval 1 minute, '2 fps', 900, 120, 0, $boxes, 1,
    (m % 2)::integer
from made
order by camera_id, start_at
"""

TRACK_STATES = """
insert into lake.track_states
select
    track_id, run_id, segment_id, camera_id, mounting_id, label, 0.6, 'grey', 0.5, null, null, start_at,
    start_at + to_milliseconds(500 * ($boxes - 1)), start_at + to_milliseconds(500 * ($boxes - 1)), 'left', $boxes,
    segment_id, 0, x_px, y_px, x_px + 60, y_px + 120, x_px + 30, y_px + 120, x_px + 30, y_px + 120,
    start_at + interval 1 minute
from made
order by camera_id, start_at
"""

EVENT_STATES = """
insert into lake.event_states
select
    event_id, run_id, segment_id, camera_id, mounting_id, 'zone_enter', zone_id, [track_id], start_at, start_at,
    null, 0.6, null, null, null, label, segment_id, 0, null, 'unreviewed', null, start_at + interval 1 minute
from made
where m % 2 = 1
order by camera_id, start_at
"""


def plain_parquet(home: Home, month: Month, folder: Path) -> Path:
    """Write the month's detections as plain Parquet files, one a day, sorted alike, and return their folder."""
    if not folder.exists():
        connection = connect(home, read_only=True)
        try:
            part = folder.with_suffix(".part")
            part.mkdir(parents=True)
            for day in range(month.days):
                day_at = FIRST_DAY + timedelta(days=day)
                connection.execute(
                    f"copy (select * from lake.detections where seen_at >= $first and seen_at < $last "
                    f"order by camera_id, seen_at) to '{part / f'{day_at:%Y-%m-%d}.parquet'}' (format parquet)",
                    {"first": day_at, "last": day_at + timedelta(days=1)},
                )
            part.rename(folder)
        finally:
            connection.close()
    return folder


def size_mib(paths: Sequence[Path]) -> float:
    """Return how much disk these folders take, MiB."""
    return sum(file.stat().st_size for path in paths for file in path.rglob("*") if file.is_file()) / 2**20
