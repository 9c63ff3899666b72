"""What methods of panels take and give alike: columns, standard errors, effects by label."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd

from catalog.errors import BadInput
from workbench.designs import differences
from workbench.designs.effects import Effects, JointTest
from workbench.verification.method import Inputs, Parameter, Result

OUTCOME = Parameter("outcome", "text", "column of what is measured")
UNIT = Parameter("unit", "text", "column of the place or unit")
PERIOD = Parameter("period", "text", "column of the period, a number")
FIRST = Parameter(
    "first_treated", "text",
    "column of the first treated period of the unit; 0, empty or infinite for never", optional=True,
)  # fmt: skip
TREATED = Parameter(
    "treated", "text",
    "column of 0 and 1, treated in that period; used where `first_treated` is not given", optional=True,
)  # fmt: skip
COVARIATES = Parameter("covariates", "texts", "columns to adjust for", default=())
CLUSTER = Parameter(
    "cluster", "text", "column to cluster standard errors by; several as `unit + period`", optional=True
)
WEIGHTS = Parameter("weights", "text", "column of weights", optional=True)
LEVEL = Parameter("level", "number", "coverage of the intervals, share", default=0.95)
ANTICIPATION = Parameter("anticipation", "whole", "periods before treatment in which it may already act", default=0)
STANDARD_ERRORS = Parameter(
    "se", "text", "standard errors: `iid`, `hetero` (HC1), `HC2`, `HC3` or `cluster`; the last where a cluster is "
    "named, else `hetero`", optional=True,
)  # fmt: skip
FAMILY = Parameter("family", "text", "`ols` or `poisson`", default="ols")

FIGURES = (
    ("estimate", "the effect"),
    ("se", "its standard error"),
    ("t", "estimate over standard error"),
    ("p", "two-sided p value of no effect"),
    ("low", "lower end of the interval at `level`"),
    ("high", "upper end of the interval at `level`"),
)


def figures(effects: Effects, row: int = 0) -> dict[str, Result]:
    """Return one effect as tables print it, under the names in `FIGURES`."""
    return {
        "estimate": float(effects.estimates[row]), "se": float(effects.errors[row]),
        "t": float(effects.statistics[row]), "p": float(effects.p_values[row]), "low": float(effects.low[row]),
        "high": float(effects.high[row]),
    }  # fmt: skip


def by_label(name: str, effects: Effects) -> dict[str, Result]:
    """Return estimates under `name` and their errors, t, p and intervals under `name_se` …, each by label."""
    columns = {
        "": effects.estimates, "_se": effects.errors, "_t": effects.statistics, "_p": effects.p_values,
        "_low": effects.low, "_high": effects.high,
    }  # fmt: skip
    return {
        name + ending: {label: float(value) for label, value in zip(effects.labels, values, strict=True)}
        for ending, values in columns.items()
    }


def named_by_label(name: str, words: str) -> tuple[tuple[str, str], ...]:
    """Return the names that `by_label` gives, with what they mean."""
    return (
        (name, f"{words}: effects"),
        *((f"{name}_{ending}", f"{words}: {what}") for ending, what in FIGURES[1:]),
    )


def pretrend(test: JointTest | None) -> dict[str, Result]:
    """Return a joint test under the names in `PRETREND`; nothing where there is none."""
    if test is None:
        return {}
    return {"pretrend_statistic": test.statistic, "pretrend_df": test.degrees, "pretrend_p": test.p_value}


PRETREND = (
    ("pretrend_statistic", "joint test of no effect before treatment: χ² or F"),
    ("pretrend_df", "how many effects it tests"),
    ("pretrend_p", "its p value; absent where nothing lies before"),
)


def optional(inputs: Inputs, name: str) -> str | None:
    """Return the column a parameter names; None where it is not given."""
    return inputs.column(name) if inputs.settings.has(name) else None


def clusters_of(inputs: Inputs) -> tuple[str, ...]:
    """Return the columns to cluster by; none where no cluster is named."""
    if not inputs.settings.has("cluster"):
        return ()
    return tuple(one.strip() for one in inputs.settings.text("cluster").replace(",", "+").split("+"))


def choice(inputs: Inputs, name: str, allowed: tuple[str, ...]) -> Any:
    """Return a text that must be one of a few.

    Raises
    ------
    BadInput
        When it is none of them.
    """
    found = inputs.settings.text(name)
    if found not in allowed:
        raise BadInput(f"case {inputs.case_id!r}: {name} is {found!r}; it must be one of {', '.join(allowed)}")
    return found


def errors_of(inputs: Inputs, clusters: tuple[str, ...]) -> Any:
    """Return which standard errors are asked for."""
    if not inputs.settings.has("se"):
        return "cluster" if clusters else "hetero"
    return choice(inputs, "se", ("iid", "hetero", "HC1", "HC2", "HC3", "cluster"))


def panel_rows(inputs: Inputs) -> tuple[pd.DataFrame, tuple[str, str, str, str]]:
    """Return the rows and the names of outcome, unit, period and first treated period in them."""
    outcome, unit, period = (inputs.column(name) for name in ("outcome", "unit", "period"))
    rows = inputs.frame().dropna(subset=[outcome, unit, period])
    rows = rows.assign(**{period: numbers_of(inputs, rows, period)})
    if inputs.settings.has("first_treated"):
        first = inputs.column("first_treated")
        return rows.assign(**{first: numbers_of(inputs, rows, first)}), (outcome, unit, period, first)
    if not inputs.settings.has("treated"):
        raise BadInput(f"case {inputs.case_id!r}: neither `first_treated` nor `treated` is given; name one column")
    treated = inputs.column("treated")
    first = "first_treated_period"
    rows = rows.assign(**{first: differences.first_treated_period(rows, unit, period, treated)})
    return rows, (outcome, unit, period, first)


def numbers_of(inputs: Inputs, rows: pd.DataFrame, column: str) -> pd.Series[float]:
    """Return a column as numbers.

    Raises
    ------
    BadInput
        When it holds anything else.
    """
    try:
        return cast("pd.Series[float]", pd.to_numeric(rows[column]))
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"case {inputs.case_id!r}: column {column!r} holds {rows[column].iloc[0]!r}; periods must be numbers"
        ) from error
