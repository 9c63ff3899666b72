"""Whether the parts of the command center work."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from apps.gateway.following import SERVICE
from apps.gateway.people import SignedIn, TheRoom
from apps.gateway.room import Room
from apps.gateway.shown import Instant
from apps.up.record import read_record
from catalog.errors import RtccError
from catalog.spans import parse_instant
from ray_jobs.live.status import LiveStatus

router = APIRouter(tags=["health"])


class Up(BaseModel):
    """This process answers."""

    status: Literal["ok"] = "ok"


class Part(BaseModel):
    """One part of the command center."""

    name: str
    up: bool
    since_at: Instant | None
    detail: str


class Health(BaseModel):
    """All parts as they are now."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"parts": [{"name": "keeper", "up": True, "since_at": None, "detail": ""}]}}
    )

    parts: list[Part]


@router.get("/healthz")
async def healthz() -> Up:
    """Say that this process answers; nothing more, to anybody."""
    return Up()


@router.get("/v1/health")
async def health(room: TheRoom, person: SignedIn) -> Health:
    """Return how each part is."""
    room.limits.person.take(person.actor)
    gateway = Part(
        name="gateway", up=True, since_at=room.opened_at,
        detail=f"{len(room.state.presence.people())} people on, {room.waiting} writes wait",
    )  # fmt: skip
    live = _live(room.state.live, room.clock(), room.policy.stale_s)
    return Health(parts=[gateway, await _keeper(room), live, *await room.read(_supervised, room)])


def _supervised(room: Room) -> list[Part]:
    """Return the other parts as their supervisor saw them last; none where nobody supervises."""
    record = read_record(room.home)
    return [
        Part(
            name=part.name, up=part.up, since_at=parse_instant(part.since_at) if part.since_at else None,
            detail=part.detail or (f"started again {part.restarts} times" if part.restarts else ""),
        )
        for part in (record.parts if record is not None else ())
        if part.name not in ("gateway", "keeper")
    ]  # fmt: skip


async def _keeper(room: Room) -> Part:
    try:
        await room.read(room.door.lease, SERVICE, ())
    except RtccError as error:
        return Part(name="keeper", up=False, since_at=None, detail=str(error))
    return Part(name="keeper", up=True, since_at=None, detail=f"{len(room.state.alerts)} alerts open")


def _live(status: LiveStatus | None, now: datetime, stale_s: float) -> Part:
    if status is None:
        return Part(name="live", up=False, since_at=None, detail="live work has never run here")
    age_s = (now - status.as_of_at).total_seconds()
    if age_s > stale_s:
        detail = f"{status.state}; its last word is {age_s:.0f} s old"
        return Part(name="live", up=False, since_at=status.started_at, detail=detail)
    states = ", ".join(f"{count} {state}" for state, count in sorted(status.states.items()))
    detail = "; ".join([states or "no cameras", *status.problems])
    return Part(name="live", up=status.state == "live", since_at=status.started_at, detail=detail)
