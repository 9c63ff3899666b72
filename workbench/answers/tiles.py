"""Pictures of hits for a contact sheet: opened, decoded and cut out only when a sheet is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from catalog.errors import FootageChanged, FootageGap, FootageMissing, NotPermitted, RtccError
from catalog.footage import Segment
from catalog.spans import Span, from_us
from workbench.answers.contact_sheet import Tile
from workbench.answers.hits import Hit
from workbench.answers.picture import Pixels, crop_around, jpeg
from workbench.media.decode import frame_at
from workbench.media.kept import KeptFootage, Opened

LARGE_WIDTH_PX, LARGE_QUALITIES, LARGE_BYTES = 640, (72, 58, 44), 30_000
"""Whole frames on a sheet, and how far their JPEG quality goes down to stay under so many bytes: Jupyter cuts a
kernel off that sends more than 3 MB in three seconds, and a page may hold several sheets."""

SMALL_WIDTH_PX, SMALL_QUALITY = 288, 72
"""Cut-outs on a sheet, sharp on a screen with two pixels per point: about 8 kB each."""

SMALL_ASPECT = 16 / 9
BOX_SHARE = 0.55
"""Share of the cut-out that the box takes: enough around it to see where it is."""

SMALL_LEAST_PX = 144.0
"""Least width of a cut-out, native pixels: at most twice enlarged."""

DECODERS = 4
"""Frames decoded at a time: FFmpeg leaves Python's lock while it works."""

SHORT_WORDS: tuple[tuple[type[RtccError], str], ...] = (
    (FootageMissing, "The segment's file is missing from disk."),
    (FootageChanged, "The segment's file was changed since it was indexed: not shown."),
    (NotPermitted, "Not open to this purpose."),
    (FootageGap, "This frame cannot be decoded."),
)
"""What stands in place of a picture; the error itself says more."""


def tiles_of(hits: Sequence[Hit], segments: Mapping[str, Segment], footage: KeptFootage) -> list[Tile]:
    """Return a tile for each hit: its pictures, or why there are none.

    Parameters
    ----------
    segments
        By id; one that is not here is not open to the asker.
    """
    shown = [hit for hit in hits if hit.best_segment_id in segments]
    found = [segments[hit.best_segment_id] for hit in shown]
    instants = [from_us(segment.seen_at_us(hit.best_pts)) for hit, segment in zip(shown, found, strict=True)]
    doors = footage.open_each("contact sheet", found, [Span(instant, instant) for instant in instants])
    by_track = dict(zip((hit.track_id for hit in shown), doors, strict=True))
    with ThreadPoolExecutor(DECODERS) as pool:
        return list(pool.map(lambda hit: _tile(hit, by_track.get(hit.track_id)), hits))


def _tile(hit: Hit, door: Opened | RtccError | None) -> Tile:
    if door is None:
        return Tile(problem="Not open to this purpose.")
    if isinstance(door, RtccError):
        return Tile(problem=_problem(door))
    try:
        rgb = frame_at(door.path, door.segment, hit.best_pts)
    except RtccError as error:
        return Tile(problem=_problem(error))
    return tile(rgb, hit.box_px)


def _problem(error: RtccError) -> str:
    return next((words for kind, words in SHORT_WORDS if isinstance(error, kind)), str(error)[:120])


def tile(rgb: NDArray[np.uint8], box_px: Pixels) -> Tile:
    """Return the pictures of one hit: the whole frame, and its box with some of what is around it."""
    height, width = rgb.shape[:2]
    crop = crop_around(box_px, (width, height), aspect=SMALL_ASPECT, fill=BOX_SHARE, least_px=SMALL_LEAST_PX)
    left, top, right, bottom = (round(side) for side in crop)
    small = np.ascontiguousarray(rgb[top : max(bottom, top + 1), left : max(right, left + 1)])
    return Tile(
        jpeg(small, width_px=SMALL_WIDTH_PX, quality=SMALL_QUALITY),
        _inside(box_px, (left, top, right, bottom)),
        _small_enough(rgb),
        _inside(box_px, (0, 0, width, height)),
        width / height,
    )


def _small_enough(rgb: NDArray[np.uint8]) -> bytes:
    content = b""
    for quality in LARGE_QUALITIES:
        content = jpeg(rgb, width_px=LARGE_WIDTH_PX, quality=quality)
        if len(content) <= LARGE_BYTES:
            break
    return content


def _inside(box_px: Pixels, part_px: Pixels) -> Pixels:
    """Return the box as shares of the part, cut where it sticks out."""
    left, top, right, bottom = part_px
    wide, high = max(right - left, 1), max(bottom - top, 1)
    x1, x2 = ((min(max(x, left), right) - left) / wide for x in (box_px[0], box_px[2]))
    y1, y2 = ((min(max(y, top), bottom) - top) / high for y in (box_px[1], box_px[3]))
    return x1, y1, x2, y2
