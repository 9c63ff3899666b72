"""What people are shown of cameras, alerts and each other: the shapes of the API, and how they are made.

A plate that nobody has verified leaves this module in no field.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from apps.gateway.plates import without_plate
from catalog.casework import Alert, AlertKind, AlertState, Priority
from catalog.registry import Camera, Mounting, PlaceKind, Sharing
from catalog.response import StepKind
from catalog.spans import EPOCH, from_us
from ray_jobs.live.figures import CameraFigures

Instant = Annotated[datetime, AfterValidator(lambda instant: instant.astimezone(EPOCH.tzinfo))]
"""An instant in UTC, as ISO 8601 with a Z."""

CAMERA: Any = {
    "camera_id": "farish-1", "name": "Farish & Amite", "place_kind": "street", "owner": "city",
    "sharing": "continuous", "lon_deg": -90.1848, "lat_deg": 32.299, "bearing_deg": 90.0, "state": "recording",
    "level": "key", "fps": 15.0, "lag_s": 0.4, "since_at": "2026-03-01T15:00:00Z", "detail": "", "viewable": True,
}  # fmt: skip
ALERT: Any = {
    "alert_id": "alr_3f9a0c1d2e4b5a69", "version": 1, "kind": "panic", "rule": None,
    "title": "Panic: North High School", "priority": "P1", "rank": 0, "state": "raised", "camera_id": None,
    "camera_name": None, "lon_deg": -90.1848, "lat_deg": 32.299, "place_kind": "school",
    "onset_at": "2026-03-01T16:00:00Z", "raised_at": "2026-03-01T16:00:00Z", "detail": "", "confidence": None,
    "firm": True, "repeats": 0, "last_onset_at": None, "acknowledged_at": None, "acknowledged_by": None,
    "assigned_to": None, "on_scene_at": None, "escalated_at": None, "snoozed_until": None, "closed_at": None,
    "outcome": None, "merged_into": None, "source": "north-high", "plate": None, "picture": None,
}  # fmt: skip


class ShownCamera(BaseModel):
    """A camera as it is now."""

    model_config = ConfigDict(json_schema_extra={"example": CAMERA})

    camera_id: str
    name: str
    place_kind: PlaceKind
    owner: Literal["city", "private"]
    sharing: Sharing
    lon_deg: float | None
    lat_deg: float | None
    bearing_deg: float | None
    state: str
    """As live work says: `recording`, `lost`, `waiting`, …; `unknown` where it says nothing now."""
    level: str
    fps: float
    lag_s: float
    since_at: Instant | None
    detail: str
    viewable: bool
    """True where whoever asks may look through it now, by role and consent."""


class NearCamera(ShownCamera):
    """A camera and how far it is."""

    distance_m: float


class ShownPlate(BaseModel):
    """What is shown of a plate hit."""

    verified: bool
    verified_by: str | None
    vehicle: str | None
    text: str | None
    """The plate, once a person has typed it from the picture; `None` before."""


class ShownAlert(BaseModel):
    """An alert as it stands."""

    model_config = ConfigDict(json_schema_extra={"example": ALERT})

    alert_id: str
    version: int
    kind: AlertKind
    rule: str | None
    title: str
    priority: Priority
    rank: int
    """The least number is the most urgent: 0 for panic from a school or hospital, then 1 to 3 by priority."""
    state: AlertState
    camera_id: str | None
    camera_name: str | None
    lon_deg: float | None
    lat_deg: float | None
    place_kind: str | None
    onset_at: Instant
    raised_at: Instant
    detail: str
    confidence: float | None
    firm: bool
    repeats: int
    last_onset_at: Instant | None
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    assigned_to: str | None
    on_scene_at: Instant | None
    escalated_at: Instant | None
    snoozed_until: Instant | None
    closed_at: Instant | None
    outcome: str | None
    merged_into: str | None
    source: str
    plate: ShownPlate | None
    picture: str | None


class Kpi(BaseModel):
    """Figures of the header."""

    open: int
    unacknowledged: int
    p1_unacknowledged: int
    ack_median_s: float | None
    """Of alerts acknowledged within the last 8 hours."""
    cameras_live: int
    cameras_total: int
    lag_s: float | None
    """Median over live cameras."""
    alert_latency_p95_ms: float | None
    live_as_of_at: Instant | None
    """How old live work's own figures are; `None` where it has never run."""


class PersonOn(BaseModel):
    """Somebody who has a page open."""

    actor: str
    display: str
    role: str
    since_at: Instant
    last_seen_at: Instant


class WallOrder(BaseModel):
    """Cameras to open on every wall now."""

    alert_id: str
    camera_ids: list[str]
    reason: str


class ShownSettings(BaseModel):
    """How a person wants the pages."""

    sound: bool
    volume: float
    palette: Literal["standard", "high_contrast", "colour_safe"]
    reduced_motion: bool


class Me(BaseModel):
    """Who is signed in, and what they may do."""

    actor: str
    display: str
    role: str
    settings: ShownSettings
    actions: list[StepKind]


class ShownPolicy(BaseModel):
    """Times by which pages and people are measured, seconds."""

    escalate_s: dict[str, float]
    watch_s: float
    stale_s: float


