"""Alerts raised, closed, and made firm: what such requests write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from catalog.audit import AuditLine
from catalog.casework import Alert
from catalog.errors import NotFound
from catalog.plans import SLACK, Plan, Replaced
from catalog.records import fit, table_of
from catalog.spans import Span
from catalog.standing import Standing
from catalog.writes import CloseAlerts, RaiseAlerts

SEEN = ("rule", "plate")
"""Kinds of alerts that rest on what a camera saw, and so on leave to look; the others are about the device, or come
from people."""

NAMED = 20
"""Alerts that one audit line names: the rows say the rest."""


def raise_alerts(request: RaiseAlerts, standing: Standing, now: datetime) -> Plan:
    """Return the plan that adds the alerts not known yet, firm already where their event is a durable row."""
    asked = {alert.alert_id: alert for alert in reversed(request.alerts)}
    for alert in asked.values():
        if alert.camera_id is not None:
            standing.camera(alert.camera_id)
            if alert.kind in SEEN:
                standing.require(alert.camera_id, request.access.purpose, Span(alert.onset_at, alert.onset_at), now)
    known = standing.alerts_known(list(asked.values()))
    new = [alert for alert in reversed(asked.values()) if alert.alert_id not in known]
    if not new:
        return Plan(request.access, frozenset(asked))
    rests_on = frozenset(alert.event_id for alert in new if alert.event_id is not None)
    durable = _durable(new, standing)
    fresh = [replace(alert, firm_at=now) if alert.event_id in durable else alert for alert in new]
    line = AuditLine("alert", "raise", _named(alert.alert_id for alert in fresh), len(fresh))
    written = _with_alerts(fresh, Plan(request.access, frozenset(asked), line=line), standing)

    def settle(after: Standing) -> None:
        written.settle(after)
        after.raised_lately.add((alert.alert_id for alert in fresh), now)

    return replace(written, rests_on=rests_on, settle=settle)


def _durable(alerts: Sequence[Alert], standing: Standing) -> frozenset[str]:
    """Return which of the events these rest on, and do not call firm yet, are rows already."""
    waiting = [alert for alert in alerts if alert.provisional]
    if not waiting:
        return frozenset()
    return standing.stated_events(
        [str(alert.event_id) for alert in waiting], min(alert.onset_at for alert in waiting) - SLACK
    )


def close_alerts(request: CloseAlerts, standing: Standing, now: datetime) -> Plan:
    """Return the plan that closes alerts; those closed before stay as they are."""
    closings = {closing.alert_id: closing for closing in reversed(request.closings)}
    unseen = tuple(alert_id for alert_id in closings if alert_id not in standing.alerts)
    known = set(standing.kept("alerts", "alert_id", unseen)["alert_id"].to_pylist())
    for alert_id in unseen:
        if alert_id not in known:
            raise NotFound(f"no alert {alert_id!r} to close; `rtcc alerts --open` lists those that are open")
    closed = [
        replace(alert, closed_at=closing.closed_at, outcome=closing.outcome)
        for alert_id, closing in closings.items()
        if (alert := standing.alerts.get(alert_id)) is not None and alert.open
    ]
    if not closed:
        return Plan(request.access, frozenset(closings))
    line = AuditLine("alert", "close", _named(alert.alert_id for alert in closed), len(closed))
    return _with_alerts(closed, Plan(request.access, frozenset(closings), line=line), standing)


def firmed(event_ids: Iterable[str], standing: Standing, now: datetime) -> tuple[Alert, ...]:
    """Return the alerts that become firm when these events become rows."""
    if not standing.provisional:
        return ()
    alert_ids = sorted(
        alert_id for event_id in set(event_ids) for alert_id in standing.provisional.get(event_id, ())
    )
    return tuple(replace(standing.alerts[alert_id], firm_at=now) for alert_id in alert_ids)


def _with_alerts(alerts: Sequence[Alert], plan: Plan, standing: Standing) -> Plan:
    table, removal = alert_rows(alerts, standing)

    def settle(after: Standing) -> None:
        for alert in alerts:
            after.take_alert(alert)

    # What is deleted next is judged by them.
    return replace(plan, closes_group=True, removes=(removal,), inserts=(("alerts", table),), settle=settle)


def alert_rows(alerts: Sequence[Alert], standing: Standing) -> tuple[pa.Table, Replaced]:
    """Return the rows of these alerts, and the earlier ones that they replace."""
    known = tuple(alert.alert_id for alert in alerts if alert.alert_id in standing.alerts)
    table = fit(table_of(list(alerts)), standing.schemas["alerts"], "alerts")
    return table, Replaced("alerts", "alert_id", known)


def _named(alert_ids: Iterable[str]) -> str:
    ids = list(alert_ids)
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"alerts={','.join(ids[:NAMED])}{more}"
