"""Alerts raised, closed, and made firm: what such requests write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.casework import Alert, AlertClosing
from catalog.errors import NotFound
from catalog.folding import Folding
from catalog.plans import SLACK, Plan, Replaced
from catalog.records import rows_fitting
from catalog.response import TakenStep
from catalog.spans import Span
from catalog.standing import Standing
from catalog.writes import CloseAlerts, RaiseAlerts, Report

SEEN = ("rule", "plate")
"""Kinds of alerts that rest on what a camera saw, and so on leave to look; the others are about the device, or come
from people."""

NAMED = 20
"""Alerts that one audit line names: the rows say the rest."""


def raise_alerts(request: RaiseAlerts, standing: Standing, now: datetime) -> Plan:
    """Return the plan that adds the alerts not known yet, firm already where their event is a durable row."""
    asked = {alert.alert_id: alert for alert in reversed(request.alerts)}
    for alert in asked.values():
        check_seen(alert, request.access, standing, now)
    known = standing.alerts_known(list(asked.values()))
    new = [alert for alert in reversed(asked.values()) if alert.alert_id not in known]
    if not new:
        return Plan(request.access, frozenset(asked))
    folding = sorted_in(new, standing, now)
    counts = f" repeats={folding.repeats}" if folding.repeats else ""
    line = AuditLine("alert", "raise", _named(folding.fresh) + counts, len(folding.fresh))
    return with_new(folding, Plan(request.access, frozenset(asked), line=line), standing, now)


def check_seen(alert: Alert, access: Access, standing: Standing, now: datetime) -> None:
    """Return if what the alert rests on may be looked at.

    Raises
    ------
    UnknownCamera
        When the registry does not hold its camera.
    NotPermitted
        When the camera saw it, and is closed.
    """
    if alert.camera_id is not None:
        standing.camera(alert.camera_id)
        if alert.kind in SEEN:
            standing.require(alert.camera_id, access.purpose, Span(alert.onset_at, alert.onset_at), now)


def sorted_in(new: Sequence[Alert], standing: Standing, now: datetime) -> Folding:
    """Return the new alerts as they are to be kept: firm or not, leaders and repeats."""
    durable = _durable(new, standing)
    folding = Folding(standing.alerts, standing.alerts.leading, now)
    folding.add_all(replace(alert, firm_at=now) if alert.event_id in durable else alert for alert in new)
    return folding


def with_new(folding: Folding, plan: Plan, standing: Standing, now: datetime) -> Plan:
    """Return the plan with new alerts in it, and with those they repeat.

    The rows of those are replaced only now and then, all at once: to replace one costs as much as to add hundreds.
    What they lack until then can be told from the repeats.
    """
    fresh, leaders = tuple(folding.fresh.values()), folding.leaders
    written: tuple[Alert, ...] = ()
    if leaders and standing.leaders_due:
        late = {alert_id: standing.alerts[alert_id] for alert_id in standing.alerts.behind}
        written = tuple({**late, **leaders}.values())
    replaced = with_alerts((*fresh, *written), plan, standing)

    def settle(after: Standing) -> None:
        replaced.settle(after)
        if written:
            after.leaders_due = False
        else:
            for alert in leaders.values():
                after.alerts.take(alert, behind=True)
        after.raised_lately.add(folding.fresh, now)

    return replace(
        replaced,
        keys=plan.keys | folding.keys | leaders.keys() | {alert.alert_id for alert in written},
        joined_by=(RaiseAlerts, Report),
        rests_on=frozenset(alert.event_id for alert in fresh if alert.event_id is not None),
        settle=settle,
    )


def late_leaders(access: Access, standing: Standing) -> Plan:
    """Return the plan that brings up the rows of alerts whose repeats were only counted; the audit has them."""
    return with_alerts([standing.alerts[alert_id] for alert_id in standing.alerts.behind], Plan(access), standing)


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
        _closed(alert, closing)
        for alert_id, closing in closings.items()
        if (alert := standing.alerts.get(alert_id)) is not None and alert.open
    ]
    if not closed:
        return Plan(request.access, frozenset(closings))
    line = AuditLine("alert", "close", _named(alert.alert_id for alert in closed), len(closed))
    steps = [_closing_step(alert, request.access, now) for alert in closed]
    return with_alerts(closed, Plan(request.access, frozenset(closings), line=line), standing, steps)


def _closed(alert: Alert, closing: AlertClosing) -> Alert:
    return replace(alert, version=alert.version + 1, closed_at=closing.closed_at, outcome=closing.outcome)


def _closing_step(alert: Alert, access: Access, now: datetime) -> TakenStep:
    return TakenStep(
        alert.alert_id, alert.version, "close", now, access.actor, access.role, alert.camera_id,
        outcome=alert.outcome,
    )  # fmt: skip


def firmed(event_ids: Iterable[str], standing: Standing, now: datetime) -> tuple[Alert, ...]:
    """Return the alerts that become firm when these events become rows."""
    waiting = standing.alerts.provisional
    if not waiting:
        return ()
    alert_ids = sorted(alert_id for event_id in set(event_ids) for alert_id in waiting.get(event_id, ()))
    return tuple(_firm(standing.alerts[alert_id], now) for alert_id in alert_ids)


def _firm(alert: Alert, now: datetime) -> Alert:
    return replace(alert, version=alert.version + 1, firm_at=now)


def with_alerts(
    alerts: Sequence[Alert], plan: Plan, standing: Standing, steps: Sequence[TakenStep] = ()
) -> Plan:  # fmt: skip
    """Return the plan with rows of these alerts in it, in place of earlier ones, and with these steps."""
    table, removal = alert_rows(alerts, standing)
    inserts = [("alerts", table)]
    if steps:
        inserts.append(("alert_steps", rows_fitting(steps, standing.schemas["alert_steps"], "alert_steps")))

    def settle(after: Standing) -> None:
        for alert in alerts:
            after.alerts.take(alert)

    # What is deleted next is judged by them.
    return replace(plan, closes_group=True, removes=(removal,), inserts=(*plan.inserts, *inserts), settle=settle)


def alert_rows(alerts: Sequence[Alert], standing: Standing) -> tuple[pa.Table, Replaced]:
    """Return the rows of these alerts, and the earlier ones that they replace."""
    known = tuple(alert.alert_id for alert in alerts if alert.alert_id in standing.alerts)
    table = rows_fitting(alerts, standing.schemas["alerts"], "alerts")
    return table, Replaced("alerts", "alert_id", known)


def _named(alert_ids: Iterable[str]) -> str:
    ids = list(alert_ids)
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"alerts={','.join(ids[:NAMED])}{more}"
