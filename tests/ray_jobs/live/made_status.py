"""Made figures of live work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ray_jobs.live.figures import CameraFigures, DetectorFigures, ShardFigures
from ray_jobs.live.status import LiveStatus
from ray_jobs.live.storage import StorageFigures
from tests.ray_jobs.live.made_live import BEGUN_AT, FARISH, plan_of

RECORDING = CameraFigures(
    camera_id="farish-1", state="recording", since_us=0, detail="", level="full", level_reason="active rules",
    fps=14.9, looks_hz=5.0, lag_s=0.12, gop_s=2.0, clock="rtcp", packets=900, size_bytes=3_000_000, segments=6,
    gaps=1, frames_decoded=800, frames_inferred=200, frames_held=100, passed_over=3, detections=40, tracks=5,
    events=4, alerts=2, unwritten=1,
)  # fmt: skip
STORAGE = StorageFigures(50 * 10**9, 100 * 10**9, 2 * 10**9, 12, 12_000_000)


def camera(camera_id: str, state: str = "recording", **more: object) -> CameraFigures:
    return replace(RECORDING, camera_id=camera_id, state=state, **more)  # type: ignore[arg-type]


def shard(number: int, cameras: Sequence[CameraFigures], **more: object) -> ShardFigures:
    figures = ShardFigures(number, 100 + number, "node", 180.0, 12.5, 90, tuple(cameras))
    return replace(figures, **more)  # type: ignore[arg-type]


def status_of(*shards: ShardFigures, state: str = "live", keeper: str = "", **plans: str) -> LiveStatus:
    """Return the status of these shards; further cameras are planned, by name, refused for the reason given."""
    planned = {name: plan_of(replace(FARISH, camera_id=name)) for name in plans}
    detector = DetectorFigures(200, "node", 300.0, 50.0, 1000, 200, 20.0, 3, True)
    return LiveStatus.of(
        BEGUN_AT,
        BEGUN_AT,
        state,
        shards,
        [detector],
        planned,
        {k: v for k, v in plans.items() if v},
        STORAGE,
        keeper,
    )
