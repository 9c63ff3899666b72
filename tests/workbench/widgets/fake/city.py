"""A made-up evening in Jackson: a basemap, 640 cameras, alerts and people. The same seed makes the same evening."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

MIDDLE = (-90.1848, 32.2988)
KM_LON, KM_LAT = 1 / 94.1, 1 / 110.9
"""Degrees in a kilometre, here."""

AVENUES = (
    "Farish St",
    "State St",
    "Lamar St",
    "Mill St",
    "West St",
    "President St",
    "Congress St",
    "Gallatin St",
    "Bailey Ave",
    "Livingston Rd",
    "Terry Rd",
    "Ellis Ave",
    "Ridgewood Rd",
    "Old Canton Rd",
)
STREETS = (
    "Capitol St",
    "Amite St",
    "Pearl St",
    "High St",
    "Fortification St",
    "Pascagoula St",
    "Griffith St",
    "Woodrow Wilson Ave",
    "Meadowbrook Rd",
    "Northside Dr",
    "Robinson Rd",
    "Lynch St",
    "McDowell Rd",
)
QUARTERS = (
    ("Downtown", 0.0, 0.0),
    ("Belhaven", 0.9, 1.9),
    ("Fondren", 1.2, 4.3),
    ("Midtown", -1.2, 2.4),
    ("Virden", -3.1, 3.6),
    ("Washington Addition", -2.0, -1.3),
    ("Battlefield", 0.5, -2.6),
    ("West Jackson", -4.6, 0.7),
    ("Eastover", 3.6, 4.1),
    ("South Jackson", -2.8, -4.4),
    ("Broadmoor", 0.0, 5.6),
    ("Georgetown", -2.7, 1.9),
)
PARTNERS = ("Market", "Pharmacy", "Parking", "Depot", "Bakery", "Hotel", "Garage", "Clinic", "Library", "Arcade")


def at(x_km: float, y_km: float) -> tuple[float, float]:
    """Return longitude and latitude of a point east and north of the middle, kilometres."""
    return round(MIDDLE[0] + x_km * KM_LON, 6), round(MIDDLE[1] + y_km * KM_LAT, 6)


def feature(shape: str, coordinates: Any, **words: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": words, "geometry": {"type": shape, "coordinates": coordinates}}


def basemap() -> dict[str, Any]:
    """Return a plan of streets, a river, parks and quarters, as a city might supply it."""
    rng = random.Random(3)
    features = []
    for number in range(-36, 37):
        x, kind = number * 0.22, _street_class(number)
        bend = 0.14 * math.sin(number)
        features.append(
            feature("LineString", [list(at(x + bend * k / 6, k * 1.1)) for k in range(-7, 8)], kind=kind)
        )
        y = number * 0.2
        points = [list(at(k * 1.15, y + bend * k / 9 + 0.08 * k)) for k in range(-7, 8)]
        features.append(feature("LineString", points, kind=_street_class(number + 2)))
    for bends in (
        ((-8, 1.2), (-3, 0.4), (0, -1.1), (3, -1.4), (8, -0.2)),
        ((0.9, 7.7), (1.7, 3), (1.6, 0), (0.4, -3), (-0.2, -7.7)),
        ((-8, -3.4), (-4, -3.8), (0, -3.4), (2.2, -2.2)),
    ):
        features += [feature("LineString", [list(at(*point)) for point in _smooth(bends)], kind="highway")]
    river = _smooth(((4.9, 7.7), (3.1, 5), (3.4, 3), (2.5, 1.2), (3, -0.4), (2.1, -2.4), (2.9, -4.6), (2.2, -7.7)))
    banks = [at(x + 0.16, y) for x, y in river] + [at(x - 0.16, y) for x, y in reversed(river)]
    features.append(
        feature("Polygon", [[list(point) for point in [*banks, banks[0]]]], kind="water", name="Pearl River")
    )
    lake = [at(6.2 + 1.1 * math.cos(a / 5) + 0.2 * math.sin(a), 6.1 + 0.9 * math.sin(a / 5)) for a in range(32)]
    features.append(feature("Polygon", [[list(point) for point in [*lake, lake[0]]]], kind="water"))
    for x, y, w, h in (
        (1.9, 2.3, 0.9, 0.7),
        (-0.6, 0.7, 0.35, 0.4),
        (-2.6, 4.6, 0.9, 0.7),
        (0.9, -3.6, 1.2, 0.6),
        (-5, -1, 0.8, 0.8),
    ):
        ring = [at(x, y), at(x + w, y + 0.04), at(x + w, y + h), at(x, y + h), at(x, y)]
        features.append(feature("Polygon", [[list(point) for point in ring]], kind="park"))
    features += [feature("Point", list(at(x, y)), kind="place", name=name) for name, x, y in QUARTERS]
    rng.shuffle(features)
    return {"type": "FeatureCollection", "features": features, "bbox": [*at(-8, -7.7), *at(8, 7.7)]}


def _street_class(number: int) -> str:
    return "major" if number % 9 == 0 else "mid" if number % 3 == 0 else "minor"


def _smooth(bends: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Return points along a curve through the bends (Catmull-Rom)."""
    padded = [bends[0], *bends, bends[-1]]
    points = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(12):
            t = step / 12
            points.append(
                tuple(
                    0.5
                    * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t**2 + (3 * q - p - 3 * r + s) * t**3)
                    for p, q, r, s in zip(a, b, c, d, strict=True)
                )
            )
    return [*points, bends[-1]]  # type: ignore[list-item]


