"""How answers are printed: a table for people, one JSON document, CSV, or a Parquet file."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.errors import StorageFailed
from catalog.spans import iso

WIDE_COLUMNS = 200
"""Width of tables that go to a file or pipe, where no screen limits them."""


def say(text: str) -> None:
    """Print one line to the person at the terminal, beside the data."""
    print(text, file=sys.stderr, flush=True)


def print_json(document: object) -> None:
    """Print one JSON document, alone, on standard output."""
    print(json.dumps(document, default=_plain, allow_nan=False, indent=2 if sys.stdout.isatty() else None))


def rows_of(table: pa.Table) -> list[dict[str, object]]:
    """Return the rows with values that JSON can hold: instants as ISO 8601, bytes as hex, no NaN."""
    names = unique_names(table.column_names)
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with `_2`, `_3` … after those that occurred before: `select 1, 1` has two columns."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique


def print_csv(table: pa.Table) -> None:
    """Print the rows as CSV with a header; an unknown is an empty field."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(unique_names(table.column_names))
    for row in rows_of(table):
        writer.writerow([json.dumps(value) if isinstance(value, list | dict) else value for value in row.values()])


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write the rows to a Parquet file.

    Raises
    ------
    StorageFailed
        When the file cannot be written.
    """
    try:
        pq.write_table(table.rename_columns(unique_names(table.column_names)), path)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror or error}; name another file") from error


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, title: str | None = None) -> None:
    """Print rows as a table for people, numbers to the right."""
    console = Console(width=None if sys.stdout.isatty() else WIDE_COLUMNS, highlight=False)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float | None) for row in rows)
        table.add_column(column, justify="right" if numeric and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(_words(row.get(column))) for column in columns))
    console.print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        print(f"{name:<{width}}  {_words(value)}")


def print_table(table: pa.Table, *, title: str | None = None) -> None:
    """Print an answer as a table for people."""
    print_rows(rows_of(table), unique_names(table.column_names), title=title)


def _words(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    return str(value)


def _plain(value: object) -> object:
    """Return a value JSON can hold."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return _plain_other(value)


def _plain_other(value: object) -> object:
    """Return a value of a kind JSON does not know as text, or as a number where it is one."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):  # sums of whole numbers come as such from the catalog
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
