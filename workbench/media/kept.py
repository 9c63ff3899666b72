"""Kept footage, opened for someone: permitted now, there, unchanged, and written down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import FootageChanged, FootageMissing, RtccError
from catalog.footage import Segment
from catalog.home import Home
from catalog.spans import Span, iso
from catalog.writes import WriteDoor


@dataclass(frozen=True)
class Opened:
    """A segment's file that may be read now."""

    segment: Segment
    path: Path


class KeptFootage:
    """The door to kept footage, for one access.

    Every segment is asked for at the consent door before its file is touched, its bytes are held against the
    digest in the catalog, and what was opened is in the audit before the first pixel is handed out.
    """

    def __init__(self, home: Home, access: Access, door: WriteDoor) -> None:
        self._home, self._access, self._door = home, access, door

    def permit(self, camera_id: str, span: Span) -> None:
        """Return if this stretch of a camera's footage may be opened now, else raise `NotPermitted`."""
        self._door.permit(self._access, camera_id, span)

    def check(self, segment: Segment) -> Opened:
        """Return the segment's file, its bytes checked.

        Raises
        ------
        FootageMissing
            When the file is not there.
        FootageChanged
            When its bytes are not the ones the catalog holds the digest of.
        """
        path = self._home.footage_path(segment.uri)
        which = f"segment {segment.segment_id} of {segment.camera_id!r} from {iso(segment.span.start_at)}"
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FootageMissing(
                f"{which}: its file {segment.uri} cannot be read ({error.strerror}); "
                f"restore it from a backup, or index the source {segment.source_name} again"
            ) from error
        if digest != segment.sha256:
            raise FootageChanged(
                f"{which}: its file {segment.uri} has SHA-256 {digest[:12]}…, the catalog says "
                f"{segment.sha256[:12]}…; somebody or something changed it: "
                "restore it from a backup and do not use it as evidence"
            )
        return Opened(segment, path)

    def open(self, use: str, segments: Sequence[Segment], spans: Sequence[Span]) -> list[Opened]:
        """Return the files of these segments, all permitted, checked and in the audit.

        Parameters
        ----------
        use
            What for: `still`, `clip` or `contact sheet`.
        segments, spans
            What to open, and which stretch of each.
        """
        try:
            for segment, span in zip(segments, spans, strict=True):
                self.permit(segment.camera_id, span)
            opened = [self.check(segment) for segment in segments]
        except (FootageMissing, FootageChanged) as error:
            self.write_down(use, segments, spans, f"failed: {type(error).__name__}")
            raise
        self.write_down(use, segments, spans)
        return opened

    def open_each(self, use: str, segments: Sequence[Segment], spans: Sequence[Span]) -> list[Opened | RtccError]:
        """Return the files of these segments, or in its place the reason why one stays shut.

        All that opened are in the audit as one line.
        """
        found: list[Opened | RtccError] = []
        checked: dict[str, Opened | RtccError] = {}
        for segment, span in zip(segments, spans, strict=True):
            try:
                self.permit(segment.camera_id, span)
                if segment.segment_id not in checked:
                    checked[segment.segment_id] = self._checked(segment)
                found.append(checked[segment.segment_id])
            except RtccError as error:
                found.append(error)
        pairs = [(s, p) for s, p, each in zip(segments, spans, found, strict=True) if isinstance(each, Opened)]
        if pairs:
            self.write_down(use, [segment for segment, _ in pairs], [span for _, span in pairs])
        return found

    def _checked(self, segment: Segment) -> Opened | RtccError:
        try:
            return self.check(segment)
        except RtccError as error:
            return error

    def write_down(
        self, use: str, segments: Sequence[Segment], spans: Sequence[Span], outcome: str = "done"
    ) -> None:
        """Put into the audit which stretches were opened, and wait until that is durable."""
        stretches = "; ".join(
            f"camera_id={segment.camera_id} segment_id={segment.segment_id} "
            f"start_at={iso(span.start_at)} end_at={iso(span.end_at)}"
            for segment, span in zip(segments, spans, strict=True)
        )
        self._door.record(self._access, AuditLine("footage", use, stretches, len(segments), outcome))
