"""A small city in a real catalog: two cameras of its own, and a store's whose consent was withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.casework import Alert
from catalog.consent import Consent
from catalog.footage import SamplingLevel, Segment
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.observations import (
    LABELS,
    Analysis,
    Detections,
    Event,
    Run,
    SegmentRows,
    Track,
    detections_table,
)
from catalog.registry import Camera, Mounting, Zone
from catalog.response import AlertStep, DeviceReport
from catalog.retention import Hold
from catalog.rows import events_table, gaps_table, tracks_table
from catalog.spans import EPOCH, Span, to_us

START = datetime(2026, 3, 1, 16, tzinfo=UTC)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SEGMENT = timedelta(seconds=60)
ANN = Access("ann", case_id="case_0413")
DOE = Access("doe", "officer", "response")

FARISH = Camera("farish-1", "Farish & Amite", stream_uri="rtsp://10.0.0.5/1", sub_stream_uri="rtsp://10.0.0.5/2")
DOCK = Camera("dock-2", "Loading dock, west")
STORE = Camera(
    "store-3", "Corner store", owner_id="store", legal_basis="voluntary", sharing="on_request",
    place_kind="business", stream_uri="rtsp://10.9.9.9/secret", sub_stream_uri="rtsp://10.9.9.9/small",
)  # fmt: skip
STORE_CONSENT = Consent("con_store", "store", ("store-3",), ("investigation",), Span(START - timedelta(days=1)))


def mounting(camera: Camera, lon_deg: float | None = None) -> Mounting:
    span = Span(EPOCH)
    return Mounting(Mounting.identify(camera.camera_id, span), camera.camera_id, span, lon_deg, lon_deg and 32.3)


def gate(camera: Camera) -> Zone:
    mounting_id = mounting(camera).mounting_id
    corners = ((0.0, 0.0), (100.0, 0.0), (100.0, 100.0))
    return Zone(Zone.identify(mounting_id, "gate"), mounting_id, camera.camera_id, "area", "gate", corners)


def segment(camera: Camera, number: int) -> Segment:
    start_at = START + number * SEGMENT
    segment_id = Segment.identify(camera.camera_id, to_us(start_at), f"{number}")
    return Segment(
        segment_id, camera.camera_id, mounting(camera).mounting_id, Span(start_at, start_at + SEGMENT), 0,
        Fraction(1, 1000), 1500, 640, 360, "h264", "manual", 1.0, 1000, f"{number}",
        f"footage/{segment_id}.mp4", "a.mp4",
    )  # fmt: skip


def run_of(camera: Camera, name: str = "first", started_at: datetime = NOW) -> Run:
    run_id = Run.identify("index", camera.camera_id, "investigation", name, "c", "w")
    consent_id = STORE_CONSENT.consent_id if camera.private else None
    return Run(
        run_id, "index", camera.camera_id, "investigation", consent_id, name, "c", "w", started_at, "ann"
    )  # fmt: skip


def rows(camera: Camera, number: int, run: Run, *, label: str = "car") -> SegmentRows:
    """Return one track through segment after segment, seen twice in each, and one visit to the gate."""
    of = segment(camera, number)
    track_id = f"trk_{camera.camera_id}_{run.code_version}"
    seen = [_detections(of, k, label) for k in (0, 1)]
    analysis = Analysis(
        run.run_id, of.segment_id, camera.camera_id, of.span, "2 fps", 120, 120, 0, 2, int(number == 0),
        int(number == 0),
    )  # fmt: skip
    return SegmentRows(
        analysis, detections_table(run.run_id, camera.camera_id, [(one, [track_id]) for one in seen]),
        tracks_table([_track(camera, of, run, track_id, number, label)]),
        events_table([_visit(camera, of, run, track_id, label)]), gaps_table([], run.run_id), f"{number}".encode(),
    )  # fmt: skip


def _detections(of: Segment, k: int, label: str) -> Detections:
    pts = 1000 + 30_000 * k
    box = np.array([[10, 20, 50, 60]], np.float32)
    confidence, index = np.array([0.9 - 0.1 * k], np.float32), np.array([LABELS.index(label)], np.int16)
    return Detections.of(of.segment_id, pts, of.seen_at_us(pts), box, confidence, index)


def _track(camera: Camera, of: Segment, run: Run, track_id: str, number: int, label: str) -> Track:
    end_at = of.span.end_at
    assert end_at is not None
    return Track(
        track_id, run.run_id, of.segment_id, camera.camera_id, of.mounting_id, label, 0.85, "red", 0.7, None, None,
        START + timedelta(seconds=1), of.span.start_at + timedelta(seconds=31), None, None, 2 * number + 2,
        segment(camera, 0).segment_id, 1000, 10, 20, 50, 60, 30, 60, 30, 60, end_at,
    )  # fmt: skip


def _visit(camera: Camera, of: Segment, run: Run, track_id: str, label: str) -> Event:
    end_at = of.span.end_at
    assert end_at is not None
    return Event(
        f"evt_{track_id}", run.run_id, of.segment_id, camera.camera_id, of.mounting_id, "zone_enter",
        gate(camera).zone_id, (track_id,), Span(START + timedelta(seconds=1)), end_at, confidence=0.85, label=label,
        evidence_segment_id=of.segment_id, evidence_pts=1000,
    )  # fmt: skip


def fill(home: Home, *, segments: int = 3) -> None:
    """Fill the home through a keeper: of the store too, while its consent stood."""
    clock = [NOW - timedelta(hours=1)]
    with Keeper(home, clock=lambda: clock[0]) as keeper:
        cameras = (FARISH, DOCK, STORE)
        mountings = [mounting(camera, lon) for camera, lon in zip(cameras, (-90.18, -90.19, None), strict=True)]
        keeper.register(ANN, cameras=cameras, mountings=mountings, zones=[gate(camera) for camera in cameras])
        keeper.grant(ANN, STORE_CONSENT)
        for camera in cameras:
            keeper.add_footage(ANN, [segment(camera, number) for number in range(segments)], [])
            run = keeper.start_run(ANN, run_of(camera))
            for number in range(segments):
                keeper.append(ANN, rows(camera, number, run))
            keep_house(keeper, camera)
        clock[0] = NOW
        keeper.withdraw(ANN, STORE_CONSENT.consent_id)


def keep_house(keeper: Keeper, camera: Camera) -> None:
    """Look at the camera in full, answer alerts about what it saw, delete an old segment and hold the others."""
    old, level = segment(camera, -60), SamplingLevel(camera.camera_id, Span(START), "full", "active rules")
    keeper.add_footage(ANN, [old], [], [level])
    keeper.delete_footage(ANN, [old.segment_id], "retention 30 d")
    alert_id, onset_at = f"alr_{camera.camera_id}", START + timedelta(seconds=1)
    event_id = f"evt_trk_{camera.camera_id}_first"
    alert = Alert(alert_id, "rule", event_id, camera.camera_id, "P2", START + SEGMENT, onset_at, rule="zone_enter")
    keeper.raise_alerts(ANN, [alert])
    keeper.step_alert(DOE, AlertStep(alert_id, 1, "acknowledge"))
    read = Alert(
        f"alr_read_{camera.camera_id}", "plate", None, camera.camera_id, "P2", START + SEGMENT, onset_at,
        source="mast-4", plate_text="HND 4128",
    )  # fmt: skip
    keeper.report(ANN, DeviceReport("mast-4", camera.camera_id, "plate", START, START + SEGMENT, "{}", read))
    hold = Hold(
        f"hld_{camera.camera_id}", camera.camera_id, Span(START, START + SEGMENT), "case_0413", "ann", START
    )
    keeper.place_hold(ANN, hold)


@dataclass
class Notebook:
    """A door that only writes down what it is told, or fails to."""

    lines: list[tuple[Access, AuditLine]] = field(default_factory=list)
    broken: Exception | None = None

    def record(self, access: Access, line: AuditLine) -> str:
        if self.broken:
            raise self.broken
        self.lines.append((access, line))
        return str(len(self.lines))
