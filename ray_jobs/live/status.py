"""How live work is, as a file: written by the director every second, read by whoever wants to know, without Ray."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.home import Home
from catalog.spans import iso, parse_instant
from ray_jobs.live.config import CameraPlan
from ray_jobs.live.figures import CameraFigures, DetectorFigures, Latencies, ShardFigures
from ray_jobs.live.storage import StorageFigures


@dataclass(frozen=True)
class LiveStatus:
    """How live work was at an instant."""

    as_of_at: datetime
    started_at: datetime
    state: str
    """`live`, or `stopped` for the last word of a director that ended in good order."""
    cameras: tuple[CameraFigures, ...]
    shards: tuple[ShardFigures, ...]
    """Without their cameras, which stand above."""
    detectors: tuple[DetectorFigures, ...]
    storage: StorageFigures
    latency_p50_ms: float | None
    """From frame to acknowledged alert."""
    latency_p95_ms: float | None
    problems: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, now: datetime, started_at: datetime, state: str, shards: Sequence[ShardFigures],
        detectors: Sequence[DetectorFigures], plans: Mapping[str, CameraPlan], refused: Mapping[str, str],
        storage: StorageFigures, keeper: str,
    ) -> LiveStatus:  # fmt: skip
        """Return it, put together from what everyone said."""
        cameras = {camera.camera_id: camera for shard in shards for camera in shard.cameras}
        for camera_id in plans:
            cameras.setdefault(camera_id, _waiting(camera_id, refused.get(camera_id, "no shard has taken it yet")))
        latencies = Latencies()
        for shard in shards:
            latencies.ms.extend(shard.alert_latencies_ms)
        bare = [ShardFigures(**{**_shallow(shard), "cameras": (), "alert_latencies_ms": ()}) for shard in shards]
        said = [problem for shard in shards for problem in shard.problems]
        problems = tuple(dict.fromkeys(problem for problem in (keeper, storage.problem, *said) if problem))
        return cls(
            now, started_at, state, tuple(cameras[name] for name in sorted(cameras)), tuple(bare), tuple(detectors),
            storage, latencies.quantile(0.5), latencies.quantile(0.95), problems,
        )  # fmt: skip

    @property
    def states(self) -> dict[str, int]:
        """Cameras by state."""
        return dict(Counter(camera.state for camera in self.cameras))

    def total(self, figure: str) -> int:
        """Return the sum of a figure over all cameras."""
        return sum(int(getattr(camera, figure)) for camera in self.cameras)

    def as_json(self) -> dict[str, Any]:
        """Return it for printing and keeping."""
        document = asdict(self)
        document |= {"as_of_at": iso(self.as_of_at), "started_at": iso(self.started_at), "states": self.states}
        return document


def status_path(home: Home) -> Path:
    """Return where it is kept."""
    return home.run_dir / "live" / "status.json"


def write_status(home: Home, status: LiveStatus) -> None:
    """Keep it, whole or not at all."""
    path = status_path(home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".new")
    part.write_text(json.dumps(status.as_json()))
    part.replace(path)


def read_status(home: Home) -> LiveStatus | None:
    """Return what was kept last; `None` where live work never ran, or by another version."""
    try:
        document = json.loads(status_path(home).read_text())
        return LiveStatus(
            parse_instant(document["as_of_at"]), parse_instant(document["started_at"]), document["state"],
            tuple(CameraFigures(**one) for one in document["cameras"]),
            tuple(ShardFigures(**_tupled(one)) for one in document["shards"]),
            tuple(DetectorFigures(**one) for one in document["detectors"]),
            StorageFigures(**document["storage"]), document["latency_p50_ms"], document["latency_p95_ms"],
            tuple(document["problems"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _tupled(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the file with its lists as what they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _shallow(shard: ShardFigures) -> dict[str, Any]:
    return {field.name: getattr(shard, field.name) for field in fields(shard)}


def _waiting(camera_id: str, why: str) -> CameraFigures:
    """Return the figures of a camera that no shard watches."""
    numbers = dict.fromkeys(
        (
            "packets", "size_bytes", "segments", "gaps", "frames_decoded", "frames_inferred", "frames_held",
            "passed_over", "detections", "tracks", "events", "alerts", "unwritten",
        ),
        0,
    )  # fmt: skip
    return CameraFigures(
        camera_id=camera_id, state="waiting", since_us=0, detail=why, level="record", level_reason="", fps=0.0,
        looks_hz=0.0, lag_s=0.0, gop_s=0.0, clock="", **numbers,
    )  # fmt: skip
