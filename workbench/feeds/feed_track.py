"""What a feed's packets are: codec, picture size, parameter sets, and whether a packet can be video at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

START_CODE = b"\x00\x00\x01"
"""What stands before every unit of an Annex B stream, as RTP and transport streams bring it (ISO/IEC 14496-10)."""

START_CODES = (START_CODE, b"\0" + START_CODE)
"""The same, and with the zero byte that stands before a packet's first unit."""

HEAD_BYTES = 4096
"""How far into a packet parameter sets are looked for, bytes: they stand before the first picture."""

PARAMETER_SETS = {"h264": frozenset({7, 8}), "hevc": frozenset({32, 33, 34})}
"""Unit types that say how to decode: SPS and PPS (H.264), VPS, SPS and PPS (H.265)."""

DEFAULT_TIME_BASE = Fraction(1, 90_000)
"""Ticks of RTP video, s (RFC 3551), for a feed that does not say."""


@dataclass(frozen=True)
class VideoTrack:
    """How the packets of a feed are to be read, from one key frame on."""

    template: VideoStream = field(repr=False, compare=False)
    """The stream they come from; new files copy its settings."""
    codec: str
    extradata: bytes | None
    """Parameter sets, as the decoder wants them."""
    width_px: int
    height_px: int
    time_base: Fraction
    """Seconds per tick."""

    @classmethod
    def of(cls, stream: VideoStream, time_base: Fraction | None = None) -> VideoTrack:
        """Return what the feed's head says; the size is 0 where it does not say.

        Parameters
        ----------
        time_base
            Seconds per tick, where it is not the stream's own that counts.
        """
        context = stream.codec_context
        return cls(
            stream, context.name, context.extradata, context.width or 0, context.height or 0,
            Fraction(time_base or stream.time_base or DEFAULT_TIME_BASE),
        )  # fmt: skip

    @cached_property
    def annex_b(self) -> bool:
        """True where the units of a packet stand behind start codes, as from RTP and transport streams.

        In mp4 they stand behind their length, and a length of 256 to 511 bytes looks like a start code.
        """
        head = self.extradata or START_CODE
        return self.codec in PARAMETER_SETS and head.startswith(START_CODES)

    def rubbish(self, head: bytes) -> bool:
        """Tell whether a packet that begins so cannot be of this codec; only of Annex B can it be told."""
        return self.annex_b and rubbish(self.codec, head)

    def decoder(self) -> VideoCodecContext:
        """Return a decoder for these packets, on one thread, that holds nothing back without need."""
        context = cast(VideoCodecContext, VideoCodecContext.create(self.codec, "r"))
        if self.extradata:
            context.extradata = self.extradata
        context.thread_count = 1
        return context

    def from_key(self, data: bytes, *, prove: bool = False) -> VideoTrack | None:
        """Return the track as a key frame itself says; itself where that says nothing new.

        Cameras change their picture size in the middle of a stream, and only their key frames tell.

        Parameters
        ----------
        prove
            Decode the key frame although it says nothing new: after damage, rubbish may look like one.

        Returns
        -------
        VideoTrack or None
            `None` where the key frame cannot be decoded without damage.
        """
        if self.codec == "mjpeg":
            return self._sized(jpeg_wh_px(data))
        own = parameter_sets(self.codec, data) if self.annex_b else None
        if (own is None or own == self.extradata) and self.width_px and not prove:
            return self
        fresh = VideoTrack(self.template, self.codec, own or self.extradata, 0, 0, self.time_base)
        context = fresh.decoder()
        try:
            frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        except av.FFmpegError:
            return None
        if not frames and not prove and self.width_px:
            # a stream that refreshes its pictures little by little: what its head says has to do
            return VideoTrack(
                self.template, self.codec, fresh.extradata, self.width_px, self.height_px, self.time_base
            )  # fmt: skip
        if not frames or (prove and frames[0].is_corrupt):
            return None
        return fresh._sized((frames[0].width, frames[0].height))

    def _sized(self, wh_px: tuple[int, int] | None) -> VideoTrack | None:
        return wh_px and VideoTrack(self.template, self.codec, self.extradata, *wh_px, self.time_base)


def units(data: bytes) -> Iterator[bytes]:
    """Yield the units of an Annex B packet, without start codes; nothing for other packings."""
    if not data.startswith(START_CODES):
        return
    place = data.find(START_CODE)
    while place >= 0:
        begin = place + len(START_CODE)
        place = data.find(START_CODE, begin)
        yield (data[begin:] if place < 0 else data[begin:place]).rstrip(b"\0")


def parameter_sets(codec: str, data: bytes) -> bytes | None:
    """Return a key frame's own parameter sets, each behind a start code; `None` where it carries none."""
    wanted = PARAMETER_SETS.get(codec)
    if wanted is None:
        return None
    found = [unit for unit in units(data[:HEAD_BYTES]) if unit and _unit_type(codec, unit[0]) in wanted]
    return b"".join(b"\0" + START_CODE + unit for unit in found) or None


def rubbish(codec: str, head: bytes) -> bool:
    """Tell whether an Annex B packet cannot be of this codec: its first unit is none of a picture's.

    Parameters
    ----------
    head
        The packet's first bytes.
    """
    if codec not in PARAMETER_SETS or not head.startswith(START_CODES):
        return False
    unit = head[head.find(START_CODE) + len(START_CODE) :]
    if len(unit) < 2 or unit[0] & 0x80:
        return True
    kind = _unit_type(codec, unit[0])
    if codec == "h264":
        return not 1 <= kind <= 12
    # one layer only, and a temporal id, which is written plus one
    return kind > 40 or bool(unit[0] & 1 or unit[1] >> 3) or unit[1] & 7 == 0


def jpeg_wh_px(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG picture, px, from its frame header; `None` where it has none.

    The header is a segment SOF0, SOF1 or SOF2 (ITU-T T.81, B.2.2); every segment but the first tells its length.
    """
    place = 2
    while data[:2] == b"\xff\xd8" and place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] in (0xC0, 0xC1, 0xC2):
            height_px, width_px = (int.from_bytes(data[at : at + 2], "big") for at in (place + 5, place + 7))
            return (width_px, height_px) if width_px and height_px else None
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _unit_type(codec: str, first: int) -> int:
    """Return the unit type in a unit's first byte: five bits in H.264, six in H.265."""
    return first & 0x1F if codec == "h264" else (first >> 1) & 0x3F
