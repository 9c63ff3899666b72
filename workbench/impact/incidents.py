"""Incidents as a city's records hold them: when, where, of which type, how well known, and how they came up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from workbench.impact.specification import IncidentColumns, IncidentsSpecification
from workbench.impact.tables import Bools, Instants, Rows, Sieve, WrongRow, read_rows

Floats = NDArray[np.float64]

_AGAIN = "the id stands further up: one row per incident, or say several_rows = true"
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Incidents:
    """N incidents, columnar."""

    incident_ids: NDArray[np.object_]
    """(N,) each once; once a type where an incident may have several rows."""
    start_at: Instants
    """(N,) UTC, µs: the earliest instant it can have happened."""
    end_at: Instants
    """(N,) UTC, µs: it happened before; equal to `start_at` where the instant is known."""
    types: tuple[str, ...]
    """(K,) the types there are, in order of the alphabet."""
    type_index: NDArray[np.int64]
    """(N,) which of `types`."""
    lon_deg: Floats
    """(N,)"""
    lat_deg: Floats
    """(N,)"""
    poor_geocode: Bools
    """(N,) place known only to something coarser than a street address or a block."""
    proactive: Bools
    """(N,) on record because police looked for it."""
    geocode_known: bool = True
    """Whether the file says how places were found; else nothing is marked as poor."""
    origin_known: bool = True
    """Whether the file says how incidents came up; else nothing is marked as proactive."""

    def __len__(self) -> int:
        return len(self.start_at)

    def of(self, rows: Bools | NDArray[np.int64]) -> Incidents:
        """Return the incidents of `rows`, a mask (N,) or indices."""
        return Incidents(
            self.incident_ids[rows], self.start_at[rows], self.end_at[rows], self.types, self.type_index[rows],
            self.lon_deg[rows], self.lat_deg[rows], self.poor_geocode[rows], self.proactive[rows],
            self.geocode_known, self.origin_known,
        )  # fmt: skip

    def of_types(self, types: tuple[str, ...]) -> Bools:
        """Return (N,) whether an incident is of one of `types`."""
        wanted = np.asarray([name in types for name in self.types], bool)
        mask: Bools = wanted[self.type_index] if len(self.types) else np.zeros(len(self), bool)
        return mask

    @property
    def inexact(self) -> Bools:
        """(N,) time known only to within more than a day."""
        mask: Bools = self.end_at - self.start_at > _DAY
        return mask


@dataclass(frozen=True)
class IncidentFile:
    """A file of incidents as it was read: what could be used, and what was left out and why."""

    incidents: Incidents
    sha256: str
    rows: int
    """Rows of the file, those left out among them."""
    left_out: tuple[tuple[str, int], ...]
    """(reason, rows)"""
    examples: tuple[WrongRow, ...]
    """The first rows left out."""


def read_incidents(path: Path, specification: IncidentsSpecification, zone: ZoneInfo) -> IncidentFile:
    """Return the incidents of a CSV, Parquet or GeoJSON file.

    Parameters
    ----------
    zone
        Whose wall clock times without an offset are on. A day without a time is the whole day: the incident
        happened somewhen in it.

    Raises
    ------
    BadInput
        When the file cannot be read, lacks a column, or a larger share of its rows than the specification allows
        is wrong; the first are named by row and column.
    """
    rows = read_rows(path)
    columns = specification.columns
    _need(rows, columns)
    sieve = Sieve(rows)
    ids, types = rows.text(columns.incident_id), rows.text(columns.type)
    sieve.refuse(ids == "", columns.incident_id, "the id is missing")
    sieve.refuse(types == "", columns.type, "the type is missing")
    if not specification.several_rows:
        sieve.refuse(_stands_further_up(ids), columns.incident_id, _AGAIN)
    start_at, end_at = _spans(rows, sieve, specification, zone)
    lon_deg, lat_deg = _places(rows, sieve, columns)
    if specification.several_rows:
        # After the rest, so that the row that counts is one that can be used.
        kept = np.flatnonzero(sieve.kept)
        again = np.zeros(len(rows), bool)
        again[kept] = _stands_further_up(ids[kept] + "\n" + types[kept])
        sieve.set_aside(again, "another row of the same incident and type")
    sieve.settle(specification.most_wrong_ratio)
    everything = _columnar(rows, specification, ids, types, (start_at, end_at), (lon_deg, lat_deg))
    total = len(rows) + len(rows.broken)
    return IncidentFile(everything.of(sieve.kept), rows.sha256, total, sieve.left_out, sieve.examples)


def _columnar(
    rows: Rows,
    specification: IncidentsSpecification,
    ids: NDArray[np.object_],
    types: NDArray[np.object_],
    span: tuple[Instants, Instants],
    place: tuple[Floats, Floats],
) -> Incidents:
    """Return all rows as incidents, those with something wrong in them too."""
    geocodes = _lower(rows.text(specification.columns.geocode or "geocode"))
    origins = _lower(rows.text(specification.columns.origin or "origin"))
    geocode_known, origin_known = bool((geocodes != "").any()), bool((origins != "").any())
    poor = ~np.isin(geocodes, _lower(specification.good_geocodes)) & geocode_known
    proactive = np.isin(origins, _lower(specification.proactive_origins))
    names, type_index = np.unique(types.astype(str), return_inverse=True)
    return Incidents(
        ids, *span, tuple(str(name) for name in names), type_index.astype(np.int64), *place, poor, proactive,
        geocode_known, origin_known,
    )  # fmt: skip


def _need(rows: Rows, columns: IncidentColumns) -> None:
    always = [columns.incident_id, columns.start_at, columns.type]
    position = [] if rows.shapes is not None else [columns.lon_deg, columns.lat_deg]
    rows.need([*always, *position, *(one for one in (columns.end_at, columns.geocode, columns.origin) if one)])


def _stands_further_up(ids: NDArray[np.object_]) -> Bools:
    _, first, inverse = np.unique(ids.astype(str), return_index=True, return_inverse=True)
    again: Bools = first[inverse] != np.arange(len(ids))
    return again


def _spans(
    rows: Rows, sieve: Sieve, specification: IncidentsSpecification, zone: ZoneInfo
) -> tuple[Instants, Instants]:
    columns = specification.columns
    start_at, only_day = rows.instants(columns.start_at, zone, specification.time_format)
    sieve.refuse(np.isnat(start_at), columns.start_at, "no time can be read")
    end_at = np.where(only_day, _day_after(start_at, zone), start_at)
    column = columns.end_at or "end_at"
    if rows.has(column):
        written = rows.text(column) != ""
        last_at, ends_on_day = rows.instants(column, zone, specification.time_format)
        last_at = np.where(ends_on_day, _day_after(last_at, zone), last_at)
        sieve.refuse(written & np.isnat(last_at), column, "no time can be read")
        sieve.refuse(written & (last_at < start_at), column, "it ends before it starts")
        end_at = np.where(written, last_at, end_at)
    return start_at, end_at


def _day_after(midnight_at: Instants, zone: ZoneInfo) -> Instants:
    """Return (N,) the next midnight on the wall clock of `zone`; days are 23 or 25 h when clocks change."""
    import pandas as pd

    local = pd.DatetimeIndex(midnight_at, tz="UTC").tz_convert(zone).tz_localize(None)
    first_of_two = np.ones(len(local), bool)
    following = (local + pd.Timedelta(days=1)).tz_localize(
        zone, ambiguous=first_of_two, nonexistent="shift_forward"
    )
    after: Instants = following.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]")
    return after


def _places(rows: Rows, sieve: Sieve, columns: IncidentColumns) -> tuple[Floats, Floats]:
    if rows.shapes is not None and not rows.has(columns.lon_deg):
        import shapely

        points = [one if one is not None and one.geom_type == "Point" else None for one in rows.shapes]
        lon_deg, lat_deg = shapely.get_x(points), shapely.get_y(points)
        column = "geometry"
    else:
        lon_deg, lat_deg = rows.number(columns.lon_deg), rows.number(columns.lat_deg)
        column = columns.lon_deg
    sieve.refuse(np.isnan(lon_deg) | np.isnan(lat_deg), column, "the place is missing or no number")
    nowhere = (np.abs(lon_deg) > 180) | (np.abs(lat_deg) > 90) | ((lon_deg == 0) & (lat_deg == 0))
    sieve.refuse(nowhere, column, "there is no such place: degrees of longitude and latitude are needed")
    return lon_deg, lat_deg


def _lower(texts: Iterable[object]) -> NDArray[np.str_]:
    return np.asarray([str(text).lower() for text in texts], str)
