"""What the map is drawn on: the city's own file, else a quiet grid around the cameras, which invents no street."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from apps.gateway.places import EARTH_RADIUS_M, Place
from apps.gateway.shown import Basemap
from catalog.home import Home

STEPS_M = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Sides of a square of the grid, metres."""

MOST_LINES = 24
"""Lines in each direction at most: the grid tells sizes, and stays in the background."""

MARGIN = 0.5
"""The grid reaches so much further than the cameras, as a share of their extent."""

LEAST_EXTENT_M = 1_000.0
"""Extent that a single camera, or none, is given, metres."""

JACKSON: Place = (-90.1848, 32.2988)
"""Where the map lies while no camera has a place: the middle of Jackson, Mississippi."""


def basemap_of(home: Home) -> Basemap:
    """Return which basemap the pages take."""
    if pmtiles_path(home).exists():
        return Basemap(kind="pmtiles", url="/v1/basemap.pmtiles")
    return Basemap(kind="geojson", url="/v1/basemap.geojson")


def geojson_path(home: Home) -> Path:
    """Return where the city puts its GeoJSON."""
    return home.root / "basemap.geojson"


def pmtiles_path(home: Home) -> Path:
    """Return where the city puts its PMTiles."""
    return home.root / "basemap.pmtiles"


def generated(places: Iterable[tuple[str, Place]]) -> dict[str, Any]:
    """Return a plain basemap: ground, a metric grid, and the cameras' sites by name.

    Parameters
    ----------
    places
        Name and position of each camera.
    """
    named = list(places)
    west, south, east, north = _extent([place for _, place in named])
    middle_lat = (south + north) / 2
    metre_lat = math.degrees(1 / EARTH_RADIUS_M)
    metre_lon = metre_lat / max(0.01, math.cos(math.radians(middle_lat)))
    step_m = _step_m(max((east - west) / metre_lon, (north - south) / metre_lat))
    ground = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    features = [_feature("Polygon", [ground], kind="ground")]
    features += [_feature("LineString", [[lon, south], [lon, north]], kind="grid")
                 for lon in _lines(west, east, step_m * metre_lon)]  # fmt: skip
    features += [_feature("LineString", [[west, lat], [east, lat]], kind="grid")
                 for lat in _lines(south, north, step_m * metre_lat)]  # fmt: skip
    features += [_feature("Point", list(place), kind="site", name=name) for name, place in _sites(named)]
    return {
        "type": "FeatureCollection", "generated": True, "grid_m": step_m, "bbox": [west, south, east, north],
        "features": features,
    }  # fmt: skip


def _feature(shape: Literal["Polygon", "LineString", "Point"], coordinates: Any, **words: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": words, "geometry": {"type": shape, "coordinates": coordinates}}


def _extent(places: list[Place]) -> tuple[float, float, float, float]:
    """Return west, south, east and north of the cameras and a margin, degrees."""
    known = places or [JACKSON]
    lons, lats = [lon for lon, _ in known], [lat for _, lat in known]
    degree_m = math.radians(1) * EARTH_RADIUS_M
    least_lat = LEAST_EXTENT_M / degree_m
    least_lon = least_lat / max(0.01, math.cos(math.radians(sum(lats) / len(lats))))
    wide = max((max(lons) - min(lons)) * (0.5 + MARGIN), least_lon / 2)
    high = max((max(lats) - min(lats)) * (0.5 + MARGIN), least_lat / 2)
    lon, lat = (max(lons) + min(lons)) / 2, (max(lats) + min(lats)) / 2
    return (
        max(-180.0, lon - wide), max(-90.0, lat - high), min(180.0, lon + wide), min(90.0, lat + high)
    )  # fmt: skip


def _step_m(extent_m: float) -> int:
    return next((step for step in STEPS_M if extent_m / step <= MOST_LINES), STEPS_M[-1])


def _lines(first: float, last: float, step: float) -> Iterator[float]:
    count = min(MOST_LINES * 2, int((last - first) / step))
    middle = (first + last) / 2
    for number in range(-(count // 2), count // 2 + 1):
        line = middle + number * step
        if first < line < last:
            yield line


def _sites(named: list[tuple[str, Place]]) -> Iterator[tuple[str, Place]]:
    """Yield each place once, with the name of its first camera: several hang on one pole."""
    seen: set[tuple[float, float]] = set()
    for name, place in named:
        spot = (round(place[0], 4), round(place[1], 4))
        if spot not in seen:
            seen.add(spot)
            yield name, place
