"""Who allowed which cameras for which purposes, when, until when.

Deny is the default: footage and rows of a camera whose legal basis is not `city` are closed until a consent
opens them, and closed again the instant it is withdrawn or runs out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from catalog.errors import BadInput
from catalog.registry import Camera
from catalog.spans import Span

TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z|24:00\Z")
"""How hours of a consent are written: compared as text, so 8:00 would never match."""


@dataclass(frozen=True)
class Consent:
    """An owner's word on cameras of theirs."""

    consent_id: str
    grantor: str
    """Who gave it."""
    camera_ids: tuple[str, ...]
    purposes: tuple[str, ...]
    """What the footage may be used for."""
    span: Span
    """In force from, until; footage from before the start is not covered."""
    archived: bool = True
    """Recorded footage and the rows made from it may be used."""
    live: bool = False
    """The feed may be watched as it comes."""
    hours_from: str | None = None
    """Local time of day from which it holds, `HH:MM`; `None` for all day."""
    hours_until: str | None = None
    """Local time of day until which it holds, `HH:MM`; may lie after midnight."""
    time_zone: str = "America/Chicago"
    """Zone of the hours, an IANA name."""
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.camera_ids or not self.purposes:
            raise BadInput("a consent names at least one camera and one purpose")
        if (self.hours_from is None) != (self.hours_until is None):
            raise BadInput("give both hours_from and hours_until, or neither")
        for hour in (self.hours_from, self.hours_until):
            if hour is not None and not TIME_OF_DAY.match(hour):
                raise BadInput(f"{hour!r} is no time of day; write HH:MM, e.g. 08:00, midnight at the end as 24:00")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadInput(
                f"time zone {self.time_zone!r} is unknown; use an IANA name, e.g. America/Chicago"
            ) from error

    def in_force(self, asked_at: datetime, purpose: str) -> bool:
        """Tell whether it stands at this instant for this purpose."""
        withdrawn = self.withdrawn_at is not None and self.withdrawn_at <= asked_at
        return not withdrawn and purpose in self.purposes and self.span.contains(asked_at)

    def covers(self, camera_id: str, footage_at: datetime) -> bool:
        """Tell whether recorded footage of this camera from this instant is inside its terms."""
        if not self.archived or camera_id not in self.camera_ids or not self.span.contains(footage_at):
            return False
        if self.hours_from is None or self.hours_until is None:
            return True
        time_of_day = footage_at.astimezone(ZoneInfo(self.time_zone)).strftime("%H:%M")
        if self.hours_from <= self.hours_until:
            return self.hours_from <= time_of_day < self.hours_until
        return time_of_day >= self.hours_from or time_of_day < self.hours_until


def may_open(camera: Camera, purpose: str, *, incident: bool) -> bool:
    """Tell whether a consent can open this camera at all, as its owner shares it.

    One shared `registry_only` is opened by none; one shared `on_incident` for response alone, and only while an
    incident near it is open.
    """
    if camera.sharing == "on_incident":
        return incident and purpose == "response"
    return camera.sharing != "registry_only"


def why_never(camera: Camera, *, incident: bool) -> str:
    """Return why no consent opens this camera now, as its owner shares it."""
    if camera.sharing == "on_incident":
        how = "for response alone" if incident else "and none is open near it"
        return f"its owner shares it on_incident, {how}"
    return f"its owner shares it {camera.sharing}"


def consent_for(
    camera: Camera, purpose: str, footage: Span, asked_at: datetime, consents: Iterable[Consent],
    *, incident: bool = False,
) -> Consent | None:  # fmt: skip
    """Return a consent that opens this camera's recorded footage over the whole span, or `None`.

    Both ends of the footage must lie inside the consent. A camera shared `registry_only` is opened by
    none; one shared `on_incident` stays closed to archive work, which has no open incident to rest on.

    Parameters
    ----------
    incident
        True where an incident near the camera is open, and the footage is of its time.
    """
    if not may_open(camera, purpose, incident=incident):
        return None
    last_at = footage.end_at or footage.start_at
    for consent in consents:
        if not consent.in_force(asked_at, purpose):
            continue
        if consent.covers(camera.camera_id, footage.start_at) and consent.covers(camera.camera_id, last_at):
            return consent
    return None


def live_consent_for(
    camera: Camera, purpose: str, asked_at: datetime, consents: Iterable[Consent], *, incident: bool = False
) -> Consent | None:
    """Return a consent under which this camera's feed may be read at this instant, or `None`.

    What is watched is recorded too, so it must allow both, and its hours must cover the present. A camera shared
    `registry_only` is opened by none; one shared `on_incident` only while an `incident` near it is open.
    """
    if not may_open(camera, purpose, incident=incident):
        return None
    for consent in consents:
        allowed = consent.live and consent.in_force(asked_at, purpose)
        if allowed and consent.covers(camera.camera_id, asked_at):  # which tests `archived` and the hours
            return consent
    return None
