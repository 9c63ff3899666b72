"""Made scenes with known truth, rendered to real video files.

A scene is a pure function of time: what stands where, in which colour, and what the camera suffers. Every frame
carries its number as black and white cells in its top rows, so that a decoded picture says which one it is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.observations import COLOURS, LABELS, Detections
from workbench.media.frames import FrameBatch

Picture = NDArray[np.uint8]

NUMBER_BITS = 18
"""Cells of the burnt-in number, after one white and one black cell and before a parity cell."""
NUMBER_ROWS_RATIO = 1 / 18
"""Height of the cells as a share of the picture's."""
TICKS_PER_S = 90_000
"""Time base of rendered files, ticks per second."""

RGB = {
    "black": (25, 25, 25), "white": (240, 240, 240), "grey": (128, 128, 128), "red": (200, 30, 30),
    "orange": (240, 140, 20), "yellow": (235, 220, 40), "green": (30, 150, 50), "blue": (30, 60, 200),
    "purple": (130, 40, 160), "brown": (110, 70, 35),
}  # fmt: skip
SIZE_PX = {
    "person": (14, 36), "bicycle": (26, 24), "car": (60, 30), "motorcycle": (30, 26), "bus": (96, 50),
    "train": (140, 50), "truck": (84, 44), "dog": (18, 12), "backpack": (10, 12), "handbag": (9, 9),
    "suitcase": (11, 15),
}  # fmt: skip
"""Width and height of things in a picture of 320 × 180 px."""

EpisodeKind = Literal["dark", "blurred", "moved", "frozen"]


@dataclass(frozen=True)
class Thing:
    """Something that stands or moves on the ground of a scene."""

    label: str
    colour: str
    path: tuple[tuple[float, float, float], ...]
    """(s, x px, y px) of the anchor, rising in time; straight and even in between, absent before and after."""
    lower_colour: str = "blue"
    size_px: tuple[int, int] | None = None

    def anchor_px(self, at_s: float) -> tuple[float, float] | None:
        """Return where its bottom centre is, px; `None` while it is not in the scene."""
        times = [point[0] for point in self.path]
        if not times[0] <= at_s < times[-1]:
            return None
        x = np.interp(at_s, times, [point[1] for point in self.path])
        y = np.interp(at_s, times, [point[2] for point in self.path])
        return float(x), float(y)

    def box_px(self, at_s: float) -> tuple[float, float, float, float] | None:
        """Return left, top, right, bottom, px; `None` while it is not in the scene."""
        anchor = self.anchor_px(at_s)
        if anchor is None:
            return None
        width, height = self.size_px or SIZE_PX[self.label]
        return anchor[0] - width / 2, anchor[1] - height, anchor[0] + width / 2, anchor[1]


