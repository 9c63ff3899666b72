"""The rules and limits of the room."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """The room's rules and limits; times in seconds."""

    escalate_p1_s: float = 60.0
    escalate_p2_s: float = 300.0
    escalate_p3_s: float = 1800.0
    """An alert that nobody has acknowledged for so long goes to the supervisor, by priority."""
    watch_s: float = 900.0
    """A tile that is open for so long without a reason is closed."""
    stale_s: float = 5.0
    """What is older than this is shown as old."""
    most_waiting: int = 64
    """Writes that wait for the keeper before others are told to come back."""
    most_body_bytes: int = 256 * 1024
    """Largest body of a request."""
    incident_radius_m: float = 500.0
    """How far around a panic report cameras are opened."""
    device_per_s: float = 20.0
    address_per_s: float = 100.0
    person_per_s: float = 50.0
    login_per_s: float = 5.0
    """Requests a second of one device, address or person, and tries to sign in of one address; three times as many
    in a burst."""

    @property
    def escalate_s(self) -> dict[str, float]:
        """Seconds until escalation by priority."""
        return {"P1": self.escalate_p1_s, "P2": self.escalate_p2_s, "P3": self.escalate_p3_s}
