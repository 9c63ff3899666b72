"""Instants and spans: UTC, half-open, `None` where an end has not been seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@overload
def to_us(instant: datetime) -> int: ...
@overload
def to_us(instant: None) -> None: ...
def to_us(instant: datetime | None) -> int | None:
    """Return microseconds since 1970-01-01T00:00Z of an aware instant; `None` stays `None`.

    Raises
    ------
    ValueError
        When the instant carries no time zone: a wall clock without a zone names no instant.
    """
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone; add Z or an offset such as -06:00")
    return (instant - EPOCH) // timedelta(microseconds=1)


@overload
def from_us(microseconds: int) -> datetime: ...
@overload
def from_us(microseconds: None) -> None: ...
def from_us(microseconds: int | None) -> datetime | None:
    """Return the UTC instant that lies so many microseconds after 1970-01-01T00:00Z."""
    if microseconds is None:
        return None
    return EPOCH + timedelta(microseconds=int(microseconds))


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant and return it in UTC.

    >>> parse_instant("2026-03-01T10:00:00-06:00")
    datetime.datetime(2026, 3, 1, 16, 0, tzinfo=datetime.timezone.utc)

    Raises
    ------
    ValueError
        When the text is no ISO 8601 instant or names no zone.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is not an ISO 8601 instant such as 2026-03-01T10:00:00Z") from error
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; add Z or an offset such as -06:00")
    return instant.astimezone(UTC)


def iso(instant: datetime | None) -> str | None:
    """Return the instant as ISO 8601 with a `Z`, microseconds only where there are some."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, order=True)
class Span:
    """A half-open stretch of time `[start_at, end_at)`."""

    start_at: datetime
    """First instant inside, UTC."""
    end_at: datetime | None = None
    """First instant outside, UTC; `None` while the end is unseen."""

    def __post_init__(self) -> None:
        for instant in (self.start_at, self.end_at):
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"{instant} has no time zone; spans are UTC")
        if self.end_at is not None and self.end_at < self.start_at:
            raise ValueError(f"a span cannot end at {self.end_at}, before it starts at {self.start_at}")

    @property
    def duration_s(self) -> float | None:
        """Length in seconds; `None` while the end is unseen."""
        return None if self.end_at is None else (self.end_at - self.start_at).total_seconds()

    def contains(self, instant: datetime) -> bool:
        """Tell whether the instant lies in `[start_at, end_at)`."""
        return self.start_at <= instant and (self.end_at is None or instant < self.end_at)

    def covers(self, other: Span) -> bool:
        """Tell whether every instant of `other` lies inside this span."""
        if other.start_at < self.start_at:
            return False
        return self.end_at is None or (other.end_at is not None and other.end_at <= self.end_at)

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two spans share an instant."""
        starts_before_end = other.end_at is None or self.start_at < other.end_at
        return starts_before_end and (self.end_at is None or other.start_at < self.end_at)
