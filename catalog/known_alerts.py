"""The alerts that the keeper knows by heart: open ones, and those whose event is not a row yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import duckdb

from catalog.casework import Alert
from catalog.folding import FoldKey, fold_key
from catalog.records import records_of

ALERTS = """
select * replace (
    coalesce(onset_at, raised_at) as onset_at,
    coalesce(detail, '') as detail,
    coalesce(version, 1) as version,
    coalesce(title, '') as title,
    coalesce(source, '') as source,
    coalesce(repeats, 0) as repeats
)
from lake.alerts
"""
"""Alerts from before onsets were written down began when they were raised, as far as anyone knows; those from
before versions were counted are in their first one, and without repeats."""

STANDING = f"{ALERTS} where closed_at is null or (firm_at is null and event_id is not null)"

COUNTED = """
select
    merged_into,
    sum(1 + coalesce(repeats, 0))::bigint as repeats,
    max(greatest(coalesce(onset_at, raised_at), coalesce(last_onset_at, onset_at, raised_at))) as latest_at
from lake.alerts
where merged_into in (select unnest(?::varchar[]))
group by merged_into
"""
"""What folded alerts add up to: the rows of their leaders follow within seconds, unless the keeper was killed."""


class KnownAlerts(Mapping[str, Alert]):
    """Alerts by id, as they are after the last commit."""

    def __init__(self, alerts: Iterable[Alert] = ()) -> None:
        self._known: dict[str, Alert] = {}
        self.provisional: dict[str, frozenset[str]] = {}
        """Alerts that wait for an event to become a row, by event."""
        self.leading: dict[FoldKey, str] = {}
        """The open alert that goes on for its repeats, by what they have in common; the latest where several do."""
        self.behind: set[str] = set()
        """Alerts whose rows lack the last repeats."""
        self._moved: dict[str, Alert] = {}
        for alert in alerts:
            self.take(alert)
        self.moved()

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection) -> KnownAlerts:
        """Read them from the attached `lake`, with repeats counted that their rows may lack."""
        known = cls(records_of(Alert, connection.execute(STANDING).to_arrow_table()))
        open_ids = [alert.alert_id for alert in known.values() if alert.open]
        if open_ids:
            known._catch_up(connection.execute(COUNTED, [open_ids]).to_arrow_table().to_pylist())
        return known

    def __getitem__(self, alert_id: str) -> Alert:
        return self._known[alert_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def moved(self) -> tuple[Alert, ...]:
        """Return the alerts that have changed since the last call, as they are now."""
        moved, self._moved = self._moved, {}
        return tuple(moved.values())

    def take(self, alert: Alert, *, behind: bool = False) -> None:
        """Remember the alert as it is now, or forget it where nothing more hangs on it.

        Parameters
        ----------
        behind
            Its row is not replaced yet.
        """
        if alert != self._known.get(alert.alert_id):
            self._moved[alert.alert_id] = alert
        (self.behind.add if behind else self.behind.discard)(alert.alert_id)
        if alert.open or alert.provisional:
            self._known[alert.alert_id] = alert
        else:
            self._known.pop(alert.alert_id, None)
        self._wait(alert)
        self._lead(alert)

    def _wait(self, alert: Alert) -> None:
        if alert.event_id is None:
            return
        waiting = self.provisional.get(alert.event_id, frozenset()) - {alert.alert_id}
        waiting |= {alert.alert_id} if alert.provisional else set()
        if waiting:
            self.provisional[alert.event_id] = waiting
        else:
            self.provisional.pop(alert.event_id, None)

    def _lead(self, alert: Alert) -> None:
        key = fold_key(alert)
        if key is None:
            return
        leader = self._known.get(self.leading.get(key, ""))
        if alert.open and (leader is None or leader.latest_at <= alert.latest_at):
            self.leading[key] = alert.alert_id
        elif not alert.open and self.leading.get(key) == alert.alert_id:
            del self.leading[key]

    def _catch_up(self, counts: Iterable[Mapping[str, object]]) -> None:
        """Count what rows lack: every uncounted repeat added one to repeats, and one to the version."""
        for row in counts:
            alert, repeats, latest_at = self._known[str(row["merged_into"])], row["repeats"], row["latest_at"]
            assert isinstance(repeats, int)
            assert isinstance(latest_at, datetime)
            missing = repeats - alert.repeats
            if missing > 0:
                caught_up = replace(
                    alert, version=alert.version + missing, repeats=repeats,
                    last_onset_at=max(alert.latest_at, latest_at),
                )  # fmt: skip
                self.take(caught_up, behind=True)
        self.moved()
