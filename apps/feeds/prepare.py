"""A feed prepared once from a clip: as long as wanted, its media time burnt in, encoded as a camera would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from apps.feeds import made_scene
from apps.feeds.burnt_time import Picture, burn
from catalog.errors import BadInput, UnreadableFootage
from catalog.ids import content_id
from workbench.media.opening import open_video, video_stream

TICKS_PER_S = 90_000
"""Time base of feeds: RTP's clock for video, so that nothing is rounded on the way."""
CRF = "26"
"""Quality of x264: about 0.6 Mbit/s for a street of 640 px at 15 fps."""
VARIANT_SHIFT_RATIO = 0.618
"""Each variant begins this much of the clip later than the one before: shares of the golden section never meet."""

Pictures = Callable[[], Iterator[tuple[float, Picture]]]
"""Gives the source's pictures from its start: (s, RGB picture)."""


@dataclass(frozen=True)
class _Source:
    """What a feed is made of."""

    name: str
    length_s: float
    pictures: Pictures


def prepare_feed(
    source: Path | None,
    target: Path,
    *,
    width_px: int,
    fps: int,
    gop_s: float,
    seconds: float,
    variant: int = 0,
    caption: str | None = None,
) -> Path:
    """Write a feed of H.264 without B-frames, key frames `gop_s` apart, and return its path.

    A feed that is there already, made from the same source in the same way, is taken as it is.

    Parameters
    ----------
    source
        A clip, repeated as often as the length needs; `None` for the made street.
    target
        The mp4 to write; it appears whole or not at all.
    width_px
        Width of the picture; the height follows from the source, rounded to even.
    seconds
        Length of the feed, rounded up to whole groups of pictures so that it loops without a seam.
    variant
        Different cameras from one clip: each begins elsewhere in it, and odd ones are mirrored.
    caption
        Burnt in before the time; the target's name where none is given.
    """
    if width_px % 2 or min(width_px, fps) <= 0 or min(gop_s, seconds) <= 0 or variant < 0:
        raise BadInput(
            f"feed {target.name} cannot be {width_px} px wide at {fps} fps with key frames every {gop_s} s for "
            f"{seconds} s, variant {variant}; the width must be even, the rest positive"
        )
    gop = max(1, round(gop_s * fps))
    frame_count = -(-round(seconds * fps) // gop) * gop
    words = target.stem if caption is None else caption
    made_as = content_id("feed", _stamp(source), width_px, fps, gop, frame_count, variant, words, CRF)
    if not _is_made(target, made_as):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part.mp4")
        timed = _timed(_opened(source, width_px), fps, frame_count, variant)
        _encode((burn(picture, at_ms, words) for picture, at_ms in timed), part, fps, gop, made_as)
        part.replace(target)
    return target


def _stamp(source: Path | None) -> str:
    """Name the source's bytes without reading them all."""
    if source is None:
        return "made street"
    if not source.is_file():
        raise UnreadableFootage(f"feed source {source.name} is not there; check the path")
    found = source.stat()
    return f"{source.name} {found.st_size} {found.st_mtime_ns}"


def _is_made(target: Path, made_as: str) -> bool:
    if not target.is_file():
        return False
    with open_video(target) as container:
        return container.metadata.get("comment") == made_as


def _opened(source: Path | None, width_px: int) -> _Source:
    if source is None:
        return _Source("made street", made_scene.LENGTH_S, lambda: made_scene.pictures(width_px))
    stamps = [at_s for at_s, _ in _decoded(source, 16)]
    if len(stamps) < 2:
        raise UnreadableFootage(f"feed source {source.name} holds {len(stamps)} pictures; name a moving one")
    length_s = stamps[-1] + (stamps[-1] / (len(stamps) - 1))
    return _Source(source.name, length_s, lambda: _decoded(source, width_px))


def _decoded(source: Path, width_px: int) -> Iterator[tuple[float, Picture]]:
    with open_video(source) as container:
        stream = video_stream(container)
        assert stream is not None
        height_px = round(width_px * stream.height / stream.width / 2) * 2
        start_s = None
        for frame in container.decode(stream):
            at_s = float(frame.time or 0.0)
            start_s = at_s if start_s is None else start_s
            scaled = frame.reformat(width_px, height_px, "rgb24", interpolation="AREA")
            yield at_s - start_s, np.asarray(scaled.to_ndarray(), np.uint8)


def _timed(source: _Source, fps: int, frame_count: int, variant: int) -> Iterator[tuple[Picture, int]]:
    """Yield (picture, ms) of the feed's frames: what the source, played again and again, shows at each instant."""
    endless = _endless(source)
    _, shown = next(endless)
    next_at_s, coming = next(endless)
    shift_s = variant * VARIANT_SHIFT_RATIO * source.length_s % source.length_s
    for number in range(frame_count):
        while next_at_s <= number / fps + shift_s:
            shown = coming
            next_at_s, coming = next(endless)
        yield (cv2.flip(shown, 1) if variant % 2 else shown.copy()), round(1000 * number / fps)


def _endless(source: _Source) -> Iterator[tuple[float, Picture]]:
    begun_s = 0.0
    while True:
        for at_s, picture in source.pictures():
            yield begun_s + at_s, picture
        begun_s += source.length_s


def _encode(pictures: Iterator[Picture], path: Path, fps: int, gop: int, made_as: str) -> None:
    settings = {
        "preset": "veryfast", "crf": CRF, "bf": "0", "g": str(gop), "keyint_min": str(gop), "sc_threshold": "0",
        "flags": "+cgop",
    }  # fmt: skip
    step = Fraction(TICKS_PER_S, fps)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
        out.metadata["comment"] = made_as
        stream = out.add_stream("libx264", rate=fps, options=settings)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(number * step), Fraction(1, TICKS_PER_S)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
