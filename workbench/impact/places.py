"""Places: squares of a grid or polygons of a file, laid out in metres on a plane that touches the city."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.impact.areas import ROLES, Area
from workbench.impact.specification import AreaRole

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Shapes = NDArray[np.object_]
"""Shapely geometries."""

MOST_CELLS = 200_000
"""More cells than this are a slip of the unit: a city of 5 000 km² has 20 000 of 500 m."""

_ROW_STRIDE = 1 << 31


@dataclass(frozen=True)
class LocalPlane:
    """Metres east and north of an origin: azimuthal equidistant, true within 0.1 % up to 150 km from it.

    Snyder (1987), Map Projections: A Working Manual, US Geological Survey Professional Paper 1395, p. 191.
    """

    lon_deg: float
    lat_deg: float

    def to_m(self, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """Return (N, 2) metres east and north of (N,) degrees."""
        east_m, north_m = _transformer(self.lon_deg, self.lat_deg).transform(
            np.asarray(lon_deg), np.asarray(lat_deg)
        )
        return np.column_stack([east_m, north_m])

    def to_deg(self, xy_m: Floats) -> Floats:
        """Return (N, 2) longitude and latitude of (N, 2) metres."""
        lon_deg, lat_deg = _transformer(self.lon_deg, self.lat_deg).transform(
            xy_m[:, 0], xy_m[:, 1], direction="INVERSE"
        )
        return np.column_stack([lon_deg, lat_deg])

    def shapes_to_m(self, shapes: Sequence[Any]) -> Shapes:
        """Return (S,) shapely geometries in metres, from degrees with the longitude first."""
        import shapely

        moved: Shapes = np.full(len(shapes), None, object)
        for row, shape in enumerate(shapes):
            moved[row] = shapely.transform(shape, lambda corners: self.to_m(corners[:, 0], corners[:, 1]))
        return moved


@lru_cache(maxsize=8)
def _transformer(lon_deg: float, lat_deg: float) -> Any:
    # Kept: it takes a millisecond to set up, and every polygon needs it.
    from pyproj import Transformer

    here = f"+proj=aeqd +lat_0={lat_deg!r} +lon_0={lon_deg!r} +datum=WGS84 +units=m"
    return Transformer.from_crs("EPSG:4326", here, always_xy=True)


@dataclass(frozen=True)
class Places:
    """P places; none overlaps another, but for polygons a file draws over each other."""

    plane: LocalPlane
    place_ids: tuple[str, ...]
    """(P,) each once."""
    outlines: Shapes
    """(P,) polygons, metres."""
    xy_m: Floats
    """(P, 2) centres."""
    area_ids: tuple[str | None, ...]
    """(P,) the polygon of the areas' file each lies in; None where there is no such file."""
    area_roles: tuple[AreaRole | None, ...]
    """(P,) the role of that polygon."""
    cell_m: float | None
    """Side of a cell, metres; None for polygons."""

    def __len__(self) -> int:
        return len(self.place_ids)

    def locate(self, xy_m: Floats) -> Indices:
        """Return (N,) the place each of (N, 2) points lies in; −1 outside all of them.

        A point on the border of two cells is in the one further east or north; of two polygons in the one whose
        role comes first in `areas.ROLES`.
        """
        if self.cell_m is None:
            return _in_polygons(xy_m, self.outlines, self.area_roles)
        keys = _keys(_cells_of(self.xy_m, self.cell_m))
        order = np.argsort(keys)
        wanted = _keys(_cells_of(xy_m, self.cell_m))
        at = np.searchsorted(keys[order], wanted).clip(max=len(keys) - 1)
        return np.where(keys[order][at] == wanted, order[at], -1)

    def share_covered(self, shape: Any) -> Floats:
        """Return (P,) the share of each place that a shapely geometry in metres covers."""
        import shapely

        ratio = np.zeros(len(self))
        near = np.unique(shapely.STRtree(self.outlines).query(shape, predicate="intersects"))
        shared = shapely.area(shapely.intersection(self.outlines[near], shape))
        ratio[near] = shared / shapely.area(self.outlines[near])
        return ratio


def lay_cells(cell_m: float, areas: Sequence[Area], lon_deg: Floats, lat_deg: Floats) -> Places:
    """Return square cells over the polygons that have a role or, where there are none, over the points.

    Parameters
    ----------
    areas
        A cell is there when its centre lies in one with a role; may be empty.
    lon_deg, lat_deg
        (N,) points in use; without polygons every cell with one of them is there.

    Raises
    ------
    BadInput
        When there would be no cell, or far too many.
    """
    with_role = [area for area in areas if area.role is not None]
    if not with_role:
        if not len(lon_deg):
            raise BadInput(
                "no cells can be laid: there is no polygon with a role and no incident in the study's days"
            )
        plane = LocalPlane(round(float(np.median(lon_deg)), 4), round(float(np.median(lat_deg)), 4))
        cells = np.unique(_cells_of(plane.to_m(lon_deg, lat_deg), cell_m), axis=0)
        names: list[str | None] = [None] * len(cells)
        return _as_places(plane, cells, cell_m, names, [None] * len(cells))
    plane = plane_of(with_role)
    shapes = plane.shapes_to_m([area.shape for area in with_role])
    cells = _cells_within_bounds(shapes, cell_m)
    inside = _in_polygons(_centres(cells, cell_m), shapes, [area.role for area in with_role])
    kept = inside >= 0
    if not kept.any():
        raise BadInput(f"no cell of {cell_m:g} m has its centre in a polygon with a role; take smaller cells")
    owners = [with_role[row] for row in inside[kept]]
    return _as_places(plane, cells[kept], cell_m, [one.area_id for one in owners], [one.role for one in owners])


