"""Differences in differences when treatment starts at several dates: three estimators that compare rightly."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs.cohorts import Cells, StaggeredEffects, averages, clustered
from workbench.designs.differences import two_way_fixed_effects
from workbench.designs.effects import Effects, JointTest, plain

ControlGroup = Literal["never_treated", "not_yet_treated"]
Adjustment = Literal["reg", "dr", "ipw"]
"""Of covariates: by regression of the outcome, doubly robust, or by inverse probability weighting."""

BasePeriod = Literal["varying", "universal"]
"""What effects before treatment are measured from: the period before each, or always the last before treatment."""


def callaway_santanna(
    rows: pd.DataFrame,
    outcome: str,
    unit: str,
    period: str,
    first_treated: str,
    *,
    covariates: Sequence[str] = (),
    control_group: ControlGroup = "never_treated",
    adjustment: Adjustment = "dr",
    base_period: BasePeriod = "varying",
    anticipation: int = 0,
    cluster: str | None = None,
    weights: str | None = None,
    balanced: int | None = None,
    panel: bool = True,
    level: float = 0.95,
) -> StaggeredEffects:
    """Return group-time effects and their averages: Callaway & Sant'Anna (2021, *Journal of Econometrics* 225).

    Estimates and influence functions are those of `diff-diff`, which agree with the R package `did`; averages are
    formed here, because that package gives none by calendar period and no errors for overall averages. Errors are
    analytical; those printed by `did` come from a multiplier bootstrap and differ in the third digit.

    Parameters
    ----------
    rows
        One row per unit and period.
    first_treated
        Column: first treated period of the unit; 0 (or missing, or infinite) for never.
    covariates
        Columns held constant within a comparison, at their value in its base period.
    adjustment
        Which way covariates are adjusted for; all agree where there are none.
    anticipation
        Periods before treatment in which it may already act.
    cluster
        Column to cluster by, constant within a unit; None for the unit.
    weights
        Column of sampling weights, constant within a unit.
    balanced
        Only cohorts seen at this lag enter the averages by lag.
    panel
        False for repeated cross-sections, in which each row is another unit.
    level
        Coverage of the intervals, share.

    Raises
    ------
    BadInput
        When there is no one to compare with, nobody is treated within the rows, or a model cannot be fitted.
    """
    import diff_diff  # type: ignore[import-untyped, unused-ignore]

    rows = prepared(rows, unit, period, first_treated, never_needed=control_group == "never_treated")
    estimator = diff_diff.CallawaySantAnna(
        control_group=control_group, estimation_method=adjustment, base_period=base_period,
        anticipation=anticipation, panel=panel,
    )  # fmt: skip
    survey = diff_diff.SurveyDesign(weights=weights) if weights else None
    fit = _fit(
        estimator, rows, outcome=outcome, unit=unit, time=period, first_treat=first_treated,
        covariates=list(covariates) or None, survey_design=survey,
    )  # fmt: skip
    cells, notes = _influence_cells(fit, rows, unit, cluster)
    units = int(rows[unit].nunique()) if panel else len(rows)
    return averages(
        cells, units=units, treated_units=int(fit.n_treated_units), observations=len(rows), level=level,
        balanced=balanced, notes=notes,
    )  # fmt: skip


def _influence_cells(fit: Any, rows: pd.DataFrame, unit: str, cluster: str | None) -> tuple[Cells, tuple[str, ...]]:
    # The influence of each unit on each cell is in the kit that diff-diff keeps for its own averages.
    kit = fit._aggregation_kit
    found = [key for key, cell in fit.group_time_effects.items() if np.isfinite(cell["effect"])]
    lost = [key for key in fit.group_time_effects if key not in set(found)]
    found.sort()
    member = np.asarray(kit.bookkeeping["unit_cohorts"], np.float64)
    size = np.ones(len(member)) if kit.bookkeeping["survey_weights"] is None else kit.bookkeeping["survey_weights"]
    scores = np.zeros((len(member), len(found)))
    for column, key in enumerate(found):
        part = kit.influence.get(key)
        if part is not None:
            scores[part["treated_idx"], column] += part["treated_inf"]
            scores[part["control_idx"], column] += part["control_inf"]
    cohorts = np.asarray([float(key[0]) for key in found])
    groups = np.unique(cohorts)
    in_group = (member[:, None] == groups) * np.asarray(size, np.float64)[:, None]
    share = in_group.sum(axis=0) / np.sum(size)
    share_scores = (in_group - share * np.asarray(size)[:, None]) / np.sum(size)
    codes = None
    if cluster is not None:
        by_unit = rows.drop_duplicates(unit).set_index(unit)[cluster]
        codes = pd.factorize(by_unit.loc[list(kit.bookkeeping["all_units"])])[0].astype(np.int64)
    joint = clustered(np.hstack([scores, share_scores]), codes)
    cells = Cells(
        cohorts, np.asarray([float(key[1]) for key in found]),
        np.asarray([fit.group_time_effects[key]["effect"] for key in found], np.float64),
        share[np.searchsorted(groups, cohorts)], joint.T @ joint,
    )  # fmt: skip
    notes = tuple(f"cohort {plain(g)} in period {plain(t)} could not be estimated" for g, t in lost)
    return cells, notes


def prepared(rows: pd.DataFrame, unit: str, period: str, first_treated: str, *, never_needed: bool) -> pd.DataFrame:
    """Return rows with 0 for never treated; units treated from the first period on are left out."""
    for column in (unit, period, first_treated):
        if column not in rows.columns:
            raise BadInput(f"column {column!r} was asked for; there are {', '.join(map(str, rows.columns))}")
    first = rows[first_treated].astype(np.float64).replace([np.inf, -np.inf], np.nan).fillna(0.0)
    first = first.where(first <= rows[period].max(), 0.0)
    rows = rows.assign(**{first_treated: first})
    rows = rows[(first == 0) | (first > rows[period].min())]
    cohorts = np.unique(rows[first_treated])
    if not (cohorts > 0).any():
        raise BadInput("no unit becomes treated within the rows; give rows from before and after treatment")
    if never_needed and 0 not in cohorts:
        raise BadInput("no unit is never treated; compare with `not_yet_treated` instead")
    if len(cohorts) < 2:
        raise BadInput("all units become treated in one period; there is no one to compare with")
    return rows


def _fit(estimator: Any, rows: pd.DataFrame, **arguments: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return estimator.fit(rows, **arguments)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise BadInput(f"{type(estimator).__name__} could not be fitted: {error}") from error


def sun_abraham(
    rows: pd.DataFrame,
    outcome: str,
    unit: str,
    period: str,
    first_treated: str,
    *,
    covariates: Sequence[str] = (),
    cluster: Sequence[str] = (),
    weights: str | None = None,
    reference: int = -1,
    level: float = 0.95,
) -> StaggeredEffects:
    """Return interaction-weighted effects: Sun & Abraham (2021, *Journal of Econometrics* 225).

    One two-way regression (by `pyfixest`) with an indicator for each cohort and lag; averages by the rows in each
    cell. Compared with units never treated or, where there are none, with the cohort treated last, whose treated
    periods are left out. As `fixest::sunab`, errors treat cohort sizes as given.

    Parameters
    ----------
    first_treated
        Column: first treated period of the unit; 0 (or missing, or infinite) for never.
    cluster
        Columns to cluster by; the unit where none is named.
    reference
        Lag that is zero by construction.

    Raises
    ------
    BadInput
        When nobody becomes treated within the rows or there is no one to compare with.
    """
    rows = prepared(rows, unit, period, first_treated, never_needed=False)
    cohort, notes = rows[first_treated].to_numpy(np.float64), []
    if not (cohort == 0).any():
        last = cohort.max()
        rows = rows[rows[period] < last]
        cohort = rows[first_treated].to_numpy(np.float64)
        cohort = np.where(cohort == last, 0.0, cohort)
        notes.append(f"compared with the cohort of {plain(last)}, treated last; periods from then on are left out")
    times = rows[period].to_numpy(np.float64)
    pairs = np.unique(np.column_stack([cohort, times])[(cohort > 0) & (times - cohort != reference)], axis=0)
    names = [f"cell_{number}" for number in range(len(pairs))]
    inside = (cohort[:, None] == pairs[:, 0]) & (times[:, None] == pairs[:, 1])
    table = pd.concat([rows, pd.DataFrame(inside.astype(np.float64), columns=names, index=rows.index)], axis=1)
    fit = two_way_fixed_effects(
        table, outcome, [*covariates, *names], [unit, period], errors="cluster",
        cluster=tuple(cluster) or (unit,), weights=weights, level=level,
    )  # fmt: skip
    effects = fit.effects.of(np.isin(fit.effects.labels, names))
    kept = np.isin(names, effects.labels)
    size = rows[weights].to_numpy(np.float64) if weights else np.ones(len(rows))
    cells = Cells(pairs[kept, 0], pairs[kept, 1], effects.estimates, size @ inside[:, kept], effects.covariance)
    return averages(
        cells, units=int(rows[unit].nunique()), treated_units=int(rows[unit][cohort > 0].nunique()),
        observations=fit.observations, degrees=effects.degrees, level=level, notes=tuple(notes),
    )  # fmt: skip


@dataclass(frozen=True)
class ImputedEffects:
    """Effects against an imputed outcome; covariances between them are not known, and zero here."""

    simple: Effects
    """Mean over all treated rows: label `att`."""
    by_lag: Effects
    """By periods since treatment; those before it from a regression on leads."""
    by_cohort: Effects
    """Each cohort's mean; labels are first treated periods."""
    pretrend: JointTest | None
    """F test of all leads but the last; None where there is none, or with the two-stage errors."""
    units: int
    treated_units: int
    observations: int


