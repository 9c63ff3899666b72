"""Units by periods: a case's long rows as the tables that synthetic methods work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.verification.method import Inputs

Floats = NDArray[np.float64]


def named(value: object) -> str:
    """Return a unit's or period's name: whole numbers without a point, anything else as it is."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class UnitTable:
    """The rows of a case, one a unit and period."""

    case_id: str
    rows: pd.DataFrame
    unit: str
    """Name of the column that says which unit."""
    period: str
    units: tuple[str, ...]
    """(N,) in order."""
    periods: tuple[float, ...]
    """(T,) rising."""

    @classmethod
    def of(cls, inputs: Inputs) -> UnitTable:
        """Read the table that parameters `unit` and `period` describe.

        Raises
        ------
        BadInput
            When a unit has a period twice, or periods are not numbers.
        """
        unit, period = inputs.column("unit"), inputs.column("period")
        rows = inputs.frame().copy()
        if not pd.api.types.is_numeric_dtype(rows[period]):
            raise BadInput(f"case {inputs.case_id!r}: the periods in {period!r} must be numbers, e.g. years")
        units = rows[unit].drop_duplicates().sort_values()
        rows[unit] = rows[unit].map(named)
        twice = rows.duplicated([unit, period])
        if twice.any():
            first = rows[twice].iloc[0]
            raise BadInput(
                f"case {inputs.case_id!r}: {first[unit]} has period {named(first[period])} twice; add them up"
            )
        periods = tuple(float(one) for one in np.sort(rows[period].unique()))
        return cls(inputs.case_id, rows, unit, period, tuple(named(one) for one in units), periods)

    @property
    def period_names(self) -> tuple[str, ...]:
        """(T,) the periods as results are named by them."""
        return tuple(named(one) for one in self.periods)

    def values(self, column: str) -> Floats:
        """Return (N, T) of a column; NaN where a unit lacks a period.

        Raises
        ------
        BadInput
            When there is no such column of numbers.
        """
        if column not in self.rows.columns:
            raise BadInput(
                f"case {self.case_id!r}: no column {column!r}; there are {', '.join(map(str, self.rows.columns))}"
            )
        wide = self.rows.pivot(index=self.unit, columns=self.period, values=column)
        return wide.reindex(index=list(self.units), columns=list(self.periods)).to_numpy(dtype=float)

    def complete(self, column: str) -> Floats:
        """Return (N, T) of a column.

        Raises
        ------
        BadInput
            When a unit lacks a period.
        """
        values = self.values(column)
        if np.isnan(values).any():
            unit, period = np.argwhere(np.isnan(values))[0]
            raise BadInput(
                f"case {self.case_id!r}: {column!r} of {self.units[unit]} is unknown in "
                f"{self.period_names[period]}; leave the unit or the period out with `where`"
            )
        return values

    def first_treated(self, column: str) -> NDArray[np.int64]:
        """Return (N,) the number of each unit's first period with a nonzero value; T for none.

        Raises
        ------
        BadInput
            When no unit, or every unit, is treated.
        """
        on = np.nan_to_num(self.values(column)) != 0
        first = np.where(on.any(axis=1), on.argmax(axis=1), len(self.periods)).astype(np.int64)
        if not on.any() or on.any(axis=1).all():
            raise BadInput(
                f"case {self.case_id!r}: {column!r} must be 0 for some units and 1 for others from some period on"
            )
        return first

    def span(self, first: float, last: float) -> NDArray[np.bool_]:
        """Return (T,) whether each period is in [first, last]."""
        periods = np.asarray(self.periods)
        return np.asarray((periods >= first) & (periods <= last))

    def at(self, units: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of units by name.

        Raises
        ------
        BadInput
            When one is not there.
        """
        unknown = [unit for unit in units if unit not in self.units]
        if unknown:
            raise BadInput(
                f"case {self.case_id!r}: there is no unit {unknown[0]!r}; there are {', '.join(self.units[:40])}"
            )
        return np.array([self.units.index(unit) for unit in units], np.int64)
