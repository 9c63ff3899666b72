"""Coded video as RTP over the connection of RTSP: pictures to packets, packets to bytes, sender reports.

Plain functions without a clock or a socket, so that the well-behaved server and a faulty one send alike.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from aio_rtsp_toolkit.server_media import (
    MediaSourceError,
    MediaSourceLoader,
    MediaTrackInfo,
    split_length_prefixed_nalus,
)

from apps.feeds.timeline import CLOCK_HZ
from catalog.errors import UnreadableFootage
from workbench.media.opening import open_video, video_stream

PAYLOAD_TYPE = 96
MAX_PAYLOAD_BYTES = 1400
"""What cameras put into a packet so that it fits an Ethernet frame, also where it travels in a stream."""
NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""
START_CODE = re.compile(b"\x00\x00\x00?\x01")
H264_FU_A, H265_FU = 28, 49
"""Types of packets that carry a fragment of a NAL unit (RFC 6184, RFC 7798)."""
STAMP_UUID = b"rtcc-feed-stamp."
"""Names our SEI message among those of others: 16 bytes."""


@dataclass(frozen=True)
class Unit:
    """One coded picture, cut into RTP payloads; the last one carries the marker."""

    ticks: int
    """When it is due, 1/90 000 s from the start of the feed."""
    is_key: bool
    payloads: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        """Return the bytes of its payloads, as sender reports count them."""
        return sum(map(len, self.payloads))


@dataclass(frozen=True)
class CodedFeed:
    """A whole feed, ready to send: nothing is read or cut while it plays."""

    track: MediaTrackInfo
    """What the session description says of it."""
    units: tuple[Unit, ...]
    length_ticks: int
    """Until the first picture is due again, 1/90 000 s."""

    @property
    def length_s(self) -> Fraction:
        """Return how long the feed plays until it begins again, seconds."""
        return Fraction(self.length_ticks, CLOCK_HZ)

    def playing(self, ticks: int, *, from_key: bool = True) -> Iterator[tuple[int, Unit]]:
        """Yield (time played, picture) without end, loop after loop.

        Parameters
        ----------
        ticks
            The first picture is due then or later, 1/90 000 s.
        from_key
            Pictures before the first key picture are left out.
        """
        loop, within = divmod(ticks, self.length_ticks)
        index, waiting = bisect_left(self.units, within, key=lambda unit: unit.ticks), from_key
        while True:
            for unit in self.units[index:]:
                waiting = waiting and not unit.is_key
                if not waiting:
                    yield loop * self.length_ticks + unit.ticks, unit
            loop, index = loop + 1, 0


def load_feed(path: Path) -> CodedFeed:
    """Return the video of an mp4, cut into RTP payloads, parameter sets before every key picture.

    Raises
    ------
    UnreadableFootage
        When it holds no H.264 or HEVC, or does not begin with a key picture.
    """
    track = _track(path)
    units: list[Unit] = []
    with open_video(path) as container:
        stream = video_stream(container)
        assert stream is not None
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                ticks = round(packet.pts * packet.time_base * CLOCK_HZ)
                nals = split_length_prefixed_nalus(bytes(packet), track.nal_length_size)
                if packet.is_keyframe:
                    nals = [*_parameter_sets(track), *nals]
                units.append(Unit(ticks, packet.is_keyframe, cut(nals, track.codec_name)))
    if len(units) < 2 or not units[0].is_key:
        raise UnreadableFootage(f"feed {path.name} does not begin with a key picture; prepare it again")
    first, step = units[0].ticks, units[-1].ticks - units[-2].ticks
    units = [replace(unit, ticks=unit.ticks - first) for unit in units]
    return CodedFeed(track, tuple(units), units[-1].ticks + step)


def _track(path: Path) -> MediaTrackInfo:
    try:
        track = MediaSourceLoader("feeds").load(path).tracks[0]
    except (MediaSourceError, av.FFmpegError) as error:
        raise UnreadableFootage(f"feed {path.name} cannot be served: {error}; prepare it again") from error
    if track.media_type != "video" or not track.parameter_sets:
        raise UnreadableFootage(f"feed {path.name} holds no H.264 or HEVC with parameter sets; prepare it again")
    return track


def annex_b_nals(coded: bytes) -> list[bytes]:
    """Return the NAL units of a picture as an encoder gives it, between start codes."""
    return [nal for nal in START_CODE.split(coded) if nal]


def cut(nals: Sequence[bytes], codec: str) -> tuple[bytes, ...]:
    """Return NAL units as RTP payloads, large ones in fragments."""
    return tuple(payload for nal in nals for payload in _fragments(nal, codec))


def stamp(codec: str, camera: int, at_ms: int) -> bytes:
    """Return an SEI unit that names camera and instant; decoders pass over it.

    A real camera never sends the same bytes twice. A file that loops does, and whoever names segments by their
    digest would meet the same name twice: with a stamp before every key picture it cannot happen.
    """
    words = STAMP_UUID + f"{camera} {at_ms}".encode()  # no zero byte, so nothing that looks like a start code
    head = b"\x06" if codec == "h264" else b"\x4e\x01"
    return head + bytes((5, len(words))) + words + b"\x80"


def stamped(unit: Unit, codec: str, camera: int, at_ms: int) -> Unit:
    """Return a key picture with its stamp, which goes behind the parameter sets; others as they are."""
    if not unit.is_key:
        return unit
    sets = sum(_is_parameter_set(payload, codec) for payload in unit.payloads)
    return replace(unit, payloads=(*unit.payloads[:sets], stamp(codec, camera, at_ms), *unit.payloads[sets:]))


def packets(unit: Unit, *, channel: int, sequence: int, ticks: int, ssrc: int) -> bytes:
    """Return a picture's RTP packets as they travel in an RTSP connection, one behind the other."""
    last = len(unit.payloads) - 1
    parts: list[bytes] = []
    for index, payload in enumerate(unit.payloads):
        kind = PAYLOAD_TYPE | (0x80 if index == last else 0)
        header = struct.pack(
            "!cBHBBHII", b"$", channel, 12 + len(payload), 0x80, kind, sequence + index & 0xFFFF,
            ticks & 0xFFFFFFFF, ssrc,
        )  # fmt: skip
        parts += (header, payload)
    return b"".join(parts)


