"""Sites: cameras that came on together, when they were on, and why they stand where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.impact.tables import Bools, Rows, Sieve, read_days, read_rows

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Chosen = Literal["counts", "random", "other"]
"""What decided on a place: how many incidents it had, a draw, or something else."""

_YES = ("yes", "true", "1", "y")
_NO = ("no", "false", "0", "n")

Days = tuple[date, date]
"""First day, and first day not any more."""


@dataclass(frozen=True)
class Site:
    """Cameras that came on together."""

    site_id: str
    lon_deg: float
    lat_deg: float
    activated_on: date
    """First day on."""
    viewshed: BaseGeometry | None = None
    """Polygon the cameras see, degrees, longitude first; None where only the point is known."""
    off: tuple[Days, ...] = ()
    """Stretches of days without pictures after activation; the second day is the first one on again."""
    monitored: bool | None = None
    """Whether someone watches; None where the file does not say."""
    reason: str = ""
    """Why this place was chosen, in the city's own words."""
    chosen_by: Chosen | None = None
    """What decided on it; None where the file does not say."""
    chosen_on: Days | None = None
    """Days whose incidents it was chosen on; None where it was not, or the file does not say."""

    def is_on(self, days: NDArray[np.datetime64]) -> Bools:
        """Return (D,) whether cameras were on, for each of `days`."""
        on: Bools = days >= np.datetime64(self.activated_on, "D")
        for first, again in self.off:
            on &= ~((days >= np.datetime64(first, "D")) & (days < np.datetime64(again, "D")))
        return on


@dataclass(frozen=True)
class SiteFile:
    """A file of sites as it was read."""

    sites: tuple[Site, ...]
    """By day of activation, then id."""
    sha256: str


def read_sites(path: Path) -> SiteFile:
    """Return the sites of a CSV or GeoJSON file.

    Columns or properties: `id`, `activated_on` (always); `lon`, `lat`, and in CSV `viewshed` as WKT, or the
    feature's point or polygon; `off` as `2024-05-01/2024-06-01; …`; `monitored` (yes or no); `reason`;
    `chosen_by` (counts, random or other) and `chosen_on_from`, `chosen_on_to`, the days whose incidents decided.
    Every second day of a pair is the first one not meant.

    Raises
    ------
    BadInput
        When the file cannot be read, lacks a column, or any row is wrong: a site left out would be a place wrongly
        taken for one without cameras.
    """
    rows = read_rows(path)
    rows.need(["id", "activated_on"])
    sieve = Sieve(rows)
    ids = rows.text("id")
    sieve.refuse(ids == "", "id", "the id is missing")
    sieve.refuse(np.asarray([text in ids[:row] for row, text in enumerate(ids)], bool), "id", "the id stands twice")
    activated = _days(rows, sieve, "activated_on")
    sieve.refuse(np.asarray([day is None for day in activated], bool), "activated_on", "no day is written")
    shapes, points = _geometry(rows, sieve)
    off, windows, chosen = _off(rows, sieve), _windows(rows, sieve), _chosen(rows, sieve)
    monitored = _yes_or_no(rows, sieve, "monitored")
    sieve.settle()
    reasons = rows.text("reason")
    sites = [
        Site(
            str(ids[row]), float(points[row, 0]), float(points[row, 1]), day, shapes[row], off[row], monitored[row],
            str(reasons[row]), chosen[row], windows[row],
        )
        for row, day in enumerate(activated) if day is not None
    ]  # fmt: skip
    return SiteFile(tuple(sorted(sites, key=lambda site: (site.activated_on, site.site_id))), rows.sha256)


