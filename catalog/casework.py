"""What people must answer: alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from catalog.errors import BadInput
from catalog.ids import content_id
from catalog.spans import Span

Priority = Literal["P1", "P2", "P3"]
AlertKind = Literal["rule", "plate", "panic", "camera_health", "person"]

EVIDENCE_BEFORE = timedelta(seconds=60)
"""Footage before an alert's onset that is kept while it is open: how what it is about came to be."""

EVIDENCE_AFTER = timedelta(seconds=300)
"""Footage after an alert's onset that is kept while it is open: what became of it."""


@dataclass(frozen=True)
class Alert:
    """An event, or a device's report, that someone must answer."""

    alert_id: str
    """`Alert.identify(...)`: the same thing raised twice is one alert."""
    kind: AlertKind
    """What raised it: a rule, a plate, a panic button, the health of a camera, or a person."""
    event_id: str | None
    """The event it rests on; `None` for device and person reports."""
    camera_id: str | None
    priority: Priority
    raised_at: datetime
    onset_at: datetime
    """When what it is about began."""
    rule: str | None = None
    """The rule that held, e.g. `zone_dwell` or `camera_dark`; `None` for reports of people."""
    detail: str = ""
    """What was found, for the person who answers."""
    firm_at: datetime | None = None
    """When the event it rests on became a durable row; `None` while provisional, and where it rests on none."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    assigned_to: str | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None

    def __post_init__(self) -> None:
        for word, words, what in (
            (self.kind, get_args(AlertKind), "kind"), (self.priority, get_args(Priority), "priority"),
        ):  # fmt: skip
            if word not in words:
                raise BadInput(
                    f"alert {self.alert_id!r}: {what} {word!r} is unknown; use one of {', '.join(words)}"
                )

    @property
    def open(self) -> bool:
        """True until someone, or the recovery of what it is about, has closed it."""
        return self.closed_at is None

    @property
    def provisional(self) -> bool:
        """True while the event it rests on is not yet a durable row."""
        return self.event_id is not None and self.firm_at is None

    @property
    def evidence(self) -> Span:
        """The footage of its camera that it rests on."""
        return Span(self.onset_at - EVIDENCE_BEFORE, self.onset_at + EVIDENCE_AFTER)

    @staticmethod
    def identify(kind: AlertKind, *parts: object) -> str:
        """Return the id of the alert about this: its event's id, or camera, rule and onset where there is none."""
        return content_id("alr", kind, *parts)


@dataclass(frozen=True)
class AlertClosing:
    """The end of an alert: nobody need answer it any more."""

    alert_id: str
    closed_at: datetime
    outcome: str
    """What came of it, e.g. `recovered`."""
