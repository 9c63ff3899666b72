"""Instants and spans as people here write and read them: on the wall clock of the home's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from catalog.errors import BadInput
from catalog.spans import Span

When = datetime | date | str
"""An instant as a person may give it."""
WhenSpan = Span | tuple[When, When] | str
"""A span as a person may give it."""

_FORMS = "'2026-03-01', '2026-03-01 10:30', or with an offset '2026-03-01T10:30-06:00'"


def read_instant(value: When, zone: ZoneInfo, *, day_end: bool = False) -> datetime:
    """Return in UTC an instant that, where it names no zone, is read on the wall clock of `zone`.

    Parameters
    ----------
    value
        A datetime, a date, or ISO 8601 text; a space may stand for the `T`.
    day_end
        What a date without a time means: its midnight before, or the midnight after (for ends).

    Raises
    ------
    BadInput
        When the text is no instant, or the clocks change just then, so that it is skipped or comes twice.
    """
    wall = _wall_clock(value, day_end)
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    instants = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    true = sorted(instant for instant in instants if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall)
    if len(true) == 1:
        return true[0]
    happens = "does not exist" if not true else "happens twice"
    raise BadInput(
        f"{wall:%Y-%m-%d %H:%M} {happens} in {zone.key}: the clocks change; add an offset such as -06:00"
    )


def _wall_clock(value: When, day_end: bool) -> datetime:
    if isinstance(value, str):
        text = value.strip()
        try:
            value = date.fromisoformat(text) if len(text) <= len("2026-03-01") else datetime.fromisoformat(text)
        except ValueError as error:
            raise BadInput(f"{text!r} is no instant; write {_FORMS}") from error
    if isinstance(value, datetime):
        return value
    return datetime.combine(value + timedelta(days=1) if day_end else value, time())


def read_span(value: WhenSpan, zone: ZoneInfo) -> Span:
    """Return the span a person gave: a day, `start/end` as text, or a pair of instants.

    >>> read_span("2026-03-01 10:00/11:30", ZoneInfo("America/Chicago")).duration_s
    5400.0

    A date as an end means until the end of that day; a time as an end is on the day of the start.

    Raises
    ------
    BadInput
        When it cannot be read, or ends before it starts.
    """
    if isinstance(value, Span):
        return value
    if isinstance(value, str):
        first, slash, last = value.strip().replace("..", "/").partition("/")
        if not slash and len(first) > len("2026-03-01"):
            raise BadInput(f"{value!r} is one instant, not a span; write it as '{first}/{first[-5:]}', start/end")
        value = (first, _on_the_day_of(first, last.strip()) if slash else first)
    elif not isinstance(value, (tuple, list)) or len(value) != 2:
        raise BadInput(f"{value!r} is no span; give a day, 'start/end', or a pair (start, end)")
    start_at, end_at = read_instant(value[0], zone), read_instant(value[1], zone, day_end=True)
    if end_at <= start_at:
        raise BadInput(
            f"the span {value[0]} to {value[1]} ends before it starts; swap the two or name the day of the end"
        )
    return Span(start_at, end_at)


def _on_the_day_of(first: str, last: str) -> str:
    is_time = ":" in last and "-" not in last[:5]
    return f"{first.strip()[:10]} {last}" if is_time else last


def say_instant(instant: datetime, zone: ZoneInfo, *, seconds: bool = True) -> str:
    """Return date and time of day on the wall clock, without the zone's name."""
    return f"{instant.astimezone(zone):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"


def say_time(instant: datetime, zone: ZoneInfo) -> str:
    """Return the time of day on the wall clock, to the second."""
    return f"{instant.astimezone(zone):%H:%M:%S}"


def say_zone(instant: datetime, zone: ZoneInfo) -> str:
    """Return what the zone calls itself at this instant, e.g. `CST`."""
    return instant.astimezone(zone).tzname() or zone.key


def say_span(start_at: datetime | None, end_at: datetime | None, zone: ZoneInfo) -> str:
    """Return a span in words, its zone at the end; an open side is said as `since` or `until`."""
    if start_at is None or end_at is None:
        known, word = (start_at, "since") if start_at is not None else (end_at, "until")
        return f"{word} {say_instant(known, zone)} {say_zone(known, zone)}" if known else "any time"
    first, last = start_at.astimezone(zone), end_at.astimezone(zone)
    if last - first == timedelta(days=1) and first.time() == time():
        return f"{first:%Y-%m-%d} {say_zone(start_at, zone)}"
    end = f"{last:%H:%M:%S}" if first.date() == last.date() else say_instant(end_at, zone)
    return f"{say_instant(start_at, zone)}–{end} {say_zone(end_at, zone)}"


def say_duration(seconds: float) -> str:
    """Return a length of time with its two largest units.

    >>> say_duration(9.96), say_duration(552), say_duration(7500), say_duration(200_000)
    ('10 s', '9 min 12 s', '2 h 5 min', '55 h 33 min')
    """
    if 0 < seconds < 10 and round(seconds, 1) != round(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, small, divisor in (("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // divisor
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
