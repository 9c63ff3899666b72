"""Methods of before and after in a few areas that cases may name."""

from __future__ import annotations

import numpy as np

from catalog.errors import BadInput
from workbench.designs.area_tests import (
    BeforeAfter,
    displacement_quotient,
    raw_change,
    relative_effect,
    scaled_difference,
    unscaled_control,
    weighted_displacement,
)
from workbench.designs.estimates import PERCENT_FLOOR
from workbench.designs.pooling import combine_by_harm, pooled_effect
from workbench.verification import area_change_methods, rate_methods
from workbench.verification.area_inputs import (
    COLUMNS,
    CONTROL,
    DISPERSION,
    DISPERSION_RULE,
    LEVEL,
    TIME_WEIGHTS,
    TREATED,
    area,
    areas_of,
    dispersion_of,
    gathered,
    pair_of,
)
from workbench.verification.method import Inputs, Method, Parameter, Result, Results


def _raw(inputs: Inputs) -> Results:
    settings = inputs.settings
    periods, level = pair_of(inputs, "time_weights"), settings.number("level")
    found: list[dict[str, Result]] = []
    for (treated,) in areas_of(inputs, "treated", needed=1):
        change = raw_change(treated, periods=periods, dispersion=dispersion_of(inputs, treated), level=level)
        found.append({
            "percent": 100 * change.change_ratio,
            "ci": [100 * edge for edge in change.change_interval],
            "ratio": 1 + change.change_ratio,
            "change": change.change_count,
            "z": change.z,
            "p": change.p_value,
            "before": treated.before,
            "after": treated.after,
            "percent_may_be_stated": treated.before >= PERCENT_FLOOR,
        })  # fmt: skip
    return gathered(found)


def _relative(inputs: Inputs) -> list[dict[str, Result]]:
    settings = inputs.settings
    found: list[dict[str, Result]] = []
    for treated, control in areas_of(inputs, "treated", "control"):
        effect = relative_effect(
            treated, control, dispersion=dispersion_of(inputs, (*treated, *control)),
            zero_correction=settings.number("zero_correction"), level=settings.number("level"),
        )  # fmt: skip
        reach = effect.rate_ratio_interval
        figures: dict[str, Result] = {
            "res": effect.relative_effect_size,
            "res_ci": list(effect.effect_size_interval),
            "ln_res": -effect.log_rate_ratio,
            "irr": effect.incident_rate_ratio,
            "irr_ci": list(reach),
            "log_irr": effect.log_rate_ratio,
            "log_irr_ci": [float(np.log(edge)) for edge in reach],
            "percent": 100 * (effect.incident_rate_ratio - 1),
            "percent_ci": [100 * (edge - 1) for edge in reach],
            "se": effect.standard_error,
            "variance": effect.standard_error**2,
            "z": effect.z,
            "p": effect.p_value,
            "dispersion": effect.dispersion,
            "wdd": treated.after - treated.before - (control.after - control.before),
        }
        found.append(figures)
    return found


def _relative_effect_size(inputs: Inputs) -> Results:
    found = _relative(inputs)
    return {**gathered(found), **(_pooled(found, inputs.settings.number("level")) if len(found) > 1 else {})}


def _log_irr(inputs: Inputs) -> Results:
    results = _relative_effect_size(inputs)
    return {"log_irr": results["log_irr"], **results}


def _pooled(found: list[dict[str, Result]], level: float) -> Results:
    """Pool effects as a review does: by inverse variance, and with variance between evaluations."""
    logs, errors = (np.array([one[name] for one in found], dtype=float) for name in ("ln_res", "se"))
    pooled = pooled_effect(logs, errors, level)
    return {
        "pooled_res": float(np.exp(pooled.fixed)),
        "pooled_res_ci": np.exp(pooled.fixed_interval).tolist(),
        "random_res": float(np.exp(pooled.random)),
        "random_res_ci": np.exp(pooled.random_interval).tolist(),
        "q": pooled.q,
        "tau2": pooled.tau2,
        "i2": pooled.i2_ratio,
    }


