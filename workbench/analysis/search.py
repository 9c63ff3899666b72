"""What a search asks for: read from what a person typed, checked against what there is, said in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from catalog.errors import BadInput, UnknownCamera
from catalog.observations import COLOURS, LABELS
from workbench.analysis.local_time import When, WhenSpan, read_instant, read_span, say_span

VEHICLE = "vehicle"
"""Word for a car, a truck or a bus: what detectors confuse among themselves."""

NEAR_RADIUS_M = 250.0
"""How far around a place a search looks unless told, metres: about two city blocks."""

SEARCH_LIMIT = 200
"""Most hits a search returns unless told: more is not looked through by eye."""

_OTHER_WORDS = {
    "pedestrian": "person", "people": "person", "man": "person", "woman": "person", "human": "person",
    "bike": "bicycle", "cyclist": "bicycle", "motorbike": "motorcycle", "lorry": "truck", "van": "truck",
    "pickup": "truck", "automobile": "car", "sedan": "car", "suv": "car", "bag": "handbag", "luggage": "suitcase",
    "silver": "grey", "gold": "yellow", "pink": "red", "beige": "brown", "violet": "purple", "navy": "blue",
}  # fmt: skip
"""What people say, and the word a detection would carry: a hint in an error, never a silent change."""


@dataclass(frozen=True)
class SearchQuery:
    """One search, checked: every word in it is one the catalog knows."""

    labels: tuple[str, ...] = ()
    """Any of these; empty for all."""
    colours: tuple[str, ...] = ()
    """Any of these, body or upper or lower clothing; empty for all."""
    camera_ids: tuple[str, ...] = ()
    """Any of these; empty for all."""
    lon_deg: float | None = None
    """Place to look near, WGS 84; `None` for anywhere."""
    lat_deg: float | None = None
    radius_m: float | None = None
    zone: str | None = None
    """Name of a zone the thing was in; `None` for anywhere in the picture."""
    start_at: datetime | None = None
    """Seen at or after; `None` for any time."""
    end_at: datetime | None = None
    """Seen before; `None` for any time."""
    min_confidence: float | None = None
    """Least raw score, 0..1."""
    limit: int = SEARCH_LIMIT

    def things(self) -> str:
        """Return what is looked for, e.g. `red or orange car`."""
        return " ".join(
            word for word in (" or ".join(self.colours), " or ".join(self.labels) or "anything") if word
        )

    def words(self, zone: ZoneInfo) -> str:
        """Return the whole question in words, its parts set apart by middle dots."""
        parts = [self.things()]
        if self.camera_ids:
            parts.append("on " + ", ".join(self.camera_ids))
        if self.lon_deg is not None and self.lat_deg is not None:
            parts.append(f"within {self.radius_m:g} m of {self.lat_deg:.5f}°, {self.lon_deg:.5f}°")
        if self.zone is not None:
            parts.append(f"in zone {self.zone}")
        parts.append(say_span(self.start_at, self.end_at, zone))
        if self.min_confidence:
            parts.append(f"confidence ≥ {self.min_confidence:.2f}")
        return " · ".join(parts)


def search_query(
    *,
    cameras: Sequence[str],
    zones: Sequence[str],
    time_zone: ZoneInfo,
    label: str | Sequence[str] | None = None,
    colour: str | Sequence[str] | None = None,
    camera: str | Sequence[str] | None = None,
    near: tuple[float, float] | None = None,
    radius_m: float | None = None,
    zone: str | None = None,
    span: WhenSpan | None = None,
    since: When | None = None,
    until: When | None = None,
    min_confidence: float | None = None,
    limit: int = SEARCH_LIMIT,
) -> SearchQuery:
    """Return the search a person asked for.

    Parameters
    ----------
    cameras, zones
        The camera ids and zone names there are.
    near
        (longitude, latitude), degrees WGS 84.

    Raises
    ------
    UnknownCamera
        When the registry holds no such camera; the message names the closest.
    BadInput
        For any other word or number that cannot be right.
    """
    start_at, end_at = _read_times(span, since, until, time_zone)
    lon_deg, lat_deg, radius_m = _read_place(near, radius_m)
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise BadInput(f"min_confidence {min_confidence} is not between 0 and 1; it is the model's raw score")
    if limit < 1:
        raise BadInput(f"limit {limit} finds nothing; use 1 or more")
    if zone is not None:
        known_word(zone, zones, "zone")
    return SearchQuery(
        labels=tuple(known_word(word, (*LABELS, VEHICLE), "label") for word in _words(label)),
        colours=tuple(known_word(_british(word), COLOURS, "colour") for word in _words(colour)),
        camera_ids=tuple(known_camera(word, cameras) for word in _words(camera)),
        lon_deg=lon_deg, lat_deg=lat_deg, radius_m=radius_m, zone=zone,
        start_at=start_at, end_at=end_at, min_confidence=min_confidence, limit=limit,
    )  # fmt: skip


def known_camera(camera_id: str, cameras: Iterable[str]) -> str:
    """Return the camera id if the registry holds it, else raise `UnknownCamera` naming the closest."""
    known = sorted(cameras)
    if camera_id in known:
        return camera_id
    raise UnknownCamera(f"camera {camera_id!r} is not in the registry; {_hint(camera_id, known)}")


def known_word(word: str, words: Sequence[str], what: str) -> str:
    """Return the word if it is one of these, else raise `BadInput` naming the closest."""
    if word in words:
        return word
    raise BadInput(f"{what} {word!r} is unknown; {_hint(word, words)}")


def _hint(word: str, words: Sequence[str]) -> str:
    if not words:
        return "there is none yet"
    plain = str(word).lower().strip()
    meant = _OTHER_WORDS.get(plain)
    close = [meant] if meant in words else difflib.get_close_matches(plain, words, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(near) for near in close) + "?"
    listed = ", ".join(words[:12]) + (f" and {len(words) - 12} more" if len(words) > 12 else "")
    return f"there is {listed}"


def _words(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _british(colour: str) -> str:
    return "grey" if colour == "gray" else colour


def _read_times(
    span: WhenSpan | None, since: When | None, until: When | None, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    if span is not None:
        if since is not None or until is not None:
            raise BadInput("give either span, or since and until, not both")
        whole = read_span(span, zone)
        return whole.start_at, whole.end_at
    start_at = None if since is None else read_instant(since, zone)
    end_at = None if until is None else read_instant(until, zone, day_end=True)
    if start_at is not None and end_at is not None and end_at <= start_at:
        raise BadInput(f"until {until} is not after since {since}; swap the two")
    return start_at, end_at


def _read_place(
    near: tuple[float, float] | None, radius_m: float | None
) -> tuple[float | None, float | None, float | None]:
    if near is None:
        if radius_m is not None:
            raise BadInput(f"radius_m {radius_m:g} needs a place; add near=(longitude, latitude)")
        return None, None, None
    if len(near) != 2:
        raise BadInput(f"near {near!r} is no place; give (longitude, latitude) in degrees")
    lon_deg, lat_deg = float(near[0]), float(near[1])
    if not -180 <= lon_deg <= 180 or not -90 <= lat_deg <= 90:
        swapped = "; latitude and longitude look swapped" if abs(lat_deg) > 90 and abs(lon_deg) <= 90 else ""
        raise BadInput(f"near {near!r} is not on Earth{swapped}; give (longitude, latitude) in degrees")
    radius_m = NEAR_RADIUS_M if radius_m is None else float(radius_m)
    if radius_m <= 0:
        raise BadInput(f"radius_m {radius_m:g} holds nothing; use metres above 0")
    return lon_deg, lat_deg, radius_m
