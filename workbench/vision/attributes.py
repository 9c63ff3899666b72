"""Attributes: the colour of a vehicle's body and of a person's upper and lower clothing.

A fixed grid of pixels inside the box is named colour by colour, and the names vote. Where the light, the size or
the view does not allow a name, the answer is "unknown", never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.observations import COLOURS, LABELS
from workbench.vision.colour_names import colour_names, is_grey, shade_names

UNKNOWN = -1
"""Index of a colour nobody can tell."""

GRID = 12
"""Pixels read along each side of a region: 144 votes, of which a share is known to ±4 %."""

PERSON = LABELS.index("person")

BODIES = {
    # Share of the box: left, top, right, bottom. Between the windows and the wheels, clear of road at the sides.
    "car": (0.18, 0.42, 0.82, 0.76),
    # A bus or lorry is painted above its windows and below; its lower half shows least glass and no sky.
    "bus": (0.15, 0.45, 0.85, 0.82),
    "truck": (0.15, 0.20, 0.85, 0.70),
}
"""Where a vehicle's paint shows, whichever way it faces."""

UPPER_BODY = (0.32, 0.20, 0.68, 0.46)
"""Where a standing person's jacket shows: below the chin, above the belt, within the shoulders."""

LOWER_BODY = (0.34, 0.56, 0.66, 0.82)
"""Where a standing person's trousers or skirt show: below the belt, above the shoes."""

MIN_VEHICLE_PX = 14.0
"""A vehicle whose box is narrower or lower in the decoded picture stays unnamed, px: its paint is under 9 × 5."""

MIN_PERSON_WH_PX = (10.0, 28.0)
"""A person whose box is smaller in the decoded picture stays unnamed, px: the jacket is under 4 × 7."""

STANDING_RATIO = 1.5
"""Height over width below which a person's box is cut off, bent or seated: nobody knows where the legs are."""

TINT_WEIGHT = 1.6
"""Votes of a coloured pixel against one of a grey one: glass, tyres, shadow and glare are grey on every car."""

WEIGHTS = np.where(is_grey(np.arange(len(COLOURS), dtype=np.int8)), 1.0, TINT_WEIGHT)

MIN_SHARE = 0.4
"""Share of agreeing pixels below which no colour is stated, 0..1."""

MIN_LEAD = 1.2
"""How many times the votes of the second colour the first must have: a white bus full of windows is neither
white nor grey for certain."""

NIGHT_BELOW = 48.0
"""Mean brightness of a frame, 0..255, below which colours are those of the lamps."""

COLOURLESS_BELOW = 14.0
"""Largest difference between channels (99th percentile, 0..255) of a picture without colour: infrared at night."""


HAZE = (25.0, 60.0)
"""The darkest twentieth of a picture is taken down to the first, by the second at most (0..255): haze and veiling
glare lift black cars to grey."""

GLOOM = (10.0, 190.0)
"""The brightest twentieth is taken up to 255 less the first, from the second at least (0..255): white stays white
under a dark sky."""


@dataclass(frozen=True)
class BoxColours:
    """Two colours a box, as columns of length N; see `Detections` for what each says."""

    upper: NDArray[np.int8]
    upper_confidence: NDArray[np.float32]
    lower: NDArray[np.int8]
    lower_confidence: NDArray[np.float32]


def colours_of(
    rgb: NDArray[np.uint8],
    frame_index: NDArray[np.int64],
    xyxy_px: NDArray[np.float32],
    class_index: NDArray[np.int16],
) -> BoxColours:
    """Return the colours of the things in a batch of frames.

    Parameters
    ----------
    rgb
        (B, H, W, 3) pictures.
    frame_index
        (N,) the picture each box is in.
    xyxy_px
        (N, 4) boxes in pixels of these pictures.
    class_index
        (N,) index into `LABELS`; only people and vehicles have colours.
    """
    light = _light(rgb)
    width, height = (xyxy_px[:, 2:] - xyxy_px[:, :2]).T
    lit = light.tells_colours[frame_index]
    person = lit & (class_index == PERSON) & (width >= MIN_PERSON_WH_PX[0]) & (height >= MIN_PERSON_WH_PX[1])
    vehicle = lit & (np.minimum(width, height) >= MIN_VEHICLE_PX)
    upper, lower = _Votes.none(len(frame_index)), _Votes.none(len(frame_index))
    regions = [(upper, vehicle & (class_index == LABELS.index(label)), body) for label, body in BODIES.items()]
    regions.append((upper, person, UPPER_BODY))
    regions.append((lower, person & (height >= STANDING_RATIO * width), LOWER_BODY))
    for votes, chosen, region in regions:
        rows = np.flatnonzero(chosen)
        if len(rows):
            pixels = _grid_pixels(rgb, frame_index[rows], xyxy_px[rows], region)
            votes.cast(rows, light.names(pixels, frame_index[rows]))
    return BoxColours(*upper.winner(), *lower.winner())


