"""Draws of the impact lab: one pure function for many seeds, here or on every core of a cluster.

A placebo, a permutation or a planted effect is a function of what it needs and a seed, so that it does not matter
where it runs, in which order, or how often: a draw whose worker died is drawn again and comes out the same, but for
the last digits of its sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray

from ray_jobs.cluster import Cluster
from ray_jobs.crew import Ref, result_of

Shared = TypeVar("Shared")
Drawn = TypeVar("Drawn")

DrawReport = Callable[[int, int], None]
"""Told how many draws are done, of how many."""

BATCHES_A_CORE = 12
"""Draws are sent in so many batches a core: enough that the last ones end together, few enough that sending them
costs nothing beside a draw of a hundredth of a second."""

BATCHES_AHEAD = 3
"""Batches a core that are asked for before the first has come back, so that no worker waits for the next."""


def say_nothing(done: int, asked: int) -> None:
    """Stand in where nobody watches."""


def draw_batch(draw: Callable[[Shared, int], Drawn], shared: Shared, seeds: Sequence[int]) -> list[Drawn]:
    """Return the draws of some seeds, in their order."""
    return [draw(shared, seed) for seed in seeds]


DrawBatchTask: Any = ray.remote(num_cpus=1, max_retries=3)(draw_batch)


class Draws:
    """Runs draws, and gives them back in the order of their seeds.

    Parameters
    ----------
    cluster
        Where they run; the process must be connected to it. None for this process, one after another.
    report
        Told of every batch that comes back.
    """

    def __init__(self, cluster: Cluster | None = None, report: DrawReport = say_nothing) -> None:
        self._cluster, self._report = cluster, report

    def __call__(
        self, draw: Callable[[Shared, int], Drawn], shared: Shared, seeds: Sequence[int]
    ) -> tuple[Drawn, ...]:
        """Return `draw(shared, seed)` for each seed.

        Raises
        ------
        ClusterError
            When workers keep dying.
        """
        found = dict(self.stream(draw, shared, seeds))
        return tuple(found[place] for place in range(len(seeds)))

    def stream(
        self, draw: Callable[[Shared, int], Drawn], shared: Shared, seeds: Sequence[int]
    ) -> Iterator[tuple[int, Drawn]]:
        """Yield (place of the seed, draw) as they come, each once; the order is the workers'.

        Parameters
        ----------
        draw
            A function of a module, so that workers can find it; given the same twice it must return the same.
        shared
            What all draws need. It is sent to each machine once.

        Raises
        ------
        ClusterError
            When workers keep dying.
        """
        done = 0
        batches = self._batches(len(seeds))
        here = self._here(draw, shared, seeds, batches)
        for places, drawn in here if self._cluster is None else self._spread(draw, shared, seeds, batches):
            yield from zip(places, drawn, strict=True)
            done += len(places)
            self._report(done, len(seeds))

    def _batches(self, count: int) -> list[range]:
        """Return the places of each batch; here every draw is one, so that progress is seen."""
        cores = 1 if self._cluster is None else self._cluster.cpus
        size = 1 if self._cluster is None else max(1, -(-count // (cores * BATCHES_A_CORE)))
        return [range(first, min(first + size, count)) for first in range(0, count, size)]

    @staticmethod
    def _here(
        draw: Callable[[Shared, int], Drawn], shared: Shared, seeds: Sequence[int], batches: Sequence[range]
    ) -> Iterator[tuple[range, list[Drawn]]]:
        for places in batches:
            yield places, draw_batch(draw, shared, [seeds[place] for place in places])

    def _spread(
        self, draw: Callable[[Shared, int], Drawn], shared: Shared, seeds: Sequence[int], batches: Sequence[range]
    ) -> Iterator[tuple[range, list[Drawn]]]:
        assert self._cluster is not None
        stored = ray.put(shared)
        waiting = list(reversed(batches))
        running: dict[Ref, range] = {}
        try:
            while waiting or running:
                while waiting and len(running) < BATCHES_AHEAD * self._cluster.cpus:
                    places = waiting.pop()
                    running[DrawBatchTask.remote(draw, stored, [seeds[place] for place in places])] = places
                (ref,), _ = ray.wait(list(running), num_returns=1)
                places = running.pop(ref)
                yield places, result_of(ref)
        finally:
            for ref in running:  # nobody listens any more
                ray.cancel(ref)
