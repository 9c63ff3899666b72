"""CAP over HTTP: what others send, and our open alerts for whoever may have them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from lxml import etree

from apps.gateway.alerts import AlertId, kept_alert
from apps.gateway.cap import MEDIA_TYPE, CapMessage, alert_id_of, cap_of, cap_report, last_change_at, parse_cap
from apps.gateway.envelopes import access_of
from apps.gateway.people import TheRoom, signed_in
from apps.gateway.refusals import UnknownType
from apps.gateway.reports import REFUSALS, Taken, keep, proven_device
from apps.gateway.room import Room, room_of
from apps.gateway.state import State
from catalog.access import Access
from catalog.audit import AuditLine
from catalog.casework import Alert
from catalog.errors import AlertConflict
from catalog.response import LONGEST_NOTE, AlertStep
from catalog.spans import iso

router = APIRouter(tags=["cap"])

ATOM = "http://www.w3.org/2005/Atom"

TRIES = 3
"""Times a note is tried again when somebody changed the alert meanwhile."""


async def asker(request: Request) -> Access:
    """Return who asks: a device of kind `alerts` that signs its request, or somebody who is signed in."""
    if "x-rtcc-device" in request.headers:
        device, _ = await proven_device(request, room_of(request), "alerts")
        return access_of(device)
    return signed_in(request).access


Asker = Annotated[Access, Depends(asker)]

XML: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}


@router.post("/v1/cap", status_code=202, responses=REFUSALS)
async def cap_in(request: Request, room: TheRoom) -> Taken:
    """Take a CAP 1.2 message: an alert, or word of one that came before."""
    device, body = await proven_device(request, room, "alerts")
    message = parse_cap(body)
    if message.status != "Actual":
        raise UnknownType(f"messages of status {message.status} raise no alert here; only Actual ones do")
    if message.kind not in ("Alert", "Update", "Cancel"):
        raise UnknownType(f"messages of type {message.kind} raise no alert here; Alert, Update and Cancel do")
    if message.kind != "Alert":
        told = await _tell(room, device.device_id, message)
        if told is not None:
            return Taken(alert_id=told, duplicate=True)
    report = cap_report(message, device.device_id, body.decode("utf-8", "replace"), room.clock())
    return await keep(room, device, report)


async def _tell(room: Room, device_id: str, message: CapMessage) -> str | None:
    """Note an update or the end of a message on its open alert; `None` where no alert of it is open."""
    open_ids = [alert_id_of(device_id, name) for name in message.references]
    for alert_id in open_ids:
        for _ in range(TRIES):
            alert = room.state.alerts.get(alert_id)
            if alert is None:
                break
            if await _noted(room, device_id, alert, message):
                return alert_id
    return None


async def _noted(room: Room, device_id: str, alert: Alert, message: CapMessage) -> bool:
    """Write the note once; `False` where somebody changed the alert meanwhile."""
    access = Access(device_id, "service", "response")
    mark = f"[{message.name}]"
    rows = await room.ask(access, "alert_steps", alert_id=alert.alert_id)
    if any(mark in str(row["note"]) for row in rows):
        return True
    verb = "Cancelled by its sender" if message.kind == "Cancel" else "Updated by its sender"
    words = f"{verb} {iso(message.sent_at)} {mark}: {message.title}\n{message.detail}"
    step = AlertStep(alert.alert_id, alert.version, "note", note=words[:LONGEST_NOTE])
    try:
        room.state.take(await room.write(room.door.step_alert, access, step))
    except AlertConflict:
        room.state.take(await kept_alert(room, access, alert.alert_id))
        return False
    return True


@router.get("/v1/alerts/{alert_id}/cap", response_class=Response, responses=XML)
async def cap_out(room: TheRoom, access: Asker, alert_id: AlertId) -> Response:
    """Return an alert as a CAP 1.2 message; a plate that nobody has verified is not in it."""
    shown = room.state.shown(await kept_alert(room, access, alert_id))
    return Response(cap_of(shown, room.home.site), media_type=MEDIA_TYPE)


@router.get("/v1/cap", response_class=Response, responses={
    200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}}
})  # fmt: skip
async def feed(room: TheRoom, access: Asker) -> Response:
    """Return the open alerts as an Atom feed of CAP messages."""
    await room.write(room.door.record, access, AuditLine("ask", "alerts feed"))
    return Response(_feed(room.state, access, room.home.site), media_type="application/atom+xml")


def _feed(state: State, access: Access, site: str) -> bytes:
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})

    def add(parent: etree._Element, name: str, text: str = "", **words: str) -> None:
        etree.SubElement(parent, f"{{{ATOM}}}{name}", attrib=words).text = text or None

    add(root, "id", "urn:rtcc:open-alerts")
    add(root, "title", f"Open alerts, {site}")
    add(root, "updated", str(iso(state.clock())))
    for alert in state.shown_alerts(access.purpose):
        entry = etree.SubElement(root, f"{{{ATOM}}}entry")
        add(entry, "id", f"urn:rtcc:{alert.alert_id}.{alert.version}")
        add(entry, "title", alert.title)
        add(entry, "updated", str(iso(last_change_at(alert))))
        add(entry, "link", rel="alternate", type=MEDIA_TYPE, href=f"/v1/alerts/{alert.alert_id}/cap")
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return document
