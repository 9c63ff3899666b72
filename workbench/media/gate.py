"""The gate before the detector: a picture that has not changed need not be looked at again."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CELLS_WH = (32, 18)
"""Cells in which change is measured, across and down: 5 × 5 px of the 160 × 90 luma, about a person far away."""

HOLD_BELOW = 5.0
"""Usual threshold, luma levels 0..255: largest change of any cell that still counts as no change.
Sensor noise of ±5 levels moves the mean of 25 px by 1 level, and the worst of 576 cells by about 4."""


class LumaGate:
    """Judge, picture by picture of one segment, whether it differs from the last one looked at.

    Make a new gate for every segment: its first sampled picture is always looked at, so that a segment's rows
    depend on nothing but its own bytes.

    Parameters
    ----------
    threshold
        Largest change of a cell's mean brightness, luma levels, that is still no change; `None` looks at all.
    """

    def __init__(self, threshold: float | None) -> None:
        self.threshold = threshold
        self._looked_at: NDArray[np.uint8] | None = None

    def judge(self, luma: NDArray[np.uint8]) -> bool:
        """Return True where the picture is held, False where the detector has to look at it.

        Parameters
        ----------
        luma
            (90, 160) brightness, from `luma_160x90`.
        """
        if self.threshold is None:
            return False
        cells = np.asarray(cv2.resize(luma, CELLS_WH, interpolation=cv2.INTER_AREA), np.uint8)
        if self._looked_at is not None and cv2.norm(cells, self._looked_at, cv2.NORM_INF) <= self.threshold:
            return True
        self._looked_at = cells
        return False
