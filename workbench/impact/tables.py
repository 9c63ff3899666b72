"""Rows of a file a city hands in, whatever its form, and what is wrong with each of them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet
from numpy.typing import NDArray

from catalog.errors import BadInput

Bools = NDArray[np.bool_]
Instants = NDArray[np.datetime64]
"""UTC, µs."""

MOST_LISTED = 20
"""Wrong rows that an error names one by one; the rest are counted."""

FEWEST_MIDNIGHTS = 20
"""So many times, all at midnight, are days: by chance one in 24 hours is."""

_NOTHING = ["", "NA", "N/A", "NULL", "null", "None", "NaN", "nan"]
_BROKEN_LINE = "the line has another number of fields than the header"


@dataclass(frozen=True)
class WrongRow:
    """One row that cannot be used, and why."""

    row: int
    """As a spreadsheet numbers it: the header of a CSV is row 1; records of other forms count from 1."""
    column: str
    found: str
    why: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.why} (found {self.found!r})"


@dataclass(frozen=True)
class Rows:
    """The rows of one file, columnar, nothing checked yet."""

    path: Path
    sha256: str
    """Digest of the file's bytes."""
    frame: pd.DataFrame
    """(N, columns) text as it stands in CSV; typed where the file's form has types; missing where empty."""
    numbers: NDArray[np.int64]
    """(N,) what a person calls each row, see `WrongRow.row`."""
    shapes: Sequence[Any] | None = None
    """(N,) shapely geometries in degrees, longitude first; None where the form has none."""
    broken: tuple[WrongRow, ...] = ()
    """Lines that could not be cut into columns at all."""

    def __len__(self) -> int:
        return len(self.numbers)

    def has(self, column: str) -> bool:
        """Return whether there is such a column."""
        return column in self.frame.columns

    def need(self, columns: Sequence[str]) -> None:
        """Check that columns are there.

        Raises
        ------
        BadInput
            When one is not, with the columns there are.
        """
        missing = [column for column in columns if not self.has(column)]
        if missing:
            there = ", ".join(str(column) for column in self.frame.columns) or "none"
            raise BadInput(
                f"{self.path.name} has no column {', '.join(map(repr, missing))}; it has {there}. "
                "Name the columns in the specification or rename them in the file"
            )

    def text(self, column: str) -> NDArray[np.object_]:
        """Return (N,) a column's texts, stripped; '' where missing or where there is no such column."""
        if not self.has(column):
            return np.full(len(self), "", object)
        series = self.frame[column]
        texts: NDArray[np.object_] = series.astype("string").str.strip().fillna("").to_numpy(object)
        return texts

    def number(self, column: str) -> NDArray[np.float64]:
        """Return (N,) a column's numbers; NaN where missing or no number."""
        if not self.has(column):
            return np.full(len(self), np.nan)
        values = pd.to_numeric(self.frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)

    def instants(self, column: str, zone: ZoneInfo, time_format: str | None = None) -> tuple[Instants, Bools]:
        """Return (N,) instants, NaT where missing or unreadable, and (N,) whether only a day is written.

        Times without an offset are read on the wall clock of `zone`; of the hour that comes twice the first is
        taken, and a time that was skipped is moved to the end of the gap: an hour at most. A column all of whose
        times are midnight holds days.
        """
        values = self.frame[column]
        if isinstance(values.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(values.dtype):
            times = pd.DatetimeIndex(values)
            midnights = np.asarray(times.isna() | (times == times.normalize()), bool)
            return _utc(times, zone), _all_or_none(midnights) & (times.tz is None)
        texts = values.astype("string").str.strip()
        only_day = texts.str.fullmatch(r"\d{4}-\d{2}-\d{2}").fillna(False).to_numpy(bool)
        midnight = texts.str.fullmatch(r"\d{4}-\d{2}-\d{2}(?:[T ]00:00(?::00(?:\.0+)?)?)?").fillna(True)
        only_day |= _all_or_none(midnight.to_numpy(bool)) & texts.notna().to_numpy(bool)
        aware = texts.str.contains(r"\d(?:Z|z|[+-]\d{2}:?\d{2})$").fillna(False).to_numpy(bool) & ~only_day
        aware &= time_format is None
        found: Instants = np.full(len(self), np.datetime64("NaT"), "datetime64[us]")
        for rows, offset in ((aware, True), (~aware, False)):
            if rows.any():
                form = time_format or "ISO8601"
                read = pd.to_datetime(texts[rows], format=form, errors="coerce", utc=offset)
                found[rows] = _utc(pd.DatetimeIndex(read), zone)
        return found, only_day


def _all_or_none(midnight: Bools) -> Bools:
    """Return (N,) True where all of enough times are midnight, so that not one of them means the hour."""
    return np.full(len(midnight), len(midnight) >= FEWEST_MIDNIGHTS and bool(midnight.all()))


def _utc(times: pd.DatetimeIndex, zone: ZoneInfo) -> Instants:
    if times.tz is None:
        first_of_two = np.ones(len(times), bool)
        times = times.tz_localize(zone, ambiguous=first_of_two, nonexistent="shift_forward")
    instants: Instants = times.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]")
    return instants


def read_rows(path: Path) -> Rows:
    """Return the rows of a CSV, Parquet or GeoJSON file.

    Raises
    ------
    BadInput
        When there is no such file, its name says none of these, or it cannot be read as what it says it is.
    """
    readers = {".csv": _csv, ".parquet": _parquet, ".geojson": _geojson, ".json": _geojson}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path.name} cannot be read: its name must end in {', '.join(readers)}")
    try:
        content = path.read_bytes()
        return reader(path, content, hashlib.sha256(content).hexdigest())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error}; files are looked for beside the specification") from error
    except (pa.ArrowInvalid, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path.name} is no readable {path.suffix[1:]}: {error}") from error