@dataclass(frozen=True)
class _Light:
    """What the light of each of B pictures does to colours."""

    tells_colours: NDArray[np.bool_]
    """(B,) false at night and for infrared pictures."""
    black: NDArray[np.float32]
    """(B,) brightness that is black here, 0..255."""
    white: NDArray[np.float32]
    """(B,) brightness that is white here, 0..255."""

    def names(self, pixels: NDArray[np.uint8], frame_index: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return the names (N, P) of pixels (N, P, 3) in these frames.

        Hues are taken as they are. What has none is put between the frame's own black and white first.
        """
        names = colour_names(pixels)
        black, white = self.black[frame_index, None], self.white[frame_index, None]
        brightness = (pixels[..., 0].astype(np.float32) + pixels[..., 1] + pixels[..., 2]) / 3
        shade = np.clip((brightness - black) * (255 / (white - black)), 0, 255).astype(np.uint8)
        return np.where(is_grey(names), shade_names(shade), names)


def _light(rgb: NDArray[np.uint8]) -> _Light:
    """Return the light of (B, H, W, 3) pictures, judged from every eighth pixel."""
    # channel by channel: numpy reduces an axis of three at a tenth of the speed
    red, green, blue = np.moveaxis(rgb[:, ::8, ::8], 3, 0).reshape(3, len(rgb), -1)
    bright = (red.astype(np.float32) + green + blue) / np.float32(3)
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    place = spread.shape[1] - spread.shape[1] // 100 - 1
    tint = np.partition(spread, place, axis=1)[:, place]
    dark_end, bright_end = np.percentile(bright, (5, 95), axis=1)
    return _Light(
        (bright.mean(axis=1) >= NIGHT_BELOW) & (tint >= COLOURLESS_BELOW),
        np.clip(dark_end - HAZE[0], 0, HAZE[1]).astype(np.float32),
        np.clip(bright_end + GLOOM[0], GLOOM[1], 255).astype(np.float32),
    )


@dataclass(frozen=True)
class _Votes:
    """How many pixels of each box are each colour, (N, colours)."""

    count: NDArray[np.int64]

    @classmethod
    def none(cls, boxes: int) -> _Votes:
        return cls(np.zeros((boxes, len(COLOURS)), np.int64))

    def cast(self, rows: NDArray[np.intp], names: NDArray[np.int8]) -> None:
        """Count the pixels' names (R, P) for the boxes in these rows."""
        kinds = len(COLOURS)
        flat = (names + kinds * np.arange(len(rows))[:, None]).ravel()
        self.count[rows] = np.bincount(flat, minlength=len(rows) * kinds).reshape(len(rows), kinds)

    def winner(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return each box's colour and the share of pixels that agree; unknown where the vote is open."""
        weighted = self.count * WEIGHTS
        best = weighted.argmax(axis=1)
        share = np.take_along_axis(self.count, best[:, None], axis=1)[:, 0] / GRID**2
        first, second = -np.sort(-weighted, axis=1)[:, :2].T
        stands = (share >= MIN_SHARE) & (first >= MIN_LEAD * second)
        return np.where(stands, best, UNKNOWN).astype(np.int8), np.where(stands, share, 0).astype(np.float32)


def _grid_pixels(
    rgb: NDArray[np.uint8],
    frame_index: NDArray[np.int64],
    xyxy_px: NDArray[np.float32],
    region: tuple[float, float, float, float],
) -> NDArray[np.uint8]:
    """Return an even grid of pixels from the region of each of N boxes, (N, 144, 3)."""
    height, width = rgb.shape[1:3]
    left_top, size = xyxy_px[:, :2], xyxy_px[:, 2:] - xyxy_px[:, :2]
    first, last = left_top + size * region[:2], left_top + size * region[2:]
    steps = (np.arange(GRID) + 0.5) / GRID
    spots = first[:, :, None] + (last - first)[:, :, None] * steps  # (N, 2, GRID): columns, then rows
    column = np.clip(spots[:, 0].astype(np.intp), 0, width - 1)
    row = np.clip(spots[:, 1].astype(np.intp), 0, height - 1)
    pixels = rgb[frame_index[:, None, None], row[:, :, None], column[:, None, :]]
    return pixels.reshape(len(frame_index), GRID**2, 3)
