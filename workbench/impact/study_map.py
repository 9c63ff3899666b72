"""What the map of a study shows: places with their roles and counts, sites with what they see, rings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.designs.findings import MapPlace, MapSite, StudyMap
from workbench.designs.panel import Panel
from workbench.impact.counting import CountedStudy
from workbench.impact.places import LocalPlane, Places

Outline = tuple[tuple[float, float], ...]
"""Corners, (longitude, latitude) degrees; the last joins the first."""


def study_map(
    counted: CountedStudy, outcome: str | None = None, donor_weights: Mapping[str, float] | None = None
) -> StudyMap:
    """Return what the map shows of an outcome, the primary one where none is named.

    Parameters
    ----------
    donor_weights
        Place id to the share of the counterfactual that rests on it; None where no method weighs places.
    """
    panel = counted.panel(outcome) if outcome else counted.primary
    weights = donor_weights or {}
    places = counted.layout.places
    before, after = even_spans(panel)
    lon_lat = places.plane.to_deg(places.xy_m)
    outlines = outlines_deg(places)
    shown = tuple(
        MapPlace(
            place_id, panel.roles[row], float(lon_lat[row, 0]), float(lon_lat[row, 1]), outlines[row],
            float(panel.counts[row, before].sum()), float(panel.counts[row, after].sum()), weights.get(place_id),
        )
        for row, place_id in enumerate(panel.place_ids)
    )  # fmt: skip
    sites = tuple(
        MapSite(
            site.site_id, site.lon_deg, site.lat_deg, () if site.viewshed is None else _corners(site.viewshed),
            site.activated_on, site.reason,
        )
        for site in counted.files.sites
    )  # fmt: skip
    return StudyMap(shown, sites, counted.files.specification.rings.radii_m)


def even_spans(panel: Panel) -> tuple[slice, slice]:
    """Return the periods before and after the first camera that a plain comparison takes: as many of each.

    They are whole years where there are any, so that both sides see the same seasons.
    """
    first = int(panel.before.sum())
    length = min(first, len(panel.starts) - first)
    per_year = round(panel.periods_per_year)
    if length >= per_year:
        length -= length % per_year
    return slice(first - length, first), slice(first, first + length)


def outlines_deg(places: Places) -> tuple[Outline, ...]:
    """Return (P,) outlines of places in degrees; of several polygons the largest, of one its outer edge."""
    import shapely

    rings = [_outer(shape) for shape in places.outlines]
    corners, owner = shapely.get_coordinates(rings, return_index=True)
    lon_lat = np.round(places.plane.to_deg(corners), 6)
    cuts = np.searchsorted(owner, np.arange(1, len(rings)))
    # The last corner repeats the first.
    return tuple(tuple(map(tuple, part[:-1].tolist())) for part in np.split(lon_lat, cuts))


def ring_outlines_deg(plane: LocalPlane, zones: npt.NDArray[np.object_], radius_m: float) -> tuple[Outline, ...]:
    """Return the outlines of everything within a radius of zones (S,), metres: one for each connected piece."""
    import shapely

    reach = shapely.union_all(shapely.buffer(zones, radius_m, quad_segs=16))
    pieces = [shapely.get_exterior_ring(piece) for piece in shapely.get_parts(reach)]
    return tuple(tuple(map(tuple, plane.to_deg(shapely.get_coordinates(one))[:-1].tolist())) for one in pieces)


def _corners(shape: Any) -> Outline:
    import shapely

    return tuple((float(lon), float(lat)) for lon, lat in shapely.get_coordinates(_outer(shape))[:-1])


def _outer(shape: Any) -> Any:
    import shapely

    parts = shapely.get_parts(shape)
    return shapely.get_exterior_ring(parts[int(shapely.area(parts).argmax())])
