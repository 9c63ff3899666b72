"""The processes of live work as the director sees them: which are there, which answer, which came back empty."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
import ray.exceptions

from catalog.home import Home
from ray_jobs.live.actors import actor_name, detect_actor, end_actor, ingest_actor, named_actors
from ray_jobs.live.config import LiveConfig
from ray_jobs.live.figures import DetectorFigures, ShardFigures
from ray_jobs.live.placement import ShardPlace, spread

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""Wait for the figures of all processes, seconds."""

GONE_AFTER_S = 6.0
"""A shard silent for so long loses its cameras to the others, seconds: Ray has one back in 2 to 6."""

STARTING_S = 20.0
"""A shard that has never answered is waited for so long, seconds: on a busy machine it takes its time to start."""

CPUS_A_DETECTOR = 2
"""Cores of a node for each detector it has: one looks, one records."""

DETECTORS_A_GPU = 2
"""Detectors that share a GPU: while one gathers a batch, the other computes."""


@dataclass
class Shard:
    """One ingest process."""

    number: int
    node: str
    actor: Any
    pid: int | None = None
    """Process that answered last; another one has none of the cameras."""
    heard_s: float = field(default_factory=time.monotonic)
    figures: ShardFigures | None = None
    told: dict[str, object] = field(default_factory=dict)
    """Plans it was told, by camera."""
    using: tuple[str, ...] = ()
    """Detectors it was told to ask."""
    call: Any = None
    """Its open question for figures."""

    def silent_s(self, now_s: float) -> float:
        """Return for how long it has not answered, seconds."""
        return now_s - self.heard_s


@dataclass
class DetectorPlace:
    """One inference process."""

    number: int
    node: str
    actor: Any
    figures: DetectorFigures | None = None
    call: Any = None


