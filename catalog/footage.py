"""Recorded footage: segments, the gaps between them, and the address of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from catalog.errors import BadInput
from catalog.ids import content_id
from catalog.spans import Span, from_us, to_us

Clock = Literal["rtcp", "arrival", "container", "manual"]
GapReason = Literal["no_feed", "undecodable", "skipped", "not_permitted"]

Level = Literal["record", "keyframes", "substream", "full"]
"""How closely a camera is looked at: packets only; every key frame; all of the small stream at a few frames a
second; the main stream at a few frames a second."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""From least to most."""


@dataclass(frozen=True)
class FrameAddress:
    """Where one picture is, for good: the same on every decoder and after a lost frame."""

    segment_id: str
    pts: int
    """Presentation time stamp inside the segment, ticks of its `time_base`."""


@dataclass(frozen=True)
class Segment:
    """A recorded file that starts on a key frame: the unit of everything that has to be certain."""

    segment_id: str
    """`content_id("seg", camera_id, start in µs, sha256)`."""
    camera_id: str
    mounting_id: str
    span: Span
    """First frame's instant to the instant after the last frame's duration."""
    first_pts: int
    """Presentation time stamp of the first frame, ticks."""
    time_base: Fraction
    """Seconds per tick."""
    frame_count: int
    width_px: int
    height_px: int
    codec: str
    """Name of the video codec, e.g. `h264`."""
    clock: Clock
    """Where the instants come from."""
    clock_error_s: float | None
    """± seconds by which the clock may be off; `None` if unknown."""
    size_bytes: int
    sha256: str
    """Hex digest of the file's bytes."""
    uri: str
    """Path of the file, relative to the data home."""
    source_name: str
    """Base name of the file or feed it was taken from."""
    transcoded: bool = False
    """True where the codec did not allow a plain copy."""

    def __post_init__(self) -> None:
        if self.span.end_at is None:
            raise ValueError(f"segment {self.segment_id} has no end: only closed segments are kept")
        if self.frame_count < 1:
            raise ValueError(f"segment {self.segment_id} holds no frame")

    @staticmethod
    def identify(camera_id: str, start_at_us: int, sha256: str) -> str:
        """Return the id of the bytes `sha256` as seen by this camera from this instant on."""
        return content_id("seg", camera_id, start_at_us, sha256)

    def seen_at_us(self, pts: int) -> int:
        """Return the instant of a frame, µs since 1970 UTC."""
        ticks = pts - self.first_pts
        return to_us(self.span.start_at) + round(ticks * self.time_base * 1_000_000)

    def pts_at(self, instant_us: int) -> int:
        """Return the time stamp, ticks, that lies at an instant given in µs since 1970 UTC."""
        elapsed = Fraction(instant_us - to_us(self.span.start_at), 1_000_000)
        return self.first_pts + round(elapsed / self.time_base)


@dataclass(frozen=True)
class Gap:
    """A span without usable footage, and why."""

    camera_id: str
    span: Span
    reason: GapReason
    detail: str = ""
    """What was found, for the operator: the decoder's words, the byte position."""
    segment_id: str | None = None
    """The segment in which it lies, when it lies inside one."""
    source_name: str = ""

    @property
    def gap_id(self) -> str:
        """Identity from camera, start and reason."""
        return content_id("gap", self.camera_id, to_us(self.span.start_at), self.reason, self.source_name)


@dataclass(frozen=True)
class SamplingLevel:
    """How closely a camera was looked at over a span of time, and why."""

    camera_id: str
    span: Span
    """From when, until when; `end_at` is `None` while it holds."""
    level: Level
    reason: str
    """What asked for it, e.g. `active rules`, or what forced it, e.g. `behind by 3.1 s`."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise BadInput(
                f"sampling level {self.level!r} of {self.camera_id!r} is unknown; use one of {', '.join(LEVELS)}"
            )

    @property
    def level_id(self) -> str:
        """Identity from camera and start: the same row again, with its end, replaces the open one."""
        return content_id("lvl", self.camera_id, to_us(self.span.start_at))


def segment_end(first_us: int, last_us: int, frame_s: float) -> Span:
    """Return the span from the first frame to the end of the last frame, which lasts `frame_s` seconds."""
    return Span(from_us(first_us), from_us(last_us + round(frame_s * 1_000_000)))