@dataclass(frozen=True)
class Episode:
    """What the camera suffers for a while."""

    kind: EpisodeKind
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Scene:
    """A street, the things in it, and what its camera suffers."""

    things: tuple[Thing, ...] = ()
    duration_s: float = 10.0
    fps: float = 10.0
    wh_px: tuple[int, int] = (320, 180)
    episodes: tuple[Episode, ...] = ()
    noise: float = 1.0
    """Standard deviation of the sensor's noise, luma levels."""
    jitter_ratio: float = 0.0
    """How far frames stray from an even rhythm, as a share of the frame interval, below 0.5."""
    seed: int = 0
    numbered: bool = True

    def frame_ticks(self) -> list[int]:
        """Return the time stamps of the frames, 1/90 000 s."""
        stray = random.Random(self.seed)
        step = TICKS_PER_S / self.fps
        count = round(self.duration_s * self.fps)
        return [round((k + self.jitter_ratio * stray.uniform(-1, 1) * (k > 0)) * step) for k in range(count)]

    def suffers(self, at_s: float) -> Episode | None:
        """Return the episode at this instant, if any."""
        return next((episode for episode in self.episodes if episode.start_s <= at_s < episode.end_s), None)

    def draw(self, number: int, at_s: float) -> Picture:
        """Return the frame of this number at this instant: (H, W, 3)."""
        episode = self.suffers(at_s)
        if episode is not None and episode.kind == "frozen":
            number, at_s = round(episode.start_s * self.fps), episode.start_s
        canvas = _ground(self.wh_px, self.seed).copy()
        for thing in sorted(self.things, key=lambda one: (one.anchor_px(at_s) or (0.0, 0.0))[1]):
            _paint(canvas, thing, thing.box_px(at_s))
        if episode is not None:
            canvas = _spoil(canvas, episode.kind)
        grain = np.random.default_rng((self.seed, number)).normal(0, self.noise, canvas.shape[:2])
        picture = np.clip(canvas + grain[..., None], 0, 255).astype(np.uint8)
        return burn_number(picture, number) if self.numbered else picture

    def frames(self) -> Iterator[tuple[int, Picture]]:
        """Yield (ticks, picture) of every frame."""
        for number, ticks in enumerate(self.frame_ticks()):
            yield ticks, self.draw(number, ticks / TICKS_PER_S)

    def detections(self, segment_id: str, pts: int, seen_at: int, at_s: float) -> Detections:
        """Return what a perfect detector finds at this instant of the scene; nothing while the camera is blind."""
        width, height = self.wh_px
        episode = self.suffers(at_s)
        if episode is not None and episode.kind == "frozen":
            at_s = episode.start_s
        blind = episode is not None and episode.kind in ("dark", "blurred", "moved")
        seen: list[tuple[Thing, list[float]]] = []
        for thing in () if blind else self.things:
            box = thing.box_px(at_s)
            if box is not None:
                inside = [max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3])]
                if inside[2] - inside[0] > 2 and inside[3] - inside[1] > 2:
                    seen.append((thing, inside))
        found = Detections.of(
            segment_id, pts, seen_at,
            np.array([box for _, box in seen], np.float32).reshape(-1, 4),
            np.full(len(seen), 0.9, np.float32),
            np.array([LABELS.index(thing.label) for thing, _ in seen], np.int16),
        )  # fmt: skip
        colour = np.array([COLOURS.index(thing.colour) for thing, _ in seen], np.int8)
        return replace(found, colour=colour, colour_confidence=np.full(len(seen), 0.8, np.float32))


@dataclass(frozen=True)
class TruthDetector:
    """Stands where the detector stands and knows the scene: tests of what follows need no weights."""

    scene: Scene
    start_at: int
    """Instant of the scene's first frame, µs since 1970 UTC."""

    def __call__(self, batch: FrameBatch) -> list[Detections]:
        """Return the scene's truth for every frame of the batch."""
        return [
            self.scene.detections(batch.segment_id, int(pts), int(at), (int(at) - self.start_at) / 1e6)
            for pts, at in zip(batch.pts, batch.seen_at, strict=True)
        ]

    def input_wh_px(self, frame_wh_px: tuple[int, int]) -> tuple[int, int]:
        """Return the native size: truth needs no smaller picture."""
        return frame_wh_px


@dataclass(frozen=True)
class Encoding:
    """How a scene is written to a file."""

    codec: str = "libx264"
    gop: int = 20
    """Frames from one key frame to the next."""
    b_frames: int = 0
    open_gop: bool = False
    crf: int = 18
    movflags: str = ""
    """As the mp4 muxer takes them, e.g. `faststart`."""
    options: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    def codec_options(self) -> dict[str, str]:
        """Return what the encoder is told."""
        if self.codec != "libx264":
            return {"g": str(self.gop), "bf": str(self.b_frames)} | self.options
        x264 = f"scenecut=0:open-gop={int(self.open_gop)}:b-adapt=0:b-pyramid=normal"
        plain = {"preset": "veryfast", "crf": str(self.crf), "g": str(self.gop), "bf": str(self.b_frames)}
        return plain | {"keyint_min": str(self.gop), "x264-params": x264} | self.options


