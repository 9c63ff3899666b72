"""Counts before and after as cases give them: in their parameters, or one comparison a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.errors import BadInput
from workbench.designs.area_tests import NO_AREA, BeforeAfter, farrington_dispersion
from workbench.verification.method import Inputs, Parameter, Result, Results

LEVEL = Parameter("level", "number", "nominal coverage of intervals, share", 0.95)
TREATED = Parameter("treated", "numbers", "[before, after] incidents in the treated area", optional=True)
CONTROL = Parameter("control", "numbers", "[before, after] incidents in the control area", optional=True)
COLUMNS = Parameter(
    "columns", "table",
    "where the case has data, one comparison a row: area = [column before, column after]; left out, the columns "
    "are `treated_before`, `treated_after` and so on", optional=True,
)  # fmt: skip
DISPERSION = Parameter("dispersion", "number", "what Poisson variances are multiplied by", 1.0)
DISPERSION_RULE = Parameter(
    "dispersion_rule", "text",
    "`given`: `dispersion`; `farrington`: 0.0008 N + 1.2 at the counts' mean N (Farrington et al. 2007)", "given",
)  # fmt: skip

TIME_WEIGHTS = Parameter("time_weights", "numbers", "lengths of the spans [before, after], in any unit", (1, 1))


def area(name: str, words: str) -> Parameter:
    """Return the parameter of one area's counts."""
    return Parameter(name, "numbers", f"[before, after] incidents in {words}", optional=True)


def areas_of(inputs: Inputs, *names: str, needed: int = 2) -> list[tuple[BeforeAfter, ...]]:
    """Return the counts of the named areas, one tuple a comparison.

    The first `needed` must be given, in the parameters or as columns; others left out count nothing.

    Raises
    ------
    BadInput
        When one is missing, has not two figures, or names a column that is not there.
    """
    if inputs.rows is None:
        return [tuple(_given(inputs, name, needed=place < needed) for place, name in enumerate(names))]
    found = [_in_rows(inputs, name, needed=place < needed) for place, name in enumerate(names)]
    return list(zip(*found, strict=True))


def _given(inputs: Inputs, name: str, *, needed: bool) -> BeforeAfter:
    if not inputs.settings.has(name):
        if needed:
            raise BadInput(f"case {inputs.case_id!r}: {name} is missing; give {name} = [before, after], or data")
        return NO_AREA
    return BeforeAfter(*pair_of(inputs, name))


def pair_of(inputs: Inputs, name: str) -> tuple[float, float]:
    """Return a parameter that is two figures.

    Raises
    ------
    BadInput
        When it has not two.
    """
    figures = inputs.settings.numbers(name)
    if len(figures) != 2:
        raise BadInput(f"case {inputs.case_id!r}: {name} has {len(figures)} figures; it takes two")
    return figures[0], figures[1]


def _in_rows(inputs: Inputs, name: str, *, needed: bool) -> list[BeforeAfter]:
    rows = inputs.frame()
    named = inputs.settings.table("columns") if inputs.settings.has("columns") else {}
    if inputs.settings.has(name):
        return [_given(inputs, name, needed=needed)] * len(rows)
    columns = named.get(name, [f"{name}_before", f"{name}_after"])
    if not isinstance(columns, Sequence) or isinstance(columns, str) or len(columns) != 2:
        raise BadInput(f"case {inputs.case_id!r}: columns.{name} is {columns!r}; it takes [before, after]")
    missing = [column for column in columns if column not in rows.columns]
    if missing and not needed and name not in named:
        return [NO_AREA] * len(rows)
    if missing:
        known = ", ".join(str(column) for column in rows.columns)
        raise BadInput(f"case {inputs.case_id!r}: there is no column {missing[0]!r}; there are {known}")
    return [BeforeAfter(float(one), float(two)) for one, two in rows[list(columns)].itertuples(index=False)]


def dispersion_of(inputs: Inputs, counts: Sequence[float]) -> float:
    """Return what variances are multiplied by.

    Raises
    ------
    BadInput
        For a rule that is not one.
    """
    rule = inputs.settings.text("dispersion_rule")
    if rule not in {"given", "farrington"}:
        raise BadInput(f"case {inputs.case_id!r}: dispersion_rule is {rule!r}; it is given or farrington")
    if rule == "farrington":
        return farrington_dispersion(sum(counts) / len(counts))
    return inputs.settings.number("dispersion")


def gathered(comparisons: Sequence[Mapping[str, Result]]) -> Results:
    """Return figures as they are for one comparison, and as lists for several."""
    if len(comparisons) == 1:
        return comparisons[0]
    return {name: [one[name] for one in comparisons] for name in comparisons[0]}
