"""A case with a known answer, as it is read from a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import BadInput
from workbench.verification.table import TableSource, read_source

SUFFIXES = (".toml", ".json")
"""What a file of cases may end in."""

_KEYS = {"id", "method", "source", "data", "parameters", "expected", "tolerance", "notes", "licence"}


@dataclass(frozen=True)
class Tolerance:
    """How close a figure must come: |got − expected| ≤ absolute + relative · |expected|."""

    absolute: float = 0.0
    """In the figure's own unit."""
    relative: float = 0.0
    """Share of what is expected."""
    by_name: tuple[tuple[str, Tolerance], ...] = ()
    """(dotted name, its own tolerance); a name covers everything under it."""

    def for_name(self, name: str) -> Tolerance:
        """Return the tolerance of one dotted name: the longest that covers it, else this one."""
        covering = [(key, own) for key, own in self.by_name if name == key or name.startswith(f"{key}.")]
        return max(covering, key=lambda pair: len(pair[0]))[1] if covering else self

    def holds(self, expected: float, got: float) -> bool:
        """Return whether a figure is close enough; NaN is close to nothing."""
        return abs(got - expected) <= self.absolute + self.relative * abs(expected)


@dataclass(frozen=True)
class Case:
    """A method, its data and parameters, what is expected, and how close it must come."""

    case_id: str
    method: str
    source: str
    """Where the expected figures are from."""
    data: TableSource | None
    """None when everything stands in the parameters."""
    parameters: Mapping[str, object]
    expected: object
    """A number, a text, or lists and tables of them: any part of what the method gives."""
    tolerance: Tolerance
    path: Path
    """The file it was read from."""
    notes: str = field(default="", compare=False)


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Return every case of a folder and the folders below it, in the order of their files' names.

    Raises
    ------
    BadInput
        When the folder has no case, a file cannot be read as cases, or two cases have the same id.
    """
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is not a folder; give one that holds cases (*.toml, *.json) and a data/ beside them"
        )
    paths = sorted(
        path for path in folder.rglob("*")
        if path.suffix in SUFFIXES and "data" not in path.relative_to(folder).parts[:-1]
    )  # fmt: skip
    cases = [case for path in paths for case in _cases_of(path)]
    if not cases:
        raise BadInput(f"{folder} holds no case; docs/impact.md says how one is written (*.toml or *.json)")
    seen: dict[str, Path] = {}
    for case in cases:
        if case.case_id in seen:
            raise BadInput(
                f"case {case.case_id!r} stands in {seen[case.case_id]} and in {case.path}; give one another id"
            )
        seen[case.case_id] = case.path
    return tuple(cases)


def _cases_of(path: Path) -> Iterator[Case]:
    """Yield the cases of a file: one table, a list of them (JSON), or a list under `case`."""
    try:
        text = path.read_text("utf-8")
        found: object = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{path} cannot be read as {path.suffix[1:].upper()}: {wrong}") from wrong
    if isinstance(found, dict) and set(found) == {"case"}:
        found = found["case"]
    for one in found if isinstance(found, list) else [found]:
        yield _case(path, one)


def _case(path: Path, found: object) -> Case:
    if not isinstance(found, dict):
        raise BadInput(f"{path}: a case is a table with id, method, expected; here stands {found!r:.60}")
    unknown = sorted(set(found) - _KEYS)
    if unknown:
        raise BadInput(f"{path}: a case has no {unknown[0]!r}; it has {', '.join(sorted(_KEYS))}")
    for needed in ("id", "method", "expected"):
        if needed not in found:
            raise BadInput(f"{path}: the case {found.get('id', '')!r} lacks {needed!r}")
    case_id, data, parameters = str(found["id"]), found.get("data"), found.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadInput(f"{path}: the parameters of {case_id!r} must be a table")
    return Case(
        case_id, str(found["method"]), str(found.get("source", "")),
        None if data is None else read_source(case_id, data), parameters, found["expected"],
        _tolerance(case_id, found.get("tolerance", 0.0)), path, str(found.get("notes", "")),
    )  # fmt: skip


def _tolerance(case_id: str, found: object, prefix: str = "") -> Tolerance:
    """Read a tolerance: a number is absolute; a table has absolute, relative, and names with their own."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        if not found >= 0:
            raise BadInput(f"case {case_id!r}: the tolerance {found} is not a number of at least 0")
        return Tolerance(absolute=float(found))
    if not isinstance(found, dict):
        raise BadInput(f"case {case_id!r}: the tolerance {found!r} is neither a number nor a table")
    own = {}
    for kind in ("absolute", "relative"):
        own[kind] = _tolerance(case_id, found.get(kind, 0.0)).absolute
    names: list[tuple[str, Tolerance]] = []
    for name, inner in found.items():
        if name not in own:
            below = _tolerance(case_id, inner, f"{prefix}{name}.")
            # A table that only holds names says nothing of what else is under it.
            if not isinstance(inner, dict) or own.keys() & inner.keys():
                names.append((f"{prefix}{name}", Tolerance(below.absolute, below.relative)))
            names += below.by_name
    return Tolerance(own["absolute"], own["relative"], tuple(names))


Place = tuple[str | int, ...]
"""Where a figure stands in nested tables (their keys) and lists (places, from 0)."""


def leaves(found: object, at: Place = ()) -> Iterator[tuple[Place, object]]:
    """Yield (where it stands, figure or text) of everything in nested tables and lists."""
    if isinstance(found, Mapping):
        for key, inner in found.items():
            yield from leaves(inner, (*at, str(key)))
    elif isinstance(found, Sequence) and not isinstance(found, str):
        for place, inner in enumerate(found):
            yield from leaves(inner, (*at, place))
    else:
        yield at, found
