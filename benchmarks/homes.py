"""A data home with one camera, made for a benchmark and gone after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.footage import weights
from benchmarks.service import ACCESS, BEGAN, stop_keeper
from catalog.client import KeeperClient, open_door
from catalog.home import Home
from catalog.observations import Run
from catalog.registry import Camera, Mounting
from catalog.spans import Span
from catalog.whereabouts import find
from ray_jobs.config import JOB, IndexConfig
from ray_jobs.known import Site
from workbench.media.frames import Sampling
from workbench.rules.zone_visit import default_zones
from workbench.vision.detector_config import DetectorConfig


@dataclass(frozen=True)
class MadeHome:
    """A home with one registered camera and its keeper running."""

    home: Home
    door: KeeperClient
    site: Site
    config: IndexConfig

    def new_run(self, name: str) -> Run:
        """Return a run of its own under this name, begun: what another run has stated does not count for it."""
        digest = self.config.digest(self.site.mountings, self.site.zones)
        camera_id = self.site.camera.camera_id
        run_id = Run.identify(JOB, camera_id, ACCESS.purpose, name, digest, "")
        run = Run(run_id, JOB, camera_id, ACCESS.purpose, None, name, digest, "", BEGAN, ACCESS.actor)
        return self.door.start_run(ACCESS, run)

    @property
    def keeper_pid(self) -> int:
        """The keeper's process."""
        where = find(self.home)
        assert where is not None
        return where.pid


@contextmanager
def made_home(root: Path, config: IndexConfig, frame_wh_px: tuple[int, int] = (1920, 1080)) -> Iterator[MadeHome]:
    """Yield a fresh home at this folder; its keeper is told to leave and its files are removed at the end."""
    home = Home.create(root)
    home.assets_dir.mkdir(exist_ok=True)
    shutil.copy(weights(), home.assets_dir)
    camera = Camera("street-1", "Street")
    span = Span(datetime(2020, 1, 1, tzinfo=UTC))
    mounting = Mounting(Mounting.identify(camera.camera_id, span), camera.camera_id, span)
    zones = default_zones(mounting, frame_wh_px)
    site = Site(camera, (mounting,), zones, "UTC")
    door = open_door(home)
    try:
        door.register(ACCESS, cameras=[camera], mountings=[mounting], zones=zones)
        yield MadeHome(home, door, site, config)
    finally:
        stop_keeper(home)
        door.close()
        shutil.rmtree(root, ignore_errors=True)


def index_config(sampling: str, *, gate: bool = True) -> IndexConfig:
    """Return the settings `rtcc index` has, at this sampling."""
    usual = IndexConfig(DetectorConfig(), Sampling.parse(sampling))
    return usual if gate else IndexConfig(DetectorConfig(), Sampling.parse(sampling), None)
