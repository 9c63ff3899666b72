"""What devices may ask for: panic, plate reads and alerts, each durable before it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from apps.gateway import envelopes
from apps.gateway.devices import Device, DeviceKind
from apps.gateway.envelopes import Received
from apps.gateway.people import TheRoom
from apps.gateway.room import Room
from apps.gateway.signing import proven
from catalog.errors import NotPermitted
from catalog.response import DeviceReport

router = APIRouter(tags=["devices"])


class Taken(BaseModel):
    """A report that is durable now."""

    alert_id: str
    """The alert that answers it; of a repeat, the one that goes on."""
    duplicate: bool
    """True where the report, or what it is about, was known before: no second alert is made."""


REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Not signed, signed wrongly or too long ago, or sent before"},
    403: {"description": "This device may not report this"},
    404: {"description": "The camera is not in the registry"},
    413: {"description": "The body is larger than 256 KB"},
    422: {"description": "No CloudEvent of this type, or its data will not do"},
    429: {"description": "Too many requests of this device or address; see Retry-After"},
    503: {"description": "Too many reports wait, or the catalog does not answer; see Retry-After"},
}


@router.post("/v1/panic", status_code=202, responses=REFUSALS)
async def panic(request: Request, room: TheRoom) -> Taken:
    """Report that a panic button was pressed."""
    return await _event(request, room, "panic", envelopes.PANIC, envelopes.panic_report)


@router.post("/v1/plate-reads", status_code=202, responses=REFUSALS)
async def plate_read(request: Request, room: TheRoom) -> Taken:
    """Report that a plate was read that is looked for."""
    return await _event(request, room, "plate", envelopes.PLATE_READ, envelopes.plate_report)


@router.post("/v1/alerts", status_code=202, responses=REFUSALS)
async def alert(request: Request, room: TheRoom) -> Taken:
    """Report something that somebody must answer."""
    return await _event(request, room, "alerts", envelopes.ALERT, envelopes.alert_report)


async def _event(
    request: Request, room: Room, kind: DeviceKind, expected: str, report_of: Callable[[Received], DeviceReport]
) -> Taken:
    device, body = await proven_device(request, room, kind)
    return await keep(room, device, report_of(envelopes.received(device, body, expected, room.clock())))


async def proven_device(request: Request, room: Room, kind: DeviceKind) -> tuple[Device, bytes]:
    """Return the device that signed this request, and the request's body.

    Raises
    ------
    TooMany
        When address or device ask too often.
    BadSignature, StaleTimestamp, ReplayedNonce
        When it does not prove who it is.
    NotPermitted
        When it is a device of another kind.
    """
    room.limits.address.take(request.client.host if request.client else "")
    body = await request.body()
    device = proven(
        room.devices, room.nonces, request.method, request.url.path, request.headers, body, room.clock()
    )  # fmt: skip
    room.limits.device.take(device.device_id)
    if device.kind != kind:
        raise NotPermitted(f"device {device.device_id!r} is of kind {device.kind}, and may not report here")
    return device, body


async def keep(room: Room, device: Device, report: DeviceReport) -> Taken:
    """Return the answer to a report once it is durable."""
    access = envelopes.access_of(device)
    kept = await room.write(room.door.report, access, report)
    room.state.take(kept)
    return Taken(alert_id=kept.merged_into or kept.alert_id, duplicate=envelopes.was_known(report, kept))
