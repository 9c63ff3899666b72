"""What the supervisor watches over: people and their load, alerts that age, outcomes, cameras, watching, rules."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from apps.gateway.people import SignedIn, TheRoom
from apps.gateway.room import Room
from apps.gateway.shown import Instant, PersonOn, ShownAlert, ShownCamera
from apps.gateway.state import LIVE_STATES
from catalog.casework import Alert
from catalog.errors import NotPermitted
from catalog.response import LEADERS

router = APIRouter(tags=["supervisor"])

MAY_SEE = (*LEADERS, "auditor")

OUTCOMES_OF = timedelta(hours=8)
SCORED = timedelta(days=28)
"""How far back rules are scored: four weeks hold each weekday four times."""

Z_95 = 1.959964
"""Quantile of the normal distribution for a 95 % interval."""


class Load(BaseModel):
    """What one officer has before them."""

    actor: str
    open: int
    oldest_s: float


class Outcome(BaseModel):
    """How often alerts ended so."""

    outcome: str
    count: int


class OpenWatch(BaseModel):
    """A tile that is open."""

    actor: str
    camera_id: str
    since_at: Instant
    reason: str
    idle_s: float


class Scorecard(BaseModel):
    """How good a rule's alerts are."""

    rule: str
    alerts: int
    resolved: int
    false_alarm: int
    other: int
    open: int
    ack_median_s: float | None
    precision: float | None
    """Share of resolved among those that were resolved or false."""
    precision_low: float | None
    precision_high: float | None
    """Wilson interval, 95 %."""


class Supervision(BaseModel):
    """Everything on the supervisor's page."""

    people: list[PersonOn]
    load: list[Load]
    ageing: list[ShownAlert]
    outcomes: list[Outcome]
    health: list[ShownCamera]
    watches: list[OpenWatch]
    scorecards: list[Scorecard]


@router.get("/v1/supervisor", responses={403: {"description": "The role may not"}})
async def supervision(room: TheRoom, person: SignedIn) -> Supervision:
    """Return what the supervisor watches over, as it is now."""
    room.limits.person.take(person.actor)
    if person.role not in MAY_SEE:
        raise NotPermitted(f"see the supervisor's figures: the role {person.role} may not")
    now, access = room.clock(), person.access
    closed = await room.ask(access, "alerts_between", start_at=now - OUTCOMES_OF)
    scored = await room.ask(access, "rule_scorecards", start_at=now - SCORED)
    cameras = room.state.shown_cameras(access.purpose)
    return Supervision(
        people=room.state.presence.people(), load=loads(room.state.alerts.values(), now), ageing=ageing(room, now),
        outcomes=_outcomes(closed), scorecards=[scorecard(row) for row in scored],
        health=[camera for camera in cameras if camera.state not in (*LIVE_STATES, "unknown")],
        watches=[
            OpenWatch(actor=one.actor, camera_id=one.camera_id, since_at=one.since_at, reason=one.reason,
                      idle_s=one.idle_s(now))
            for one in room.watches.all()
        ],
    )  # fmt: skip


def loads(alerts: Iterable[Alert], now: datetime) -> list[Load]:
    """Return what each officer has before them, the most loaded first."""
    of: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.assigned_to is not None:
            of[alert.assigned_to].append(alert)
    found = [
        Load(
            actor=actor, open=len(theirs), oldest_s=max((now - alert.raised_at).total_seconds() for alert in theirs)
        )
        for actor, theirs in of.items()
    ]
    return sorted(found, key=lambda load: (-load.open, load.actor))


def ageing(room: Room, now: datetime) -> list[ShownAlert]:
    """Return the open alerts that have waited longer than their priority allows, the oldest first."""
    patience = room.policy.escalate_s
    late = [
        alert for alert in room.state.alerts.values()
        if (now - alert.raised_at).total_seconds() >= patience[alert.priority]
    ]  # fmt: skip
    return [room.state.shown(alert) for alert in sorted(late, key=lambda one: (one.raised_at, one.alert_id))]


def _outcomes(rows: list[dict[str, Any]]) -> list[Outcome]:
    counts = Counter(str(row["outcome"]) for row in rows if row["closed_at"] is not None)
    return [Outcome(outcome=outcome, count=count) for outcome, count in counts.most_common()]


def scorecard(row: dict[str, Any]) -> Scorecard:
    """Return a row of `rule_scorecards` with the share of good alerts, and how sure one can be of it."""
    resolved, false_alarm = int(row["resolved"]), int(row["false_alarm"])
    low, share, high = wilson(resolved, resolved + false_alarm)
    return Scorecard(
        rule=row["rule"] or row["kind"], alerts=row["alerts"], resolved=resolved, false_alarm=false_alarm,
        other=row["alerts"] - resolved - false_alarm - row["open"], open=row["open"],
        ack_median_s=row["acknowledge_median_s"], precision=share, precision_low=low, precision_high=high,
    )  # fmt: skip


def wilson(good: int, judged: int) -> tuple[float | None, float | None, float | None]:
    """Return lower end, share and upper end of a 95 % interval; `None` where nothing was judged.

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.49, 0.8, 0.943]
    """
    if judged == 0:
        return None, None, None
    share, square = good / judged, Z_95**2
    middle = (share + square / (2 * judged)) / (1 + square / judged)
    half = Z_95 / (1 + square / judged) * math.sqrt(share * (1 - share) / judged + square / (4 * judged**2))
    return max(0.0, middle - half), share, min(1.0, middle + half)
