"""Methods with synthetic counterfactuals that cases may name; synthetic difference-in-differences stands here."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from catalog.errors import BadInput
from workbench.designs.staggered_synthetic import StaggeredEffect, staggered_effect, staggered_error
from workbench.designs.synthetic_did import Kind, Solver, Spread, standard_error
from workbench.verification.calibration_methods import CALIBRATION
from workbench.verification.method import Inputs, Method, Parameter, Result, Results
from workbench.verification.synthetic_control_methods import RAW_VERSUS_SYNTHETIC, SYNTHETIC_CONTROL
from workbench.verification.unit_table import UnitTable

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def _compute(inputs: Inputs) -> Results:
    settings, table = inputs.settings, UnitTable.of(inputs)
    kind = cast(Kind, _one_of(inputs, "estimator", get_args(Kind)))
    solver = cast(Solver, _one_of(inputs, "solver", get_args(Solver)))
    how = _one_of(inputs, "se_method", (*get_args(Spread), "none"))
    first = table.first_treated(inputs.column("treated"))
    if int(first.min()) == 0:
        raise BadInput(f"case {inputs.case_id!r}: a unit is treated from the first period on; leave it out")
    outcomes = table.complete(inputs.column("outcome"))
    if settings.texts("covariates"):
        outcomes = _projected(table, outcomes, first, settings.texts("covariates"))
    zeta = settings.number("zeta") if settings.has("zeta") else None
    effects = {
        one: staggered_effect(outcomes, first, one, zeta=zeta if one == kind else None, solver=solver)
        for one in get_args(Kind)
    }
    estimate = effects[kind].estimate
    said: dict[str, Result] = {"estimate": estimate, **{one: found.estimate for one, found in effects.items()}}
    if how != "none":
        error = _error(inputs, outcomes, first, kind, cast(Spread, how), solver)
        half = float(norm.ppf((1 + settings.number("level")) / 2)) * error
        said |= {
            "se": error, f"{how}_se": error, "z": estimate / error, "p": float(2 * norm.sf(abs(estimate) / error)),
            "ci": [estimate - half, estimate + half], "ci_lower": estimate - half, "ci_upper": estimate + half,
        }  # fmt: skip
    never = tuple(unit for unit, start in zip(table.units, first, strict=True) if start == len(table.periods))
    return said | _weights(table, never, effects[kind]) | {
        "treated_units": int((first < len(table.periods)).sum()), "control_units": len(never),
        "periods": len(table.periods),
    }  # fmt: skip


def _one_of(inputs: Inputs, name: str, known: tuple[str, ...]) -> str:
    found = inputs.settings.text(name)
    if found not in known:
        raise BadInput(f"case {inputs.case_id!r}: {name} is {found!r}; it is one of {', '.join(known)}")
    return found


def _error(inputs: Inputs, outcomes: Floats, first: Whole, kind: Kind, how: Spread, solver: Solver) -> float:
    draws, seed = inputs.settings.whole("replications"), inputs.settings.whole("seed")
    if how != "jackknife":
        solver = "exact"  # draws spread far more than the solvers differ, and this one is fifty times as fast
    starts = np.unique(first[first < outcomes.shape[1]])
    if len(starts) > 1:
        if draws == 0:
            raise BadInput(f"case {inputs.case_id!r}: with several dates of treatment give replications")
        return staggered_error(outcomes, first, kind, how, draws=draws, seed=seed, solver=solver)
    block = staggered_effect(outcomes, first, "did").cohorts[0].block
    return standard_error(block, kind, how, draws=draws, seed=seed, solver=solver)


def _projected(table: UnitTable, outcomes: Floats, first: Whole, covariates: tuple[str, ...]) -> Floats:
    """Take out what covariates say of units not yet treated, beside effects of units and periods.

    Kranz 2022, *Synthetic difference-in-differences with time-varying covariates*; `projected` of Stata's `sdid`.
    """
    untreated = np.arange(outcomes.shape[1]) < first[:, None]
    values = [table.complete(column) for column in covariates]
    own = [_less_effects(one, untreated)[untreated] for one in values]
    said = np.linalg.lstsq(np.column_stack(own), _less_effects(outcomes, untreated)[untreated], rcond=None)[0]
    less: Floats = outcomes - np.tensordot(said, np.stack(values), axes=1)
    return less


def _less_effects(values: Floats, counted: NDArray[np.bool_]) -> Floats:
    """Take out effects of units and periods by turns, over the cells that count, until nothing changes."""
    left = np.where(counted, values, 0.0)
    for _ in range(10_000):
        by_unit = left.sum(axis=1, keepdims=True) / np.maximum(counted.sum(axis=1, keepdims=True), 1)
        left = np.where(counted, left - by_unit, 0.0)
        by_period = left.sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
        left = np.where(counted, left - by_period, 0.0)
        if np.abs(by_period).max() <= 1e-12 * max(float(np.abs(values).max()), 1e-300):
            break
    return left


def _weights(table: UnitTable, never: tuple[str, ...], effect: StaggeredEffect) -> dict[str, Result]:
    """Return weights and lines: of the one cohort, or of each by its first period."""
    periods = table.period_names
    by_cohort: dict[str, Result] = {}
    for one in effect.cohorts:
        mean = one.block.treated.mean(axis=0)
        gap = mean - one.effect.counterfactual
        by_cohort[periods[one.start]] = {
            "estimate": one.effect.estimate,
            "units": one.units,
            "unit_weights": dict(zip(never, map(float, one.effect.unit_weights), strict=True)),
            "time_weights": dict(zip(periods[: one.start], map(float, one.effect.time_weights), strict=True)),
            "counterfactual": dict(zip(periods, map(float, one.effect.counterfactual), strict=True)),
            "treated": dict(zip(periods, map(float, mean), strict=True)),
            "gap": dict(zip(periods, map(float, gap), strict=True)),
            "zeta": one.effect.zeta,
            "noise": one.block.noise,
            "rmse_before": float(np.sqrt(np.mean(gap[: one.start] ** 2))),
            "percent": 100 * one.effect.estimate / float(one.effect.counterfactual[one.start :].mean()),
        }
    if len(by_cohort) > 1:
        return {"cohorts": by_cohort}
    only = next(iter(by_cohort.values()))
    return {**{key: value for key, value in dict(only).items() if key != "estimate"}, "cohorts": by_cohort}  # type: ignore[arg-type]


SYNTHETIC_DID = Method(
    "synthetic_difference_in_differences",
    "Difference-in-differences in which donors and periods before are weighted so that they run alongside the "
    "treated units; beside it plain difference-in-differences and synthetic control (Arkhangelsky, Athey, "
    "Hirshberg, Imbens and Wager 2021, American Economic Review; R `synthdid`, Stata `sdid`).",
    (
        Parameter("unit", "text", "column that says which unit"),
        Parameter("period", "text", "column of the period, a number"),
        Parameter("outcome", "text", "column of the outcome"),
        Parameter("treated", "text", "column that is 1 once a unit is treated; dates may differ"),
        Parameter("estimator", "text", "whose error and weights are given: sdid, did or sc", "sdid"),
        Parameter("se_method", "text", "placebo, bootstrap, jackknife or none", "placebo"),
        Parameter("replications", "whole", "draws of it; 0 tries every donor once (for one treated unit)", 200),
        Parameter("seed", "whole", "of those draws", 0),
        Parameter("level", "number", "coverage of the interval, share", 0.95),
        Parameter("zeta", "number", "penalty on unequal unit weights; else the source's", optional=True),
        Parameter("solver", "text", "`frank_wolfe` stops where the authors' package does; `exact` goes on to the "
                  "minimum", "frank_wolfe"),
        Parameter("covariates", "texts", "columns whose part is taken out first (`projected` in Stata)", ()),
    ),
    (
        ("estimate", "mean effect on the treated over the periods after, in the outcome's unit, by `estimator`"),
        ("sdid, did, sc", "the same by each of the three"),
        ("se, placebo_se | bootstrap_se | jackknife_se, z, p, ci, ci_lower, ci_upper", "normal, at `level`"),
        ("unit_weights.UNIT, time_weights.PERIOD", "shares; of several dates under cohorts.PERIOD"),
        ("counterfactual.PERIOD, treated.PERIOD, gap.PERIOD", "by period"),
        ("zeta, noise, rmse_before, percent", "penalty, spread of steps, gap before, effect in percent"),
        ("cohorts.PERIOD.estimate, .units, …", "by first treated period"),
        ("treated_units, control_units, periods", "how many"),
    ),
    _compute,
)  # fmt: skip

METHODS: tuple[Method, ...] = (CALIBRATION, SYNTHETIC_CONTROL, SYNTHETIC_DID, RAW_VERSUS_SYNTHETIC)
"""Every method of this topic."""
