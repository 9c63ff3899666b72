"""Small rows with known truth, for tests of the doors of the catalog."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pyarrow as pa

from catalog.access import Access
from catalog.consent import Consent
from catalog.footage import Segment
from catalog.observations import LABELS, Analysis, Detections, Run, SegmentRows, detections_table
from catalog.registry import Camera, Mounting
from catalog.spans import Span, to_us
from catalog.writes import WriteDoor

BEGUN_AT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
SEGMENT_S = 60
OFFICER = Access("doe", "investigator", "investigation", "case_0413")
NOTHING = pa.table({})

FARISH = Camera("farish-1", "Farish & Amite")
STORE = Camera("store-3", "Corner store", owner_id="store", legal_basis="voluntary", sharing="on_request")


def mounting_of(camera: Camera) -> Mounting:
    return Mounting(f"mnt_{camera.camera_id}", camera.camera_id, Span(BEGUN_AT - timedelta(days=30)))


def consent_to(camera: Camera, **changes: object) -> Consent:
    terms: dict[str, object] = {
        "consent_id": "con_1", "grantor": "owner", "camera_ids": (camera.camera_id,),
        "purposes": ("investigation",), "span": Span(BEGUN_AT - timedelta(days=1)),
    }  # fmt: skip
    return Consent(**(terms | changes))  # type: ignore[arg-type]


def run_of(camera_id: str, run_id: str = "") -> Run:
    return Run(
        run_id or f"run_{camera_id}", "index", camera_id, "investigation", None, "0.1", "c0", "w0", BEGUN_AT, "doe"
    )


def segment_of(camera_id: str, number: int) -> Segment:
    span = span_of(number)
    return Segment(
        f"seg_{camera_id}_{number}", camera_id, f"mnt_{camera_id}", span, 0, Fraction(1, 90000), 900, 1920, 1080,
        "h264", "container", 1.0, 1000, f"{number:064x}", f"footage/{number}.mp4", "a.mp4",
    )  # fmt: skip


def span_of(number: int) -> Span:
    start_at = BEGUN_AT + timedelta(seconds=SEGMENT_S * number)
    return Span(start_at, start_at + timedelta(seconds=SEGMENT_S))


def rows_of(run_id: str, camera_id: str, number: int, boxes: int = 3, *, version: int = 0) -> SegmentRows:
    """Return rows of the number-th minute, `boxes` of them spread over it; `version` changes their content."""
    span = span_of(number)
    segment_id = f"seg_{camera_id}_{number}"
    frames = []
    for box in range(boxes):
        xyxy_px = np.array([[box, version, box + 10, version + 20]], np.float32)
        seen = Detections.of(
            segment_id, box * 100, to_us(span.start_at) + box * SEGMENT_S * 1_000_000 // max(boxes, 1), xyxy_px,
            np.array([0.5], np.float32), np.array([box % len(LABELS)], np.int16),
        )  # fmt: skip
        frames.append((seen, [f"trk_{box}"]))
    analysis = Analysis(run_id, segment_id, camera_id, span, "2 fps", 120, 120, 0, boxes, boxes, 0)
    memory = f"memory {number}.{version}".encode()
    return SegmentRows(analysis, detections_table(run_id, camera_id, frames), NOTHING, NOTHING, NOTHING, memory)


def register(door: WriteDoor, *cameras: Camera) -> None:
    door.register(OFFICER, cameras=cameras, mountings=[mounting_of(camera) for camera in cameras])


def begin(door: WriteDoor, camera: Camera = FARISH) -> Run:
    """Register the camera and start a run over it."""
    register(door, camera)
    return door.start_run(OFFICER, run_of(camera.camera_id))
