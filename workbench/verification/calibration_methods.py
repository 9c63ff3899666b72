"""Calibration synthetic control as a method that cases may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.calibration import Distance, Weighting, calibrate
from workbench.designs.weighted_contrast import Contrast, Variance, contrast
from workbench.verification.method import Inputs, Method, Parameter, Result, Results, Settings
from workbench.verification.unit_table import UnitTable

Floats = NDArray[np.float64]

_DISTANCES: Mapping[str, Distance] = {"linear": "linear", "raking": "raking"}

_ERRORS: tuple[tuple[str, Variance], ...] = (
    ("lin", "linearised"), ("clustered", "clustered"), ("residual", "residual"),
)  # fmt: skip


@dataclass(frozen=True)
class _Design:
    """Who is treated, what is matched, and when outcomes count."""

    table: UnitTable
    treated: NDArray[np.bool_]
    matched: Floats
    """(N, K)"""
    names: tuple[str, ...]
    after: NDArray[np.bool_]
    """(T,)"""
    start: float
    distance: Distance

    def weighting(self, treated: NDArray[np.bool_], among: NDArray[np.bool_]) -> Weighting:
        """Weight the units of `among` that are not treated."""
        donors = among & ~treated
        start = np.full(int(donors.sum()), self.start if self.start > 0 else treated.sum() / donors.sum())
        totals = self.matched[treated].sum(axis=0)
        return calibrate(self.matched[donors], totals, start, distance=self.distance)


def _design(inputs: Inputs) -> _Design:
    settings, table = inputs.settings, UnitTable.of(inputs)
    first = table.first_treated(inputs.column("treated"))
    treated = first < len(table.periods)
    # Where the treatment's column is 1 in every period it says who, and `last_before` says when.
    began = table.periods[int(first[treated].min())]
    last_before = settings.number("last_before") if settings.has("last_before") else None
    if last_before is None:
        if int(first[treated].min()) == 0:
            raise BadInput(
                f"case {inputs.case_id!r}: units are treated from the first period on; give `last_before`"
            )
        last_before = max(period for period in table.periods if period < began)
    low = settings.number("match_from") if settings.has("match_from") else -np.inf
    high = settings.number("match_to") if settings.has("match_to") else last_before
    before = table.span(low, high)
    after = table.span(
        settings.number("post_from") if settings.has("post_from") else np.nextafter(last_before, np.inf),
        settings.number("post_to") if settings.has("post_to") else np.inf,
    )
    if not after.any():
        raise BadInput(f"case {inputs.case_id!r}: no period is after {last_before:g}")
    names, matched = _matched(inputs, table, before)
    start = settings.number("start_weight") if settings.has("start_weight") else 0.0
    distance = settings.text("distance")
    if distance not in _DISTANCES:
        raise BadInput(f"case {inputs.case_id!r}: distance is {distance!r}; it is linear or raking")
    return _Design(table, treated, matched, names, after, start, _DISTANCES[distance])


def _matched(inputs: Inputs, table: UnitTable, before: NDArray[np.bool_]) -> tuple[tuple[str, ...], Floats]:
    settings = inputs.settings
    names, columns = [], []
    if settings.yes("match_count"):
        names.append("units")
        columns.append(np.ones(len(table.units)))
    for column in settings.texts("match_covariates"):
        values = table.values(column)
        known = ~np.isnan(values)
        if not known.any(axis=1).all():
            lacking = table.units[int((~known.any(axis=1)).argmax())]
            raise BadInput(f"case {inputs.case_id!r}: {column!r} of {lacking} is unknown in every period")
        names.append(column)
        columns.append(values[np.arange(len(values)), known.argmax(axis=1)])
    periods, length = np.flatnonzero(before), settings.whole("match_every")
    for column in settings.texts("match_outcomes") or _outcomes(settings):
        values = table.complete(column)
        # Blocks end with the last period matched; periods left over at the beginning are not matched.
        for last in range(len(periods), length - 1, -length):
            block = periods[last - length : last]
            names.append(f"{column} {table.period_names[block[0]]}")
            columns.append(values[:, block].sum(axis=1))
    if not columns:
        raise BadInput(f"case {inputs.case_id!r}: nothing is matched; give match_outcomes or match_covariates")
    return tuple(names), np.column_stack(columns)


def _outcomes(settings: Settings) -> tuple[str, ...]:
    return settings.texts("outcomes") or ((settings.text("outcome"),) if settings.has("outcome") else ())


def _compute(inputs: Inputs) -> Results:
    settings, design = inputs.settings, _design(inputs)
    outcomes = _outcomes(settings)
    if not outcomes:
        raise BadInput(f"case {inputs.case_id!r}: give the outcomes to be compared, `outcomes = [..]`")
    everyone = np.ones(len(design.treated), bool)
    weighting = design.weighting(design.treated, everyone)
    worst = int(np.abs(weighting.miss).argmax())
    said: dict[str, Result] = {
        "balanced": weighting.balanced, "effective_donors": weighting.effective_donors,
        "largest_weight": float(weighting.weights.max()), "largest_share": weighting.largest_ratio,
        "weight_sum": float(weighting.weights.sum()), "treated_units": int(design.treated.sum()),
        "control_units": int((~design.treated).sum()), "donors_used": int((weighting.weights > 0).sum()),
        "constraints": len(design.names), "largest_miss": float(abs(weighting.miss[worst])),
        "worst_matched": design.names[worst],
    }  # fmt: skip
    if not weighting.balanced:
        refused = (
            f"no weights balance {len(design.names)} totals; {design.names[worst]!r} is the furthest off; "
            f"{weighting.effective_donors:.1f} effective donors, largest share {weighting.largest_ratio:.2f}"
        )
        return {"refused": refused, **said}
    return {**_by_outcome(inputs, design, weighting, outcomes), **said}


def _by_outcome(inputs: Inputs, design: _Design, weighting: Weighting, outcomes: tuple[str, ...]) -> Results:
    settings = inputs.settings
    weights = np.ones(len(design.treated))
    weights[~design.treated] = weighting.weights
    level, count = settings.number("level"), settings.whole("permutations")
    after = {outcome: design.table.complete(outcome)[:, design.after] for outcome in outcomes}
    permuted = _permuted(design, after, count, settings.whole("seed")) if count else {}
    found: dict[str, Result] = {}
    for outcome, values in after.items():
        contrasts = {
            name: contrast(values, design.treated, weights, kind, design.matched)
            for name, kind in _ERRORS
        }  # fmt: skip
        said = _described(contrasts, level, settings.text("variance"), inputs.case_id)
        if outcome in permuted:
            said |= _ranked(contrasts["lin"].ratio, permuted[outcome])
        found[outcome] = said
    return found


def _described(contrasts: Mapping[str, Contrast], level: float, variance: str, case_id: str) -> dict[str, Result]:
    any_one = contrasts["lin"]
    said: dict[str, Result] = {
        "trt": any_one.treated_count, "con": any_one.expected_count, "pct": any_one.ratio,
        "percent": 100 * any_one.ratio, "difference": any_one.treated_count - any_one.expected_count,
        "log_ratio": float(np.log1p(any_one.ratio)) if any_one.treated_count > 0 else float("-inf"),
    }  # fmt: skip
    chosen = {kind: name for name, kind in _ERRORS}
    if variance not in chosen:
        raise BadInput(f"case {case_id!r}: variance is {variance!r}; it is one of {', '.join(chosen)}")
    for name, one in contrasts.items():
        low, high = one.interval(level)
        own: dict[str, Result] = {
            "se": one.log_error, "z": one.z, "p_lower": one.p_lower, "p_upper": one.p_upper, "p_both": one.p_both,
            "ci": [low, high], "ci_lower": low, "ci_upper": high, f"ci{round(100 * level):d}": [low, high],
        }  # fmt: skip
        said |= {f"{name}_{key}": value for key, value in own.items()}
        if name == chosen[variance]:
            said |= own
    return said


def _permuted(design: _Design, after: Mapping[str, Floats], count: int, seed: int) -> Mapping[str, Floats]:
    """Return the ratios of random sets of control units, weighted again; those without a balance are left out."""
    rng, controls = np.random.default_rng(seed), np.flatnonzero(~design.treated)
    found: dict[str, list[float]] = {outcome: [] for outcome in after}
    for _ in range(count):
        pretended = np.zeros(len(design.treated), bool)
        pretended[rng.choice(controls, int(design.treated.sum()), replace=False)] = True
        weighting = design.weighting(pretended, ~design.treated)
        if weighting.balanced:
            donors = ~design.treated & ~pretended
            for outcome, values in after.items():
                expected = float(weighting.weights @ values[donors].sum(axis=1))
                found[outcome].append(float(values[pretended].sum()) / expected - 1 if expected > 0 else np.inf)
    return {outcome: np.array(ratios) for outcome, ratios in found.items()}


def _ranked(observed: float, draws: Floats) -> dict[str, Result]:
    with np.errstate(divide="ignore"):
        sizes = np.abs(np.log1p(draws))
    whole = len(draws) + 1
    return {
        "perm_p_lower": (1 + int((draws <= observed).sum())) / whole,
        "perm_p_upper": (1 + int((draws >= observed).sum())) / whole,
        "perm_p_both": (1 + int((sizes >= abs(np.log1p(observed))).sum())) / whole,
        "perm_draws": len(draws),
    }


_NUMBER: Literal["number"] = "number"

CALIBRATION = Method(
    "calibration_synthetic_control",
    "Weights control units, none below zero, so that their totals are exactly the treated units' on everything "
    "matched, and compares the sums after (Robbins, Saunders and Kilmer 2017, JASA; R `microsynth`).",
    (
        Parameter("unit", "text", "column that says which unit"),
        Parameter("period", "text", "column of the period, a number"),
        Parameter("treated", "text", "column that is 1 for treated units, in all periods or once treated"),
        Parameter("outcomes", "texts", "columns to be compared after", ()),
        Parameter("outcome", "text", "the same where it is one", optional=True),
        Parameter("match_outcomes", "texts", "columns matched in each block before; else the outcomes", ()),
        Parameter("match_covariates", "texts", "columns matched once, by each unit's first known value", ()),
        Parameter("match_count", "yes_no", "whether the weights sum to the number of treated units", True),
        Parameter("match_every", "whole", "periods a block, counted back from the last matched", 1),
        Parameter("match_from", _NUMBER, "first period matched; else the first", optional=True),
        Parameter("match_to", _NUMBER, "last period matched; else the last before", optional=True),
        Parameter("last_before", _NUMBER, "last period before; else that before the first 1", optional=True),
        Parameter("post_from", _NUMBER, "first period compared; else the first after", optional=True),
        Parameter("post_to", _NUMBER, "last period compared; else the last", optional=True),
        Parameter("start_weight", _NUMBER, "where weights start; else treated over control units", optional=True),
        Parameter("distance", "text", "`linear` (squared, cut at zero) or `raking` (entropy)", "linear"),
        Parameter("variance", "text", "whose figures bear no prefix: linearised, clustered or residual",
                  "linearised"),
        Parameter("level", _NUMBER, "coverage of the intervals, share", 0.9),
        Parameter("permutations", "whole", "random sets of control units to rank the change among", 0),
        Parameter("seed", "whole", "of those sets", 0),
    ),
    (
        ("OUTCOME.trt", "sum over the treated units and periods after"),
        ("OUTCOME.con", "weighted sum over the control units"),
        ("OUTCOME.pct", "trt / con − 1, share; `percent` the same in percent, `log_ratio` its logarithm"),
        ("OUTCOME.difference", "trt − con"),
        ("OUTCOME.lin_se, lin_z, lin_p_lower, lin_p_upper, lin_p_both, lin_ci, lin_ci90, lin_ci_lower, …_upper",
         "standard error of the log ratio, z of the difference, p of a fall, of a rise, of either, interval of pct "
         "at `level` (the number in ci90 is the level); clustered_… and residual_… likewise; without a prefix as "
         "`variance` says"),
        ("OUTCOME.perm_p_lower, perm_p_upper, perm_p_both, perm_draws", "rank among permutations, where asked for"),
        ("balanced, largest_miss, worst_matched, constraints", "whether all totals are met, and the worst of them"),
        ("refused", "why there is no answer, where the totals cannot be met"),
        ("effective_donors, largest_weight, largest_share, weight_sum, donors_used", "what it rests on"),
        ("treated_units, control_units", "how many"),
    ),
    _compute,
)  # fmt: skip
