"""Calibration synthetic control of a panel: many small places, their totals before matched exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t

from workbench.designs.calibration import Distance, Weighting
from workbench.designs.calibration_folds import Foretold, folds_of, foretell
from workbench.designs.estimates import Check, Estimate, refusal
from workbench.designs.matching import FEWEST_DONORS, WORRYING_DONORS, Matched, Matching, blocks_before, match
from workbench.designs.panel import Floats, Panel
from workbench.designs.placebo_panels import backdated, waves
from workbench.designs.weighted_contrast import contrast, residuals

METHOD = "calibration_synthetic_control"

WORRYING_SHARE = 0.25
"""A place that carries more of the counterfactual than this is a comparison of its own."""

FEW_TREATED = 10
"""With fewer treated places their spread alone says too little: it is taken as at least the donors' dispersion."""


LEAST_HELD_OUT = 3
"""Fewer periods held out say nothing."""

HELD_OUT_LEVEL = 0.95


@dataclass(frozen=True)
class Fitted:
    """An estimate, and the mix it rests on."""

    estimate: Estimate
    donor_weights: Floats
    """(P,) share of the counterfactual that rests on each place; 0 for places that are no donors."""
    counterfactual: Floats
    """(T,) incidents in the treated places had there been no cameras; NaN where the method does not say."""


def estimate_calibration(
    panel: Panel, *, match_every: int | None = None, distance: Distance = "linear", level: float = 0.95,
    seed: int = 0,
) -> Estimate:  # fmt: skip
    """Return what `fit_calibration` says, without its weights.

    Parameters
    ----------
    seed
        Not used: nothing here is drawn.
    """
    return fit_calibration(panel, match_every=match_every, distance=distance, level=level).estimate


def fit_calibration(
    panel: Panel, *, match_every: int | None = None, distance: Distance = "linear", level: float = 0.95,
    hold_out: bool = True,
) -> Fitted:  # fmt: skip
    """Weight the control places so that they match the treated ones, and compare the counts after.

    Each wave has its own weights, matched up to its own first period with cameras. Places whose small counts were
    high by luck are weighted up, and fall back where nothing is matched any more: by how much, weights say that
    were found without a third of the periods before, and the change is taken against that (`calibration_folds`).
    The interval is that of the logarithm of the ratio, whole places as clusters, before and after together: what a
    place has in both drops out. Where there is but one block before, nothing can be left out and the figure stands
    uncorrected, its error from residuals on what is matched. Intervals with clusters alone, and with every place
    and period by itself as R's `microsynth` has it, stand among the checks, and so does what the method says of the
    last stretch before the cameras.

    Parameters
    ----------
    hold_out
        Whether the last stretch before the cameras is asked about; it takes half of the time.

    Notes
    -----
    Robbins, Saunders and Kilmer 2017, *Journal of the American Statistical Association* 112(517); Robbins and
    Davenport 2021, *Journal of Statistical Software* 97(2); the correction after Chernozhukov, Wüthrich and Zhu
    2018, arXiv:1812.10820; linearised errors of whole places after Binder 1983, *International Statistical Review*
    51(3); residuals after Deville and Särndal 1992, same as the first, 87(418).
    """
    fitted = _fit(panel, match_every, distance, level)
    asked = hold_out and not fitted.estimate.refused
    foretold = _held_out(panel, match_every, distance) if asked else None
    if foretold is None:
        return fitted
    return replace(fitted, estimate=replace(fitted.estimate, checks=(*fitted.estimate.checks, foretold)))


