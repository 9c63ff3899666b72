"""Which box belongs to which track: affinities, gates, and the best assignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.geometry import Floats, centre_size, iou
from workbench.tracking.motion import Motion, sizes_px

GATE_D2 = 9.21
"""Largest squared Mahalanobis distance of a box's centre from where a track is believed to be.
99 % point of χ² with two degrees of freedom; Wojke et al. 2017 (DeepSORT) gate the same way, at 95 %."""

MIN_SIZE_RATIO = 0.5
"""A box may take up a track only if neither side is more than twice the other's. Stops a far car from being joined
to a near one that drives past it; half a person behind a wall is still let through."""

FORBIDDEN = 1e6
"""Cost of a pair that may not be; far above the sum of all costs that may."""


@dataclass(frozen=True)
class Candidates:
    """Tracks and boxes that may be joined in one round of association."""

    tracks: NDArray[np.intp]
    """(T,) rows of the tracker's `Motion`."""
    boxes: NDArray[np.intp]
    """(N,) rows of the frame's detections."""


@dataclass(frozen=True)
class Reach:
    """How far a track may have got since it was last sighted; columns over all live tracks."""

    group: NDArray[np.int16]
    """(T,) which group of labels each belongs to: things of different groups are never joined."""
    stray_sizes: Floats
    """(T,) how far its centre may lie from where it is believed to be, sizes."""
    may_leap: NDArray[np.bool_]
    """(T,) whether it may be taken up without overlap."""


def join(
    candidates: Candidates, motion: Motion, reach: Reach, xyxy_px: Floats, group: NDArray[np.int16], min_iou: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs (tracks, boxes) of the assignment with the greatest affinity.

    A pair may be when both are of one group and of like size, the box lies no farther off than the track may
    have strayed, and they either overlap by `min_iou` or, where the track may leap, lie within the gate of its own
    doubt. Affinity is the mean of overlap and nearness: at 25 Hz the overlap decides, when frames lie a second
    apart the nearness, by size and elapsed time.

    Parameters
    ----------
    candidates
        Who takes part.
    motion
        Every live track, moved on to the instant of the frame.
    reach
        Their groups, and how far they may have got.
    xyxy_px, group
        (N, 4) boxes of the frame, and (N,) their groups.
    min_iou
        Least overlap that joins by itself, 0..1.
    """
    tracks, boxes = candidates.tracks, candidates.boxes
    if len(tracks) == 0 or len(boxes) == 0:
        return tracks[:0], boxes[:0]
    believed, seen = motion.boxes_px()[tracks], xyxy_px[boxes]
    overlap = iou(believed, seen)
    surprise = motion.surprise(tracks, seen)
    likeness = _likeness(believed, seen)
    away_sizes = _distance_sizes(believed, seen)
    may = (overlap >= min_iou) | ((surprise <= GATE_D2) & reach.may_leap[tracks][:, None])
    may &= (away_sizes <= reach.stray_sizes[tracks][:, None]) & (likeness >= MIN_SIZE_RATIO)
    may &= reach.group[tracks][:, None] == group[boxes][None, :]
    affinity = (overlap + likeness / (1 + surprise)) / 2
    from scipy.optimize import linear_sum_assignment  # half a second, for those alone who track

    rows, columns = linear_sum_assignment(np.where(may, 1 - affinity, FORBIDDEN))
    kept = may[rows, columns]
    return tracks[rows[kept]], boxes[columns[kept]]


def _likeness(left_px: Floats, right_px: Floats) -> Floats:
    """Return (T, N) how alike two boxes are in width and height: the smaller of the two ratios, 0..1."""
    a = np.maximum(left_px[:, 2:] - left_px[:, :2], 1.0)[:, None, :]
    b = np.maximum(right_px[:, 2:] - right_px[:, :2], 1.0)[None, :, :]
    alike: Floats = (np.minimum(a, b) / np.maximum(a, b)).min(axis=2)
    return alike


def _distance_sizes(left_px: Floats, right_px: Floats) -> Floats:
    """Return (T, N) distances between centres, in the geometric mean of both sizes.

    What comes at the lens grows on its way: measured in its old size alone it would seem to leap.
    """
    a, b = centre_size(left_px), centre_size(right_px)
    size_a, size_b = sizes_px(a), sizes_px(b)
    away_px = np.sqrt(((a[:, None, :2] - b[None, :, :2]) ** 2).sum(axis=2))
    distance: Floats = away_px / np.sqrt(size_a[:, None] * size_b[None, :])
    return distance
