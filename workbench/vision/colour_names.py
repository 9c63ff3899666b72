"""Colour names: what a person on the street would call the colour of a pixel."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from catalog.observations import COLOURS

LEVELS = 32
"""Steps per channel of the table: 32³ names take 32 KB, and 8 grey levels are below what video noise leaves."""

BLACK_BELOW = 30.0
"""CIE L* up to which a grey is black: matt black cloth in shade."""

WHITE_ABOVE = 72.0
"""CIE L* from which a grey is white: a white car under an overcast sky."""

GREY_CHROMA = 13.0
"""CIE C* up to which a colour is grey: 4:2:0 video of grey asphalt and steel under a blue sky stays below."""

DARK_CHROMA = 20.0
"""The same for colours darker than `DARK_BELOW`, where small differences between channels are noise."""

DARK_BELOW = 30.0
"""CIE L* below which the eye, and the encoder, hardly tells hues apart."""

BROWN_BELOW = 50.0
"""CIE L* below which orange and yellow are called brown."""

SHADES = ("black", "grey", "white")
"""Names of colours without hue, from dark to bright."""

HUES = (
    (14.0, "red"), (40.0, "orange"), (68.0, "yellow"), (165.0, "green"), (258.0, "blue"), (332.0, "purple"),
    (360.0, "red"),
)  # fmt: skip
"""Upper end of each name on the circle of HSV hues, degrees: red 0, yellow 60, green 120, cyan 180, blue 240."""


def colour_names(rgb: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the name of each pixel as index into `COLOURS`: (..., 3) → (...)."""
    step = 256 // LEVELS
    red, green, blue = (rgb[..., channel] // step for channel in range(3))
    return name_table()[red, green, blue]


def shade_names(brightness: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the name of greys of this brightness, 0..255: black, grey or white, as index into `COLOURS`."""
    return np.ascontiguousarray(np.einsum("iii->i", name_table()))[brightness // (256 // LEVELS)]


def is_grey(names: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Tell which names are shades without hue: black, white and grey."""
    grey = np.array([name in SHADES for name in COLOURS])
    return grey[names]


@cache
def name_table() -> NDArray[np.int8]:
    """Return the name of every colour, (32, 32, 32) by red, green, blue, as index into `COLOURS`."""
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    rgb = np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1)
    lightness, chroma = lightness_and_chroma(rgb)
    hue = hue_deg(rgb)
    ends = np.array([end for end, _ in HUES])
    names = np.array([COLOURS.index(name) for _, name in HUES], np.int8)[np.searchsorted(ends, hue, side="right")]
    earthy = (hue >= HUES[0][0] - 4) & (hue < HUES[2][0]) & (lightness < BROWN_BELOW)
    names[earthy] = COLOURS.index("brown")
    grey = chroma < np.where(lightness < DARK_BELOW, DARK_CHROMA, GREY_CHROMA)
    shades = np.digitize(lightness, (BLACK_BELOW, WHITE_ABOVE))
    names[grey] = np.array([COLOURS.index(name) for name in SHADES], np.int8)[shades[grey]]
    return names


def lightness_and_chroma(rgb: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return CIE L* (0..100) and C* of sRGB colours (..., 3) in 0..1, for daylight D65 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / to_xyz.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return 116 * f[..., 1] - 16, np.hypot(500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2]))


def hue_deg(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the hue of HSV, degrees in [0, 360); 0 for greys; of colours (..., 3)."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    top = rgb.max(axis=-1)
    spread = np.where(top > rgb.min(axis=-1), top - rgb.min(axis=-1), 1.0)
    sixths = np.select(
        [top == rgb.min(axis=-1), top == red, top == green],
        [np.zeros_like(top), (green - blue) / spread % 6, (blue - red) / spread + 2],
        (red - green) / spread + 4,
    )
    return np.asarray(60.0 * sixths % 360.0)
