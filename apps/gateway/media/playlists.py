"""HLS playlists (RFC 8216) over recorded files: text only, made from where the pieces lie.

Every recorded file is complete by itself: its head is the map, its fragments are one byte range. Files begin their
own clock anew, so a discontinuity stands between them, and each piece says at what instant it was seen. A gap is
never bridged: it is named as a date range, and the pieces after it say when they are from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.spans import Span

VERSION = 7
"""Maps for files that are no transport streams came with version 6; fragmented mp4 with 7."""

CONTENT_TYPE = "application/vnd.apple.mpegurl"


@dataclass(frozen=True)
class Piece:
    """A stretch of one file."""

    uri: str
    head_bytes: int
    """Length of the file's head, which says how to decode."""
    first_byte: int
    size_bytes: int
    start_at: datetime
    """Instant of its first frame."""
    duration_s: float
    breaks: bool = True
    """True where its clock does not go on from the piece before."""


@dataclass(frozen=True)
class Missing:
    """A stretch without footage, and why."""

    span: Span
    reason: str


@dataclass(frozen=True)
class Playlist:
    """What is to be played."""

    pieces: Sequence[Piece]
    missing: Sequence[Missing] = ()
    begin_s: float = 0.0
    """Where playing begins, seconds after the first piece's start."""
    ended: bool = True
    """False where more pieces will come."""
    number: int = 0
    """Number of the first piece among all that ever were in it."""
    breaks_before: int = 0
    """Discontinuities among the pieces that are not in it any more."""
    least_target_s: int = 1
    """Least target duration, seconds: it may not change while a list is live."""

    @property
    def target_s(self) -> int:
        """Longest duration of a piece, seconds, rounded as the standard wants it."""
        return max(self.least_target_s, *(math.floor(piece.duration_s + 0.5) for piece in self.pieces))

    def text(self) -> str:
        """Return it as a file."""
        lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{self.target_s}"]
        if self.ended:
            # every file begins with a key frame; pieces of one that is being written need not
            lines += ["#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-INDEPENDENT-SEGMENTS"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{self.number}")
        if not self.ended:
            lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.breaks_before}")
        if self.begin_s > 0:
            lines.append(f"#EXT-X-START:TIME-OFFSET={self.begin_s:.3f},PRECISE=YES")
        lines += _pieces(self.pieces)
        lines += [_range(number, one) for number, one in enumerate(self.missing)]
        if self.ended:
            lines.append("#EXT-X-ENDLIST")
        return "\n".join([*lines, ""])


def _pieces(pieces: Iterable[Piece]) -> list[str]:
    lines: list[str] = []
    mapped = ""
    for place, piece in enumerate(pieces):
        if piece.breaks and place:
            lines.append("#EXT-X-DISCONTINUITY")
        head = f'#EXT-X-MAP:URI="{piece.uri}",BYTERANGE="{piece.head_bytes}@0"'
        if head != mapped:
            lines.append(head)
            mapped = head
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{instant(piece.start_at)}",
            f"#EXTINF:{piece.duration_s:.6f},",
            f"#EXT-X-BYTERANGE:{piece.size_bytes}@{piece.first_byte}",
            piece.uri,
        ]
    return lines


def _range(number: int, missing: Missing) -> str:
    said = missing.reason.replace('"', "'").replace("\n", " ").replace("\r", " ")
    end_at = f',END-DATE="{instant(missing.span.end_at)}"' if missing.span.end_at else ""
    start_at = instant(missing.span.start_at)
    return (
        f'#EXT-X-DATERANGE:ID="gap-{number}",CLASS="org.rtcc.gap",START-DATE="{start_at}"{end_at},X-REASON="{said}"'
    )


def instant(at: datetime) -> str:
    """Return an instant to the millisecond, as players read it."""
    at = at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
