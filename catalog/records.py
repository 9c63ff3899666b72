"""Records as rows of the tables that hold them, and back.

A record's fields are the table's columns, name for name. Four types are spread out: a `Span` over `start_at`
and `end_at`, a `Fraction` over `_num` and `_den`, points over `x_px` and `y_px`, and tuples into lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from catalog.errors import BadInput
from catalog.footage import Gap, SamplingLevel
from catalog.spans import Span

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Stored = TypeVar("Stored", bound="DataclassInstance")


def row_of(record: DataclassInstance) -> dict[str, Any]:
    """Return the record's columns and values."""
    row: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Span):
            row |= {"start_at": value.start_at, "end_at": value.end_at}
        elif isinstance(value, Fraction):
            row |= {f"{field.name}_num": value.numerator, f"{field.name}_den": value.denominator}
        elif field.name == "points_px":
            row |= {"x_px": [float(x) for x, _ in value], "y_px": [float(y) for _, y in value]}
        else:
            row[field.name] = list(value) if isinstance(value, tuple) else value
    if isinstance(record, Gap):
        row |= {"gap_id": record.gap_id, "run_id": None}
    if isinstance(record, SamplingLevel):
        row["level_id"] = record.level_id
    return row


def record_of(kind: type[Stored], row: Mapping[str, Any]) -> Stored:
    """Return the record a row stands for.

    Raises
    ------
    BadInput
        When the row breaks one of the record's own rules.
    """
    values: dict[str, Any] = {}
    for field in fields(kind):
        name = field.name
        if name == "span":
            values[name] = Span(row["start_at"], row["end_at"])
        elif name == "time_base":
            values[name] = Fraction(row["time_base_num"], row["time_base_den"])
        elif name == "points_px":
            values[name] = tuple(zip(row["x_px"], row["y_px"], strict=True))
        else:
            values[name] = tuple(row[name]) if isinstance(row[name], list) else row[name]
    try:
        return kind(**values)
    except ValueError as error:
        raise BadInput(f"{kind.__name__.lower()} {next(iter(row.values()), '')}: {error}") from error


def table_of(records: Sequence[DataclassInstance]) -> pa.Table:
    """Return one row a record; a column without a value in any row has type null until `fit` gives it its own."""
    return pa.Table.from_pylist([row_of(record) for record in records])


def rows_fitting(records: Sequence[DataclassInstance], schema: pa.Schema, table: str) -> pa.Table:
    """Return what `fit(table_of(records), schema, table)` does, in a third of the time: fields are the columns.

    Raises
    ------
    BadInput
        When a field holds what its column's type cannot.
    """
    try:
        columns = [pa.array([getattr(record, field.name) for record in records], field.type) for field in schema]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise BadInput(f"rows for table {table} do not fit its column types: {error}") from error
    return pa.Table.from_arrays(columns, schema=schema)


def records_of(kind: type[Stored], rows: pa.Table) -> tuple[Stored, ...]:
    """Return the records that the rows stand for, in order."""
    return tuple(record_of(kind, row) for row in rows.to_pylist())


def fit(rows: pa.Table, schema: pa.Schema, table: str) -> pa.Table:
    """Return the rows with the columns of `schema`, in its order and types.

    Raises
    ------
    BadInput
        When a column is missing, is unknown, or holds what its type cannot.
    """
    if rows.num_rows == 0:
        return schema.empty_table()
    missing = [name for name in schema.names if name not in rows.column_names]
    unknown = [name for name in rows.column_names if name not in schema.names]
    if missing or unknown:
        raise BadInput(
            f"rows for table {table}: missing columns {missing or 'none'}, unknown columns {unknown or 'none'}; "
            "docs/data_dictionary.md lists its columns"
        )
    try:
        return rows.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise BadInput(f"rows for table {table} do not fit its column types: {error}") from error
