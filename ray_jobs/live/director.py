"""The director: keeps every camera with a shard, every shard with detectors, and says how it all is.

It is a Ray driver that may die: shards go on without it, and the next director finds them by name.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import ray
import ray.exceptions

from catalog.client import KeeperClient
from catalog.errors import KeeperUnavailable, RtccError
from catalog.home import Home
from catalog.memory import GivingBack
from ray_jobs.live.config import CameraPlan, LiveConfig
from ray_jobs.live.crew import LiveCrew, Shard, cameras_of
from ray_jobs.live.figures import ShardFigures
from ray_jobs.live.holding import held_elsewhere
from ray_jobs.live.ingest import Assignment
from ray_jobs.live.placement import assign, cost_of, shards_needed
from ray_jobs.live.plans import Plans
from ray_jobs.live.status import LiveStatus, write_status
from ray_jobs.live.storage import Storage
from workbench.feeds.levels import wanted

log = logging.getLogger(__name__)

ROUND_S = 1.0
"""Between two rounds, seconds."""

CALL_S = 20.0
"""Wait for a shard to take its cameras, seconds."""

REFUSED_AGAIN_S = 30.0
"""Wait before a camera that could not be opened is tried again, seconds: its address does not mend by itself."""

STOP_S = 25.0
"""Wait for shards to close their segments, seconds."""


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)  # noqa: TID251 live work is an edge: it happens now


class Director:
    """Runs live work on the cluster this process is connected to.

    Parameters
    ----------
    only
        Cameras to watch; empty for all that have a stream.
    shards
        Least number of shards; 0 for what the cameras cost.
    """

    def __init__(
        self, home: Home, config: LiveConfig, *, only: Sequence[str] = (), shards: int = 0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:  # fmt: skip
        self.home, self.config, self._at_least, self._clock = home, config, shards, clock
        self._door = KeeperClient(home, spawn=False, wait_s=5.0)
        self._plans = Plans(home, config, self._door, clock, only)
        self._storage = Storage(home, self._door, clock)
        self.crew = LiveCrew(home, config)
        self._version = ""
        self._roster_missing = True
        self._started_at = clock()
        self._closing: list[ShardFigures] = []
        self._again_s: dict[str, float] = {}
        """When cameras that could not be opened are tried again, on the steady clock."""

    def run(self, stop: threading.Event) -> None:
        """Direct until `stop` is set, then let every shard close its segments."""
        memory = GivingBack()
        while not stop.is_set():
            began_s = time.monotonic()
            self.round()
            memory.now_and_then()
            stop.wait(max(0.05, ROUND_S - (time.monotonic() - began_s)))
        self.close()  # not where a round failed: shards go on, and the next director finds them

    def close(self) -> None:
        """End the shards in good order, and say the last figures."""
        if self.crew.shards:
            self._closing = self.crew.stop(STOP_S)
        write_status(self.home, self.status(state="stopped"))
        self._plans.close()
        self._storage.close()
        self._door.close()

    def round(self) -> None:
        """Do what there is to do now."""
        self._read_roster()
        plans = self._plans.by_camera
        if plans:
            costs = {camera_id: _cost(plan) for camera_id, plan in plans.items()}
            needed = shards_needed(list(costs.values()), len(self.crew.nodes()), self._at_least)
            self.crew.staff(needed)
        for shard in self.crew.listen():
            shard.told, shard.using = {}, ()  # another process than before: it has no camera and no detector
        for shard in self.crew.shards.values():
            self._tell_detectors(shard)
        if plans:
            self._place(plans)
        self._storage.round()
        for shard in self.crew.shards.values():
            self._ask(shard, "needs", list(self._plans.incidents), self._storage.shed)
        write_status(self.home, self.status())

    def status(self, state: str = "live") -> LiveStatus:
        """Return how all of it is."""
        alive = {place.shard for place in self.crew.living()}
        heard = [shard.figures for shard in self.crew.shards.values() if shard.figures and shard.number in alive]
        shards = self._closing or heard
        detectors = [one.figures for one in self.crew.detectors.values() if one.figures]
        keeper = "the keeper does not answer" if self._roster_missing else ""
        return LiveStatus.of(
            self._clock(), self._started_at, state, shards, detectors, self._plans.by_camera, self._plans.refused,
            self._storage.figures, keeper,
        )  # fmt: skip

    def _read_roster(self) -> None:
        """Take in what has changed in the registry; without a keeper the last known one stands."""
        try:
            roster = self._door.roster(self._version)
            self._roster_missing = False
            if roster is not None:
                self._plans.take(roster)
                self._version = roster.version
        except KeeperUnavailable as error:
            self._roster_missing = True
            log.info("the registry cannot be read: %s", error)

    def _place(self, plans: dict[str, CameraPlan]) -> None:
        """Give cameras to shards, and tell each shard what is new for it."""
        living = self.crew.living()
        if not living:
            return
        costs = {camera_id: _cost(plan) for camera_id, plan in plans.items()}
        placed = assign(costs, living, cameras_of(list(self.crew.shards.values())))
        alive = {place.shard for place in living}
        mine: dict[int, dict[str, CameraPlan]] = {number: {} for number in alive}
        for camera_id, number in placed.items():
            mine[number][camera_id] = plans[camera_id]
        for shard in self.crew.shards.values():
            if shard.number not in alive:
                shard.told.clear()
        # those who lose a camera first: two shards never record it at once
        order = sorted(alive, key=lambda number: -len(self.crew.shards[number].told.keys() - mine[number].keys()))
        for number in order:
            self._tell(self.crew.shards[number], mine[number])

    def _tell(self, shard: Shard, plans: dict[str, CameraPlan]) -> None:
        if shard.pid is None:
            return  # it is being started
        now_s = time.monotonic()
        waiting = {one for one, until_s in self._again_s.items() if until_s > now_s}
        waiting |= {one for one in plans.keys() - shard.told.keys() if held_elsewhere(self.home, one, shard.pid)}
        plans = {one: plan for one, plan in plans.items() if one in shard.told or one not in waiting}
        if shard.told == plans:
            return
        new = [camera_id for camera_id in plans if camera_id not in shard.told]
        try:
            starts = self._plans.starts(new) if new else {}
        except RtccError as error:
            log.info("cameras cannot be started yet: %s", error)
            return
        assignments = [Assignment(plans[camera_id], starts[camera_id]) for camera_id in new]
        known = [plan for camera_id, plan in plans.items() if camera_id in shard.told]
        try:
            watched = ray.get(shard.actor.watch.remote(assignments, known), timeout=CALL_S)
        except (ray.exceptions.RayError, TimeoutError) as error:
            log.info("shard %d does not take its cameras: %s", shard.number, str(error).splitlines()[:1])
            return
        shard.told = {camera_id: plan for camera_id, plan in plans.items() if camera_id in watched}
        self._again_s |= {one: now_s + REFUSED_AGAIN_S for one in plans if one not in watched}

    def _tell_detectors(self, shard: Shard) -> None:
        """Name the detectors a shard is to ask, where they have changed."""
        ready = self.crew.ready_detectors(shard.node)
        names = tuple(f"{one.node}-{one.number}" for one in ready)
        if shard.pid is not None and names != shard.using:
            shard.using = names
            self._ask(shard, "use", [one.actor for one in ready])

    @staticmethod
    def _ask(shard: Shard, what: str, *arguments: object) -> None:
        """Tell a shard something without waiting for it; one that is gone is told again when it is back."""
        try:
            getattr(shard.actor, what).remote(*arguments)
        except ray.exceptions.RayError as error:
            log.debug("shard %d was not told: %s", shard.number, error)


def _cost(plan: CameraPlan) -> float:
    mounting = plan.site.mountings[-1]
    size = (mounting.frame_width_px or 0) * (mounting.frame_height_px or 0)
    return cost_of(wanted(plan.need(open_incident=False)), size / 1e6 if size else None)