def _weighted_displacement(inputs: Inputs) -> Results:
    settings = inputs.settings
    periods, sizes = pair_of(inputs, "time_weights"), settings.numbers("area_weights")
    found: list[dict[str, Result]] = []
    names = ("treated", "control", "displacement_treated", "displacement_control")
    for treated, control, moved, moved_control in areas_of(inputs, *names):
        one = weighted_displacement(
            treated, control, moved, moved_control, periods=periods, areas=sizes,
            dispersion=dispersion_of(inputs, (*treated, *control)), level=settings.number("level"),
        )  # fmt: skip
        size = sizes[0] / sizes[1]
        found.append({
            "total": one.total, "se": one.total_se, "z": one.z, "p": one.p_value, "ci": list(one.total_interval),
            "local": one.local, "local_se": one.local_se, "local_ci": list(one.local_interval),
            "displacement": one.displacement, "displacement_se": one.displacement_se,
            "variance": one.total_se**2, "dispersion": one.dispersion,
            "refused": unscaled_control(treated.before, control.before / size) or "",
        })  # fmt: skip
    return gathered(found)


def _harm(inputs: Inputs) -> Results:
    settings = inputs.settings
    names = ("differences", "standard_errors", "harm")
    if inputs.rows is None:
        columns = [np.array(settings.numbers(name)) for name in names if settings.has(name)]
    else:
        columns = [inputs.frame()[inputs.column(f"{name}_column")].to_numpy(float) for name in names]
    if len({len(column) for column in columns}) != 1 or len(columns) != len(names):
        raise BadInput(f"case {inputs.case_id!r}: {', '.join(names)} must be given, and be as many")
    differences, errors, harm = columns
    found = combine_by_harm(differences, errors, harm, settings.number("level"))
    return {
        "total": found.total, "se": found.standard_error, "z": found.z, "p": found.p_value,
        "ci": list(found.interval),
    }  # fmt: skip


def _quotient(inputs: Inputs) -> Results:
    found: list[dict[str, Result]] = []
    for treated, control, buffer in areas_of(inputs, "treated", "control", "buffer"):
        one = displacement_quotient(treated, control, buffer)
        both = BeforeAfter(treated.before + buffer.before, treated.after + buffer.after)
        net = scaled_difference(
            both, control, dispersion=dispersion_of(inputs, (*treated, *control)),
            level=inputs.settings.number("level"),
        )  # fmt: skip
        found.append({
            "wdq": float("nan") if one.quotient is None else one.quotient,
            "gross_effect": one.gross_effect, "net_effect": one.net_effect,
            "total_net_effect": one.total_net_effect,
            "success_measure": one.success_measure, "displacement_measure": one.displacement_measure,
            "total_net_effect_se": net.standard_error,
            "total_net_effect_ci": [-net.interval[1], -net.interval[0]], "p": net.p_value, "says": one.says,
        })  # fmt: skip
    return gathered(found)


_ZERO = Parameter("zero_correction", "number", "added to all four counts; 0.5 where one of them is 0", 0.0)
_EFFECT_RESULTS = (
    ("res", "relative effect size, a d / (b c); above 1 where the treated area did better"),
    ("res_ci", "its interval"), ("ln_res", "its log"), ("irr", "incident rate ratio, 1 / res"),
    ("irr_ci", "its interval"), ("log_irr", "its log"), ("log_irr_ci", "interval of the log"),
    ("percent", "change against the control's, percent"), ("percent_ci", "its interval"),
    ("se", "standard error of either log"), ("variance", "its square"), ("z", "log over se"),
    ("p", "two-sided, normal"), ("dispersion", "what the variance was multiplied by"),
    ("wdd", "treated change less control change, incidents"),
    ("pooled_res", "of several rows: inverse-variance mean, with pooled_res_ci"),
    ("random_res", "of several rows: DerSimonian–Laird mean, with random_res_ci, q, tau2 and i2"),
)  # fmt: skip
_INFERENCE = (("z", "estimate over se"), ("p", "two-sided, normal"), ("ci", "interval at `level`"))
_EFFECT = (TREATED, CONTROL, COLUMNS, DISPERSION, DISPERSION_RULE, _ZERO, LEVEL)

