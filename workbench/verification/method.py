"""A method that cases may name: what it takes, what it gives, and the function that does it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd

from catalog.errors import BadInput

Kind = Literal["number", "whole", "text", "yes_no", "numbers", "texts", "table"]
"""What a parameter is: in TOML and JSON a number, a whole number, a string, a truth value, a list, a table."""

Result: TypeAlias = float | int | str | bool | Sequence["Result"] | Mapping[str, "Result"]
"""What a method gives under one name: a number, a text, or lists and tables of them."""

Results: TypeAlias = Mapping[str, Result]

_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "number": (int, float), "whole": (int,), "text": (str,), "yes_no": (bool,), "numbers": (list, tuple),
    "texts": (list, tuple), "table": (dict,),
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method."""

    name: str
    kind: Kind
    words: str
    """What it means, with its unit."""
    default: object | None = None
    """What holds when a case leaves it out; None where it must be given, unless `optional`."""
    optional: bool = False
    """Whether it may be left out without a default."""


class Settings:
    """The parameters of one case, checked against what its method takes.

    Raises
    ------
    BadInput
        On construction, for a parameter the method does not know, lacks, or of the wrong kind.
    """

    def __init__(self, case_id: str, given: Mapping[str, object], known: Sequence[Parameter]) -> None:
        self._case_id = case_id
        by_name = {parameter.name: parameter for parameter in known}
        for name, found in given.items():
            self._check(name, found, by_name)
        missing = [one.name for one in known if one.default is None and not one.optional and one.name not in given]
        if missing:
            raise BadInput(
                f"case {case_id!r}: parameter {missing[0]!r} is missing; it is {by_name[missing[0]].words}"
            )
        self._values = {one.name: one.default for one in known} | dict(given)

    def _check(self, name: str, found: object, by_name: Mapping[str, Parameter]) -> None:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(by_name) or 'none'}"
            raise BadInput(f"case {self._case_id!r}: the method has no parameter {name!r}; {hint}")
        kind = by_name[name].kind
        wrong_truth = isinstance(found, bool) and kind != "yes_no"
        if wrong_truth or not isinstance(found, _TYPES[kind]):
            raise BadInput(
                f"case {self._case_id!r}: {name} is {found!r}; it must be a {kind}: {by_name[name].words}"
            )

    def has(self, name: str) -> bool:
        """Return whether a parameter was given or has a default."""
        return self._values[name] is not None

    def number(self, name: str) -> float:
        """Return a number."""
        return float(self._values[name])  # type: ignore[arg-type]

    def whole(self, name: str) -> int:
        """Return a whole number."""
        return int(self._values[name])  # type: ignore[call-overload, no-any-return]

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._values[name])

    def yes(self, name: str) -> bool:
        """Return whether something is asked for."""
        return bool(self._values[name])

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a list of numbers."""
        return tuple(float(one) for one in self._values[name])  # type: ignore[attr-defined]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(str(one) for one in self._values[name])  # type: ignore[attr-defined]

    def table(self, name: str) -> Mapping[str, object]:
        """Return a table as it stands in the case."""
        return dict(self._values[name])  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class Inputs:
    """What a method is called with."""

    case_id: str
    rows: pd.DataFrame | None
    """The case's data, filtered and derived as it says; None when everything stands in the parameters."""
    settings: Settings

    def frame(self) -> pd.DataFrame:
        """Return the rows.

        Raises
        ------
        BadInput
            When the case has no `data`.
        """
        if self.rows is None:
            raise BadInput(f"case {self.case_id!r}: this method needs data; give `[data] file = …`")
        return self.rows

    def column(self, parameter: str) -> str:
        """Return the name of the column that a parameter names.

        Raises
        ------
        BadInput
            When the rows have no such column.
        """
        name = self.settings.text(parameter)
        known = [str(column) for column in self.frame().columns]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise BadInput(f"case {self.case_id!r}: {parameter} names a column {name!r} that is not there; {hint}")
        return name


@dataclass(frozen=True)
class Method:
    """A method that cases may name."""

    name: str
    """What cases call it, snake case."""
    words: str
    """What it computes, in a sentence, with its source."""
    parameters: tuple[Parameter, ...]
    results: tuple[tuple[str, str], ...]
    """(name, meaning with unit) of everything it gives; cases may expect any part of it."""
    compute: Callable[[Inputs], Results]
