"""A loop of video as fragments of one frame, as a tap hands them out: made here, or cut from a file."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

FRAGMENTS = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
TICKS = 90_000


@dataclass(frozen=True)
class Loop:
    """A loop of pictures and the stream they make."""

    mime: str
    head: bytes
    frames: tuple[tuple[bytes, bool], ...]
    """Fragment and whether it is a key frame."""
    fps: int
    stills: tuple[bytes, ...]
    """One JPEG a second."""

    def fragment(self, number: int) -> bytes:
        """Return the n-th frame of the endless stream."""
        data, _ = self.frames[number % len(self.frames)]
        return _at(data, number * TICKS // self.fps)

    def group(self, number: int) -> bytes:
        """Return a file of its own with the n-th group of pictures."""
        keys = [index for index, (_, key) in enumerate(self.frames) if key]
        first = keys[number % len(keys)]
        last = next((key for key in keys if key > first), len(self.frames))
        frames = [_at(self.frames[index][0], (index - first) * TICKS // self.fps) for index in range(first, last)]
        return self.head + b"".join(frames)

    @property
    def group_s(self) -> float:
        """Length of a group of pictures, seconds."""
        return len(self.frames) / self.fps / sum(key for _, key in self.frames)


@cache
def made_loop(seed: int = 0, *, fps: int = 10, seconds: int = 4, size: tuple[int, int] = (320, 180)) -> Loop:
    """Return a made-up street: a dark ground on which blocks drive."""
    width, height = size
    pictures = []
    for number in range(fps * seconds):
        picture = np.full((height, width, 3), (34, 40, 48), np.uint8)
        picture[height // 3 : height // 3 * 2] = (52, 56, 62)
        for car in range(4):
            x = (number * (4 + car) + 71 * car + 37 * seed) % (width + 60) - 60
            y = height // 3 + 8 + car * 12
            picture[y : y + 10, max(0, x) : max(0, x + 34)] = (
                (200, 60, 50),
                (60, 120, 200),
                (210, 210, 215),
                (90, 170, 90),
            )[car]
        pictures.append(picture)
    return _encoded(pictures, fps, size)


@cache
def cut_loop(path: Path, *, fps: int = 10, seconds: int = 12, size: tuple[int, int] = (640, 360)) -> Loop:
    """Return a loop cut from a file, made small."""
    pictures: list[np.ndarray] = []
    with av.open(str(path)) as footage:
        next_s = 0.0
        for frame in footage.decode(video=0):
            if frame.time is not None and frame.time >= next_s:
                high = int(frame.height * size[0] / frame.width) // 2 * 2
                pictures.append(frame.reformat(size[0], high, format="rgb24").to_ndarray())
                next_s += 1 / fps
            if len(pictures) >= fps * seconds:
                break
    return _encoded(pictures, fps, (pictures[0].shape[1], pictures[0].shape[0]))


def _encoded(pictures: list[np.ndarray], fps: int, size: tuple[int, int]) -> Loop:
    pictures = pictures[: len(pictures) // (fps * 2) * (fps * 2)]  # whole groups, all as long
    written = io.BytesIO()
    out = av.open(written, "w", format="mp4", options=FRAGMENTS)
    stream = out.add_stream("libx264", rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.gop_size = fps * 2
    stream.codec_context.time_base = Fraction(1, fps)
    stream.time_base = Fraction(1, TICKS)
    stream.options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "bf": "0",
        "profile": "baseline",
        "sc_threshold": "0",
    }
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, fps)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
    out.close()
    head, frames = _pieces(written.getvalue())
    loop = Loop("", head, (), fps, tuple(_jpeg(picture) for picture in pictures[::fps]))
    codec = head[head.index(b"avcC") + 5 : head.index(b"avcC") + 8].hex()
    keyed = tuple((data, index % (fps * 2) == 0) for index, data in enumerate(frames))
    return replace(loop, mime=f'video/mp4; codecs="avc1.{codec}"', frames=keyed)


def _pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the head of a fragmented MP4, and its fragments."""
    head, frames, at = b"", [], 0
    moof = b""
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        box = data[at : at + size]
        if name in (b"ftyp", b"moov"):
            head += box
        elif name == b"moof":
            moof = box
        elif name == b"mdat":
            frames.append(moof + box)
        at += size
    return head, frames


def _at(fragment: bytes, ticks: int) -> bytes:
    """Return the fragment with another decode time."""
    place = fragment.index(b"tfdt") + 4
    if fragment[place] == 1:
        return fragment[: place + 4] + struct.pack(">Q", ticks) + fragment[place + 12 :]
    return fragment[: place + 4] + struct.pack(">I", ticks) + fragment[place + 8 :]


def _jpeg(picture: np.ndarray) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG", quality=80)
    return written.getvalue()
