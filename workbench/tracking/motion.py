"""Where things are and how they move: one constant-velocity Kalman filter per box side, time in seconds.

Centre x, centre y, width and height are filtered each on its own, so a track needs 4 × (position, velocity) and
4 × (variance, covariance, variance), and every step is plain arithmetic on columns: no matrix is inverted, and a
track's numbers do not depend on who else is in the frame. Spreads scale with the thing's size, as in SORT
(Bewley et al. 2016) and ByteTrack (Zhang et al. 2022); unlike there they are per second, not per frame, so that
25 Hz and 1 Hz mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.geometry import Floats, box_of, centre_size

MEASURED_STD_RATIO = 0.05
"""Standard deviation of a detected box's sides, share of the thing's size.
ByteTrack's and DeepSORT's 1/20 of the box height."""

RESIZE_STD_PER_S = 0.3
"""Spread of a new track's growth rate, sizes per second: a car that comes at the lens doubles in about 3 s."""

RESIZE_NOISE = 0.02
"""Spectral density of changes of that growth rate, sizes²/s³: apparent size changes slowly and steadily."""

MIN_SIZE_PX = 4.0
"""Sizes are held above this, px: a box of a pixel or two would otherwise be believed to a fraction of a pixel."""


@dataclass(frozen=True)
class Agility:
    """How fast a kind of thing may move, in its own sizes: the square root of its box's area."""

    speed_per_s: float
    """Spread of the speed of a thing first sighted, sizes per second."""
    push_per_s2: float
    """How hard it may speed up, brake or turn, sizes per second²."""
    jerk: float
    """Spectral density of its changes of speed, sizes²/s³."""
    starts_slowly: bool = False
    """True where it overlaps with itself for a second after it began to move."""


@dataclass
class Motion:
    """The filters of T tracks, as columns; rows stay in the order in which tracks were begun."""

    position: Floats
    """(T, 4) centre x, centre y, width, height, px."""
    velocity: Floats
    """(T, 4) their rates, px/s."""
    spread: Floats
    """(T, 4, 3) variance of position, covariance, variance of velocity: px², px²/s, px²/s²."""
    jerk: Floats
    """(T,) spectral density of the speed's changes, sizes²/s³."""

    @staticmethod
    def none() -> Motion:
        """Return the filters of no track."""
        return Motion(np.zeros((0, 4)), np.zeros((0, 4)), np.zeros((0, 4, 3)), np.zeros(0))

    def __len__(self) -> int:
        return len(self.position)

    def boxes_px(self) -> Floats:
        """Return (T, 4) left, top, right, bottom where each track is believed to be."""
        return box_of(self.position)

    def sizes_px(self) -> Floats:
        """Return (T,) sizes: square roots of the boxes' areas."""
        return sizes_px(self.position)

    def predict(self, elapsed_s: float) -> None:
        """Move every track on by so many seconds and grow its doubt."""
        size_sq = self.sizes_px() ** 2
        jerk = np.empty_like(self.position)
        jerk[:, :2] = (self.jerk * size_sq)[:, None]
        jerk[:, 2:] = (RESIZE_NOISE * size_sq)[:, None]
        place, both, rate = self.spread[..., 0], self.spread[..., 1], self.spread[..., 2]
        self.spread = np.stack(
            [
                place + 2 * elapsed_s * both + elapsed_s**2 * rate + jerk * (elapsed_s**3 / 3),
                both + elapsed_s * rate + jerk * (elapsed_s**2 / 2),
                rate + jerk * elapsed_s,
            ],
            axis=2,
        )
        self.position = self.position + elapsed_s * self.velocity
        self.position[:, 2:] = np.maximum(self.position[:, 2:], 1.0)

    def correct(self, rows: NDArray[np.intp], xyxy_px: Floats) -> None:
        """Take in what was sighted.

        Parameters
        ----------
        rows
            (M,) which tracks were sighted, each at most once.
        xyxy_px
            (M, 4) the boxes they were sighted in.
        """
        spread = self.spread[rows]
        place, both, rate = spread[..., 0], spread[..., 1], spread[..., 2]
        surprise = centre_size(xyxy_px) - self.position[rows]
        total = place + self._doubt(rows)[:, None]
        gain, rate_gain = place / total, both / total
        self.position[rows] += gain * surprise
        self.velocity[rows] += rate_gain * surprise
        self.spread[rows] = np.stack([(1 - gain) * place, (1 - gain) * both, rate - rate_gain * both], axis=2)

    def _doubt(self, rows: NDArray[np.intp]) -> Floats:
        """Return (M,) variances of a measured side, px²."""
        doubt: Floats = (MEASURED_STD_RATIO * sizes_px(self.position[rows])) ** 2
        return doubt

    def surprise(self, rows: NDArray[np.intp], xyxy_px: Floats) -> Floats:
        """Return (M, N) squared Mahalanobis distances of N boxes' centres from the tracks in `rows`."""
        total = self.spread[rows, :2, 0] + self._doubt(rows)[:, None]
        away = centre_size(xyxy_px)[None, :, :2] - self.position[rows][:, None, :2]
        distance: Floats = (away**2 / total[:, None, :]).sum(axis=2)
        return distance

    def begin(self, xyxy_px: Floats, agilities: list[Agility]) -> None:
        """Add tracks first sighted in these (N, 4) boxes; they stand still as far as is known."""
        position = centre_size(xyxy_px)
        size_sq = (sizes_px(position) ** 2)[:, None]
        speed = np.array([agility.speed_per_s for agility in agilities])[:, None]
        spread = np.zeros((len(position), 4, 3))
        spread[..., 0] = MEASURED_STD_RATIO**2 * size_sq
        spread[:, :2, 2] = speed**2 * size_sq
        spread[:, 2:, 2] = RESIZE_STD_PER_S**2 * size_sq
        self.position = np.concatenate([self.position, position])
        self.velocity = np.concatenate([self.velocity, np.zeros_like(position)])
        self.spread = np.concatenate([self.spread, spread])
        self.jerk = np.concatenate([self.jerk, [agility.jerk for agility in agilities]])

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Keep only the tracks in `rows`, in that order."""
        self.position, self.velocity = self.position[rows], self.velocity[rows]
        self.spread, self.jerk = self.spread[rows], self.jerk[rows]


def sizes_px(cxcywh_px: Floats) -> Floats:
    """Return (N,) square roots of the areas of (N, 4) boxes given by centre, width and height, px."""
    sides = np.maximum(cxcywh_px[:, 2:], 1.0)
    size: Floats = np.maximum(np.sqrt(sides[:, 0] * sides[:, 1]), MIN_SIZE_PX)
    return size
