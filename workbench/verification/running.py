"""Run cases and say which came out as expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import BadInput
from workbench.verification.case import Case, Tolerance, leaves, read_cases
from workbench.verification.method import Inputs, Method, Settings
from workbench.verification.table import load


@dataclass(frozen=True)
class Outcome:
    """How one case came out."""

    case_id: str
    method: str
    expected: object
    got: object
    """What the method gave under the expected names; None when it could not be run."""
    passed: bool
    misses: tuple[str, ...]
    """Every figure that is not as expected, each in a sentence; the reason when the method could not be run."""


def methods() -> Mapping[str, Method]:
    """Return every method that cases may name, by name."""
    from workbench.verification import (
        area_methods,
        panel_methods,
        place_methods,
        series_methods,
        synthetic_methods,
    )

    rooms = (area_methods, place_methods, series_methods, panel_methods, synthetic_methods)
    return {method.name: method for room in rooms for method in room.METHODS}


def carried() -> Path:
    """Return the folder of the cases that the project carries: figures of their own, or a package's data."""
    return Path(__file__).with_name("cases")


def run_folder(
    folder: Path, data: Path | None = None, only: Iterable[str] = (), each: Callable[[Outcome], None] | None = None
) -> tuple[Outcome, ...]:
    """Run every case of a folder.

    Parameters
    ----------
    folder
        Holds cases, one or several a file, and their data in `data/`.
    data
        Another folder for the data.
    only
        Ids of the cases to run; empty for all.
    each
        Called with every outcome as it comes.

    Raises
    ------
    BadInput
        When the folder or a file in it cannot be read as cases, or `only` names one that is not there.
    """
    cases = read_cases(folder)
    wanted = set(only)
    unknown = sorted(wanted - {case.case_id for case in cases})
    if unknown:
        near = difflib.get_close_matches(unknown[0], [case.case_id for case in cases], n=1)
        raise BadInput(f"{folder} has no case {unknown[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    outcomes: list[Outcome] = []
    for case in cases:
        if wanted and case.case_id not in wanted:
            continue
        outcomes.append(run(case, _data_of(case, folder) if data is None else data))
        if each is not None:
            each(outcomes[-1])
    return tuple(outcomes)


def _data_of(case: Case, folder: Path) -> Path:
    """Return the data folder nearest to a case: beside it, or beside one of the folders above."""
    for parent in case.path.parents:
        if (parent / "data").is_dir():
            return parent / "data"
        if parent == folder:
            # A folder `cases/` with a `data/` beside it is common.
            return folder.parent / "data" if (folder.parent / "data").is_dir() else folder / "data"
    return folder / "data"


def run(case: Case, data_folder: Path) -> Outcome:
    """Return how a case came out; a case that cannot be run is one that failed, with its reason."""
    try:
        known = methods()
        if case.method not in known:
            near = difflib.get_close_matches(case.method, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            raise BadInput(f"case {case.case_id!r}: there is no method {case.method!r}; {hint}")
        method = known[case.method]
        settings = Settings(case.case_id, case.parameters, method.parameters)
        rows = None if case.data is None else load(case.case_id, case.data, data_folder)
        results = method.compute(Inputs(case.case_id, rows, settings))
    except BadInput as wrong:
        return Outcome(case.case_id, case.method, case.expected, None, False, (str(wrong),))
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as wrong:
        # One case that a method cannot stand must not take the others' outcomes with it.
        why = f"{case.method} failed on these inputs: {type(wrong).__name__}: {wrong}"
        return Outcome(case.case_id, case.method, case.expected, None, False, (why,))
    got = _part(case.expected, results)
    misses = tuple(_misses(case.expected, results, case.tolerance))
    return Outcome(case.case_id, case.method, case.expected, got, not misses, misses)


_ABSENT = object()


def _at(results: object, name: object) -> object:
    if isinstance(results, Mapping):
        return results[name] if name in results else _at_number(results, name)
    if isinstance(results, list | tuple) and isinstance(name, int) and name < len(results):
        return results[name]
    return _ABSENT


def _at_number(results: Mapping[str, object], name: object) -> object:
    """Return what stands under a number that is written otherwise: `.01` is `0.01`, 2006 is `2006`."""
    try:
        wanted = float(str(name))
    except ValueError:
        return _ABSENT
    for key, inner in results.items():
        with suppress(ValueError):
            if float(key) == wanted:
                return inner
    return _ABSENT


def _only(expected: object, results: object) -> object:
    """Let a bare figure or list stand for the one thing a method gives first, its estimate."""
    if isinstance(results, Mapping) and not isinstance(expected, Mapping) and results:
        return next(iter(results.values()))
    return results


def _part(expected: object, results: object) -> object:
    """Return what was given under the expected names, in their shape."""
    results = _only(expected, results)
    if isinstance(expected, Mapping):
        found = {name: (_at(results, name), inner) for name, inner in expected.items()}
        return {name: None if got is _ABSENT else _part(inner, got) for name, (got, inner) in found.items()}
    if isinstance(expected, list | tuple):
        got_all = [(_at(results, place), inner) for place, inner in enumerate(expected)]
        return [None if got is _ABSENT else _part(inner, got) for got, inner in got_all]
    return results


def _misses(expected: object, results: object, tolerance: Tolerance) -> Iterator[str]:
    results = _only(expected, results)
    wanted = list(leaves(expected))
    if not wanted:
        yield "nothing is expected, so nothing is shown"
    for place, figure in wanted:
        name = ".".join(map(str, place))
        got = results
        for key in place:
            got = _at(got, key)
        if got is _ABSENT:
            given = ", ".join(str(key) for key in results) if isinstance(results, Mapping) else repr(results)
            yield f"{name or 'the result'}: the method gives none; it gives {given}"
        elif not _agrees(figure, got, tolerance.for_name(name)):
            yield f"{name or 'the result'}: expected {figure!r}, got {got!r}"


def _agrees(expected: object, got: object, tolerance: Tolerance) -> bool:
    if expected is None or isinstance(expected, bool | str) or isinstance(got, bool):
        return expected == got
    if isinstance(expected, int | float) and isinstance(got, int | float):
        if math.isinf(expected):
            return expected == got
        return tolerance.holds(float(expected), float(got))
    return False
