"""What passed, per bin: every track counts where it was in view, and begins once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from workbench.analysis.timeline import MOST_BINS, bin_length_s, timeline

SECOND = 1_000_000
seen = st.lists(
    st.tuples(st.sampled_from(["car", "person"]), st.integers(0, 99), st.integers(0, 20)), max_size=12
)  # fmt: skip


@given(seen, st.integers(1, 99))
def test_a_span_counted_in_halves_begins_as_many_tracks_as_whole(
    tracks: list[tuple[str, int, int]], cut: int
) -> None:
    labels = [label for label, _, _ in tracks]
    first = np.array([start * SECOND for _, start, _ in tracks], np.int64)
    last = np.array([(start + length) * SECOND for _, start, length in tracks], np.int64)

    def begun(start: int, end: int) -> int:
        return int(timeline(labels, first, last, start=start * SECOND, end=end * SECOND, bin_s=1).begun.sum())

    assert begun(0, cut) + begun(cut, 100) == begun(0, 100) == len(tracks)


@given(seen)
def test_a_track_is_in_view_in_every_bin_it_reaches(tracks: list[tuple[str, int, int]]) -> None:
    labels = [label for label, _, _ in tracks]
    first = np.array([start * SECOND for _, start, _ in tracks], np.int64)
    last = np.array([(start + length) * SECOND for _, start, length in tracks], np.int64)
    passed = timeline(labels, first, last, start=0, end=100 * SECOND, bin_s=10)
    for column, edge in enumerate(range(0, 100, 10)):
        inside = sum(start < edge + 10 and start + length >= edge for _, start, length in tracks)
        assert passed.counts[:, column].sum() == inside


def test_bins_begin_at_whole_multiples_and_reach_the_end() -> None:
    passed = timeline(
        ["car"], np.array([7 * SECOND]), np.array([8 * SECOND]), start=3 * SECOND, end=21 * SECOND, bin_s=10
    )
    assert (passed.edges // SECOND).tolist() == [0, 10, 20, 30]
    assert passed.counts.tolist() == [[1, 0, 0]]


def test_labels_come_most_frequent_first() -> None:
    instants = np.zeros(3, np.int64)
    assert timeline(["car", "bus", "bus"], instants, instants, start=0, end=SECOND).labels == ("bus", "car")


def test_nothing_seen_is_an_empty_count_not_an_error() -> None:
    none = np.zeros(0, np.int64)
    passed = timeline([], none, none, start=0, end=60 * SECOND)
    assert passed.labels == ()
    assert passed.counts.shape == (0, 60)


@pytest.mark.parametrize("span_s", [1, 90, 3600, 86_400, 30 * 86_400])
def test_a_bin_is_as_short_as_can_still_be_read(span_s: float) -> None:
    assert span_s / bin_length_s(span_s) <= MOST_BINS


def test_an_empty_span_cannot_be_counted() -> None:
    with pytest.raises(BadInput, match="empty"):
        timeline([], np.zeros(0, np.int64), np.zeros(0, np.int64), start=5, end=5)
