"""A made-up supervisor's view."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.workbench.widgets.fake.city import iso
from tests.workbench.widgets.fake.desk import PEOPLE, Desk

RULES = (
    ("crowd", 61, 44, 11, 4, 2, 38.0),
    ("line_crossing", 148, 92, 49, 5, 2, 44.0),
    ("wrong_way", 22, 19, 2, 0, 1, 31.0),
    ("left_object", 35, 12, 21, 1, 1, 63.0),
    ("zone_dwell", 83, 51, 26, 4, 2, 57.0),
    ("camera_dark", 9, 9, 0, 0, 0, 120.0),
    ("hotlist", 4, 2, 1, 0, 1, 22.0),
)


def supervision(desk: Desk) -> dict[str, Any]:
    now = datetime.now(UTC)
    still_open = [alert for alert in desk.alerts.values() if alert["state"] != "closed"]
    owned: dict[str, list[str]] = {}
    for alert in still_open:
        owner = alert["assigned_to"] or alert["acknowledged_by"]
        if owner:
            owned.setdefault(owner, []).append(alert["raised_at"])
    load = [
        {
            "actor": actor,
            "open": len(raised),
            "oldest_s": (now - datetime.fromisoformat(min(raised))).total_seconds(),
        }
        for actor, raised in owned.items()
    ]
    ids = list(desk.cameras)
    watches = [
        {
            "actor": actor,
            "camera_id": ids[5 + 3 * index],
            "since_at": iso(now - timedelta(seconds=seconds)),
            "reason": reason,
            "idle_s": idle,
        }
        for index, (actor, seconds, reason, idle) in enumerate(
            (
                ("mlee", 240, "Traffic incident", 0.0),
                ("kbell", 1310, "", 610.0),
                ("dross", 95, "", 95.0),
                ("jortiz", 780, "Patrol support", 0.0),
            )
        )
    ]
    return {
        "people": [desk.person(actor) for actor in PEOPLE],
        "load": load,
        "ageing": sorted(still_open, key=lambda alert: alert["onset_at"])[:8],
        "outcomes": [
            {"outcome": outcome, "count": count}
            for outcome, count in (
                ("resolved", 41),
                ("false_alarm", 17),
                ("no_action", 9),
                ("duplicate", 6),
                ("referred", 3),
                ("recovered", 12),
            )
        ],
        "health": [camera for camera in desk.cameras.values() if camera["state"] in ("lost", "waiting")],
        "watches": watches,
        "scorecards": [_scorecard(*rule) for rule in RULES],
    }


def _scorecard(
    rule: str, alerts: int, good: int, bad: int, other: int, still_open: int, ack_s: float
) -> dict[str, Any]:
    judged = good + bad
    share = good / judged
    middle = (share + 1.92 / judged) / (1 + 3.84 / judged)
    half = 1.96 / (1 + 3.84 / judged) * math.sqrt(share * (1 - share) / judged + 0.96 / judged**2)
    return {
        "rule": rule,
        "alerts": alerts,
        "resolved": good,
        "false_alarm": bad,
        "other": other,
        "open": still_open,
        "ack_median_s": ack_s,
        "precision": share,
        "precision_low": middle - half,
        "precision_high": middle + half,
    }
