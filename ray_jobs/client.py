"""Index footage from Python: what notebooks and programs call instead of the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from catalog.access import Access, Purpose
from catalog.home import Home
from ray_jobs.cluster import connected
from ray_jobs.config import CameraFootage, IndexConfig, Report, say_nothing
from ray_jobs.summary import IndexSummary
from workbench.media.frames import Sampling
from workbench.vision.detector_config import DetectorConfig


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)  # noqa: TID251 the caller's run starts now


def index_footage(
    home: Home | Path | str,
    camera_id: str,
    paths: Sequence[Path | str],
    *,
    actor: str,
    purpose: Purpose = "investigation",
    case_id: str | None = None,
    start_at: datetime | None = None,
    fps: float | str = 2,
    workers: int | None = None,
    report: Report = say_nothing,
) -> IndexSummary:
    """Index files of one registered camera, on the cluster the home's settings name or on a local one.

    Parameters
    ----------
    home
        A home, or its folder.
    paths
        Video files, in the order in which they follow one another.
    actor
        On whose behalf; it stands in the audit.
    start_at
        When the first file begins; `None` to take each file's own word.
    fps
        Looks per second of footage, or `keyframes`, or `all`.
    report
        Told how far it has come.

    Raises
    ------
    UnknownCamera, NotPermitted, AssetError, ClusterError
        As `ray_jobs.archive.index`.
    """
    place = home if isinstance(home, Home) else Home.open(home)
    access = Access(actor, purpose=purpose, case_id=case_id)
    config = replace(IndexConfig(DetectorConfig(device=place.device)), sampling=Sampling.parse(str(fps)))
    files = tuple(Path(path).expanduser().absolute() for path in paths)
    with connected(place) as cluster:
        from ray_jobs.archive import index

        (summary,) = index(
            place, access, [CameraFootage(camera_id, files, start_at)], config, cluster,
            clock=utc_now, workers=workers, report=report,
        )  # fmt: skip
    return summary
