"""Index footage and watch cameras from Python: what notebooks and programs call instead of the command."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from catalog.access import Access, Purpose
from catalog.home import Home
from ray_jobs.cluster import connected
from ray_jobs.config import CameraFootage, IndexConfig, Report, say_nothing
from ray_jobs.live.taps import tap as fragments
from ray_jobs.summary import IndexSummary
from workbench.feeds.tap import Fragment
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


def tap(
    camera_id: str, *, home: Home | Path | str | None = None, access: Access | None = None
) -> Iterator[Fragment]:
    """Yield a camera's live feed as fragments of one MP4 stream, as they come, until it ends.

    Nothing is encoded anew: the first fragment says how to decode, each further one is one frame, as Media Source
    Extensions take them. It needs no Ray, but has to be asked for on the machine whose shard watches the camera.

    Parameters
    ----------
    home
        A home, or its folder; `None` for the one `RTCC_HOME` names, else `~/.rtcc`.
    access
        On whose behalf; `None` for this account, to respond.

    Raises
    ------
    NotFound
        When no shard on this machine watches the camera.
    NotPermitted
        When it may not, or not any longer, be watched.
    """
    place = home if isinstance(home, Home) else Home.open(home or os.environ.get("RTCC_HOME") or "~/.rtcc")  # noqa: TID251
    return fragments(place, access or Access(getpass.getuser(), "officer", "response"), camera_id)
