"""Files that are being written: what of a camera is on disk, and not in the catalog yet.

The newest ten seconds of a camera lie in such a file. Its whole fragments can be read while the rest is written,
and what of it is read stays as it is when the segment is closed: the file only grows.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, cast

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from apps.gateway.media.fragments import FilePiece, pieces_of
from catalog.errors import FootageGap, FootageMissing, UnreadableFootage
from catalog.home import Home
from catalog.spans import from_us, iso, to_us
from workbench.feeds.unfinished import PREFIX, Note, read_note
from workbench.media.decode import Picture, picture_of
from workbench.media.opening import open_video, video_stream
from workbench.media.sound_frames import SoundFrames

LOOK_AGAIN_S = 0.5
"""A folder is not looked through more often than so, seconds."""

GROWS_S = 5.0
"""A recording that got nothing for so long is written no more, seconds: fragments come every two."""

NOTE = ".json"

VideoPacket: TypeAlias = "Packet[VideoStream]"


@dataclass(frozen=True)
class Recording:
    """A segment that the catalog does not hold yet."""

    note: Note
    path: Path

    @property
    def start_us(self) -> int:
        """Instant of its first frame, µs since 1970 UTC."""
        return self.note.start_us


@dataclass(frozen=True)
class Shot:
    """Where a picture is in a recording."""

    recording: Recording
    pts: int
    """Its address there, ticks: the same as in the segment that the recording becomes."""
    seen_at: datetime
    exact: bool
    """False where a later picture may stand at the instant asked for: it is not on disk yet."""


class OpenRecording:
    """A recording's frames, as far as they are whole on disk now.

    Raises
    ------
    UnreadableFootage, FootageMissing
        When nothing of it can be read, or it was closed and renamed meanwhile.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        try:
            self._container = open_video(recording.path)
        except UnreadableFootage:
            if not recording.path.is_file():
                raise FootageMissing(f"{recording.path.name} was closed this moment; ask again") from None
            raise
        stream = cast(VideoStream, video_stream(self._container))
        stream.codec_context.thread_count = 1
        self._time_base = stream.time_base
        self._sound = SoundFrames(list(_whole(self._container.demux(stream))), stream.codec_context)

    def __enter__(self) -> OpenRecording:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def seen_at(self) -> NDArray[np.int64]:
        """(N,) instants of its frames, µs since 1970 UTC, rising."""
        pts = self._sound.table.pts
        if not len(pts):
            return pts
        since = (pts - pts[0]) * (float(self._time_base or 0) * 1_000_000)
        instants: NDArray[np.int64] = self.recording.start_us + np.rint(since).astype(np.int64)
        return instants

    def shot(self, instant_us: int | None) -> Shot | None:
        """Return the picture that stands at an instant, the last one at or before it; the newest for `None`."""
        seen_at = self.seen_at
        if not len(seen_at):
            return None
        row = len(seen_at) - 1
        if instant_us is not None:
            row = int(np.searchsorted(seen_at, instant_us, side="right")) - 1
        if row < 0:
            return None
        frame_us = int(np.median(np.diff(seen_at))) if len(seen_at) > 1 else 0
        late = instant_us is not None and row == len(seen_at) - 1 and instant_us - seen_at[row] > frame_us
        return Shot(self.recording, int(self._sound.table.pts[row]), from_us(int(seen_at[row])), exact=not late)

    def picture(self, pts: int) -> Picture | None:
        """Return the picture at an address: (H, W, 3) in native size; `None` where there is no sound one."""
        row = self._sound.table.row_of(pts)
        for _, frame in self._sound.frames(np.array([] if row is None else [row], np.intp)):
            return picture_of(frame, (frame.width, frame.height))
        return None


def picture_of_shot(shot: Shot) -> Picture:
    """Return the picture of a shot: (H, W, 3) in native size.

    Raises
    ------
    FootageGap
        When it cannot be decoded without damage.
    FootageMissing
        When the recording was closed meanwhile.
    """
    with OpenRecording(shot.recording) as opened:
        picture = opened.picture(shot.pts)
    if picture is None:
        camera_id, instant = shot.recording.note.camera_id, iso(shot.seen_at)
        raise FootageGap(
            f"{camera_id!r} at {instant}: the picture cannot be decoded without damage; ask for another"
        )
    return picture


