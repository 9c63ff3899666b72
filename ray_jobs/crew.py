"""The workers of a job: who looks at which segment, who follows which camera, and what happens when one dies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import ray
import ray.exceptions

from catalog.access import Access
from catalog.errors import BadInput, ClusterError, RtccError
from catalog.home import Home
from catalog.observations import Run
from ray_jobs.cluster import Cluster
from ray_jobs.config import CameraFootage, IndexConfig, Progress, Report
from ray_jobs.intake import Intake
from ray_jobs.known import Followed, Site
from ray_jobs.lanes import Lane
from ray_jobs.processes import stand_back
from ray_jobs.stages import Detect, Follow, MemoryMissing
from ray_jobs.summary import Tally

if TYPE_CHECKING:
    from workbench.vision.detector import Detector

Ref: TypeAlias = "ray.ObjectRef[Any]"

DETECTORS_PER_GPU = 4
"""Workers that share one GPU: each spends most of its time decoding on its own core."""

CALLS_PER_WORKER = 2
"""Segments handed to one worker at once, so that it never waits for the driver."""

OPEN_PER_WORKER = 12
"""Segments in flight per worker, looked at or waiting for their turn; beyond it nothing new is started. Room for
those being gathered, those being followed and those in hand, so that no worker waits for a commit."""

remote: Any = ray.remote  # its annotations do not know max_pending_calls


class DetectBeside(Detect):
    """The stage as a worker: live work on the same machine comes first."""

    def setup(self) -> Detector:
        """Load the weights, and stand back."""
        stand_back()
        return super().setup()


DetectActor = remote(max_restarts=-1, max_task_retries=-1, max_pending_calls=2 * CALLS_PER_WORKER)(DetectBeside)
FollowActor = remote(num_cpus=0, max_restarts=-1, max_task_retries=-1, max_pending_calls=4)(Follow)


@dataclass
class Work:
    """One camera's share of a job."""

    footage: CameraFootage
    site: Site
    run: Run
    began: float
    """Reading of the monotonic clock when the command began with this camera, seconds."""
    tally: Tally = field(default_factory=Tally)
    intake: Intake = field(default_factory=Intake)
    lane: Lane[Any] = field(default_factory=lambda: Lane([], set()))
    looking_since: float | None = None
    """When workers that were ready got its first segment; `None` while nothing had to be looked at."""
    ended: float | None = None
    """When its last row was durable."""