def cameras(now: datetime, count: int = 640) -> list[dict[str, Any]]:
    """Return cameras, more of them towards the middle, most of them live."""
    rng = random.Random(11)
    return [_camera(rng, number, now) for number in range(count)]


def _camera(rng: random.Random, number: int, now: datetime) -> dict[str, Any]:
    spread = 0.9 if number < 120 else 3.4
    x, y = max(-7.4, min(7.2, rng.gauss(-0.2, spread))), max(-7, min(7, rng.gauss(0.6, spread)))
    lon, lat = at(x, y)
    private = rng.random() < 0.34
    state = (
        rng.choices(("recording", "lost", "waiting", "unknown"), (0.90, 0.03, 0.03, 0.04))[0]
        if number > 20
        else "recording"
    )
    corner = f"{rng.choice(AVENUES)} & {rng.choice(STREETS)}"
    return {
        "camera_id": f"c{number:03d}",
        "name": f"{rng.choice(STREETS)} {rng.choice(PARTNERS)}" if private else corner,
        "place_kind": "business" if private else rng.choice(("street", "street", "street", "park", "school")),
        "owner": "private" if private else "city",
        "sharing": "on_incident" if private else "continuous",
        "lon_deg": lon,
        "lat_deg": lat,
        "bearing_deg": float(rng.randrange(0, 360, 15)),
        "state": state,
        "level": rng.choice(("key", "base", "full")),
        "fps": 15.0 if state == "recording" else 0.0,
        "lag_s": round(rng.uniform(0.2, 0.9), 1),
        "since_at": iso(now - timedelta(seconds=rng.randrange(30, 90000))),
        "detail": "no answer to RTSP within 5 s" if state == "lost" else "",
        "viewable": not private or rng.random() < 0.8,
    }


KINDS = (
    ("Vehicle on hotlist", "plate", None, "P1"),
    ("Crowd density rising", "rule", "crowd", "P2"),
    ("Perimeter line crossed", "rule", "line_crossing", "P2"),
    ("Wrong-way vehicle", "rule", "wrong_way", "P2"),
    ("Abandoned object", "rule", "left_object", "P2"),
    ("Stopped vehicle in lane", "rule", "zone_dwell", "P3"),
    ("Camera dark", "camera_health", "camera_dark", "P3"),
    ("Loitering past four minutes", "rule", "zone_dwell", "P3"),
)


def alert(number: int, camera: dict[str, Any] | None, onset_at: datetime, **changes: Any) -> dict[str, Any]:
    """Return an alert as the gateway shows it, nobody has answered it yet."""
    title, kind, rule, priority = KINDS[number % len(KINDS)]
    made: dict[str, Any] = {
        "alert_id": f"alr_{number:04d}",
        "version": 1,
        "kind": kind,
        "rule": rule,
        "title": title,
        "priority": priority,
        "rank": int(priority[1]),
        "state": "raised",
        "camera_id": camera and camera["camera_id"],
        "camera_name": camera and camera["name"],
        "lon_deg": camera and camera["lon_deg"],
        "lat_deg": camera and camera["lat_deg"],
        "place_kind": camera and camera["place_kind"],
        "onset_at": iso(onset_at),
        "raised_at": iso(onset_at),
        "detail": "",
        "firm": True,
        "confidence": round(0.61 + (number * 17 % 37) / 100, 2) if kind in ("rule", "plate") else None,
        "repeats": 0,
        "last_onset_at": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "assigned_to": None,
        "on_scene_at": None,
        "escalated_at": None,
        "snoozed_until": None,
        "closed_at": None,
        "outcome": None,
        "merged_into": None,
        "source": "" if kind != "panic" else "button-7",
        "plate": None,
        "picture": f"/v1/alerts/alr_{number:04d}/picture.jpg" if camera else None,
    }
    if kind == "plate":
        made["plate"] = {"verified": False, "verified_by": None, "vehicle": "white pickup", "text": None}
    return {**made, **changes}


def panic(number: int, onset_at: datetime, place: tuple[float, float] = at(-1.1, 2.5)) -> dict[str, Any]:
    """Return a panic alert from a school."""
    return alert(
        number,
        None,
        onset_at,
        kind="panic",
        rule=None,
        title="Panic button: Lanier High School",
        priority="P1",
        rank=0,
        lon_deg=place[0],
        lat_deg=place[1],
        place_kind="school",
        source="lanier-high-front-desk",
        confidence=None,
        plate=None,
        detail="Button at the front desk, pressed once.",
    )


def iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
