"""Stills and clips: footage that was opened for someone, with the way back to the segment it came from."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.footage import FrameAddress, Gap
from catalog.spans import Span
from workbench.analysis.local_time import say_duration, say_instant, say_span, say_zone
from workbench.answers.contact_sheet import picture_uri
from workbench.answers.page import page
from workbench.answers.picture import Box, draw_boxes, jpeg

PAGE_WIDTH_PX = 1280
"""Widest still put into a page; the still itself keeps every pixel."""

INLINE_CLIP_BYTES = 2_000_000
"""Largest clip put into a page. Jupyter cuts a kernel off that sends more than 3 MB in three seconds."""


@dataclass(frozen=True)
class Still:
    """One frame of a segment, with what a run found in it."""

    camera_id: str
    camera_name: str
    address: FrameAddress
    """Where the frame is, for good."""
    seen_at: datetime
    """Instant of the frame, UTC."""
    clock_error_s: float | None
    """± seconds by which the instant may be off; `None` if unknown."""
    rgb: NDArray[np.uint8]
    """(H, W, 3) native pixels, nothing drawn on them."""
    boxes: tuple[Box, ...]
    """What to draw on it."""
    zone: ZoneInfo

    @property
    def size_px(self) -> tuple[int, int]:
        """Native width and height, px."""
        return int(self.rgb.shape[1]), int(self.rgb.shape[0])

    def drawn(self, width_px: int | None = None) -> NDArray[np.uint8]:
        """Return the frame with its boxes and their names drawn on it, (H, W, 3)."""
        return draw_boxes(self.rgb, self.boxes, width_px=width_px)

    def with_boxes(self, boxes: Sequence[Box]) -> Still:
        """Return the same frame with these boxes to draw on it."""
        return replace(self, boxes=tuple(boxes))

    def to_pillow(self, *, boxes: bool = True, width_px: int | None = None) -> Image.Image:
        """Return it as a Pillow image, with or without what is drawn on it."""
        return Image.fromarray(draw_boxes(self.rgb, self.boxes if boxes else (), width_px=width_px))

    def save(self, path: Path | str, *, boxes: bool = True, width_px: int | None = None) -> Path:
        """Write it as the kind of picture the path ends in, and return the path."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only JPEG takes a quality; other formats pass it over.
        self.to_pillow(boxes=boxes, width_px=width_px).save(path, quality=90, optimize=True)
        return path

    def words(self) -> str:
        """Return one line: which camera, when, and how sure the clock is."""
        sure = "" if self.clock_error_s is None else f" ± {say_duration(self.clock_error_s)}"
        unsure = " (clock error unknown)" if self.clock_error_s is None else ""
        instant = f"{say_instant(self.seen_at, self.zone)}.{self.seen_at.microsecond // 1000:03d}"
        return f"{self.camera_id} · {instant} {say_zone(self.seen_at, self.zone)}{sure}{unsure}"

    def __repr__(self) -> str:
        width, height = self.size_px
        return (
            f"Still({self.words()} · {width} × {height} px · {_boxes(len(self.boxes))} · {self.address.segment_id})"
        )

    def _repr_html_(self) -> str:
        width, height = self.size_px
        found = ", ".join(box.words or box.label for box in self.boxes) or "nothing marked"
        words = f"{self.camera_id} at {say_instant(self.seen_at, self.zone)}: {found}"
        shown = draw_boxes(self.rgb, self.boxes, width_px=min(PAGE_WIDTH_PX, max(width, PAGE_WIDTH_PX // 2)))
        return page(
            self.words(),
            f"<p class='found'>{escape(self.camera_name)} · {_boxes(len(self.boxes))}</p>",
            f"<div class='one'><img alt='{escape(words)}' src='{picture_uri(jpeg(shown, quality=84))}'></div>",
            f"<p class='note'>{width} × {height} px · segment <code>{escape(self.address.segment_id)}</code> "
            f"pts <code>{self.address.pts}</code></p>",
        )


@dataclass(frozen=True)
class Clip:
    """Footage cut for people from kept segments, frame by frame as asked."""

    path: Path
    """The file."""
    camera_id: str
    camera_name: str
    span: Span
    """What was asked for, UTC."""
    segment_ids: tuple[str, ...]
    """The segments it was cut from."""
    gaps: tuple[Gap, ...]
    """Stretches inside the span without footage: a grey slate stands for each."""
    sha256: str
    """Digest of the file, hex."""
    zone: ZoneInfo

    def words(self) -> str:
        """Return one line: which camera, from when until when."""
        return f"{self.camera_id} · {say_span(self.span.start_at, self.span.end_at, self.zone)}"

    def __repr__(self) -> str:
        return f"Clip({self.words()} · {self._size()} · {self._gap_words()} · {self.path})"

    def _size(self) -> str:
        return f"{self.path.stat().st_size / 1e6:.1f} MB"

    def _gap_words(self) -> str:
        if not self.gaps:
            return "no gaps"
        total_s = sum(gap.span.duration_s or 0.0 for gap in self.gaps)
        count = f"{len(self.gaps)} gap" + ("" if len(self.gaps) == 1 else "s")
        return f"{count}, {say_duration(total_s)} without footage inside"

    def _repr_html_(self) -> str:
        style = " partial" if self.gaps else ""
        gaps = f"<span class='unseen'>{escape(self._gap_words())}</span>" if self.gaps else "No gaps inside."
        return page(
            self.words(),
            f"<p class='found'>{escape(self.camera_name)} · {say_duration(self.span.duration_s or 0)} · "
            f"{self._size()}</p>",
            f"<p class='basis{style}'>{gaps}</p>",
            f"<div class='one'>{self._player()}</div>",
            f"<p class='note'><code>{escape(str(self.path))}</code> · SHA-256 <code>{self.sha256[:16]}…</code></p>",
        )

    def _player(self) -> str:
        if self.path.stat().st_size > INLINE_CLIP_BYTES:
            return "<p class='note'>Too large to play inside the page: open the file below.</p>"
        uri = "data:video/mp4;base64," + base64.b64encode(self.path.read_bytes()).decode()
        return f"<video controls muted playsinline aria-label='{escape(self.words())}' src='{uri}'></video>"


def _boxes(count: int) -> str:
    return f"{count} box" + ("" if count == 1 else "es")
