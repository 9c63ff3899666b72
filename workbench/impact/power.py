"""What a study could see at all, found before its results are shown."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from workbench.designs.area_tests import pearson_dispersion
from workbench.designs.findings import Power
from workbench.designs.panel import Floats, Panel

METHOD = "change against control places"

NEIGHBOURS = 20
"""Each place with cameras is stood for by so many control places nearest to it in size."""

MIN_CONTROLS = 20
"""Below so many controls their own changes say little; the dispersion of the periods before is used instead."""

CURVE = tuple(round(-0.05 * step, 2) for step in range(19, -1, -1))
"""Changes at which the chance of finding them is stated, share."""


def power_of(panel: Panel, *, level: float = 0.95, power: float = 0.8) -> Power:
    """Return the least fall that a comparison with the control places would find.

    It is exp(−(z_{1−α/2} + z_{power}) · s) − 1 (Bloom 1995, *Evaluation Review* 19), s the standard error of the
    log ratio of change, √(φ·Σ 1/count) over the four counts that there would be if nothing changed. φ says how much
    control places of the treated ones' size changed beyond Poisson: Σ r² / Σ Var r with r = after − ρ·before and ρ
    the change of all of them. Nothing of the treated places after activation is looked at.

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
    return float(np.sqrt(_dispersion(panel, earlier, later, change) * shares))


def _dispersion(panel: Panel, earlier: Floats, later: Floats, change: float) -> float:
    """Return φ, at least 1, of control places as large as the treated ones."""
    control = np.flatnonzero(panel.control)
    if len(control) < MIN_CONTROLS:
        return overdispersion(panel.counts[:, panel.before])
    # By both spans together: by the earlier alone those picked would be those that then fell back.
    size = earlier + later
    order = control[np.argsort(size[control], kind="stable")]
    at = np.searchsorted(size[order], earlier[panel.treated] * (1 + change))
    reach = min(NEIGHBOURS, len(order))
    first = np.clip(at - reach // 2, 0, len(order) - reach)
    near = order[first[:, None] + np.arange(reach)]
    residual, expected = (later - change * earlier)[near], change * size[near]
    return max(1.0, float((residual**2).sum() / expected.sum())) if expected.sum() > 0 else 1.0


def overdispersion(counts: Floats) -> float:
    """Return the Pearson dispersion of (P, T) counts, at least 1; 1 where nothing is left to tell."""
    found = pearson_dispersion(counts)
    return max(1.0, found) if np.isfinite(found) else 1.0


def _chance(change: float, error: float, level: float) -> float:
    """Return the chance that a change is found, either way, at a two-sided level."""
    if not np.isfinite(error):
        return 1 - level
    reach, shift = float(norm.ppf(0.5 + level / 2)), float(-np.log1p(change)) / error
    return float(norm.sf(reach - shift) + norm.cdf(-reach - shift))
