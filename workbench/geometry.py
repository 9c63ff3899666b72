"""Boxes, anchors, polygons, directed lines and the ground plane: pure numpy, shapes stated.

Image space has its origin at the top left and y pointing down; everything ends in `_px` there and in `_m` on
the ground plane. N, M and T may be 0 everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_SIDE_PX = 1e-6
"""Sides are held above this before dividing by them, px: a box without area must not give NaN."""


def anchors(xyxy_px: Floats) -> Floats:
    """Return the (N, 2) bottom centres of (N, 4) boxes: where the things meet the ground."""
    boxes = np.asarray(xyxy_px, np.float64).reshape(-1, 4)
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def centre_size(xyxy_px: Floats) -> Floats:
    """Return (N, 4) centre x, centre y, width and height of (N, 4) left, top, right, bottom."""
    low, high = xyxy_px[:, :2], xyxy_px[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def box_of(cxcywh_px: Floats) -> Floats:
    """Return (N, 4) left, top, right, bottom of (N, 4) centre x, centre y, width and height."""
    half = cxcywh_px[:, 2:] / 2
    return np.concatenate([cxcywh_px[:, :2] - half, cxcywh_px[:, :2] + half], axis=1)


def iou(left_px: Floats, right_px: Floats) -> Floats:
    """Return the (N, M) overlap of every (N, 4) box with every (M, 4) box: intersection over union, 0..1."""
    a, b = left_px[:, None, :], right_px[None, :, :]
    wide = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    high = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union: Floats = np.maximum(area_a + area_b - shared, MIN_SIDE_PX)
    overlap: Floats = shared / union
    return overlap


def signed_distance_to_area(points_px: Floats, polygon_px: Floats) -> Floats:
    """Return how deep each point lies inside a polygon, px: positive inside, negative outside, 0 on the edge.

    Parameters
    ----------
    points_px
        (N, 2) points.
    polygon_px
        (K, 2) corners, K ≥ 3, in either direction of turning; the last is joined to the first. Where edges
        cross, what an odd number of them encloses is inside.
    """
    first, second = polygon_px, np.roll(polygon_px, -1, axis=0)
    inside = _encloses(points_px, first, second)
    depth: Floats = np.where(inside, 1.0, -1.0) * _distance_to_edges(points_px, first, second)
    return depth


def _encloses(points_px: Floats, first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Count the edges a ray towards +x meets; an odd number is inside."""
    x, y = points_px[:, None, 0], points_px[:, None, 1]
    rise = second[:, 1] - first[:, 1]
    spans = (first[:, 1] > y) != (second[:, 1] > y)
    slope = np.divide(second[:, 0] - first[:, 0], rise, out=np.zeros_like(rise), where=rise != 0)
    met = spans & (x < first[:, 0] + (y - first[:, 1]) * slope)
    odd: NDArray[np.bool_] = np.count_nonzero(met, axis=1) % 2 == 1
    return odd


def _distance_to_edges(points_px: Floats, first: Floats, second: Floats) -> Floats:
    edge = second - first
    length_sq = np.maximum(edge[:, 0] ** 2 + edge[:, 1] ** 2, MIN_SIDE_PX)
    from_first = points_px[:, None, :] - first
    share = (from_first[..., 0] * edge[:, 0] + from_first[..., 1] * edge[:, 1]) / length_sq
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    away_x = from_first[..., 0] - share * edge[:, 0]
    away_y = from_first[..., 1] - share * edge[:, 1]
    nearest: Floats = np.sqrt(away_x**2 + away_y**2).min(axis=1)
    return nearest


def signed_distance_to_line(points_px: Floats, line_px: Floats) -> Floats:
    """Return how far right of a directed line each point lies, px; negative is left of it.

    Left and right are those of someone who stands on the picture at the first point and looks at the last, as
    a viewer sees it. The line counts as endless here; `crossing_share` tells whether a path met the drawn part.

    Parameters
    ----------
    points_px
        (N, 2) points.
    line_px
        (2, 2) first and last point.

    >>> rightwards = np.array([[0.0, 0.0], [10.0, 0.0]])
    >>> signed_distance_to_line(np.array([[5.0, 3.0]]), rightwards).tolist()  # lower in the picture: right
    [3.0]
    """
    first, last = line_px
    along_x, along_y = last - first
    length = max(float(np.sqrt(along_x**2 + along_y**2)), MIN_SIDE_PX)
    offset = points_px - first
    distance: Floats = (along_x * offset[:, 1] - along_y * offset[:, 0]) / length
    return distance


def crossing_share(
    from_px: tuple[float, float], to_px: tuple[float, float], line_px: Sequence[Sequence[float]]
) -> float | None:
    """Return where a straight path meets the endless line: 0 at its first point, 1 at its last.

    `None` where the path runs along the line and meets it nowhere, or everywhere.
    """
    (ax, ay), (bx, by) = line_px
    along_x, along_y = bx - ax, by - ay
    step_x, step_y = to_px[0] - from_px[0], to_px[1] - from_px[1]
    turn = along_x * step_y - along_y * step_x
    if turn == 0:
        return None
    return ((from_px[0] - ax) * step_y - (from_px[1] - ay) * step_x) / turn


def to_ground_m(points_px: Floats, m_from_px: Sequence[float]) -> Floats:
    """Return (N, 2) metres on the ground plane of (N, 2) pixels; NaN on the horizon itself.

    Parameters
    ----------
    points_px
        (N, 2) points that lie on the ground: anchors. A point above the horizon has no place on the ground, and
        what comes out for it means nothing.
    m_from_px
        Homography, 9 numbers row by row, in any scale.
    """
    matrix = np.asarray(m_from_px, np.float64).reshape(3, 3)
    x, y = points_px[:, 0], points_px[:, 1]
    east, north, scale = (row[0] * x + row[1] * y + row[2] for row in matrix)
    scale = np.where(scale == 0, np.nan, scale)
    return np.stack([east / scale, north / scale], axis=1)


def inset_rectangle(frame_wh_px: tuple[int, int], inset_ratio: float) -> tuple[tuple[float, float], ...]:
    """Return the four corners of the frame, each side moved inwards by a share of that side's length."""
    width, height = frame_wh_px
    x, y = width * inset_ratio, height * inset_ratio
    return ((x, y), (width - x, y), (width - x, height - y), (x, height - y))
