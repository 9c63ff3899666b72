"""The archive job: footage files in, rows in the catalog out.

Files are imported as segments, workers look at segments in any order, and one follower a camera turns what they
saw into tracks and events in the order of time. Only paths and boxes travel between processes. Every segment's
rows replace themselves as a whole, so a killed worker or a second run leaves the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import ray
import ray.exceptions

from catalog.access import Access
from catalog.client import open_door
from catalog.errors import BadInput
from catalog.home import Home
from catalog.observations import Run
from catalog.reader import Reader
from catalog.writes import WriteDoor
from ray_jobs.cluster import Cluster
from ray_jobs.config import JOB, CameraFootage, IndexConfig, Progress, Report, code_version, say_nothing
from ray_jobs.crew import Crew, Ref, Work, result_of
from ray_jobs.intake import keep_footage, take_in
from ray_jobs.known import load_known, load_site, segment_before
from ray_jobs.lanes import Lane
from ray_jobs.summary import IndexSummary

IntakeTask = ray.remote(num_cpus=0, max_retries=-1)(take_in)


def index(
    home: Home,
    access: Access,
    footage: Sequence[CameraFootage],
    config: IndexConfig,
    cluster: Cluster,
    *,
    clock: Callable[[], datetime],
    workers: int | None = None,
    report: Report = say_nothing,
) -> tuple[IndexSummary, ...]:
    """Index the footage of one or more cameras and return one summary a camera, in their order.

    Work the catalog already holds is not done again. The process must be connected to the cluster.

    Parameters
    ----------
    access
        On whose behalf; its purpose is the runs' purpose, and consent is asked for it.
    workers
        Processes that look at segments; `None` for one a core.

    Raises
    ------
    UnknownCamera
        When a camera is not in the registry.
    NotPermitted
        When a private camera's owner does not allow this purpose.
    AssetError
        When the detector's weights are missing or wrong.
    ClusterError
        When workers cannot be started or keep failing.
    """
    names = [one.camera_id for one in footage]
    if len(set(names)) < len(names):
        raise BadInput("each camera may be named once per job; give all its files together")
    with open_door(home) as door:
        reader = Reader(home, access, door)
        works = [_begin(home, reader, door, access, one, config, clock) for one in footage]
        _take_in_all(home, access, door, works, report)
        for work in works:
            _enter_default_zones(door, access, work)
            _plan(reader, work)
        reader.close()
        Crew(home, access, config, cluster, workers, report).run(works)
    return tuple(_summary(work) for work in works)


def _begin(
    home: Home, reader: Reader, door: WriteDoor, access: Access, footage: CameraFootage, config: IndexConfig,
    clock: Callable[[], datetime],
) -> Work:  # fmt: skip
    site = load_site(reader, footage.camera_id, home.time_zone)
    version, digest = code_version(), config.digest(site.mountings, site.drawn)
    weights = config.detector.weights_sha256
    run_id = Run.identify(JOB, footage.camera_id, access.purpose, version, digest, weights)
    run = Run(
        run_id, JOB, footage.camera_id, access.purpose, None, version, digest, weights, clock(), access.actor
    )  # fmt: skip
    return Work(footage, site, door.start_run(access, run), time.perf_counter())


def _take_in_all(home: Home, access: Access, door: WriteDoor, works: Sequence[Work], report: Report) -> None:
    """Import every file; cameras side by side, the files of one camera after each other."""
    open_tasks = {_ask_intake(home, work): work for work in works if work.footage.paths}
    while open_tasks:
        (ref,), _ = ray.wait(list(open_tasks), num_returns=1, fetch_local=False)
        work = open_tasks.pop(ref)
        keep_footage(home, access, door, work.site, work.intake, result_of(ref))
        report(Progress(work.footage.camera_id, "import", work.intake.files, len(work.footage.paths)))
        if work.intake.files < len(work.footage.paths):
            open_tasks[_ask_intake(home, work)] = work


def _ask_intake(home: Home, work: Work) -> Ref:
    path = work.footage.paths[work.intake.files]
    return IntakeTask.remote(home, work.site, path, work.intake.next_start_at(work.footage.start_at))


def _enter_default_zones(door: WriteDoor, access: Access, work: Work) -> None:
    """Enter the areas that stand in where nothing was drawn, so that events can be traced to them."""
    counting = {
        zone
        for segment in work.intake.in_order()
        for zone in work.site.zones_on(segment.mounting_id, (segment.width_px, segment.height_px))
    }
    missing = counting - set(work.site.zones)
    if missing:
        door.register(access, zones=sorted(missing, key=lambda zone: (zone.zone_id, zone.points_px)))


def _plan(reader: Reader, work: Work) -> None:
    """Find out what the catalog already holds, and line up the rest."""
    segments = work.intake.in_order()
    run_id = work.run.run_id
    known = load_known(reader, run_id, segments)
    for followed in known:
        work.tally.add(followed.analysis, followed.gap_ids, new=False)
    work.tally.gap_ids.update(gap.gap_id for gap in work.intake.gaps)
    before = segment_before(reader, run_id, segments[0]) if segments else None
    doubled = sum(one.span.overlaps(two.span) for one, two in pairwise(segments))
    if doubled:
        work.intake.notes.append(
            f"{doubled} segments overlap the one before in time; things in them are counted in both: "
            "are there copies among the files, or is a --start wrong?"
        )
    work.lane = Lane(segments, {followed.analysis.segment_id for followed in known}, before)


def _summary(work: Work) -> IndexSummary:
    ended = work.ended if work.ended is not None else time.perf_counter()
    return work.tally.summary(
        work.footage.camera_id, work.run.run_id, work.intake.in_order(),
        files=len(work.footage.paths), files_unreadable=work.intake.unreadable,
        wall_s=ended - work.began, looking_s=ended - (work.looking_since or ended), notes=tuple(work.intake.notes),
    )  # fmt: skip
