"""Frames as they travel between rooms: which ones are looked at, their pixels, and what one look found."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from catalog.observations import Detections

MICROSECONDS = 1_000_000
"""µs in one second."""

MAX_FPS = 1000.0
"""Highest sampling rate accepted, Hz: beyond it the µs clock no longer tells neighbouring instants apart well."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a segment are looked at."""

    kind: Literal["fps", "keyframes", "all"]
    fps: float | None = None
    """Instants per second at which the standing picture is taken, Hz; `None` unless `kind` is `fps`."""

    def __post_init__(self) -> None:
        if self.kind == "fps":
            if self.fps is None or not 0 < self.fps <= MAX_FPS:
                raise BadInput(f"sampling at {self.fps} frames per second will not do; use 0 < fps <= {MAX_FPS:g}")
        elif self.fps is not None:
            raise BadInput(f"sampling {self.kind!r} takes no rate, got {self.fps}")

    @classmethod
    def parse(cls, text: str) -> Sampling:
        """Read `keyframes`, `all`, or a rate in frames per second such as `2`, `0.5` or `2 fps`.

        >>> Sampling.parse("2").name
        '2 fps'

        Raises
        ------
        BadInput
            When it is none of these.
        """
        word = text.strip().lower()
        if word == "keyframes":
            return cls("keyframes")
        if word == "all":
            return cls("all")
        try:
            return cls("fps", float(word.removesuffix("fps")))
        except ValueError as error:
            raise BadInput(f"sampling {text!r} is unknown; use a rate such as 2, keyframes, or all") from error

    @property
    def name(self) -> str:
        """What the catalog calls it: `2 fps`, `keyframes` or `all`."""
        return f"{self.fps:g} fps" if self.fps is not None else self.kind

    def choose(self, seen_at: NDArray[np.int64], key: NDArray[np.bool_], end_at: int) -> NDArray[np.intp]:
        """Return which frames of one segment are looked at, as rising indexes.

        At a rate, these are the pictures that stand at the whole multiples of 1/fps since 1970: the last frame
        at or before each such instant. A frame stands until the next one, the last one until the segment's end,
        so the choice does not depend on how the footage was cut into segments. A segment too short to hold
        such an instant gives its first frame: something of every segment is looked at.

        Parameters
        ----------
        seen_at
            (N,) instants of the frames, µs since 1970 UTC, rising.
        key
            (N,) whether each is a key frame.
        end_at
            End of the segment, µs since 1970 UTC.
        """
        count = len(seen_at)
        if count == 0 or self.kind == "all":
            return np.arange(count)
        if self.kind == "keyframes":
            return np.flatnonzero(key)
        step_us = MICROSECONDS / Fraction(self.fps or 1).limit_denominator(1000)
        first, last = -(-int(seen_at[0]) // step_us), -(-end_at // step_us)
        instants = np.array([-(-(tick * step_us) // 1) for tick in range(first, last)], np.int64)
        if len(instants) == 0:
            return np.zeros(1, np.intp)
        return np.unique(np.searchsorted(seen_at, instants, side="right") - 1)


def fitted_wh_px(frame_wh_px: tuple[int, int], longer_px: int) -> tuple[int, int]:
    """Return the size at which the longer side is `longer_px`: aspect kept, even sides, as decoders scale best."""
    width, height = frame_wh_px
    scale = longer_px / max(width, height)
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


@dataclass(frozen=True)
class FrameBatch:
    """Decoded pictures of one segment, in order of time; N may be 0."""

    segment_id: str
    pts: NDArray[np.int64]
    """(N,) frame addresses, ticks of the segment's `time_base`."""
    seen_at: NDArray[np.int64]
    """(N,) instants, µs since 1970 UTC."""
    rgb: NDArray[np.uint8]
    """(N, H, W, 3) pictures; may be smaller than the native size."""
    frame_wh_px: tuple[int, int]
    """Native width and height of the footage, px: what boxes are given in."""

    def __post_init__(self) -> None:
        count = len(self.pts)
        if self.seen_at.shape != (count,) or self.rgb.shape[:1] != (count,) or self.rgb.shape[3:] != (3,):
            raise ValueError(
                f"a batch of {count} frames needs seen_at ({count},) and rgb ({count}, H, W, 3), "
                f"got {self.seen_at.shape} and {self.rgb.shape}"
            )

    def __len__(self) -> int:
        return len(self.pts)


@dataclass(frozen=True)
class FeedStats:
    """What one picture says about the health of its feed, measured on luma of 160 × 90 px."""

    luma_mean: float
    """Mean brightness, 0..255."""
    luma_std: float
    """Standard deviation of the brightness, 0..127.5."""
    sharpness: float
    """Mean squared Laplacian of the sharper cells; low when blurred or out of focus."""
    change: float
    """Mean absolute difference to the previous sampled picture, 0..255; 0 for the first of a segment."""
    signature: NDArray[np.uint8]
    """(18, 32) layout of edges, 0..255: stays when things pass, shifts when the camera is moved."""


@dataclass(frozen=True)
class FrameLook:
    """One sampled frame and what was found in it."""

    pts: int
    """Frame address, ticks."""
    seen_at: int
    """Instant, µs since 1970 UTC."""
    held: bool
    """True where the picture had not changed since the last one looked at, so the detector did not run."""
    stats: FeedStats
    detections: Detections | None
    """What the detector found; `None` when held."""

    def __post_init__(self) -> None:
        if self.held != (self.detections is None):
            raise ValueError(
                f"frame {self.pts}: a held frame has no detections, a looked-at frame has some or none"
            )
