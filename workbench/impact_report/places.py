"""Where everything is: places by role, what the cameras see, the rings around them, and who the donors are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from numpy.typing import NDArray

from workbench.designs.findings import Findings, MapPlace, MapSite, StudyMap
from workbench.impact_report import words
from workbench.impact_report.drawing import (
    BLUE,
    FAINT,
    GREY,
    INNER_IN,
    LINE,
    MARGIN_IN,
    ORANGE,
    PAPER,
    SMALL_PT,
    SOFT,
    TEAL,
    TEXT,
    VIOLET,
    Dashes,
    Drawing,
    Mark,
    Sheet,
    as_csv,
    shorten,
    write_ticks,
)

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

METERS_A_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6 371 km."""

MOST_VECTOR_PLACES = 1500
"""More places than this are drawn as pixels: as paths they would make the page heavy and slow."""

MOST_DONORS = 20


@dataclass(frozen=True)
class RoleLook:
    """How the places of one role are drawn."""

    mark: Mark
    face: str
    edge: str
    says: str


ROLE_LOOKS = {
    "control": RoleLook(
        Mark(TEAL, "o", filled=False, dashes=""), PAPER, LINE, "may stand for what would have been"
    ),
    "excluded": RoleLook(Mark(GREY, "x", dashes="", hatch="xxxxxx"), FAINT, "#aeb8c0", "left out"),
    "buffer": RoleLook(
        Mark(ORANGE, "^", dashes="", hatch="\\\\\\\\\\\\"), "#fdf1e4", "#d9a066", "buffer, never a control"
    ),
    "treated": RoleLook(Mark(BLUE, "s", dashes="", hatch="//////"), "#d7e6f5", BLUE, "with cameras"),
}
"""Drawn in this order, the treated on top."""


def draw_map(findings: Findings) -> Drawing:
    """Return the map of the study: places by role, viewsheds, rings, donors by weight."""
    study = findings.study_map
    sheet = Sheet("Where the cameras are, and what they are held against", _map_subtitle(study))
    present = [role for role in ROLE_LOOKS if any(place.role == role for place in study.places)]
    entries = [(ROLE_LOOKS[role].mark if role != "control" else PLAIN, ROLE_LOOKS[role].says) for role in present]
    weighted = any(place.donor_weight for place in study.places)
    sheet.key([*entries[::-1], *([(DONOR, "donor, larger with its weight")] if weighted else []),
               *([(SITE, "camera site"), (SEEN, "what it sees")] if study.sites else []),
               *((Mark(VIOLET, "", dashes=_RING_DASHES[at % len(_RING_DASHES)]), f"{words.count(radius)} m")
                 for at, radius in enumerate(study.ring_radii_m) if study.sites)])  # fmt: skip
    if study.places or study.sites:
        _map(sheet, study)
    return sheet.finished(
        "map",
        alt=_say_map(study),
        caption="Places between the cameras and the outermost ring are a buffer: crime may have moved there, so "
                "they never stand for what would have been.",
        table=as_csv(("place_id", "role", "lon_deg", "lat_deg", "before_count", "after_count", "donor_weight"), (
            (place.place_id, place.role, place.lon_deg, place.lat_deg, place.before_count, place.after_count,
             place.donor_weight) for place in study.places)),
    )  # fmt: skip


PLAIN = Mark(GREY, "s", filled=False, dashes="")
DONOR = Mark(TEAL, "o", dashes="")
SITE = Mark(TEXT, "P", dashes="")
SEEN = Mark(TEXT, "", dashes="", hatch="||||||")
_RING_DASHES: tuple[Dashes, ...] = ("-", (0, (4, 2)), (0, (1, 1)), (0, (6, 1, 1, 1)))


def _roles(study: StudyMap) -> list[str]:
    named = {"treated": "with cameras", "buffer": "in the buffer", "control": "control", "excluded": "left out"}
    numbers = {role: sum(place.role == role for place in study.places) for role in named}
    return [f"{numbers[role]:,} {says}" for role, says in named.items() if numbers[role]]


def _map_subtitle(study: StudyMap) -> str:
    said = f"{words.several(len(study.places), 'place')}"
    roles = _roles(study)
    return f"{said}: {', '.join(roles)}" if roles else said


def _say_map(study: StudyMap) -> str:
    said = [
        f"Map of {words.several(len(study.places), 'place')} and {words.several(len(study.sites), 'camera site')}."
    ]
    if roles := _roles(study):
        said.append(f"{', '.join(roles)}.")
    if study.ring_radii_m:
        radii = " and ".join(f"{words.count(radius)} m" for radius in study.ring_radii_m)
        said.append(f"Rings are drawn {radii} around what the cameras see.")
    donors = _donors(study)
    if donors:
        said.append(f"{words.several(len(donors), 'donor')} carry the counterfactual; see the donors' figure.")
    reasons = sorted({site.reason for site in study.sites if site.reason})
    if reasons:
        said.append(f"Sites were chosen for: {'; '.join(reasons)}.")
    return " ".join(said)