class Crew:
    """The workers of a job, and who is at what."""

    def __init__(
        self, home: Home, access: Access, config: IndexConfig, cluster: Cluster, workers: int | None, report: Report
    ) -> None:
        self.home, self.access, self.config, self.report = home, access, config, report
        self.count, self.gpus_each = _staffing(cluster, config, workers)
        self.detectors: list[Any] = []
        self.busy: list[int] = []
        """Calls each detector has in hand."""
        self.followers: dict[str, Any] = {}
        self.looking: dict[Ref, tuple[Work, int, int]] = {}
        """What is being looked at: camera's work, position in its lane, detector."""
        self.following: dict[Ref, tuple[Work, range]] = {}

    def run(self, works: Sequence[Work]) -> None:
        """Do all the work; return when every row is durable."""
        waiting = [work for work in works if not work.lane.finished]
        for work in works:
            if work.lane.finished:
                work.ended = time.perf_counter()
        if not waiting:
            return
        try:
            self._hire(waiting)
            while any(not work.lane.finished for work in waiting):
                self._hand_out(waiting)
                done, _ = ray.wait([*self.looking, *self.following], num_returns=1, fetch_local=False)
                for ref in done:
                    self._take(ref)
        finally:
            for actor in (*self.detectors, *self.followers.values()):
                ray.kill(actor)

    def _hire(self, works: Sequence[Work]) -> None:
        count = min(self.count, sum(len(work.lane.segments) - len(work.lane.known) for work in works))
        options = {"num_cpus": 1, "num_gpus": self.gpus_each}
        self.detectors = [
            DetectActor.options(**options).remote(self.home, self.access, self.config) for _ in range(max(count, 1))
        ]
        self.busy = [0] * len(self.detectors)
        for work in works:
            self.followers[work.footage.camera_id] = FollowActor.remote(
                self.home, self.access, work.run, work.site, self.config
            )
        for ref in [worker.ready.remote() for worker in self.detectors]:
            result_of(ref)
        for work in works:
            work.looking_since = time.perf_counter()

    def _hand_out(self, works: Sequence[Work]) -> None:
        """Give free workers the next segments, one camera after the other, as far as the window allows."""
        room = OPEN_PER_WORKER * len(self.detectors) - sum(work.lane.open_count for work in works)
        turn = [work for work in works if not work.lane.finished]
        while room > 0 and turn and min(self.busy) < CALLS_PER_WORKER:
            work = turn.pop(0)
            position = work.lane.next_to_look()
            if position is None:
                continue
            worker = self.busy.index(min(self.busy))
            ref = self.detectors[worker].process.remote(work.lane.segments[position])
            self.looking[ref] = (work, position, worker)
            self.busy[worker] += 1
            work.lane.looking.add(position)
            turn.append(work)
            room -= 1

    def _take(self, ref: Ref) -> None:
        if ref in self.looking:
            work, position, worker = self.looking.pop(ref)
            self.busy[worker] -= 1
            work.lane.looking.discard(position)
            work.lane.looked[position] = ref
        else:
            work, positions = self.following.pop(ref)
            self._note(work, positions, ref)
        self._follow_on(work)

    def _follow_on(self, work: Work) -> None:
        """Hand the camera's follower whatever is next in time, if it is free."""
        positions = work.lane.next_to_follow()
        if positions is None:
            return
        steps = [work.lane.step(position) for position in positions]
        looked = [work.lane.looked[position] for position in positions]
        work.lane.following = positions
        ref = self.followers[work.footage.camera_id].process.remote(steps, *looked)
        self.following[ref] = (work, positions)

    def _note(self, work: Work, positions: range, ref: Ref) -> None:
        """Count what is now in the catalog, or go back a segment where the catalog has lost one."""
        try:
            followed: tuple[Followed, ...] = result_of(ref)
        except MemoryMissing:
            if positions.start == 0:
                raise
            work.lane.redo_before(positions.start)
            return
        work.lane.followed(positions)
        for one in followed:
            work.tally.add(one.analysis, one.gap_ids, new=True)
        done_s = sum(analysis.span.duration_s or 0.0 for analysis in work.tally.analyses.values())
        total_s = sum(segment.span.duration_s or 0.0 for segment in work.lane.segments)
        self.report(Progress(work.footage.camera_id, "index", done_s, total_s))
        if work.lane.finished:
            work.ended = time.perf_counter()


def _staffing(cluster: Cluster, config: IndexConfig, workers: int | None) -> tuple[int, float]:
    """Return how many detectors there are, and each one's share of a GPU."""
    if workers is not None and workers < 1:
        raise BadInput(f"{workers} workers cannot do anything; give at least 1")
    if not config.detector.device.startswith("cuda"):
        return min(workers or cluster.cpus, cluster.cpus), 0.0
    if cluster.gpus == 0:
        raise ClusterError(
            f"device {config.detector.device!r} is set, but the cluster has no GPU; "
            "set device to cpu in config.toml"
        )
    count = min(workers or cluster.cpus, cluster.cpus, DETECTORS_PER_GPU * cluster.gpus)
    return count, min(1.0, cluster.gpus / count)


def result_of(ref: Ref) -> Any:
    """Return what a stage gave back; its own errors come through as they are."""
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, RtccError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"a worker of the job failed and could not be replaced: {_last_line(error)}; "
            "run the same command again, it goes on where it stopped"
        ) from error


def _last_line(error: BaseException) -> str:
    """Return the line in which Ray names the cause: the last, below the traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
