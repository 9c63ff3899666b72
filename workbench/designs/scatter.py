"""How far counts scatter beyond Poisson's: from period to period, and from the time before to the time after."""

from __future__ import annotations

import numpy as np

from workbench.designs.area_tests import pearson_dispersion
from workbench.designs.panel import Panel

LEAST_SCATTER_PERIODS = 6
"""With fewer periods before, a dispersion is a guess: its own relative error is above 60 %."""

MIN_CONTROLS = 20
"""Below so many controls their own changes say little."""


def panel_dispersion(panel: Panel) -> float:
    """Return variance over mean of the counts, at least 1; NaN where it cannot be told.

    The largest of three: places of treated and control areas against their own shares, and the two areas as wholes
    against each other, both from period to period before the cameras; and control places from before to after. The
    first sees a place that flares up on its own, the second what many places share, the third places that go their
    own ways over years, of which months in a row say nothing.
    """
    before = panel.counts[:, panel.before]
    if before.shape[1] < LEAST_SCATTER_PERIODS:
        return float("nan")
    treated, control = before[panel.treated], before[panel.control]
    kinds = [pearson_dispersion(np.vstack([treated, control])), change_dispersion(panel)]
    if len(control):
        kinds.append(pearson_dispersion(np.vstack([treated.sum(axis=0), control.sum(axis=0)])))
    found = [kind for kind in kinds if np.isfinite(kind)]
    return max(1.0, *found) if found else float("nan")


def change_dispersion(panel: Panel) -> float:
    """Return φ of the treated places' change if they go their own ways as control places do; NaN where none say.

    A control with b incidents before and a after, ρ times as many in all controls, has r = a − ρ·b of variance
    ρ·(a + b) by chance, and σ² times the square of what was expected of it after, if places change by factors of
    their own whose variance is σ². That is found by moments, as for the negative binomial (Breslow 1984, *Applied
    Statistics* 33, 38–44), and put to the treated places' sizes. Nothing of theirs after activation is looked at.
    """
    control = panel.counts[panel.control]
    before, after = control[:, panel.before].sum(axis=1), control[:, ~panel.before].sum(axis=1)
    treated = panel.counts[panel.treated][:, panel.before].sum(axis=1)
    if len(control) < MIN_CONTROLS or not before.sum() or not after.sum() or not treated.sum():
        return float("nan")
    change, size = float(after.sum() / before.sum()), before + after
    # Of a Poisson count n, n² − n is the unbiased estimate of its mean squared.
    expected_squares = (change / (1 + change)) ** 2 * float((size**2 - size).sum())
    if expected_squares <= 0:
        return float("nan")
    own = float(((after - change * before) ** 2 - change * size).sum()) / expected_squares
    excess = own * change * float((treated**2 - treated).sum()) / ((1 + change) * float(treated.sum()))
    return max(1.0, 1.0 + excess)


def at_least_poisson(dispersion: float) -> float:
    """Return a dispersion, 1 where it is below that or cannot be told."""
    return max(dispersion, 1.0) if np.isfinite(dispersion) else 1.0