@dataclass(frozen=True)
class _Ground:
    """From degrees to metres about the middle of the study; good to a thousandth over a city."""

    lon_deg: float
    lat_deg: float

    def xy_m(self, lon_lat: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        degrees = np.asarray(lon_lat, dtype=np.float64).reshape(-1, 2) - (self.lon_deg, self.lat_deg)
        return degrees * METERS_A_DEGREE * (math.cos(math.radians(self.lat_deg)), 1.0)


def _map(sheet: Sheet, study: StudyMap) -> None:
    spots = [(place.lon_deg, place.lat_deg) for place in study.places]
    spots += [(site.lon_deg, site.lat_deg) for site in study.sites]
    spots += [corner for place in study.places for corner in place.outline]
    ground = _Ground(*(float(value) for value in np.mean(spots, axis=0)))
    seen = [_seen(site, ground) for site in study.sites]
    rings = [_around(seen, radius) for radius in study.ring_radii_m] if seen else []
    west, south, east, north = _extent(ground.xy_m(spots), rings)
    tall = min(max(INNER_IN * (north - south) / (east - west), 2.0), 6.4)
    axes = sheet.plot(MARGIN_IN, sheet.below_in, INNER_IN, tall)
    axes.set_aspect("equal", adjustable="box", anchor="NW")
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    # As wide at most as places are apart, so that donors next to each other stay apart too.
    apart_pt = 72 * tall * math.sqrt((east - west) / (north - south) / max(len(study.places), 1))
    _places(axes, study.places, ground, min(_LARGEST_DONOR_PT, apart_pt))
    for geometry in seen:
        _outline(axes, geometry, facecolor="none", edgecolor=TEXT, hatch="||||||", linewidth=0.7, zorder=4)
    for at, ring in enumerate(rings):
        _outline(axes, ring, facecolor="none", edgecolor=VIOLET, linestyle=_RING_DASHES[at % len(_RING_DASHES)],
                 linewidth=1.3, zorder=5)  # fmt: skip
    if study.sites:
        xy = ground.xy_m([(site.lon_deg, site.lat_deg) for site in study.sites])
        axes.plot(
            xy[:, 0], xy[:, 1], zorder=6, **{**SITE.point(6), "markeredgecolor": PAPER, "markeredgewidth": 0.7}
        )
    sheet.below_in += tall + 0.08
    _scale_bar(sheet, (east - west) / _drawn_width_in(tall, (east - west) / (north - south)))


def _drawn_width_in(tall_in: float, aspect: float) -> float:
    return min(INNER_IN, tall_in * aspect)


def _extent(xy_m: NDArray[np.float64], rings: Sequence[BaseGeometry]) -> tuple[float, float, float, float]:
    corners = [xy_m.min(axis=0), xy_m.max(axis=0)]
    corners += [np.asarray(corner) for ring in rings for corner in (ring.bounds[:2], ring.bounds[2:])]
    (west, south), (east, north) = np.min(corners, axis=0), np.max(corners, axis=0)
    pad = max(0.02 * max(east - west, north - south), 50.0)
    return float(west - pad), float(south - pad), float(east + pad), float(north + pad)


def _seen(site: MapSite, ground: _Ground) -> BaseGeometry:
    from shapely import make_valid
    from shapely.geometry import Point, Polygon

    if len(site.viewshed) >= 3:
        return make_valid(Polygon(ground.xy_m(site.viewshed)))
    return Point(*ground.xy_m([(site.lon_deg, site.lat_deg)])[0])


def _around(seen: Sequence[BaseGeometry], radius_m: float) -> BaseGeometry:
    from shapely import union_all

    return union_all([geometry.buffer(radius_m) for geometry in seen])


def _outline(axes: Axes, geometry: BaseGeometry, **look: Any) -> None:
    parts = getattr(geometry, "geoms", [geometry])
    edges = [np.asarray(line.coords) for part in parts if hasattr(part, "exterior")
             for line in (part.exterior, *part.interiors)]  # fmt: skip
    if edges:
        axes.add_collection(PolyCollection(edges, **look), autolim=False)


_LARGEST_DONOR_PT = 8.0


def _places(axes: Axes, places: Sequence[MapPlace], ground: _Ground, largest_pt: float) -> None:
    pixels = len(places) > MOST_VECTOR_PLACES
    for role, look in ROLE_LOOKS.items():
        here = [place for place in places if place.role == role]
        areas = [ground.xy_m(place.outline) for place in here if len(place.outline) >= 3]
        hatch = {"treated": "////", "buffer": "\\\\\\\\", "excluded": "xxx"}.get(role)
        if areas:
            axes.add_collection(PolyCollection(areas, facecolor=look.face, edgecolor=look.edge, linewidth=0.5,
                                               hatch=hatch, rasterized=pixels), autolim=False)  # fmt: skip
        bare = [(place.lon_deg, place.lat_deg) for place in here if len(place.outline) < 3]
        if bare:
            xy = ground.xy_m(bare)
            axes.plot(xy[:, 0], xy[:, 1], rasterized=pixels, zorder=2, **look.mark.point(4))
    donors = [place for place in places if place.donor_weight]
    if donors:
        weights = np.asarray([place.donor_weight for place in donors], dtype=np.float64)
        xy = ground.xy_m([(place.lon_deg, place.lat_deg) for place in donors])
        # Area follows weight: what looks twice as large carries twice as much.
        area_pt2 = largest_pt**2 * np.abs(weights) / np.abs(weights).max()
        axes.scatter(xy[:, 0], xy[:, 1], s=area_pt2, color=TEAL, linewidth=0,
                     alpha=0.9, zorder=3, rasterized=pixels)  # fmt: skip


def _scale_bar(sheet: Sheet, meters_an_inch: float) -> None:
    nice = [step * 10**power for power in range(1, 6) for step in (1, 2, 5)]
    length_m = max((step for step in nice if step / meters_an_inch <= 1.4), default=10)
    long, y = length_m / meters_an_inch, sheet.below_in + 0.08
    for left, right, low, high in ((0, long, y, y), (0, 0, y - 0.03, y + 0.03), (long, long, y - 0.03, y + 0.03)):
        sheet.page.plot([MARGIN_IN + left, MARGIN_IN + right], [low, high], color=SOFT, linewidth=1.2)
    name = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m} m"
    sheet.say(MARGIN_IN + long + 0.1, y, f"{name}, north is up", size_pt=SMALL_PT, color=SOFT)
    sheet.below_in += 0.2


