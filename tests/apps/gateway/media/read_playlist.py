"""Read a playlist as a player does."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import av
import numpy as np

from catalog.spans import parse_instant
from tests.apps.gateway.media.made_media import Gateway
from tests.synthetic import read_number


@dataclass(frozen=True)
class ReadPiece:
    number: int
    uri: str
    head: tuple[int, int]
    """First byte and length of the map."""
    first_byte: int
    size_bytes: int
    start_at: datetime
    duration_s: float
    breaks: int
    """Discontinuities up to it."""

    @property
    def end_at(self) -> datetime:
        return self.start_at + timedelta(seconds=self.duration_s)


@dataclass
class ReadPlaylist:
    target_s: int
    ended: bool
    pieces: list[ReadPiece] = field(default_factory=list)
    gaps: list[dict[str, str]] = field(default_factory=list)
    begin_s: float = 0.0


def read_playlist(text: str) -> ReadPlaylist:
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U"
    tags = {line.partition(":")[0]: line.partition(":")[2] for line in lines if line.startswith("#EXT")}
    found = ReadPlaylist(int(tags["#EXT-X-TARGETDURATION"]), "#EXT-X-ENDLIST" in tags)
    number, breaks = int(tags["#EXT-X-MEDIA-SEQUENCE"]), int(tags.get("#EXT-X-DISCONTINUITY-SEQUENCE", 0))
    said: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name == "#EXT-X-DISCONTINUITY":
            breaks += 1
        elif name == "#EXT-X-DATERANGE":
            found.gaps.append(dict(re.findall(r'([A-Z-]+)="([^"]*)"', value)))
        elif name == "#EXT-X-START":
            found.begin_s = float(value.split(",")[0].removeprefix("TIME-OFFSET="))
        elif not line.startswith("#"):
            found.pieces.append(_piece(number, line, said, breaks))
            number += 1
        said[name] = value
    return found


def _piece(number: int, uri: str, said: dict[str, str], breaks: int) -> ReadPiece:
    head = re.fullmatch(r'URI="([^"]*)",BYTERANGE="(\d+)@(\d+)"', said["#EXT-X-MAP"])
    assert head is not None
    assert head[1] == uri
    size_bytes, first_byte = said["#EXT-X-BYTERANGE"].split("@")
    return ReadPiece(
        number, uri, (int(head[3]), int(head[2])), int(first_byte), int(size_bytes),
        parse_instant(said["#EXT-X-PROGRAM-DATE-TIME"]), float(said["#EXTINF"].rstrip(",")), breaks,
    )  # fmt: skip


def frames_of(gateway: Gateway, piece: ReadPiece, name: str = "ann") -> list[int | None]:
    """Return the numbers burnt into a piece's frames, taken as a player takes them: its map, then its bytes."""
    content = b""
    for first, size in (piece.head, (piece.first_byte, piece.size_bytes)):
        answer = gateway.get(piece.uri, name, headers={"Range": f"bytes={first}-{first + size - 1}"})
        assert (answer.status_code, len(answer.content)) == (206, size)
        content += answer.content
    with av.open(io.BytesIO(content)) as played:
        return [read_number(np.asarray(frame.to_ndarray(format="rgb24"))) for frame in played.decode(video=0)]
