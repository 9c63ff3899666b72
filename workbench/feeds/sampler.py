"""Decode and sample the packets of a segment while it is being recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from catalog.footage import Level
from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.recorder import Placed
from workbench.media.decode import picture_of
from workbench.media.frames import MICROSECONDS, FeedStats, fitted_wh_px
from workbench.media.gate import LumaGate
from workbench.media.picture_watch import PictureWatch

MOST_WAITING = 64
"""Frames whose packets went in and which have not come out; beyond it the decoder has lost them."""


@dataclass(frozen=True)
class SamplerConfig:
    """How closely is looked."""

    full_fps: float = 5.0
    """Pictures per second at the levels `full` and `substream`, Hz."""
    key_spacing_s: float = 0.5
    """Key frames nearer to the last one are passed over, seconds: in MJPEG every frame is one."""
    picture_px: int = 416
    """Longer side of the pictures, px: what the detector sees."""
    gate_threshold: float | None = 5.0
    """See `LumaGate`."""


@dataclass(frozen=True)
class SampledPicture:
    """One sampled frame, judged by the gate."""

    placed: Placed
    stats: FeedStats
    rgb: NDArray[np.uint8] | None
    """(H, W, 3); `None` where the picture is held, since it has not changed."""


@dataclass(frozen=True)
class Damage:
    """A stretch of a segment whose pictures cannot be used."""

    start_us: int
    """µs since 1970 UTC."""
    end_us: int
    detail: str


class Sampler:
    """Samples one segment; make a new one for every segment, as archive work does.

    Parameters
    ----------
    track
        How its packets are read.
    room
        Tells whether another picture may be looked at now; it is asked before a picture is judged by the gate,
        which would else compare later ones with a picture that nobody saw.
    """

    def __init__(self, track: VideoTrack, config: SamplerConfig, room: Callable[[], bool] = lambda: True) -> None:
        self.config = config
        self._room = room
        self.passed_over = 0
        """Pictures that were due, but for which there was no room."""
        self.size_px = fitted_wh_px((max(track.width_px, 2), max(track.height_px, 2)), config.picture_px)
        self.frames_decoded = 0
        self.damage: list[Damage] = []
        """Damaged stretches that have ended, oldest first."""
        self._decoder = track.decoder()
        self._watch = PictureWatch(LumaGate(config.gate_threshold))
        self._whole = False
        """True while every packet since the last key frame went in."""
        self._waiting: dict[int, Placed] = {}
        self._next_us = 0
        """Instant from which the next picture is taken, µs since 1970 UTC."""
        self._damaged_from: tuple[int, str] | None = None
        """Instant of the first picture that may be damaged, µs since 1970 UTC, and why; `None` while none is."""

    def take(self, data: bytes, placed: Placed, *, key: bool, level: Level) -> list[SampledPicture]:
        """Return what one packet brings to light, by the level at which the camera is looked at."""
        if key:
            self._mend(placed.seen_at)
        if level == "keyframes":
            return self._key_frame(data, placed) if key else []
        if level != "full":
            self._whole = False
            return []
        if key and not self._whole:
            self._decoder.flush_buffers()
            self._waiting.clear()
            self._whole = True
        if not self._whole:
            return []
        return [self._judged(frame, at) for frame, at in self._decoded(data, placed) if self._due(at)]

    def missed(self) -> None:
        """Take in that packets were left out: pictures are sound again from the next key frame on."""
        self._whole = False

    def picture(self, rgb: NDArray[np.uint8], placed: Placed) -> SampledPicture:
        """Return a picture that was decoded elsewhere, from the camera's small stream."""
        stats, held = self._watch.judge(rgb)
        return SampledPicture(placed, stats, None if held else rgb)

    def finish(self) -> list[SampledPicture]:
        """Return the pictures that the decoder still holds, at the segment's end."""
        if not self._whole:
            return []
        self._whole = False
        return [self._judged(frame, at) for frame, at in self._flushed() if self._due(at)]

    def _key_frame(self, data: bytes, placed: Placed) -> list[SampledPicture]:
        self._whole = False
        if placed.seen_at < self._next_us or not self._has_room():
            return []
        self._waiting.clear()
        frames = [*self._decoded(data, placed), *self._flushed()]
        self._decoder.flush_buffers()
        if not frames:
            return []
        self._next_us = placed.seen_at + round(self.config.key_spacing_s * MICROSECONDS)
        return [self._judged(*frames[0])]

    def _due(self, placed: Placed) -> bool:
        """Tell whether a frame is the first at or after the next instant of the rate's grid."""
        if placed.seen_at < self._next_us:
            return False
        step_us = MICROSECONDS / self.config.full_fps
        self._next_us = round((placed.seen_at // step_us + 1) * step_us)
        return self._has_room()

    def _has_room(self) -> bool:
        has = self._room()
        self.passed_over += not has
        return has

    def _judged(self, frame: VideoFrame, placed: Placed) -> SampledPicture:
        return self.picture(picture_of(frame, self.size_px), placed)

    def _decoded(self, data: bytes, placed: Placed) -> Iterator[tuple[VideoFrame, Placed]]:
        packet = av.Packet(data)
        packet.pts = packet.dts = placed.pts
        self._waiting[placed.pts] = placed
        if self._damaged_from is not None:
            # it may rest on what is damaged, and be shown before it
            self._spoil(placed.seen_at, self._damaged_from[1])
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[min(self._waiting)]
        try:
            frames: list[VideoFrame] = self._decoder.decode(packet)
        except av.FFmpegError as error:
            self._spoil(placed.seen_at, f"the decoder stumbles: {error.strerror}")
            return
        yield from self._known(frames)

    def _flushed(self) -> Iterator[tuple[VideoFrame, Placed]]:
        try:
            frames: list[VideoFrame] = self._decoder.decode(None)
        except av.FFmpegError:
            frames = []
        yield from self._known(frames)

    def _known(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, Placed]]:
        for frame in frames:
            placed = self._waiting.pop(frame.pts, None) if frame.pts is not None else None
            if placed is None:
                continue
            self.frames_decoded += 1
            if frame.is_corrupt:
                self._spoil(placed.seen_at, "the decoder marks a picture as damaged")
            if self._sound(placed.seen_at):
                yield frame, placed

    def _sound(self, seen_at: int) -> bool:
        """Tell whether a picture lies outside all damage: some come out after the key frame that ended theirs."""
        if self._damaged_from is not None and seen_at >= self._damaged_from[0]:
            return False
        return not any(damage.start_us <= seen_at < damage.end_us for damage in self.damage)

    def _spoil(self, at_us: int, detail: str) -> None:
        before = self._damaged_from
        self._damaged_from = (at_us, detail) if before is None else (min(at_us, before[0]), before[1])

    def _mend(self, at_us: int) -> None:
        """End a damaged stretch at a key frame."""
        if self._damaged_from is not None:
            start_us, detail = self._damaged_from
            self.damage.append(Damage(start_us, max(at_us, start_us), detail))
            self._damaged_from = None

    def close(self, end_us: int) -> list[Damage]:
        """Return the damaged stretches of the segment, which ends here (µs since 1970 UTC)."""
        self._mend(end_us)
        return self.damage
