"""The method of structural time series that cases may name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs.panel import Bools
from workbench.designs.state_space import Priors
from workbench.designs.structural import EffectSummary, StructuralEffect, structural_effect
from workbench.verification.method import Inputs, Method, Parameter, Result, Results


def named_columns(inputs: Inputs, name: str) -> tuple[str, ...]:
    """Return the columns that a parameter lists; none where it is left out.

    Raises
    ------
    BadInput
        When the rows lack one.
    """
    names = inputs.settings.texts(name) if inputs.settings.has(name) else ()
    known = [str(column) for column in inputs.frame().columns]
    for one in names:
        if one not in known:
            raise BadInput(f"case {inputs.case_id!r}: {name} names a column {one!r}; there are {', '.join(known)}")
    return names


def dates_of(inputs: Inputs, column: pd.Series) -> pd.Series:
    """Return a column as dates.

    Raises
    ------
    BadInput
        When it holds something else.
    """
    try:
        return pd.to_datetime(column, format="mixed")
    except (ValueError, TypeError) as wrong:
        raise BadInput(
            f"case {inputs.case_id!r}: {column.name} is neither of numbers nor of dates: {wrong}"
        ) from wrong


def date_of(inputs: Inputs, words: str) -> pd.Timestamp:
    """Return a date that a parameter gives.

    Raises
    ------
    BadInput
        When it is none.
    """
    try:
        return pd.Timestamp(words)
    except ValueError as wrong:
        raise BadInput(f"case {inputs.case_id!r}: {words!r} is no date; write it as 2020-03-01") from wrong


def _structural(inputs: Inputs) -> Results:
    settings, frame = inputs.settings, inputs.frame()
    index = inputs.column("index") if settings.has("index") else None
    if index:
        frame = frame.sort_values(index, kind="stable")
    outcome = inputs.column("outcome")
    before, after = _windows(inputs, frame[index] if index else pd.Series(np.arange(1, len(frame) + 1)))
    names = named_columns(inputs, "covariates") if settings.has("covariates") else tuple(
        str(name) for name in frame.columns
        if name not in (outcome, index) and pd.api.types.is_numeric_dtype(frame[name])
    )  # fmt: skip
    priors = Priors(
        level_sd=settings.number("prior_level_sd"), expected_size=settings.number("expected_size"),
        inclusion_ratio=settings.number("inclusion") if settings.has("inclusion") else None,
        expected_r2=settings.number("expected_r2"), noise_weight=settings.number("prior_df"),
    )  # fmt: skip
    found = structural_effect(
        frame[outcome].to_numpy(float), frame[list(names)].to_numpy(float), before, after,
        np.random.default_rng(settings.whole("seed")), priors=priors, draws=settings.whole("draws"),
        burn=settings.whole("burn"), trend=settings.yes("trend"), seasons=settings.whole("seasons"),
        level=settings.number("level"),
    )  # fmt: skip
    return _structural_results(found, names, before, after)


def _windows(inputs: Inputs, clock: pd.Series) -> tuple[Bools, Bools]:
    """Return the periods before and after; bounds count, and what is left out is the first, next or last row."""
    bounds = [_bound(inputs, *where) for where in (
        ("pre_start", "pre_period", 0), ("pre_end", "pre_period", 1), ("post_start", "post_period", 0),
        ("post_end", "post_period", 1),
    )]  # fmt: skip
    if pd.api.types.is_numeric_dtype(clock):
        times = clock.to_numpy(float)
        given = [None if one is None else _number(inputs, one) for one in bounds]
    else:
        dates = dates_of(inputs, clock)
        times = dates.astype("datetime64[ns]").astype("int64").to_numpy(float)
        given = [None if one is None else float(date_of(inputs, one).as_unit("ns").value) for one in bounds]
    pre_start, pre_end, post_start, post_end = given
    if pre_end is None and post_start is None:
        raise BadInput(f"case {inputs.case_id!r}: nothing says when it began; give pre_period and post_period")
    before = np.ones(len(times), bool) if pre_start is None else times >= pre_start
    before &= times <= pre_end if pre_end is not None else times < post_start
    after = times >= post_start if post_start is not None else times > pre_end
    if post_end is not None:
        after &= times <= post_end
    return before, after


def _number(inputs: Inputs, words: str) -> float:
    try:
        return float(words)
    except ValueError as wrong:
        raise BadInput(
            f"case {inputs.case_id!r}: {words!r} is no number, as the rows are; name the column of dates in index"
        ) from wrong


def _bound(inputs: Inputs, name: str, period: str, place: int) -> str | None:
    settings = inputs.settings
    if settings.has(name):
        return settings.text(name)
    if not settings.has(period):
        return None
    both = settings.texts(period)
    if len(both) != 2:
        raise BadInput(f"case {inputs.case_id!r}: {period} has {len(both)} bounds; it has a first and a last")
    return both[place]


def _structural_results(found: StructuralEffect, names: tuple[str, ...], before: Bools, after: Bools) -> Results:
    average = _summary(found.average)
    return {
        **average, "average": average, "cumulative": _summary(found.cumulative), "p": found.tail_p,
        "causal_probability": 1 - found.tail_p,
        "inclusion": dict(zip(names, found.included_ratio.tolist(), strict=True)),
        "coefficients": dict(zip(names, found.coefficients.tolist(), strict=True)),
        "level_sd": found.level_sd, "noise_sd": found.noise_sd, "effective_draws": found.effective_draws,
        "predictions": found.predicted.tolist(), "low": found.low.tolist(), "high": found.high.tolist(),
        "n_before": int(before.sum()), "n_after": int(after.sum()),
    }  # fmt: skip


def _summary(of: EffectSummary) -> dict[str, Result]:
    return {
        "actual": of.actual, "predicted": of.predicted, "predicted_sd": of.predicted_sd,
        "predicted_ci": list(of.predicted_interval), "effect": of.effect, "effect_sd": of.effect_sd,
        "effect_ci": list(of.effect_interval), "relative": of.relative, "relative_sd": of.relative_sd,
        "relative_ci": list(of.relative_interval), "drawn_relative": of.drawn_relative,
        "drawn_relative_sd": of.drawn_relative_sd, "drawn_relative_ci": list(of.drawn_relative_interval),
    }  # fmt: skip


_STRUCTURAL = Method(
    "bayesian_structural_time_series",
    "A wandering level and a spike-and-slab regression on untreated series foretell the periods after (Brodersen "
    "and others 2015, Ann Appl Stat 9, 247–274), with the priors of R's CausalImpact.",
    (
        Parameter("outcome", "text", "the column measured"),
        Parameter("index", "text", "the column of dates or numbers; by default rows are counted", optional=True),
        Parameter("pre_period", "texts", "first and last period to learn from, both counted", optional=True),
        Parameter("post_period", "texts", "first and last period compared, both counted", optional=True),
        Parameter("pre_start", "text", "the first of those to learn from; by default the first row", optional=True),
        Parameter("pre_end", "text", "the last of them", optional=True),
        Parameter("post_start", "text", "the first of those compared; by default the next", optional=True),
        Parameter("post_end", "text", "the last of them; by default the last row", optional=True),
        Parameter("covariates", "texts", "untreated series; by default all other numeric columns", optional=True),
        Parameter("seasons", "whole", "periods until seasons repeat; 1 for none", 1),
        Parameter("trend", "yes_no", "whether the level has a slope that wanders", False),
        Parameter("draws", "whole", "draws kept", 10_000),
        Parameter("burn", "whole", "draws before them that are not", 1_000),
        Parameter("seed", "whole", "of the draws", 1),
        Parameter("level", "number", "coverage of intervals, share", 0.95),
        Parameter("prior_level_sd", "number", "guess of the level's step, in deviations of the series", 0.01),
        Parameter("expected_size", "number", "expected number of coefficients that count", 3.0),
        Parameter("inclusion", "number", "chance of each to count, instead", optional=True),
        Parameter("expected_r2", "number", "share of variance the regression is expected to explain", 0.8),
        Parameter("prior_df", "number", "how many periods that expectation is worth", 50.0),
    ),
    (
        ("average, cumulative", "tables of the figures below, for the mean and for the sum of the periods after"),
        ("actual", "what happened; without a table's name, figures are of the average"),
        ("predicted, predicted_sd, predicted_ci", "what was foretold, its deviation and [low, high]"),
        ("effect, effect_sd, effect_ci", "actual less predicted"),
        ("relative, relative_sd, relative_ci", "effect over predicted, share (CausalImpact before 1.3)"),
        ("drawn_relative, drawn_relative_sd, drawn_relative_ci", "mean of effect over draw (CausalImpact 1.3 on)"),
        ("p, causal_probability", "one-sided tail area, and 1 less it"),
        ("inclusion, coefficients", "by covariate: share of draws in which it counts, and its mean, standardised"),
        ("level_sd, noise_sd", "posterior means, in units of the outcome"),
        ("predictions, low, high", "per period from the first before to the last after"),
        ("effective_draws, n_before, n_after", "independent draws they are worth; periods"),
    ),
    _structural,
)  # fmt: skip

METHODS: tuple[Method, ...] = (_STRUCTURAL,)
