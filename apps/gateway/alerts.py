"""Alerts one by one: their steps, their history, and those that people raise by hand."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from apps.gateway.envelopes import CameraId, Latitude, Longitude, Text
from apps.gateway.people import Acting, SignedIn, TheRoom
from apps.gateway.persons import RESPONDERS, Person
from apps.gateway.room import Room
from apps.gateway.shown import ALERT, ShownAlert, ShownStep, shown_step
from catalog.access import Access
from catalog.casework import Alert, Priority
from catalog.errors import AlertConflict, BadInput, NotFound, NotPermitted
from catalog.response import AlertStep, StepKind, plate_matches

router = APIRouter(tags=["alerts"])

AlertId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$", examples=["alr_3f9a0c1d2e4b5a69"])]

MOST_ALERTS = 2_000
"""Alerts in one answer; ask for a shorter span."""


class WantedStep(BaseModel):
    """What somebody does about an alert, and which version of it they saw."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"kind": "acknowledge", "version": 1}})

    kind: StepKind
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    assignee: Annotated[str, StringConstraints(max_length=64)] | None = None
    outcome: Annotated[str, StringConstraints(max_length=64)] | None = None
    note: Text = ""
    until: datetime | None = None
    plate_typed: Annotated[str, StringConstraints(max_length=32)] | None = None
    vehicle_matches: bool | None = None
    into: Annotated[str, StringConstraints(max_length=64)] | None = None


class Stepped(BaseModel):
    """The alert after the step."""

    alert: ShownAlert
    plate_matches: bool | None = None
    """For `verify`: whether the typing is what the device read."""


class Conflict(BaseModel):
    """The alert is no longer as it was seen."""

    error: Literal["AlertConflict"]
    message: str
    alert: ShownAlert | None


class AlertHistory(BaseModel):
    """An alert and everything that was done about it."""

    alert: ShownAlert
    steps: list[ShownStep]


class AlertList(BaseModel):
    """Alerts."""

    alerts: list[ShownAlert]


