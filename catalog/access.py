"""Who asks, why, and for which case: carried by every question and every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from catalog.errors import BadInput

Role = Literal["officer", "supervisor", "investigator", "analyst", "auditor", "admin", "service"]
Purpose = Literal["investigation", "response", "analysis", "maintenance", "audit", "demonstration"]

ROLES: tuple[str, ...] = get_args(Role)
PURPOSES: tuple[str, ...] = get_args(Purpose)


@dataclass(frozen=True)
class Access:
    """One person or service, acting for one purpose."""

    actor: str
    """Account name of the person, or name of the service."""
    role: Role = "investigator"
    """What the actor may do at all."""
    purpose: Purpose = "investigation"
    """Why; consent is given per purpose."""
    case_id: str | None = None
    """The case the question belongs to; `None` outside casework."""

    def __post_init__(self) -> None:
        if not self.actor.strip():
            raise BadInput("an access names no actor; say who is asking")
        if self.role not in ROLES:
            raise BadInput(f"role {self.role!r} is unknown; use one of {', '.join(ROLES)}")
        if self.purpose not in PURPOSES:
            raise BadInput(f"purpose {self.purpose!r} is unknown; use one of {', '.join(PURPOSES)}")

    @property
    def upkeep(self) -> bool:
        """True for who keeps the house: may know what is stored of every camera, not what it shows."""
        return self.purpose == "maintenance" and self.role in ("service", "admin")
