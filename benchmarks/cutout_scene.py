"""Scenes with known truth from real pixels: cut-outs of the demo clip, moved over a made street."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import Picture, pictures
from tests.synthetic import Scene

WH_PX = (1280, 720)
FPS = 10

FEATHER_PX = 1.5
"""How softly a cut-out ends, px of the clip: the clip's own edges are no sharper."""

Points = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class CutOut:
    """A piece of one frame of the demo clip, and the things in it; px of the clip."""

    name: str
    frame: int
    """Number of the frame in the clip."""
    outline: Points
    """What belongs to it, drawn by hand on the frame."""
    things: tuple[tuple[str, tuple[int, int, int, int]], ...]
    """Label and box of each thing in it, drawn by hand on the frame."""

    @property
    def xyxy_px(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the piece."""
        columns, rows = [x for x, _ in self.outline], [y for _, y in self.outline]
        return min(columns), min(rows), max(columns), max(rows)


CYCLIST = CutOut(
    "cyclist", 120,
    (
        (407, 30), (410, 14), (422, 8), (436, 12), (440, 28), (438, 50), (452, 54), (464, 72), (468, 82),
        (474, 100),
        (480, 130), (478, 148), (488, 165), (490, 178), (512, 176), (522, 186), (524, 200), (516, 200), (498, 192),
        (506, 240), (512, 262), (502, 271), (378, 271), (376, 240), (384, 222), (398, 206), (412, 202), (408, 176),
        (396, 172), (384, 154), (390, 146), (398, 140), (396, 110), (395, 96), (384, 90), (382, 80), (392, 62),
        (406, 52), (414, 48), (410, 36),
    ),
    (("person", (382, 8, 490, 271)), ("bicycle", (376, 150, 524, 271))),
)  # fmt: skip
CAR = CutOut(
    "car", 140,
    (
        (340, 104), (382, 103), (394, 109), (412, 122), (424, 134), (424, 148), (416, 158), (380, 159), (340, 158),
        (328, 152), (318, 142), (312, 132), (316, 120), (330, 110),
    ),
    (("car", (312, 103, 424, 159)),),
)  # fmt: skip
HATCHBACK = CutOut(
    "hatchback", 160,
    (
        (536, 120), (542, 106), (548, 102), (588, 102), (596, 107), (601, 120), (601, 138), (598, 154), (588, 161),
        (560, 163), (540, 162), (530, 160), (528, 140), (530, 126),
    ),
    (("car", (528, 102, 601, 163)),),
)  # fmt: skip


@dataclass(frozen=True)
class Actor:
    """A cut-out on its way."""

    cut_out: CutOut
    path: tuple[tuple[float, float, float], ...]
    """(s, x px, y px) of the middle of its lower edge, rising in time; straight and even in between."""
    scale: float
    mirrored: bool = False

    def place(self, at_s: float) -> tuple[float, float] | None:
        """Return where it stands; `None` while it is not there."""
        times = [point[0] for point in self.path]
        if not times[0] <= at_s < times[-1]:
            return None
        return tuple(float(np.interp(at_s, times, [point[axis] for point in self.path])) for axis in (1, 2))  # type: ignore[return-value]

    def boxes(self, at_s: float) -> list[tuple[str, NDArray[np.float64]]]:
        """Return label and box of each thing in it, px of the scene."""
        place = self.place(at_s)
        if place is None:
            return []
        left, top, right, bottom = self.cut_out.xyxy_px
        corner = np.array([place[0] - (right - left) * self.scale / 2, place[1] - (bottom - top) * self.scale])
        found = []
        for label, box in self.cut_out.things:
            x1, x2 = (right - box[2], right - box[0]) if self.mirrored else (box[0] - left, box[2] - left)
            within = np.array([x1, box[1] - top, x2, box[3] - top]) * self.scale
            found.append((label, within + np.tile(corner, 2)))
        return found


@dataclass(frozen=True)
class TrueThing:
    """One thing of the scene: what a perfect track would be."""

    name: str
    label: str
    actor: Actor
    index: int
    """Which of its actor's boxes it is."""

    def box(self, at_s: float) -> NDArray[np.float64] | None:
        """Return left, top, right, bottom, cut at the picture's edge; `None` while less than half is in it."""
        boxes = self.actor.boxes(at_s)
        if not boxes:
            return None
        whole = boxes[self.index][1]
        cut = np.clip(whole, 0, [*WH_PX, *WH_PX])
        area, left = np.prod(whole[2:] - whole[:2]), np.prod(cut[2:] - cut[:2])
        return cut if left >= area / 2 else None


@dataclass(frozen=True)
class CutOutScene:
    """A street with actors on it."""

    name: str
    actors: tuple[Actor, ...]
    duration_s: float

    def things(self) -> tuple[TrueThing, ...]:
        """Return every thing of the scene."""
        return tuple(
            TrueThing(f"{actor.cut_out.name}-{number}-{label}", label, actor, index)
            for number, actor in enumerate(self.actors)
            for index, (label, _) in enumerate(actor.cut_out.things)
        )

    def draw(self, at_s: float, cut: dict[str, tuple[Picture, NDArray[np.float32]]]) -> Picture:
        """Return the picture at an instant: nearer things stand before farther ones."""
        canvas = street().copy()
        standing = [(actor, actor.place(at_s)) for actor in self.actors]
        for actor, place in sorted(standing, key=lambda one: one[1][1] if one[1] else 0.0):
            if place is not None:
                _paste(canvas, *cut[actor.cut_out.name], actor, place)
        dice = np.random.default_rng(round(at_s * 1000))
        return np.clip(canvas + dice.normal(0, 2, canvas.shape[:2])[..., None], 0, 255).astype(np.uint8)


@cache
def street() -> NDArray[np.float32]:
    """Return an empty made street, softly out of focus as behind a subject, (H, W, 3)."""
    empty = Scene(wh_px=WH_PX, noise=0.0, numbered=False).draw(0, 0.0).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(empty, (0, 0), 3), np.float32)


