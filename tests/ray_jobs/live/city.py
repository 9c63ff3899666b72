"""A small city for tests of live work: cameras on loopback, a keeper that can be killed, all rows to compare."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from apps.feeds.prepare import prepare_feed
from apps.feeds.server import FeedServer
from catalog.access import Access
from catalog.client import open_door
from catalog.home import Home
from catalog.lake import connect
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import EPOCH, Span
from catalog.whereabouts import find
from tests.ray_jobs.made_job import home_with_camera
from tests.waiting import eventually

ADMIN = Access("tester", "admin", "maintenance")
FEED_WH_PX = (320, 136)
SETTINGS = "segment_s = 2.0\nfull_fps = 4.0\n"


def feed_in(folder: Path, clip: Path) -> Path:
    """Return a short real feed with the time burnt in: key frames every second, ten pictures a second."""
    folder.mkdir(parents=True, exist_ok=True)
    return prepare_feed(clip, folder / "street.mp4", width_px=FEED_WH_PX[0], fps=10, gop_s=1.0, seconds=20.0)


def city_home(root: Path, weights: Path) -> Home:
    """Return a home with the detector's weights and short segments."""
    home_with_camera(root, weights)
    (root / "config.toml").write_text(SETTINGS)
    return Home.open(root)


def enter_cameras(home: Home, feeds: FeedServer, feed: Path, count: int) -> list[str]:
    """Enter cameras that play a feed, every second one with a line drawn."""
    cameras, mountings, zones = [], [], []
    width_px, height_px = FEED_WH_PX
    for number in range(count):
        camera_id, span = f"live-{number}", Span(EPOCH)
        mounting_id = Mounting.identify(camera_id, span)
        cameras.append(Camera(camera_id, camera_id, stream_uri=feeds.uri(feed.name, camera=number)))
        mountings.append(
            Mounting(mounting_id, camera_id, span, frame_width_px=width_px, frame_height_px=height_px)
        )  # fmt: skip
        if number % 2 == 0:
            points = ((width_px / 2, 0.0), (width_px / 2, float(height_px)))
            zone_id = Zone.identify(mounting_id, "middle")
            zones.append(Zone(zone_id, mounting_id, camera_id, "line", "middle", points))
    with open_door(home) as door:
        door.register(ADMIN, cameras=cameras, mountings=mountings, zones=zones)
    return [camera.camera_id for camera in cameras]


class KeeperProcess:
    """A keeper that tests may kill and start again."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home.run_dir / "test-keeper.log").open("ab") as log:
            self.process = process = subprocess.Popen(
                [sys.executable, "-m", "catalog.serve", str(self.home.root)], stdout=log, stderr=log
            )
        eventually(lambda: (where := find(self.home)) is not None and where.pid == process.pid, "the keeper is up")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


@contextmanager
def kept(home: Home) -> Iterator[KeeperProcess]:
    """Run a keeper for the block; one that a command had started is ended first."""
    where = find(home)
    if where is not None:
        os.kill(where.pid, signal.SIGTERM)
        eventually(lambda: not runs(where.pid), "the first keeper is gone")
    keeper = KeeperProcess(home)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()


def runs(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass(frozen=True)
class Stretch:
    """A segment or a gap as the catalog holds it."""

    start_at: datetime
    end_at: datetime | None
    reason: str = ""
    detail: str = ""


class Book:
    """What the catalog holds, read past the doors: tests look at all of it."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def ask(self, sql: str) -> list[dict[str, Any]]:
        connection = connect(self.home, read_only=True)
        try:
            rows: list[dict[str, Any]] = connection.execute(sql).to_arrow_table().to_pylist()
            return rows
        finally:
            connection.close()

    def segments(self, camera_id: str) -> list[Stretch]:
        rows = self.ask(
            f"select start_at, end_at from lake.segments where camera_id = '{camera_id}' order by start_at"
        )
        return [Stretch(row["start_at"], row["end_at"]) for row in rows]

    def gaps(self, camera_id: str, *reasons: str) -> list[Stretch]:
        rows = self.ask(
            "select start_at, end_at, reason, detail from lake.gaps "
            f"where camera_id = '{camera_id}' order by start_at"
        )
        found = [Stretch(row["start_at"], row["end_at"], row["reason"], row["detail"]) for row in rows]
        return [gap for gap in found if not reasons or gap.reason in reasons]


def holes(segments: Sequence[Stretch]) -> list[tuple[datetime, datetime]]:
    """Return the stretches between segments that nothing was recorded in, longer than three pictures."""
    found = []
    for before, after in pairwise(segments):
        assert before.end_at is not None
        if (after.start_at - before.end_at).total_seconds() > 0.35:
            found.append((before.end_at, after.start_at))
    return found


def overlaps(segments: Sequence[Stretch]) -> list[tuple[Stretch, Stretch]]:
    """Return neighbours that hold the same instants, beyond what a corrected clock makes."""
    return [
        (before, after)
        for before, after in pairwise(segments)
        if before.end_at is not None and (before.end_at - after.start_at).total_seconds() > 0.15
    ]


def covered(hole: tuple[datetime, datetime], gaps: Sequence[Stretch]) -> bool:
    """Tell whether some gap says why nothing was recorded in a hole, to three tenths of a second."""
    return any(
        (gap.start_at - hole[0]).total_seconds() < 0.3
        and (gap.end_at is None or (hole[1] - gap.end_at).total_seconds() < 0.3)
        for gap in gaps
    )
