"""Synthetic control: one treated unit against a mix of donors that was like it before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from workbench.designs.simplex import nearest_mix

Floats = NDArray[np.float64]

Start = Literal["equal", "regression"]
"""Where a search for the predictors' importance begins: all alike, or by how well each predicts the outcome."""

Optimizer = Literal["nelder_mead", "bfgs", "powell"]

_SCIPY_NAMES: Mapping[Optimizer, Literal["Nelder-Mead", "L-BFGS-B", "Powell"]] = {
    "nelder_mead": "Nelder-Mead", "bfgs": "L-BFGS-B", "powell": "Powell",
}  # fmt: skip

_STEPS = 1000
"""Most steps of one search for the predictors' importance."""


@dataclass(frozen=True)
class Setting:
    """One treated unit and its donors."""

    treated: Floats
    """(T,) outcome of the treated unit."""
    donors: Floats
    """(T, N) outcome of each donor."""
    before: NDArray[np.bool_]
    """(T,) periods before the treatment."""
    fitted: NDArray[np.bool_]
    """(T,) periods whose outcomes the predictors' importance is chosen on; among those before."""
    treated_predictors: Floats
    """(K,) empty to match the outcomes before themselves."""
    donor_predictors: Floats
    """(K, N)"""


@dataclass(frozen=True)
class Search:
    """How the predictors' importance is sought."""

    starts: tuple[Start, ...] = ("equal", "regression")
    optimizers: tuple[Optimizer, ...] = ("nelder_mead", "bfgs", "powell")
    """Every one is run from every start: the fit has many hollows, and none finds the deepest of all data."""
    importance: tuple[float, ...] = ()
    """Given importance of each predictor, any scale; empty to seek it."""
    scaled: bool = True
    """Whether predictors are divided by their standard deviation over all units first."""


@dataclass(frozen=True)
class SyntheticControl:
    """A mix of donors and how far the treated unit is from it."""

    weights: Floats
    """(N,) shares of the donors."""
    importance: Floats
    """(K,) shares of the predictors; empty without predictors."""
    counterfactual: Floats
    """(T,)"""
    gap: Floats
    """(T,) treated less counterfactual, in the outcome's unit."""
    fit_mspe: float
    """Mean squared gap over the fitted periods."""
    before_rmspe: float
    """Root mean squared gap before."""
    after_rmspe: float
    """Root mean squared gap after; NaN without periods after."""

    @property
    def rmspe_ratio(self) -> float:
        """Root mean squared gap after over that before."""
        return self.after_rmspe / self.before_rmspe if self.before_rmspe > 0 else float("inf")


def synthetic_control(setting: Setting, search: Search | None = None) -> SyntheticControl:
    """Return the synthetic control of a unit.

    With predictors their weighted distance chooses the donors' shares, and the predictors' importance is chosen so
    that those shares fit the outcome best over the fitted periods; of several searches the best fit is kept.
    Without predictors the shares fit the outcomes themselves.

    Notes
    -----
    Abadie and Gardeazabal 2003, *American Economic Review* 93(1); Abadie, Diamond and Hainmueller 2010, *Journal of
    the American Statistical Association* 105(490); without predictors: Doudchenko and Imbens 2016, with shares.
    The importance found depends on where a search begins where predictors outnumber what the fit can tell apart:
    give several starts to see it.
    """
    if len(setting.treated_predictors) == 0:
        fitted = setting.fitted
        weights = nearest_mix(setting.donors[fitted], setting.treated[fitted])
        return _described(setting, weights, np.empty(0))
    search = search or Search()
    treated, donors = _scaled(setting) if search.scaled else (setting.treated_predictors, setting.donor_predictors)
    if search.importance:
        found = [_shares_of(np.asarray(search.importance, float))]
    elif len(treated) == 1:
        found = [np.ones(1)]
    else:
        found = [
            _sought(setting, treated, donors, start, optimizer)
            for start in search.starts for optimizer in search.optimizers
        ]  # fmt: skip
    fits = [_described(setting, _mix(treated, donors, importance), importance) for importance in found]
    return min(fits, key=lambda fit: fit.fit_mspe)


def _scaled(setting: Setting) -> tuple[Floats, Floats]:
    both = np.column_stack([setting.donor_predictors, setting.treated_predictors])
    spread = both.std(axis=1, ddof=1)
    spread = np.where(spread > 0, spread, 1.0)
    return setting.treated_predictors / spread, setting.donor_predictors / spread[:, None]


def _shares_of(importance: Floats) -> Floats:
    sizes = np.abs(importance)
    return sizes / sizes.sum() if sizes.sum() > 0 else np.full(len(sizes), 1 / len(sizes))


