"""Extended two-way fixed effects: a regression, linear or Poisson, with an effect for each cohort and period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.cohorts import Cells, StaggeredEffects, averages, clustered
from workbench.designs.differences import Family
from workbench.designs.effects import Bools, Floats
from workbench.designs.staggered import ControlGroup, prepared

LARGEST_CHANGE = 1e-10
"""Newton's steps end once the linear predictor moves by no more than this; double precision leaves room for it."""

MOST_STEPS = 100


def extended_two_way(
    rows: pd.DataFrame,
    outcome: str,
    unit: str,
    period: str,
    first_treated: str,
    *,
    covariates: Sequence[str] = (),
    family: Family = "poisson",
    control_group: ControlGroup = "not_yet_treated",
    cluster: str | None = None,
    scale: Literal["response", "link"] = "response",
    level: float = 0.95,
) -> StaggeredEffects:
    """Return the effects of Wooldridge (2023, *Econometrics Journal* 26; linear: 2021), as the R package `etwfe`.

    A pooled regression on cohorts and periods (and covariates, alone and times both) with an indicator for each
    treated cohort and period (and that times the covariates less their cohort's mean). An effect is the mean over
    a cell of what the model predicts less what it predicts without its treatment. With Poisson it is parallel in
    ratios what linear regression assumes parallel in differences, and nothing is assumed of the distribution.
    Errors are clustered, with `fixest`'s small-sample factors, and carried over by the delta method.

    Written here because `diff-diff` does not reproduce the published Poisson effects with covariates.

    Parameters
    ----------
    rows
        One row per unit and period.
    first_treated
        Column: first treated period of the unit; 0 (or missing, or infinite) for never.
    covariates
        Columns constant within a unit.
    control_group
        `never_treated` gives each cohort an effect in every period but its last before treatment.
    cluster
        Column to cluster by; None for the unit.
    scale
        Effects on the outcome, or (Poisson) on its logarithm.

    Raises
    ------
    BadInput
        When nobody becomes treated within the rows, there is no one to compare with, or Poisson is asked of
        negative outcomes.
    """
    rows = prepared(rows, unit, period, first_treated, never_needed=control_group == "never_treated")
    y = rows[outcome].to_numpy(np.float64)
    if family == "poisson" and (y < 0).any():
        raise BadInput(f"Poisson needs counts; {outcome!r} has {int((y < 0).sum())} rows below zero")
    design = _design(rows, period, first_treated, covariates, control_group)
    beta, fitted = _fit(design.x, y, family)
    clusters = pd.factorize(rows[cluster or unit])[0].astype(np.int64)
    covariance = _covariance(design.x, y - fitted, fitted if family == "poisson" else np.ones_like(y), clusters)
    ratio = family == "poisson" and scale == "response"
    estimates, slopes = _cell_effects(design, beta, ratio)
    cells = Cells(
        design.cohorts, design.periods, estimates, design.inside.sum(axis=0).astype(np.float64),
        slopes @ covariance @ slopes.T,
    )  # fmt: skip
    cohort = rows[first_treated].to_numpy()
    return averages(
        cells, units=int(rows[unit].nunique()), treated_units=int(rows[unit][cohort > 0].nunique()),
        observations=len(rows), level=level,
    )  # fmt: skip


@dataclass(frozen=True)
class _Design:
    x: Floats
    """(N, J) columns without any that others add up to."""
    effects: Bools
    """(J,) which columns switch treatment on."""
    inside: Bools
    """(N, K) which rows lie in which cell."""
    cohorts: Floats
    periods: Floats


