"""What a study could see at all, found before its results are shown."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from workbench.designs.area_tests import pearson_dispersion
from workbench.designs.findings import Power
from workbench.designs.panel import Floats, Panel
from workbench.designs.scatter import at_least_poisson, change_dispersion

METHOD = "change against control places"

CURVE = tuple(round(-0.05 * step, 2) for step in range(19, -1, -1))
"""Changes at which the chance of finding them is stated, share."""


def power_of(panel: Panel, *, level: float = 0.95, power: float = 0.8) -> Power:
    """Return the least fall that a comparison with the control places would find.

    It is exp(−(z_{1−α/2} + z_{power}) · s) − 1 (Bloom 1995, *Evaluation Review* 19), s the standard error of the
    log ratio of change, √(φ·Σ 1/count) over the four counts that there would be if nothing changed. φ says how much
    control places changed beyond Poisson (`change_dispersion`). Nothing of the treated places after activation is
    looked at.

    Parameters
    ----------
    panel
        Needs at least one period before and one after the first activation.
    """
    before, after = panel.before, ~panel.before
    earlier, later = panel.counts[:, before].sum(axis=1), panel.counts[:, after].sum(axis=1)
    baseline = float(earlier[panel.treated].sum() * after.sum() / max(before.sum(), 1))
    error = _standard_error(panel, earlier, later)
    least = None if not np.isfinite(error) else float(np.expm1(-_reach(level, power) * error))
    curve = tuple((change, _chance(change, error, level)) for change in CURVE)
    return Power(panel.outcome, METHOD, baseline, least, power, level, curve)


def _reach(level: float, power: float) -> float:
    return float(norm.ppf(0.5 + level / 2) + norm.ppf(power))


def _standard_error(panel: Panel, earlier: Floats, later: Floats) -> float:
    """Return the standard error of the log ratio of change were nothing changed; infinite where it has none."""
    rest_before, rest_after = earlier[panel.control].sum(), later[panel.control].sum()
    treated = float(earlier[panel.treated].sum())
    if treated <= 0 or rest_before <= 0 or rest_after <= 0:
        return float("inf")
    change = rest_after / rest_before
    shares = 1 / treated + 1 / (change * treated) + 1 / rest_before + 1 / rest_after
    return float(np.sqrt(_dispersion(panel) * shares))


def _dispersion(panel: Panel) -> float:
    """Return φ, at least 1: of control places from before to after, else of the periods before."""
    found = change_dispersion(panel)
    return found if np.isfinite(found) else overdispersion(panel.counts[:, panel.before])


def overdispersion(counts: Floats) -> float:
    """Return the Pearson dispersion of (P, T) counts, at least 1; 1 where nothing is left to tell."""
    return at_least_poisson(pearson_dispersion(counts))


def _chance(change: float, error: float, level: float) -> float:
    """Return the chance that a change is found, either way, at a two-sided level."""
    if not np.isfinite(error):
        return 1 - level
    reach, shift = float(norm.ppf(0.5 + level / 2)), float(-np.log1p(change)) / error
    return float(norm.sf(reach - shift) + norm.cdf(-reach - shift))
