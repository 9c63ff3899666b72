"""Which shard watches which camera: spread by cost over the nodes, moved only where it has to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from catalog.footage import Level

COST: dict[Level, float] = {"record": 1.0, "keyframes": 2.0, "substream": 4.0, "full": 8.0}
"""What a 1080p camera costs at each level, percent of a core, detector not counted."""

CAMERAS_A_SHARD = 75
"""Most cameras of one process: 600 cameras on 8 shards. Threads of one process share one interpreter lock."""

SHARD_COST = 90.0
"""Most one shard may cost, percent of a core: beyond it the interpreter lock would hold packets up."""

HYSTERESIS = 1.5
"""A camera moves between living shards only where one costs so many times the other; moving costs a gap."""


@dataclass(frozen=True)
class ShardPlace:
    """A shard that is there."""

    shard: int
    node: str


def cost_of(level: Level, megapixels: float | None = None) -> float:
    """Return what a camera costs at a level, percent of a core; `None` for an unknown size counts as 1080p."""
    share = 1.0 if megapixels is None else max(0.15, megapixels / 2.07)
    return COST[level] if level == "record" else COST["record"] + (COST[level] - COST["record"]) * share


def shards_needed(costs: Sequence[float], nodes: int, at_least: int = 0) -> int:
    """Return how many shards these cameras need: at least one a node, none over its limits."""
    by_count = -(-len(costs) // CAMERAS_A_SHARD)
    by_cost = -(-int(sum(costs)) // int(SHARD_COST))
    return max(1, nodes, by_count, by_cost, at_least)


def spread(shards: int, cpus: Mapping[str, float], taken: Mapping[str, int] | None = None) -> tuple[str, ...]:
    """Return the node of each further shard, so that every node carries its share of the cores.

    Parameters
    ----------
    taken
        Shards each node has already.
    """
    placed = {node: (taken or {}).get(node, 0) for node in cpus}
    nodes = []
    for _ in range(shards):
        node = min(sorted(placed), key=lambda name: (placed[name] + 1) / max(cpus[name], 0.01))
        placed[node] += 1
        nodes.append(node)
    return tuple(nodes)


def assign(costs: Mapping[str, float], shards: Sequence[ShardPlace], before: Mapping[str, int]) -> dict[str, int]:
    """Return the shard of every camera.

    Longest processing time first (Graham 1969) for those without a place; the others stay where they are, unless
    their shard has gone, or has too many or carries far more than another that has room. Nothing where no shard is.

    Parameters
    ----------
    costs
        By camera, percent of a core.
    before
        Where cameras are now.
    """
    placing = _Placing({place.shard for place in shards}, costs)
    homeless = []
    for camera_id in sorted(costs, key=lambda one: (-costs[one], one)):
        shard = before.get(camera_id)
        if shard in placing.load:
            placing.put(camera_id, shard)
        else:
            homeless.append(camera_id)
    if placing.load:
        for camera_id in homeless:
            placing.put(camera_id, placing.emptiest())
        placing.thin_out()
        placing.level_out()
    return placing.placed


class _Placing:
    """Cameras on shards, while they are being given out."""

    def __init__(self, shards: Collection[int], costs: Mapping[str, float]) -> None:
        self.costs = costs
        self.placed: dict[str, int] = {}
        self.load = dict.fromkeys(sorted(shards), 0.0)
        self.count = dict.fromkeys(self.load, 0)

    def put(self, camera_id: str, shard: int) -> None:
        """Place a camera, or move it."""
        before = self.placed.get(camera_id)
        if before is not None:
            self.load[before] -= self.costs[camera_id]
            self.count[before] -= 1
        self.placed[camera_id] = shard
        self.load[shard] += self.costs[camera_id]
        self.count[shard] += 1

    def emptiest(self) -> int:
        """Return the shard that carries least, of those that have room where any has."""
        return min(self.load, key=lambda shard: (self.count[shard] >= CAMERAS_A_SHARD, self.load[shard], shard))

    def thin_out(self) -> None:
        """Move cameras from shards that have too many to those that have room, the cheapest first.

        Where none has room they stay: moving them from one full shard to another would cost a gap for nothing.
        """
        for shard in self.load:
            cheapest = sorted(self._of(shard), key=lambda one: (self.costs[one], one))
            while self.count[shard] > CAMERAS_A_SHARD and self.count[self.emptiest()] < CAMERAS_A_SHARD:
                self.put(cheapest.pop(0), self.emptiest())

    def level_out(self) -> None:
        """Move cameras from the fullest shard to the emptiest while that pays for the gap it makes."""
        dearest = max(self.costs.values(), default=0.0)
        for _ in self.costs:
            fullest, emptiest = max(self.load, key=lambda one: (self.load[one], -one)), self.emptiest()
            room = self.load[fullest] - self.load[emptiest]
            movable = [camera_id for camera_id in self._of(fullest) if self.costs[camera_id] < room]
            uneven = self.load[fullest] > HYSTERESIS * self.load[emptiest] + dearest
            if not uneven or not movable or self.count[emptiest] >= CAMERAS_A_SHARD:
                return
            self.put(min(movable, key=lambda one: (abs(self.costs[one] - room / 2), one)), emptiest)

    def _of(self, shard: int) -> list[str]:
        return [camera_id for camera_id, where in self.placed.items() if where == shard]
