"""What the catalog already knows of a camera and a run: how it hangs, what was appended, what came before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from catalog.errors import BadInput, UnknownCamera
from catalog.footage import Segment
from catalog.observations import Analysis
from catalog.reader import Reader
from catalog.records import records_of
from catalog.registry import VIEW, Camera, Mounting, Zone
from catalog.spans import iso
from workbench.rules.zone_visit import default_zones


@dataclass(frozen=True)
class Site:
    """One camera, how it hangs, and what is drawn on its pictures."""

    camera: Camera
    mountings: tuple[Mounting, ...]
    zones: tuple[Zone, ...]
    """All that the registry holds, the area that stands in where nothing was drawn included."""
    time_zone: str
    """IANA name of the zone in which its files' names count."""

    def mounting(self, mounting_id: str) -> Mounting:
        """Return the mounting with this id."""
        return next(mounting for mounting in self.mountings if mounting.mounting_id == mounting_id)

    def mounting_at(self, instant: datetime) -> Mounting:
        """Return how the camera hung at an instant.

        Raises
        ------
        BadInput
            When no mounting covers it.
        """
        for mounting in self.mountings:
            if mounting.span.contains(instant):
                return mounting
        raise BadInput(
            f"footage of {self.camera.camera_id!r} from {iso(instant)}: the registry does not say how the camera "
            "hung then; import it with an earlier start_at (`rtcc cameras import`)"
        )

    @property
    def drawn(self) -> tuple[Zone, ...]:
        """The zones that people have drawn."""
        return tuple(zone for zone in self.zones if zone.name != VIEW)

    def zones_on(self, mounting_id: str, frame_wh_px: tuple[int, int]) -> tuple[Zone, ...]:
        """Return the zones that count on one mounting's pictures: those drawn on it, else the area `view`."""
        return self.drawn_on(mounting_id) or default_zones(self.mounting(mounting_id), frame_wh_px)

    def drawn_on(self, mounting_id: str) -> tuple[Zone, ...]:
        """Return the zones that people have drawn on one mounting's pictures."""
        return tuple(zone for zone in self.drawn if zone.mounting_id == mounting_id)


@dataclass(frozen=True)
class Followed:
    """What became of one segment: its rows are in the catalog."""

    analysis: Analysis
    gap_ids: tuple[str, ...]
    """What could not be decoded in it."""


def load_site(reader: Reader, camera_id: str, time_zone: str) -> Site:
    """Return what the registry holds of one camera.

    Raises
    ------
    UnknownCamera
        When it holds nothing; the message names those that come near.
    """
    cameras = {camera.camera_id: camera for camera in records_of(Camera, reader.ask("cameras"))}
    if camera_id not in cameras:
        near = get_close_matches(camera_id, cameras, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`rtcc cameras import` adds cameras"
        raise UnknownCamera(f"camera {camera_id!r} is not in the registry; {hint}")
    mountings = records_of(Mounting, reader.ask("mountings_of_camera", camera_id=camera_id))
    zones = records_of(Zone, reader.ask("zones_of_camera", camera_id=camera_id))
    return Site(cameras[camera_id], tuple(mountings), tuple(zones), time_zone)


def load_known(reader: Reader, run_id: str, segments: Sequence[Segment]) -> tuple[Followed, ...]:
    """Return what this run has already stated about these segments."""
    if not segments:
        return ()
    wanted = {segment.segment_id: segment for segment in segments}
    rows = reader.ask("appended_segments", run_id=run_id).to_pylist()
    if not any(row["segment_id"] in wanted for row in rows):
        return ()
    gap_ids = _gap_ids(reader, run_id, segments[0].camera_id)
    return tuple(
        Followed(
            Analysis(
                run_id, row["segment_id"], row["camera_id"], wanted[row["segment_id"]].span, row["sampling"],
                row["frames_decoded"], row["frames_looked_at"], row["frames_held"], row["detections"],
                row["tracks_begun"], row["events_begun"],
            ),
            tuple(gap_ids[row["segment_id"]]),
        )
        for row in rows
        if row["segment_id"] in wanted
    )  # fmt: skip


def _gap_ids(reader: Reader, run_id: str, camera_id: str) -> dict[str, list[str]]:
    """Return the gaps this run found while decoding, by segment."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in reader.ask("gaps_of_run", run_id=run_id, camera_id=camera_id).to_pylist():
        found[row["segment_id"]].append(row["gap_id"])
    return found


def segment_before(reader: Reader, run_id: str, first: Segment) -> Segment | None:
    """Return the last segment this run followed that ended before this one began, if there is any.

    So footage indexed in two commands joins as it would have in one.
    """
    earlier = [
        row
        for row in reader.ask("appended_segments", run_id=run_id).to_pylist()
        if row["end_at"] <= first.span.start_at and row["segment_id"] != first.segment_id
    ]
    if not earlier:
        return None
    last = earlier[-1]
    near = records_of(
        Segment,
        reader.ask(
            "footage_of_camera", camera_id=first.camera_id, start_at=last["start_at"], end_at=last["end_at"]
        ),
    )
    return next((segment for segment in near if segment.segment_id == last["segment_id"]), None)
