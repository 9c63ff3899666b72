"""Who has a page open."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime

from apps.gateway.persons import Person
from apps.gateway.shown import PersonOn


@dataclass
class _Page:
    person: Person
    since_at: datetime
    last_seen_at: datetime


class Presence:
    """Open pages by person; used from the event loop alone."""

    def __init__(self) -> None:
        self._pages: dict[int, _Page] = {}
        self._numbers = itertools.count(1)

    def join(self, person: Person, now: datetime) -> int:
        """Note that a page was opened; return its number."""
        number = next(self._numbers)
        self._pages[number] = _Page(person, now, now)
        return number

    def seen(self, number: int, now: datetime) -> None:
        """Note that the page still listens."""
        if number in self._pages:
            self._pages[number].last_seen_at = now

    def leave(self, number: int) -> None:
        """Note that the page was closed."""
        self._pages.pop(number, None)

    def people(self) -> list[PersonOn]:
        """Return who is on, each once, by name."""
        pages: dict[str, list[_Page]] = {}
        for page in self._pages.values():
            pages.setdefault(page.person.actor, []).append(page)
        return [
            PersonOn(
                actor=actor, display=of[0].person.session.display, role=of[0].person.role,
                since_at=min(page.since_at for page in of), last_seen_at=max(page.last_seen_at for page in of),
            )
            for actor, of in sorted(pages.items())
        ]  # fmt: skip