def cut_from(clip: Path) -> dict[str, tuple[Picture, NDArray[np.float32]]]:
    """Return each cut-out's pixels and how much they cover, (H, W), by name."""
    frames = {cut_out.frame: cut_out for cut_out in (CYCLIST, CAR, HATCHBACK)}
    cut = {}
    for number, (_, picture) in enumerate(pictures(clip)):
        if number in frames:
            left, top, right, bottom = frames[number].xyxy_px
            piece = picture[top:bottom, left:right].copy()
            cut[frames[number].name] = (piece, _cover(frames[number]))
    return cut


def _cover(cut_out: CutOut) -> NDArray[np.float32]:
    """Return full cover inside the outline, fading out at it."""
    left, top, right, bottom = cut_out.xyxy_px
    inside = np.zeros((bottom - top, right - left), np.float32)
    cv2.fillPoly(inside, [np.array(cut_out.outline, np.int32) - (left, top)], 1.0)
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), FEATHER_PX), np.float32)


def _paste(
    canvas: NDArray[np.float32],
    piece: Picture,
    cover: NDArray[np.float32],
    actor: Actor,
    place: tuple[float, float],
) -> None:
    height, width = (round(side * actor.scale) for side in piece.shape[:2])
    way = cv2.INTER_AREA if actor.scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(piece[:, ::-1] if actor.mirrored else piece, (width, height), interpolation=way)
    alpha = cv2.resize(cover, (width, height))[..., None]
    left, top = round(place[0] - width / 2), round(place[1] - height)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, WH_PX[0]), min(top + height, WH_PX[1])
    if x1 >= x2 or y1 >= y2:
        return
    inner = (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))
    target = canvas[y1:y2, x1:x2]
    canvas[y1:y2, x1:x2] = target + alpha[inner] * (pixels[inner] - target)


def render(scene: CutOutScene, clip: Path, path: Path) -> Path:
    """Write the scene as a video file and return its path."""
    if path.exists():
        return path
    cut, part = cut_from(clip), path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as out:
        stream = out.add_stream(
            "libx264", rate=FPS, options={"preset": "veryfast", "crf": "20", "g": "20", "bf": "0"}
        )
        stream.width, stream.height = WH_PX
        stream.pix_fmt = "yuv420p"
        for number in range(round(scene.duration_s * FPS)):
            frame = av.VideoFrame.from_ndarray(scene.draw(number / FPS, cut), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    part.rename(path)
    return path


def scenes() -> tuple[CutOutScene, ...]:
    """Return the scenes that are measured."""
    crossing = CutOutScene(
        "crossing",
        (
            Actor(CYCLIST, ((1, -120, 520), (13, 1400, 520)), 0.7),
            Actor(CYCLIST, ((4, 1400, 640), (18, -120, 640)), 1.0, mirrored=True),
            Actor(CAR, ((2, -150, 430), (9, 1430, 430)), 1.5),
            Actor(HATCHBACK, ((14, 1400, 600), (22, -120, 600)), 1.8, mirrored=True),
            Actor(CYCLIST, ((16, -100, 480), (21, 640, 480), (35, 640, 480), (40, 1400, 480)), 0.6),
            Actor(CAR, ((24, -150, 650), (33, 1430, 650)), 1.6),
        ),
        42.0,
    )
    small = CutOutScene(
        "far away",
        (
            Actor(CYCLIST, ((1, -40, 425), (14, 1320, 425)), 0.35),
            Actor(CYCLIST, ((5, 1320, 460), (20, -40, 460)), 0.3, mirrored=True),
            Actor(HATCHBACK, ((2, -60, 500), (12, 1340, 500)), 0.8),
            Actor(CAR, ((10, 1340, 560), (19, -60, 560)), 0.6, mirrored=True),
        ),
        22.0,
    )
    return crossing, small