def _held_out(panel: Panel, match_every: int | None, distance: Distance) -> Check | None:
    """Return whether the periods just before the cameras are foretold from earlier ones; None where too few."""
    before, after = int(panel.before.sum()), int((~panel.before).sum())
    span = min(before // 2, after)
    year = round(panel.periods_per_year)
    span -= span % year if span >= year else 0
    if span < LEAST_HELD_OUT:
        return None
    said = _fit(backdated(panel, span), match_every, distance, HELD_OUT_LEVEL).estimate
    if said.change_ratio is None or said.change_interval is None:
        return None
    low, high = said.change_interval
    return Check(
        "change foretold where there is none, share", said.change_ratio, low <= 0 <= high,
        f"Of the {span} periods before the cameras, not matched, it finds {said.change_ratio:+.0%} "
        f"({HELD_OUT_LEVEL:.0%} interval {low:+.0%} to {high:+.0%}), where there was nothing to find.",
    )  # fmt: skip


def _fit(panel: Panel, match_every: int | None, distance: Distance, level: float) -> Fitted:
    """Return what the weighting says, before it is asked what it cannot know."""
    nothing = np.zeros(len(panel.place_ids)), np.full(len(panel.starts), np.nan)
    why = _why_not(panel)
    if why is not None:
        return Fitted(refusal(METHOD, panel.outcome, "synthetic", why), *nothing)
    matched = match(panel, match_every, distance)
    checks = _checks(matched)
    why = _too_thin(matched)
    foretold = [foretell(one, one.control_matched, one.control_after, one.treated_matched, distance)
                for one in matched.waves]  # fmt: skip
    parts = [
        _Part.of(wave, one.weights, out)
        for wave, one, out in zip(matched.waves, matched.weightings, foretold, strict=True)
    ]
    if why is None and sum(part.expected for part in parts) <= 0:
        why = "the donors had no incident after; study a wider area or a longer time"
    if why is not None:
        return Fitted(refusal(METHOD, panel.outcome, "synthetic", why, checks), *nothing)
    linearised = _linearised_error(panel, matched)
    estimate = _estimate(panel.outcome, parts, linearised, checks, level)
    return Fitted(estimate, *_mix(panel, matched, foretold))


def _linearised_error(panel: Panel, matched: Matched) -> float:
    """Return the error of the log ratio with every place and period by itself; waves are taken as independent."""
    errors, expected = [], []
    for wave, weighting in zip(waves(panel), matched.weightings, strict=True):
        outcomes = np.vstack([panel.counts[panel.control], panel.counts[wave.rows]])[:, wave.after]
        treated = np.arange(len(outcomes)) >= len(weighting.weights)
        weights = np.concatenate([weighting.weights, np.ones(len(wave.rows))])
        found = contrast(outcomes, treated, weights, "linearised")
        errors.append(found.log_error)
        expected.append(found.expected_count)
    return float(np.sqrt(np.nansum((np.array(errors) * expected) ** 2)) / np.sum(expected))


def _why_not(panel: Panel) -> str | None:
    if not (panel.treated & panel.active.any(axis=1)).any():
        return "no treated place has cameras in any period; give activation dates within the study's span"
    if not panel.before.any():
        return "there is no period before the first camera; let the study begin earlier"
    fewest = 2 + len(panel.covariate_names) + (panel.exposure is not None)
    if panel.control.sum() <= fewest:
        return (
            f"{int(panel.control.sum())} control places cannot balance {fewest} totals; study a wider area, or let "
            "fewer places be buffer"
        )
    return None


def _too_thin(matched: Matched) -> str | None:
    for wave, weighting in zip(matched.waves, matched.weightings, strict=True):
        if not weighting.balanced or weighting.effective_donors < FEWEST_DONORS:
            return _cannot_balance(wave, weighting)
    return None


def _cannot_balance(matching: Matching, weighting: Weighting) -> str:
    treated, donors = len(matching.treated_matched), len(matching.control_matched)
    thin = (
        f"{'the nearest' if not weighting.balanced else 'the only'} weighting rests on the equivalent of "
        f"{weighting.effective_donors:.1f} places, {weighting.largest_ratio:.0%} of it on one"
    )
    to_do = (
        "match longer blocks of periods or fewer covariates, or leave out the treated places that are like no other"
    )
    if weighting.balanced:
        return f"{donors} control places match the {treated} treated ones too thinly: {thin}; {to_do}"
    worst = int(np.abs(weighting.miss).argmax())
    asked = float(matching.treated_matched[:, worst].sum())
    got = float(weighting.weights @ matching.control_matched[:, worst])
    return (
        f"no weighting of {donors} control places has the totals of the {treated} treated ones: "
        f"{matching.names[worst]!r} comes to {got:,.1f}, not {asked:,.1f}; {thin}; {to_do}"
    )


def _checks(matched: Matched) -> tuple[Check, ...]:
    donors = matched.effective_donors
    largest = max(one.largest_ratio for one in matched.weightings)
    miss = max(float(np.abs(one.miss).max()) for one in matched.weightings)
    totals = max(len(wave.names) for wave in matched.waves)
    return (
        Check("effective donors", donors, donors >= WORRYING_DONORS,
              f"The counterfactual rests on the equivalent of {donors:.0f} places of equal weight."),
        Check("largest donor share", largest, largest <= WORRYING_SHARE,
              f"The weightiest place carries {largest:.1%} of the counterfactual."),
        Check("largest miss in balance", miss, matched.balanced,
              f"Of {totals} totals the worst matched is {miss:.2g} of its size off."),
    )  # fmt: skip


@dataclass(frozen=True)
class _Part:
    """One wave's counts and their influence on the error."""

    treated: Floats
    """(n,) incidents of each treated place after."""
    expected: float
    of_donors: Floats
    """(N,) each control place's part in the error of `expected`, incidents."""
    of_donors_plain: Floats
    """(N,) the same without regard to what is matched."""
    of_treated: Floats
    """(n,) each treated place's part in the error of their sum; where corrected, of its incidents before too."""
    dispersion: float
    before: float | None
    """Incidents of the treated places before, which a corrected figure rests on as well; None where it is not."""

    @classmethod
    def of(cls, matching: Matching, weights: Floats, foretold: Foretold | None) -> _Part:
        after = np.concatenate([matching.control_after, matching.treated_after])
        treated = np.arange(len(after)) >= len(weights)
        matched = np.vstack([matching.control_matched, matching.treated_matched])
        expected = float(weights @ matching.control_after)
        used = np.flatnonzero(weights > 0)
        plain = weights * (matching.control_after - expected / weights.sum())
        if expected <= 0:
            return cls(matching.treated_after, expected, 0 * weights, plain, 0 * matching.treated_after, 1.0, None)
        whole = np.concatenate([weights, np.ones(int(treated.sum()))])
        of_donors, of_treated, rank = residuals(after, treated, whole, matched)
        inflated = len(used) / max(len(used) - rank, 1)
        influence = np.zeros(len(weights))
        influence[used] = weights[used] * of_donors * np.sqrt(inflated)
        dispersion = float(weights[used] @ of_donors**2) * inflated / expected
        if foretold is None or foretold.after <= 0:
            return cls(matching.treated_after, expected, influence, plain, of_treated, dispersion, None)
        # The ratio after over that before: what a place has in both drops out, by the same share of its total.
        before = matching.treated_matched[:, len(matching.names) - matching.blocks :].sum(axis=1)
        corrected = foretold.expected(float(before.sum()))
        of_both = foretold.donors_after / foretold.after - foretold.donors_before / foretold.before
        change = matching.treated_after.sum() / before.sum()
        return cls(
            matching.treated_after, corrected, corrected * of_both * np.sqrt(inflated),
            plain * corrected / expected, matching.treated_after - change * before, dispersion, float(before.sum()),
        )  # fmt: skip


def _log_errors(parts: Sequence[_Part], counted: float, expected: float, dispersion: float) -> tuple[float, float]:
    """Return the error of the logarithm of the ratio: from residuals, and from clusters alone."""
    count = sum(len(part.treated) for part in parts)
    inflated = count / max(count - len(parts), 1)
    counted = max(counted, 0.5)  # none at all is still uncertain
    before = sum((part.expected / expected) ** 2 / part.before for part in parts if part.before)
    scatter = max(dispersion, 1.0) if count < FEW_TREATED else 0.0
    own = max(sum(float(part.of_treated @ part.of_treated) for part in parts) * inflated / counted**2,
              scatter * (1 / counted + before))  # fmt: skip
    plain = max(sum(len(part.treated) * float(part.treated.var()) for part in parts) * inflated / counted**2,
                scatter / counted)  # fmt: skip
    of_donors = np.sum([part.of_donors for part in parts], axis=0)
    of_donors_plain = np.sum([part.of_donors_plain for part in parts], axis=0)
    return (
        float(np.sqrt(own + of_donors @ of_donors / expected**2)),
        float(np.sqrt(plain + of_donors_plain @ of_donors_plain / expected**2)),
    )


def _estimate(
    outcome: str, parts: Sequence[_Part], linearised: float, checks: tuple[Check, ...], level: float
) -> Estimate:
    counted = float(sum(part.treated.sum() for part in parts))
    expected = float(sum(part.expected for part in parts))
    dispersion = float(sum(part.dispersion * part.expected for part in parts)) / expected
    error, plain = _log_errors(parts, counted, expected, dispersion)
    spare = max(sum(len(part.treated) for part in parts), FEW_TREATED) - len(parts)
    spread = t(max(spare, 1))
    quantile, centre = float(spread.ppf((1 + level) / 2)), float(np.log(max(counted, 0.5) / expected))
    low, high = float(np.expm1(centre - quantile * error)), float(np.expm1(centre + quantile * error))
    ratio = counted / expected - 1
    low = min(low, ratio)
    others = (
        _other_error("clusters alone", "Whole places as clusters", plain, centre, quantile, level),
        _other_error("linearised", "Every place and period by itself", linearised, centre, quantile, level),
    )
    return Estimate(
        METHOD, outcome, "synthetic", ratio, (low, high), counted - expected, (expected * low, expected * high),
        level, float(2 * spread.sf(abs(centre) / error)), dispersion, (*checks, *others),
        ("The weighted control places have the treated ones' totals before; what was not matched may differ.",
         _said_of_folds(parts)),
    )  # fmt: skip


def _other_error(name: str, words: str, error: float, centre: float, quantile: float, level: float) -> Check:
    """Return what the interval would be by another reckoning."""
    low, high = np.expm1(centre - quantile * error), np.expm1(centre + quantile * error)
    return Check(
        f"standard error of the log ratio, {name}", error, True,
        f"{words}, and without regard to what is matched, the change would lie in {low:+.1%} to {high:+.1%} "
        f"({level:.0%}).",
    )  # fmt: skip


def _said_of_folds(parts: Sequence[_Part]) -> str:
    if all(part.before is not None for part in parts):
        return "The change is taken against how well weights foretell periods before that they were not matched on."
    return "The past could not be cut into parts: what falls back by itself is not taken off the change."


def _mix(panel: Panel, matched: Matched, foretold: Sequence[Foretold | None]) -> tuple[Floats, Floats]:
    """Return (P,) shares of the counterfactual, and (T,) what it says; each fold by weights without it."""
    shares, line = np.zeros(len(panel.place_ids)), np.zeros(len(panel.starts))
    counts = panel.counts[panel.control]
    for wave, matching, whole, out in zip(waves(panel), matched.waves, matched.weightings, foretold, strict=True):
        if out is None or out.after <= 0:
            shares[panel.control] += whole.weights
            line += whole.weights @ counts
            continue
        shares[panel.control] += out.weights
        own = out.weights @ counts
        blocks = blocks_before(wave.before, matched.match_every)
        for weighting, fold in zip(out.weightings, folds_of(matching.blocks), strict=True):
            periods = np.concatenate([blocks[block] for block in fold])
            own[periods] = weighting.weights @ counts[:, periods]
        line += own * matching.treated_before / out.before
    return shares / shares.sum(), line
