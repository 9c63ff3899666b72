"""Taking footage in: files become segments of the catalog, in the order of time, as far as consent goes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from catalog.access import Access
from catalog.errors import BadInput, NotPermitted
from catalog.footage import Gap, Segment
from catalog.home import Home
from catalog.spans import to_us
from catalog.writes import WriteDoor
from ray_jobs.known import Site
from workbench.media.importing import Imported, NothingReadable, import_footage

VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".3gp",
        ".flv",
        ".wmv",
        ".asf",
        ".ogv",
        ".h264",
        ".h265",
        ".264",
        ".265",
    ]
)
"""Endings by which video is known when a whole folder is given; a file named outright is always tried."""


def videos_in(paths: list[Path]) -> tuple[Path, ...]:
    """Return the video files that these files and folders name, each folder's sorted by their whole path.

    Raises
    ------
    BadInput
        When a path does not exist, or a folder holds no video.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
            )
            if not inside:
                raise BadInput(
                    f"{path} holds no video file; known by their endings are .mp4, .mkv, .avi, .mov and others"
                )
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            raise BadInput(f"{path} does not exist; name video files, or folders of them")
    return tuple(found)


@dataclass(frozen=True)
class TakenIn:
    """What came of one file."""

    imported: Imported
    unreadable: str | None = None
    """Why nothing could be read from it; `None` where something could."""
    new_uris: frozenset[str] = frozenset()
    """Segment files that were not in the home before."""


@dataclass
class Intake:
    """What one camera's files have come to so far."""

    segments: dict[str, Segment] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    files: int = 0
    """Files taken in."""
    unreadable: int = 0
    """Files among them from which nothing could be read."""
    notes: list[str] = field(default_factory=list)
    """What could not be read or may not be used, for people."""
    end_at: datetime | None = None
    """End of the last file, where the next one begins if it does not say otherwise."""

    def next_start_at(self, start_at: datetime | None) -> datetime | None:
        """Return when the next file begins, given when the first one did; `None` to take the file's own word."""
        return None if start_at is None else self.end_at or start_at

    def in_order(self) -> list[Segment]:
        """Return the segments in the order of time, each once."""
        return sorted(self.segments.values(), key=lambda one: (to_us(one.span.start_at), one.segment_id))


def take_in(home: Home, site: Site, path: Path, start_at: datetime | None) -> TakenIn:
    """Turn one file into segments in the home; a file from which nothing can be read gives a gap."""
    folder = home.footage_dir / site.camera.camera_id
    before = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    try:
        imported = import_footage(
            path, camera_id=site.camera.camera_id, mounting_id=site.mountings[0].mounting_id,
            home_root=home.root, footage_dir=home.footage_dir, start_at=start_at, time_zone=site.time_zone,
        )  # fmt: skip
    except NothingReadable as error:
        return TakenIn(Imported((), (error.gap,)), str(error))
    segments = tuple(
        replace(segment, mounting_id=site.mounting_at(segment.span.start_at).mounting_id)
        for segment in imported.segments
    )
    new = frozenset(segment.uri for segment in segments if Path(segment.uri).name not in before)
    return TakenIn(Imported(segments, imported.gaps), new_uris=new)


def keep_footage(home: Home, access: Access, door: WriteDoor, site: Site, intake: Intake, taken: TakenIn) -> None:
    """Add one file's segments and gaps to the catalog, as far as the camera's owner allows."""
    intake.files += 1
    if taken.unreadable is not None:
        intake.unreadable += 1
        intake.notes.append(taken.unreadable)
    segments, gaps = list(taken.imported.segments), list(taken.imported.gaps)
    if site.camera.private:
        segments, closed = _permitted(home, access, door, segments, taken.new_uris)
        gaps += closed
        intake.notes.extend(gap.detail for gap in closed)
    door.add_footage(access, segments, gaps)
    intake.segments.update((segment.segment_id, segment) for segment in segments)
    intake.gaps += gaps
    spans = [segment.span for segment in taken.imported.segments] + [gap.span for gap in taken.imported.gaps]
    ends = [span.end_at for span in spans if span.end_at]
    intake.end_at = max([*ends, *([intake.end_at] if intake.end_at else [])], default=None)


def _permitted(
    home: Home, access: Access, door: WriteDoor, segments: list[Segment], new_uris: frozenset[str]
) -> tuple[list[Segment], list[Gap]]:
    """Part the segments that may be kept from those that may not, whose copies are removed again.

    A file that was there before stays: it was kept while it was allowed, and retention decides about it.
    """
    kept: list[Segment] = []
    closed: list[Gap] = []
    for segment in segments:
        try:
            door.permit(access, segment.camera_id, segment.span)
        except NotPermitted as refusal:
            if segment.uri in new_uris:
                home.footage_path(segment.uri).unlink(missing_ok=True)
            closed.append(
                Gap(segment.camera_id, segment.span, "not_permitted", str(refusal), source_name=segment.source_name)
            )
        else:
            kept.append(segment)
    return kept, closed