METHODS: tuple[Method, ...] = (
    Method(
        "raw_change",
        "Change of one area's rate, with the interval of a log rate ratio; there is no counterfactual.",
        (TREATED, COLUMNS, TIME_WEIGHTS, DISPERSION, DISPERSION_RULE, LEVEL),
        (
            ("percent", "change of the rate, percent"), ("ci", "its interval, percent"),
            ("ratio", "rate after over rate before"), ("change", "incidents more than the rate before gives"),
            ("z", "log ratio over its standard error"), ("p", "two-sided, normal"), ("before", "incidents"),
            ("after", "incidents"), ("percent_may_be_stated", "whether there were enough incidents before"),
        ),
        _raw,
    ),
    Method(
        "relative_effect_size",
        "Relative effect size of four counts, VAR(ln RES) = D (1/a + 1/b + 1/c + 1/d) (Farrington, Gill, Waples & "
        "Argomaniz 2007, Journal of Experimental Criminology 3); several rows are pooled too.",
        _EFFECT, _EFFECT_RESULTS, _relative_effect_size,
    ),
    Method(
        "log_irr",
        "Log incident rate ratio of four counts with quasi-Poisson variance (Wilson 2022, Journal of Quantitative "
        "Criminology 38): the negative of the log relative effect size.",
        _EFFECT, _EFFECT_RESULTS, _log_irr,
    ),
    Method(
        "weighted_displacement_difference",
        "Weighted displacement difference (Wheeler & Ratcliffe 2018, Crime Science 7:11), with weights for spans "
        "and areas of different size.",
        (
            TREATED, CONTROL, area("displacement_treated", "the treated area's displacement area"),
            area("displacement_control", "the control's displacement area"), COLUMNS, TIME_WEIGHTS,
            Parameter(
                "area_weights", "numbers", "sizes of control, treated, displacement control, displacement treated",
                (1, 1, 1, 1),
            ),
            DISPERSION, DISPERSION_RULE, LEVEL,
        ),
        (
            ("total", "local and displacement difference together, incidents by weight"), ("se", "of total"),
            *_INFERENCE, ("local", "treated change less control change, with local_se and local_ci"),
            ("displacement", "the same of the displacement areas, with displacement_se"),
            ("variance", "se squared"),
            ("dispersion", "what the variance was multiplied by"),
            ("refused", "why these areas may not be compared in counts; empty where they may"),
        ),
        _weighted_displacement,
    ),
    Method(
        "weighted_displacement_harm",
        "Harm-weighted sum of displacement differences (Wheeler 2020).",
        (
            Parameter("differences", "numbers", "one difference a kind of crime", optional=True),
            Parameter("standard_errors", "numbers", "one each", optional=True),
            Parameter("harm", "numbers", "harm of one incident of each", optional=True),
            Parameter("differences_column", "text", "where the case has data", "difference"),
            Parameter("standard_errors_column", "text", "where the case has data", "se"),
            Parameter("harm_column", "text", "where the case has data", "harm"), LEVEL,
        ),
        (("total", "weighted sum"), ("se", "of total"), *_INFERENCE),
        _harm,
    ),
    Method(
        "weighted_displacement_quotient",
        "Weighted displacement quotient, gross, net and total net effect (Bowers & Johnson 2003, Journal of "
        "Quantitative Criminology 19; Guerette 2009, POP Center Tool Guide 10).",
        (
            TREATED, CONTROL, area("buffer", "the area around the treated one"), COLUMNS, DISPERSION,
            DISPERSION_RULE, LEVEL,
        ),
        (
            ("wdq", "quotient; not a number where the treated area did no better than the control"),
            ("gross_effect", "treated before less after"), ("net_effect", "treated per control, before less after"),
            ("total_net_effect", "incidents fewer, treated and buffer, than the control gives; with its _se, _ci"),
            ("success_measure", "denominator of the quotient"), ("displacement_measure", "its numerator"),
            ("p", "of a total net effect of 0, two-sided, normal"), ("says", "what the quotient means"),
        ),
        _quotient,
    ),
    *rate_methods.METHODS,
    *area_change_methods.METHODS,
)  # fmt: skip
