"""Footage to measure on: the demo clip for a minute, and the same street as a full-HD camera would send it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from workbench.assets import BIKES, YOLOX_NANO, AssetStore

Picture = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent

MINUTE_S = 60
"""Length of made footage, seconds: the longest segment."""

LIGHT_RATIO = 0.06
"""How far the light of made footage drifts up and down within a minute. Without it a looped clip repeats itself to
the bit, and the workbench rightly calls such a feed frozen."""


@dataclass(frozen=True)
class Look:
    """How the demo clip is sent."""

    name: str
    wh_px: tuple[int, int]
    fps: int
    noise: float
    """Standard deviation of the sensor's noise, luma levels."""
    options: tuple[tuple[str, str], ...]
    """What the encoder is told."""


DEMO = Look("demo clip 640×272@25", (640, 272), 25, 1.0, (("preset", "fast"), ("crf", "23")))
"""As it is, with x264's usual settings: B-frames, key frames at cuts."""

CAMERA = Look(
    "street camera 1920×1080@15", (1920, 1080), 15, 2.0,
    (
        ("preset", "veryfast"), ("profile", "main"), ("bf", "0"), ("g", "30"), ("sc_threshold", "0"),
        ("b", "4000000"), ("maxrate", "4000000"), ("bufsize", "8000000"),
    ),
)  # fmt: skip
"""As a full-HD street camera would send it: 4 Mbit/s, no B-frames, a key frame every 2 s."""


def store() -> AssetStore:
    """Return the folder of weights and clips that the tests use as well; `RTCC_ASSETS` names another."""
    return AssetStore(Path(os.environ.get("RTCC_ASSETS") or ROOT / ".cache" / "assets"))


def weights() -> Path:
    """Return the detector's weights, pulled where they are missing."""
    return store().pull(YOLOX_NANO.name)


def demo_clip() -> Path:
    """Return `bikes.mp4`, pulled where it is missing."""
    return store().pull(BIKES.name)


def pictures(path: Path) -> Iterator[tuple[float, Picture]]:
    """Yield (s, RGB picture) of every frame of a file."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield float(frame.time or 0.0), np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def made_minute(look: Look, path: Path, seconds: float = MINUTE_S) -> Path:
    """Write the demo clip, played again and again under a drifting light, and return its path."""
    if path.exists():
        return path
    part, (width, height) = path.with_suffix(".part.mp4"), look.wh_px
    shown = list(pictures(demo_clip()))
    times, length_s = np.array([at_s for at_s, _ in shown]), shown[-1][0] + shown[1][0]
    cut = [_cut_to(picture, width / height) for _, picture in shown]
    planes = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV), np.uint8) for picture in cut]
    grain = np.random.default_rng(7).normal(0, look.noise, (2, height, width))
    lighter, darker = np.clip(grain, 0, 255).astype(np.uint8)
    with av.open(str(part), "w") as out:
        stream = out.add_stream("libx264", rate=look.fps, options=dict(look.options))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * look.fps)):
            row = int(np.searchsorted(times, number / look.fps % length_s + 1e-6, side="right")) - 1
            light = 1 + LIGHT_RATIO * np.sin(2 * np.pi * number / look.fps / MINUTE_S)
            frame = _frame(planes[row], look.wh_px, light, lighter, darker, number)
            frame.pts, frame.time_base = number, Fraction(1, look.fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    part.rename(path)
    return path


def _frame(
    yuv: Picture, wh_px: tuple[int, int], light: float, lighter: Picture, darker: Picture, number: int
) -> av.VideoFrame:
    """Return a picture (H, W, 3) in YUV at another size, under this light, with noise that moves."""
    width, height = wh_px
    luma = cv2.resize(cv2.convertScaleAbs(yuv[..., 0], alpha=light), wh_px, interpolation=cv2.INTER_CUBIC)
    stray = 7 * number % height
    luma = cv2.subtract(cv2.add(luma, np.roll(lighter, stray, 0)), np.roll(darker, -stray, 0))
    colour = [cv2.resize(yuv[..., channel], (width // 2, height // 2)) for channel in (1, 2)]
    stacked = np.concatenate([luma.reshape(-1), *(plane.reshape(-1) for plane in colour)])
    return av.VideoFrame.from_ndarray(stacked.reshape(height * 3 // 2, width), format="yuv420p")


def _cut_to(picture: Picture, aspect: float) -> Picture:
    """Cut a picture to this width over height at its sides, or at top and bottom."""
    height, width = picture.shape[:2]
    wide, high = min(width, round(height * aspect)), min(height, round(width / aspect))
    left, top = (width - wide) // 2, (height - high) // 2
    return np.ascontiguousarray(picture[top : top + high, left : left + wide])