class LiveCrew:
    """Shards and detectors."""

    def __init__(self, home: Home, config: LiveConfig) -> None:
        self._home, self._config = home, config
        self.shards: dict[int, Shard] = {}
        self.detectors: dict[tuple[str, int], DetectorPlace] = {}
        """By node and number."""
        self._adopted = False

    def nodes(self) -> Mapping[str, Mapping[str, float]]:
        """Return the resources of the nodes that are alive."""
        return {
            node["NodeID"]: node["Resources"]
            for node in ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU", 0) > 0
        }

    def staff(self, shards: int) -> None:
        """Have so many shards at least, and the detectors there is room for; replace what a lost node had."""
        nodes = self.nodes()
        if not nodes:
            return
        self._adopt(nodes)
        self._leave_lost(nodes)
        cpus = {name: resources.get("CPU", 1.0) for name, resources in nodes.items()}
        taken = Counter(shard.node for shard in self.shards.values())
        missing = [number for number in range(shards) if number not in self.shards]
        for number, node in zip(missing, spread(len(missing), cpus, taken), strict=True):
            self.shards[number] = Shard(number, node, ingest_actor(self._home, self._config, number, node))
        for number, node, gpus in _detector_places(nodes, self._config.detector.device):
            if (node, number) not in self.detectors:
                actor = detect_actor(self._home, self._config, number, node, gpus)
                self.detectors[node, number] = DetectorPlace(number, node, actor)

    def _adopt(self, nodes: Mapping[str, object]) -> None:
        """Take over the shards that an earlier director made."""
        if self._adopted:
            return
        self._adopted = True
        for number, node in named_actors("ingest"):
            if node in nodes and number not in self.shards:
                self.shards[number] = Shard(number, node, ingest_actor(self._home, self._config, number, node))

    def _leave_lost(self, nodes: Mapping[str, object]) -> None:
        """Forget what was on nodes that are gone: it can be started nowhere else."""
        for number, shard in list(self.shards.items()):
            if shard.node not in nodes:
                log.warning("node %s is gone, and shard %d with it", shard.node[:8], number)
                end_actor(actor_name("ingest", number, shard.node))
                del self.shards[number]
        for place in list(self.detectors.values()):
            if place.node not in nodes:
                end_actor(actor_name("detect", place.number, place.node))
                del self.detectors[place.node, place.number]

    def listen(self) -> list[Shard]:
        """Ask everyone for figures, take what comes in time, and return the shards that came back empty."""
        everyone: list[Shard | DetectorPlace] = [*self.shards.values(), *self.detectors.values()]
        for one in everyone:
            if one.call is None:
                one.call = _asked(one.actor)
        calls = {one.call: one for one in everyone if one.call is not None}
        if not calls:
            time.sleep(0.2)
            return []
        ready, _ = ray.wait(list(calls), num_returns=len(calls), timeout=ANSWER_S)
        empty = []
        for call in ready:
            one = calls[call]
            one.call = None
            try:
                figures = ray.get(call)
            except ray.exceptions.RayError as error:
                log.info("%s does not answer: %s", type(one).__name__, str(error).splitlines()[:1])
                continue
            if isinstance(one, Shard):
                if self._heard(one, figures):
                    empty.append(one)
            else:
                self._heard_detector(one, figures)
        return empty

    def _heard(self, shard: Shard, figures: ShardFigures) -> bool:
        """Take in a shard's figures; return whether it is another process than before."""
        shard.heard_s, shard.figures = time.monotonic(), figures
        fresh = figures.pid != shard.pid
        shard.pid = figures.pid
        return fresh

    @staticmethod
    def _heard_detector(place: DetectorPlace, figures: DetectorFigures) -> None:
        """Take in a detector's figures; one that is another process than before has its weights to load."""
        if place.figures is None or place.figures.pid != figures.pid:
            place.actor.ready.remote()
        place.figures = figures

    def ready_detectors(self, node: str) -> list[DetectorPlace]:
        """Return the detectors that answer, those of this node alone where it has any: pictures need not travel."""
        ready = [one for one in self.detectors.values() if one.figures is not None and one.figures.loaded]
        return [one for one in ready if one.node == node] or ready

    def living(self) -> list[ShardPlace]:
        """Return the shards that have answered lately, or are being started."""
        now_s = time.monotonic()
        return [
            ShardPlace(shard.number, shard.node)
            for shard in self.shards.values()
            if shard.silent_s(now_s) < (STARTING_S if shard.pid is None else GONE_AFTER_S)
        ]

    def stop(self, timeout_s: float) -> list[ShardFigures]:
        """Let every shard close its segments, then end all processes; return the shards' last figures."""
        calls = [shard.actor.stop.remote() for shard in self.shards.values()]
        figures = []
        ready, late = ray.wait(calls, num_returns=len(calls), timeout=timeout_s) if calls else ([], [])
        for call in ready:
            try:
                figures.append(ray.get(call))
            except ray.exceptions.RayError as error:
                log.warning("a shard did not stop in good order: %s", error)
        if late:
            log.warning("%d shards did not stop in time; what they had written is taken up next time", len(late))
        for shard in self.shards.values():
            end_actor(actor_name("ingest", shard.number, shard.node))
        for place in self.detectors.values():
            end_actor(actor_name("detect", place.number, place.node))
        return figures


def _asked(actor: Any) -> Any:
    try:
        return actor.figures.remote()
    except ray.exceptions.RayError:
        return None  # too many calls wait already, or it is gone: asked again next time


def _detector_places(nodes: Mapping[str, Mapping[str, float]], device: str) -> list[tuple[int, str, float]]:
    """Return the number and node of each detector, and its share of a GPU."""
    places: list[tuple[int, str, float]] = []
    for name, resources in nodes.items():
        if device.startswith("cuda"):
            count, share = int(resources.get("GPU", 0)) * DETECTORS_A_GPU, 1.0 / DETECTORS_A_GPU
        else:
            count, share = max(1, int(resources.get("CPU", 1)) // CPUS_A_DETECTOR), 0.0
        places += [(number, name, share) for number in range(count)]
    return places


def cameras_of(shards: Sequence[Shard]) -> dict[str, int]:
    """Return which shard watches which camera: as it was told, else, by an earlier director, as it says itself."""
    found = {one.camera_id: shard.number for shard in shards if shard.figures for one in shard.figures.cameras}
    return found | {camera_id: shard.number for shard in shards for camera_id in shard.told}
