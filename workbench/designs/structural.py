"""What a structural time series says would have been, and how far what happened is from it.

Brodersen, Gallusser, Koehler, Remy and Scott (2015, Ann Appl Stat 9, 247–274): the series before is explained by
its own wandering level and by untreated series; what these foretell after is the counterfactual. Summaries are
those of the authors' R package CausalImpact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.errors import BadInput
from workbench.designs.panel import Bools, Floats
from workbench.designs.state_space import Draws, Priors, sample

LEAST_BEFORE = 3
"""Values before, at least; what R's CausalImpact demands. A study demands more."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class EffectSummary:
    """The periods after as one figure: their sum, or their mean."""

    actual: float
    predicted: float
    """What the model expects had nothing begun."""
    predicted_sd: float
    """Of the draws, noise of the single periods included."""
    predicted_interval: Interval
    effect: float
    """Actual less predicted."""
    effect_sd: float
    effect_interval: Interval
    relative: float
    """Effect over predicted, share; with its deviation and interval as CausalImpact before 1.3 gave them."""
    relative_sd: float
    relative_interval: Interval
    drawn_relative: float
    """Mean of effect over what was drawn, share; with its deviation and interval as CausalImpact since 1.3."""
    drawn_relative_sd: float
    drawn_relative_interval: Interval


@dataclass(frozen=True)
class StructuralEffect:
    """What happened against what the model foretold."""

    average: EffectSummary
    cumulative: EffectSummary
    tail_p: float
    """Share of draws at least as far out as what happened, on its side; one-sided."""
    level: float
    """Of all intervals."""
    predicted: Floats
    """(T,) expected in each period from the first before to the last after."""
    low: Floats
    """(T,)"""
    high: Floats
    """(T,)"""
    included_ratio: Floats
    """(K,) share of draws in which a control counts."""
    coefficients: Floats
    """(K,) mean coefficient, standard deviations of the outcome for one of the control."""
    level_sd: float
    """How far the level wanders in a period, in units of the outcome; posterior mean."""
    noise_sd: float
    """Posterior mean, in units of the outcome."""
    effective_draws: float
    """What the draws of the mean after are worth as independent ones."""
    may_vanish: bool
    """Whether a draw of the sum after is 0 or less, so that no ratio to it has bounds."""


def structural_effect(
    outcome: Floats,
    controls: Floats,
    before: Bools,
    after: Bools,
    rng: np.random.Generator,
    *,
    priors: Priors | None = None,
    draws: int = 10_000,
    burn: int = 1_000,
    trend: bool = False,
    seasons: int = 1,
    level: float = 0.95,
) -> StructuralEffect:
    """Foretell the periods after from those before and from the controls.

    Parameters
    ----------
    outcome
        (T,) NaN where there is no value.
    controls
        (T, K) series that nothing changed; K may be 0.
    before, after
        (T,) periods to learn from, and to compare. Periods between are foretold, but not compared.
    trend
        Whether the level has a slope that wanders.
    seasons
        Periods until seasons repeat; 1 for none.

    Raises
    ------
    BadInput
        When the series cannot be learnt from: too short, constant, or a control with gaps.
    """
    first, turn, end = _spans(before, after)
    outcome, controls = outcome[first:end], np.asarray(controls, float)[first:end]
    learn = np.where(before[first:turn], outcome[: turn - first], np.nan)
    _check(learn, controls, draws)
    center, scale = float(np.nanmean(learn)), float(np.nanstd(learn, ddof=1))
    columns = _standardised(controls, np.isfinite(learn))
    found = sample(
        (learn - center) / scale, columns[: len(learn)], columns[len(learn) :], rng, priors=priors or Priors(),
        draws=draws, burn=burn, trend=trend, seasons=seasons,
    )  # fmt: skip
    return _summarised(outcome, after[turn:end], found, center, scale, rng, level)


def _spans(before: Bools, after: Bools) -> tuple[int, int, int]:
    """Return the first period before, the one past the last before, and the one past the last after."""
    if not before.any() or not after.any():
        raise BadInput(f"{before.sum()} periods before and {after.sum()} after; both are needed")
    first, turn = int(np.flatnonzero(before)[0]), int(np.flatnonzero(before)[-1]) + 1
    if np.flatnonzero(after)[0] < turn:
        raise BadInput("a period after stands before the last of those before; give spans that do not overlap")
    return first, turn, int(np.flatnonzero(after)[-1]) + 1


