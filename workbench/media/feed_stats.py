"""The health of a feed in a few cheap numbers per picture: dark, blurred, moved, frozen show in them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from workbench.media.frames import FeedStats

LUMA_WH_PX = (160, 90)
"""Size at which brightness is measured, px: small enough for 0.1 ms, large enough to see a person far away."""

SIGNATURE_WH = (32, 18)
"""Cells of the edge layout, across and down."""

SHARP_QUANTILE = 0.8
"""Share of the cells that are less sharp than the one sharpness is read from: clocks and logos burnt into the
picture cover up to a tenth of it, sky and road more than half."""

EDGE_LEVEL = 64.0
"""Edge strength, luma levels per Sobel step, that counts half: beyond it, more contrast says little more."""


def luma_160x90(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the brightness of a picture at 160 × 90 px.

    Parameters
    ----------
    rgb
        (H, W, 3) of any size; its shape is stretched to 16:9.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, LUMA_WH_PX, interpolation=cv2.INTER_AREA), np.uint8)


def feed_stats(luma: NDArray[np.uint8], previous: NDArray[np.uint8] | None) -> FeedStats:
    """Return what one picture says about its feed.

    Parameters
    ----------
    luma
        (90, 160) brightness, from `luma_160x90`.
    previous
        (90, 160) of the previous sampled picture of the segment; `None` for the first.
    """
    mean, deviation = cv2.meanStdDev(luma)
    change = 0.0 if previous is None else float(cv2.norm(luma, previous, cv2.NORM_L1)) / luma.size
    return FeedStats(
        luma_mean=float(mean[0, 0]),
        luma_std=float(deviation[0, 0]),
        sharpness=sharpness(luma),
        change=change,
        signature=edge_layout(luma),
    )


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Return how much fine detail a (90, 160) picture holds: the mean squared Laplacian of its sharper cells.

    It is taken at the `SHARP_QUANTILE` of 18 × 32 cells: over the whole picture, a burnt-in clock alone would keep
    a blurred one sharp.
    """
    laplacian = cv2.Laplacian(luma, cv2.CV_32F)
    cells = cv2.resize(laplacian * laplacian, SIGNATURE_WH, interpolation=cv2.INTER_AREA).ravel()
    rank = round(SHARP_QUANTILE * (cells.size - 1))
    return float(np.partition(cells, rank)[rank])


def edge_layout(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return where the edges of a (90, 160) picture are: (18, 32), 0 none to 255 strong, whatever the light."""
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    strength = cv2.resize(cv2.magnitude(across, down), SIGNATURE_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(255.0 * strength / (strength + EDGE_LEVEL), np.uint8)
