"""Where things are: positions on the map, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Iterable

from catalog.casework import Alert
from catalog.registry import Mounting

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth (IUGG), metres."""

Place = tuple[float, float]
"""Longitude and latitude, degrees, WGS 84."""


def distance_m(one: Place, other: Place) -> float:
    """Return the distance of two places on a sphere, metres.

    >>> round(distance_m((-90.1848, 32.2990), (-90.1848, 32.3000)))
    111
    """
    (lon1, lat1), (lon2, lat2) = ((math.radians(lon), math.radians(lat)) for lon, lat in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def place_of(mounting: Mounting | None) -> Place | None:
    """Return where a camera hangs; `None` while nobody has said."""
    if mounting is None or mounting.lon_deg is None or mounting.lat_deg is None:
        return None
    return mounting.lon_deg, mounting.lat_deg


def place_of_alert(alert: Alert, mounting: Mounting | None) -> Place | None:
    """Return where an alert is: where its report says, else where its camera hangs."""
    if alert.lon_deg is not None and alert.lat_deg is not None:
        return alert.lon_deg, alert.lat_deg
    return place_of(mounting)


def latest_mountings(mountings: Iterable[Mounting]) -> dict[str, Mounting]:
    """Return the mounting each camera hangs in now: the last one begun."""
    latest: dict[str, Mounting] = {}
    for mounting in sorted(mountings, key=lambda one: one.span.start_at):
        latest[mounting.camera_id] = mounting
    return latest