def _geometry(rows: Rows, sieve: Sieve) -> tuple[list[Any], NDArray[np.float64]]:
    """Return (N,) polygons or None, and (N, 2) a point of each site, degrees."""
    import shapely

    shapes = rows.shapes
    if shapes is None and rows.has("viewshed"):
        texts = rows.text("viewshed")
        shapes = [shapely.from_wkt(text, on_invalid="ignore") if text else None for text in texts]
        unread = np.asarray([shape is None for shape in shapes], bool)
        sieve.refuse(unread & (texts != ""), "viewshed", "it is no polygon in WKT")
    points = np.column_stack([rows.number("lon"), rows.number("lat")])
    polygons: list[Any] = [None] * len(rows)
    kinds = np.full(len(rows), "", object)
    for row, shape in enumerate(shapes if shapes is not None else polygons):
        if shape is None:
            continue
        kinds[row] = "Point" if shape.geom_type == "Point" else "area" if shape.area > 0 else "neither"
        polygons[row] = shape if kinds[row] == "area" else None
        inner = shape if kinds[row] == "Point" else shape.representative_point()
        if np.isnan(points[row]).any() and not shape.is_empty:
            points[row] = inner.x, inner.y
    crossed = np.asarray([one is not None and not one.is_valid for one in polygons], bool)
    sieve.refuse(kinds == "neither", "viewshed", "the viewshed is neither a point nor a polygon")
    sieve.refuse(crossed, "viewshed", "the polygon crosses itself")
    lon_deg, lat_deg = points[:, 0], points[:, 1]
    sieve.refuse(np.isnan(lon_deg) | np.isnan(lat_deg), "lon", "the place is missing or no number")
    sieve.refuse(
        (np.abs(lon_deg) > 180) | (np.abs(lat_deg) > 90), "lon", "there is no such place: degrees are needed"
    )
    return polygons, points


def _days(rows: Rows, sieve: Sieve, column: str) -> list[date | None]:
    days, wrong = read_days(rows.text(column))
    sieve.refuse(wrong, column, "no day can be read: write 2024-05-01")
    return days


def _windows(rows: Rows, sieve: Sieve) -> list[Days | None]:
    first, last = _days(rows, sieve, "chosen_on_from"), _days(rows, sieve, "chosen_on_to")
    pairs = list(zip(first, last, strict=True))
    halves = np.asarray([(start is None) != (end is None) for start, end in pairs], bool)
    sieve.refuse(halves, "chosen_on_to", "chosen_on_from and chosen_on_to belong together")
    windows = [(start, end) if start and end else None for start, end in pairs]
    backwards = np.asarray([window is not None and window[1] <= window[0] for window in windows], bool)
    sieve.refuse(backwards, "chosen_on_to", "the window ends before it starts")
    return windows


def _chosen(rows: Rows, sieve: Sieve) -> list[Chosen | None]:
    known: dict[str, Chosen | None] = {"counts": "counts", "random": "random", "other": "other", "": None}
    texts = [str(text).lower() for text in rows.text("chosen_by")]
    unknown = np.asarray([text not in known for text in texts], bool)
    sieve.refuse(unknown, "chosen_by", "it must be counts, random or other")
    return [known.get(text) for text in texts]


def _yes_or_no(rows: Rows, sieve: Sieve, column: str) -> list[bool | None]:
    texts = [str(text).lower() for text in rows.text(column)]
    unknown = np.asarray([text not in ("", *_YES, *_NO) for text in texts], bool)
    sieve.refuse(unknown, column, "it must be yes or no")
    return [None if text == "" else text in _YES for text in texts]


def _off(rows: Rows, sieve: Sieve) -> list[tuple[Days, ...]]:
    """Return (N,) the stretches each site was off, from text or, in GeoJSON, from lists of two days."""
    values = rows.frame["off"] if rows.has("off") else [None] * len(rows)
    stretches: list[tuple[Days, ...]] = []
    wrong = np.zeros(len(rows), bool)
    for row, value in enumerate(values):
        try:
            stretches.append(tuple(_stretch(pair) for pair in _pairs(value)))
        except (ValueError, TypeError):
            stretches.append(())
            wrong[row] = True
    sieve.refuse(wrong, "off", "write first/again days: 2024-05-01/2024-06-01; 2024-09-01/2024-09-08")
    return stretches


def _pairs(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        return []
    return [text.strip().split("/") for text in value.split(";") if text.strip()]


def _stretch(pair: Any) -> Days:
    first, again = (date.fromisoformat(str(day).strip()) for day in pair)
    if again <= first:
        raise ValueError(f"{again} is not after {first}")
    return first, again
