"""Methods that cases may name of areas made up of the units of a panel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs.area_tests import (
    BeforeAfter,
    farrington_dispersion,
    pearson_dispersion,
    relative_effect,
    scaled_difference,
    unscaled_control,
    weighted_displacement,
)
from workbench.designs.estimates import PERCENT_FLOOR
from workbench.verification.area_inputs import (
    DISPERSION,
    DISPERSION_RULE,
    LEVEL,
    TIME_WEIGHTS,
    dispersion_of,
    pair_of,
)
from workbench.verification.method import Inputs, Method, Parameter, Result, Results


def _area_change(inputs: Inputs) -> Results:
    settings, rows = inputs.settings, inputs.frame()
    unit, period = rows[inputs.column("unit")], rows[inputs.column("period")]
    treated = _treated_rows(inputs, unit)
    control = ~treated
    if settings.has("control"):
        control &= unit.isin(unit[rows[inputs.column("control")].astype(bool)])
    before, after = _spans(inputs, period)
    outcomes = settings.texts("outcomes")
    missing = [outcome for outcome in outcomes if outcome not in rows.columns]
    if missing or not outcomes:
        raise BadInput(
            f"case {inputs.case_id!r}: no column {missing or 'named'} in outcomes; name columns of counts"
        )
    results: dict[str, Result] = {}
    for outcome in outcomes:
        ours, theirs = (
            BeforeAfter(float(rows.loc[area & before, outcome].sum()), float(rows.loc[area & after, outcome].sum()))
            for area in (treated, control)
        )
        table = rows[before & (treated | control)].pivot_table(
            outcome, unit[before], period[before], aggfunc="sum", fill_value=0.0
        )
        results[outcome] = _change_of(inputs, ours, theirs, pearson_dispersion(table.to_numpy(float)))
    return results


def _treated_rows(inputs: Inputs, unit: pd.Series) -> pd.Series:
    if inputs.settings.has("treated_units"):
        named = inputs.settings.texts("treated_units")
        # Names in a case are texts; 7, 7.0 and "7" are the same place.
        treated = unit.isin(_as_numbers(named)) if pd.api.types.is_numeric_dtype(unit) else unit.isin(named)
    elif inputs.settings.has("treated"):
        treated = unit.isin(unit[inputs.frame()[inputs.column("treated")].astype(float) > 0])
    else:
        raise BadInput(f"case {inputs.case_id!r}: name the treated units, by a column `treated` or `treated_units`")
    if not treated.any() or treated.all():
        raise BadInput(f"case {inputs.case_id!r}: {int(treated.sum())} of {len(treated)} rows are treated")
    return treated


def _as_numbers(named: tuple[str, ...]) -> list[float]:
    return [float(name) for name in pd.to_numeric(pd.Series(named), errors="coerce")]


def _spans(inputs: Inputs, period: pd.Series) -> tuple[pd.Series, pd.Series]:
    settings = inputs.settings
    if settings.has("before") and settings.has("after"):
        return period.isin(settings.numbers("before")), period.isin(settings.numbers("after"))
    if not settings.has("treated"):
        raise BadInput(f"case {inputs.case_id!r}: give before and after as lists of periods")
    on = period.isin(period[inputs.frame()[inputs.column("treated")].astype(float) > 0])
    if on.all():
        raise BadInput(f"case {inputs.case_id!r}: {settings.text('treated')} never changes; give before and after")
    return period < period[on].min(), on


def _change_of(inputs: Inputs, ours: BeforeAfter, theirs: BeforeAfter, dispersion: float) -> Mapping[str, Result]:
    level = inputs.settings.number("level")
    given = dispersion_of(inputs, (*ours, *theirs))
    correction = 0.5 if 0 in (*ours, *theirs) else 0.0
    effect, wide = (
        relative_effect(ours, theirs, dispersion=one, zero_correction=correction, level=level)
        for one in (given, max(1.0, dispersion if np.isfinite(dispersion) else given))
    )
    lengths = pair_of(inputs, "time_weights")
    counts = weighted_displacement(ours, theirs, periods=lengths, dispersion=given, level=level)
    growth = lengths[0] / lengths[1]
    figures: dict[str, Result] = {
        "treated_before": ours.before, "treated_after": ours.after, "control_before": theirs.before,
        "control_after": theirs.after,
        "raw_percent": 100 * (growth * ours.after / ours.before - 1) if ours.before else float("nan"),
        "control_percent": 100 * (growth * theirs.after / theirs.before - 1) if theirs.before else float("nan"),
        "res": effect.relative_effect_size, "res_ci": list(effect.effect_size_interval),
        "irr": effect.incident_rate_ratio, "irr_ci": list(effect.rate_ratio_interval),
        "log_irr": effect.log_rate_ratio, "se": effect.standard_error, "z": effect.z, "p": effect.p_value,
        "wdd": counts.local, "wdd_se": counts.local_se, "wdd_ci": list(counts.local_interval),
        "wdd_refused": unscaled_control(ours.before, theirs.before) or "",
        "dispersion": dispersion, "res_ci_inflated": list(wide.effect_size_interval),
        "irr_ci_inflated": list(wide.rate_ratio_interval), "p_inflated": wide.p_value,
        "percent_may_be_stated": ours.before >= PERCENT_FLOOR,
    }  # fmt: skip
    if theirs.before and theirs.after:
        scaled = scaled_difference(ours, theirs, dispersion=given, level=level)
        figures |= {"scaled_difference": scaled.difference, "scaled_difference_se": scaled.standard_error}
    return figures


def _dispersion(inputs: Inputs) -> Results:
    rows = inputs.frame()
    unit, period, outcome = (inputs.column(name) for name in ("unit", "period", "outcome"))
    table = rows.pivot_table(outcome, unit, period, aggfunc="sum", fill_value=0.0)
    counts = table.to_numpy(float)
    return {
        "dispersion": pearson_dispersion(counts), "variance_over_mean": float(counts.var(ddof=1) / counts.mean()),
        "farrington": farrington_dispersion(float(counts.sum(axis=1).mean())), "units": len(table),
        "periods": table.shape[1],
    }  # fmt: skip


_UNIT = Parameter("unit", "text", "column that names the place")
_PERIOD = Parameter("period", "text", "column that orders the periods")

METHODS = (
    Method(
        "area_change",
        "Counts before and after in treated and control units of a panel, with every area test (Farrington et al. "
        "2007; Wilson 2022; Wheeler & Ratcliffe 2018), a table an outcome.",
        (
            _UNIT, _PERIOD,
            Parameter("outcomes", "texts", "columns of counts"),
            Parameter("treated", "text", "column above 0 for treated units, in some period or all", optional=True),
            Parameter("treated_units", "texts", "instead: names of the treated units", optional=True),
            Parameter("control", "text", "column that is true of controls; left out, all others", optional=True),
            Parameter("before", "numbers", "periods before; left out, those before any `treated`", optional=True),
            Parameter("after", "numbers", "periods after; left out, those with any `treated`", optional=True),
            TIME_WEIGHTS, DISPERSION, DISPERSION_RULE, LEVEL,
        ),
        (
            ("<outcome>.treated_before", "incidents; also treated_after, control_before, control_after"),
            ("<outcome>.raw_percent", "change of the treated units, percent; control_percent of the controls"),
            ("<outcome>.res", "relative effect size, a d / (b c), with res_ci"),
            ("<outcome>.irr", "incident rate ratio, its inverse, with irr_ci, log_irr, se, z and p"),
            ("<outcome>.wdd", "weighted displacement difference, incidents, with wdd_se and wdd_ci"),
            ("<outcome>.wdd_refused", "why a difference of counts may not be used here; empty where it may"),
            ("<outcome>.scaled_difference", "treated after less what the control's change gives, with its _se"),
            ("<outcome>.dispersion", "found by unit and period before"),
            ("<outcome>.res_ci_inflated", "interval with that dispersion; also irr_ci_inflated and p_inflated"),
            ("<outcome>.percent_may_be_stated", "whether there were enough incidents before"),
        ),
        _area_change,
    ),
    Method(
        "dispersion",
        "How much more counts by unit and period scatter than Poisson ones: Pearson's χ² by degree of freedom.",
        (_UNIT, _PERIOD, Parameter("outcome", "text", "column of counts")),
        (
            ("dispersion", "1 is Poisson; places and periods have effects of their own"),
            ("variance_over_mean", "of all cells"),
            ("farrington", "0.0008 N + 1.2 at the mean total of a unit"), ("units", "places"),
            ("periods", "periods"),
        ),
        _dispersion,
    ),
)  # fmt: skip