def lay_areas(areas: Sequence[Area]) -> Places:
    """Return the polygons that have a role as places.

    Raises
    ------
    BadInput
        When none has.
    """
    import shapely

    with_role = [area for area in areas if area.role is not None]
    if not with_role:
        raise BadInput("no polygon of the areas' file has a role; write study, buffer or control into `role`")
    plane = plane_of(with_role)
    outlines = plane.shapes_to_m([area.shape for area in with_role])
    centres = shapely.centroid(outlines)
    ids = tuple(area.area_id for area in with_role)
    return Places(
        plane, ids, outlines, np.column_stack([shapely.get_x(centres), shapely.get_y(centres)]), ids,
        tuple(area.role for area in with_role), None,
    )  # fmt: skip


def plane_of(areas: Sequence[Area]) -> LocalPlane:
    """Return the plane that touches the middle of all polygons; to 0.0001°, so that cells keep their places when a
    border is drawn anew by a hair."""
    import shapely

    left, low, right, high = shapely.total_bounds([area.shape for area in areas])
    return LocalPlane(round(float(left + right) / 2, 4), round(float(low + high) / 2, 4))


def spread(areas: Sequence[Area], places: Places, covariates: int) -> tuple[Floats, Floats]:
    """Return (P,) exposure and (P, K) covariates of places by the shares in which polygons overlap them.

    Exposure is divided among the places a polygon overlaps, as if people were spread evenly over it; a covariate
    is the mean over the place's surface. Goodchild and Lam (1980), Geo-Processing 1: areal interpolation. NaN
    where nothing known overlaps a place.
    """
    import shapely

    shapes = places.plane.shapes_to_m([area.shape for area in areas])
    polygon, place = shapely.STRtree(places.outlines).query(shapes, predicate="intersects")
    shared_m2 = shapely.area(shapely.intersection(shapes[polygon], places.outlines[place]))
    people = np.asarray([np.nan if area.exposure is None else area.exposure for area in areas], np.float64)
    density = people / np.maximum(shapely.area(shapes), 1e-9)
    figures = np.asarray([area.covariates for area in areas], np.float64).reshape(len(areas), covariates)
    exposure = _sum_known(place, shared_m2 * density[polygon], len(places))
    means = np.full((len(places), covariates), np.nan)
    for column in range(covariates):
        known = ~np.isnan(figures[polygon, column])
        over_m2 = _sum_known(place[known], shared_m2[known], len(places))
        total = _sum_known(place[known], shared_m2[known] * figures[polygon[known], column], len(places))
        means[:, column] = np.divide(total, over_m2, out=means[:, column], where=over_m2 > 0)
    return exposure, means


def _sum_known(rows: Indices, values: Floats, total: int) -> Floats:
    """Return (total,) sums by row of the values that are known; NaN for a row without any."""
    known = ~np.isnan(values)
    sums = np.bincount(rows[known], weights=values[known], minlength=total)
    return np.where(np.bincount(rows[known], minlength=total) > 0, sums, np.nan)


def _cells_of(xy_m: Floats, cell_m: float) -> Indices:
    """Return (N, 2) column and row of the cell each point lies in."""
    return np.floor(xy_m / cell_m).astype(np.int64)


def _centres(cells: Indices, cell_m: float) -> Floats:
    return cells.astype(np.float64) * cell_m + cell_m / 2


def _keys(cells: Indices) -> Indices:
    keys: Indices = cells[:, 0] + cells[:, 1] * _ROW_STRIDE
    return keys


def _cells_within_bounds(shapes: Shapes, cell_m: float) -> Indices:
    import shapely

    left, low, right, high = np.floor(np.asarray(shapely.total_bounds(shapes)) / cell_m).astype(np.int64)
    total = int(right - left + 1) * int(high - low + 1)
    if total > MOST_CELLS:
        raise BadInput(f"{total} cells of {cell_m:g} m are more than {MOST_CELLS}; take larger ones")
    columns, rows = np.meshgrid(np.arange(left, right + 1), np.arange(low, high + 1))
    return np.column_stack([columns.ravel(), rows.ravel()])


def _as_places(
    plane: LocalPlane, cells: Indices, cell_m: float, ids: Sequence[str | None], roles: Sequence[AreaRole | None]
) -> Places:
    import shapely

    corners = cells * cell_m
    outlines = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + cell_m, corners[:, 1] + cell_m)
    names = tuple(f"cell_{column}_{row}" for column, row in cells)
    return Places(plane, names, outlines, _centres(cells, cell_m), tuple(ids), tuple(roles), cell_m)


def _in_polygons(xy_m: Floats, shapes: Shapes, roles: Sequence[AreaRole | None]) -> Indices:
    """Return (N,) the polygon each point lies in, the one whose role ranks first; −1 outside all."""
    import shapely

    rank = np.asarray([ROLES.index(role) if role is not None else len(ROLES) for role in roles])
    order = np.argsort(rank, kind="stable")
    point, polygon = shapely.STRtree(shapes[order]).query(shapely.points(xy_m), predicate="intersects")
    first = np.full(len(xy_m), len(shapes), np.int64)
    np.minimum.at(first, point, polygon)
    return np.where(first < len(shapes), order[first.clip(max=len(shapes) - 1)], -1)