class ByHand(BaseModel):
    """Something that a person wants answered."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Caller reports a fight", "priority": "P2"}}
    )

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    priority: Priority
    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None
    camera_id: CameraId | None = None
    detail: Text = ""


class Raised(BaseModel):
    """The alert that was raised."""

    model_config = ConfigDict(json_schema_extra={"example": {"alert": ALERT}})

    alert: ShownAlert


@router.get("/v1/alerts")
async def alerts(
    room: TheRoom,
    person: SignedIn,
    state: Annotated[Literal["open", "closed"] | None, Query()] = None,
    since: Annotated[datetime | None, Query()] = None,
    until: Annotated[datetime | None, Query()] = None,
    camera_id: Annotated[CameraId | None, Query()] = None,
) -> AlertList:
    """Return alerts by when they were raised: open, closed or all, of one camera or all."""
    room.limits.person.take(person.actor)
    if state == "open" and since is None and until is None:
        rows = await room.ask(person.access, "open_alerts", camera_id=camera_id)
    else:
        rows = await room.ask(
            person.access, "alerts_between", start_at=_zoned(since, "since"), end_at=_zoned(until, "until"),
            camera_id=camera_id,
        )  # fmt: skip
    kept = [alert_of(row) for row in rows if state is None or (row["closed_at"] is None) == (state == "open")]
    return AlertList(alerts=[room.state.shown(alert) for alert in kept[-MOST_ALERTS:]])


@router.get("/v1/alerts/{alert_id}", responses={404: {"description": "There is no such alert"}})
async def alert(room: TheRoom, person: SignedIn, alert_id: AlertId) -> AlertHistory:
    """Return an alert and everything that was done about it."""
    room.limits.person.take(person.actor)
    found = await kept_alert(room, person.access, alert_id)
    rows = await room.ask(person.access, "alert_steps", alert_id=alert_id)
    hidden = room.state.hidden_plate(alert_id)
    return AlertHistory(alert=room.state.shown(found), steps=[shown_step(row, hidden) for row in rows])


@router.post(
    "/v1/alerts/{alert_id}/steps", response_model=Stepped, response_model_exclude_none=False,
    responses={403: {"description": "The role may not, or the plate is not verified"},
               404: {"description": "There is no such alert"},
               409: {"model": Conflict, "description": "The alert is no longer as it was seen"}},
)  # fmt: skip
async def step(room: TheRoom, person: Acting, alert_id: AlertId, wanted: WantedStep) -> Stepped | JSONResponse:
    """Take a step: acknowledge, assign, close, …; of two who saw the same version only the first succeeds."""
    room.limits.person.take(person.actor)
    if wanted.until is not None:
        _zoned(wanted.until, "until")
    taken = AlertStep(alert_id, **wanted.model_dump())
    try:
        after = await room.write(room.door.step_alert, person.access, taken)
    except AlertConflict as conflict:
        return await _conflict(room, person, alert_id, conflict)
    room.state.take(after)
    matched = plate_matches(after, taken) if taken.kind == "verify" else None
    return Stepped(alert=room.state.shown(after), plate_matches=matched)


@router.post("/v1/alerts/by-hand", status_code=201, responses={403: {"description": "The role may not"}})
async def by_hand(room: TheRoom, person: Acting, wanted: ByHand) -> Raised:
    """Raise an alert: somebody called, or saw something."""
    room.limits.person.take(person.actor)
    if person.role not in RESPONDERS:
        raise NotPermitted(f"raise an alert: the role {person.role} may not; it may look")
    if (wanted.lon_deg is None) != (wanted.lat_deg is None):
        raise BadInput("raise an alert: give both lon_deg and lat_deg, or neither")
    now = room.clock()
    raised = Alert(
        Alert.identify("person", person.actor, now.isoformat(), wanted.model_dump_json()), "person", None,
        wanted.camera_id, wanted.priority, now, now, detail=wanted.detail, title=wanted.title, source=person.actor,
        lon_deg=wanted.lon_deg, lat_deg=wanted.lat_deg,
    )  # fmt: skip
    await room.write(room.door.raise_alerts, person.access, [raised])
    kept = await kept_alert(room, person.access, raised.alert_id)
    if kept.merged_into is not None:  # the same words again: one thing to answer
        kept = await kept_alert(room, person.access, kept.merged_into)
    room.state.take(kept)
    return Raised(alert=room.state.shown(kept))


async def kept_alert(room: Room, access: Access, alert_id: str) -> Alert:
    """Return an alert as the catalog holds it, closed or not.

    Raises
    ------
    NotFound
        When there is none, or its camera is closed to whoever asks.
    """
    rows = await room.ask(access, "alert_by_id", alert_id=alert_id)
    if not rows:
        raise NotFound(f"there is no alert {alert_id!r}, or you may not see it")
    return alert_of(rows[0])


async def _conflict(room: Room, person: Person, alert_id: str, conflict: AlertConflict) -> JSONResponse:
    """Return how the alert stands, so that whoever was too late can decide anew."""
    try:
        now = room.state.shown(await kept_alert(room, person.access, alert_id)).model_dump(mode="json")
    except NotFound:
        now = None
    return JSONResponse({"error": "AlertConflict", "message": str(conflict), "alert": now}, status_code=409)


FIELDS = tuple(field.name for field in fields(Alert))
"""What a row is read as an alert by; what it has beyond is about the camera."""


def alert_of(row: dict[str, Any]) -> Alert:
    """Return the alert that a row of the catalog is."""
    return Alert(**{name: row[name] for name in FIELDS if name in row})


def _zoned(instant: datetime | None, name: str) -> datetime | None:
    if instant is not None and instant.tzinfo is None:
        raise BadInput(f"{name}: the instant names no time zone; add Z or an offset such as -06:00")
    return instant
