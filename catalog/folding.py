"""Repeats: which alerts tell of the same thing again, and the one that goes on for all of them.

A camera whose rule fires ten times in a minute, a button pressed three times: that is one thing to answer. The
first alert leads, the others are rows of their own, closed, that point to it: nothing is lost.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from catalog.casework import EVIDENCE_BEFORE, Alert

REPEAT = "repeat"
"""Outcome of an alert that was folded into another one."""

REPEATS_WITHIN = timedelta(minutes=5)
"""What begins later than so long after the last repeat is another thing."""

FoldKey = tuple[object, ...]


def fold_key(alert: Alert) -> FoldKey | None:
    """Return what an alert has in common with its repeats; `None` where it has none.

    A rule repeats itself on its camera or from its source, a panic button by itself, a plate where it was read.
    What people write, and other systems pass on in words, repeats only word for word and from a named source. The
    health of a camera does not repeat: its alerts close by themselves.
    """
    where = (alert.kind, alert.camera_id, alert.source)
    if alert.kind == "panic":
        return where if alert.source else None
    if alert.kind == "person":
        words = (alert.title, alert.detail, alert.lon_deg, alert.lat_deg)
        return (*where, *words) if alert.source else None
    if alert.camera_id is None and not alert.source:
        return None
    if alert.kind == "plate":
        letters = plate_letters(alert.plate_text or "")
        return (*where, letters) if letters else None
    return (*where, alert.rule) if alert.kind == "rule" else None


def takes(leader: Alert, repeat: Alert) -> bool:
    """Tell whether an alert goes on for another one with the same key.

    It does while it is open, where it is at least as urgent, and where the other began while it or its last repeat
    was fresh: what it holds as evidence then shows both.
    """
    if not leader.open or leader.alert_id == repeat.alert_id or leader.rank > repeat.rank:
        return False
    return leader.onset_at - EVIDENCE_BEFORE <= repeat.onset_at <= leader.latest_at + REPEATS_WITHIN


def counted(leader: Alert, repeat: Alert) -> Alert:
    """Return the leading alert with a repeat counted, one version on; those the repeat had count too."""
    return replace(
        leader, version=leader.version + 1, repeats=leader.repeats + 1 + repeat.repeats,
        last_onset_at=max(leader.latest_at, repeat.latest_at),
    )  # fmt: skip


def folded(repeat: Alert, leader_id: str, now: datetime) -> Alert:
    """Return the repeat as it stays behind: closed, one version on, pointing to the alert that goes on for both."""
    return replace(repeat, version=repeat.version + 1, closed_at=now, outcome=REPEAT, merged_into=leader_id)


def plate_letters(text: str) -> str:
    """Return what of a plate is compared: its letters and digits in capitals, however they are spaced.

    >>> plate_letters("hnd 41–28")
    'HND4128'
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).upper() if letter.isalnum())


class Folding:
    """New alerts, one after the other, as leaders or as repeats of what is open.

    Parameters
    ----------
    alerts
        The open ones, by id.
    leading
        The open alert that leads, by key.
    now
        When repeats are closed.
    """

    def __init__(self, alerts: Mapping[str, Alert], leading: Mapping[FoldKey, str], now: datetime) -> None:
        self._alerts, self._leading, self._now = alerts, leading, now
        self._first: dict[FoldKey, str] = {}
        self.keys: set[str] = set()
        """What the new alerts may repeat, or be repeated by: who adds others of these must know of them."""
        self.fresh: dict[str, Alert] = {}
        """The new alerts as they are to be kept, by id."""
        self.leaders: dict[str, Alert] = {}
        """Alerts that were open before, and go on for new ones, by id."""

    def add_all(self, alerts: Iterable[Alert]) -> None:
        """Take in new alerts in this order."""
        for alert in alerts:
            self._add(alert)

    @property
    def repeats(self) -> int:
        """How many of the new alerts repeat another one."""
        return sum(alert.merged_into is not None for alert in self.fresh.values())

    def _add(self, alert: Alert) -> None:
        key = fold_key(alert)
        if key is None:
            self.fresh[alert.alert_id] = alert
            return
        self.keys.add(repr(key))
        leader = self._leader(key)
        if leader is None or not takes(leader, alert):
            self.fresh[alert.alert_id] = alert
            if leader is None or leader.latest_at <= alert.latest_at:
                self._first[key] = alert.alert_id
            return
        self.fresh[alert.alert_id] = folded(alert, leader.alert_id, self._now)
        (self.fresh if leader.alert_id in self.fresh else self.leaders)[leader.alert_id] = counted(leader, alert)

    def _leader(self, key: FoldKey) -> Alert | None:
        alert_id = self._first.get(key) or self._leading.get(key)
        if alert_id is None:
            return None
        return self.fresh.get(alert_id) or self.leaders.get(alert_id) or self._alerts.get(alert_id)
