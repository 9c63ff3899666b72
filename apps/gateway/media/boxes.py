"""The boxes of our own mp4 files (ISO/IEC 14496-12): where the head ends, where pictures end, which codec it is."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.errors import UnreadableFootage

BOX_HEAD_BYTES = 8
"""Length and kind, four bytes each."""

LONG_LENGTH, TO_THE_END = 1, 0
"""Lengths that say: it stands in eight bytes after the kind; the box goes on to the end of the file."""

MOST_HEAD_BYTES = 65_536
"""A head is no longer than this, bytes: it holds how to decode, and no pictures."""

MOST_BOXES = 100_000
"""No segment has more boxes at its top."""

SAMPLE_ENTRY_BYTES = 78
"""What stands in a sample entry of video before its own boxes, bytes (14496-12, 12.1.3)."""

AVC_ENTRIES = (b"avc1", b"avc3")
"""Sample entries of H.264 (14496-15), which every browser plays."""


@dataclass(frozen=True)
class Layout:
    """Where things lie in a self-contained fragmented mp4 file."""

    head_bytes: int
    """Length of what says how to decode; the pictures follow."""
    media_end: int
    """First byte after the last whole fragment."""

    @property
    def media_bytes(self) -> int:
        """Length of all whole fragments."""
        return self.media_end - self.head_bytes


def layout_of(descriptor: int, size_bytes: int) -> Layout:
    """Return the layout of an open file; one that is still being written ends with its last whole fragment.

    Raises
    ------
    UnreadableFootage
        When it is not laid out in fragments.
    """
    head_bytes = media_end = 0
    for kind, start, end in top_boxes(descriptor, size_bytes):
        if kind == b"moof":
            head_bytes = head_bytes or start
        elif kind == b"mdat" and head_bytes:
            media_end = end
        elif kind == b"mdat":
            raise UnreadableFootage("its pictures lie in one piece, not in fragments; index its source again")
    if not head_bytes:
        raise UnreadableFootage("it holds no whole fragment")
    if head_bytes > MOST_HEAD_BYTES:
        raise UnreadableFootage(f"its head is {head_bytes} bytes long, which is no head")
    return Layout(head_bytes, max(media_end, head_bytes))


def top_boxes(descriptor: int, size_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of a file's whole boxes."""
    start = 0
    for _ in range(MOST_BOXES):
        head = os.pread(descriptor, 2 * BOX_HEAD_BYTES, start)
        if len(head) < BOX_HEAD_BYTES:
            return
        length, kind = struct.unpack_from(">I4s", head)
        if length == LONG_LENGTH and len(head) == 2 * BOX_HEAD_BYTES:
            (length,) = struct.unpack_from(">Q", head, BOX_HEAD_BYTES)
        if length < BOX_HEAD_BYTES or start + length > size_bytes:
            return
        yield kind, start, start + length
        start += length


@dataclass(frozen=True)
class Codec:
    """Which codec a head tells of."""

    entry: str
    """Name of its sample entry, e.g. `avc1` or `hvc1`."""
    mime: str | None
    """What a browser is asked whether it plays it; `None` where none of ours does."""


def codec_of(head: bytes) -> Codec:
    """Return which codec the pictures after this head are in.

    Raises
    ------
    UnreadableFootage
        When the head does not say.
    """
    for kind, entry in boxes_along(head, (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")):
        for name, body in children(entry[8:] if kind == b"stsd" else b""):
            if name not in AVC_ENTRIES:
                return Codec(name.decode("ascii", "replace"), None)
            for own, settings in children(body[SAMPLE_ENTRY_BYTES:]):
                if own == b"avcC" and len(settings) >= 4:
                    # profile, its constraints and level: RFC 6381, 3.3
                    return Codec(name.decode(), f'video/mp4; codecs="{name.decode()}.{settings[1:4].hex()}"')
    raise UnreadableFootage(f"a head of {len(head)} bytes does not say which codec follows")


def boxes_along(data: bytes, path: tuple[bytes, ...]) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes that lie along a path of kinds."""
    for kind, body in children(data):
        if kind == path[0]:
            if len(path) == 1:
                yield kind, body
            else:
                yield from boxes_along(body, path[1:])


def children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes that lie one after the other."""
    start = 0
    while start + BOX_HEAD_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        if length < BOX_HEAD_BYTES or start + length > len(data):
            return
        yield kind, data[start + BOX_HEAD_BYTES : start + length]
        start += length
