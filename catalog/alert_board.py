"""The open alerts as they stand after the last commit, and what has changed since: a question that may wait.

It names alerts to whoever holds the home's token, as the roster does: no lake, no line in the audit. Pictures and
rows are asked for elsewhere, and audited there.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.casework import Alert

LONGEST_WAIT_S = 10.0
"""A question waits no longer for a change, seconds, however long it asked for."""

REMEMBERED = 10_000
"""Alerts whose last change is remembered: whoever knows less gets all open ones anew."""


@dataclass(frozen=True)
class AlertChanges:
    """What has become of alerts since a version."""

    version: str
    """To ask with the next time."""
    complete: bool
    """True where these are all open alerts, whatever was known before: the first time, or after a new keeper."""
    alerts: tuple[Alert, ...] = ()
    """As they are now; where not complete, those that changed, closed ones included once."""


class AlertBoard:
    """What is open and what changed last; one thread posts, any may ask."""

    def __init__(self, *, most: int = REMEMBERED) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._open: dict[str, Alert] = {}
        self._number_of: OrderedDict[str, tuple[int, Alert]] = OrderedDict()
        """The last change of each alert, in order."""
        self._name, self._number, self._floor = secrets.token_hex(8), 0, 0
        self._closed = False

    def begin(self, alerts: Iterable[Alert]) -> None:
        """Take these for all open alerts; whatever was known before is void."""
        with self._changed:
            self._name, self._number, self._floor = secrets.token_hex(8), 0, 0
            self._open = {alert.alert_id: alert for alert in alerts if alert.open}
            self._number_of.clear()
            self._changed.notify_all()

    def post(self, alerts: Iterable[Alert]) -> None:
        """Take alerts as they are now that a commit is durable."""
        with self._changed:
            for alert in alerts:
                self._number += 1
                self._number_of[alert.alert_id] = (self._number, alert)
                self._number_of.move_to_end(alert.alert_id)
                if alert.open:
                    self._open[alert.alert_id] = alert
                else:
                    self._open.pop(alert.alert_id, None)
            while len(self._number_of) > self._most:
                _, (self._floor, _) = self._number_of.popitem(last=False)
            self._changed.notify_all()

    def changes(self, known: str = "", wait_s: float = 0.0) -> AlertChanges:
        """Return what has changed since `known`, as soon as anything has, at the latest after `wait_s` seconds."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._since(known) != self._number, min(wait_s, LONGEST_WAIT_S)
            )
            since, version = self._since(known), f"{self._name}-{self._number}"
            if since is None:
                return AlertChanges(version, True, tuple(self._open.values()))
            fresh = []
            for number, alert in reversed(self._number_of.values()):
                if number <= since:
                    break
                fresh.append(alert)
            return AlertChanges(version, False, tuple(reversed(fresh)))

    def close(self) -> None:
        """Let everybody go who waits; nobody waits here any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _since(self, known: str) -> int | None:
        """Return how many changes a version knows of; `None` where that cannot be told, or is too long ago."""
        name, _, number = known.partition("-")
        if name != self._name or not number.isdecimal():
            return None
        return int(number) if self._floor <= int(number) <= self._number else None
