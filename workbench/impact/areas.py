"""Areas: polygons that say where is studied, compared or left aside, and how many live there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.impact.specification import AreaRole, AreasSpecification
from workbench.impact.tables import Sieve, read_rows

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

ROLES: tuple[AreaRole, ...] = ("excluded", "study", "buffer", "control")
"""Where polygons overlap a place takes the first of these, so that no place of a buffer is ever a control."""

LEAST_OVERLAP_RATIO = 0.01
"""Polygons that share less than so much of the smaller one only touch: digitised borders never agree exactly."""


@dataclass(frozen=True)
class Area:
    """One polygon."""

    area_id: str
    shape: BaseGeometry
    """Polygon or several, degrees, longitude first."""
    role: AreaRole | None
    """`study`: cameras are here, places they do not reach may be controls; `control`: places to compare with;
    `buffer`: near enough that crime may have moved here; `excluded`: not to be used; None for a polygon that only
    carries people and covariates."""
    exposure: float | None = None
    """People, households or jobs in it; None where the study has none."""
    covariates: tuple[float, ...] = ()
    """(K,) what else is known of it, in the order of the specification."""


@dataclass(frozen=True)
class AreaFile:
    """A file of areas as it was read."""

    areas: tuple[Area, ...]
    """In the file's order."""
    covariate_names: tuple[str, ...]
    sha256: str


def read_areas(path: Path, specification: AreasSpecification) -> AreaFile:
    """Return the polygons of a GeoJSON file: properties `id`, `role`, and those the specification names.

    Raises
    ------
    BadInput
        When the file cannot be read, lacks a property, or any polygon is wrong.
    """
    rows = read_rows(path)
    named = [*([specification.exposure] if specification.exposure else []), *specification.covariates]
    rows.need(["id", *named])
    sieve = Sieve(rows)
    ids, roles = rows.text("id"), rows.text("role")
    sieve.refuse(ids == "", "id", "the id is missing")
    sieve.refuse(np.asarray([text in ids[:row] for row, text in enumerate(ids)], bool), "id", "the id stands twice")
    sieve.refuse(~np.isin(roles.astype(str), ["", *ROLES]), "role", f"it must be one of {', '.join(ROLES)}")
    shapes = rows.shapes or [None] * len(rows)
    polygons = np.asarray([one is not None and one.area > 0 for one in shapes], bool)
    sieve.refuse(~polygons, "geometry", "it is no polygon")
    valid = np.asarray([one is None or one.is_valid for one in shapes], bool)
    sieve.refuse(~valid, "geometry", "the polygon crosses itself")
    figures = {name: rows.number(name) for name in named}
    carries = roles == ""
    for name, values in figures.items():
        # A polygon with a role may leave them out: often tracts carry people, and the city limits a role.
        sieve.refuse(carries & np.isnan(values), name, "a polygon without a role must have it")
        if name == specification.exposure:
            sieve.refuse(values < 0, name, "it is below 0")
    sieve.settle()
    known: dict[str, AreaRole] = {role: role for role in ROLES}
    areas = tuple(
        Area(
            str(ids[row]), shapes[row], known.get(str(roles[row])),
            _known(figures[specification.exposure][row]) if specification.exposure else None,
            tuple(float(figures[name][row]) for name in specification.covariates),
        )
        for row in range(len(rows))
    )  # fmt: skip
    return AreaFile(areas, specification.covariates, rows.sha256)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def overlaps(areas: Sequence[Area], role: AreaRole, other: AreaRole) -> list[tuple[str, str, float]]:
    """Return (id, id, share of the smaller polygon) of areas of two roles that overlap."""
    found = []
    for one in (area for area in areas if area.role == role):
        for two in (area for area in areas if area.role == other and area is not one):
            share = one.shape.intersection(two.shape).area / min(one.shape.area, two.shape.area)
            if share > LEAST_OVERLAP_RATIO:
                found.append((one.area_id, two.area_id, float(share)))
    return found
