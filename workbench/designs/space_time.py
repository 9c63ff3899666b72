"""Whether incidents close in space are close in time too: the Knox test and the near-repeat table.

Where one incident brings the next, a burst that ends by itself looks like an effect, and counts scatter more than
Poisson ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import poisson

from catalog.errors import BadInput
from workbench.designs.panel import Floats


@dataclass(frozen=True)
class Knox:
    """Pairs of incidents close in space, in time, and in both."""

    pairs: int
    """Close in space and in time."""
    expected_pairs: float
    """Pairs close in both if space and time had nothing to do with each other: NS · NT / all."""
    near_pairs: int
    """Close in space."""
    soon_pairs: int
    """Close in time."""
    all_pairs: int
    p_permutation: float
    """Share of shuffles of the times, the one seen counted too, with as many pairs; NaN without shuffles."""
    p_more: float
    """Poisson chance of more pairs than were seen; what the library pointpats calls `p_poisson`."""
    p_as_many: float
    """Poisson chance of at least as many pairs."""
    shuffled_mean: float
    """Mean pairs over the shuffles; NaN without any."""


@dataclass(frozen=True)
class NearRepeats:
    """How many times more pairs there are than chance gives, by distance and time."""

    distance_edges: Floats
    """(D + 1,) metres, or the coordinates' unit."""
    time_edges: Floats
    """(T + 1,) in the times' unit."""
    pairs: NDArray[np.int64]
    """(D, T) pairs seen."""
    ratio: Floats
    """(D, T) pairs seen over the mean of the shuffles; NaN where shuffles give none."""
    p_value: Floats
    """(D, T) share of shuffles, the one seen counted too, with as many pairs."""


def knox(xy: Floats, times: Floats, distance: float, time: float, permutations: int = 999, seed: int = 0) -> Knox:
    """Return the Knox test of space-time interaction (Knox 1964, Applied Statistics 13).

    Counts as pointpats does: pairs no farther apart than `distance` and `time`, both included. It is computed here
    because that library shuffles with NumPy's shared generator, which takes no seed of ours, and keeps every pair
    that is close in time, which of a year's incidents in a city are too many.

    Parameters
    ----------
    xy
        (N, 2) positions in a plane.
    times
        (N,) in any unit.
    distance, time
        What is close, in the units of `xy` and `times`.
    permutations
        How often the times are shuffled; 0 leaves only the Poisson approximation.

    Raises
    ------
    BadInput
        For fewer than two incidents, or lengths below 0.
    """
    _enough(xy, times, distance, time)
    near = cKDTree(xy).query_pairs(distance, output_type="ndarray")
    soon = _soon_pairs(times, time)
    all_pairs = len(times) * (len(times) - 1) // 2

    def close(order: NDArray[np.int64]) -> int:
        shuffled = times[order]
        return int((np.abs(shuffled[near[:, 0]] - shuffled[near[:, 1]]) <= time).sum())

    seen = close(np.arange(len(times)))
    rng = np.random.default_rng(seed)
    drawn = np.array([close(rng.permutation(len(times))) for _ in range(permutations)])
    expected = len(near) * soon / all_pairs
    return Knox(
        seen, expected, len(near), soon, all_pairs,
        (int((drawn >= seen).sum()) + 1) / (permutations + 1) if permutations else float("nan"),
        float(poisson.sf(seen, expected)), float(poisson.sf(seen - 1, expected)),
        float(drawn.mean()) if permutations else float("nan"),
    )  # fmt: skip


def _soon_pairs(times: Floats, time: float) -> int:
    """Count the pairs no farther apart than `time` without listing them."""
    ordered = np.sort(times)
    return int((np.searchsorted(ordered, ordered + time, side="right") - np.arange(len(ordered)) - 1).sum())


def near_repeats(
    xy: Floats,
    times: Floats,
    distance_edges: Sequence[float],
    time_edges: Sequence[float],
    permutations: int = 99,
    seed: int = 0,
) -> NearRepeats:
    """Return how many times more pairs than chance there are in bands of distance and time.

    Johnson et al. (2007, Journal of Quantitative Criminology 23); Ratcliffe (2008), Near Repeat Calculator. A band
    holds what lies above its lower edge and up to its upper one; the first holds its lower edge too.

    Parameters
    ----------
    xy, times
        (N, 2) positions and (N,) times.
    distance_edges, time_edges
        (D + 1,) and (T + 1,) rising, in the units of `xy` and `times`.

    Raises
    ------
    BadInput
        For fewer than two incidents, or edges that do not rise from 0 or more.
    """
    across, along = np.asarray(distance_edges, float), np.asarray(time_edges, float)
    _enough(xy, times, across[0], along[0])
    if min(len(across), len(along)) < 2 or (np.diff(across) <= 0).any() or (np.diff(along) <= 0).any():
        raise BadInput(
            f"near repeats: the edges {across.tolist()} and {along.tolist()} must rise; give at least two"
        )
    near = cKDTree(xy).query_pairs(across[-1], output_type="ndarray")
    apart = np.linalg.norm(xy[near[:, 0]] - xy[near[:, 1]], axis=1)
    band = _band(apart, across)
    near, band = near[band >= 0], band[band >= 0]
    shape = len(across) - 1, len(along) - 1

    def table(shuffled: Floats) -> NDArray[np.int64]:
        step = _band(np.abs(shuffled[near[:, 0]] - shuffled[near[:, 1]]), along)
        inside = step >= 0
        return np.bincount(band[inside] * shape[1] + step[inside], minlength=shape[0] * shape[1]).reshape(shape)

    seen = table(times)
    rng = np.random.default_rng(seed)
    drawn = np.stack([table(times[rng.permutation(len(times))]) for _ in range(permutations)])
    mean = drawn.mean(axis=0)
    ratio = np.divide(seen, mean, out=np.full(shape, np.nan), where=mean > 0)
    return NearRepeats(across, along, seen, ratio, ((drawn >= seen).sum(axis=0) + 1) / (permutations + 1))


def _band(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the band of each value, −1 outside all."""
    band = np.searchsorted(edges, values, side="left") - 1
    band[values == edges[0]] = 0
    band[values > edges[-1]] = -1
    return band


def _enough(xy: Floats, times: Floats, *least: float) -> None:
    if len(times) < 2 or xy.shape != (len(times), 2) or min(least) < 0:
        raise BadInput(
            f"pairs were asked for of {len(times)} incidents at {xy.shape} positions; it takes two or more, each "
            "with a place in a plane and a time, and lengths of 0 or more"
        )