def _design(
    rows: pd.DataFrame, period: str, first_treated: str, covariates: Sequence[str], control_group: ControlGroup
) -> _Design:
    cohort, time = rows[first_treated].to_numpy(np.float64), rows[period].to_numpy(np.float64)
    pairs = np.unique(np.column_stack([cohort, time])[cohort > 0], axis=0)
    # Where nobody is left to compare with, a cell and its period's effect cannot be told apart.
    comparable = np.asarray([((cohort == 0) | (cohort > t))[time == t].any() for _, t in pairs])
    if control_group == "never_treated":
        times = np.unique(time)
        last_before = times[np.searchsorted(times, pairs[:, 0]) - 1]
        pairs = pairs[comparable & (pairs[:, 1] != last_before)]
    else:
        pairs = pairs[comparable & (pairs[:, 1] >= pairs[:, 0])]
    inside = (cohort[:, None] == pairs[:, 0]) & (time[:, None] == pairs[:, 1])
    levels = [np.unique(cohort)[1:], np.unique(time)[1:]]
    base = np.hstack([(values[:, None] == found) for values, found in zip((cohort, time), levels, strict=True)])
    base = np.hstack([np.ones((len(rows), 1)), base.astype(np.float64)])
    parts, effects = [base], [np.zeros(base.shape[1], np.bool_)]
    switches = [inside.astype(np.float64)]
    for name in covariates:
        value = rows[name].to_numpy(np.float64)
        mean = pd.Series(value).groupby(cohort).transform("mean").to_numpy()
        parts.append(base * value[:, None])
        effects.append(np.zeros(base.shape[1], np.bool_))
        switches.append(inside * (value - mean)[:, None])
    x = np.hstack([*switches, *parts])
    on = np.concatenate([np.ones(sum(one.shape[1] for one in switches), np.bool_), *effects])
    kept = _independent(x)
    return _Design(x[:, kept], on[kept], inside, pairs[:, 0], pairs[:, 1])


def _independent(x: Floats) -> Bools:
    """Return which columns (J,) no earlier ones add up to."""
    scale = np.sqrt((x**2).sum(axis=0))
    triangle = np.linalg.qr(x / np.where(scale > 0, scale, 1.0), mode="r")
    return np.asarray(np.abs(np.diag(triangle)) > 1e-9)


def _fit(x: Floats, y: Floats, family: Family) -> tuple[Floats, Floats]:
    if family == "ols":
        beta = np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], np.float64)
        return beta, x @ beta
    eta = np.log(y + y.mean())
    beta = np.zeros(x.shape[1])
    for _ in range(MOST_STEPS):
        mean = np.exp(np.clip(eta, -30.0, 30.0))
        gram = (x * mean[:, None]).T @ x
        beta = np.linalg.lstsq(gram, x.T @ (mean * eta + y - mean), rcond=None)[0]
        moved = float(np.abs(x @ beta - eta).max())
        eta = x @ beta
        if moved < LARGEST_CHANGE:
            break
    return beta, np.exp(np.clip(eta, -30.0, 30.0))


def _covariance(x: Floats, residual: Floats, weight: Floats, clusters: NDArray[np.int64]) -> Floats:
    """Return (J, J) of the coefficients, clustered, with the factors of `fixest`."""
    bread = np.linalg.pinv((x * weight[:, None]).T @ x, hermitian=True)
    scores = clustered(x * residual[:, None], clusters)
    n, groups = len(x), len(scores)
    factor = (n - 1) / (n - x.shape[1]) * groups / (groups - 1)
    return np.asarray(factor * bread @ (scores.T @ scores) @ bread)


def _cell_effects(design: _Design, beta: Floats, ratio: bool) -> tuple[Floats, Floats]:
    """Return (K,) the effect in each cell and (K, J) its derivative by the coefficients."""
    without = np.where(design.effects, 0.0, design.x)
    if not ratio:
        slopes = np.array([(design.x - without)[rows].mean(axis=0) for rows in design.inside.T])
        return slopes @ beta, slopes
    on, off = np.exp(design.x @ beta), np.exp(without @ beta)
    change = design.x * on[:, None] - without * off[:, None]
    slopes = np.array([change[rows].mean(axis=0) for rows in design.inside.T])
    means = (on - off) @ design.inside / design.inside.sum(axis=0)
    return np.asarray(means, np.float64), slopes