def _csv(path: Path, content: bytes, sha256: str) -> Rows:
    header = next(csv.reader([content.partition(b"\n")[0].decode("utf-8-sig")]), [])
    if len(set(header)) != len(header):
        raise ValueError("two columns have the same name")
    broken: list[WrongRow] = []

    def leave_out(line: arrow_csv.InvalidRow) -> str:
        broken.append(WrongRow(int(line.number), "whole line", line.text[:60], _BROKEN_LINE))
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(content),
        # One thread, so that broken lines know their number.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=1 << 24),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in header}, null_values=_NOTHING, strings_can_be_null=True
        ),
    )
    lines = np.setdiff1d(np.arange(2, table.num_rows + len(broken) + 2), [one.row for one in broken])
    return Rows(path, sha256, table.to_pandas(), lines.astype(np.int64), broken=tuple(broken))


def _parquet(path: Path, content: bytes, sha256: str) -> Rows:
    frame = arrow_parquet.read_table(pa.BufferReader(content)).to_pandas()
    return Rows(path, sha256, frame.reset_index(drop=True), np.arange(1, len(frame) + 1, dtype=np.int64))


def _geojson(path: Path, content: bytes, sha256: str) -> Rows:
    import shapely
    from shapely.geometry import shape

    collection: dict[str, Any] = json.loads(content)
    if collection.get("type") != "FeatureCollection":
        raise ValueError(f"it is a {collection.get('type')!r}, not a FeatureCollection")
    crs = str((collection.get("crs") or {}).get("properties", {}).get("name", "CRS84"))
    if not any(known in crs for known in ("CRS84", "EPSG::4326", "EPSG:4326")):
        raise ValueError(f"its coordinates are {crs}; write longitude and latitude in degrees (RFC 7946)")
    features = collection["features"]
    shapes = []
    for row, feature in enumerate(features):
        try:
            shapes.append(shape(feature["geometry"]) if feature.get("geometry") else None)
        except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise ValueError(f"the geometry of feature {row + 1} cannot be read: {error}") from error
    frame = pd.DataFrame([feature.get("properties") or {} for feature in features])
    if frame.empty:
        frame = pd.DataFrame(index=range(len(features)))
    if "id" not in frame.columns and any("id" in feature for feature in features):
        frame["id"] = [feature.get("id") for feature in features]
    return Rows(path, sha256, frame, np.arange(1, len(features) + 1, dtype=np.int64), shapes)


class Sieve:
    """What is wrong with the rows of one file; of each row the first thing found is kept."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._wrong = np.zeros(len(rows), bool)
        self._listed = list(rows.broken)
        self._reasons: Counter[str] = Counter(one.why for one in rows.broken)
        self._set_aside: Counter[str] = Counter()

    def set_aside(self, where: Bools, why: str) -> None:
        """Leave out the rows where `where` (N,) is True, because `why`, though nothing is wrong with them."""
        fresh = where & ~self._wrong
        self._wrong |= fresh
        self._set_aside[why] += int(fresh.sum())

    def refuse(self, where: Bools, column: str, why: str) -> None:
        """Mark the rows where `where` (N,) is True as wrong in `column`, because `why`."""
        fresh = where & ~self._wrong
        self._wrong |= fresh
        found = np.flatnonzero(fresh)
        self._reasons[why] += len(found)
        for row in found[:MOST_LISTED]:
            value = self._rows.frame[column].iloc[row] if self._rows.has(column) else ""
            shown = "" if value is None or value is pd.NA else str(value)
            self._listed.append(WrongRow(int(self._rows.numbers[row]), column, shown[:60], why))

    @property
    def kept(self) -> Bools:
        """(N,) rows nothing is wrong with so far."""
        return ~self._wrong

    @property
    def left_out(self) -> tuple[tuple[str, int], ...]:
        """(reason, rows) of every reason found, most frequent first."""
        reasons = self._reasons + self._set_aside
        return tuple((why, count) for why, count in reasons.most_common() if count)

    @property
    def examples(self) -> tuple[WrongRow, ...]:
        """The first wrong rows, by row."""
        return tuple(sorted(self._listed, key=lambda one: one.row)[:MOST_LISTED])

    def settle(self, most_wrong_ratio: float = 0.0) -> None:
        """Check that no more than a share of the rows is wrong.

        Raises
        ------
        BadInput
            When more are; the first are named by row and column, the rest counted by reason.
        """
        wrong = sum(self._reasons.values())
        total = len(self._rows) + len(self._rows.broken)
        if wrong <= most_wrong_ratio * total:
            return
        lines = [f"  {one}" for one in self.examples]
        if wrong > len(lines):
            lines.append(f"  and {wrong - len(lines)} more")
        lines += [f"  in all {count}: {why}" for why, count in self._reasons.most_common() if count]
        raise BadInput(
            f"{wrong} of {total} rows of {self._rows.path.name} cannot be used, "
            f"{most_wrong_ratio:.0%} may be left out; mend them or the columns' names:\n" + "\n".join(lines)
        )


def read_days(texts: NDArray[np.object_]) -> tuple[list[date | None], Bools]:
    """Return (N,) days, None where nothing is written, and (N,) whether something else than a day is."""
    days: list[date | None] = []
    wrong = np.zeros(len(texts), bool)
    for row, text in enumerate(texts):
        try:
            days.append(date.fromisoformat(str(text)[:10]) if text else None)
        except ValueError:
            days.append(None)
            wrong[row] = True
    return days, wrong
