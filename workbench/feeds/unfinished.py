"""Segments that a process left behind when it died: found by the notes beside them, and kept after all.

A note is a small JSON file `.live-START.json` beside the part file `.live-START.part`. It is written before the
first packet, changed when the segment is closed, and removed when the catalog holds the segment. So whatever moment
a process dies in, the footage it had written is there and says what it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from catalog.errors import RtccError, UnreadableFootage
from catalog.footage import Clock, Segment
from catalog.records import record_of, row_of
from catalog.spans import Span, from_us, iso, parse_instant
from workbench.media.opening import open_video, video_stream
from workbench.media.segment_files import copy_packets, finish, keep

PREFIX = ".live-"
"""How notes and part files of recordings begin."""

USUAL_FRAME_US = 40_000
"""Length of a frame that stands alone, µs (25 per second)."""


@dataclass(frozen=True)
class Note:
    """What stands beside a segment until the catalog holds it."""

    camera_id: str
    mounting_id: str
    start_us: int
    """Instant of the first frame, µs since 1970 UTC."""
    clock: Clock
    error_s: float | None
    """How far its instants may be off, ± seconds; `None` if unknown."""
    source_name: str
    segment: Segment | None = None
    """The closed segment; `None` while it is being written."""

    @property
    def part_name(self) -> str:
        """Name of the file while it is written."""
        return f"{PREFIX}{self.start_us}.part"

    @property
    def note_name(self) -> str:
        """Name of the note itself."""
        return f"{PREFIX}{self.start_us}.json"

    def closed_as(self, segment: Segment) -> Note:
        """Return the note for the closed segment."""
        return replace(self, segment=segment)


def final_path(folder: Path, start_us: int, sha256: str) -> Path:
    """Return where a closed segment lies: one name for the same bytes from the same instant on."""
    return folder / f"{from_us(start_us).strftime('%Y%m%dT%H%M%S.%f')}Z_{sha256[:12]}.mp4"


def write_note(folder: Path, note: Note) -> None:
    """Write the note, whole or not at all."""
    document: dict[str, Any] = {**asdict(replace(note, segment=None))}
    if note.segment is not None:
        row = row_of(note.segment)
        row |= {name: iso(row[name]) for name in ("start_at", "end_at")}
        document["segment"] = row
    part = folder / f"{note.note_name}.new"
    try:
        part.write_text(json.dumps(document))
        part.replace(folder / note.note_name)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def forget(folder: Path, note: Note) -> None:
    """Remove a note: the catalog holds its segment, or nothing is to be kept of it."""
    (folder / note.note_name).unlink(missing_ok=True)


def discard(folder: Path, note: Note) -> None:
    """Remove a file that is not to be kept, and its note."""
    (folder / note.part_name).unlink(missing_ok=True)
    forget(folder, note)


def read_note(path: Path) -> Note:
    """Return what a note says.

    Raises
    ------
    UnreadableFootage
        When it cannot be read.
    """
    try:
        document = json.loads(path.read_text())
        row = document.pop("segment", None)
        segment = None
        if row is not None:
            row |= {name: parse_instant(row[name]) for name in ("start_at", "end_at")}
            segment = record_of(Segment, row)
        note = Note(**document, segment=segment)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RtccError) as error:
        raise UnreadableFootage(f"the note {path.name} cannot be read: {error}") from error
    if note.note_name != path.name:
        raise UnreadableFootage(f"the note {path.name} is about {note.part_name}; look who wrote it")
    return note


def take_up(
    folder: Path, home_root: Path, mounting_at: Callable[[int], str]
) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """Finish what a process that died left in a camera's folder; nobody may be writing there.

    Parameters
    ----------
    mounting_at
        Which mounting a segment that begins at an instant (µs since 1970 UTC) belongs to, for a file whose note is
        lost.

    Returns
    -------
    tuple
        Notes, oldest first: of segments that are closed now but may not be in the catalog, and, without a segment,
        of files that the disk had no room to finish, for which `finish_note` is to be tried again. Then what was
        found wrong, in words.
    """
    kept: list[Note] = []
    wrong: list[str] = []
    for leftover in [*folder.glob(f"{PREFIX}*.saved"), *folder.glob(f"{PREFIX}*.new")]:
        leftover.unlink(missing_ok=True)
    for start in sorted({path.stem for end in ("json", "part") for path in folder.glob(f"{PREFIX}*.{end}")}):
        try:
            note = _note_of(folder, start, mounting_at, wrong)
        except RtccError as error:
            wrong.append(f"{start}: {error}")
            continue
        try:
            kept.append(finish_note(folder, home_root, note))
        except (UnreadableFootage, FileNotFoundError) as error:
            wrong.append(f"{note.part_name}: {error}")
            discard(folder, note)
        except OSError as error:
            wrong.append(f"{note.part_name} is kept for later: {error}")
            kept.append(note)
    return tuple(kept), tuple(wrong)


def _note_of(folder: Path, start: str, mounting_at: Callable[[int], str], wrong: list[str]) -> Note:
    """Return the note of this name, or what can be said without it.

    The camera is the folder's, the start is the file's name, and the mounting follows from both. By which clock the
    instants are is not known any more, nor how far off they may be.
    """
    path = folder / f"{start}.json"
    try:
        return read_note(path)
    except UnreadableFootage as error:
        wrong.append(str(error) if path.exists() else f"{start}.part lies there without its note")
    if not (folder / f"{start}.part").exists():
        path.unlink(missing_ok=True)
        raise UnreadableFootage("there is no file to it either")
    try:
        start_us = int(start.removeprefix(PREFIX))
    except ValueError as error:
        raise UnreadableFootage("its name tells no start; it is left where it is") from error
    return Note(folder.name, mounting_at(start_us), start_us, "arrival", None, "")


def finish_note(folder: Path, home_root: Path, note: Note) -> Note:
    """Return the note of the segment, closed now with what of it can be read.

    Raises
    ------
    UnreadableFootage
        When nothing can.
    OSError
        When the disk does not take it, or the file is not there.
    """
    part = folder / note.part_name
    if note.segment is not None:
        final = home_root / note.segment.uri
        if final.exists():
            part.unlink(missing_ok=True)
        else:
            keep(part, final)
        return note
    part.stat()
    fresh = folder / f"{PREFIX}{note.start_us}.saved"
    try:
        _save(part, fresh)
        segment = _as_segment(folder, home_root, note, fresh)
        closed = note.closed_as(segment)
        keep(fresh, home_root / segment.uri)
        write_note(folder, closed)
    finally:
        fresh.unlink(missing_ok=True)
    part.unlink(missing_ok=True)
    return closed


def _save(part: Path, fresh: Path) -> None:
    """Copy what is whole of a file that breaks off."""
    found: list[int] = []
    try:
        with open_video(part) as container:
            stream = cast(VideoStream, video_stream(container))
            copy_packets(_whole(container.demux(stream), found), stream, fresh)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise UnreadableFootage(f"{part.name} cannot be copied: {error.strerror}") from error
    if not found:
        raise UnreadableFootage(f"{part.name} holds no whole frame ({part.stat().st_size} bytes)")


def _whole(
    packets: Iterator[Packet[VideoStream]], found: list[int]
) -> Iterator[tuple[Packet[VideoStream], int, int]]:
    """Yield packets with their time stamps up to where the file breaks off, and note them in `found`."""
    try:
        for packet in packets:
            if packet.is_corrupt:
                return
            if packet.size and packet.pts is not None and packet.dts is not None:
                found.append(packet.pts)
                yield packet, packet.pts, packet.dts
    except (av.FFmpegError, OSError):
        return


def _as_segment(folder: Path, home_root: Path, note: Note, fresh: Path) -> Segment:
    """Return the segment that a saved file is."""
    written = finish(fresh)
    length_us = round((written.last_pts - written.first_pts) * written.time_base * 1_000_000)
    frame_us = round(length_us / max(written.frame_count - 1, 1)) or USUAL_FRAME_US
    final = final_path(folder, note.start_us, written.sha256)
    return Segment(
        Segment.identify(note.camera_id, note.start_us, written.sha256), note.camera_id, note.mounting_id,
        Span(from_us(note.start_us), from_us(note.start_us + length_us + frame_us)), written.first_pts,
        written.time_base, written.frame_count, written.width_px, written.height_px, written.codec, note.clock,
        note.error_s, written.size_bytes, written.sha256, final.relative_to(home_root).as_posix(),
        note.source_name,
    )  # fmt: skip
