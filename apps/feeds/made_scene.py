"""A made street for feeds that need no footage: boxes as cars and walkers, a pure function of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from apps.feeds.burnt_time import Picture

LENGTH_S = 24.0
"""After this the scene repeats: every walker and car is back where it began."""
FPS = 25
"""Pictures per second the scene is drawn at."""
ASPECT_RATIO = 9 / 16
"""Height of the picture as a share of its width."""


@dataclass(frozen=True)
class Box:
    """Something that crosses the street scene again and again at one speed."""

    rgb: tuple[int, int, int]
    wide_ratio: float
    tall_ratio: float
    """Size as shares of the picture's width and height."""
    foot_ratio: float
    """Height of its foot, as a share of the picture's from the top."""
    passes: int
    """Crossings in `LENGTH_S`; below zero from right to left."""
    ahead_ratio: float
    """Where in its crossing it is at 0 s."""

    def left_ratio(self, at_s: float) -> float:
        """Return where its left side is, as a share of the width; it comes and goes outside the picture."""
        done = (self.ahead_ratio + self.passes * at_s / LENGTH_S) % 1.0
        return done * (1 + self.wide_ratio) - self.wide_ratio


BOXES = (
    Box((200, 30, 30), 0.17, 0.15, 0.72, 3, 0.0),
    Box((30, 60, 200), 0.17, 0.15, 0.86, -2, 0.4),
    Box((235, 220, 40), 0.26, 0.22, 0.74, 1, 0.7),
    Box((30, 150, 50), 0.035, 0.19, 0.55, 1, 0.2),
    Box((130, 40, 160), 0.035, 0.18, 0.53, -1, 0.5),
)


def pictures(width_px: int) -> Iterator[tuple[float, Picture]]:
    """Yield (s, RGB picture) of the scene once, at its own rate."""
    for number in range(round(LENGTH_S * FPS)):
        yield number / FPS, draw(number / FPS, width_px)


def draw(at_s: float, width_px: int) -> Picture:
    """Return the scene at one instant: (H, W, 3) RGB."""
    picture = _ground(width_px).copy()
    height, width = picture.shape[:2]
    for box in sorted(BOXES, key=lambda one: one.foot_ratio):
        left = round(box.left_ratio(at_s) * width)
        right, foot = left + round(box.wide_ratio * width), round(box.foot_ratio * height)
        top = foot - round(box.tall_ratio * height)
        cv2.rectangle(picture, (left, top), (right, foot), box.rgb, -1)
        shade = tuple(level // 3 for level in box.rgb)
        cv2.rectangle(picture, (left, top), (right, top + (foot - top) // 3), shade, -1)
    return picture


@cache
def _ground(width_px: int) -> Picture:
    """Return houses, pavement and road, with the grain that makes an encoder work."""
    width, height = width_px, round(width_px * ASPECT_RATIO / 2) * 2
    dice = np.random.default_rng(7)
    canvas = np.zeros((height, width, 3), np.float32)
    for start, level in ((0.0, 145), (0.38, 175), (0.56, 92), (0.92, 165)):
        canvas[round(start * height) :] = level
    for left in np.arange(0.03, 1.0, 0.09):
        house = (round(left * width), round(0.12 * height)), (round((left + 0.05) * width), round(0.26 * height))
        cv2.rectangle(canvas, *house, (70, 75, 90), -1)
        dash = (round(left * width), round(0.76 * height)), (round((left + 0.045) * width), round(0.775 * height))
        cv2.rectangle(canvas, *dash, (225, 225, 215), -1)
    patches = dice.normal(0, 9, (height // 4 + 1, width // 4 + 1)).astype(np.float32)
    canvas += cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.clip(canvas, 0, 255).astype(np.uint8)
