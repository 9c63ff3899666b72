"""Methods that cases may name for how far trends may bend before an effect is lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from catalog.errors import BadInput
from workbench.designs import smoothness
from workbench.designs.effects import Floats, plain
from workbench.verification.method import Inputs, Method, Parameter, Result, Results
from workbench.verification.two_way_methods import EVENT_PARAMETERS, event_study_of


def _smoothness(inputs: Inputs) -> Results:
    settings = inputs.settings
    estimates, covariance, before, periods = _coefficients(inputs)
    target = _target(inputs, len(estimates) - before, periods[before:])
    level = settings.number("level")

    def bound(bend: float) -> smoothness.SmoothnessBound:
        return smoothness.smoothness_bounds(estimates, covariance, before, [bend], target, level=level)[0]

    bounds = [bound(bend) for bend in settings.numbers("m")]
    weights = np.concatenate([np.zeros(before), target])
    effect, spread = float(weights @ estimates), float(np.sqrt(weights @ covariance @ weights))
    half = float(stats.norm.ppf((1 + level) / 2)) * spread
    results: dict[str, Result] = {
        "intervals": {f"{one.bend:g}": [one.low, one.high] for one in bounds},
        "low": [one.low for one in bounds], "high": [one.high for one in bounds],
        "center": [one.center for one in bounds], "estimate": effect, "se": spread,
        "original": [effect - half, effect + half], "vcov": covariance.tolist(), "coefficients": estimates.tolist(),
    }  # fmt: skip
    breakdown = _breakdown(bound, spread)
    return results if breakdown is None else {**results, "breakdown": breakdown}


def _breakdown(bound: Callable[[float], smoothness.SmoothnessBound], spread: float) -> float | None:
    """Return the bend at which the interval first holds zero; None where that of a straight line does already."""

    def clear(bend: float) -> float:
        found = bound(bend)
        return float(max(found.low, -found.high))

    if clear(0.0) <= 0:
        return None
    most = spread
    while clear(most) > 0:
        most *= 2
    return float(optimize.brentq(clear, 0.0, most, xtol=1e-7 * most))


def _coefficients(inputs: Inputs) -> tuple[Floats, Floats, int, tuple[float, ...]]:
    settings = inputs.settings
    if not settings.has("betahat"):
        found = event_study_of(inputs)
        return found.effects.estimates, found.effects.covariance, found.before, found.periods
    if not (settings.has("sigma") and settings.has("pre_periods")):
        raise BadInput(f"case {inputs.case_id!r}: `betahat` needs `sigma` and `pre_periods` beside it")
    estimates = np.asarray(settings.numbers("betahat"))
    # A list of rows, or all numbers in one list: the parameter's reader of texts gives either back.
    read = np.asarray([json.loads(row) for row in settings.texts("sigma")], np.float64)
    k = len(estimates)
    if read.size == k and read.ndim == 1:
        raise BadInput(f"case {inputs.case_id!r}: sigma has {k} numbers; it is the covariance, {k} × {k}")
    if read.size != k * k:
        raise BadInput(f"case {inputs.case_id!r}: sigma has {read.size} numbers; {k} coefficients need {k} × {k}")
    before = settings.whole("pre_periods")
    return estimates, read.reshape(k, k), before, tuple(float(step) for step in range(-before, k - before))


def _target(inputs: Inputs, after: int, periods: tuple[float, ...]) -> Floats:
    """Return the (after,) weights of the effects asked about."""
    settings = inputs.settings
    if settings.has("l_vec"):
        return np.asarray(settings.numbers("l_vec"))
    if settings.yes("average"):
        return np.full(after, 1 / after)
    if not settings.has("effect_period"):
        return np.asarray(np.eye(after)[0])
    asked = settings.number("effect_period")
    if asked not in periods:
        raise BadInput(
            f"case {inputs.case_id!r}: effect_period {plain(asked)} is not among "
            f"{', '.join(plain(period) for period in periods)}"
        )
    return np.asarray(np.eye(after)[periods.index(asked)])


SMOOTHNESS = Method(
    name="smoothness_bounds",
    words="Fixed-length intervals under bounded bends of the trend, ΔSD(M): Rambachan & Roth (2023, Review of "
    "Economic Studies), as the R package `HonestDiD`. From rows, by a two-way event study, or from coefficients.",
    parameters=(
        *EVENT_PARAMETERS,
        Parameter("m", "numbers", "bounds M to try, in the outcome's unit", default=(0.0,)),
        Parameter("betahat", "numbers", "coefficients, oldest first, the reference left out; instead of rows",
                  optional=True),
        Parameter("sigma", "numbers", "their covariance, a list of rows", optional=True),
        Parameter("pre_periods", "whole", "how many coefficients lie before the reference", optional=True),
        Parameter("l_vec", "numbers", "weights of the effects after the reference", optional=True),
        Parameter("effect_period", "number", "the period whose effect is asked about; the first after where not "
                  "given (with `betahat`: 0, 1, …)", optional=True),
        Parameter("average", "yes_no", "ask about the mean of the effects after", default=False),
    ),
    results=(
        ("intervals", "[low, high] by M"),
        ("low", "lower ends, in the order of `m`"),
        ("high", "upper ends"),
        ("center", "middles"),
        ("estimate", "the effect as estimated"),
        ("se", "its standard error"),
        ("original", "[low, high] with parallel trends"),
        ("breakdown", "M at which the interval first holds zero; absent where it does at 0"),
        ("coefficients", "of the event study"),
        ("vcov", "their covariance"),
    ),
    compute=_smoothness,
)  # fmt: skip
