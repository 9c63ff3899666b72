"""A home whose camera has real footage to index, and all rows of its catalog to compare."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import psutil

from apps.demo_scenes import SCENES
from catalog.access import Access
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.lake import connect
from catalog.spans import parse_instant
from ray_jobs.config import CameraFootage, IndexConfig
from workbench.media.frames import Sampling
from workbench.vision.detector_config import DetectorConfig

ACCESS = Access("tester", "service", "demonstration")
CAMERA_ID = "farish-amite"
START_AT = parse_instant("2026-03-02T08:00:00-06:00")
CONFIG = IndexConfig(DetectorConfig(), Sampling("fps", 2.0))

DATA_TABLES = (
    "cameras", "mountings", "zones", "consents", "segments", "gaps", "runs", "analyses", "memories", "detections",
    "track_states", "event_states", "minute_counts", "alerts",
)  # fmt: skip


def clock() -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC)


def home_with_camera(root: Path, weights: Path) -> Home:
    """Make a home with the detector's weights and one camera with zones."""
    shutil.copytree(_made_home(), root, dirs_exist_ok=True)
    home = Home.open(root)
    home.assets_dir.mkdir()
    shutil.copy(weights, home.assets_dir / "yolox_nano.onnx")
    return home


@cache
def _made_home() -> Path:
    """Return a home with the camera and no weights, made once: a copy is as good as a new one, and quicker."""
    folder = Path(tempfile.mkdtemp(prefix="rtcc-made-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = Home.create(folder / "home")
    camera, mounting, zones = next(scene for scene in SCENES if scene.camera_id == CAMERA_ID).registered()
    with Keeper(home) as keeper:
        keeper.register(ACCESS, cameras=[camera], mountings=[mounting], zones=zones)
    return home.root


def footage_of(clip: Path, folder: Path, copies: int) -> CameraFootage:
    """Return copies of one clip that follow one another: as many segments."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(copies):
        files.append(folder / f"part-{number:02}.mp4")
        shutil.copy(clip, files[-1])
    return CameraFootage(CAMERA_ID, tuple(files), START_AT)


def rows_of(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every data table, in one order, less the wall clock."""
    connection = connect(home, read_only=True)
    try:
        found = {}
        for table in DATA_TABLES:
            rows = connection.execute(f"select * from lake.main.{table}").to_arrow_table()
            columns = [name for name in rows.column_names if name != "started_at"]
            found[table] = sorted((tuple(row.values()) for row in rows.select(columns).to_pylist()), key=repr)
        return found
    finally:
        connection.close()


def workers(name: str) -> list[psutil.Process]:
    """Return the running actors of this test's Ray whose class is so named."""
    found = []
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            title = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if title.startswith(f"ray::{name}"):
            found.append(process)
    return found


def killer(kill: Callable[[], None], at: tuple[int, ...]) -> Callable[[object], None]:
    """Return a progress report that kills somebody at these steps of the indexing."""
    steps = iter(range(1, 1_000))

    def report(progress: object) -> None:
        if getattr(progress, "stage", "") == "index" and next(steps) in at:
            kill()

    return report
