"""Methods of panels that cases may name; here those for treatment that starts at several dates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.designs import extended, staggered
from workbench.designs.cohorts import StaggeredEffects
from workbench.designs.effects import plain
from workbench.verification.method import Inputs, Method, Parameter, Result, Results
from workbench.verification.panel_columns import (
    ANTICIPATION,
    CLUSTER,
    COVARIATES,
    FAMILY,
    FIGURES,
    FIRST,
    LEVEL,
    OUTCOME,
    PERIOD,
    PRETREND,
    TREATED,
    UNIT,
    WEIGHTS,
    by_label,
    choice,
    clusters_of,
    figures,
    named_by_label,
    optional,
    panel_rows,
    pretrend,
)
from workbench.verification.trend_methods import SMOOTHNESS
from workbench.verification.two_way_methods import BACON, EVENT_STUDY, TWO_BY_TWO, TWO_WAY


def _staggered(found: StaggeredEffects) -> Results:
    results: dict[str, Result] = {**figures(found.simple), **_nested(found)}
    for name, effects in (("group", found.by_cohort), ("calendar", found.by_period), ("event", found.by_lag)):
        results |= by_label(name, effects)
    overall = replace(found.overall, labels=("group", "calendar", "event")[: len(found.overall.labels)])
    results |= by_label("overall", overall) | pretrend(found.pretrend)
    return results | {
        "n": found.observations, "units": found.units, "treated_units": found.treated_units,
        "notes": list(found.notes),
    }  # fmt: skip


def _nested(found: StaggeredEffects) -> dict[str, Result]:
    """Return the cells, by cohort as lists in the order of the periods, and by cohort and period."""
    cohorts = [plain(cohort) for cohort in np.unique(found.cohorts)]
    nested: dict[str, Result] = {"periods": [float(period) for period in np.unique(found.periods)]}
    for ending, values in (("", found.cells.estimates), ("_se", found.cells.errors)):
        table: dict[str, dict[str, Result]] = {cohort: {} for cohort in cohorts}
        for cohort, period, value in zip(found.cohorts, found.periods, values, strict=True):
            table[plain(cohort)][plain(period)] = float(value)
        nested["att" + ending] = {cohort: list(row.values()) for cohort, row in table.items()}
        nested["group_time" + ending] = table
    return nested


_STAGGERED_RESULTS = (
    *FIGURES,
    ("att", "effects by cohort, a list in the order of `periods`"),
    ("att_se", "their standard errors"),
    ("group_time", "effects by cohort and period"),
    ("group_time_se", "their standard errors"),
    ("periods", "periods of the effects"),
    *named_by_label("group", "by cohort"),
    *named_by_label("calendar", "by period"),
    *named_by_label("event", "by periods since treatment"),
    *named_by_label("overall", "averages of `group`, `calendar` and `event`"),
    *PRETREND,
    ("n", "rows"),
    ("units", "units"),
    ("treated_units", "units ever treated"),
    ("notes", "what was left out"),
)


def _callaway_santanna(inputs: Inputs) -> Results:
    rows, names = panel_rows(inputs)
    settings = inputs.settings
    clusters = clusters_of(inputs)
    return _staggered(
        staggered.callaway_santanna(
            rows, *names, covariates=settings.texts("covariates"),
            control_group=choice(inputs, "control_group", ("never_treated", "not_yet_treated")),
            adjustment=choice(inputs, "estimation", ("dr", "reg", "ipw")),
            base_period=choice(inputs, "base_period", ("varying", "universal")),
            anticipation=settings.whole("anticipation"),
            cluster=clusters[0] if clusters and clusters[0] != names[1] else None,
            weights=optional(inputs, "weights"), panel=settings.yes("panel"),
            balanced=settings.whole("balance_e") if settings.has("balance_e") else None,
            level=settings.number("level"),
        )
    )  # fmt: skip


CALLAWAY_SANTANNA = Method(
    name="callaway_santanna",
    words="Group-time effects and their averages: Callaway & Sant'Anna (2021, Journal of Econometrics), as the R "
    "package `did`; analytical standard errors.",
    parameters=(
        OUTCOME, UNIT, PERIOD, FIRST, TREATED, COVARIATES,
        Parameter("control_group", "text", "`never_treated` or `not_yet_treated`", default="never_treated"),
        Parameter("estimation", "text", "`dr`, `reg` or `ipw`", default="dr"),
        Parameter("base_period", "text", "`varying` or `universal`", default="varying"),
        Parameter("balance_e", "whole", "only cohorts seen at this lag enter `event`", optional=True),
        Parameter("panel", "yes_no", "false for repeated cross-sections", default=True),
        ANTICIPATION, CLUSTER, WEIGHTS, LEVEL,
    ),
    results=_STAGGERED_RESULTS,
    compute=_callaway_santanna,
)  # fmt: skip


def _sun_abraham(inputs: Inputs) -> Results:
    rows, names = panel_rows(inputs)
    return _staggered(
        staggered.sun_abraham(
            rows, *names, covariates=inputs.settings.texts("covariates"), cluster=clusters_of(inputs),
            weights=optional(inputs, "weights"), reference=inputs.settings.whole("reference"),
            level=inputs.settings.number("level"),
        )
    )  # fmt: skip


SUN_ABRAHAM = Method(
    name="sun_abraham",
    words="Interaction-weighted event study: Sun & Abraham (2021, Journal of Econometrics), as `fixest::sunab`.",
    parameters=(
        OUTCOME, UNIT, PERIOD, FIRST, TREATED, COVARIATES, CLUSTER, WEIGHTS,
        Parameter("reference", "whole", "lag that is zero by construction", default=-1), LEVEL,
    ),
    results=_STAGGERED_RESULTS,
    compute=_sun_abraham,
)  # fmt: skip


def _imputation(inputs: Inputs) -> Results:
    rows, names = panel_rows(inputs)
    clusters = clusters_of(inputs)
    found = staggered.imputation(
        rows, *names, covariates=inputs.settings.texts("covariates"), cluster=clusters[0] if clusters else None,
        anticipation=inputs.settings.whole("anticipation"),
        variance=choice(inputs, "variance", ("imputation", "two_stage")),
        leave_one_out=inputs.settings.yes("leave_one_out"), level=inputs.settings.number("level"),
    )  # fmt: skip
    results = {**figures(found.simple), **by_label("event", found.by_lag), **by_label("group", found.by_cohort)}
    results |= pretrend(found.pretrend)
    return results | {"n": found.observations, "units": found.units, "treated_units": found.treated_units}


IMPUTATION = Method(
    name="imputation_did",
    words="Imputation of untreated outcomes: Borusyak, Jaravel & Spiess (2024, Review of Economic Studies), or "
    "with the two-stage errors of Gardner (2022).",
    parameters=(
        OUTCOME, UNIT, PERIOD, FIRST, TREATED, COVARIATES, CLUSTER, ANTICIPATION,
        Parameter("variance", "text", "`imputation` or `two_stage`", default="imputation"),
        Parameter("leave_one_out", "yes_no", "finite-sample correction of the errors", default=False), LEVEL,
    ),
    results=(
        *FIGURES, *named_by_label("event", "by periods since treatment"), *named_by_label("group", "by cohort"),
        *PRETREND, ("n", "rows"), ("units", "units"), ("treated_units", "units ever treated"),
    ),
    compute=_imputation,
)  # fmt: skip


def _extended(inputs: Inputs) -> Results:
    rows, names = panel_rows(inputs)
    clusters = clusters_of(inputs)
    found = extended.extended_two_way(
        rows, *names, covariates=inputs.settings.texts("covariates"),
        family=choice(inputs, "family", ("ols", "poisson")),
        control_group=choice(inputs, "control_group", ("never_treated", "not_yet_treated")),
        cluster=clusters[0] if clusters else None, scale=choice(inputs, "scale", ("response", "link")),
        level=inputs.settings.number("level"),
    )  # fmt: skip
    return _staggered(found)


EXTENDED = Method(
    name="poisson_etwfe",
    words="Extended two-way fixed effects: Wooldridge (2023, Econometrics Journal), as the R package `etwfe`.",
    parameters=(
        OUTCOME, UNIT, PERIOD, FIRST, TREATED, COVARIATES, replace(FAMILY, default="poisson"),
        Parameter("control_group", "text", "`not_yet_treated` or `never_treated`", default="not_yet_treated"),
        Parameter("scale", "text", "effects on the outcome, `response`, or on its logarithm, `link`",
                  default="response"),
        CLUSTER, LEVEL,
    ),
    results=_STAGGERED_RESULTS,
    compute=_extended,
)  # fmt: skip


METHODS: tuple[Method, ...] = (
    TWO_WAY, TWO_BY_TWO, BACON, CALLAWAY_SANTANNA, SUN_ABRAHAM, IMPUTATION, EXTENDED,
    EVENT_STUDY, SMOOTHNESS,
)  # fmt: skip
"""What a case may name."""