def sender_report(*, channel: int, ssrc: int, at_us: int, ticks: int, packet_count: int, octet_count: int) -> bytes:
    """Return the RTCP message that says which RTP time was which instant (µs since 1970 UTC)."""
    seconds, rest_us = divmod(at_us, 1_000_000)
    fraction = (rest_us << 32) // 1_000_000
    report = struct.pack(
        "!BBHIIIIII", 0x80, 200, 6, ssrc, seconds + NTP_EPOCH_S & 0xFFFFFFFF, fraction, ticks & 0xFFFFFFFF,
        packet_count & 0xFFFFFFFF, octet_count & 0xFFFFFFFF,
    )  # fmt: skip
    return struct.pack("!cBH", b"$", channel, len(report)) + report


def _parameter_sets(track: MediaTrackInfo) -> list[bytes]:
    return [track.parameter_sets[name] for name in ("vps", "sps", "pps") if name in track.parameter_sets]


def _is_parameter_set(payload: bytes, codec: str) -> bool:
    return (payload[0] & 0x1F) in (7, 8) if codec == "h264" else (payload[0] >> 1 & 0x3F) in (32, 33, 34)


def _fragments(nal: bytes, codec: str) -> Iterator[bytes]:
    if len(nal) <= MAX_PAYLOAD_BYTES:
        yield nal
        return
    if codec == "h264":
        head, kind, body = bytes((nal[0] & 0xE0 | H264_FU_A,)), nal[0] & 0x1F, nal[1:]
    else:
        head, kind, body = bytes((nal[0] & 0x81 | H265_FU << 1, nal[1])), nal[0] >> 1 & 0x3F, nal[2:]
    size = MAX_PAYLOAD_BYTES - len(head) - 1
    for start in range(0, len(body), size):
        first, last = start == 0, start + size >= len(body)
        yield head + bytes((kind | first << 7 | last << 6,)) + body[start : start + size]
