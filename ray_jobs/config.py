"""The settings of an indexing run, and the digest that makes the same work the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from catalog.registry import Mounting, Zone
from workbench.media.decode import Decoder
from workbench.media.frames import Sampling
from workbench.media.gate import HOLD_BELOW
from workbench.rules.follow import FollowConfig
from workbench.vision.detector_config import DetectorConfig

JOB = "index"
"""Name of the job in the catalog's runs."""

WEIGHTS = "yolox-nano"
"""The detector's weights, by their name among the assets."""

DEFAULT_SAMPLING = Sampling("fps", 2.0)
"""Two looks a second: a pedestrian moves about a box width between them, so tracks still hold together."""

SENSING = (
    "workbench/media", "workbench/vision", "workbench/tracking", "workbench/rules", "workbench/geometry.py",
    "ray_jobs/stages.py", "catalog/observations.py", "catalog/footage.py", "catalog/ids.py", "catalog/spans.py",
)  # fmt: skip
"""Sources that can change what a run finds. Others (screens, questions, the command) may change without making
the same footage new work."""


@dataclass(frozen=True)
class IndexConfig:
    """Everything that decides which rows come out of given footage."""

    detector: DetectorConfig
    sampling: Sampling = DEFAULT_SAMPLING
    decoder: Decoder = "av"
    """What decodes: PyAV, or decord. Both hand out the same frames; their scaling differs in the last digit."""
    gate_threshold: float | None = HOLD_BELOW
    """Largest luma change that still counts as an unchanged picture, 0..255; `None` looks at every one."""
    follow: FollowConfig = field(default_factory=FollowConfig)

    def digest(self, mountings: Sequence[Mounting], zones: Sequence[Zone]) -> str:
        """Return the hex SHA-256 over all settings and what is drawn on the camera's pictures.

        Of a mounting only its calibration counts: a corrected address changes nothing that is found.
        """
        drawn = [asdict(zone) for zone in sorted(zones, key=lambda zone: zone.zone_id)]
        hung = sorted((mounting.mounting_id, mounting.m_from_px) for mounting in mountings if mounting.m_from_px)
        parts = [asdict(self), hung, drawn]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class CameraFootage:
    """Files of one camera that are to be indexed."""

    camera_id: str
    paths: tuple[Path, ...]
    """Video files, in the order in which they follow one another."""
    start_at: datetime | None = None
    """When the first file begins; `None` to take each file's own word for it."""


Stage = Literal["import", "index"]


@dataclass(frozen=True)
class Progress:
    """How far a camera's footage has come, for whoever watches."""

    camera_id: str
    stage: Stage
    done_s: float
    """Footage dealt with so far, seconds; in the import stage, files."""
    total_s: float
    """Footage to deal with, seconds; in the import stage, files."""


Report = Callable[[Progress], None]


def say_nothing(progress: Progress) -> None:
    """Stand in where nobody watches."""


@cache
def code_version(also: tuple[str, ...] = ()) -> str:
    """Return the version of the workbench and a digest of the sources that decide what is found.

    Parameters
    ----------
    also
        Sources that count for this kind of work beside those that count for all.
    """
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for name in (*SENSING, *also):
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    try:
        release = version("rtcc-workbench")
    except PackageNotFoundError:  # run from a plain checkout that was never installed
        release = "0"
    return f"{release}+{digest.hexdigest()[:12]}"