def imputation(
    rows: pd.DataFrame,
    outcome: str,
    unit: str,
    period: str,
    first_treated: str,
    *,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    anticipation: int = 0,
    variance: Literal["imputation", "two_stage"] = "imputation",
    leave_one_out: bool = False,
    level: float = 0.95,
) -> ImputedEffects:
    """Return effects against an imputed outcome, by `diff-diff`.

    Unit and period effects are fitted to untreated rows alone and carried over to the treated ones. Errors after
    Borusyak, Jaravel & Spiess (2024, *Review of Economic Studies* 91), theorem 3 (`imputation`), or Gardner
    (2022, arXiv:2207.05943), whose point estimates are the same (`two_stage`). Effects by lag before treatment come
    from a regression of untreated rows on leads, as in Borusyak et al., and are no part of the averages.

    Parameters
    ----------
    leave_one_out
        Their finite-sample correction, appendix A.9; of `imputation` only.

    Raises
    ------
    BadInput
        When there is no one to compare with, or a unit or period has no untreated row.
    """
    import diff_diff  # type: ignore[import-untyped, unused-ignore]

    rows = prepared(rows, unit, period, first_treated, never_needed=False)
    shared: dict[str, Any] = {"anticipation": anticipation, "cluster": cluster, "alpha": 1 - level}
    estimator = (
        diff_diff.ImputationDiD(pretrends=True, leave_one_out=leave_one_out, **shared)
        if variance == "imputation"
        else diff_diff.TwoStageDiD(pretrends=True, **shared)
    )
    fit = _fit(
        estimator, rows, outcome=outcome, unit=unit, time=period, first_treat=first_treated,
        covariates=list(covariates) or None,
    )  # fmt: skip
    return _imputed(fit, rows, unit, level)


