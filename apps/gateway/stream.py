"""The state as it changes: a WebSocket for pages, server-sent events for whoever wants alerts alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from apps.gateway.fanout import Subscriber, encoded
from apps.gateway.me import me_of
from apps.gateway.people import SignedIn, TheRoom, check_origin, signed_in
from apps.gateway.persons import Person
from apps.gateway.refusals import NotSignedIn, OutOfScope, WrongOrigin
from apps.gateway.room import Room, room_of
from apps.gateway.shown import Snapshot
from catalog.audit import AuditLine
from catalog.errors import RtccError
from catalog.spans import to_us

router = APIRouter(tags=["state"])

NOT_SIGNED_IN = 4401
NOT_PERMITTED = 4403
COME_BACK = 1013
GOING_AWAY = 1012
"""Codes with which a stream is closed."""

CHECK_S = 5.0
"""Between two looks whether whoever listens is still signed in, seconds."""


@router.get("/v1/state")
async def state(room: TheRoom, person: SignedIn) -> Snapshot:
    """Return everything a page shows, as it is now."""
    room.limits.person.take(person.actor)
    await _note(room, person, "state")
    return room.state.snapshot(person, me_of(room, person))


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Send a snapshot, then what changes; the figures each second are the heartbeat."""
    room = room_of(socket)
    await socket.accept()
    try:
        check_origin(socket)
        person = signed_in(socket)
        await _note(room, person, "stream")
    except (NotSignedIn, OutOfScope, WrongOrigin) as error:
        await _end(socket, NOT_SIGNED_IN if isinstance(error, NotSignedIn) else NOT_PERMITTED, error)
        return
    except RtccError as error:  # the catalog does not answer: without a line in the audit nothing is shown
        await _end(socket, COME_BACK, error)
        return
    with room.state.fanout.subscribed(person.access.purpose) as subscriber:
        page = room.state.presence.join(person, room.clock())
        room.state.tell_people()
        # Made after the queue began, without a pause in between: nothing is missed, nothing comes twice.
        snapshot = room.state.snapshot(person, me_of(room, person)).model_dump(mode="json")
        _drop_older(subscriber)
        try:
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(encoded({**snapshot, "sent_us": to_us(room.clock())}))
                await _serve(socket, room, subscriber, page)
        finally:
            room.state.presence.leave(page)
            room.state.tell_people()


def _drop_older(subscriber: Subscriber) -> None:
    """Take out what was queued before the snapshot, which says it already."""
    while not subscriber.queue.empty():
        subscriber.queue.get_nowait()


async def _serve(socket: WebSocket, room: Room, subscriber: Subscriber, page: int) -> None:
    """Send and listen until one side has had enough."""
    tasks = [
        asyncio.create_task(work)
        for work in (
            _send(socket, subscriber), _listen(socket, room, page), _watch(socket, room),
            _fall_behind(subscriber), _leave(room),
        )
    ]  # fmt: skip
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    code = next((task.result() for task in done if not task.exception()), None)
    if code is not None:
        await socket.close(code)


async def _send(socket: WebSocket, subscriber: Subscriber) -> None:
    while True:
        await socket.send_text(await subscriber.queue.get())


async def _listen(socket: WebSocket, room: Room, page: int) -> None:
    while True:  # pages say nothing of meaning here: that they speak is all that counts
        await socket.receive_text()
        room.state.presence.seen(page, room.clock())


async def _watch(socket: WebSocket, room: Room) -> int:
    while True:
        await asyncio.sleep(CHECK_S)
        try:
            signed_in(socket)
        except RtccError:
            return NOT_SIGNED_IN


async def _fall_behind(subscriber: Subscriber) -> int:
    await subscriber.fell_behind.wait()
    return COME_BACK


async def _leave(room: Room) -> int:
    await room.leaving.wait()
    return GOING_AWAY


async def _end(socket: WebSocket, code: int, error: RtccError) -> None:
    with suppress(RuntimeError):
        await socket.send_text(json.dumps({"error": type(error).__name__, "message": str(error)}))
        await socket.close(code)


EVENTS = {200: {"content": {"text/event-stream": {"example": 'id: 7\nevent: alert\ndata: {"type":"alert"}\n\n'}}}}


@router.get("/v1/alerts/stream", response_class=StreamingResponse, responses=EVENTS)  # type: ignore[arg-type]
async def alerts_stream(request: Request, room: TheRoom, person: SignedIn) -> StreamingResponse:
    """Send changes of alerts as server-sent events; the open ones come first."""
    room.limits.person.take(person.actor)
    await _note(room, person, "alerts stream")
    return StreamingResponse(_events(request, room, person), media_type="text/event-stream")


async def _events(request: Request, room: Room, person: Person) -> AsyncIterator[str]:
    purpose = person.access.purpose
    with room.state.fanout.subscribed(purpose) as subscriber:
        seq = room.state.fanout.channel(purpose).seq
        for alert in room.state.shown_alerts(purpose):
            yield _event(seq, encoded({"type": "alert", "seq": seq, "alert": alert.model_dump(mode="json")}))
        while not (subscriber.fell_behind.is_set() or room.leaving.is_set()):
            try:
                text = await asyncio.wait_for(subscriber.queue.get(), CHECK_S)
            except TimeoutError:
                text = ""
            try:
                signed_in(request)
            except RtccError:
                return
            message = json.loads(text) if text else {}
            if message.get("type") == "alert":
                yield _event(message["seq"], text)
            elif message.get("type") == "kpi":
                yield ": alive\n\n"


def _event(seq: int, text: str) -> str:
    return f"id: {seq}\nevent: alert\ndata: {text}\n\n"


async def _note(room: Room, person: Person, what: str) -> None:
    """Write into the audit that somebody looks at the state; no line, no look."""
    await room.write(room.door.record, person.access, AuditLine("ask", what))
