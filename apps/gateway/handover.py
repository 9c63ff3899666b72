"""The change of shifts: what the last one did, what is still open, and what it leaves to the next."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from apps.gateway.alerts import alert_of
from apps.gateway.people import Acting, SignedIn, TheRoom
from apps.gateway.persons import RESPONDERS, Person
from apps.gateway.plates import without_plate
from apps.gateway.room import Room
from apps.gateway.shown import Instant, ShownStep, shown_step
from apps.gateway.state import LIVE_STATES
from catalog.casework import Alert
from catalog.errors import BadInput, NotPermitted
from catalog.response import ShiftNote

router = APIRouter(tags=["shifts"])

SHIFT = timedelta(hours=8)
MOST_STEPS = 1_000
"""Steps in one answer, the last ones."""


class Summary(BaseModel):
    """A shift in figures."""

    open: int
    closed: int
    by_outcome: dict[str, int]
    unacknowledged: int
    oldest_open_s: float | None
    cameras_down: int
    """Cameras that live work knows and that do not record now."""


class LoggedStep(ShownStep):
    """A step, and what it was about."""

    title: str


class ShownNote(BaseModel):
    """What one shift leaves to the next."""

    note_id: str
    written_at: Instant
    actor: str
    shift_from: Instant
    shift_until: Instant
    text: str


class HandOver(BaseModel):
    """What the next shift must know."""

    summary: Summary
    log: list[LoggedStep]
    notes: list[ShownNote]


class WantedNote(BaseModel):
    """What one shift leaves to the next."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"text": "farish-1 is being cleaned", "shift_from": "2026-03-01T12:00:00Z",
                                       "shift_until": "2026-03-01T20:00:00Z"}},
    )  # fmt: skip

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    shift_from: datetime
    shift_until: datetime


@router.get("/v1/handover")
async def hand_over(room: TheRoom, person: SignedIn, since: Annotated[datetime | None, Query()] = None) -> HandOver:
    """Return what happened since an instant, or within the last 8 hours."""
    room.limits.person.take(person.actor)
    start_at = since or room.clock() - SHIFT
    if start_at.tzinfo is None:
        raise BadInput("since: the instant names no time zone; add Z or an offset such as -06:00")
    access = person.access
    raised = await room.ask(access, "alerts_between", start_at=start_at)
    still_open = [alert for alert in room.state.alerts.values() if room.state.visible(alert, access.purpose)]
    steps = await room.ask(access, "alert_steps", start_at=start_at)
    notes = await room.ask(access, "shift_notes", start_at=start_at)
    known = {row["alert_id"]: alert_of(row) for row in raised} | {alert.alert_id: alert for alert in still_open}
    log = []
    for row in steps[-MOST_STEPS:]:
        alert, hidden = known.get(row["alert_id"]), room.state.hidden_plate(row["alert_id"])
        title = room.state.shown(alert).title if alert is not None else row["title"]
        log.append(LoggedStep(title=without_plate(title, hidden), **shown_step(row, hidden).model_dump()))
    return HandOver(summary=_summary(room, raised, still_open), log=log, notes=[ShownNote(**row) for row in notes])


@router.post("/v1/handover", status_code=201, responses={403: {"description": "The role may not"}})
async def write_note(room: TheRoom, person: Acting, wanted: WantedNote) -> ShownNote:
    """Keep what one shift leaves to the next."""
    room.limits.person.take(person.actor)
    if person.role not in RESPONDERS:
        raise NotPermitted(f"write a note for the next shift: the role {person.role} may not; it may look")
    if wanted.shift_from.tzinfo is None or wanted.shift_until.tzinfo is None:
        raise BadInput("shift_from, shift_until: an instant names no time zone; add Z or an offset such as -06:00")
    note = _note(person, wanted, room.clock())
    await room.write(room.door.write_note, person.access, note)
    return ShownNote(
        note_id=note.note_id, written_at=note.written_at, actor=note.actor, shift_from=note.shift_from,
        shift_until=note.shift_until, text=note.text,
    )  # fmt: skip


def _note(person: Person, wanted: WantedNote, now: datetime) -> ShiftNote:
    note_id = ShiftNote.identify(person.actor, now, wanted.text)
    return ShiftNote(note_id, now, person.actor, wanted.shift_from, wanted.shift_until, wanted.text)


def _summary(room: Room, raised: list[dict[str, Any]], still_open: list[Alert]) -> Summary:
    closed = [row for row in raised if row["closed_at"] is not None]
    oldest_at = min((alert.raised_at for alert in still_open), default=None)
    live = room.state.live.cameras if room.state.live is not None else ()
    return Summary(
        open=len(still_open), closed=len(closed),
        by_outcome=dict(Counter(str(row["outcome"]) for row in closed)),
        unacknowledged=sum(alert.acknowledged_at is None for alert in still_open),
        oldest_open_s=(room.clock() - oldest_at).total_seconds() if oldest_at is not None else None,
        cameras_down=sum(one.state not in LIVE_STATES for one in live),
    )  # fmt: skip
