"""The answer to a question: a table that reads well on a page and in a terminal, and goes on to pandas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, overload
from zoneinfo import ZoneInfo

import pyarrow as pa

from catalog.errors import BadInput
from workbench.analysis.local_time import say_instant
from workbench.answers.page import page

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 20
"""Rows a table shows of itself: more is for pandas."""

TERMINAL_WIDTH = 118
"""Characters a table takes in a terminal before it leaves columns out."""

CELL_WIDTH = 36
"""Characters a cell takes in a terminal before it is cut."""


WRAPPED_FROM = 60
"""Characters from which a cell on a page is a sentence and may wrap."""


class Row:
    """One row of an answer: its columns are attributes, or go by name in brackets."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self._names = tuple(names)
        self._values = tuple(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"this row has no {name!r}; it has {', '.join(self._names)}") from error

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._values[self._names.index(name)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and (self._names, self._values) == (other._names, other._values)

    def __hash__(self) -> int:
        return hash((self._names, repr(self._values)))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_plain(value)}" for name, value in zip(self._names, self._values, strict=True))
        return f"Row({fields})"


class Answer:
    """Rows that answer one question, in the order asked for."""

    def __init__(self, table: pa.Table, question: str, zone: ZoneInfo) -> None:
        self._table = table
        self.question = question
        """What was asked, for people."""
        self.zone = zone
        """The time zone instants are shown in; the rows themselves stay UTC."""

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[Any]:
        names = self._table.column_names
        columns = [column.to_pylist() for column in self._table.columns]
        return (Row(names, values) for values in zip(*columns, strict=True))

    @overload
    def __getitem__(self, which: int) -> Any: ...
    @overload
    def __getitem__(self, which: slice) -> Answer: ...
    def __getitem__(self, which: int | slice) -> Any:
        """Return one row, or an answer with only the rows of the slice."""
        if isinstance(which, slice):
            return self._with(self._table.take(list(range(*which.indices(len(self))))))
        index = which + len(self) if which < 0 else which
        if not 0 <= index < len(self):
            raise IndexError(f"row {which} of an answer of {len(self)} rows")
        return next(iter(self._with(self._table.slice(index, 1))))

    def _with(self, table: pa.Table) -> Answer:
        return Answer(table, self.question, self.zone)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._table.column_names)

    def select(self, *columns: str) -> Answer:
        """Return the same rows with only these columns, in this order.

        Raises
        ------
        BadInput
            When there is no such column.
        """
        for column in columns:
            if column not in self.columns:
                raise BadInput(f"the answer has no column {column!r}; it has {', '.join(self.columns)}")
        return Answer(self._table.select(list(columns)), self.question, self.zone)

    def to_arrow(self) -> pa.Table:
        """Return the rows as an Arrow table; instants are UTC."""
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a pandas frame; instants are UTC."""
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def __repr__(self) -> str:
        head = f"{self.question} · {_rows(len(self))}"
        if not len(self):
            return head
        return "\n".join([head, *_text_table(self._shown(), self.columns, len(self))])

    def _repr_html_(self) -> str:
        """Return the rows as a page's table."""
        return page(self.question, f"<p class='found'>{_rows(len(self))}</p>", self._table_html())

    def _shown(self) -> list[list[str]]:
        rows = self._table.slice(0, SHOWN_ROWS)
        return [[_cell(value, self.zone) for value in column.to_pylist()] for column in rows.columns]

    def _table_html(self) -> str:
        if not len(self):
            return ""
        shown = self._shown()
        kinds = [_kind(column, cells) for column, cells in zip(self._table.schema.types, shown, strict=True)]
        head = "".join(f"<th scope='col'{k}>{escape(n)}</th>" for k, n in zip(kinds, self.columns, strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td{k}>{escape(cell)}</td>" for k, cell in zip(kinds, cells, strict=True)) + "</tr>"
            for cells in zip(*shown, strict=True)
        )
        return (
            f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(self.question)}'>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
            f"<p class='note'>{escape(self._note())}</p>"
        )

    def _note(self) -> str:
        times = any(pa.types.is_timestamp(kind) for kind in self._table.schema.types)
        shown = f"Times in {self.zone.key}. " if times else ""
        if len(self) > SHOWN_ROWS:
            shown += f"The first {SHOWN_ROWS} of {len(self)} rows; to_pandas() holds them all."
        return shown.strip()


def _kind(column: pa.DataType, cells: Sequence[str]) -> str:
    """Return the class of a column: numbers stand right, long words may wrap."""
    if pa.types.is_integer(column) or pa.types.is_floating(column):
        return " class='n'"
    return " class='words'" if max(map(len, cells), default=0) > WRAPPED_FROM else ""


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def _cell(value: object, zone: ZoneInfo) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return say_instant(value, zone)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_cell(part, zone) for part in value)
    return str(value)


def _text_table(columns: Sequence[Sequence[str]], names: Sequence[str], total: int) -> list[str]:
    """Return the lines of a plain table, as many columns as fit, and a word on what was left out."""
    widths = [min(CELL_WIDTH, max(map(len, (name, *cells)))) for name, cells in zip(names, columns, strict=True)]
    fitting, used = 0, 0
    while fitting < len(widths) and (fitting == 0 or used + widths[fitting] <= TERMINAL_WIDTH):
        used += widths[fitting] + 2
        fitting += 1
    rows = [names[:fitting], ["─" * width for width in widths[:fitting]], *zip(*columns[:fitting], strict=True)]
    lines = [
        "  ".join(_fit(cell, width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]
    if total > len(columns[0]):
        lines.append(f"… {total - len(columns[0]):,} more rows: to_pandas()")
    if fitting < len(names):
        lines.append("also: " + ", ".join(names[fitting:]))
    return lines


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "…"
