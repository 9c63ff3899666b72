"""A time burnt into a picture, for machines as black and white cells and for people as text beside them.

The code stands in the pixels, so it comes through whatever carries the picture: an encoder, a network, a recorder,
a scaler. Whoever reads it knows which picture this is without trusting any clock on the way.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

ROWS, COLUMNS = 2, 34
"""Cells of the code."""
SYNC = ((1, 0), (0, 1))
"""The first two cells of each row: a picture without a code has them by chance once in 16."""
TIME_BITS = 48
"""Milliseconds since 1970, or since the start of a clip."""
LATEST_MS = 253_402_300_799_999
"""Last millisecond of the year 9999: the last time that has words."""
CHECK_BITS = 16
"""CRC-16 (CCITT) of the time: a misread code passes once in 65 536."""
CELL_WIDTH_RATIO = 0.01
"""Width of a cell as a share of the picture's: 4 px of 416, which H.264 at crf 28 leaves apart."""
CELL_HEIGHT_RATIO = 0.0275
"""Height of a cell as a share of the picture's; both rows take 5.5 %."""
TEXT_WIDTH_RATIO = 0.42
"""Width of the text's bar, right of the code, as a share of the picture's."""
BLACK, WHITE = 16, 235
"""Levels of the cells: the ends of the range that video keeps."""
UNSURE = (100.0, 151.0)
"""Levels that are neither black nor white: a picture with such a cell is not read."""
LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Weights of red, green and blue in brightness (BT.601)."""
CLIP_ENDS_MS = 366 * 86_400_000
"""Below this a time counts from the start of a clip and is written without a date."""


def burn(
    picture: Picture, time_ms: int, caption: str = "", *, left_ratio: float = 0.0, top_ratio: float = 0.0
) -> Picture:
    """Write the time into a picture, in place, and return it.

    Parameters
    ----------
    picture
        (H, W, 3) RGB, or (H, W) brightness; at least 300 px wide to be read after scaling to 416 px.
    time_ms
        Milliseconds since 1970 UTC, or since the start of a clip.
    caption
        What people read before the time.
    left_ratio, top_ratio
        Top left corner of the code, as shares of the picture's width and height.
    """
    height, width = picture.shape[:2]
    rows = ((top_ratio + CELL_HEIGHT_RATIO * np.arange(ROWS + 1)) * height).round().astype(int)
    columns = ((left_ratio + CELL_WIDTH_RATIO * np.arange(COLUMNS + 1)) * width).round().astype(int)
    levels = np.where(_cells(time_ms), WHITE, BLACK).astype(np.uint8)
    for row, (top, bottom) in enumerate(pairwise(rows)):
        line = np.repeat(levels[row], np.diff(columns))
        picture[top:bottom, columns[0] : columns[-1]] = line if picture.ndim == 2 else line[:, None]
    bar = picture[rows[0] : rows[-1], columns[-1] : columns[-1] + round(width * TEXT_WIDTH_RATIO)]
    bar[:] = BLACK
    _write(bar, f"{caption} {in_words(time_ms)}".strip())
    return picture


def read(picture: Picture, *, left_ratio: float = 0.0, top_ratio: float = 0.0) -> int | None:
    """Return the time burnt into a picture of any size, ms; `None` where it cannot be read for certain."""
    height, width = picture.shape[:2]
    inside = np.array((0.35, 0.5, 0.65))
    rows = (top_ratio + CELL_HEIGHT_RATIO * (np.arange(ROWS)[:, None] + inside).ravel()) * height
    columns = (left_ratio + CELL_WIDTH_RATIO * (np.arange(COLUMNS)[:, None] + inside).ravel()) * width
    if rows[-1] >= height or columns[-1] >= width:
        return None
    samples = picture[np.ix_(rows.astype(int), columns.astype(int))].astype(np.float32)
    bright = samples @ LUMA if picture.ndim == 3 else samples
    levels = bright.reshape(ROWS, 3, COLUMNS, 3).mean(axis=(1, 3))
    if np.any((levels > UNSURE[0]) & (levels < UNSURE[1])):
        return None
    return _time_of(levels > sum(UNSURE) / 2)


def in_words(time_ms: int) -> str:
    """Return the time as people read it: date and time of day UTC, or the time into a clip."""
    instant = datetime.fromtimestamp(time_ms // 1000, UTC)
    tail = f"{instant:%H:%M:%S}.{time_ms % 1000:03d}"
    if time_ms >= CLIP_ENDS_MS:
        return f"{instant:%Y-%m-%d} {tail}Z"
    return f"{(instant - datetime.fromtimestamp(0, UTC)).days}d {tail}" if time_ms >= 86_400_000 else tail


def _cells(time_ms: int) -> NDArray[np.bool_]:
    """Return the code as (ROWS, COLUMNS)."""
    if not 0 <= time_ms <= LATEST_MS:
        raise ValueError(f"a time of {time_ms} ms cannot be burnt in: the code holds 0 to {LATEST_MS} ms")
    number = time_ms << CHECK_BITS | _check(time_ms)
    bits = [number >> shift & 1 for shift in reversed(range(TIME_BITS + CHECK_BITS))]
    half = COLUMNS - 2
    return np.array([[*SYNC[0], *bits[:half]], [*SYNC[1], *bits[half:]]], bool)


def _time_of(cells: NDArray[np.bool_]) -> int | None:
    if not np.array_equal(cells[:, :2], np.array(SYNC, bool)):
        return None
    number = int("".join("1" if cell else "0" for cell in cells[:, 2:].ravel()), 2)
    time_ms, check = number >> CHECK_BITS, number & (1 << CHECK_BITS) - 1
    return time_ms if check == _check(time_ms) else None


def _check(time_ms: int) -> int:
    return binascii.crc_hqx(time_ms.to_bytes(TIME_BITS // 8, "big"), 0xFFFF)


def _write(bar: Picture, text: str) -> None:
    """Write one line as large as the bar allows."""
    height, width = bar.shape[:2]
    (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(0.8 * height / (tall + below / 2), 0.97 * width / max(wide, 1))
    ink = np.zeros((height, width), np.uint8)
    at = (round(0.015 * width), round(height / 2 + tall * scale / 2))
    cv2.putText(ink, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, 1 if height < 40 else 2, cv2.LINE_AA)
    np.maximum(bar, ink if bar.ndim == 2 else ink[..., None], out=bar)
