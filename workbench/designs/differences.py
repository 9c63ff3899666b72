"""Two-way fixed effects: before against after, treated against not; its event study, and what its average hides."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs.effects import Effects, Floats, JointTest, plain

Errors = Literal["iid", "hetero", "HC1", "HC2", "HC3", "cluster"]
"""Standard errors: alike and independent; heteroskedastic (`hetero` is HC1); clustered (CR1)."""

Family = Literal["ols", "poisson"]


@dataclass(frozen=True)
class Regression:
    """What a regression with absorbed effects found."""

    effects: Effects
    """Of the regressors, in the order given."""
    observations: int
    """Rows used; singletons and, for Poisson, effects that are zero throughout are left out."""
    clusters: int | None
    """How many, of the smallest clustering; None where errors are not clustered."""
    r2: float | None
    """Share of variance explained, absorbed effects included; None for Poisson."""
    r2_within: float | None
    """Share explained by the regressors once the effects are absorbed; None for Poisson."""
    other_errors: tuple[tuple[Errors, Floats], ...]
    """(kind, (K,) standard errors of that kind): `iid`, `hetero` and, where a cluster was named, `cluster`."""


def two_way_fixed_effects(
    rows: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    fixed_effects: Sequence[str],
    *,
    errors: Errors = "hetero",
    cluster: Sequence[str] = (),
    weights: str | None = None,
    offset: str | None = None,
    family: Family = "ols",
    level: float = 0.95,
) -> Regression:
    """Return a linear or Poisson regression with absorbed effects, by `pyfixest` (Bergé 2018, as in `fixest`).

    Small-sample corrections are those of `fixest`: (n − 1) / (n − k), effects nested in the cluster not counted,
    and G / (G − 1); t with G − 1 degrees of freedom. Poisson: Wooldridge (1999, *J. Econometrics* 90), consistent
    whatever the distribution of the counts, so its errors should be clustered or heteroskedastic.

    Parameters
    ----------
    rows
        One row per unit and period.
    regressors
        Columns of `rows`; products (`treated:post`) and `i(period, treated, ref=2013)` are understood too.
    fixed_effects
        Columns whose levels are absorbed; may be empty.
    cluster
        Columns to cluster by; several give multi-way clustering.
    weights
        Column of frequency-free (analytic) weights.
    offset
        Column added to the linear predictor; of Poisson only.
    level
        Coverage of the intervals, share.

    Raises
    ------
    BadInput
        When a column is missing, clustered errors are asked for without a cluster, or nothing can be estimated.
    """
    import pyfixest  # type: ignore[import-untyped, unused-ignore]

    _check_columns(rows, [outcome, *fixed_effects, *cluster, *filter(None, (weights, offset))])
    if errors == "cluster" and not cluster:
        raise BadInput("clustered standard errors were asked for, and no cluster was named; name its column")
    # Truth values would be taken for categories, and the sign of their effect for that of "False".
    truths = {column: np.float64 for column, kind in rows.dtypes.items() if kind.kind == "b"}
    rows = rows.astype(truths)
    vcov: Any = {"CRV1": " + ".join(cluster)} if errors == "cluster" else errors
    # The blanks about "+" matter: without them pyfixest 0.60 matches absorbed effects to clusters by name, in an
    # order that changes from run to run, and counts the wrong ones as nested.
    formula = f"{outcome} ~ {' + '.join(regressors)}" + (f" | {' + '.join(fixed_effects)}" if fixed_effects else "")
    options: dict[str, Any] = {"vcov": vcov, "weights": weights, "copy_data": False}
    if family == "poisson":
        options |= {"offset": offset, "iwls_tol": 1e-10}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = (pyfixest.fepois if family == "poisson" else pyfixest.feols)(formula, rows, **options)
    except (ValueError, np.linalg.LinAlgError, ZeroDivisionError) as error:
        # Divided by zero where there are as many coefficients as rows.
        raise BadInput(f"the regression {formula!r} cannot be estimated: {error}") from error
    return _regression(fit, len(cluster) > 0 and errors == "cluster", family, level, cluster)


def _regression(fit: Any, clustered: bool, family: Family, level: float, cluster: Sequence[str]) -> Regression:
    clusters = int(min(fit._G)) if clustered else None
    # Poisson is asymptotic unless clustered, as `fixest` has it.
    asymptotic = family == "poisson" and not clustered
    degrees = np.inf if asymptotic else float(fit._df_t)
    covariance = np.asarray(fit._vcov, np.float64)
    effects = Effects(
        tuple(map(str, fit._coefnames)), np.asarray(fit._beta_hat, np.float64), covariance, degrees, level
    )
    if not len(effects.labels):
        raise BadInput(f"the regression {fit._fml!r} leaves nothing to estimate: its regressors are collinear")
    r2, within = (None, None) if family == "poisson" else (_number(fit._r2), _number(fit._r2_within))
    return Regression(effects, int(fit._N), clusters, r2, within, tuple(_other_errors(fit, cluster)))


def _other_errors(fit: Any, cluster: Sequence[str]) -> Iterator[tuple[Errors, Floats]]:
    kinds: list[tuple[Errors, Any]] = [("iid", "iid"), ("hetero", "hetero")]
    kinds += [("cluster", {"CRV1": " + ".join(cluster)})] if cluster else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in kinds:
            yield name, np.sqrt(np.diag(np.asarray(fit.vcov(kind)._vcov, np.float64)))


def _number(found: object) -> float | None:
    return float(found) if isinstance(found, float | np.floating) and np.isfinite(found) else None


def _check_columns(rows: pd.DataFrame, columns: Sequence[str]) -> None:
    known = {str(column) for column in rows.columns}
    for column in columns:
        if column not in known:
            raise BadInput(f"column {column!r} was asked for; there are {', '.join(sorted(known))}")


@dataclass(frozen=True)
class PeriodEffects:
    """An event study: effects by period, against one reference period."""

    effects: Effects
    """(K,) by period, the reference left out; labels are periods, oldest first."""
    periods: tuple[float, ...]
    """(K,) the labels as numbers."""
    reference: float
    """The period that is zero by construction."""
    pretrend: JointTest | None
    """Of all periods before the reference; None where there is none."""
    observations: int

    @property
    def before(self) -> int:
        """How many of the periods lie before the reference."""
        return sum(period < self.reference for period in self.periods)


def event_study(
    rows: pd.DataFrame,
    outcome: str,
    period: str,
    treated: str,
    fixed_effects: Sequence[str],
    *,
    reference: float,
    covariates: Sequence[str] = (),
    errors: Errors = "cluster",
    cluster: Sequence[str] = (),
    weights: str | None = None,
    family: Family = "ols",
    level: float = 0.95,
) -> PeriodEffects:
    """Return a two-way fixed effects event study: `treated` times each period but the reference.

    Two cohorts only (treated at one date, or never); with several dates use relative periods in `period`, a value
    for those never treated that equals `reference`, and mind Sun & Abraham (2021), who show what it then mixes.

    Parameters
    ----------
    period
        Column of calendar periods, or of periods since activation.
    treated
        Column of 0 and 1: in the treated group, in all periods.
    reference
        The period left out, usually the last before.

    Raises
    ------
    BadInput
        As `two_way_fixed_effects`, and when the reference is not among the periods.
    """
    _check_columns(rows, [period, treated])
    if reference not in set(rows[period]):
        raise BadInput(f"period {plain(reference)} was asked for as reference; it is not among the rows' periods")
    shown = plain(reference)
    regression = two_way_fixed_effects(
        rows, outcome, [f"i({period}, {treated}, ref={shown})", *covariates], fixed_effects,
        errors=errors, cluster=cluster, weights=weights, family=family, level=level,
    )  # fmt: skip
    named = [label.startswith(f"{period}::") for label in regression.effects.labels]
    effects = regression.effects.of(np.asarray(named))
    periods = tuple(float(label.removeprefix(f"{period}::").split(":")[0]) for label in effects.labels)
    order = np.argsort(periods, kind="stable")
    effects = Effects(
        tuple(plain(periods[row]) for row in order), effects.estimates[order],
        effects.covariance[np.ix_(order, order)], effects.degrees, level,
    )  # fmt: skip
    periods = tuple(periods[row] for row in order)
    pretrend = effects.of(np.asarray(periods) < reference).joint()
    return PeriodEffects(effects, periods, reference, pretrend, regression.observations)


Comparison = Literal["treated_vs_untreated", "earlier_vs_later", "later_vs_earlier"]


@dataclass(frozen=True)
class TwoByTwo:
    """One comparison of two cohorts over the periods in which only one of them changes."""

    kind: Comparison
    treated: float
    """First treated period of the cohort that changes."""
    control: float | None
    """First treated period of the cohort compared with; None for units never treated."""
    weight: float
    """Share of the two-way estimate that rests on this comparison; all sum to 1."""
    estimate: float


@dataclass(frozen=True)
class BaconDecomposition:
    """What a two-way fixed effects estimate with staggered treatment is an average of."""

    estimate: float
    """The two-way fixed effects estimate; the weighted sum of the comparisons."""
    comparisons: tuple[TwoByTwo, ...]

    def kind(self, kind: Comparison) -> tuple[float, float]:
        """Return (weight, average estimate) of one kind of comparison; (0, 0) where there is none."""
        chosen = [one for one in self.comparisons if one.kind == kind]
        weight = sum(one.weight for one in chosen)
        return weight, sum(one.weight * one.estimate for one in chosen) / weight if weight else 0.0


_KINDS: dict[str, Comparison] = {
    "treated_vs_never": "treated_vs_untreated",
    "earlier_vs_later": "earlier_vs_later",
    "later_vs_earlier": "later_vs_earlier",
}


def bacon_decomposition(
    rows: pd.DataFrame, outcome: str, unit: str, period: str, first_treated: str
) -> BaconDecomposition:
    """Return the decomposition of Goodman-Bacon (2021, *Journal of Econometrics* 225), by `diff-diff`.

    `later_vs_earlier` compares with units already treated: where effects grow with time it points the wrong way.

    Parameters
    ----------
    rows
        A balanced panel, one row per unit and period.
    first_treated
        Column: first treated period of the unit; 0 for never.

    Raises
    ------
    BadInput
        When a column is missing or the panel is not balanced.
    """
    import diff_diff  # type: ignore[import-untyped, unused-ignore]

    _check_columns(rows, [outcome, unit, period, first_treated])
    if not (rows.groupby(unit)[period].nunique() == rows[period].nunique()).all():
        raise BadInput("the decomposition needs every unit in every period; leave out units with gaps")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = diff_diff.BaconDecomposition(weights="exact").fit(
            rows, outcome=outcome, unit=unit, time=period, first_treat=first_treated
        )
    table = [
        TwoByTwo(
            _KINDS[one.comparison_type], float(one.treated_group),
            None if isinstance(one.control_group, str) else float(one.control_group),
            float(one.weight), float(one.estimate),
        )
        for one in fit.comparisons
    ]  # fmt: skip
    return BaconDecomposition(float(fit.twfe_estimate), tuple(table))


def first_treated_period(rows: pd.DataFrame, unit: str, period: str, treated: str) -> Floats:
    """Return, for each row, the first period in which its unit is treated; 0 for never.

    Parameters
    ----------
    treated
        Column of 0 and 1 (or more than 0 for partly): treated in that period.

    Raises
    ------
    BadInput
        When a unit is treated and later not: what follows would then be no effect of being treated.
    """
    _check_columns(rows, [unit, period, treated])
    on = rows[rows[treated] > 0]
    first = on.groupby(unit)[period].min()
    firsts = rows[unit].map(first).fillna(0).to_numpy(np.float64)
    off_again = (firsts > 0) & (rows[period].to_numpy() >= firsts) & ~(rows[treated].to_numpy() > 0)
    if off_again.any():
        where = rows[off_again].iloc[0]
        raise BadInput(
            f"unit {where[unit]!r} is treated from {plain(firsts[off_again][0])} on and no longer in "
            f"{where[period]}; methods for staggered treatment need it to stay on: end the rows before"
        )
    return firsts