def render(scene: Scene, path: Path, encoding: Encoding | None = None) -> Path:
    """Write the scene as a video file, of the kind the suffix says, and return its path."""
    how = encoding or Encoding()
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = (scene, repr(how), path.suffix)
    if kind in _rendered:
        path.write_bytes(_rendered[kind])
    else:
        _rendered[kind] = _encode(scene, path, how).read_bytes()
    return path


_rendered: dict[tuple[Scene, str, str], bytes] = {}
"""Every file rendered by this process: many tests want the same one, and drawing and encoding it takes longest."""


def _encode(scene: Scene, path: Path, how: Encoding) -> Path:
    flags = {"movflags": how.movflags} if how.movflags else {}
    with av.open(str(path), "w", options=flags) as out:
        out.metadata.update(how.metadata)
        stream = out.add_stream(
            how.codec, rate=Fraction(scene.fps).limit_denominator(1000), options=how.codec_options()
        )
        stream.width, stream.height = scene.wh_px
        stream.pix_fmt = "yuvj420p" if how.codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        even = scene.jitter_ratio == 0
        base = 1 / Fraction(scene.fps).limit_denominator(1000) if even else Fraction(1, TICKS_PER_S)
        stream.codec_context.time_base = base
        for number, (ticks, picture) in enumerate(scene.frames()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (number if even else ticks), base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def burn_number(picture: Picture, number: int) -> Picture:
    """Write the number into the top rows: white, black, 18 bits, parity; in place."""
    bits = [number >> shift & 1 for shift in reversed(range(NUMBER_BITS))]
    cells = [1, 0, *bits, sum(bits) & 1]
    height, width = picture.shape[:2]
    rows = round(height * NUMBER_ROWS_RATIO)
    edges = np.linspace(0, width, len(cells) + 1).round().astype(int)
    for cell, left, right in zip(cells, edges[:-1], edges[1:], strict=True):
        picture[:rows, left:right] = 255 if cell else 0
    return picture


def read_number(picture: Picture) -> int | None:
    """Return the number burnt into a picture of any size; `None` where it cannot be read."""
    height, width = picture.shape[:2]
    row = picture[max(0, round(height * NUMBER_ROWS_RATIO / 2) - 1)].astype(float).mean(axis=-1)
    centres = ((np.arange(NUMBER_BITS + 3) + 0.5) * width / (NUMBER_BITS + 3)).astype(int)
    levels = row[centres]
    if np.any((levels > 90) & (levels < 165)):
        return None
    cells = (levels > 127).astype(int).tolist()
    bits = cells[2:-1]
    if cells[:2] != [1, 0] or cells[-1] != sum(bits) & 1:
        return None
    return int("".join(map(str, bits)), 2)


def flip_bytes(path: Path, out: Path, *, places: int = 3, run: int = 40, between: tuple[float, float] = (0.4, 0.7),
               seed: int = 0) -> Path:  # fmt: skip
    """Copy the file with runs of bytes overwritten at some places between two shares of its length."""
    content, dice = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(places):
        at = dice.randrange(int(len(content) * between[0]), int(len(content) * between[1]))
        content[at : at + run] = dice.randbytes(run)
    out.write_bytes(content)
    return out


def truncate(path: Path, out: Path, ratio: float) -> Path:
    """Copy the first share of the file."""
    content = path.read_bytes()
    out.write_bytes(content[: int(len(content) * ratio)])
    return out


def street(duration_s: float = 10.0, fps: float = 10.0, **scene: object) -> Scene:
    """Return a street with a red car to the right, a blue car to the left and a person on the pavement."""
    end = duration_s
    things = (
        Thing("car", "red", ((0.5, -30, 120), (0.5 + end * 0.6, 350, 120))),
        Thing("car", "blue", ((end * 0.3, 350, 145), (end * 0.9, -30, 145))),
        Thing("person", "green", ((0, 20, 95), (end, 300, 95))),
    )
    return replace(Scene(things, duration_s, fps), **scene)  # type: ignore[arg-type]


def bag_left(duration_s: float = 40.0, fps: float = 5.0) -> Scene:
    """Return a scene in which a person brings a suitcase at 6 s, sets it down at x = 160, and is gone at 14 s."""
    end = duration_s + 1
    person = Thing("person", "red", ((1, -10, 100), (6, 150, 100), (8, 150, 100), (14, 340, 100)))
    bag = Thing("suitcase", "black", ((1, 2, 100), (6, 162, 100), (end, 162, 100)))
    return Scene((person, bag), duration_s, fps)


def troubled_camera(duration_s: float = 50.0, fps: float = 5.0) -> Scene:
    """Return a street whose camera is dark, blurred, moved and frozen: 5 s each, from 10, 20, 30 and 40 s."""
    kinds: tuple[EpisodeKind, ...] = ("dark", "blurred", "moved", "frozen")
    episodes = tuple(Episode(kind, 10.0 * k, 10.0 * k + 5) for k, kind in enumerate(kinds, 1))
    walker = Thing("person", "red", ((0, 10, 100), (duration_s, 310, 100)))
    return Scene((walker,), duration_s, fps, episodes=episodes, numbered=False)


@cache
def _ground(wh_px: tuple[int, int], seed: int) -> NDArray[np.float32]:
    width, height = wh_px
    dice = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3), np.float32)
    canvas[: int(height * 0.35)] = (150, 140, 130)
    canvas[int(height * 0.35) : int(height * 0.55)] = (175, 170, 165)
    canvas[int(height * 0.55) : int(height * 0.9)] = (90, 90, 95)
    canvas[int(height * 0.9) :] = (170, 165, 160)
    for _ in range(max(4, width // 20)):
        x, y = int(dice.integers(0, width)), int(dice.integers(int(height * 0.08), int(height * 0.28)))
        cv2.rectangle(canvas, (x, y), (x + width // 40, y + height // 18), (70, 75, 90), -1)
    for x in range(0, width, max(8, width // 10)):
        cv2.rectangle(canvas, (x, int(height * 0.72)), (x + width // 24, int(height * 0.735)), (220, 220, 210), -1)
    patches = dice.normal(0, 10, (height // 4 + 1, width // 4 + 1)).astype(np.float32)
    canvas += cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return canvas


def _paint(canvas: NDArray[np.float32], thing: Thing, box: tuple[float, float, float, float] | None) -> None:
    if box is None:
        return
    left, top, right, bottom = (round(side) for side in box)
    width, height = right - left, bottom - top
    body = RGB[thing.colour]
    if thing.label == "person":
        waist, neck = top + height * 6 // 10, top + height // 5
        cv2.rectangle(canvas, (left, neck), (right - 1, waist), body, -1)
        cv2.rectangle(canvas, (left + 1, waist), (right - 2, bottom - 1), RGB[thing.lower_colour], -1)
        cv2.circle(canvas, ((left + right) // 2, top + height // 10), max(1, height // 10), (205, 160, 130), -1)
        return
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), body, -1)
    if thing.label in ("car", "bus", "truck"):
        cv2.rectangle(
            canvas, (left + width // 5, top + 2), (right - width // 5, top + height // 3), (60, 70, 80), -1
        )
        for x in (left + width // 5, right - width // 5):
            cv2.circle(canvas, (x, bottom - 2), max(2, height // 7), (15, 15, 15), -1)


def _spoil(canvas: NDArray[np.float32], kind: EpisodeKind) -> NDArray[np.float32]:
    if kind == "dark":
        return canvas * np.float32(0.04)
    if kind == "blurred":
        return np.asarray(cv2.GaussianBlur(canvas, (0, 0), canvas.shape[1] / 40), np.float32)
    if kind == "moved":
        return np.roll(canvas, (canvas.shape[0] // 5, canvas.shape[1] // 3), axis=(0, 1))
    return canvas


def numbers(pictures: Sequence[Picture] | Picture) -> list[int | None]:
    """Return the burnt-in number of each picture."""
    return [read_number(picture) for picture in pictures]
