"""Replays: what a camera recorded in a span, as a playlist that ends, up to the newest fragment on disk.

Playlists of several cameras tell the same clock, instant by instant, so players that are given the same span can be
kept together.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from apps.gateway.media.archive import Archive
from apps.gateway.media.fragments import FilePiece
from apps.gateway.media.playlists import Missing, Piece, Playlist
from apps.gateway.media.recordings import Recordings
from catalog.access import Access
from catalog.errors import BadInput, FootageGap, FootageMissing, UnreadableFootage
from catalog.footage import Segment
from catalog.spans import Span, from_us, iso

LONGEST = timedelta(minutes=15)
"""Longest span of a replay; longer stretches are for casework."""

SEAM = timedelta(milliseconds=250)
"""Pieces that lie no further apart than this have no gap between them that is told: cameras lose a frame or two."""


def segment_uri(segment_id: str) -> str:
    """Return where a segment is to be had."""
    return f"/v1/segments/{segment_id}.mp4"


def recording_uri(camera_id: str, start_us: int) -> str:
    """Return where the file of a camera that began at an instant is to be had, in the catalog or not yet."""
    return f"/v1/cameras/{camera_id}/recordings/{start_us}.mp4"


def replay_span(span: Span) -> Span:
    """Return the span of a replay.

    Raises
    ------
    BadInput
        When it has no length, or is too long.
    """
    if span.end_at is None or not timedelta() < span.end_at - span.start_at <= LONGEST:
        raise BadInput(
            f"a replay from {iso(span.start_at)} to {iso(span.end_at)} will not do; ask for up to "
            f"{LONGEST.total_seconds() / 60:.0f} minutes, or cut a clip"
        )
    return span


class Replays:
    """Playlists over what is kept, and over what is being written now; call in a thread."""

    def __init__(self, archive: Archive, recordings: Recordings) -> None:
        self._archive, self._recordings = archive, recordings

    def playlist(self, access: Access, camera_id: str, span: Span) -> str:
        """Return what a camera recorded in a span, as a playlist that ends.

        Raises
        ------
        FootageGap
            When there is nothing; the message names the nearest.
        NotPermitted
            When the span is closed to the asker.
        """
        # Asked first: a closed camera is to be called closed, not empty.
        self._archive.permit(access, camera_id, span)
        pieces: list[Piece] = []
        missing: list[Missing] = []
        for segment in self._archive.between(access, camera_id, span):
            try:
                pieces.append(self._kept(segment))
            except (FootageMissing, UnreadableFootage) as error:
                missing.append(Missing(segment.span, str(error)))
        pieces += self._unkept(camera_id, span, pieces)
        if not pieces:
            self._archive.at(access, camera_id, span.start_at)  # names the nearest
            raise FootageGap(f"the footage of {camera_id!r} from {iso(span.start_at)} on cannot be played")
        begin_s = (span.start_at - pieces[0].start_at).total_seconds()
        return Playlist(pieces, [*missing, *holes(pieces, span)], begin_s).text()

    def _kept(self, segment: Segment) -> Piece:
        layout = self._archive.layout(segment)
        return Piece(
            segment_uri(segment.segment_id), layout.head_bytes, layout.head_bytes, layout.media_bytes,
            segment.span.start_at, segment.span.duration_s or 0.0,
        )  # fmt: skip

    def _unkept(self, camera_id: str, span: Span, kept: list[Piece]) -> list[Piece]:
        """Return what is on disk and not in the catalog yet, one piece a file."""
        reached_at = end_of(kept[-1]) if kept else span.start_at - LONGEST
        found = []
        for recording in self._recordings.of(camera_id):
            with suppress(FootageMissing, UnreadableFootage):
                head_bytes, fragments = self._recordings.fragments(recording)
                uri, file_at = recording_uri(camera_id, recording.start_us), from_us(recording.start_us)
                piece = joined(uri, head_bytes, fragments, file_at)
                if piece is None or piece.start_at < reached_at - SEAM:
                    continue
                if span.overlaps(Span(piece.start_at, end_of(piece))):
                    found.append(piece)
        return found


def end_of(piece: Piece) -> datetime:
    """Return the instant after a piece."""
    return piece.start_at + timedelta(seconds=piece.duration_s)


def joined(uri: str, head_bytes: int, fragments: Sequence[FilePiece], file_at: datetime) -> Piece | None:
    """Return fragments that follow each other as one piece; `None` of none.

    Parameters
    ----------
    file_at
        Instant of the file's first frame.
    """
    if not fragments:
        return None
    first, last = fragments[0], fragments[-1]
    duration_s = float(last.start_s + last.duration_s - first.start_s)
    return Piece(
        uri, head_bytes, first.first_byte, last.end_byte - first.first_byte,
        file_at + timedelta(seconds=float(first.start_s)), duration_s, breaks=first.start_s == 0,
    )  # fmt: skip


def holes(pieces: Sequence[Piece], span: Span) -> list[Missing]:
    """Return the stretches of a span that no piece shows."""
    found = []
    reached_at = span.start_at
    for piece in pieces:
        if piece.start_at - reached_at > SEAM:
            found.append(Missing(Span(reached_at, piece.start_at), "no footage"))
        reached_at = max(reached_at, end_of(piece))
    if span.end_at is not None and span.end_at - reached_at > SEAM:
        found.append(Missing(Span(reached_at, span.end_at), "no footage"))
    return found
