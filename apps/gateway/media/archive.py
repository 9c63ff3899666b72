"""Kept footage as people get it: permitted now, its bytes checked, written down before anything is handed out.

Segments never change, so what is known of them is kept in memory; whether they may be opened never is. Everything
here waits for the keeper, the catalog or the disk: call it in a thread.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from apps.gateway.media.boxes import Layout, layout_of
from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import FootageChanged, FootageGap, FootageMissing, NotFound
from catalog.footage import Segment
from catalog.home import Home
from catalog.reader import Reader
from catalog.records import records_of
from catalog.spans import Span, iso, to_us
from catalog.writes import WriteDoor
from workbench.media.kept import KeptFootage

ReadT = TypeVar("ReadT")

MOST_KNOWN = 20_000
"""Segments that are remembered: two and a half days of one camera, or 15 minutes of 200; about 20 MB."""


AGAIN_S = 30.0
"""Whoever opens the same segment piece by piece is in the audit once in so long, seconds."""

LOCKS = 64
"""So many different openings may be written into the audit side by side."""


class KnownSegments:
    """Segments that were looked up lately, by id and by camera and instant; threads may share it."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._by_id: OrderedDict[str, Segment] = OrderedDict()
        self._starts: dict[str, list[tuple[int, str]]] = {}
        """By camera: start in µs and id, in order."""
        self._guard = threading.Lock()

    def add(self, segments: Iterable[Segment]) -> None:
        """Remember these; those looked up longest ago go where there are too many."""
        with self._guard:
            for segment in segments:
                if segment.segment_id not in self._by_id:
                    insort(self._starts.setdefault(segment.camera_id, []), _place(segment))
                self._by_id[segment.segment_id] = segment
                self._by_id.move_to_end(segment.segment_id)
            while len(self._by_id) > self._most:
                gone = self._by_id.popitem(last=False)[1]
                self._starts[gone.camera_id].remove(_place(gone))

    def find(self, segment_id: str) -> Segment | None:
        """Return the segment with this id."""
        with self._guard:
            return self._by_id.get(segment_id)

    def at(self, camera_id: str, instant: datetime) -> Segment | None:
        """Return the segment of a camera in which an instant lies."""
        with self._guard:
            starts = self._starts.get(camera_id, [])
            place = bisect_right(starts, (to_us(instant), "\U0010ffff")) - 1
            segment = self._by_id[starts[place][1]] if place >= 0 else None
            return segment if segment is not None and segment.span.contains(instant) else None

    def forget(self, segment: Segment) -> None:
        """Forget a segment whose file has gone."""
        with self._guard:
            if self._by_id.pop(segment.segment_id, None) is not None:
                self._starts[segment.camera_id].remove(_place(segment))


def _place(segment: Segment) -> tuple[int, str]:
    return to_us(segment.span.start_at), segment.segment_id


@dataclass(frozen=True)
class Drawn:
    """What is known of a file that was looked at: it is the same as long as these stay the same."""

    inode: int
    size_bytes: int
    changed_ns: int

    @classmethod
    def of(cls, descriptor: int) -> Drawn:
        """Return it of an open file."""
        stat = os.fstat(descriptor)
        return cls(stat.st_ino, stat.st_size, stat.st_ctime_ns)


