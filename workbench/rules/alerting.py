"""Which events someone must answer: from what rules state to alerts, and what closes them again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from catalog.casework import Alert, AlertClosing, AlertKind, Priority
from catalog.observations import Event
from catalog.spans import from_us
from workbench.feeds.feed_watch import HealthChange

RECOVERED = "recovered"
"""Outcome of an alert that closed itself: what it was about has ended."""

FOOTAGE_ENDED = "footage ended"
"""Outcome of an alert about pictures that stopped coming: whether it still holds is not known."""

PRIORITY: dict[str, Priority] = {
    "left_object": "P2", "camera_lost": "P2", "camera_dark": "P2", "camera_moved": "P2", "camera_frozen": "P2",
}  # fmt: skip
"""How soon an alert wants an answer; P3 where nothing stands here. P1 is kept for what endangers people."""


def about_camera(rule: str) -> bool:
    """Tell whether a rule is about the camera itself."""
    return rule.startswith("camera_")


def alert_of_event(event: Event, rules: Collection[str], raised_at: datetime) -> Alert | None:
    """Return the alert an event calls for; `None` where nobody needs to answer it.

    Parameters
    ----------
    rules
        Rules that call for one; those about the camera itself always do.
    raised_at
        Now.
    """
    if event.rule not in rules and not about_camera(event.rule):
        return None
    kind: AlertKind = "camera_health" if about_camera(event.rule) else "rule"
    words = [event.label or "", event.direction or ""]
    if event.dwell_s is not None:
        words.append(f"{event.dwell_s:.0f} s")
    return Alert(
        Alert.identify(kind, event.event_id), kind, event.event_id, event.camera_id,
        PRIORITY.get(event.rule, "P3"), raised_at, event.span.start_at, event.rule, " ".join(w for w in words if w),
        confidence=event.confidence,
    )  # fmt: skip


def closing_of_event(event: Event, now: datetime) -> AlertClosing | None:
    """Return what closes the alert of an event about the camera that has ended; others are closed by people."""
    if not about_camera(event.rule) or event.span.end_at is None:
        return None
    outcome = FOOTAGE_ENDED if event.closed_by == "gap" else RECOVERED
    return AlertClosing(Alert.identify("camera_health", event.event_id), now, outcome)


def alert_of_health(camera_id: str, change: HealthChange, raised_at: datetime) -> Alert:
    """Return the alert for what packets say about a camera's health."""
    return Alert(
        health_alert_id(camera_id, change), "camera_health", None, camera_id, PRIORITY.get(change.rule, "P3"),
        raised_at, from_us(change.onset_at_us), change.rule, change.detail,
    )  # fmt: skip


def health_alert_id(camera_id: str, change: HealthChange) -> str:
    """Return the id of the alert for a complaint that began at this instant."""
    return Alert.identify("camera_health", camera_id, change.rule, change.onset_at_us)
