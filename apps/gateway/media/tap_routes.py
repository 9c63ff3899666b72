"""The tap as a WebSocket: one camera's feed as it comes, fragment by fragment, and who watches it.

Sent are texts and bytes. A text with `mime` comes before the bytes of every head: the player then begins anew.
Bytes are the frame's instant, eight of µs since 1970 UTC, big endian, then the fragment; that of a head is 0.
A text with `error` says why it ends, and the code with which it is closed says it again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from apps.gateway.media.desk import Desk, desk_of, known_form
from apps.gateway.media.idle import IdleWatch, audit_words, idle_words, worded
from apps.gateway.media.viewer import Head, Viewer
from apps.gateway.people import check_origin, signed_in
from apps.gateway.persons import Person
from apps.gateway.refusals import NotSignedIn, OutOfScope, TooMany, WrongOrigin
from apps.gateway.watches import Watch
from catalog.errors import BadInput, NotFound, NotPermitted, RtccError

router = APIRouter(tags=["media"])

NOT_SIGNED_IN, NOT_PERMITTED, NOT_WATCHED, IDLE, NOT_PLAYABLE = 4401, 4403, 4404, 4408, 4415
GOING_AWAY, COME_BACK = 1012, 1013
"""Codes with which a tap is closed."""

CHECK_S = 2.0
"""Between two looks whether a watcher is still signed in, and still says why, seconds."""

MOST_WATCHES = 64
"""Taps one person may have open: four walls of sixteen tiles."""

MOST_MESSAGE = 4096
"""Characters of a message that is looked at."""


class NotPlayable(RtccError):
    """A feed in a codec that browsers do not play."""


class GoingAway(RtccError):
    """The gateway is about to end."""


@router.websocket("/v1/cameras/{camera_id}/tap")
async def tap(
    socket: WebSocket,
    camera_id: str,
    reason: Annotated[str, Query(max_length=10_000)] = "",
    alert_id: Annotated[str | None, Query(max_length=200)] = None,
) -> None:
    """Send a camera's feed as it comes."""
    await socket.accept()
    try:
        check_origin(socket)
        person = signed_in(socket)
        async with watching(desk_of(socket), socket, person, camera_id, worded(reason), alert_id) as course:
            await course.go_on()
    except WebSocketDisconnect:
        pass
    except RtccError as error:
        await _say_why(socket, error, code_of(error))


@asynccontextmanager
async def watching(
    desk: Desk, socket: WebSocket, person: Person, camera_id: str, reason: str, alert_id: str | None
) -> AsyncIterator[Course]:
    """Ask for leave, begin to watch, and write down who watches what and why; watch no more when the block ends.

    Raises
    ------
    RtccError
        Why not.
    """
    room = desk.room
    await desk.require_watcher(person, f"watch {camera_id}")
    known_form(camera_id)
    if sum(watch.actor == person.actor for watch in room.watches.all()) >= MOST_WATCHES:
        raise TooMany(f"{MOST_WATCHES} taps are open already; close some")
    # An alert that nobody has to answer any more is no reason.
    alert_id = alert_id if alert_id in room.state.alerts else None
    watch = room.watches.open(person.actor, camera_id, room.clock(), alert_id=alert_id, reason=reason)
    try:
        viewer = await desk.feeds.join(person.access, camera_id)
        try:
            course = Course(desk, socket, person, viewer, watch)
            # The shard has written that the feed is opened; this line is one for each tile, and says why.
            await course.write_down()
            yield course
        finally:
            desk.feeds.leave(viewer)
    finally:
        room.watches.close(watch)


@dataclass
class Course:
    """One tap, while it is open."""

    desk: Desk
    socket: WebSocket
    person: Person
    viewer: Viewer
    watch: Watch

    async def go_on(self) -> None:
        """Send and listen until one side has had enough; raises why."""
        works = (self._send(), self._listen(), self._check(), self._leave())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def write_down(self) -> None:
        """Put into the audit who watches what and why."""
        await self.desk.threads.ask(self.desk.archive.record, self.person.access, "watch", audit_words(self.watch))

    async def _send(self) -> None:
        while True:
            try:
                piece = await self.viewer.next()
            except NotPermitted as error:
                raise await self._after_all(error) from error
            if isinstance(piece, Head):
                if piece.codec.mime is None:
                    raise NotPlayable(f"codec not playable: {piece.codec.entry}; set the camera to H.264")
                said = {"mime": piece.codec.mime, "camera_id": self.watch.camera_id}
                await self.socket.send_text(json.dumps(said))
                piece = piece.message
            await self.socket.send_bytes(piece)

    async def _after_all(self, error: NotPermitted) -> RtccError:
        """Return what a shard's refusal comes to: it says the same word when it ends, and when consent does."""
        closed = await self.desk.threads.ask(self.desk.still_closed, self.person.access, self.watch.camera_id)
        return NotPermitted(closed) if closed is not None else NotFound(str(error))

    async def _listen(self) -> None:
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            text = message.get("text") or ""
            with suppress(ValueError, RecursionError):
                said = json.loads(text[:MOST_MESSAGE])
                if isinstance(said, dict) and said.get("keep") is True:
                    await self._keep(worded(str(said.get("reason") or "")))

    async def _keep(self, reason: str) -> None:
        room = self.desk.room
        room.limits.person.take(self.person.actor)
        anew = reason not in ("", self.watch.reason)
        room.watches.keep(self.watch, room.clock(), reason)
        if anew:
            await self.write_down()

    async def _check(self) -> None:
        """See whether the watcher is still signed in and still says why; raises if not."""
        room, watch = self.desk.room, self.watch
        every_s = min(CHECK_S, room.policy.watch_s / 4)
        while True:
            await asyncio.sleep(every_s)
            if signed_in(self.socket).access != self.person.access:
                raise NotPermitted("the account's role is another now; open it again")
            if watch.alert_id is not None and watch.alert_id not in room.state.alerts:
                watch.alert_id, watch.renewed_at = None, room.clock()
            if watch.idle_s(room.clock()) > room.policy.watch_s:
                raise IdleWatch(idle_words(watch.camera_id, room.policy.watch_s))

    async def _leave(self) -> None:
        await self.desk.room.leaving.wait()
        raise GoingAway("the gateway is going away; come back in a moment")


def code_of(error: RtccError) -> int:
    """Return the code with which a tap is closed for this reason."""
    codes: dict[type[RtccError], int] = {
        NotSignedIn: NOT_SIGNED_IN, IdleWatch: IDLE, NotPlayable: NOT_PLAYABLE, GoingAway: GOING_AWAY,
        WrongOrigin: NOT_PERMITTED, OutOfScope: NOT_PERMITTED, NotPermitted: NOT_PERMITTED,
        NotFound: NOT_WATCHED, BadInput: NOT_WATCHED, TooMany: COME_BACK,
    }  # fmt: skip
    kinds = [kind for kind in type(error).__mro__ if kind in codes]
    # The catalog does not answer: without a line in the audit nothing is shown.
    return codes[kinds[0]] if kinds else COME_BACK


async def _say_why(socket: WebSocket, error: RtccError, code: int) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(json.dumps({"error": type(error).__name__, "message": str(error)}))
        await socket.close(code)