class Archive:
    """The door to kept footage, for everybody who asks the gateway.

    Parameters
    ----------
    reader_of
        Returns the read door of an access.
    """

    def __init__(self, home: Home, door: WriteDoor, reader_of: Callable[[Access], Reader]) -> None:
        self.home, self._door, self._reader_of = home, door, reader_of
        self.known = KnownSegments()
        self._checked: OrderedDict[str, Drawn] = OrderedDict()
        self._layouts: OrderedDict[str, Layout] = OrderedDict()
        self._written_s: OrderedDict[Hashable, float] = OrderedDict()
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self._guard = threading.Lock()

    def permit(self, access: Access, camera_id: str, span: Span) -> None:
        """Return if this stretch of a camera's footage may be opened now, else raise `NotPermitted`."""
        self._door.permit(access, camera_id, span)

    def record(self, access: Access, use: str, parameters: str, outcome: str = "done") -> None:
        """Put a line into the audit, and wait until it is durable."""
        self._door.record(access, AuditLine("footage", use, parameters, outcome=outcome))

    def segment(self, access: Access, segment_id: str) -> Segment:
        """Return the segment with this id.

        Raises
        ------
        NotFound
            When there is none that is open to the asker.
        """
        found = self.known.find(segment_id)
        if found is None:
            rows = self._reader_of(access).ask("segment_by_id", segment_id=segment_id)
            self.known.add(records_of(Segment, rows))
            found = self.known.find(segment_id) if rows.num_rows else None
        if found is None:
            raise NotFound(
                f"segment {segment_id!r} is not in the catalog, or not open to {access.purpose}; "
                "a playlist names those there are"
            )
        return found

    def at(self, access: Access, camera_id: str, instant: datetime) -> Segment:
        """Return the segment of a camera in which an instant lies.

        Raises
        ------
        FootageGap
            When none does; the message names the nearest.
        """
        found, gap = self.nearest(access, camera_id, instant)
        if gap is not None:
            raise gap
        assert found is not None
        return found

    def nearest(
        self, access: Access, camera_id: str, instant: datetime
    ) -> tuple[Segment | None, FootageGap | None]:
        """Return the segment of a camera in which an instant lies, or the nearest one, and why that is not it."""
        found = self.known.at(camera_id, instant)
        if found is not None:
            return found, None
        rows = self._reader_of(access).ask("segment_at", camera_id=camera_id, seen_at=instant)
        asked = f"no footage from {camera_id!r} at {iso(instant)}"
        if not rows.num_rows:
            return None, FootageGap(f"{asked}: none of this camera is kept, or none is open to {access.purpose}")
        away_s = rows.column("distance_s")[0].as_py()
        (segment,) = records_of(Segment, rows)
        self.known.add([segment])
        if away_s > 0:
            return segment, FootageGap(
                f"{asked}; the nearest segment {segment.segment_id} is from {iso(segment.span.start_at)} to "
                f"{iso(segment.span.end_at)}, {away_s:.1f} s away"
            )
        return segment, None

    def between(self, access: Access, camera_id: str, span: Span) -> tuple[Segment, ...]:
        """Return the segments of a camera that overlap a span and are open to the asker, in order of time."""
        rows = self._reader_of(access).ask(
            "footage_of_camera", camera_id=camera_id, start_at=span.start_at, end_at=span.end_at
        )
        segments = records_of(Segment, rows)
        self.known.add(segments)
        return segments

    def events(self, access: Access, camera_id: str | None, span: Span) -> list[dict[str, Any]]:
        """Return what the question `events` answers for a camera and a span."""
        answer = self._reader_of(access).ask(
            "events", camera_id=camera_id, start_at=span.start_at, end_at=span.end_at
        )
        rows: list[dict[str, Any]] = answer.to_pylist()
        return rows

    def sent_with(self, access: Access, alert_id: str) -> tuple[str, str] | None:
        """Return the picture that a device sent when it called for an alert, Base64, after the report's id.

        `None` where no device did, or the report is not open to the asker.
        """
        for row in self._reader_of(access).ask("device_report_of_alert", alert_id=alert_id).to_pylist():
            try:
                picture = json.loads(row["envelope"])["data"]["picture"]
            except (ValueError, LookupError, TypeError):
                continue
            if isinstance(picture, str):
                return row["report_id"], picture
        return None

    def open(self, access: Access, use: str, segment: Segment, span: Span, *, once: bool = False) -> int:
        """Return a segment's file as a descriptor to be closed: permitted, its bytes checked, and in the audit.

        Parameters
        ----------
        use
            What for, e.g. `still`.
        span
            Which stretch of it.
        once
            True where one line stands for all that is opened of this segment by this asker within `AGAIN_S`: a
            player takes a segment in many pieces.

        Raises
        ------
        NotPermitted
            When it may not be opened now.
        FootageMissing, FootageChanged
            When it is gone, or is not the one that was recorded; that is in the audit, too.
        """
        self.permit(access, segment.camera_id, span)
        kept = KeptFootage(self.home, access, self._door)
        try:
            descriptor = self.checked(segment)
        except (FootageMissing, FootageChanged) as error:
            kept.write_down(use, [segment], [span], f"failed: {type(error).__name__}")
            raise
        try:
            if once:
                self._once((access, use, segment.segment_id), lambda: kept.write_down(use, [segment], [span]))
            else:
                kept.write_down(use, [segment], [span])
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def record_once(self, access: Access, use: str, parameters: str, what: Hashable) -> None:
        """Put a line into the audit unless the same was opened for the same asker within `AGAIN_S`."""
        self._once((access, use, parameters, what), lambda: self.record(access, use, parameters))

    def _once(self, key: Hashable, write: Callable[[], None]) -> None:
        """Write unless it was written lately; whoever asks for the same at the same time waits for it."""
        with self._locks[hash(key) % len(self._locks)]:
            if time.monotonic() - self._written_s.get(key, -AGAIN_S) < AGAIN_S:
                return
            write()
            with self._guard:
                self._written_s.pop(key, None)
                self._written_s[key] = time.monotonic()
                while len(self._written_s) > MOST_KNOWN:
                    self._written_s.popitem(last=False)

    def path(self, segment: Segment) -> Path:
        """Return a segment's file, its bytes checked; for what shows nothing of it. Raises as `checked`."""
        os.close(self.checked(segment))
        return self.home.footage_path(segment.uri)

    def layout(self, segment: Segment) -> Layout:
        """Return where things lie in a segment's file; its bytes are checked when it is opened for somebody.

        Raises
        ------
        FootageMissing
            When it is gone.
        UnreadableFootage
            When it is no fragmented mp4.
        """
        known = self._layouts.get(segment.segment_id)
        if known is not None:
            return known
        layout = self.read(segment, layout_of)
        with self._guard:
            self._layouts[segment.segment_id] = layout
            while len(self._layouts) > MOST_KNOWN:
                self._layouts.popitem(last=False)
        return layout

    def read(self, segment: Segment, what: Callable[[int, int], ReadT]) -> ReadT:
        """Return what is read off a segment's file, given as a descriptor and its size; raises as `layout`."""
        descriptor = self._descriptor(segment)
        try:
            return what(descriptor, segment.size_bytes)
        finally:
            os.close(descriptor)

    def checked(self, segment: Segment) -> int:
        """Return a segment's file as a descriptor to be closed, its bytes checked.

        A file is digested once, and again whenever anything about it has changed.

        Raises
        ------
        FootageMissing, FootageChanged
            When it is gone, or is not the one that was recorded.
        """
        descriptor = self._descriptor(segment)
        try:
            self._check(segment, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _descriptor(self, segment: Segment) -> int:
        try:
            return os.open(self.home.footage_path(segment.uri), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.known.forget(segment)
            raise FootageMissing(
                f"{_named(segment)}: its file cannot be read ({error.strerror}); "
                "it was deleted when its time was over, or has to be restored"
            ) from error

    def _check(self, segment: Segment, descriptor: int) -> None:
        drawn = Drawn.of(descriptor)
        if self._checked.get(segment.segment_id) == drawn:
            return
        with open(descriptor, "rb", closefd=False) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != segment.sha256:
            raise FootageChanged(
                f"{_named(segment)}: its file has SHA-256 {digest[:12]}…, the catalog says {segment.sha256[:12]}…; "
                "somebody or something changed it: do not rely on it, and have it restored from a backup"
            )
        with self._guard:
            self._checked[segment.segment_id] = drawn
            while len(self._checked) > MOST_KNOWN:
                self._checked.popitem(last=False)


def _named(segment: Segment) -> str:
    return f"segment {segment.segment_id} of {segment.camera_id!r} from {iso(segment.span.start_at)}"
