"""The role of each place: cameras see it, crime may have moved to it, something else touched it, or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.designs.panel import Role
from workbench.impact.areas import Area
from workbench.impact.places import LocalPlane, Places, Shapes
from workbench.impact.sites import Site
from workbench.impact.specification import CoIntervention, StudySpecification

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

LEAST_TOUCHED_RATIO = 0.01
"""A place of which less than so much lies in a polygon is not touched by it: borders never agree exactly."""


@dataclass(frozen=True)
class Touched:
    """What one co-intervention does to the places."""

    co_intervention: CoIntervention
    treated: int
    """Places with cameras it touches."""
    others: int
    """Places without cameras it touches; they are no controls any more."""


@dataclass(frozen=True)
class Roles:
    """Roles of P places, and when their cameras were on."""

    roles: tuple[Role, ...]
    """(P,)"""
    active: Bools
    """(P, T) cameras on for more than half of the period."""
    sites_of: tuple[tuple[str, ...], ...]
    """(P,) ids of the sites that treat a place."""
    sites_outside: tuple[str, ...]
    """Sites that see no place at all."""
    always_on: int
    """Places left out because their cameras were on from the first period: they have no before."""
    never_on: int
    """Places left out because their cameras come after the study, or were never on for most of a period."""
    near_controls: int
    """Places of control polygons that are in the buffer because they lie within the largest ring."""
    touched: tuple[Touched, ...]
    """Co-interventions within the study's days."""
    treated_kept: bool
    """Whether touched places with cameras stay, because else none would be left."""


def assign_roles(
    specification: StudySpecification,
    places: Places,
    sites: Sequence[Site],
    areas: Sequence[Area],
    starts: Days,
    leave_out: Collection[str] = (),
) -> Roles:
    """Return what each place is and when its cameras were on.

    A place is treated where cameras see at least `least_covered_ratio` of it; of each site the place it sees most
    of is treated, so that none goes lost. Other places within the largest ring of what is seen are buffer. Places
    that a co-intervention touches, and those of polygons with that role, are excluded. The rest may be controls.

    Parameters
    ----------
    starts
        (T,) first day of each period.
    leave_out
        Sites whose places are excluded, to see what the finding owes to each.
    """
    zones = seen_zones(places.plane, sites, specification.study.treated_radius_m)
    links = _links(places, zones, specification.study.least_covered_ratio)
    active = _active(links, sites, starts, np.datetime64(specification.study.end, "D"))
    set_aside = np.asarray([role == "excluded" for role in places.area_roles], bool)
    set_aside |= links[[site.site_id in leave_out for site in sites]].any(axis=0)
    seen = links.any(axis=0) & ~set_aside
    always, never = seen & active[:, 0], seen & ~active.any(axis=1)
    treated = seen & ~always & ~never
    comes = np.asarray([site.activated_on < specification.study.end for site in sites], bool)
    near = _near(places, zones[comes], specification.rings.radii_m[-1])
    in_buffer = np.asarray([role == "buffer" for role in places.area_roles], bool)
    roles = np.full(len(places), "control", object)
    roles[near | in_buffer] = "buffer"
    near_controls = near & ~seen & np.asarray([role == "control" for role in places.area_roles], bool)
    roles[treated] = "treated"
    roles[set_aside | always | never] = "excluded"
    touched, kept = _touch(roles, specification, places, areas)
    active[roles != "treated"] = False
    return Roles(
        tuple(roles), active,
        tuple(tuple(sites[int(site)].site_id for site in np.flatnonzero(row)) for row in links.T),
        tuple(site.site_id for site, row in zip(sites, links, strict=True) if not row.any()),
        int(always.sum()), int(never.sum()), int(near_controls.sum()), touched, kept,
    )  # fmt: skip


