"""What a study could see at all, found before its results are shown."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from workbench.impact.findings import Power
from workbench.impact.panel import Bools, Floats, Panel

METHOD = "change against control places"

DRAWS = 400
"""Sets of places without cameras that show how much change there is by itself."""

NEIGHBOURS = 20
"""Each place with cameras is stood for by one of so many control places nearest to it in earlier incidents."""

MIN_CONTROLS = 20
"""Below so many controls their own changes say little; the Poisson formula with overdispersion is used instead."""

SMALLEST_SPREAD = 1e-6
"""Held above this: a spread of nothing would make everything detectable."""

CURVE = tuple(round(-0.05 * step, 2) for step in range(19, -1, -1))
"""Changes at which the chance of finding them is stated, share."""


def power_of(panel: Panel, *, level: float = 0.95, power: float = 0.8, seed: int = 0, draws: int = DRAWS) -> Power:
    """Return the least fall that a comparison with the control places would find.

    How much the ratio of change (treated over control) varies by itself is taken from sets of control places that
    had as many incidents before as the treated ones: nothing of the treated places after activation is looked at.
    The least detectable change is exp(−(z_{1−α/2} + z_{power}) · s) − 1, s the standard deviation of the log ratio
    (Bloom 1995, Evaluation Review 19; for counts and randomised places as in Piza & Carter 2018). With few control
    places s is the Poisson formula √(φ·Σ 1/count) with the overdispersion φ of the periods before.

    Parameters
    ----------
    panel
        Needs at least one period before and one after the first activation.
    """
    before, after = panel.before, ~panel.before
    earlier, later = _alike(panel.counts, before, after)
    baseline = float(earlier[panel.treated].sum())
    spread = _spread(panel, earlier, later, seed, draws)
    reach = float(norm.ppf(0.5 + level / 2) + norm.ppf(power))
    least = float(np.expm1(-reach * spread))
    seen = baseline > 0 and np.isfinite(spread)
    curve = tuple((change, _chance(change, spread, level)) for change in CURVE)
    return Power(panel.outcome, METHOD, baseline, least if seen else None, power, level, curve)


def _alike(counts: Floats, before: Bools, after: Bools) -> tuple[Floats, Floats]:
    """Return (P,) incidents before and after, the one before scaled to a span as long as that after."""
    scale = after.sum() / max(before.sum(), 1)
    return counts[:, before].sum(axis=1) * scale, counts[:, after].sum(axis=1)


def _spread(panel: Panel, earlier: Floats, later: Floats, seed: int, draws: int) -> float:
    """Return the standard deviation of the log ratio of change when nothing was done."""
    control = np.flatnonzero(panel.control)
    if len(control) < MIN_CONTROLS:
        return _poisson_spread(panel, earlier)
    rng = np.random.default_rng(seed)
    order = control[np.argsort(earlier[control], kind="stable")]
    at = np.searchsorted(earlier[order], earlier[panel.treated])
    reach = min(NEIGHBOURS, len(order))
    first = np.clip(at - reach // 2, 0, len(order) - reach)
    picks = order[first[None, :] + rng.integers(0, reach, (draws, len(first)))]
    rest_before, rest_after = earlier[control].sum(), later[control].sum()
    # Half an incident keeps a set without any from being infinitely far off (Haldane 1956).
    change = np.log(later[picks].sum(axis=1) + 0.5) - np.log(earlier[picks].sum(axis=1) + 0.5)
    if rest_before <= 0 or rest_after <= 0:
        return _poisson_spread(panel, earlier)
    return max(float(np.std(change - np.log(rest_after / rest_before))), SMALLEST_SPREAD)


def _poisson_spread(panel: Panel, earlier: Floats) -> float:
    treated, control = earlier[panel.treated].sum(), earlier[panel.control].sum()
    if treated <= 0:
        return float("inf")
    shares = 2 / treated + (2 / control if control > 0 else 0.0)
    return max(float(np.sqrt(overdispersion(panel.counts[:, panel.before]) * shares)), SMALLEST_SPREAD)


def overdispersion(counts: Floats) -> float:
    """Return the Pearson dispersion of (P, T) counts around place × period means, at least 1.

    The means are those of independent rows and columns, so that neither places of different size nor a common
    season count as dispersion.
    """
    total = counts.sum()
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if total <= 0 or freedom <= 0:
        return 1.0
    mean = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    seen = mean > 0
    return max(1.0, float((((counts - mean) ** 2)[seen] / mean[seen]).sum() / freedom))


def _chance(change: float, spread: float, level: float) -> float:
    """Return the chance that a change is found, either way, at a two-sided level."""
    if not np.isfinite(spread):
        return 1 - level
    reach, shift = float(norm.ppf(0.5 + level / 2)), float(-np.log1p(change)) / spread
    return float(norm.sf(reach - shift) + norm.cdf(-reach - shift))
