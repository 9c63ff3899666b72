"""Somebody who is signed in, and what they act for."""

from __future__ import annotations

from dataclasses import dataclass

from apps.sessions import Session
from catalog.access import Access, Purpose, Role

PURPOSES: dict[Role, Purpose] = {
    "officer": "response", "supervisor": "response", "admin": "response",
    "investigator": "investigation", "analyst": "analysis", "auditor": "audit", "service": "maintenance",
}  # fmt: skip
"""What each role acts for on these pages: consent is given per purpose."""

RESPONDERS: tuple[Role, ...] = ("officer", "supervisor", "admin")
"""Roles that answer alerts."""

WATCHERS: tuple[Role, ...] = (*RESPONDERS, "investigator")
"""Roles that may look through cameras, where consent lets them."""


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, and acts for the purpose of their role."""

    session: Session
    access: Access

    @property
    def actor(self) -> str:
        """Their account's name."""
        return self.session.actor

    @property
    def role(self) -> Role:
        """What they may do."""
        return self.session.role

    @property
    def may_watch(self) -> bool:
        """True where the role may look through cameras; whether a camera may be looked through, consent says."""
        return self.role in WATCHERS