def seen_zones(plane: LocalPlane, sites: Sequence[Site], treated_radius_m: float) -> Shapes:
    """Return (S,) what each site sees, polygons in metres: its viewshed, or a circle around its point."""
    import shapely

    points = plane.to_m(np.asarray([site.lon_deg for site in sites]), np.asarray([site.lat_deg for site in sites]))
    zones: Shapes = shapely.buffer(shapely.points(points), treated_radius_m, quad_segs=32)
    for row, site in enumerate(sites):
        if site.viewshed is not None:
            zones[row] = plane.shapes_to_m([site.viewshed])[0]
    return zones


def _links(places: Places, zones: Shapes, least_ratio: float) -> Bools:
    """Return (S, P) which site treats which place."""
    import shapely

    links = np.zeros((len(zones), len(places)), bool)
    site, place = shapely.STRtree(places.outlines).query(zones, predicate="intersects")
    shared_m2 = shapely.area(shapely.intersection(zones[site], places.outlines[place]))
    touching = np.zeros_like(links)
    touching[site, place] = shared_m2 > 0
    links[site, place] = shared_m2 / shapely.area(places.outlines[place]) >= least_ratio
    for one in np.unique(site):
        of_one = np.flatnonzero((site == one) & (shared_m2 > 0))
        if len(of_one):
            links[one, place[of_one[shared_m2[of_one].argmax()]]] = True
    # Several sites may see enough of a place together, none of them alone.
    together = places.share_covered(shapely.union_all(zones)) >= least_ratio
    links[:, together & ~links.any(axis=0)] = touching[:, together & ~links.any(axis=0)]
    return links


def _active(links: Bools, sites: Sequence[Site], starts: Days, end: np.datetime64) -> Bools:
    """Return (P, T) whether any camera of a place was on for more than half of the days of a period."""
    days = np.arange(starts[0], end)
    on = np.asarray([site.is_on(days) for site in sites], bool).reshape(len(sites), len(days))
    first = np.searchsorted(days, starts)
    length = np.diff(np.append(first, len(days)))
    active = np.zeros((links.shape[1], len(starts)), bool)
    for place in np.flatnonzero(links.any(axis=0)):
        days_on = on[links[:, place]].any(axis=0)
        active[place] = np.add.reduceat(days_on.astype(np.int64), first) * 2 > length
    return active


def _near(places: Places, zones: Shapes, radius_m: float) -> Bools:
    import shapely

    near = np.zeros(len(places), bool)
    _, place = shapely.STRtree(places.outlines).query(zones, predicate="dwithin", distance=radius_m)
    near[place] = True
    return near


def _touch(
    roles: NDArray[np.object_], specification: StudySpecification, places: Places, areas: Sequence[Area]
) -> tuple[tuple[Touched, ...], bool]:
    """Exclude in `roles` what co-interventions touch; return what they do, and whether treated places stay."""
    treated = roles == "treated"
    found: list[Touched] = []
    anywhere = np.zeros(len(places), bool)
    for one in specification.co_interventions:
        if not one.overlaps(specification.study.start, specification.study.end):
            continue
        at = _places_of(one, roles, places, areas)
        found.append(Touched(one, int((at & treated).sum()), int((at & ~treated & (roles != "excluded")).sum())))
        # What changed everywhere changed for controls too: to exclude all would only hide it.
        anywhere |= at & (not one.whole_city)
    kept = bool(treated.any() and not (treated & ~anywhere).any())
    roles[anywhere & ~(treated & kept)] = "excluded"
    return tuple(found), kept


def _places_of(one: CoIntervention, roles: NDArray[np.object_], places: Places, areas: Sequence[Area]) -> Bools:
    if one.whole_city:
        return np.ones(len(places), bool)
    if one.role is not None:
        at: Bools = roles == one.role
        return at
    shapes: list[Any] = [area.shape for area in areas if area.area_id == one.area]
    return places.share_covered(places.plane.shapes_to_m(shapes)[0]) > LEAST_TOUCHED_RATIO