def _donors(study: StudyMap) -> list[MapPlace]:
    donors = [place for place in study.places if place.donor_weight]
    return sorted(donors, key=lambda place: (-(place.donor_weight or 0.0), place.place_id))


def draw_donors(findings: Findings) -> Drawing:
    """Return the places that most of the counterfactual rests on, heaviest first."""
    donors = _donors(findings.study_map)
    shown, total = donors[:MOST_DONORS], sum(place.donor_weight or 0.0 for place in donors)
    rest = total - sum(place.donor_weight or 0.0 for place in shown)
    effective = total**2 / sum((place.donor_weight or 0.0) ** 2 for place in donors) if donors else 0.0
    said = f"{words.several(len(donors), 'donor')}, worth {words.count(effective)} of equal weight"
    sheet = Sheet("What the counterfactual rests on", said)
    tall = 0.23 * len(shown) + 0.04
    axes = sheet.plot(MARGIN_IN + 2.0, sheet.below_in, INNER_IN - 2.8, tall)
    weights = [place.donor_weight or 0.0 for place in shown]
    middles = [0.02 + 0.23 * (row + 0.5) for row in range(len(shown))]
    axes.barh(middles, weights, height=0.13, color=TEAL)
    for middle, weight, place in zip(middles, weights, shown, strict=True):
        y = sheet.below_in + middle
        sheet.say(MARGIN_IN + 1.9, y, shorten(place.place_id, 1.9), align="right")
        sheet.say(MARGIN_IN + INNER_IN, y, words.percent(weight, 1, signed=False), align="right")
    axes.set_ylim(tall, 0)
    axes.set_xlim(min(0.0, *weights) if weights else 0.0, max(weights, default=1.0) * 1.03)
    axes.set_yticks([])
    write_ticks(axes, lambda value: words.percent(value, signed=False), INNER_IN - 2.8)
    axes.grid(axis="x", color=LINE, linewidth=0.7)
    sheet.below_in += tall + 0.32
    if len(donors) > len(shown):
        sheet.below_in = sheet.paragraph(
            f"{len(donors) - len(shown):,} more donors carry {words.percent(rest, 1, signed=False)} together.",
            size_pt=SMALL_PT, color=SOFT)  # fmt: skip
    listed = "; ".join(f"{place.place_id} {words.percent(place.donor_weight, 1, signed=False)}" for place in shown)
    return sheet.finished(
        "donors",
        alt=f"Donor weights. {said}. {listed or 'No place carries weight'}.",
        caption="A counterfactual that rests on few places is as good as those places: one of them may have had "
                "its own reasons to change.",
        table=as_csv(("place_id", "donor_weight"), ((place.place_id, place.donor_weight) for place in donors)),
    )  # fmt: skip
