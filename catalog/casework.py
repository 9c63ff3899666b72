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
AlertState = Literal["raised", "acknowledged", "assigned", "on_scene", "closed"]

EVIDENCE_BEFORE = timedelta(seconds=60)
"""Footage before an alert's onset that is kept while it is open: how what it is about came to be."""

EVIDENCE_AFTER = timedelta(seconds=300)
"""Footage after an alert's onset, or after its last repeat's, that is kept while it is open: what became of it."""

SHELTERED = ("school", "hospital")
"""Places whose panic buttons outrank everything: many people, who cannot leave."""


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
    version: int = 1
    """One more with every change: whoever changes it says which version they saw."""
    title: str = ""
    """What it is, in a few words for a person; never a plate."""
    source: str = ""
    """The device or service that reported it; empty for rules."""
    lon_deg: float | None = None
    """Longitude of where it is, degrees east, WGS 84; `None` where only the camera's mounting can tell."""
    lat_deg: float | None = None
    """Latitude of where it is, degrees north, WGS 84; `None` where only the camera's mounting can tell."""
    place_kind: str | None = None
    """What kind of place it comes from, as of cameras, e.g. `school`; `None` where unknown."""
    confidence: float | None = None
    """Raw score of what raised it, 0 to 1; `None` where nothing scored it."""
    plate_text: str | None = None
    """Number plate as the device read it: nobody is shown it before `verified_at`."""
    vehicle: str | None = None
    """What the hotlist says of the vehicle, e.g. `white pickup`."""
    plate_typed: str | None = None
    """What a person typed last from the picture, without having seen the read."""
    verified_at: datetime | None = None
    """When plate and vehicle were found to be the ones looked for."""
    verified_by: str | None = None
    on_scene_at: datetime | None = None
    """When whoever answers it got there."""
    snoozed_until: datetime | None = None
    """Nobody wants to be reminded of it before; `None` while it is not snoozed."""
    last_onset_at: datetime | None = None
    """When the last of its repeats began; `None` without any."""
    repeats: int = 0
    """Further alerts of the same thing that were folded into this one."""
    merged_into: str | None = None
    """The alert it was folded into; such an alert is closed with outcome `repeat`."""

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
        """The footage of its camera that it and its repeats rest on."""
        return Span(self.onset_at - EVIDENCE_BEFORE, self.latest_at + EVIDENCE_AFTER)

    @property
    def latest_at(self) -> datetime:
        """When it, or the last of its repeats, began."""
        return max(self.onset_at, self.last_onset_at or self.onset_at)

    @property
    def state(self) -> AlertState:
        """How far the answer to it has come."""
        if self.closed_at is not None:
            return "closed"
        if self.on_scene_at is not None:
            return "on_scene"
        if self.assigned_to is not None:
            return "assigned"
        return "raised" if self.acknowledged_at is None else "acknowledged"

    @property
    def rank(self) -> int:
        """How urgent it is, the least number first: 0 for panic from a sheltered place, then 1 to 3 by priority."""
        if self.kind == "panic" and self.place_kind in SHELTERED:
            return 0
        return int(self.priority[1])

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
