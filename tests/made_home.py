"""A data home with made footage and rows that are the scene's truth: asking is tested without weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from catalog.access import Access
from catalog.consent import Consent
from catalog.footage import Gap, Segment
from catalog.home import Home
from catalog.observations import Analysis, Event, Run, SegmentRows, Track, detections_table
from catalog.registry import Camera, Mounting, Zone
from catalog.rows import events_table, gaps_table, tracks_table
from catalog.spans import Span, from_us, to_us
from catalog.writes import WriteDoor
from tests.synthetic import Scene, Thing, TruthDetector, render
from workbench.media.decode import SegmentDecoder
from workbench.media.frames import Sampling
from workbench.media.importing import import_footage

MADE_AT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
"""First frame of all made footage: ten o'clock in Jackson."""

SEGMENT_S = 10.0
MAKER = Access("maker", "service", "demonstration")

PASSING = Scene(
    things=(
        Thing("car", "red", ((1.0, -20.0, 120.0), (7.0, 340.0, 120.0))),
        Thing("car", "blue", ((5.0, 340.0, 95.0), (13.0, -20.0, 95.0))),
        Thing("person", "green", ((0.0, 60.0, 160.0), (20.0, 260.0, 165.0)), lower_colour="black"),
        Thing("truck", "white", ((9.0, -40.0, 125.0), (18.0, 360.0, 125.0))),
    ),
    duration_s=20.0,
    fps=10.0,
)  # fmt: skip
"""Twenty seconds of a street."""

FARISH = Camera("farish-1", "Farish & Amite")
DOCK = Camera("dock-2", "Loading dock, west")
STORE = Camera(
    "store-3",
    "Corner <b>store</b>",
    owner_id="store",
    legal_basis="voluntary",
    sharing="on_request",
    place_kind="business",
)


@dataclass(frozen=True)
class Made:
    """What was put into the home."""

    home: Home
    segments: dict[str, tuple[Segment, ...]]
    """By camera."""
    run_id: str
    before_rows: int
    """The snapshot before anything was looked at."""


def make_home(home: Home, door: WriteDoor, scratch: Path) -> Made:
    """Fill a home: `farish-1` looked at for 10 of 20 s, then a gap; `store-3` private; `dock-2` without footage."""
    mountings = [
        Mounting(f"mnt_{camera.camera_id}", camera.camera_id, Span(MADE_AT - timedelta(days=30)), lon, lat,
                 frame_width_px=320, frame_height_px=180)
        for camera, lon, lat in ((FARISH, -90.1848, 32.2990), (DOCK, -90.1700, 32.3100), (STORE, -90.1850, 32.2992))
    ]  # fmt: skip
    crossing = Zone(
        Zone.identify("mnt_farish-1", "crossing"), "mnt_farish-1", "farish-1", "area", "crossing",
        ((100, 60), (220, 60), (220, 180), (100, 180)),
    )  # fmt: skip
    door.register(MAKER, cameras=(FARISH, DOCK, STORE), mountings=mountings, zones=(crossing,))
    # The store lets its footage be shown, and used for nothing else.
    door.grant(
        MAKER, Consent("con_store", "store", ("store-3",), ("demonstration",), Span(MADE_AT - timedelta(days=1)))
    )
    video = render(PASSING, scratch / "passing.mp4")
    made: dict[str, tuple[Segment, ...]] = {}
    for camera in (FARISH, STORE):
        imported = import_footage(
            video, camera_id=camera.camera_id, mounting_id=f"mnt_{camera.camera_id}", home_root=home.root,
            footage_dir=home.footage_dir, start_at=MADE_AT, max_segment_s=SEGMENT_S,
        )  # fmt: skip
        made[camera.camera_id] = imported.segments
    gap = Gap(
        "farish-1", Span(MADE_AT + timedelta(seconds=20), MADE_AT + timedelta(seconds=50)), "no_feed", "power cut"
    )
    before_rows = door.add_footage(MAKER, [segment for segments in made.values() for segment in segments], [gap])
    run = Run(
        Run.identify("index", "farish-1", MAKER.purpose, "1", "c", "w"), "index", "farish-1", MAKER.purpose, None,
        "1", "c", "w", MADE_AT + timedelta(days=1), MAKER.actor,
    )  # fmt: skip
    door.start_run(MAKER, run)
    door.append(MAKER, _rows(home, made["farish-1"][0], run, crossing))
    return Made(home, made, run.run_id, before_rows)


