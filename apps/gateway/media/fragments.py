"""The fragments of our own mp4 files, one by one: where each lies, when it begins, how long it is shown."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from apps.gateway.media.boxes import boxes_along, children, top_boxes
from catalog.errors import UnreadableFootage

MOST_MOOF_BYTES = 1 << 20
"""What says where the frames of one fragment lie is no longer than this, bytes."""

# Flags of `tfhd` (14496-12, 8.8.7) and `trun` (8.8.8): which fields are there, and how long each is.
BASE_OFFSET, DESCRIPTION, DEFAULT_DURATION = (0x1, 8), (0x2, 4), 0x8
DATA_OFFSET, FIRST_FLAGS = (0x1, 4), (0x4, 4)
SAMPLE_DURATION, SAMPLE_FIELDS = 0x100, (0x100, 0x200, 0x400, 0x800)


@dataclass(frozen=True)
class FilePiece:
    """One fragment of a file."""

    first_byte: int
    end_byte: int
    start_s: Fraction
    """When it begins, seconds after the file's first fragment."""
    duration_s: Fraction
    """How long it is shown, seconds."""


def pieces_of(descriptor: int, size_bytes: int) -> tuple[int, list[FilePiece]]:
    """Return the length of a file's head, and its whole fragments.

    Raises
    ------
    UnreadableFootage
        When it is not laid out in fragments of one track.
    """
    head_bytes, pieces, origin, scale = 0, list[FilePiece](), 0, 0
    begun: tuple[int, int, int] | None = None
    for kind, start, end in top_boxes(descriptor, size_bytes):
        if kind == b"moof":
            if not head_bytes:
                head_bytes, scale = start, timescale(os.pread(descriptor, start, 0))
            begun = (start, *_times(os.pread(descriptor, min(end - start, MOST_MOOF_BYTES), start)))
        elif kind == b"mdat" and begun is not None:
            first_byte, decoded, duration = begun
            origin = origin if pieces else decoded
            pieces.append(FilePiece(first_byte, end, Fraction(decoded - origin, scale), Fraction(duration, scale)))
            begun = None
    return head_bytes, pieces


def timescale(head: bytes) -> int:
    """Return the ticks a second of the track that a head describes."""
    for _, body in boxes_along(head, (b"moov", b"trak", b"mdia", b"mdhd")):
        place = 20 if body[:1] == b"\1" else 12
        if len(body) >= place + 4:
            (ticks,) = struct.unpack_from(">I", body, place)
            if ticks:
                return int(ticks)
    raise UnreadableFootage("its head does not say how many ticks a second has")


def _times(moof: bytes) -> tuple[int, int]:
    """Return when a fragment is decoded and how long it is shown, ticks."""
    for _, traf in boxes_along(moof, (b"moof", b"traf")):
        parts = list(children(traf))
        head, clock = (next((body for name, body in parts if name == kind), b"") for kind in (b"tfhd", b"tfdt"))
        runs = [body for name, body in parts if name == b"trun"]
        if len(head) < 8 or len(clock) < 12 - 4 * (clock[:1] == b"\0") or any(len(run) < 8 for run in runs):
            break
        (decoded,) = struct.unpack_from(">Q" if clock[0] else ">I", clock, 4)
        return int(decoded), sum(ticks for run in runs for ticks in _durations(run, _usual(head)))
    raise UnreadableFootage("a fragment of it does not say when it is shown")


def _usual(tfhd: bytes) -> int:
    """Return how long a frame is that does not say so itself, ticks."""
    (flags,) = struct.unpack_from(">I", tfhd)
    place = 8 + sum(length for flag, length in (BASE_OFFSET, DESCRIPTION) if flags & flag)
    return int(struct.unpack_from(">I", tfhd, place)[0]) if flags & DEFAULT_DURATION else 0


def _durations(trun: bytes, usual: int) -> Iterator[int]:
    flags, count = struct.unpack_from(">II", trun)
    place = 8 + sum(length for flag, length in (DATA_OFFSET, FIRST_FLAGS) if flags & flag)
    step = 4 * sum(1 for flag in SAMPLE_FIELDS if flags & flag)
    if not flags & SAMPLE_DURATION:
        yield count * usual
        return
    for number in range(count):
        if place + number * step + 4 > len(trun):
            raise UnreadableFootage("a fragment of it breaks off")
        yield int(struct.unpack_from(">I", trun, place + number * step)[0])
