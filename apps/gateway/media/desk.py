"""The media desk: what all media routes share, and the laws they all keep."""

from __future__ import annotations

import threading

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from apps.gateway.media.archive import Archive
from apps.gateway.media.feeds import Feeds
from apps.gateway.media.list_watches import ListWatches
from apps.gateway.media.live_list import LiveLists
from apps.gateway.media.recordings import Recordings
from apps.gateway.media.replay import Replays
from apps.gateway.media.sending import Leave
from apps.gateway.media.stills import Stills
from apps.gateway.media.threads import Threads
from apps.gateway.people import signed_in
from apps.gateway.persons import Person
from apps.gateway.room import Room, room_of
from catalog.access import Access
from catalog.casework import Alert
from catalog.errors import KeeperUnavailable, NotFound, NotPermitted, UnknownCamera
from catalog.spans import Span
from ray_jobs.live.taps import reached


class Desk:
    """What all media routes share; one for each room."""

    def __init__(self, room: Room) -> None:
        self.room, self.threads = room, Threads()
        self.archive = Archive(room.home, room.door, room.reader)
        self.recordings = Recordings(room.home)
        self.stills = Stills(self.archive, self.recordings, self.threads)
        self.replays = Replays(self.archive, self.recordings)
        self.live_lists = LiveLists(self.archive, self.recordings, room.clock)
        self.list_watches = ListWatches(room)
        self.feeds = Feeds(lambda access, camera_id: reached(room.home, access, camera_id), self.threads)

    def close(self) -> None:
        """Let go of all feeds and threads."""
        self.list_watches.close()
        self.feeds.close()
        self.threads.close()

    async def require_watcher(self, person: Person, what: str) -> None:
        """Return if the role may look through cameras at all; a refusal is in the audit.

        Raises
        ------
        NotPermitted
            When it may not.
        """
        self.room.limits.person.take(person.actor)
        if not person.may_watch:
            refusal = f"the role {person.role} looks through no camera; ask an officer or a supervisor"
            await self.threads.ask(self.archive.record, person.access, what, "", f"refused: {refusal}")
            raise NotPermitted(refusal)

    async def alert(self, person: Person, alert_id: str) -> Alert:
        """Return the alert with this id, open or closed.

        Raises
        ------
        NotFound
            When there is none.
        """
        if alert_id in self.room.state.alerts:
            return self.room.state.alerts[alert_id]
        return await self.threads.ask(self._closed_alert, person.access, alert_id)

    def _closed_alert(self, access: Access, alert_id: str) -> Alert:
        """Return what of an alert a picture needs, out of the catalog."""
        rows = self.room.reader(access).ask("alert_by_id", alert_id=alert_id).to_pylist()
        if not rows:
            raise NotFound(f"there is no alert {alert_id!r}; the queue names those there are")
        names = ("alert_id", "kind", "event_id", "camera_id", "priority", "raised_at", "onset_at", "firm_at")
        return Alert(**{name: rows[0][name] for name in names})

    def leave(self, connection: HTTPConnection, person: Person, camera_id: str, span: Span) -> Leave:
        """Return leave to hand out a stretch of footage, just asked for, for as long as it can be renewed."""

        def renew() -> None:
            signed_in(connection)
            self.archive.permit(person.access, camera_id, span)

        return Leave(renew)

    def require_live(self, access: Access, camera_id: str) -> None:
        """Return if a camera's feed may be watched at this moment, through what is recorded of it; blocks.

        Raises
        ------
        NotPermitted
            When it may not; the refusal is in the audit.
        """
        now = self.room.clock()
        self.archive.permit(access, camera_id, Span(now, now))
        (lease,) = self.room.door.lease(access, [camera_id])
        if lease.refusal is not None:
            self.archive.record(access, "live list", f"camera_id={camera_id}", f"refused: {lease.refusal}")
            raise NotPermitted(lease.refusal)

    def still_closed(self, access: Access, camera_id: str) -> str | None:
        """Return why a camera may not be watched now; `None` where it may, or nobody can be asked. Blocks."""
        try:
            (lease,) = self.room.door.lease(access, [camera_id])
        except KeeperUnavailable:
            return None
        return lease.refusal


_MAKING = threading.Lock()


def desk_of(connection: HTTPConnection) -> Desk:
    """Return the media desk of the app that serves this request; made at the first."""
    app: FastAPI = connection.app
    with _MAKING:
        desk: Desk | None = getattr(app.state, "media_desk", None)
        if desk is None:
            desk = app.state.media_desk = Desk(room_of(connection))
        return desk


def known_form(camera_id: str) -> str:
    """Return a camera's id if it can be one: it will be the name of a folder.

    Raises
    ------
    UnknownCamera
        When no camera can be called so.
    """
    if not camera_id or camera_id.startswith(".") or not all(c.isalnum() or c in "-_." for c in camera_id):
        raise UnknownCamera(f"no camera is called {camera_id!r}; the map names those there are")
    return camera_id