class Basemap(BaseModel):
    """What the map is drawn on."""

    kind: Literal["geojson", "pmtiles"]
    url: str


class Snapshot(BaseModel):
    """Everything a page shows, at one instant."""

    type: Literal["snapshot"] = "snapshot"
    seq: int
    as_of_at: Instant
    me: Me
    cameras: list[ShownCamera]
    alerts: list[ShownAlert]
    kpi: Kpi
    people: list[PersonOn]
    wall: list[WallOrder]
    policy: ShownPolicy
    basemap: Basemap


class ShownStep(BaseModel):
    """One thing that was done about an alert."""

    alert_id: str
    stepped_at: Instant
    actor: str
    role: str
    kind: StepKind
    version: int
    """Of the alert after the step."""
    assignee: str | None = None
    outcome: str | None = None
    note: str = ""
    until: Instant | None = None
    into: str | None = None
    plate_typed: str | None = None
    """What was typed; shown once the plate is verified."""
    plate_matches: bool | None = None
    vehicle_matches: bool | None = None


def shown_camera(
    camera: Camera, mounting: Mounting | None, figures: CameraFigures | None, *, viewable: bool
) -> ShownCamera:
    """Return what is shown of a camera; without figures nobody knows how it is."""
    since_us = figures.since_us if figures else 0
    return ShownCamera(
        camera_id=camera.camera_id, name=camera.name, place_kind=camera.place_kind,
        owner="private" if camera.private else "city", sharing=camera.sharing,
        lon_deg=mounting.lon_deg if mounting else None, lat_deg=mounting.lat_deg if mounting else None,
        bearing_deg=mounting.bearing_deg if mounting else None,
        state=figures.state if figures else "unknown", level=figures.level if figures else "",
        fps=round(figures.fps, 1) if figures else 0.0, lag_s=round(figures.lag_s, 1) if figures else 0.0,
        since_at=from_us(since_us) if since_us else None, detail=figures.detail if figures else "",
        viewable=viewable,
    )  # fmt: skip


def shown_alert(alert: Alert, camera: Camera | None, mounting: Mounting | None) -> ShownAlert:
    """Return what is shown of an alert: a plate only once a person has typed it from the picture."""
    hidden = alert.plate_text if alert.verified_at is None else None
    by_camera = alert.lon_deg is None and mounting is not None
    picture = f"/v1/alerts/{alert.alert_id}/picture.jpg" if alert.camera_id is not None else None
    return ShownAlert(
        alert_id=alert.alert_id, version=alert.version, kind=alert.kind, rule=alert.rule,
        title=without_plate(title_of(alert), hidden), priority=alert.priority, rank=alert.rank, state=alert.state,
        camera_id=alert.camera_id, camera_name=camera.name if camera else None,
        lon_deg=mounting.lon_deg if by_camera and mounting else alert.lon_deg,
        lat_deg=mounting.lat_deg if by_camera and mounting else alert.lat_deg,
        place_kind=alert.place_kind or (camera.place_kind if camera else None), onset_at=alert.onset_at,
        raised_at=alert.raised_at, detail=without_plate(alert.detail, hidden), confidence=alert.confidence,
        firm=not alert.provisional, repeats=alert.repeats, last_onset_at=alert.last_onset_at,
        acknowledged_at=alert.acknowledged_at, acknowledged_by=alert.acknowledged_by, assigned_to=alert.assigned_to,
        on_scene_at=alert.on_scene_at, escalated_at=alert.escalated_at, snoozed_until=alert.snoozed_until,
        closed_at=alert.closed_at, outcome=alert.outcome, merged_into=alert.merged_into, source=alert.source,
        plate=_plate(alert), picture=picture,
    )  # fmt: skip


def title_of(alert: Alert) -> str:
    """Return an alert's title; of one without, its rule in words, or what kind it is."""
    if alert.title:
        return alert.title
    words = (alert.rule or alert.kind).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _plate(alert: Alert) -> ShownPlate | None:
    if alert.kind != "plate":
        return None
    verified = alert.verified_at is not None
    return ShownPlate(
        verified=verified, verified_by=alert.verified_by,
        vehicle=without_plate(alert.vehicle, None if verified else alert.plate_text) if alert.vehicle else None,
        text=alert.plate_text if verified else None,
    )  # fmt: skip


def shown_step(row: dict[str, Any], hidden: str | None) -> ShownStep:
    """Return what is shown of a row of `alert_steps`.

    Parameters
    ----------
    hidden
        The alert's plate while nobody has verified it; what was typed stays hidden with it.
    """
    return ShownStep(
        alert_id=row["alert_id"], stepped_at=row["stepped_at"], actor=row["actor"], role=row["role"],
        kind=row["kind"], version=row["version"], assignee=row["assignee"], outcome=row["outcome"],
        note=without_plate(row["note"], hidden), until=row["snoozed_until"], into=row["merged_into"],
        plate_typed=row["plate_typed"] if hidden is None else None, plate_matches=row["plate_matches"],
        vehicle_matches=row["vehicle_matches"],
    )  # fmt: skip
