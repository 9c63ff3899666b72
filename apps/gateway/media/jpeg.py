"""Pictures as JPEG files of bounded width, and a small store of those that were made lately."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from PIL import Image, ImageOps

from catalog.errors import BadInput
from workbench.media.clip import JPEG_QUALITY
from workbench.media.decode import Picture

LEAST_WIDTH_PX, MOST_WIDTH_PX = 16, 4096
"""Widths that may be asked for, px; a picture is never made larger than it is."""

MOST_SENT_PX = 24_000_000
"""Largest picture of a device that is opened, pixels: some that are small as files are not when they are opened."""

MOST_BYTES = 32 << 20
"""Pictures kept, bytes: about 80 of 1080p, or a thousand thumbnails."""


@dataclass(frozen=True)
class Jpeg:
    """A picture as a file, and the way back to where it is from."""

    content: bytes
    seen_at: datetime
    """Instant of the frame."""
    source: str
    """Where it is from: `segment_id.pts`, or the start and address of a recording that is still being written."""


def width_of(asked: int | None) -> int | None:
    """Return the width asked for; `None` for the native one.

    Raises
    ------
    BadInput
        When no picture is made so wide.
    """
    if asked is not None and not LEAST_WIDTH_PX <= asked <= MOST_WIDTH_PX:
        raise BadInput(f"a picture {asked} px wide will not do; ask for {LEAST_WIDTH_PX} to {MOST_WIDTH_PX}")
    return asked


def jpeg_of(rgb: Picture, width_px: int | None) -> bytes:
    """Return an (H, W, 3) picture as a JPEG file, no wider than asked."""
    image = Image.fromarray(rgb)
    if width_px is not None and width_px < image.width:
        height_px = max(1, round(image.height * width_px / image.width))
        image = image.resize((width_px, height_px), Image.Resampling.BICUBIC, reducing_gap=2.0)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


def jpeg_sent(text: str, width_px: int | None) -> bytes | None:
    """Return a Base64 JPEG that a device sent, no wider than asked; `None` where it is none.

    It is drawn anew, so that the picture goes on and nothing else that the file held.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=("JPEG",)) as sent:
            if sent.width * sent.height > MOST_SENT_PX:
                return None
            rgb = np.asarray(ImageOps.exif_transpose(sent).convert("RGB"))
    except (ValueError, OSError, Image.DecompressionBombError):
        return None
    return jpeg_of(rgb, width_px)


class MadePictures:
    """Pictures made lately; used from the event loop alone.

    What is kept here is handed out only after whoever asks has been found permitted, and is in the audit.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._kept: OrderedDict[Hashable, Jpeg] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[Jpeg]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Jpeg]]) -> Jpeg:
        """Return the picture of this key; made once, however many ask at the same time."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.ensure_future(self._make(key, make))
            # nobody may be left to be told what went wrong
            task.add_done_callback(lambda made: made.cancelled() or made.exception())
        # Whoever asked first may hang up; the others still want it.
        return await asyncio.shield(task)

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Jpeg]]) -> Jpeg:
        try:
            made = await make()
        finally:
            del self._making[key]
        self._kept[key] = made
        self._bytes += len(made.content)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.popitem(last=False)[1].content)
        return made