def _whole(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    """Yield packets up to where the file breaks off."""
    with suppress(av.FFmpegError, OSError):
        for packet in packets:
            if packet.is_corrupt:
                return
            if packet.size and packet.pts is not None:
                yield packet


class Recordings:
    """What of the cameras is on disk and not in the catalog; threads may share it.

    Only the folder tells what is being recorded, and it may hold a quarter of a million segments: it is looked
    through when the recording known last is written no more.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, tuple[float, tuple[int, ...]]] = {}
        """By camera: when its folder was looked through, on the steady clock, and the starts of what was found."""
        self._guard = threading.Lock()

    def of(self, camera_id: str) -> list[Recording]:
        """Return what of a camera is on disk and not in the catalog, in order of time."""
        with self._guard:
            looked_s, starts = self._known.get(camera_id, (-math.inf, ()))
        found = self._begun(camera_id, starts)
        if (found and _growing(found[-1])) or time.monotonic() - looked_s < LOOK_AGAIN_S:
            return found
        starts = self._look(camera_id)
        with self._guard:
            self._known[camera_id] = time.monotonic(), starts
        return self._begun(camera_id, starts)

    def begun_at(self, camera_id: str, start_us: int) -> Recording | None:
        """Return the recording that began at an instant; `None` where the catalog has it, or there was none.

        Parameters
        ----------
        start_us
            µs since 1970 UTC.
        """
        folder = self._home.footage_dir / camera_id
        with suppress(UnreadableFootage):
            note = read_note(folder / f"{PREFIX}{start_us}.json")
            part = folder / note.part_name
            closed = note.segment is not None and not part.is_file()
            path = self._home.footage_path(note.segment.uri) if closed and note.segment else part
            return Recording(note, path) if path.is_file() else None
        return None

    def fragments(self, recording: Recording) -> tuple[int, list[FilePiece]]:
        """Return the length of a recording's head, and the fragments that are whole on disk.

        Raises
        ------
        FootageMissing
            When it was closed and renamed meanwhile.
        UnreadableFootage
            When it is no fragmented mp4.
        """
        descriptor = opened_file(recording)
        try:
            return pieces_of(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    def standing(self, camera_id: str, instant: datetime, *, late_s: float) -> Shot:
        """Return the picture that stands at an instant.

        Parameters
        ----------
        late_s
            How much earlier the picture may be, seconds: the newest frames of a recording are still in its writer's
            memory.

        Raises
        ------
        FootageGap
            When there is no such picture; the message names the newest one.
        """
        asked = f"no footage from {camera_id!r} at {iso(instant)}"
        shot = self._shot(camera_id, to_us(instant))
        if shot is None:
            raise FootageGap(f"{asked}, and nothing of then is being recorded")
        away_s = (instant - shot.seen_at).total_seconds()
        if not shot.exact and away_s > late_s:
            raise FootageGap(
                f"{asked}; the newest picture on disk is from {iso(shot.seen_at)}, {away_s:.1f} s earlier"
            )
        return shot

    def newest(self, camera_id: str) -> Shot | None:
        """Return the newest picture that is on disk and not in the catalog; `None` where there is none."""
        return self._shot(camera_id, None)

    def _shot(self, camera_id: str, until_us: int | None) -> Shot | None:
        for recording in reversed(self.of(camera_id)):
            if until_us is None or recording.start_us <= until_us:
                with suppress(UnreadableFootage, FootageMissing), OpenRecording(recording) as opened:
                    shot = opened.shot(until_us)
                    if shot is not None:
                        return shot
        return None

    def _begun(self, camera_id: str, starts: Iterable[int]) -> list[Recording]:
        found = (self.begun_at(camera_id, start_us) for start_us in starts)
        return [one for one in found if one is not None]

    def _look(self, camera_id: str) -> tuple[int, ...]:
        starts = []
        with suppress(FileNotFoundError), os.scandir(self._home.footage_dir / camera_id) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(PREFIX) and name.endswith(NOTE):
                    with suppress(ValueError):
                        starts.append(int(name[len(PREFIX) : -len(NOTE)]))
        return tuple(sorted(starts))


def opened_file(recording: Recording) -> int:
    """Return a recording's file as a descriptor to be closed.

    Raises
    ------
    FootageMissing
        When it was closed and renamed meanwhile.
    """
    try:
        return os.open(recording.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        begun = iso(from_us(recording.start_us))
        raise FootageMissing(
            f"the recording of {recording.note.camera_id!r} from {begun} was closed this moment; ask again"
        ) from error


def _growing(recording: Recording) -> bool:
    """Tell whether a file is being written now."""
    if recording.note.segment is not None:
        return False
    with suppress(OSError):
        # The writer's clock is this machine's, and so is the file system's.
        return time.time() - recording.path.stat().st_mtime < GROWS_S  # noqa: TID251
    return False
