"""What an incident opens: cameras whose owners share them while something serious happens nearby, and no longer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from catalog.casework import EVIDENCE_BEFORE, Alert
from catalog.registry import Camera, Mounting

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth (IUGG), metres."""

Place = tuple[float, float]
"""Longitude and latitude, degrees, WGS 84."""


def is_incident(alert: Alert) -> bool:
    """Tell whether an alert opens cameras shared `on_incident`: open, panic or P1, not a camera's own health."""
    return alert.open and alert.kind != "camera_health" and (alert.kind == "panic" or alert.priority == "P1")


def opened_by_incidents(
    cameras: Iterable[Camera], mountings: Iterable[Mounting], alerts: Iterable[Alert], radius_m: float
) -> Mapping[str, datetime]:
    """Return the cameras shared `on_incident` near an incident, and from when on it lets them be seen.

    Whether consent then lets them be seen is not asked here.

    Parameters
    ----------
    radius_m
        How near an incident must be.
    """
    incidents = [alert for alert in alerts if is_incident(alert)]
    waiting = {camera.camera_id for camera in cameras if camera.sharing == "on_incident"}
    if not incidents or not waiting:
        return {}
    hanging = _latest(mountings)
    opened: dict[str, datetime] = {}
    for alert in incidents:
        place = _place_of(alert, hanging)
        if place is None:
            continue
        since = alert.onset_at - EVIDENCE_BEFORE
        for camera_id in waiting:
            at = hanging.get(camera_id)
            if at is not None and near(place, at, radius_m):
                opened[camera_id] = min(since, opened.get(camera_id, since))
    return opened


def near(one: Place, other: Place, radius_m: float) -> bool:
    """Tell whether two places lie no further apart than this on a sphere, metres.

    >>> near((-90.1848, 32.2990), (-90.1848, 32.3030), 500), near((-90.1848, 32.2990), (-90.1848, 32.3040), 500)
    (True, False)
    """
    (lon1, lat1), (lon2, lat2) = ((math.radians(lon), math.radians(lat)) for lon, lat in (one, other))
    if abs(lat2 - lat1) * EARTH_RADIUS_M > radius_m:  # most are: the rest costs ten times as much
        return False
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half))) <= radius_m


def _latest(mountings: Iterable[Mounting]) -> dict[str, Place]:
    """Return where each camera hangs now; one without a place is left out."""
    latest: dict[str, Mounting] = {}
    for mounting in mountings:
        known = latest.get(mounting.camera_id)
        if known is None or known.span.start_at <= mounting.span.start_at:
            latest[mounting.camera_id] = mounting
    return {
        camera_id: (mounting.lon_deg, mounting.lat_deg)
        for camera_id, mounting in latest.items()
        if mounting.lon_deg is not None and mounting.lat_deg is not None
    }


def _place_of(alert: Alert, hanging: Mapping[str, Place]) -> Place | None:
    if alert.lon_deg is not None and alert.lat_deg is not None:
        return alert.lon_deg, alert.lat_deg
    return hanging.get(alert.camera_id or "")
