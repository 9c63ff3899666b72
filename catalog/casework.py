"""What people must answer: alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Priority = Literal["P1", "P2", "P3"]


@dataclass(frozen=True)
class Alert:
    """An event, or a device's report, that someone must answer."""

    alert_id: str
    kind: str
    """`rule`, `plate`, `panic`, `camera_health` or `person`."""
    event_id: str | None
    """The event it rests on; `None` for device and person reports."""
    camera_id: str | None
    priority: Priority
    raised_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    assigned_to: str | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
