"""Who plays a live list: players ask again and again, and watch for as long as they do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from apps.gateway.media.idle import IdleWatch, idle_words
from apps.gateway.persons import Person
from apps.gateway.room import Room
from apps.gateway.watches import Watch

GONE_S = 20.0
"""Who has not asked for so long plays no more, seconds: players ask at least every target duration."""


@dataclass
class _Playing:
    watch: Watch
    gone: asyncio.TimerHandle


class ListWatches:
    """The live lists that are played now, among all watches of the room; used from the event loop alone."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._playing: dict[tuple[str, str], _Playing] = {}

    def asked(self, person: Person, camera_id: str, reason: str, alert_id: str | None) -> Watch | None:
        """Note that somebody asked for a camera's list; return the watch where it has just begun.

        Raises
        ------
        IdleWatch
            When it was played for long, and nobody says why; after a pause it may be played again.
        """
        key, now = (person.actor, camera_id), self._room.clock()
        alert_id = alert_id if alert_id in self._room.state.alerts else None
        playing = self._playing.get(key)
        begun = playing is None
        if playing is None:
            watch = self._room.watches.open(person.actor, camera_id, now, alert_id=alert_id, reason=reason)
        else:
            playing.gone.cancel()
            watch = playing.watch
            if reason and reason != watch.reason:
                self._room.watches.keep(watch, now, reason)
                begun = True
            if watch.alert_id is not None and alert_id is None:
                watch.renewed_at = now
            watch.alert_id = alert_id
        gone = asyncio.get_running_loop().call_later(GONE_S, self._gone, key)
        self._playing[key] = _Playing(watch, gone)
        if watch.idle_s(now) > self._room.policy.watch_s:
            raise IdleWatch(idle_words(camera_id, self._room.policy.watch_s))
        return watch if begun else None

    def close(self) -> None:
        """Note that nobody plays any more."""
        for key, playing in list(self._playing.items()):
            playing.gone.cancel()
            self._gone(key)

    def _gone(self, key: tuple[str, str]) -> None:
        playing = self._playing.pop(key)
        self._room.watches.close(playing.watch)
