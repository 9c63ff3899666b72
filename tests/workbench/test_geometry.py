from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.geometry import (
    anchors,
    box_of,
    centre_size,
    crossing_share,
    inset_rectangle,
    iou,
    signed_distance_to_area,
    signed_distance_to_line,
    to_ground_m,
)

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
NOTCHED = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [5.0, 4.0], [0.0, 10.0]])

whole = st.integers(-500, 500)
boxes = st.lists(
    st.tuples(whole, whole, st.integers(1, 200), st.integers(1, 200)).map(
        lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3]))
    ),
    max_size=6,
).map(lambda rows: np.array(rows, np.float64).reshape(-1, 4))


def test_an_anchor_is_the_bottom_centre() -> None:
    assert anchors(np.array([[10.0, 20.0, 30.0, 80.0]])).tolist() == [[20.0, 80.0]]


@pytest.mark.parametrize(
    ("point", "depth"),
    [((5, 5), 5), ((5, 1), 1), ((5, -3), -3), ((13, 14), -5), ((10, 5), 0)],
    ids=["middle", "near the top", "above", "off a corner", "on the edge"],
)
def test_depth_in_a_square_is_the_distance_to_its_edge(point: tuple[float, float], depth: float) -> None:
    assert signed_distance_to_area(np.array([point], np.float64), SQUARE)[0] == pytest.approx(depth)


@pytest.mark.parametrize("polygon", [NOTCHED, NOTCHED[::-1]], ids=["clockwise", "counter-clockwise"])
def test_a_notch_is_outside_whichever_way_the_corners_turn(polygon: np.ndarray) -> None:
    inside = signed_distance_to_area(np.array([[5.0, 8.0], [5.0, 2.0], [1.0, 8.0]]), polygon) > 0
    assert inside.tolist() == [False, True, True]


@given(whole, whole, whole, whole)
def test_moving_area_and_point_together_changes_no_depth(x: int, y: int, dx: int, dy: int) -> None:
    point, by = np.array([[x, y]], np.float64), np.array([dx, dy], np.float64)
    here, there = signed_distance_to_area(point, NOTCHED), signed_distance_to_area(point + by, NOTCHED + by)
    assert there == pytest.approx(here)


def test_right_of_a_line_is_right_as_the_viewer_sees_it() -> None:
    upwards = np.array([[100.0, 700.0], [100.0, 0.0]])
    assert signed_distance_to_line(np.array([[130.0, 300.0], [80.0, 300.0]]), upwards).tolist() == [30.0, -20.0]


def test_turning_a_line_round_swaps_its_sides() -> None:
    points, slanted = np.array([[3.0, 4.0], [-8.0, 1.0]]), np.array([[0.0, 0.0], [7.0, 2.0]])
    there, back = signed_distance_to_line(points, slanted), signed_distance_to_line(points, slanted[::-1])
    assert there == pytest.approx(-back)


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [((5, -1), (5, 1), 0.5), ((0, -1), (0, 1), 0.0), ((12, -1), (12, 1), 1.2), ((0, 1), (9, 1), None)],
    ids=["middle", "first point", "past the last", "alongside"],
)
def test_a_path_meets_a_line_where_they_cross(
    start: tuple[float, float], end: tuple[float, float], share: float | None
) -> None:
    assert crossing_share(start, end, ((0.0, 0.0), (10.0, 0.0))) == pytest.approx(share)


@given(boxes, boxes)
def test_overlap_is_a_share_and_the_same_from_both_sides(left: np.ndarray, right: np.ndarray) -> None:
    overlap = iou(left, right)
    assert overlap.shape == (len(left), len(right))
    assert ((overlap >= 0) & (overlap <= 1)).all()
    assert np.array_equal(overlap, iou(right, left).T)


@given(boxes)
def test_a_box_overlaps_itself_wholly_and_survives_being_taken_apart(some: np.ndarray) -> None:
    assert np.allclose(np.diag(iou(some, some)), 1)
    assert np.array_equal(box_of(centre_size(some)), some)


def test_ground_metres_follow_the_homography() -> None:
    scaled = (0.1, 0, -5, 0, -0.2, 10, 0, 0, 1)
    assert to_ground_m(np.array([[100.0, 20.0]]), scaled).tolist() == [[5.0, 6.0]]
    assert to_ground_m(np.array([[100.0, 20.0]]), [3 * number for number in scaled])[0] == pytest.approx([5, 6])


def test_the_horizon_has_no_place_on_the_ground() -> None:
    tilted = (1, 0, 0, 0, 1, 0, 0, 1, -100)
    assert np.isnan(to_ground_m(np.array([[5.0, 100.0]]), tilted)).all()


def test_no_points_and_no_boxes_are_fine() -> None:
    none = np.zeros((0, 2))
    assert signed_distance_to_area(none, SQUARE).shape == (0,)
    assert signed_distance_to_line(none, SQUARE[:2]).shape == (0,)
    assert to_ground_m(none, np.eye(3).ravel().tolist()).shape == (0, 2)
    assert anchors(np.zeros((0, 4))).shape == (0, 2)


def test_an_inset_leaves_the_same_share_on_every_side() -> None:
    assert inset_rectangle((1000, 500), 0.1) == ((100, 50), (900, 50), (900, 450), (100, 450))
