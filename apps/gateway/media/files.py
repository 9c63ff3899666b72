"""Files of footage, opened for somebody: permitted, checked, written down, and sent while that stands."""

from __future__ import annotations

import os
from dataclasses import dataclass

from fastapi import Response
from starlette.requests import HTTPConnection

from apps.gateway.media.boxes import layout_of
from apps.gateway.media.desk import Desk
from apps.gateway.media.recordings import Recording, opened_file
from apps.gateway.media.sending import PRIVATE, FileResponse, Leave
from apps.gateway.media.threads import Threads
from apps.gateway.persons import Person
from catalog.errors import FootageGap
from catalog.footage import Segment
from catalog.spans import Span, from_us, iso, to_us


@dataclass
class OpenedFile:
    """A file that may be sent now."""

    descriptor: int
    size_bytes: int
    leave: Leave
    etag: str = ""
    """Digest of its bytes, hex; empty while it is being written."""

    async def answer(
        self, threads: Threads, wanted: str | None, if_range: str | None, if_none_match: str | None
    ) -> Response:
        """Return the file, or the range of it that is wanted, or word that whoever asks has it already."""
        if self.etag and if_none_match is not None and f'"{self.etag}"' in if_none_match:
            os.close(self.descriptor)
            return Response(status_code=304, headers={**PRIVATE, "etag": f'"{self.etag}"'})
        return FileResponse(
            self.descriptor, self.size_bytes, self.leave, threads, range_header=wanted, if_range=if_range,
            etag=self.etag,
        )  # fmt: skip


def opened_segment(desk: Desk, connection: HTTPConnection, person: Person, segment_id: str) -> OpenedFile:
    """Return a segment's file. Blocks.

    Raises
    ------
    NotFound, FootageMissing, FootageChanged
        When there is none that is open to the asker, or it is not what was recorded.
    NotPermitted
        When it may not be opened now.
    """
    return _of_segment(desk, connection, person, desk.archive.segment(person.access, segment_id))


def opened_recording(
    desk: Desk, connection: HTTPConnection, person: Person, camera_id: str, start_us: int
) -> OpenedFile:
    """Return the file that a camera began at an instant, µs since 1970 UTC, written still or not. Blocks.

    Raises
    ------
    FootageGap
        When none began then.
    NotPermitted, FootageMissing, FootageChanged
        As for a segment.
    """
    start_at = from_us(start_us)
    desk.archive.permit(person.access, camera_id, Span(start_at, start_at))
    recording = desk.recordings.begun_at(camera_id, start_us)
    if recording is None:
        segment = desk.archive.at(person.access, camera_id, start_at)
        if to_us(segment.span.start_at) != start_us:
            raise FootageGap(f"no recording of {camera_id!r} began at {iso(start_at)}")
        return _of_segment(desk, connection, person, segment)
    return _of_recording(desk, connection, person, recording)


def _of_segment(desk: Desk, connection: HTTPConnection, person: Person, segment: Segment) -> OpenedFile:
    leave = desk.leave(connection, person, segment.camera_id, segment.span)
    descriptor = desk.archive.open(person.access, "segment", segment, segment.span, once=True)
    return OpenedFile(descriptor, segment.size_bytes, leave, segment.sha256)


def _of_recording(desk: Desk, connection: HTTPConnection, person: Person, recording: Recording) -> OpenedFile:
    """Return what of a recording is whole on disk; it is digested when it is closed."""
    camera_id, start_at = recording.note.camera_id, from_us(recording.start_us)
    leave = desk.leave(connection, person, camera_id, Span(start_at, start_at))
    descriptor = opened_file(recording)
    try:
        size_bytes = layout_of(descriptor, os.fstat(descriptor).st_size).media_end
        desk.archive.record_once(
            person.access, "recording", f"camera_id={camera_id} start_at={iso(start_at)}", recording.start_us
        )
    except BaseException:
        os.close(descriptor)
        raise
    return OpenedFile(descriptor, size_bytes, leave)