def _imputed(fit: Any, rows: pd.DataFrame, unit: str, level: float) -> ImputedEffects:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lags = fit.aggregate("event_study").to_dataframe()
        groups = fit.aggregate("group").to_dataframe()
        test = fit.pretrend_test() if hasattr(fit, "pretrend_test") and (lags["event_time"] < -1).any() else None
    pretrend = None
    if test is not None and np.isfinite(test["f_stat"]):
        pretrend = JointTest(float(test["f_stat"]), int(test["df"]), float(test["p_value"]))
    return ImputedEffects(
        _apart(["att"], [fit.overall_att], [fit.overall_se], level),
        _apart([plain(lag) for lag in lags["event_time"]], lags["att"], lags["se"], level),
        _apart([plain(float(cohort)) for cohort in groups["label"]], groups["att"], groups["se"], level),
        pretrend, int(rows[unit].nunique()), int(fit.n_treated_units), len(rows),
    )  # fmt: skip


def _apart(labels: Sequence[str], estimates: Any, errors: Any, level: float) -> Effects:
    found = np.asarray(estimates, np.float64)
    spread = np.nan_to_num(np.asarray(errors, np.float64))
    kept = np.isfinite(found)
    names = tuple(label for label, keep in zip(labels, kept, strict=True) if keep)
    return Effects(names, found[kept], np.diag(spread[kept] ** 2), level=level)