def _check(learn: Floats, controls: Floats, draws: int) -> None:
    known = learn[np.isfinite(learn)]
    if len(known) < LEAST_BEFORE:
        raise BadInput(f"{len(known)} values before; it takes {LEAST_BEFORE} at least")
    if np.ptp(known) == 0:
        raise BadInput(f"the series is {known[0]:g} in every period before; nothing can be learnt from a constant")
    if not np.isfinite(controls).all():
        raise BadInput("a control has gaps; fill them or leave it out")
    still = np.flatnonzero(np.ptp(controls[: len(learn)][np.isfinite(learn)], axis=0) == 0)
    if len(still):
        raise BadInput(f"control {still[0] + 1} is the same in every period before and foretells nothing; drop it")
    if draws < 100:
        raise BadInput(f"{draws} draws; intervals take 100 at least, and 1000 to be steady")


def _standardised(controls: Floats, learnt: Bools) -> Floats:
    """Return (T, K + 1) an intercept and the controls by mean and deviation before; none where there are none."""
    if controls.shape[1] == 0:
        return controls
    known = controls[: len(learnt)][learnt]
    return np.column_stack([np.ones(len(controls)), (controls - known.mean(axis=0)) / known.std(axis=0, ddof=1)])


def _summarised(
    outcome: Floats, compared: Bools, found: Draws, center: float, scale: float, rng: np.random.Generator,
    level: float,
) -> StructuralEffect:  # fmt: skip
    expected = np.concatenate([found.fitted, found.ahead], axis=1) * scale + center
    drawn = expected + rng.standard_normal(expected.shape) * (found.noise_sd[:, None] * scale)
    tails = (0.5 - level / 2, 0.5 + level / 2)
    low, high = np.quantile(drawn, tails, axis=0)
    after = np.flatnonzero(np.concatenate([np.zeros(found.fitted.shape[1], bool), compared]))
    after = after[np.isfinite(outcome[after])]
    if not len(after):
        raise BadInput("no period after has a value; give some")
    sums, actual = drawn[:, after].sum(axis=1), float(outcome[after].sum())
    middle = float(expected[:, after].sum(axis=1).mean())
    above, below = int((sums >= actual).sum()), int((sums <= actual).sum())
    coefficients = found.coefficients[:, 1:]
    return StructuralEffect(
        _summary(actual / len(after), middle / len(after), sums / len(after), tails),
        _summary(actual, middle, sums, tails),
        # What happened counts as one of the draws, so that p is never 0.
        (1 + min(above, below)) / (1 + len(sums)), level, expected.mean(axis=0), low, high,
        (coefficients != 0).mean(axis=0), coefficients.mean(axis=0), float(found.level_sd.mean() * scale),
        float(found.noise_sd.mean() * scale), effective_draws(expected[:, after].mean(axis=1)),
        bool((sums <= 0).any()),
    )  # fmt: skip


def _summary(actual: float, predicted: float, drawn: Floats, tails: tuple[float, float]) -> EffectSummary:
    def interval(values: Floats) -> Interval:
        low, high = np.quantile(values, tails)
        return float(low), float(high)

    effects, sd = actual - drawn, float(drawn.std(ddof=1))
    low, high = interval(effects)
    # A ratio to a draw of 0 has no value; `may_vanish` says so.
    ratios = effects / np.where(drawn == 0, np.nan, drawn)
    effect = actual - predicted
    return EffectSummary(
        actual, predicted, sd, interval(drawn), effect, sd, (low, high), effect / predicted, sd / abs(predicted),
        (min(low / predicted, high / predicted), max(low / predicted, high / predicted)), float(ratios.mean()),
        float(ratios.std(ddof=1)), interval(ratios),
    )  # fmt: skip


def effective_draws(chain: Floats) -> float:
    """Return how many independent draws a chain (D,) is worth.

    Autocorrelations are summed in pairs until one is negative (Geyer 1992, Statistical Science 7, 473–483).
    """
    centred = chain - chain.mean()
    size = len(chain)
    spectrum = np.fft.rfft(centred, 2 * size)
    autocovariance = np.fft.irfft(spectrum * spectrum.conj())[:size]
    if autocovariance[0] <= 0:
        return float(size)
    pairs = autocovariance[: size // 2 * 2].reshape(-1, 2).sum(axis=1) / autocovariance[0]
    negative = np.flatnonzero(pairs <= 0)
    kept = pairs[: negative[0]] if len(negative) else pairs
    return float(min(size, size / max(2 * kept.sum() - 1, 1e-9)))
