"""Findings as JSON and back: strictly, so that what is read is what was written or nothing at all."""

from __future__ import annotations

import json
import math
import types
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from catalog.errors import BadInput
from workbench.designs.findings import Findings

FORMAT = "rtcc impact findings 1"
"""Stands first in the file; raised when a field changes its meaning."""

_UNWRITABLE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
"""JSON has no such numbers, so they are written as words."""


def findings_json(findings: Findings) -> str:
    """Return the findings as JSON, keys as the records' fields, without a loss of digits."""
    written = {"format": FORMAT, **_written(findings)}
    return json.dumps(written, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _written(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _written(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_written(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def read_findings(path: Path) -> Findings:
    """Return the findings a report wrote.

    Raises
    ------
    BadInput
        When the file cannot be read, is no JSON, is of another format, or lacks, adds or mistypes a field.
    """
    try:
        words = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"findings of {path}: the file cannot be read ({error}); name a findings.json") from error
    return findings_of_json(words, str(path))


def findings_of_json(words: str, name: str = "findings") -> Findings:
    """Return the findings that JSON holds; `name` is what messages call it."""
    try:
        found = json.loads(words)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f"findings of {name}: this is no JSON ({error}); write the report again") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        stated = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise BadInput(
            f"findings of {name}: format {FORMAT!r} was expected, found {stated!r}; write the report again"
        )
    del found["format"]
    read: Findings = _read(found, Findings, name)
    return read


def _read(value: Any, kind: Any, at: str) -> Any:
    if is_dataclass(kind):
        return _record(value, kind, at)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(value, kind, at)
    if origin is Literal:
        return _expected(value in get_args(kind) and isinstance(value, str), value, get_args(kind), at)
    if origin is tuple:
        return _tuple(value, get_args(kind), at)
    return _plain(value, kind, at)


def _record(value: Any, kind: Any, at: str) -> Any:
    hints = _hints(kind)
    _expected(isinstance(value, dict), value, "an object", at)
    if odd := sorted(set(value) ^ set(hints)):
        what = "unknown" if odd[0] in value else "missing"
        raise BadInput(f"findings at {at}: {odd[0]!r} is {what}; write the report again with this version")
    read = {name: _read(value[name], hint, f"{at}.{name}") for name, hint in hints.items()}
    try:
        return kind(**read)
    except ValueError as error:
        raise BadInput(f"findings at {at}: {error}; write the report again") from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _optional(value: Any, kind: Any, at: str) -> Any:
    (some,) = (part for part in get_args(kind) if part is not type(None))
    return None if value is None else _read(value, some, at)


def _tuple(value: Any, parts: tuple[Any, ...], at: str) -> Any:
    _expected(isinstance(value, list), value, "a list", at)
    if parts[-1] is Ellipsis:
        return tuple(_read(part, parts[0], f"{at}[{row}]") for row, part in enumerate(value))
    _expected(len(value) == len(parts), value, f"{len(parts)} values", at)
    return tuple(
        _read(part, kind, f"{at}[{row}]") for row, (part, kind) in enumerate(zip(value, parts, strict=True))
    )


def _plain(value: Any, kind: Any, at: str) -> Any:
    if kind is float:
        if isinstance(value, str) and value in _UNWRITABLE:
            return _UNWRITABLE[value]
        _expected(isinstance(value, int | float) and not isinstance(value, bool), value, "a number", at)
        return float(value)
    if kind is date:
        return _date(value, at)
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    return _expected(right, value, kind.__name__, at)


def _date(value: Any, at: str) -> date:
    _expected(isinstance(value, str), value, "a date", at)
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise BadInput(f"findings at {at}: {value!r} is no date; write it as 2024-05-17") from error


def _expected(right: bool, value: Any, what: object, at: str) -> Any:
    if not right:
        raise BadInput(f"findings at {at}: {what} was expected, found {value!r:.80}; write the report again")
    return value
