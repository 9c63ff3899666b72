"""A small made city of 8 × 8 cells, whose studies tests put together in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from workbench.impact.areas import Area
from workbench.impact.incidents import IncidentFile, Incidents
from workbench.impact.places import LocalPlane
from workbench.impact.sites import Site
from workbench.impact.specification import AreaRole, StudySpecification, parse_specification
from workbench.impact.study_files import StudyFiles

CENTRE = LocalPlane(-90.1848, 32.2988)
HALF_M = 2000.0

TOML = """
title = "Small"
[claim]
words = "Cameras cut robbery by half"
change_ratio = -0.5
[study]
start = 2021-01-01
end = 2024-01-01
time_zone = "UTC"
[incidents]
file = "incidents.csv"
[[outcome]]
name = "robbery"
types = ["robbery"]
primary = true
[sites]
file = "sites.csv"
[areas]
file = "areas.geojson"
[rings]
radii_m = [100, 200]
"""


def specification(*changes: tuple[str, str]) -> StudySpecification:
    toml = TOML
    for old, new in changes:
        assert old in toml
        toml = toml.replace(old, new)
    return parse_specification(toml)


def incidents_at(
    xy_m: NDArray[np.float64],
    start_at: NDArray[np.datetime64] | Sequence[str],
    *,
    length_s: int = 0,
    kind: str = "robbery",
    proactive: bool = False,
) -> Incidents:
    """Return incidents at metres from the centre, each `length_s` long."""
    starts = np.asarray(start_at, "datetime64[us]")
    lon_lat = CENTRE.to_deg(np.asarray(xy_m, np.float64).reshape(-1, 2))
    count = len(starts)
    return Incidents(
        np.asarray([f"i{row}" for row in range(count)], object), starts, starts + np.timedelta64(length_s, "s"),
        (kind,), np.zeros(count, np.int64), lon_lat[:, 0], lon_lat[:, 1], np.zeros(count, bool),
        np.full(count, proactive),
    )  # fmt: skip


def even_incidents(per_cell_month: int = 2, first: str = "2021-01", last: str = "2024-01") -> Incidents:
    """Return the same number of incidents in every cell and month, in the middle of both."""
    months = np.arange(first, last, dtype="datetime64[M]").astype("datetime64[us]") + np.timedelta64(14, "D")
    middle = np.arange(-HALF_M + 250, HALF_M, 500.0)
    xy_m = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    at = np.repeat(months, len(xy_m) * per_cell_month)
    return incidents_at(np.tile(np.repeat(xy_m, per_cell_month, axis=0), (len(months), 1)), at)


def polygon(west_m: float, south_m: float, east_m: float, north_m: float) -> Polygon:
    """Return a rectangle given in metres from the centre, in degrees."""
    return shapely.transform(box(west_m, south_m, east_m, north_m), CENTRE.to_deg)


def city(role: AreaRole | None = "study", exposure: float | None = None) -> Area:
    # A metre less on all sides: a cell is there when its centre is inside.
    return Area("city", polygon(-HALF_M + 1, -HALF_M + 1, HALF_M - 1, HALF_M - 1), role, exposure)


def site(x_m: float = 250.0, y_m: float = 250.0, **changes: Any) -> Site:
    """Return a site in the middle of the cell east and north of the centre, on since 2023, chosen by lot."""
    lon_lat = CENTRE.to_deg(np.asarray([[x_m, y_m]]))[0]
    plain = Site(
        "s1",
        float(lon_lat[0]),
        float(lon_lat[1]),
        date(2023, 1, 1),
        monitored=True,
        reason="lot",
        chosen_by="random",
    )
    return replace(plain, **changes)


def files(
    *changes: tuple[str, str],
    incidents: Incidents | None = None,
    sites: Sequence[Site] | None = None,
    areas: Sequence[Area] | None = None,
    left_out: tuple[tuple[str, int], ...] = (),
) -> StudyFiles:
    """Return a study's files as if they had been read."""
    incidents = even_incidents() if incidents is None else incidents
    rows = len(incidents) + sum(count for _, count in left_out)
    return StudyFiles(
        specification(*changes), TOML, IncidentFile(incidents, "0" * 64, rows, left_out, ()),
        tuple([site()] if sites is None else sites), tuple([city()] if areas is None else areas),
    )  # fmt: skip
