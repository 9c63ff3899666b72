"""Methods of single series that cases may name: interrupted time series, and structural ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs.panel import Bools, Floats
from workbench.designs.segments import Design, Whole, harmonics, segments
from workbench.designs.series import (
    Errors,
    Family,
    SegmentedFit,
    Term,
    change_after,
    fit_counts,
    fit_measurements,
    fit_prais_winsten,
)
from workbench.designs.series_checks import durbin_watson, ljung_box
from workbench.verification import structural_methods
from workbench.verification.method import Inputs, Method, Parameter, Result, Results
from workbench.verification.structural_methods import date_of, dates_of, named_columns


@dataclass(frozen=True)
class _Rows:
    """The rows of a case in order of series and time."""

    frame: pd.DataFrame
    time: Floats
    """(N,) in periods."""
    on: tuple[Floats, ...]
    """One (N,) array per interruption."""
    series: Whole
    treated: Bools | None


def _rows(inputs: Inputs) -> _Rows:
    settings, frame = inputs.settings, inputs.frame()
    unit = next((inputs.column(name) for name in ("unit", "group") if settings.has(name)), None)
    time = inputs.column("time") if settings.has("time") else None
    order = [name for name in (unit, time) if name is not None]
    if order:
        frame = frame.sort_values(order, kind="stable")
    needed = [inputs.column("outcome"), *named_columns(inputs, "controls")]
    frame = frame[frame[needed].notna().all(axis=1)].reset_index(drop=True)
    clock = frame[time] if time else pd.Series(np.arange(1, len(frame) + 1))
    periods = _periods(inputs, clock)
    if settings.has("time_starts_at"):
        periods = periods - periods.min() + settings.number("time_starts_at")
    series = pd.factorize(frame[unit])[0].astype(np.int64) if unit else np.zeros(len(frame), np.int64)
    return _Rows(frame, periods, _on(inputs, frame, clock), series, _treated(inputs, frame))


def _treated(inputs: Inputs, frame: pd.DataFrame) -> Bools | None:
    if not inputs.settings.has("group"):
        return None
    wanted = inputs.settings.text("treated_group")
    treated = _is(frame[inputs.column("group")], wanted)
    if treated.all() or not treated.any():
        raise BadInput(
            f"case {inputs.case_id!r}: {int(treated.sum())} of {len(treated)} rows are of the treated group "
            f"{wanted!r}; name it in treated_group"
        )
    return treated


def _is(column: pd.Series, wanted: str) -> Bools:
    """Return rows whose value is the one wanted, as text or as a number."""
    numbers = pd.to_numeric(column, errors="coerce")
    as_number = pd.to_numeric(pd.Series([wanted]), errors="coerce")[0]
    return np.asarray((column.astype(str) == wanted) | (numbers == as_number), bool)


def _periods(inputs: Inputs, clock: pd.Series) -> Floats:
    """Return times as numbers: as they stand, or dates as their place in order, from 0."""
    if pd.api.types.is_numeric_dtype(clock):
        return clock.to_numpy(float)
    return np.unique(dates_of(inputs, clock).to_numpy(), return_inverse=True)[1].astype(float)


def _on(inputs: Inputs, frame: pd.DataFrame, clock: pd.Series) -> tuple[Floats, ...]:
    settings = inputs.settings
    if settings.has("indicator"):
        return (np.asarray(frame[inputs.column("indicator")], float),)
    if settings.has("intervention_on"):
        begins = date_of(inputs, settings.text("intervention_on"))
        return (np.asarray(dates_of(inputs, clock) >= begins, float),)
    if not pd.api.types.is_numeric_dtype(clock) and (settings.has("interventions") or settings.has("intervention")):
        raise BadInput(
            f"case {inputs.case_id!r}: the time column holds {clock.iloc[0]!r}, no numbers; say when it began with "
            "intervention_on"
        )
    if settings.has("interventions"):
        return tuple((clock.to_numpy(float) >= at).astype(float) for at in settings.numbers("interventions"))
    if settings.has("intervention"):
        return ((clock.to_numpy(float) >= settings.number("intervention")).astype(float),)
    raise BadInput(
        f"case {inputs.case_id!r}: nothing says when it began; give intervention (a value of the time column), "
        "intervention_on (a date), interventions (several), or indicator (a column of 0 and 1)"
    )


def _design(inputs: Inputs, rows: _Rows) -> Design:
    settings = inputs.settings
    clock = rows.time
    if settings.has("season_time"):
        clock = _periods(inputs, rows.frame[inputs.column("season_time")])
    names, seasons = harmonics(clock, settings.whole("harmonics"), settings.number("period"))
    controls = named_columns(inputs, "controls")
    extra = np.column_stack([seasons, rows.frame[list(controls)].to_numpy(float)])
    return segments(
        rows.time, rows.on, trend=settings.yes("trend"), slope=settings.yes("slope"),
        since_from=settings.number("since_from"), treated=rows.treated, series=rows.series, extra=extra,
        extra_names=(*names, *controls),
    )  # fmt: skip


def _errors(inputs: Inputs) -> Errors:
    found = inputs.settings.text("errors")
    if found not in get_args(Errors):
        raise BadInput(f"case {inputs.case_id!r}: errors is {found!r}; one of {', '.join(get_args(Errors))}")
    return cast(Errors, found)


def _lag(inputs: Inputs) -> int | None:
    return inputs.settings.whole("lag") if inputs.settings.has("lag") else None


def _interrupted(inputs: Inputs) -> Results:
    settings, rows = inputs.settings, _rows(inputs)
    outcome, design = rows.frame[inputs.column("outcome")].to_numpy(float), _design(inputs, rows)
    estimator = settings.text("estimator")
    if estimator == "ols":
        fit = fit_measurements(
            outcome, design, errors=_errors(inputs), lag=_lag(inputs), small_sample=settings.yes("small_sample")
        )
    elif estimator == "prais_winsten":
        errors = _errors(inputs) if settings.text("errors") != "newey_west" else "model"
        fit = fit_prais_winsten(outcome, design, errors=errors, lag=_lag(inputs))
    else:
        raise BadInput(f"case {inputs.case_id!r}: estimator is {estimator!r}; ols or prais_winsten")
    residuals = outcome - fit.expected
    spread = float(residuals @ residuals)
    around = float(((outcome - outcome.mean()) ** 2).sum())
    return {
        **_coefficients(fit, settings.number("level")), **_common(fit, settings.number("level")),
        "rmse": float(np.sqrt(spread / (len(outcome) - len(design.names)))), "r_squared": 1 - spread / around,
        "durbin_watson": durbin_watson(residuals), **({} if fit.rho is None else {"rho": fit.rho}),
    }  # fmt: skip


def _counts(inputs: Inputs) -> Results:
    settings, rows = inputs.settings, _rows(inputs)
    counts, design = rows.frame[inputs.column("outcome")].to_numpy(float), _design(inputs, rows)
    asked = settings.text("family")
    if asked not in ("poisson", "quasipoisson", "negative_binomial"):
        raise BadInput(f"case {inputs.case_id!r}: family is {asked!r}; poisson, quasipoisson or negative_binomial")
    offset = np.zeros(len(counts))
    if settings.has("exposure"):
        offset = np.log(rows.frame[inputs.column("exposure")].to_numpy(float))
    if settings.has("offset"):
        offset = offset + rows.frame[inputs.column("offset")].to_numpy(float)
    level, normal = settings.number("level"), settings.text("distribution") == "normal"

    def fitted(family: Family) -> SegmentedFit:
        return fit_counts(
            counts, design, family=family, offset=offset, errors=_errors(inputs), lag=_lag(inputs),
            small_sample=settings.yes("small_sample"), normal=normal,
        )  # fmt: skip

    fit = fitted(cast(Family, asked))
    main = next(name for name in ("difference_step", "step", "step_1") if name in design.names)
    ratio = _ratio(fit.term(main, level=level))
    return {
        **_coefficients(fit, level), **_common(fit, level),
        "rate_ratio": ratio[0], "rate_ratio_ci": ratio[1:], "step_percent": 100 * (ratio[0] - 1),
        "rate_ratios": {name: _ratio(fit.term(name, level=level)) for name in design.names},
        "trend_ratio_per_cycle": _trend_ratio(fit, settings.number("period")),
        "poisson": _ratio(fitted("poisson").term(main, level=level)),
        "quasi": _ratio(fitted("quasipoisson").term(main, level=level)),
        **({} if fit.alpha is None else {"alpha": fit.alpha, "theta": 1 / fit.alpha}),
        **_raw(counts, np.exp(offset), design.after),
    }  # fmt: skip


def _trend_ratio(fit: SegmentedFit, period: float) -> float:
    return float(np.exp(fit.term("pre_slope").estimate * period)) if "pre_slope" in fit.design.names else 1.0


def _raw(counts: Floats, exposure: Floats, after: Bools) -> dict[str, Result]:
    """Return how means before and after compare, nothing else considered."""
    before = ~after
    return {
        "mean_before": float(counts[before].mean()), "mean_after": float(counts[after].mean()),
        "raw_percent": 100 * float(counts[after].mean() / counts[before].mean() - 1),
        "raw_rate_percent": 100 * float(
            counts[after].sum() / exposure[after].sum() / (counts[before].sum() / exposure[before].sum()) - 1
        ),
    }  # fmt: skip


def _ratio(term: Term) -> list[float]:
    return [float(np.exp(one)) for one in (term.estimate, term.low, term.high)]


def _sums(design: Design) -> Mapping[str, tuple[str, ...]]:
    """Return what slopes after, and those of the treated, are the sums of."""
    changes = [name for name in design.names if name.startswith("slope_change")]
    sums: dict[str, tuple[str, ...]] = {}
    compared = "difference_step" in design.names or "difference_step_1" in design.names
    for number in range(1, len(changes) + 1):
        suffix = f"_{number}" if len(changes) > 1 else ""
        own = ("pre_slope", *changes[:number])
        differences = tuple(f"difference_{name}" for name in own)
        sums[f"post_slope{suffix}"] = own
        if compared:
            sums[f"control_post_slope{suffix}"] = own
            sums[f"treated_post_slope{suffix}"] = own + differences
            sums[f"difference_post_slope{suffix}"] = differences
    if compared:
        for name in [one.removeprefix("difference_") for one in design.names if one.startswith("difference_")]:
            sums[f"treated_{name}"] = (name, f"difference_{name}")
    return sums


def _coefficients(fit: SegmentedFit, level: float) -> dict[str, Result]:
    """Return every coefficient and sum of them: as a table, and flat by name."""
    parts = {name: (name,) for name in fit.design.names} | dict(_sums(fit.design))
    terms = {name: fit.term(*of, level=level) for name, of in parts.items()}
    flat: dict[str, Result] = {}
    for name, term in terms.items():
        flat |= {
            name: term.estimate, f"se_{name}": term.standard_error, f"t_{name}": term.statistic,
            f"p_{name}": term.p_value, f"ci_{name}": [term.low, term.high],
        }  # fmt: skip
    table: dict[str, Result] = {
        name: {"estimate": one.estimate, "se": one.standard_error, "t": one.statistic, "p": one.p_value,
               "low": one.low, "high": one.high}
        for name, one in terms.items()
    }  # fmt: skip
    by_kind: dict[str, Result] = {
        kind: dict(zip(fit.design.names, errors.tolist(), strict=True)) for kind, errors in fit.standard_errors
    }
    return flat | {"coefficients": table, "standard_errors": by_kind}


def _common(fit: SegmentedFit, level: float) -> dict[str, Result]:
    change, alike = change_after(fit, level), ljung_box(fit.residuals)
    size, width = fit.design.matrix.shape
    without, likelihood = fit.without(), fit.log_likelihood if fit.log_likelihood is not None else float("nan")
    # Least squares estimates the variance as well, and so does the negative binomial its alpha.
    figures = width + (fit.family in ("gaussian", "negative_binomial"))
    return {
        "n": size, "df": size - width, "lag": fit.lag, "dispersion": fit.dispersion,
        "log_likelihood": likelihood, "aic": 2 * figures - 2 * likelihood,
        "bic": float(np.log(size)) * figures - 2 * likelihood,
        "ljung_box": {"statistic": alike.statistic, "lags": alike.lags, "p": alike.p_value},
        "autocorrelation": alike.first,
        "fitted": fit.expected.tolist(), "counterfactual": without.tolist(),
        "effects": (fit.expected - without).tolist(),
        "change": change.count, "change_ci": list(change.count_interval), "change_p": change.p_value,
        "mean_change": change.count / int(fit.design.after.sum()),
        "percent_change": 100 * change.ratio, "percent_change_ci": [100 * one for one in change.ratio_interval],
    }  # fmt: skip


_WHEN = (
    Parameter("outcome", "text", "the column measured or counted"),
    Parameter("time", "text", "the column of times, numbers or dates; by default rows are counted", optional=True),
    Parameter("intervention", "number", "the first time at which it holds, as in the time column", optional=True),
    Parameter("intervention_on", "text", "the first date on which it holds, where times are dates", optional=True),
    Parameter("interventions", "numbers", "several such times, for more than one interruption", optional=True),
    Parameter("indicator", "text", "a column that is 1 where it holds and 0 where not, instead", optional=True),
    Parameter("group", "text", "a column that tells the treated series from those compared with it", optional=True),
    Parameter("treated_group", "text", "its value in rows of the treated series", "1"),
    Parameter("unit", "text", "a column that tells series apart; by default the group", optional=True),
    Parameter("trend", "yes_no", "whether there is a trend at all; without, only levels are compared", True),
    Parameter("controls", "texts", "further columns of the regression", optional=True),
    Parameter("harmonics", "whole", "pairs of sines and cosines for seasons", 0),
    Parameter("period", "number", "periods until seasons repeat", 12.0),
    Parameter("season_time", "text", "the column seasons run on, e.g. month; by default the time", optional=True),
    Parameter("lag", "whole", "periods Newey–West errors look back; by default ⌊4 (T/100)^(2/9)⌋", optional=True),
    Parameter("small_sample", "yes_no", "whether these are widened by N / (N − K)", True),
    Parameter("level", "number", "coverage of intervals, share", 0.95),
)  # fmt: skip

_FIT_RESULTS = (
    ("intercept, pre_slope, step, slope_change", "coefficients; with a group those of the controls, and "
     "difference_… how the treated differ; with several interruptions step_1, step_2, …"),
    ("post_slope", "slope after; with a group also control_post_slope, treated_post_slope, difference_post_slope"),
    ("se_…, t_…, p_…, ci_…", "standard error, t or z, p, and [low, high] of each of these"),
    ("coefficients", "the same as a table: name → estimate, se, t, p, low, high"),
    ("standard_errors", "by kind (model, newey_west, hc0, hc1, hc3), then by name"),
    ("n, df, lag", "rows, rows less columns, and the lag used"),
    ("dispersion", "Pearson chi-square over df; of measurements the residual variance"),
    ("log_likelihood, aic, bic", "of the fit"),
    ("ljung_box", "statistic, lags, p of residual autocorrelation; autocorrelation is the first"),
    ("fitted, counterfactual, effects", "per row: expected, expected had nothing begun, and their difference"),
    ("change, change_ci, change_p, mean_change", "of all rows after together, and per row"),
    ("percent_change, percent_change_ci", "the same in percent of the counterfactual"),
)  # fmt: skip

_INTERRUPTED = Method(
    "interrupted_time_series",
    "Segmented regression of one series, or of a treated one beside its comparison, by least squares with "
    "Newey–West errors (Linden 2015, Stata Journal 15, 480–500) or by Prais–Winsten.",
    (
        *_WHEN,
        Parameter("slope", "yes_no", "whether the slope may change, not only the level", True),
        Parameter("time_starts_at", "number", "the time of the first row in the regression", 0.0),
        Parameter("since_from", "number", "time since the interruption in the first row it holds: 0 or 1", 0.0),
        Parameter("estimator", "text", "ols or prais_winsten", "ols"),
        Parameter("errors", "text", "newey_west, model, hc0, hc1 or hc3", "newey_west"),
    ),
    (
        *_FIT_RESULTS,
        ("rmse, r_squared, durbin_watson", "of the residuals"),
        ("rho", "Prais–Winsten's correlation"),
    ),
    _interrupted,
)  # fmt: skip

_COUNTS = Method(
    "its_poisson",
    "Interrupted time series of counts: Poisson, quasi-Poisson or negative binomial regression with exposure and "
    "harmonics (Lopez Bernal, Cummins and Gasparrini 2017, Int J Epidemiol 46, 348–355).",
    (
        *_WHEN,
        Parameter("family", "text", "poisson, quasipoisson or negative_binomial", "quasipoisson"),
        Parameter("exposure", "text", "the column of people or area at risk; its log is the offset", optional=True),
        Parameter("offset", "text", "a column that is a log already, instead or as well", optional=True),
        Parameter("slope", "yes_no", "whether the slope may change, not only the level", False),
        Parameter("time_starts_at", "number", "time of the first row; by default as it stands", optional=True),
        Parameter("since_from", "number", "time since the interruption in the first row it holds: 0 or 1", 1.0),
        Parameter("errors", "text", "model, newey_west, hc0, hc1 or hc3", "model"),
        Parameter("distribution", "text", "normal, or t with N − K", "normal"),
    ),
    (
        *_FIT_RESULTS,
        ("rate_ratio, rate_ratio_ci, step_percent", "of the step; with a group, of its difference"),
        ("rate_ratios", "name → [ratio, low, high] of every coefficient"),
        ("poisson, quasi", "[ratio, low, high] of the step by both families, whichever was asked for"),
        ("trend_ratio_per_cycle", "ratio of one whole period of seasons to the one before it"),
        ("alpha, theta", "negative binomial: variance = mean + alpha · mean², theta = 1 / alpha"),
        ("mean_before, mean_after, raw_percent, raw_rate_percent", "before against after, nothing else considered"),
    ),
    _counts,
)  # fmt: skip

METHODS: tuple[Method, ...] = (_INTERRUPTED, _COUNTS, *structural_methods.METHODS)
