"""Who looks through which camera now: what the supervisor sees, and what ends when nobody says why."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime


@dataclass
class Watch:
    """One open tile."""

    watch_id: int
    actor: str
    camera_id: str
    since_at: datetime
    alert_id: str | None = None
    """The alert it was opened for."""
    reason: str = ""
    """Why, in the watcher's own words; empty where nobody said."""
    renewed_at: datetime | None = None
    """When the watcher last said that they still look."""

    def idle_s(self, now: datetime) -> float:
        """Return for how long nobody has said why it is open, seconds; 0 where an alert or a reason says so."""
        if self.alert_id or self.reason:
            return 0.0
        return (now - (self.renewed_at or self.since_at)).total_seconds()


class Watches:
    """All open tiles; used from the event loop alone."""

    def __init__(self) -> None:
        self._open: dict[int, Watch] = {}
        self._numbers = itertools.count(1)

    def open(
        self, actor: str, camera_id: str, now: datetime, *, alert_id: str | None = None, reason: str = ""
    ) -> Watch:
        """Note that a tile was opened."""
        watch = Watch(next(self._numbers), actor, camera_id, now, alert_id, reason)
        self._open[watch.watch_id] = watch
        return watch

    def keep(self, watch: Watch, now: datetime, reason: str = "") -> None:
        """Note that the watcher still looks, and why."""
        watch.renewed_at, watch.reason = now, reason or watch.reason

    def close(self, watch: Watch) -> None:
        """Note that it is closed."""
        self._open.pop(watch.watch_id, None)

    def all(self) -> tuple[Watch, ...]:
        """Return those that are open, the oldest first."""
        return tuple(self._open.values())
