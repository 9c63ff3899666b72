"""Boxes and their names drawn on a frame: thin lines that leave the picture to be seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from catalog.observations import VEHICLES

Pixels = tuple[float, float, float, float]
"""Left, top, right, bottom."""

AMBER, CYAN, LIME = (255, 202, 58), (86, 204, 242), (180, 232, 92)
"""Vehicles, people, everything else: three hues that stay apart on tarmac, at night, and to colour-blind eyes."""

INK = (12, 16, 20)
"""Dark edge under every line, so that it reads on white paint and on a dark road alike."""

LINE_WIDTH_PX, LABEL_HEIGHT_PX = 1.5, 13.0
"""Of a picture 960 px wide; they grow with it."""

REFERENCE_WIDTH_PX = 960


@dataclass(frozen=True)
class Box:
    """One rectangle to draw, and what to write on it."""

    xyxy_px: Pixels
    """In pixels of the frame it belongs to."""
    label: str
    words: str = ""
    """Written beside the box; empty for none."""


def box_colour(label: str) -> tuple[int, int, int]:
    """Return the line colour for this label."""
    if label in VEHICLES or label in ("train", "motorcycle"):
        return AMBER
    return CYAN if label in ("person", "bicycle") else LIME


def draw_boxes(rgb: NDArray[np.uint8], boxes: Sequence[Box], *, width_px: int | None = None) -> NDArray[np.uint8]:
    """Return the frame with these boxes and their names drawn on it.

    Parameters
    ----------
    rgb
        (H, W, 3) the frame; it is left as it is.
    boxes
        In pixels of `rgb`; N may be 0.
    width_px
        Width of the returned picture; `None` keeps W. Larger gives finer lines on small footage.
    """
    image = Image.fromarray(rgb)
    scale = 1.0 if width_px is None else width_px / image.width
    if scale != 1.0:
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    weight = max(1.0, image.width / REFERENCE_WIDTH_PX)
    scaled = [(box, tuple(side * scale for side in box.xyxy_px)) for box in boxes]
    pen = ImageDraw.Draw(image, "RGBA")
    line_px = max(1, round(LINE_WIDTH_PX * weight))
    for box, xyxy_px in scaled:
        _outline(pen, xyxy_px, box_colour(box.label), line_px)
    _write_labels(pen, image.size, scaled, round(LABEL_HEIGHT_PX * weight))
    return np.asarray(image)


def _outline(pen: ImageDraw.ImageDraw, xyxy_px: Sequence[float], colour: tuple[int, ...], line_px: int) -> None:
    left, top, right, bottom = (round(side) for side in xyxy_px)
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=(*INK, 120), width=line_px + 2)
    pen.rectangle((left, top, right, bottom), outline=(*colour, 255), width=line_px)


def _write_labels(
    pen: ImageDraw.ImageDraw,
    size_px: tuple[int, int],
    boxes: Iterable[tuple[Box, Sequence[float]]],
    height_px: int,
) -> None:
    font = ImageFont.load_default(size=height_px)
    pad = max(3, round(height_px * 0.32))
    taken: list[Pixels] = []
    for box, xyxy_px in sorted(boxes, key=lambda pair: pair[1][1]):
        if not box.words:
            continue
        left, top, right, bottom = font.getbbox(box.words)
        wide, high = right - left + 2 * pad, height_px + 1.2 * pad
        place = _free_place(xyxy_px, (wide, high), size_px, taken)
        if place is None:
            continue
        taken.append(place)
        pen.rounded_rectangle(place, radius=max(2, pad // 2), fill=(*INK, 205))
        pen.text(
            (place[0] + pad - left, (place[1] + place[3]) / 2 - (top + bottom) / 2),
            box.words,
            font=font,
            fill=(*box_colour(box.label), 255),
        )


def _free_place(
    xyxy_px: Sequence[float], tag_px: tuple[float, float], size_px: tuple[int, int], taken: Sequence[Pixels]
) -> Pixels | None:
    """Return where a tag fits: over the box, under it, inside it; `None` in a crowd that has no room."""
    left, top, right, bottom = xyxy_px
    wide, high = tag_px
    corners = [(left, top - high - 3), (left, bottom + 3), (right - wide, top - high - 3), (left, top + 2)]
    for x, y in corners:
        x = min(max(x, 2), size_px[0] - wide - 2)  # noqa: PLW2901  pushed back into the picture
        place = (x, y, x + wide, y + high)
        if y < 2 or place[3] > size_px[1] - 2:
            continue
        if not any(_touch(place, other) for other in taken):
            return place
    return None


def _touch(one: Pixels, other: Pixels) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def jpeg(rgb: NDArray[np.uint8], *, width_px: int | None = None, quality: int = 80) -> bytes:
    """Return the picture as JPEG, scaled down to `width_px` where it is wider."""
    image = Image.fromarray(rgb)
    if width_px is not None and image.width > width_px:
        image = image.resize(
            (width_px, max(1, round(image.height * width_px / image.width))), Image.Resampling.LANCZOS
        )
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def crop_around(
    xyxy_px: Pixels, frame_wh_px: tuple[int, int], *, aspect: float, fill: float, least_px: float
) -> Pixels:
    """Return the part of the frame to show for one box: the box with some of what is around it.

    Parameters
    ----------
    aspect
        Width over height of the part.
    fill
        Share of the part's width or height that the box takes, whichever is larger.
    least_px
        Least width of the part, native pixels: below it a crop shows blocks, not a thing.
    """
    width, height = frame_wh_px
    left, top, right, bottom = xyxy_px
    wide = max((right - left) / fill, (bottom - top) / fill * aspect, least_px)
    wide = min(wide, width, height * aspect)
    high = wide / aspect
    x = min(max((left + right - wide) / 2, 0), width - wide)
    y = min(max((top + bottom - high) / 2, 0), height - high)
    return x, y, x + wide, y + high
