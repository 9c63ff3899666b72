"""When the first frame of a file was seen: what the file, its name or the disk says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from catalog.footage import Clock

NAME_TIME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)[-_.T ]?([0-2]\d)[-_.:h]?([0-5]\d)(?:[-_.:m]?([0-5]\d))?(?!\d)"
)
"""YYYYMMDDhhmm or YYYYMMDDhhmmss in a file's name, with or without separators."""

FIRST_BELIEVED_YEAR = 1995
"""Recorders without a clock write 1904, 1970 or 1980; digital video of the street is younger."""


@dataclass(frozen=True)
class StartClock:
    """The instant of a file's first frame and how it is known."""

    start_at: datetime
    clock: Clock
    error_s: float | None
    """± seconds; `None` if unknown."""


def start_clock(
    path: Path, creation_time: str | None, duration_s: float, *, start_at: datetime | None, time_zone: str
) -> StartClock:
    """Return when the file starts: as told, as its container says, as its name says, or when it was last written.

    Parameters
    ----------
    creation_time
        What the container holds, ISO 8601; `None` for nothing.
    duration_s
        Length of the footage, seconds.
    start_at
        What the investigator says; goes before all else.
    time_zone
        IANA name of the zone in which file names count.
    """
    if start_at is not None:
        return StartClock(start_at.astimezone(UTC), "manual", None)
    written = _container_instant(creation_time)
    if written is not None:
        return StartClock(written, "container", None)
    named = _named_instant(path.stem, time_zone)
    if named is not None:
        return named
    arrived = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return StartClock(arrived - timedelta(seconds=duration_s), "arrival", None)


def _container_instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat((text or "").strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    if instant.year < FIRST_BELIEVED_YEAR:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _named_instant(stem: str, time_zone: str) -> StartClock | None:
    found = NAME_TIME.search(stem)
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) for part in found.groups()[:5])
    second = found.group(6)
    try:
        local = datetime(year, month, day, hour, minute, int(second or 0), tzinfo=ZoneInfo(time_zone))
    except ValueError:
        return None
    return StartClock(local.astimezone(UTC), "container", 60.0 if second is None else 1.0)