def _mix(treated: Floats, donors: Floats, importance: Floats) -> Floats:
    root = np.sqrt(importance)
    return nearest_mix(donors * root[:, None], treated * root)


def _sought(setting: Setting, treated: Floats, donors: Floats, start: Start, optimizer: Optimizer) -> Floats:
    outcome, mixed = setting.treated[setting.fitted], setting.donors[setting.fitted]

    def misfit(importance: Floats) -> float:
        gap = outcome - mixed @ _mix(treated, donors, _shares_of(importance))
        return float(gap @ gap) / len(gap)

    begin = np.full(len(treated), 1 / len(treated))
    if start == "regression":
        begin = _by_regression(setting, treated, donors)
    bounds = [(0.0, 1.0)] * len(treated) if optimizer != "nelder_mead" else None
    found = minimize(
        misfit, begin, method=_SCIPY_NAMES[optimizer], bounds=bounds, options={"maxiter": _STEPS}
    )  # fmt: skip
    return _shares_of(np.asarray(found.x, float))


def _by_regression(setting: Setting, treated: Floats, donors: Floats) -> Floats:
    """Return importance by the squared coefficients of a regression of all fitted outcomes on the predictors."""
    predictors = np.column_stack([donors, treated]).T
    outcomes = np.column_stack([setting.donors, setting.treated])[setting.fitted].T
    with_constant = np.column_stack([np.ones(len(predictors)), predictors])
    coefficients = np.linalg.lstsq(with_constant, outcomes, rcond=None)[0][1:]
    return _shares_of((coefficients**2).sum(axis=1))


def _described(setting: Setting, weights: Floats, importance: Floats) -> SyntheticControl:
    counterfactual = setting.donors @ weights
    gap = setting.treated - counterfactual
    squared = gap**2
    after = ~setting.before
    return SyntheticControl(
        weights, importance, counterfactual, gap, float(squared[setting.fitted].mean()),
        float(np.sqrt(squared[setting.before].mean())),
        float(np.sqrt(squared[after].mean())) if after.any() else float("nan"),
    )  # fmt: skip


@dataclass(frozen=True)
class SpacePlacebos:
    """The same method on every donor as if it had been treated."""

    controls: tuple[SyntheticControl, ...]
    """(N,) one a donor, each without the treated unit among its donors."""
    rank: int
    """Place of the treated unit's RMSPE ratio among all N + 1, from 1 for the largest."""
    p_value: float
    """rank / (N + 1)."""


def placebos_in_space(
    setting: Setting, observed: SyntheticControl, search: Search | None = None, *, worst_fit: float = float("inf")
) -> SpacePlacebos:
    """Treat each donor as if it were the treated unit, and rank the ratios of RMSPE after to before.

    Parameters
    ----------
    worst_fit
        Leaves out of the rank donors whose squared RMSPE before is more than so many times the treated unit's.

    Notes
    -----
    Abadie, Diamond and Hainmueller 2010, section 3.4.
    """
    controls = tuple(synthetic_control(_as_if(setting, donor), search) for donor in range(setting.donors.shape[1]))
    limit = worst_fit * observed.before_rmspe**2
    ratios = [one.rmspe_ratio for one in controls if one.before_rmspe**2 <= limit]
    rank = 1 + sum(ratio >= observed.rmspe_ratio for ratio in ratios)
    return SpacePlacebos(controls, rank, rank / (len(ratios) + 1))


def _as_if(setting: Setting, donor: int) -> Setting:
    others = np.arange(setting.donors.shape[1]) != donor
    predictors = setting.donor_predictors
    return Setting(
        setting.donors[:, donor], setting.donors[:, others], setting.before, setting.fitted,
        predictors[:, donor] if predictors.size else np.empty(0),
        predictors[:, others] if predictors.size else np.empty((0, int(others.sum()))),
    )  # fmt: skip


def placebo_in_time(setting: Setting, starts: Sequence[int]) -> tuple[SyntheticControl, ...]:
    """Pretend that the treatment began earlier, and look at the gap in periods that were still before it.

    Parameters
    ----------
    starts
        First period as if treated, each with at least two periods before it; periods really treated are left out.

    Returns
    -------
    One control for each start, of the periods before the treatment alone; its outcomes are what is matched.

    Notes
    -----
    Abadie, Diamond and Hainmueller 2015, *American Journal of Political Science* 59(2).
    """
    treated, donors = setting.treated[setting.before], setting.donors[setting.before]
    found = []
    for start in starts:
        before = np.arange(len(treated)) < start
        backdated = Setting(treated, donors, before, before, np.empty(0), np.empty((0, donors.shape[1])))
        found.append(synthetic_control(backdated))
    return tuple(found)
