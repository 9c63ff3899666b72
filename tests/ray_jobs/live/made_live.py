"""Made cameras, plans, doors and detectors: what live work touches, in the test's hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import cast

import numpy as np
from numpy.typing import NDArray

from catalog.access import Access
from catalog.casework import Alert, AlertClosing
from catalog.consent import Consent
from catalog.errors import RtccError
from catalog.footage import Gap, SamplingLevel, Segment
from catalog.observations import Detections, Run, SegmentRows
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import EPOCH, Span, to_us
from catalog.writes import WriteDoor
from ray_jobs.known import Site
from ray_jobs.live.config import JOB, LIVE, CameraPlan
from ray_jobs.live.detecting import Detecting
from ray_jobs.live.writing import Footage, Writing
from tests.waiting import WAIT_S

BEGUN_AT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
"""When all made live work is."""

FARISH = Camera("farish-1", "Farish & Amite", stream_uri="rtsp://127.0.0.1/farish")
STORE = Camera(
    "store-3", "Corner store", owner_id="store", legal_basis="voluntary", sharing="continuous",
    stream_uri="rtsp://127.0.0.1/store",
)  # fmt: skip
DOCK = Camera("dock-2", "Loading dock, west")
"""It has no stream."""


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = BEGUN_AT

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def mounting_of(camera: Camera) -> Mounting:
    return Mounting(f"mnt_{camera.camera_id}", camera.camera_id, Span(EPOCH))


def consent_to(camera: Camera, **changes: object) -> Consent:
    terms: dict[str, object] = {
        "consent_id": "con_1", "grantor": "owner", "camera_ids": (camera.camera_id,), "purposes": ("response",),
        "span": Span(BEGUN_AT - timedelta(days=1)), "live": True,
    }  # fmt: skip
    return Consent(**(terms | changes))  # type: ignore[arg-type]


def gate_on(camera: Camera, name: str = "gate", **more: object) -> Zone:
    mounting_id = mounting_of(camera).mounting_id
    corners = ((0.0, 0.0), (320.0, 0.0), (320.0, 180.0))
    zone_id = Zone.identify(mounting_id, name)
    return Zone(zone_id, mounting_id, camera.camera_id, "area", name, corners, **more)  # type: ignore[arg-type]


def register(door: WriteDoor, *cameras: Camera, zones: Sequence[Zone] = ()) -> None:
    door.register(LIVE, cameras=cameras, mountings=[mounting_of(camera) for camera in cameras], zones=zones)


def run_of(camera_id: str, run_id: str = "") -> Run:
    return Run(
        run_id or f"run_{camera_id}", JOB, camera_id, LIVE.purpose, None, "1", "c", "w", BEGUN_AT, LIVE.actor
    )  # fmt: skip


def plan_of(camera: Camera = FARISH, zones: Sequence[Zone] = (), run_id: str = "") -> CameraPlan:
    site = Site(camera, (mounting_of(camera),), tuple(zones), "America/Chicago")
    return CameraPlan(site, run_of(camera.camera_id, run_id))


def segment_of(camera_id: str, number: int, *, seconds: float = 10.0, size_bytes: int = 1000) -> Segment:
    """Return the number-th of the segments that lie one after the other from `BEGUN_AT` on."""
    start_at = BEGUN_AT + timedelta(seconds=seconds * number)
    segment_id = Segment.identify(camera_id, to_us(start_at), f"{number}")
    return Segment(
        segment_id, camera_id, f"mnt_{camera_id}", Span(start_at, start_at + timedelta(seconds=seconds)), 0,
        Fraction(1, 90_000), 150, 320, 180, "h264", "arrival", 1.0, size_bytes, f"{number:064x}",
        f"footage/{camera_id}/{number}.mp4", "made",
    )  # fmt: skip


def settled(value: object) -> Future[object]:
    """Return a promise that is kept, or broken where the value is an error."""
    promise: Future[object] = Future()
    if isinstance(value, BaseException):
        promise.set_exception(value)
    else:
        promise.set_result(value)
    return promise


@dataclass
class Heard:
    """What a queue told about one item: how often, and what."""

    errors: list[RtccError | None] = field(default_factory=list)
    changed: threading.Event = field(default_factory=threading.Event)

    def __call__(self, error: RtccError | None) -> None:
        self.errors.append(error)
        self.changed.set()

    def wait(self) -> RtccError | None:
        assert self.changed.wait(WAIT_S), "nobody was told"
        return self.errors[0]


class MadeDoor:
    """A write door that keeps what it is told in lists, fails as the test wants, and can be held shut."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.gaps: list[Gap] = []
        self.levels: list[SamplingLevel] = []
        self.rows: list[SegmentRows] = []
        self.raised: list[Alert] = []
        self.closed: list[AlertClosing] = []
        self.fails: list[Exception] = []
        """Raised by the next calls, one each."""
        self.refuses: dict[str, Exception] = {}
        """Raised by every call that brings the thing with this id."""
        self.appending = threading.Event()
        """Set while rows wait before the door."""
        self.rows_may_pass = threading.Event()
        self.rows_may_pass.set()

    def add_footage(
        self, access: Access, segments: Sequence[Segment], gaps: Sequence[Gap], levels: Sequence[SamplingLevel] = ()
    ) -> int:
        self._judge([segment.segment_id for segment in segments])
        self.segments += segments
        self.gaps += gaps
        self.levels += levels
        return 1

    def append(self, access: Access, rows: SegmentRows) -> int:
        self.appending.set()
        assert self.rows_may_pass.wait(WAIT_S)
        self._judge([rows.segment_id])
        self.rows.append(rows)
        return 1

    def raise_alerts(self, access: Access, alerts: Sequence[Alert]) -> int:
        self._judge([alert.alert_id for alert in alerts])
        self.raised += alerts
        return 1

    def close_alerts(self, access: Access, closings: Sequence[AlertClosing]) -> int:
        self._judge([closing.alert_id for closing in closings])
        self.closed += closings
        return 1

    def _judge(self, ids: Sequence[str]) -> None:
        if self.fails:
            raise self.fails.pop(0)
        for name in ids:
            if name in self.refuses:
                raise self.refuses[name]

    def as_door(self) -> WriteDoor:
        return cast(WriteDoor, self)


