"""Suppression: the answer of the greedy rule, whatever the boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from workbench.vision.suppression import best_boxes, intersection_over_union


def iou_of_two(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum(float((box[2] - box[0]) * (box[3] - box[1])) for box in (first, second))
    return shared / (areas - shared) if areas > shared else 0.0


@st.composite
def heaps(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Draw boxes on a coarse grid, so that many overlap, best first, of two kinds."""
    count = draw(st.integers(0, 25))
    corners = draw(arrays(np.float32, (count, 2), elements=st.integers(0, 12)))
    sizes = draw(arrays(np.float32, (count, 2), elements=st.integers(1, 6)))
    kind = draw(arrays(np.int16, count, elements=st.integers(0, 1)))
    return np.concatenate([corners, corners + sizes], axis=1), kind


@given(heaps(), st.sampled_from([0.3, 0.45, 0.6]))
def test_what_stays_is_what_the_greedy_rule_keeps(heap, max_iou):
    xyxy_px, kind = heap
    kept: list[int] = []
    for rank, box in enumerate(xyxy_px):
        if all(kind[rank] != kind[k] or iou_of_two(box, xyxy_px[k]) <= max_iou for k in kept):
            kept.append(rank)
    assert np.flatnonzero(best_boxes(xyxy_px, kind, max_iou)).tolist() == kept


@given(heaps())
def test_overlap_is_symmetric_and_a_box_overlaps_itself_wholly(heap):
    overlap = intersection_over_union(heap[0])
    assert np.allclose(overlap, overlap.T)
    assert np.allclose(np.diag(overlap), 1)


def test_boxes_without_area_overlap_nothing():
    assert intersection_over_union(np.zeros((2, 4), np.float32)).tolist() == [[0, 0], [0, 0]]
