"""What passed, over time: tracks in view, counted in even bins per label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput

BIN_LENGTHS_S = (1, 5, 10, 30, 60, 300, 900, 3600, 10_800, 86_400)
"""Bin lengths people can read off an axis, seconds."""

MOST_BINS = 120
"""A plot with more bars than this shows noise rather than hours."""


@dataclass(frozen=True)
class Timeline:
    """Tracks in view, per bin and label."""

    start: int
    """Where the first bin begins, µs since 1970 UTC; a whole multiple of the bin length."""
    bin_s: int
    """Length of a bin, seconds."""
    labels: tuple[str, ...]
    """(L,) what was seen, most frequent first."""
    counts: NDArray[np.int64]
    """(L, B) tracks in view at some instant of each bin; one track counts in every bin it reaches."""
    begun: NDArray[np.int64]
    """(L, B) tracks whose first sighting lies in the bin; these sum to the number of tracks."""

    @property
    def edges(self) -> NDArray[np.int64]:
        """(B + 1,) where the bins begin and the last one ends, µs since 1970 UTC."""
        return self.start + np.arange(self.counts.shape[1] + 1, dtype=np.int64) * self.bin_s * 1_000_000


def bin_length_s(span_s: float, most_bins: int = MOST_BINS) -> int:
    """Return the shortest readable bin that cuts the span into no more bins than asked."""
    return next((size for size in BIN_LENGTHS_S if span_s <= size * most_bins), BIN_LENGTHS_S[-1])


def timeline(
    labels: Sequence[str],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    *,
    start: int,
    end: int,
    bin_s: int | None = None,
) -> Timeline:
    """Return how many tracks of each label were in view in each bin of `[start, end)`.

    Parameters
    ----------
    labels
        (N,) one label per track.
    first, last
        (N,) first and last sighting, µs since 1970 UTC, last included.
    start, end
        The stretch to count in, µs since 1970 UTC.
    bin_s
        Length of a bin, seconds; `None` picks one by the length of the stretch.

    Raises
    ------
    BadInput
        When the stretch is empty or the bin is not positive.
    """
    if end <= start:
        raise BadInput("nothing to count: the span is empty; give one with footage in it")
    bin_s = bin_length_s((end - start) / 1e6) if bin_s is None else bin_s
    if bin_s < 1:
        raise BadInput(f"bins of {bin_s} s cannot be counted; use 1 s or more")
    bin_us = bin_s * 1_000_000
    origin = start // bin_us * bin_us
    bins = -(-(end - origin) // bin_us)
    names, rows = _by_frequency(labels)
    in_span = (last >= start) & (first < end)
    began_in_span = in_span & (first >= start)
    from_bin = np.clip((first - origin) // bin_us, 0, bins - 1)
    to_bin = np.clip((last - origin) // bin_us, 0, bins - 1)
    # A track adds one where it comes into view and takes it away in the bin after it leaves.
    steps = np.zeros((len(names), bins + 1), np.int64)
    np.add.at(steps, (rows[in_span], from_bin[in_span]), 1)
    np.add.at(steps, (rows[in_span], to_bin[in_span] + 1), -1)
    begun = np.zeros((len(names), bins), np.int64)
    np.add.at(begun, (rows[began_in_span], from_bin[began_in_span]), 1)
    return Timeline(int(origin), bin_s, names, steps.cumsum(axis=1)[:, :bins], begun)


def _by_frequency(labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if not len(labels):
        return (), np.zeros(0, np.int64)
    words, inverse, counts = np.unique(np.asarray(labels, dtype=str), return_inverse=True, return_counts=True)
    order = np.lexsort((words, -counts))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return tuple(str(words[i]) for i in order), rank[inverse].astype(np.int64)