@dataclass
class Said:
    """What was said, in order, by a `Writing` that acknowledges at once, or when it is let."""

    footage_said: list[Footage] = field(default_factory=list)
    rows_said: list[SegmentRows] = field(default_factory=list)
    alerts_said: list[Alert | AlertClosing] = field(default_factory=list)
    refusal: RtccError | None = None
    """What the catalog answers."""

    def footage(self, footage: Footage, done: Callable[[RtccError | None], None]) -> None:
        self.footage_said.append(footage)
        done(self.refusal)

    def rows(self, rows: SegmentRows, done: Callable[[RtccError | None], None]) -> None:
        self.rows_said.append(rows)
        done(self.refusal)

    def alert(self, alert: Alert | AlertClosing, done: Callable[[RtccError | None], None]) -> None:
        self.alerts_said.append(alert)
        done(self.refusal)

    @property
    def gaps(self) -> list[Gap]:
        """Every gap that was said, in order."""
        return [gap for footage in self.footage_said for gap in footage.gaps]

    @property
    def raised(self) -> list[Alert]:
        return [alert for alert in self.alerts_said if isinstance(alert, Alert)]

    @property
    def closed(self) -> list[AlertClosing]:
        return [alert for alert in self.alerts_said if isinstance(alert, AlertClosing)]

    def as_writing(self) -> Writing:
        return cast(Writing, self)


@dataclass
class Promising:
    """Stands where detectors are asked: every picture a promise that the test keeps."""

    asked: list[tuple[NDArray[np.uint8], Future[Detections]]] = field(default_factory=list)

    def submit(self, rgb: NDArray[np.uint8], frame_wh_px: tuple[int, int]) -> Future[Detections]:
        promise: Future[Detections] = Future()
        self.asked.append((rgb, promise))
        return promise

    def answer(self, *boxes: tuple[float, float, float, float], label: int = 0) -> None:
        """Answer all that wait with these boxes."""
        count = len(boxes)
        for _, promise in self.asked:
            if not promise.done():
                promise.set_result(
                    Detections.of(
                        "", 0, 0, np.array(boxes, np.float32).reshape(count, 4), np.full(count, 0.9, np.float32),
                        np.full(count, label, np.int16),
                    )
                )  # fmt: skip

    def as_detecting(self) -> Detecting:
        return cast(Detecting, self)
