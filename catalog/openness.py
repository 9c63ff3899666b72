"""Which recorded footage is open to one purpose at one instant, worked out once for a whole question.

The law is `catalog.consent`; this turns it into spans that a join can test, so that a question over a hundred
million rows decides about cameras and consents, not about rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from catalog.consent import Consent
from catalog.registry import Camera
from catalog.spans import to_us

CLOSED_TO_ARCHIVE = ("registry_only", "on_incident")
"""How a camera may be shared so that no consent opens its recorded footage; see `consent_for`."""

HORIZON = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""Between these instants hours of the day are worked out; footage from outside is closed where hours count."""

AHEAD = timedelta(days=366)
"""How far ahead of the question hours are worked out: only a wrong clock dates footage later than now."""

STEP = timedelta(days=7)
"""How far apart a zone's offset is sampled: no zone has changed it and changed it back within a week."""

DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class Opening:
    """A span of one camera's footage that one consent opens at all hours."""

    camera_id: str
    start_us: int
    """First instant inside, µs since 1970 UTC."""
    end_us: int | None
    """First instant outside, µs since 1970 UTC; `None` without an end."""


@dataclass(frozen=True)
class Word:
    """What one consent says about the hours of a day."""

    consent_id: str
    minute_from: int
    """First open minute of the local day, 0..1440."""
    minute_until: int
    """First closed minute of the local day; below `minute_from` where the hours run past midnight."""


@dataclass(frozen=True)
class HourlyOpening:
    """A span of one camera's footage over which the same consents stand and each keeps one clock."""

    camera_id: str
    start_us: int
    end_us: int
    words: tuple[tuple[Word, int], ...]
    """What each consent says, and its local clock's distance from UTC, µs."""


@dataclass(frozen=True)
class Openness:
    """What of a registry's footage may be seen: everything else is closed."""

    whole: tuple[str, ...]
    """Cameras without any limit: the city's own."""
    spans: tuple[Opening, ...]
    """Private cameras of which consents open spans, at all hours."""
    hours: tuple[HourlyOpening, ...]
    """Private cameras of which at least one consent keeps hours; spans of one camera do not overlap."""
    everything: bool
    """True where no camera is private."""

    @property
    def partly(self) -> tuple[str, ...]:
        """Private cameras of which something is open, in order."""
        return tuple(sorted({*(span.camera_id for span in self.spans), *(hour.camera_id for hour in self.hours)}))


def openness(cameras: Iterable[Camera], consents: Iterable[Consent], asked_at: datetime, purpose: str) -> Openness:
    """Return what is open to this purpose at this instant, deny by default."""
    registry = list(cameras)
    standing: dict[str, list[Consent]] = defaultdict(list)
    for consent in consents:
        if consent.archived and consent.in_force(asked_at, purpose):
            for camera_id in dict.fromkeys(consent.camera_ids):
                standing[camera_id].append(consent)
    private = [camera for camera in registry if camera.private]
    spans: list[Opening] = []
    hours: list[HourlyOpening] = []
    for camera in private:
        words = [] if camera.sharing in CLOSED_TO_ARCHIVE else standing[camera.camera_id]
        if any(consent.hours_from is not None for consent in words):
            hours += _hourly(camera.camera_id, words, asked_at)
        else:
            spans += [_opening(camera.camera_id, consent) for consent in words]
    whole = tuple(camera.camera_id for camera in registry if not camera.private)
    return Openness(whole, tuple(spans), tuple(hours), everything=not private)


def _opening(camera_id: str, consent: Consent) -> Opening:
    return Opening(camera_id, to_us(consent.span.start_at), to_us(consent.span.end_at))


def _hourly(camera_id: str, consents: Sequence[Consent], asked_at: datetime) -> list[HourlyOpening]:
    pieces = [piece for consent in consents for piece in _pieces(consent, min(HORIZON[1], asked_at + AHEAD))]
    edges = sorted({edge for start_us, end_us, _, _ in pieces for edge in (start_us, end_us)})
    openings = []
    for start_us, end_us in pairwise(edges):
        words = tuple((word, shift) for first, last, word, shift in pieces if first <= start_us and end_us <= last)
        if words:
            openings.append(HourlyOpening(camera_id, start_us, end_us, words))
    return openings


def _pieces(consent: Consent, until: datetime) -> list[tuple[int, int, Word, int]]:
    """Cut a consent's span where its local clock changes: start and end in µs, hours, distance from UTC in µs."""
    word = Word(consent.consent_id, _minute(consent.hours_from, 0), _minute(consent.hours_until, DAY_MINUTES))
    last = to_us(until)
    start_us = max(to_us(HORIZON[0]), to_us(consent.span.start_at))
    end_us = last if consent.span.end_at is None else min(last, to_us(consent.span.end_at))
    changes = offsets(consent.time_zone)
    pieces = []
    for (change_us, shift_us), until_us in zip(changes, [at for at, _ in changes[1:]] + [last], strict=True):
        piece_start, piece_end = max(start_us, change_us), min(end_us, until_us)
        if piece_start < piece_end:
            pieces.append((piece_start, piece_end, word, shift_us))
    return pieces


def _minute(time_of_day: str | None, otherwise: int) -> int:
    if time_of_day is None:
        return otherwise
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


@lru_cache(maxsize=64)
def offsets(time_zone: str) -> tuple[tuple[int, int], ...]:
    """Return each instant from which a zone keeps another distance to UTC, and that distance, both in µs.

    The first pair stands at the beginning of `HORIZON`. Instants are exact to the microsecond.
    """
    zone = ZoneInfo(time_zone)

    def shift(instant: datetime) -> timedelta:
        return instant.astimezone(zone).utcoffset() or timedelta()

    known = [(HORIZON[0], shift(HORIZON[0]))]
    instant = HORIZON[0]
    while instant < HORIZON[1]:
        following = min(instant + STEP, HORIZON[1])
        if shift(following) != known[-1][1]:
            known.append(_change(instant, following, shift(following), shift))
        instant = following
    return tuple((to_us(at), distance // timedelta(microseconds=1)) for at, distance in known)


def _change(
    before: datetime, after: datetime, distance: timedelta, shift: Callable[[datetime], timedelta]
) -> tuple[datetime, timedelta]:
    """Return the first instant in `(before, after]` from which the zone keeps this distance."""
    microsecond = timedelta(microseconds=1)
    while after - before > microsecond:
        middle = before + (after - before) // microsecond // 2 * microsecond
        before, after = (before, middle) if shift(middle) == distance else (middle, after)
    return after, distance
