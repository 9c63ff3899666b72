"""Synthetic control, alone and beside the raw change, as methods that cases may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.synthetic import (
    Optimizer,
    Search,
    Setting,
    Start,
    SyntheticControl,
    placebo_in_time,
    placebos_in_space,
    synthetic_control,
)
from workbench.verification.method import Inputs, Method, Parameter, Result, Results
from workbench.verification.unit_table import UnitTable, named

Floats = NDArray[np.float64]

_STATISTICS = {"mean": np.nanmean, "median": np.nanmedian, "sum": np.nansum, "first": None, "last": None}


@dataclass(frozen=True)
class _Named:
    """A setting, and what its parts are called."""

    setting: Setting
    donors: tuple[str, ...]
    periods: tuple[str, ...]
    predictors: tuple[str, ...]
    counted: NDArray[np.bool_]
    """(T,) periods over which the effect is averaged."""


def _named(inputs: Inputs) -> _Named:
    return _transposed(inputs) if inputs.settings.text("layout") == "transposed" else _long(inputs)


def _long(inputs: Inputs) -> _Named:
    settings, table = inputs.settings, UnitTable.of(inputs)
    treated_unit, began = _treatment(inputs, table)
    left_out = {treated_unit, *settings.texts("exclude")}
    table.at(sorted(left_out))
    asked = settings.texts("donors") or tuple(unit for unit in table.units if unit not in left_out)
    outcomes = table.values(inputs.column("outcome"))
    known = np.asarray(~np.isnan(outcomes).any(axis=1))
    donors = tuple(unit for unit in asked if known[table.at([unit])[0]])
    treated = table.at([treated_unit])[0]
    if not known[treated] or len(donors) < 1:
        raise BadInput(
            f"case {inputs.case_id!r}: the outcome of {treated_unit if not known[treated] else 'every donor'} is "
            "unknown in some period; leave those periods out with `where`"
        )
    predictors = _predictors(inputs, table)
    values = np.array([value for _, value in predictors]).reshape(len(predictors), len(table.units))
    rows = table.at(donors)
    if np.isnan(values[:, [treated, *rows]]).any():
        name, at = next((name, value) for name, value in predictors if np.isnan(value[[treated, *rows]]).any())
        unit = next(table.units[row] for row in (treated, *rows) if np.isnan(at[row]))
        raise BadInput(f"case {inputs.case_id!r}: predictor {name!r} of {unit} is unknown over its periods")
    before = table.span(-np.inf, np.nextafter(began, -np.inf))
    setting = Setting(
        outcomes[treated], outcomes[rows].T, before, before & _fitted(inputs, table), values[:, treated],
        values[:, rows],
    )  # fmt: skip
    return _Named(setting, donors, table.period_names, tuple(name for name, _ in predictors),
                  _counted(inputs, table.periods, before))  # fmt: skip


def _treatment(inputs: Inputs, table: UnitTable) -> tuple[str, float]:
    """Return the treated unit and its first treated period."""
    settings = inputs.settings
    if settings.has("treated"):
        first = table.first_treated(inputs.column("treated"))
        rows = np.flatnonzero(first < len(table.periods))
        if len(rows) > 1 and not settings.has("treated_unit"):
            raise BadInput(
                f"case {inputs.case_id!r}: {len(rows)} units are treated; a synthetic control is of one: give "
                "`treated_unit`, or use synthetic_difference_in_differences"
            )
        unit = named(settings.text("treated_unit")) if settings.has("treated_unit") else table.units[rows[0]]
        return unit, table.periods[int(first[table.at([unit])[0]])]
    if not (settings.has("treated_unit") and settings.has("treated_from")):
        raise BadInput(f"case {inputs.case_id!r}: give `treated_unit` and `treated_from`, or a column `treated`")
    return settings.text("treated_unit"), settings.number("treated_from")


def _fitted(inputs: Inputs, table: UnitTable) -> NDArray[np.bool_]:
    settings = inputs.settings
    return table.span(
        settings.number("fit_from") if settings.has("fit_from") else -np.inf,
        settings.number("fit_to") if settings.has("fit_to") else np.inf,
    )


def _counted(inputs: Inputs, periods: Sequence[float], before: NDArray[np.bool_]) -> NDArray[np.bool_]:
    settings, at = inputs.settings, np.asarray(periods, float)
    low = settings.number("effect_from") if settings.has("effect_from") else -np.inf
    high = settings.number("effect_to") if settings.has("effect_to") else np.inf
    counted: NDArray[np.bool_] = np.asarray(~before & (at >= low) & (at <= high))
    if not counted.any():
        raise BadInput(f"case {inputs.case_id!r}: no period after the treatment is left to average over")
    return counted


def _predictors(inputs: Inputs, table: UnitTable) -> list[tuple[str, Floats]]:
    """Return (name, (N,) value of each unit) of every predictor."""
    settings = inputs.settings
    low = settings.number("predictors_from") if settings.has("predictors_from") else -np.inf
    high = settings.number("predictors_to") if settings.has("predictors_to") else np.inf
    span = table.span(low, high)
    found = [
        (column, _summary(inputs, table, column, span, settings.text("predictors_statistic")))
        for column in settings.texts("predictors")
    ]
    for name, described in settings.table("special_predictors").items():
        found += [_special(inputs, table, name, one) for one in _several(described)]
    return found


def _several(described: object) -> Sequence[object]:
    """Return each predictor described: a list that holds tables or lists describes several."""
    if isinstance(described, list) and any(isinstance(one, list | dict) for one in described):
        return described
    return [described]


def _special(inputs: Inputs, table: UnitTable, name: str, described: object) -> tuple[str, Floats]:
    """Read `1988`, `[1980, 1988]`, or `{column, periods | from, to, every, statistic}`."""
    if isinstance(described, dict):
        unknown = set(described) - {"column", "periods", "from", "to", "every", "statistic"}
        if unknown:
            raise BadInput(f"case {inputs.case_id!r}: special predictor {name!r} has no {sorted(unknown)[0]!r}")
        column, statistic = str(described.get("column", name)), str(described.get("statistic", "mean"))
        periods = described.get("periods")
        if periods is None:
            low, high = float(described.get("from", -np.inf)), float(described.get("to", np.inf))
            span = table.span(low, high)
            span[np.flatnonzero(span)] = np.arange(int(span.sum())) % int(described.get("every", 1)) == 0
            return f"{name} {_words(table, span)}", _summary(inputs, table, column, span, statistic)
    else:
        column, statistic, periods = name, "mean", described
    asked = [float(one) for one in (periods if isinstance(periods, list) else [cast(float, periods)])]
    lacking = [one for one in asked if one not in table.periods]
    if lacking:
        raise BadInput(f"case {inputs.case_id!r}: special predictor {name!r} asks for period {named(lacking[0])}")
    span = np.isin(np.asarray(table.periods), asked)
    return f"{name} {_words(table, span)}", _summary(inputs, table, column, span, statistic)


def _words(table: UnitTable, span: NDArray[np.bool_]) -> str:
    names = [table.period_names[at] for at in np.flatnonzero(span)]
    return names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}" if names else "never"


def _summary(inputs: Inputs, table: UnitTable, column: str, span: NDArray[np.bool_], statistic: str) -> Floats:
    if statistic not in _STATISTICS:
        raise BadInput(f"case {inputs.case_id!r}: a predictor's statistic is {statistic!r}; it is one of "
                       f"{', '.join(_STATISTICS)}")  # fmt: skip
    if not span.any():
        raise BadInput(f"case {inputs.case_id!r}: predictor {column!r} has no period in its span")
    values = table.values(column)[:, span]
    unknown = np.asarray(np.isnan(values).all(axis=1))
    filled = np.where(unknown[:, None], 0.0, values)  # spares a warning; put back below
    if statistic in {"first", "last"}:
        known = ~np.isnan(filled) if statistic == "first" else ~np.isnan(filled)[:, ::-1]
        at = known.argmax(axis=1) if statistic == "first" else filled.shape[1] - 1 - known.argmax(axis=1)
        found = filled[np.arange(len(filled)), at]
    else:
        reduce = _STATISTICS[statistic]
        assert reduce is not None
        found = np.asarray(reduce(filled, axis=1))
    summary: Floats = np.where(unknown, np.nan, found)
    return summary


def _transposed(inputs: Inputs) -> _Named:
    """Read rows that are predictors and periods, and columns that are units."""
    settings, frame = inputs.settings, inputs.frame()
    if not (settings.has("treated_unit") and settings.has("treated_from") and settings.has("first_period")):
        raise BadInput(f"case {inputs.case_id!r}: rows as periods need treated_unit, treated_from and first_period")
    units = tuple(named(column) for column in frame.columns)
    treated = settings.text("treated_unit")
    if treated not in units:
        raise BadInput(f"case {inputs.case_id!r}: no column {treated!r}; there are {', '.join(units)}")
    values = frame.to_numpy(dtype=float)
    predictor_rows = [int(row) for row in settings.numbers("predictor_rows")]
    skipped = [int(row) for row in settings.numbers("skip_rows")]
    outcome = np.delete(values, [*predictor_rows, *skipped], axis=0)
    periods = settings.number("first_period") + np.arange(len(outcome))
    left_out = {treated, *settings.texts("exclude")}
    donors = settings.texts("donors") or tuple(unit for unit in units if unit not in left_out)
    rows = [units.index(unit) for unit in donors]
    before = np.asarray(periods < settings.number("treated_from"))
    low = settings.number("fit_from") if settings.has("fit_from") else -np.inf
    high = settings.number("fit_to") if settings.has("fit_to") else np.inf
    own = units.index(treated)
    setting = Setting(
        outcome[:, own], outcome[:, rows], before, before & (periods >= low) & (periods <= high),
        values[predictor_rows, own], values[predictor_rows][:, rows],
    )  # fmt: skip
    predictors = tuple(f"row {row}" for row in predictor_rows)
    return _Named(setting, donors, tuple(named(one) for one in periods), predictors,
                  _counted(inputs, periods.tolist(), before))  # fmt: skip


def _search(inputs: Inputs, predictors: int) -> Search:
    settings = inputs.settings
    starts, optimizers = settings.texts("starts"), settings.texts("optimizers")
    for asked, known in ((starts, get_args(Start)), (optimizers, get_args(Optimizer))):
        for one in asked:
            if one not in known:
                raise BadInput(f"case {inputs.case_id!r}: {one!r} is none of {', '.join(known)}")
    importance = settings.numbers("importance")
    if importance and len(importance) != predictors:
        raise BadInput(f"case {inputs.case_id!r}: {len(importance)} importances for {predictors} predictors")
    return Search(
        cast(tuple[Start, ...], starts), cast(tuple[Optimizer, ...], optimizers), importance, settings.yes("scaled")
    )


def _compute(inputs: Inputs) -> Results:
    what = _named(inputs)
    search = _search(inputs, len(what.predictors))
    found = synthetic_control(what.setting, search)
    said = _described(what, found)
    if inputs.settings.yes("placebos"):
        worst = inputs.settings.number("placebo_worst_fit") if inputs.settings.has("placebo_worst_fit") else np.inf
        space = placebos_in_space(what.setting, found, search, worst_fit=worst)
        said["p_value"], said["rank"] = space.p_value, space.rank
        said["placebo_rmspe_ratios"] = {
            donor: one.rmspe_ratio for donor, one in zip(what.donors, space.controls, strict=True)
        }
        said["placebo_att"] = {
            donor: float(one.gap[what.counted].mean())
            for donor, one in zip(what.donors, space.controls, strict=True)
        }
    if inputs.settings.numbers("in_time"):
        said["in_time"] = _in_time(inputs, what)
    return said


def _described(what: _Named, found: SyntheticControl) -> dict[str, Result]:
    setting = what.setting
    gap, counted = found.gap, what.counted
    total = float(found.counterfactual[counted].sum())
    balance: dict[str, Result] = {
        name: {
            "treated": float(setting.treated_predictors[at]),
            "synthetic": float(setting.donor_predictors[at] @ found.weights),
            "donors_mean": float(setting.donor_predictors[at].mean()),
        }
        for at, name in enumerate(what.predictors)
    }
    return {
        "att": float(gap[counted].mean()),
        "mean_gap": float(gap[counted].mean()),
        "percent": 100 * float(gap[counted].sum()) / total if total else float("nan"),
        "weights": _by(what.donors, found.weights),
        "gap": _by(what.periods, gap),
        "treated": _by(what.periods, setting.treated),
        "synthetic": _by(what.periods, found.counterfactual),
        "mspe": found.fit_mspe,
        "mspe_before": found.before_rmspe**2, "rmspe_before": found.before_rmspe,
        "rmspe_after": found.after_rmspe, "rmspe_ratio": found.rmspe_ratio,
        "importance": _by(what.predictors, found.importance),
        "predictors": balance,
        "donors": len(what.donors),
    }  # fmt: skip


def _by(names: Sequence[str], values: Floats) -> dict[str, Result]:
    return {name: float(value) for name, value in zip(names, values, strict=False)}


def _in_time(inputs: Inputs, what: _Named) -> Mapping[str, Result]:
    """Return, by pretended first period, the mean gap from then to the treatment."""
    periods = [float(one) for one in what.periods]
    pretended = inputs.settings.numbers("in_time")
    starts = [int(np.searchsorted(periods, one)) for one in pretended]
    if min(starts) < 2 or max(starts) >= int(what.setting.before.sum()):
        raise BadInput(f"case {inputs.case_id!r}: in_time needs periods before the treatment, two before each")
    found = placebo_in_time(what.setting, starts)
    return {
        named(one): {"att": float(control.gap[start:].mean()), "rmspe_ratio": control.rmspe_ratio}
        for one, start, control in zip(pretended, starts, found, strict=True)
    }


def _raw(inputs: Inputs) -> Results:
    what = _named(inputs)
    found = synthetic_control(what.setting, _search(inputs, len(what.predictors)))
    before, after = what.setting.treated[what.setting.before], what.setting.treated[what.counted]
    other = what.setting.donors.mean(axis=1)
    expected = float(found.counterfactual[what.counted].mean())
    did = float(after.mean() - before.mean() - other[what.counted].mean() + other[what.setting.before].mean())
    return {
        "raw_pct": 100 * (float(after.mean() / before.mean()) - 1),
        "sc_pct": 100 * (float(after.mean()) / expected - 1),
        "raw_difference": float(after.mean() - before.mean()),
        "sc_difference": float(after.mean()) - expected,
        "did_difference": did,
        "before_mean": float(before.mean()), "after_mean": float(after.mean()), "synthetic_mean": expected,
        "weights": _by(what.donors, found.weights),
    }  # fmt: skip


_PARAMETERS = (
    Parameter("layout", "text", "`long`: a row a unit and period; `transposed`: a column a unit", "long"),
    Parameter("unit", "text", "column that says which unit (long)", optional=True),
    Parameter("period", "text", "column of the period, a number (long)", optional=True),
    Parameter("outcome", "text", "column of the outcome (long)", optional=True),
    Parameter("treated_unit", "text", "the treated unit's name; whole numbers as text", optional=True),
    Parameter("treated_from", "number", "its first treated period", optional=True),
    Parameter("treated", "text", "column that is 1 once treated; instead of the two (long)", optional=True),
    Parameter("donors", "texts", "units that may be donors; else all others", ()),
    Parameter("exclude", "texts", "units that may not", ()),
    Parameter("predictors", "texts", "columns averaged over a span; without any predictor the outcomes before are "
              "matched themselves", ()),
    Parameter("predictors_from", "number", "first period of that span; else the first", optional=True),
    Parameter("predictors_to", "number", "last period of that span; else the last", optional=True),
    Parameter("predictors_statistic", "text", "mean, median, sum, first or last", "mean"),
    Parameter("special_predictors", "table", "column = 1988, [1980, 1988] (their mean), [[1975], [1980]] (two of "
              "them), or {column, periods | from, to, every, statistic}", {}),
    Parameter("predictor_rows", "numbers", "rows that are predictors, from 0 (transposed)", ()),
    Parameter("skip_rows", "numbers", "rows that are neither predictor nor outcome (transposed)", ()),
    Parameter("first_period", "number", "period of the first row of outcomes (transposed)", optional=True),
    Parameter("fit_from", "number", "first period the fit is judged on; else the first", optional=True),
    Parameter("fit_to", "number", "last period the fit is judged on; else the last before", optional=True),
    Parameter("effect_from", "number", "first period the effect is averaged over; else the first treated",
              optional=True),
    Parameter("effect_to", "number", "last period the effect is averaged over; else the last", optional=True),
    Parameter("importance", "numbers", "given importance of the predictors (V), any scale", ()),
    Parameter("starts", "texts", "where its search begins: equal, regression; the best fit is kept",
              ("equal", "regression")),
    Parameter("optimizers", "texts", "which searches: nelder_mead, bfgs, powell; the best fit is kept",
              ("nelder_mead", "bfgs", "powell")),
    Parameter("scaled", "yes_no", "whether predictors are divided by their standard deviation over units", True),
)  # fmt: skip

SYNTHETIC_CONTROL = Method(
    "synthetic_control",
    "A mix of donors that was like the treated unit before, and the gap to it after (Abadie and Gardeazabal 2003; "
    "Abadie, Diamond and Hainmueller 2010, JASA; R `Synth`, `tidysynth`).",
    (
        *_PARAMETERS,
        Parameter("placebos", "yes_no", "whether every donor is tried as if treated", False),
        Parameter("placebo_worst_fit", "number", "leaves out of the rank donors whose squared RMSPE before is more "
                  "than so many times the treated unit's", optional=True),
        Parameter("in_time", "numbers", "earlier periods from which the treatment is pretended", ()),
    ),
    (
        ("att, mean_gap", "mean of treated less synthetic over the periods after, in the outcome's unit"),
        ("percent", "the same in percent of the synthetic unit"),
        ("weights.UNIT", "share of each donor"),
        ("gap.PERIOD, treated.PERIOD, synthetic.PERIOD", "by period"),
        ("mspe", "mean squared gap over the periods the fit is judged on"),
        ("mspe_before, rmspe_before, rmspe_after, rmspe_ratio", "gaps before and after; after over before"),
        ("importance.PREDICTOR", "share of each predictor (V); special ones are called `column period`"),
        ("predictors.PREDICTOR.treated, .synthetic, .donors_mean", "their balance"),
        ("donors", "how many"),
        ("p_value, rank, placebo_rmspe_ratios.UNIT, placebo_att.UNIT", "where placebos are asked for"),
        ("in_time.PERIOD.att, .rmspe_ratio", "gap from a pretended treatment to the real one"),
    ),
    _compute,
)  # fmt: skip

RAW_VERSUS_SYNTHETIC = Method(
    "raw_versus_synthetic",
    "The change from before to after alone, beside that against a synthetic control: what a claim rests on, and "
    "what it would have to.",
    _PARAMETERS,
    (
        ("raw_pct", "mean after over mean before, less one, percent: not causal"),
        ("sc_pct", "mean after over the synthetic unit's, less one, percent"),
        (
            "raw_difference, sc_difference, did_difference",
            "in the outcome's unit; the last against all donors' mean",
        ),
        ("before_mean, after_mean, synthetic_mean", "in the outcome's unit"),
        ("weights.UNIT", "share of each donor"),
    ),
    _raw,
)