def _rows(home: Home, segment: Segment, run: Run, zone: Zone) -> SegmentRows:
    detector = TruthDetector(PASSING, to_us(MADE_AT))
    decoder = SegmentDecoder(home.footage_path(segment.uri), segment, Sampling.parse("2"))
    frames = [found for batch in decoder for found in detector(batch)]
    ids = [[_track_id(int(box[3]), int(label), int(colour)) for box, label, colour in
            zip(found.xyxy_px, found.class_index, found.colour, strict=True)] for found in frames]  # fmt: skip
    detections = detections_table(run.run_id, segment.camera_id, list(zip(frames, ids, strict=True)))
    tracks = _tracks(detections, segment, run)
    red_car = next(track for track in tracks if track.colour == "red")
    event = Event(
        "evt_enter", run.run_id, segment.segment_id, segment.camera_id, segment.mounting_id, "zone_enter",
        zone.zone_id, (red_car.track_id,), Span(red_car.start_at, red_car.start_at), segment.span.end_at or MADE_AT,
        confidence=0.9, label="car", evidence_segment_id=segment.segment_id, evidence_pts=red_car.best_pts,
    )  # fmt: skip
    analysis = Analysis(
        run.run_id, segment.segment_id, segment.camera_id, segment.span, "2 fps", decoder.frames_decoded,
        len(frames), 0, detections.num_rows, len(tracks), 1,
    )  # fmt: skip
    return SegmentRows(
        analysis, detections, tracks_table(tracks), events_table([event]), gaps_table((), run.run_id), b"memory"
    )


def _track_id(bottom_px: int, label: int, colour: int) -> str:
    # Everything on a made street differs by what it is and its colour.
    return f"trk_{label:08x}{colour:08x}"


def _tracks(detections: pa.Table, segment: Segment, run: Run) -> list[Track]:
    by_track: dict[str, list[dict[str, object]]] = {}
    for row in detections.to_pylist():
        by_track.setdefault(str(row["track_id"]), []).append(row)
    return [_track(track_id, rows, segment, run) for track_id, rows in by_track.items()]


def _track(track_id: str, rows: Sequence[dict[str, object]], segment: Segment, run: Run) -> Track:
    def number(row: dict[str, object], name: str) -> float:
        return float(str(row[name]))

    areas = [(number(r, "x2_px") - number(r, "x1_px")) * (number(r, "y2_px") - number(r, "y1_px")) for r in rows]
    best, first, last = rows[int(np.argmax(areas))], rows[0], rows[-1]
    seen_at = [from_us(to_us(row["seen_at"])) for row in (first, last)]  # type: ignore[call-overload]
    person = first["label"] == "person"
    return Track(
        track_id, run.run_id, segment.segment_id, segment.camera_id, segment.mounting_id, str(first["label"]),
        0.95 if first["colour"] == "red" else 0.9 - 0.05 * len(str(first["label"])) / 10,
        str(first["colour"]), 0.8, "black" if person else None, 0.7 if person else None,
        seen_at[0], seen_at[1], None if person else seen_at[1], None if person else "left", len(rows),
        str(best["segment_id"]), int(str(best["pts"])),
        number(best, "x1_px"), number(best, "y1_px"), number(best, "x2_px"), number(best, "y2_px"),
        number(first, "x1_px"), number(first, "y2_px"), number(last, "x1_px"), number(last, "y2_px"),
        segment.span.end_at or MADE_AT,
    )  # fmt: skip
