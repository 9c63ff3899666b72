"""Methods of two-way fixed effects that cases may name: regression, its decomposition, its event study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs import differences
from workbench.designs.effects import Effects
from workbench.verification.method import Inputs, Method, Parameter, Result, Results
from workbench.verification.panel_columns import (
    CLUSTER,
    COVARIATES,
    FAMILY,
    FIGURES,
    FIRST,
    LEVEL,
    OUTCOME,
    PERIOD,
    PRETREND,
    STANDARD_ERRORS,
    TREATED,
    UNIT,
    WEIGHTS,
    by_label,
    choice,
    clusters_of,
    errors_of,
    figures,
    named_by_label,
    numbers_of,
    optional,
    panel_rows,
    pretrend,
)


def _two_way(inputs: Inputs) -> Results:
    rows, regressors, term = _regressors(inputs)
    clusters = clusters_of(inputs)
    arguments: dict[str, Any] = {
        "rows": rows, "outcome": inputs.column("outcome"), "regressors": regressors,
        "fixed_effects": _absorbed(inputs),
        "weights": optional(inputs, "weights"), "offset": optional(inputs, "offset"),
        "family": choice(inputs, "family", ("ols", "poisson")), "level": inputs.settings.number("level"),
        "cluster": clusters,
    }  # fmt: skip
    fit = differences.two_way_fixed_effects(errors=errors_of(inputs, clusters), **arguments)
    row = _row(inputs, fit.effects, term)
    results = {**figures(fit.effects, row), **by_label("coefficients", fit.effects)}
    results |= {"n": fit.observations, "ratio": float(np.exp(fit.effects.estimates[row]))}
    results |= {"percent": 100 * float(np.expm1(fit.effects.estimates[row]))}
    results |= {
        name: value
        for name, value in (("clusters", fit.clusters), ("r2", fit.r2), ("r2_within", fit.r2_within))
        if value is not None
    }
    shown = {"iid": "se_iid", "hetero": "se_hc", "cluster": "se_cluster"}
    return results | {shown[kind]: float(errors[row]) for kind, errors in fit.other_errors}


def _regressors(inputs: Inputs) -> tuple[pd.DataFrame, list[str], str | None]:
    """Return the rows, the right-hand side, and the term that is the effect."""
    settings, rows = inputs.settings, inputs.frame()
    given = list(settings.texts("regressors"))
    crossed = list(settings.texts("interaction"))
    treated, post = optional(inputs, "treated"), optional(inputs, "post")
    if treated and post:
        crossed = [treated, post]
    elif treated:
        given.append(treated)
    term = settings.text("term") if settings.has("term") else None
    if crossed:
        product = "_x_".join(crossed)
        rows = rows.assign(**{product: rows[crossed].astype(float).prod(axis=1)})
        # Without absorbed effects the parts must stand beside their product.
        given = [product, *given, *([] if _absorbed(inputs) else [one for one in crossed if one not in given])]
        term = term if term not in (None, ":".join(crossed), "*".join(crossed)) else product
    if not given:
        raise BadInput(f"case {inputs.case_id!r}: no regressors; give `treated`, `interaction` or `regressors`")
    return rows, [*given, *settings.texts("covariates")], term or given[0]


def _absorbed(inputs: Inputs) -> tuple[str, ...]:
    if inputs.settings.texts("fixed_effects"):
        return inputs.settings.texts("fixed_effects")
    return tuple(name for name in (optional(inputs, "unit"), optional(inputs, "period")) if name)


def _row(inputs: Inputs, effects: Effects, term: str | None) -> int:
    if term in effects.labels:
        return effects.labels.index(term)
    raise BadInput(
        f"case {inputs.case_id!r}: {term!r} has no coefficient (collinear with the absorbed effects?); there are "
        f"{', '.join(effects.labels)}"
    )


TWO_WAY = Method(
    name="two_way_fixed_effects",
    words="Linear or Poisson regression with absorbed effects (two-way fixed effects, 2 × 2 differences); errors "
    "as in the R package `fixest` (Bergé 2018).",
    parameters=(
        OUTCOME,
        replace(UNIT, words="column of the unit, absorbed", optional=True),
        replace(PERIOD, words="column of the period, absorbed", optional=True),
        Parameter("fixed_effects", "texts", "columns to absorb; unit and period where not given", default=()),
        replace(TREATED, words="column of treatment; times `post` where that is given, else alone"),
        Parameter("post", "text", "column of 0 and 1, after the start of treatment", optional=True),
        Parameter("interaction", "texts", "columns whose product is a regressor, the first", default=()),
        Parameter("regressors", "texts", "columns, or products `a:b`, of the right-hand side", default=()),
        Parameter("term", "text", "regressor that is the effect; the first where not given", optional=True),
        COVARIATES, STANDARD_ERRORS, CLUSTER, WEIGHTS,
        Parameter("offset", "text", "column added to the linear predictor, of Poisson", optional=True),
        FAMILY, LEVEL,
    ),
    results=(
        *FIGURES,
        ("ratio", "exp(estimate)"),
        ("percent", "100 (exp(estimate) − 1)"),
        ("se_iid", "standard error if errors were alike and independent"),
        ("se_hc", "heteroskedasticity-robust standard error (HC1)"),
        ("se_cluster", "clustered standard error; where `cluster` is given"),
        *named_by_label("coefficients", "by regressor"),
        ("n", "rows used"),
        ("clusters", "how many clusters"),
        ("r2", "share of variance explained"),
        ("r2_within", "share explained once effects are absorbed"),
    ),
    compute=_two_way,
)  # fmt: skip


CELLS = ("treated_before", "treated_after", "control_before", "control_after")


def _two_by_two(inputs: Inputs) -> Results:
    settings = inputs.settings
    if settings.has(CELLS[0]):
        means = [settings.number(name) for name in CELLS]
    elif settings.has("treated") and settings.has("post"):
        means = _means(inputs)
    else:
        return _two_way(inputs)
    changes: dict[str, Result] = {
        "treated_change": means[1] - means[0], "control_change": means[3] - means[2],
        "means": dict(zip(CELLS, means, strict=True)),
    }  # fmt: skip
    estimate = means[1] - means[0] - means[3] + means[2]
    if settings.has("standard_errors"):
        spread = float(np.sqrt(np.sum(np.square(settings.numbers("standard_errors")))))
        one = Effects(("effect",), np.array([estimate]), np.array([[spread**2]]), level=settings.number("level"))
        return {**figures(one), **changes}
    if settings.has(CELLS[0]) or len(inputs.frame()) <= len(CELLS):
        # Four means alone leave nothing to take an error from.
        return {"estimate": estimate, **changes}
    return {**_two_way(inputs), **changes}


def _means(inputs: Inputs) -> list[float]:
    rows, outcome = inputs.frame(), inputs.column("outcome")
    treated, post = (rows[inputs.column(name)].astype(float) > 0 for name in ("treated", "post"))
    size = rows[inputs.column("weights")] if inputs.settings.has("weights") else pd.Series(1.0, rows.index)
    cells = ((treated, ~post), (treated, post), (~treated, ~post), (~treated, post))
    if not all((group & when).any() for group, when in cells):
        raise BadInput(f"case {inputs.case_id!r}: one of {', '.join(CELLS)} has no rows")
    return [float(np.average(rows[outcome][group & when], weights=size[group & when])) for group, when in cells]


TWO_BY_TWO = Method(
    name="did_2x2",
    words="Difference of differences of two groups before and after, from rows or from four means.",
    parameters=(
        replace(OUTCOME, optional=True), *TWO_WAY.parameters[1:],
        *(Parameter(name, "number", f"mean: {name.replace('_', ' ')}; instead of rows", optional=True)
          for name in CELLS),
        Parameter("standard_errors", "numbers", f"of the four means: {', '.join(CELLS)}", optional=True),
    ),
    results=(
        *TWO_WAY.results,
        ("treated_change", "change of the treated group's mean"),
        ("control_change", "change of the control group's mean"),
        ("means", "the four means"),
    ),
    compute=_two_by_two,
)  # fmt: skip


def _bacon(inputs: Inputs) -> Results:
    rows, names = panel_rows(inputs)
    found = differences.bacon_decomposition(rows, *names)
    comparisons: list[Result] = [
        {
            "type": one.kind, "treated": one.treated, "control": "never" if one.control is None else one.control,
            "weight": one.weight, "estimate": one.estimate,
        }
        for one in found.comparisons
    ]  # fmt: skip
    return {
        "twfe": found.estimate, "comparisons": comparisons,
        "treated_vs_untreated": list(found.kind("treated_vs_untreated")),
        "earlier_vs_later": list(found.kind("earlier_vs_later")),
        "later_vs_earlier": list(found.kind("later_vs_earlier")),
    }  # fmt: skip


BACON = Method(
    name="bacon_decomposition",
    words="Decomposition of a two-way fixed effects estimate: Goodman-Bacon (2021, Journal of Econometrics).",
    parameters=(OUTCOME, UNIT, PERIOD, FIRST, TREATED),
    results=(
        ("twfe", "the two-way estimate"),
        ("treated_vs_untreated", "[weight, average estimate]"),
        ("earlier_vs_later", "[weight, average estimate]"),
        ("later_vs_earlier", "[weight, average estimate]"),
        ("comparisons", "each 2 × 2: type, treated, control, weight, estimate"),
    ),
    compute=_bacon,
)


def event_study_of(inputs: Inputs) -> differences.PeriodEffects:
    """Return the event study that a case describes by `EVENT_PARAMETERS`."""
    settings = inputs.settings
    rows, period, treated = _relative(inputs)
    clusters = clusters_of(inputs) or ((inputs.column("unit"),) if settings.has("unit") else ())
    absorbed = settings.texts("fixed_effects") or tuple(
        inputs.column(name) for name in ("unit", "period") if settings.has(name)
    )
    default = -1.0 if settings.has("first_treated") else np.nan
    reference = settings.number("reference") if settings.has("reference") else default
    if np.isnan(reference):
        raise BadInput(f"case {inputs.case_id!r}: `reference` is missing; name the period that is left out")
    return differences.event_study(
        rows, inputs.column("outcome"), period, treated, absorbed, reference=reference,
        covariates=settings.texts("covariates"), errors=errors_of(inputs, clusters), cluster=clusters,
        weights=optional(inputs, "weights"), family=choice(inputs, "family", ("ols", "poisson")),
        level=settings.number("level"),
    )  # fmt: skip


def _relative(inputs: Inputs) -> tuple[pd.DataFrame, str, str]:
    """Return rows, the column of periods, and that of the treated group; lags where `first_treated` is given."""
    settings, rows, period = inputs.settings, inputs.frame(), inputs.column("period")
    if not settings.has("first_treated"):
        if not settings.has("treated"):
            raise BadInput(f"case {inputs.case_id!r}: give `treated` (the group) or `first_treated` (its date)")
        return rows, period, inputs.column("treated")
    first = numbers_of(inputs, rows, inputs.column("first_treated")).replace([np.inf, -np.inf], np.nan).fillna(0)
    reference = settings.number("reference") if settings.has("reference") else -1.0
    lag = (rows[period] - first).where(first > 0, reference)
    low = settings.number("first_lag") if settings.has("first_lag") else lag.min()
    high = settings.number("last_lag") if settings.has("last_lag") else lag.max()
    return rows.assign(event_lag=lag.clip(low, high), ever_treated=(first > 0) * 1.0), "event_lag", "ever_treated"


def _event_study_ols(inputs: Inputs) -> Results:
    found = event_study_of(inputs)
    return {
        **by_label("coefficients", found.effects), **pretrend(found.pretrend), "periods": list(found.periods),
        "vcov": found.effects.covariance.tolist(), "n": found.observations,
    }  # fmt: skip


EVENT_PARAMETERS = (
    replace(OUTCOME, optional=True),
    replace(UNIT, optional=True),
    replace(PERIOD, optional=True),
    replace(TREATED, words="column of 0 and 1, in the treated group, in all periods"),
    replace(FIRST, words="column of the first treated period, 0 for never; effects are then by lag"),
    Parameter("reference", "number", "period (or lag) left out; lag −1 where not given", optional=True),
    Parameter("first_lag", "number", "earlier lags count as this one", optional=True),
    Parameter("last_lag", "number", "later lags count as this one", optional=True),
    Parameter("fixed_effects", "texts", "columns to absorb; unit and period where not given", default=()),
    COVARIATES, STANDARD_ERRORS, replace(CLUSTER, words=CLUSTER.words + "; the unit where not given"), WEIGHTS,
    FAMILY, LEVEL,
)  # fmt: skip

EVENT_STUDY = Method(
    name="event_study_ols",
    words="Two-way fixed effects event study, linear or Poisson.",
    parameters=(OUTCOME, replace(UNIT, optional=True), PERIOD, *EVENT_PARAMETERS[3:]),
    results=(
        *named_by_label("coefficients", "by period"),
        ("periods", "periods of the coefficients"),
        ("vcov", "covariance of the coefficients, a list of rows"),
        *PRETREND,
        ("n", "rows used"),
    ),
    compute=_event_study_ols,
)
