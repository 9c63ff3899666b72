"""What the made-up gateway holds, and its small version of the alerts' state machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.workbench.widgets.fake import city
from tests.workbench.widgets.fake.city import iso

PEOPLE = {
    "mlee": ("M. Lee", "officer"),
    "jortiz": ("J. Ortiz", "officer"),
    "kbell": ("K. Bell", "officer"),
    "dross": ("D. Ross", "officer"),
    "tgray": ("Sgt. T. Gray", "supervisor"),
}
ACTIONS = [
    "acknowledge",
    "assign",
    "on_scene",
    "close",
    "escalate",
    "snooze",
    "wake",
    "verify",
    "note",
    "release",
    "merge",
]
PLATE = "LSK4471"
"""What the made-up reader read."""


class Conflict(Exception):
    """Somebody else was quicker."""


class Desk:
    """State of a made-up command center."""

    def __init__(self, *, cameras: int = 640, alerts: int = 12) -> None:
        now = datetime.now(UTC)
        self.me = "mlee"
        self.basemap = "geojson"
        self.settings: dict[str, Any] = {
            "sound": False,
            "volume": 0.5,
            "palette": "standard",
            "reduced_motion": False,
        }
        self.policy = {"escalate_s": {"P1": 60, "P2": 300, "P3": 900}, "watch_s": 900, "stale_s": 3}
        self.cameras = {camera["camera_id"]: camera for camera in city.cameras(now, cameras)}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[dict[str, Any]] = []
        self.wall: list[dict[str, Any]] = []
        self.watches: dict[int, dict[str, Any]] = {}
        self.since_at = iso(now - timedelta(hours=2, minutes=11))
        live = [camera for camera in self.cameras.values() if camera["state"] == "recording"]
        for number in range(alerts):
            age = timedelta(seconds=20 + 47 * number + (number % 5) * 31)
            self.keep(city.alert(number, live[(number * 7 + 3) % len(live)], now - age))
        self._lived_in()

    def _lived_in(self) -> None:
        """Some of it has been going on for a while: others answer alerts too."""
        shown = list(self.alerts.values())
        if len(shown) < 10:
            return
        now = datetime.now(UTC)
        shown[2]["repeats"] = 4
        shown[2]["last_onset_at"] = iso(now - timedelta(seconds=38))
        for index, (actor, state) in {
            3: ("jortiz", "acknowledged"),
            4: ("kbell", "assigned"),
            6: ("jortiz", "on_scene"),
        }.items():
            shown[index].update(acknowledged_at=iso(now), acknowledged_by=actor, state=state)
            if state != "acknowledged":
                shown[index].update(assigned_to=actor)
        shown[8]["escalated_at"] = iso(now)

    def keep(self, alert: dict[str, Any]) -> dict[str, Any]:
        self.alerts[alert["alert_id"]] = alert
        self.steps.setdefault(alert["alert_id"], [])
        return alert

    def person(self, actor: str) -> dict[str, Any]:
        display, role = PEOPLE[actor]
        now = iso(datetime.now(UTC))
        return {"actor": actor, "display": display, "role": role, "since_at": self.since_at, "last_seen_at": now}

    def me_shown(self) -> dict[str, Any]:
        display, role = PEOPLE[self.me]
        return {"actor": self.me, "display": display, "role": role, "settings": self.settings, "actions": ACTIONS}

    def kpi(self) -> dict[str, Any]:
        still_open = [alert for alert in self.alerts.values() if alert["state"] != "closed"]
        fresh = [alert for alert in still_open if alert["state"] == "raised"]
        live = [camera for camera in self.cameras.values() if camera["state"] == "recording"]
        return {
            "open": len(still_open),
            "unacknowledged": len(fresh),
            "ack_median_s": 41.0,
            "cameras_live": len(live),
            "p1_unacknowledged": sum(alert["priority"] == "P1" for alert in fresh),
            "cameras_total": len(self.cameras),
            "lag_s": 0.6,
            "alert_latency_p95_ms": 480.0,
            "live_as_of_at": iso(datetime.now(UTC)),
        }

    def snapshot(self) -> dict[str, Any]:
        return {
            "type": "snapshot",
            "as_of_at": iso(datetime.now(UTC)),
            "me": self.me_shown(),
            "cameras": list(self.cameras.values()),
            "alerts": list(self.alerts.values()),
            "kpi": self.kpi(),
            "people": [self.person(actor) for actor in PEOPLE],
            "wall": self.wall,
            "policy": self.policy,
            "basemap": {"kind": self.basemap, "url": f"/v1/basemap.{self.basemap}"},
        }

    def step(self, alert_id: str, wanted: dict[str, Any], actor: str = "") -> dict[str, Any]:
        """Take a step as the real gateway would; `Conflict` where the version is not the one seen."""
        alert, actor = self.alerts[alert_id], actor or self.me
        if wanted["version"] != alert["version"]:
            raise Conflict("it is at another version")
        now = iso(datetime.now(UTC))
        matched: bool | None = None
        kind = wanted["kind"]
        if kind == "verify":
            matched = _plain(wanted["plate_typed"]) == PLATE and wanted["vehicle_matches"] is True
            if matched:
                alert["plate"] = {**alert["plate"], "verified": True, "verified_by": actor, "text": PLATE}
        alert.update(CHANGES.get(kind, lambda *_: {})(wanted, now, actor), version=alert["version"] + 1)
        step = {key: wanted.get(key) for key in ("kind", "assignee", "outcome", "note", "until", "into")}
        step |= {"plate_matches": matched, "vehicle_matches": wanted.get("vehicle_matches")}
        taken = {**step, "stepped_at": now, "actor": actor, "alert_id": alert_id, "version": alert["version"]}
        self.steps[alert_id].append(taken)
        told: dict[str, Any] = {"alert": alert}
        return told if matched is None else {**told, "plate_matches": matched}

    def handover(self) -> dict[str, Any]:
        kpi = self.kpi()
        log = [
            {**step, "title": self.alerts[step["alert_id"]]["title"]}
            for steps in self.steps.values()
            for step in steps
        ]
        closed = [alert for alert in self.alerts.values() if alert["state"] == "closed"]
        outcomes: dict[str, int] = {}
        for alert in closed:
            outcomes[alert["outcome"]] = outcomes.get(alert["outcome"], 0) + 1
        summary = {
            "open": kpi["open"],
            "unacknowledged": kpi["unacknowledged"],
            "closed": len(closed),
            "by_outcome": outcomes,
            "oldest_open_s": 1710.0,
            "cameras_down": sum(c["state"] == "lost" for c in self.cameras.values()),
        }
        return {
            "summary": summary,
            "log": sorted(log, key=lambda one: one["stepped_at"], reverse=True),
            "notes": self.notes,
        }


def _plain(plate: str) -> str:
    return "".join(letter for letter in plate.upper() if letter.isalnum())


Change = Callable[[dict[str, Any], str, str], dict[str, Any]]
CHANGES: dict[str, Change] = {
    "acknowledge": lambda _, now, actor: {
        "state": "acknowledged",
        "acknowledged_at": now,
        "acknowledged_by": actor,
    },
    "assign": lambda wanted, now, actor: {
        "state": "assigned",
        "assigned_to": wanted["assignee"],
        "acknowledged_at": now,
        "acknowledged_by": actor,
    },
    "on_scene": lambda _, now, __: {"state": "on_scene", "on_scene_at": now},
    "close": lambda wanted, now, _: {"state": "closed", "closed_at": now, "outcome": wanted["outcome"]},
    "escalate": lambda _, now, __: {"escalated_at": now},
    "snooze": lambda wanted, *_: {"snoozed_until": wanted["until"]},
    "wake": lambda *_: {"snoozed_until": None},
    "release": lambda *_: {
        "state": "raised",
        "assigned_to": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
    },
    "merge": lambda wanted, now, _: {
        "state": "closed",
        "closed_at": now,
        "outcome": "repeat",
        "merged_into": wanted["into"],
    },
}
