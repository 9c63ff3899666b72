"""Live playlists: what a camera has recorded in the last half minute, fragment by fragment, as it comes to disk.

For players that cannot take a tap. The list is the camera's, whoever asks: pieces keep their numbers. They are
fragments of the file that is being written, so that a player is a few seconds behind and not a few segments.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from apps.gateway.media.archive import Archive
from apps.gateway.media.fragments import FilePiece, pieces_of
from apps.gateway.media.playlists import Piece, Playlist
from apps.gateway.media.recordings import Recordings
from apps.gateway.media.replay import end_of, joined, recording_uri
from catalog.access import Access
from catalog.errors import FootageGap, FootageMissing, NotFound, UnreadableFootage
from catalog.spans import Span, from_us, iso, to_us

WINDOW_S = 30.0
"""How much a list holds, seconds: players begin three target durations before its end."""

LEAST_PIECE_S = 1.0
"""Fragments are put together until they last so long, seconds: some cameras send key frames five times a second."""

USUAL_TARGET_S = 3
"""Target duration, seconds: the recorder writes a fragment at least every two."""

REFRESH_S = 0.4
"""The disk is not looked at more often than so, seconds, however many ask."""

STALE_S = 30.0
"""A list that got nothing for so long is of a camera that is not recorded, seconds."""

FORGET_S = 60.0
"""A list that nobody asked for so long is begun anew, seconds."""


class LiveList:
    """The live playlist of one camera; threads may share it."""

    def __init__(self, camera_id: str, archive: Archive, recordings: Recordings, now: datetime) -> None:
        self._camera_id, self._archive, self._recordings = camera_id, archive, recordings
        self._pieces: deque[Piece] = deque()
        # Numbers go on rising when the gateway is started again: pieces come more slowly than tenths of a second,
        # and files than seconds. Players keep the second number in 32 bits.
        self._number, self._breaks = to_us(now) // 100_000, to_us(now) // 1_000_000
        self._target_s = USUAL_TARGET_S
        self._file: tuple[int, int] | None = None
        """The file that is being taken in: its start, µs since 1970 UTC, and its bytes so far."""
        self._guard = threading.Lock()
        self._refreshed_s = self.asked_s = -math.inf

    def text(self, access: Access, now: datetime) -> str:
        """Return the list as it is now.

        Raises
        ------
        FootageGap
            When the camera is not being recorded; the message says until when it was.
        """
        with self._guard:
            self.asked_s = time.monotonic()
            if self.asked_s - self._refreshed_s >= REFRESH_S:
                self._refresh(access, now)
                self._refreshed_s = time.monotonic()
            if not self._pieces or (now - end_of(self._pieces[-1])).total_seconds() > STALE_S:
                self._archive.at(access, self._camera_id, now)  # names the nearest
                raise FootageGap(f"camera {self._camera_id!r} is not being recorded at {iso(now)}")
            return Playlist(
                tuple(self._pieces), ended=False, number=self._number, breaks_before=self._breaks,
                least_target_s=self._target_s,
            ).text()  # fmt: skip

    def _refresh(self, access: Access, now: datetime) -> None:
        if self._file is None:
            since = Span(now - timedelta(seconds=WINDOW_S), now)
            for segment in self._archive.between(access, self._camera_id, since):
                self._take_kept(access, to_us(segment.span.start_at))
        elif self._recordings.begun_at(self._camera_id, self._file[0]) is None:
            self._take_kept(access, self._file[0])
        for recording in self._recordings.of(self._camera_id):
            if self._file is None or recording.start_us >= self._file[0]:
                with suppress(FootageMissing, UnreadableFootage):
                    head_bytes, fragments = self._recordings.fragments(recording)
                    closed = recording.note.segment is not None
                    self._take(recording.start_us, head_bytes, fragments, whole=closed)
        self._trim()

    def _take_kept(self, access: Access, start_us: int) -> None:
        """Take in the rest of a file that is in the catalog now."""
        with suppress(NotFound, UnreadableFootage):
            segment = self._archive.at(access, self._camera_id, from_us(start_us))
            if to_us(segment.span.start_at) == start_us:
                self._take(start_us, *self._archive.read(segment, pieces_of), whole=True)

    def _take(self, start_us: int, head_bytes: int, fragments: list[FilePiece], *, whole: bool) -> None:
        """Take in the fragments of a file that are new; those that make no piece yet wait, unless it is whole."""
        taken = self._file[1] if self._file is not None and self._file[0] == start_us else 0
        waiting: list[FilePiece] = []
        for fragment in fragments:
            if fragment.first_byte < taken:
                continue
            waiting.append(fragment)
            if fragment.start_s + fragment.duration_s - waiting[0].start_s >= LEAST_PIECE_S:
                taken = self._add(start_us, head_bytes, waiting)
                waiting = []
        if waiting and whole:
            taken = self._add(start_us, head_bytes, waiting)
        self._file = start_us, taken

    def _add(self, start_us: int, head_bytes: int, fragments: list[FilePiece]) -> int:
        piece = joined(recording_uri(self._camera_id, start_us), head_bytes, fragments, from_us(start_us))
        assert piece is not None  # there is at least one fragment
        self._pieces.append(piece)
        self._target_s = max(self._target_s, math.floor(piece.duration_s + 0.5))
        return fragments[-1].end_byte

    def _trim(self) -> None:
        """Leave out what is older than the window; at least three target durations stay."""
        kept_s = max(WINDOW_S, 3.0 * self._target_s)
        while self._pieces and (end_of(self._pieces[-1]) - end_of(self._pieces[0])).total_seconds() > kept_s:
            self._pieces.popleft()
            self._number += 1
            # the break before what is first now is not written down any more
            self._breaks += bool(self._pieces and self._pieces[0].breaks)


class LiveLists:
    """The live playlists that are asked for now; threads may share it."""

    def __init__(self, archive: Archive, recordings: Recordings, clock: Callable[[], datetime]) -> None:
        self._archive, self._recordings, self._clock = archive, recordings, clock
        self._lists: dict[str, LiveList] = {}
        self._guard = threading.Lock()

    def text(self, access: Access, camera_id: str) -> str:
        """Return a camera's list; raises as `LiveList.text`."""
        now = self._clock()
        with self._guard:
            for name, one in list(self._lists.items()):
                if time.monotonic() - one.asked_s > FORGET_S and one.asked_s > 0:
                    del self._lists[name]
            found = self._lists.get(camera_id)
            if found is None:
                found = self._lists[camera_id] = LiveList(camera_id, self._archive, self._recordings, now)
        return found.text(access, now)
