"""Differences in differences of a study: five ways to carry trends of other places over to those with cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from catalog.errors import BadInput
from workbench.designs.counterfactuals import (
    Cohorts,
    Counterfactual,
    against_last_before,
    cohorts_of,
    imputed,
    one_ratio,
    scaled,
    with_leads,
)
from workbench.designs.estimates import Check, Estimate, refusal
from workbench.designs.findings import EventStudy, Sensitivity
from workbench.designs.panel import Bools, Floats, Panel
from workbench.designs.smoothness import smoothness_bounds
from workbench.designs.spread import LEAST_TREATED, Spread, spread_of

MethodName = Literal["differences", "poisson_etwfe", "callaway_santanna", "sun_abraham", "imputation"]

WINDOW = 12
"""Lags before and after activation that an event study shows, at most."""

LEAST_BEFORE = 2
"""Periods before activation without which no trend can be looked at."""

MOST_BLOCKS = 4
"""The joint test of lags before averages them in at most so many blocks: tests of many lags at once find little,
and with few places reject at random."""

PRETREND_P = 0.05

MOST_FORM_ERRORS = 0.5
"""What would have been may differ by so many standard errors between trends parallel in counts and in ratios: an
interval off by half its standard error still covers 86 % where it says 90."""

CHANGE_IN_COUNTS = "change if places change by the same number"
"""Name of the check that tells it."""

BENDS = (0.0, 0.01, 0.02, 0.05, 0.1)
"""How much the difference in trends may bend from one block of periods to the next, tried by `smoothness`, log."""


@dataclass(frozen=True)
class _Way:
    total: Counterfactual
    """Of the change over everything after."""
    lags: Counterfactual
    """Of the changes by period since activation, those before it too."""
    note: str


_IN_RATIOS = (
    "Trends are taken to be parallel in ratios: without cameras, counts would have changed by the same share."
)
_IN_COUNTS = (
    "Trends are taken to be parallel in incidents per place: without cameras, counts would have changed by the "
    "same number."
)
_LAST = against_last_before("multiplicative")

_WAYS: Mapping[MethodName, _Way] = {
    "differences": _Way(one_ratio, _LAST, f"{_IN_RATIOS} One change is taken to hold for all places and periods."),
    "poisson_etwfe": _Way(scaled, _LAST, _IN_RATIOS),
    "callaway_santanna": _Way(
        against_last_before("additive"), against_last_before("additive"),
        f"{_IN_COUNTS} Each place's last period before is its only baseline.",
    ),
    "sun_abraham": _Way(
        against_last_before("additive", never_only=True), against_last_before("additive", never_only=True),
        f"{_IN_COUNTS} Compared with places that never get cameras, each since its last period before.",
    ),
    "imputation": _Way(imputed, lambda cohorts: with_leads(cohorts, WINDOW), _IN_COUNTS),
}  # fmt: skip


def estimate_differences(panel: Panel, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the change by one two-way Poisson regression: places, periods, cameras on.

    Wooldridge (1999, *Journal of Econometrics* 90): right whatever the counts' distribution, if the change is one
    and the same; `bacon_decomposition` says what it averages when it is not. Cameras may go off again.
    """
    return _estimate(panel, "differences", level, seed)


def estimate_poisson_etwfe(panel: Panel, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the change by a Poisson regression with an effect for each cohort and period.

    Wooldridge (2023, *Econometrics Journal* 26).
    """
    return _estimate(panel, "poisson_etwfe", level, seed)


def estimate_callaway_santanna(panel: Panel, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the change by group-time effects against places not yet treated.

    Callaway & Sant'Anna (2021, *Journal of Econometrics* 225), without covariates.
    """
    return _estimate(panel, "callaway_santanna", level, seed)


def estimate_sun_abraham(panel: Panel, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the change by interaction-weighted effects against places never treated.

    Sun & Abraham (2021, *Journal of Econometrics* 225); with everyone in every period their regression gives the
    differences computed here.
    """
    return _estimate(panel, "sun_abraham", level, seed)


def estimate_imputation(panel: Panel, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the change against counts imputed from place and period effects of what is untreated.

    Refused, as are all differences in counts, where it would have to be known that places change by the same
    number and not by the same share (Roth & Sant'Anna 2023).

    Borusyak, Jaravel & Spiess (2024, *Review of Economic Studies* 91).
    """
    return _estimate(panel, "imputation", level, seed)


def event_study(
    panel: Panel, method: MethodName = "poisson_etwfe", *, level: float = 0.95, seed: int = 0, window: int = WINDOW
) -> EventStudy:
    """Return the change by period since activation, against the last period before.

    Parameters
    ----------
    window
        Lags shown before and after, at most.

    Raises
    ------
    BadInput
        When the method cannot answer of this panel.
    """
    used, why, _ = _usable(panel, method)
    if why is not None:
        raise BadInput(f"no event study by {method} of {panel.outcome!r}: {why}")
    curve = _Curve.of(cohorts_of(used)[0], _WAYS[method].lags, window)
    found = curve.measure(cohorts_of(used)[0])
    spread = spread_of(used, curve.measure, seed)
    margins = np.array([0.0 if lag == -1 else spread.margin(row, level) for row, lag in enumerate(curve.lags)])
    return EventStudy(
        panel.outcome, method, tuple(curve.lags), tuple(np.expm1(found).tolist()),
        tuple(np.expm1(found - margins).tolist()), tuple(np.expm1(found + margins).tolist()), level,
        _pretrend_p(found, spread, curve.lags),
    )  # fmt: skip


def smoothness(panel: Panel, *, bends: Sequence[float] = BENDS, level: float = 0.95, seed: int = 0) -> Sensitivity:
    """Return the average change if trends need not be parallel but may bend a little in every block of periods.

    Rambachan & Roth (2023, *Review of Economic Studies* 90), on the logarithm of the ratio to the untreated, over
    blocks of a quarter of a year where periods are shorter, so that a bend is not lost in the noise of a week.

    Parameters
    ----------
    bends
        Bounds on the bend, log points per block: 0.01 is 1 % more or less each block.

    Raises
    ------
    BadInput
        When there is not one whole block before the last one before activation, or none after.
    """
    used, why, _ = _usable(panel, "poisson_etwfe")
    if why is not None:
        raise BadInput(f"no bounds on trends of {panel.outcome!r}: {why}")
    span = max(1, round(panel.periods_per_year / 4))
    cohorts = cohorts_of(used)[0]
    curve = _Curve.of(cohorts, against_last_before("multiplicative", span=span), WINDOW, span=span)
    found, spread = curve.measure(cohorts), spread_of(used, curve.measure, seed)
    kept = np.asarray(curve.lags) != -1
    before = int(np.sum(np.asarray(curve.lags) < -1))
    after = int(kept.sum()) - before
    bounds = smoothness_bounds(
        found[kept], spread.covariance[np.ix_(kept, kept)], before, bends, np.full(after, 1 / after), level=level
    )
    return Sensitivity(
        panel.outcome, "smoothness_bounds", "smoothness",
        tuple("a straight line" if not one.bend else f"bends by {one.bend:.1%} a block" for one in bounds),
        tuple(float(np.expm1(one.center)) for one in bounds), tuple(float(np.expm1(one.low)) for one in bounds),
        tuple(float(np.expm1(one.high)) for one in bounds),
    )  # fmt: skip


def _usable(panel: Panel, method: MethodName) -> tuple[Panel, str | None, tuple[str, ...]]:
    """Return the panel of places that can be used, why there is no answer if there is none, and notes."""
    on = panel.treated & panel.active.any(axis=1)
    late = on & (panel.first_active >= LEAST_BEFORE)
    used = panel.of(late | panel.control | (panel.treated & ~on))
    notes: list[str] = []
    if (on & ~late).any():
        notes.append(
            f"{int((on & ~late).sum())} places had cameras before there were two periods to look at: left out."
        )
    if (panel.treated & ~on).any():
        notes.append(
            f"{int((panel.treated & ~on).sum())} places that get cameras later are compared with until then."
        )
    return used, _why_not(used, method, asked=int(on.sum())), tuple(notes)


def _why_not(panel: Panel, method: MethodName, asked: int) -> str | None:
    on = np.asarray(panel.active.any(axis=1), np.bool_)
    later = np.arange(len(panel.starts)) >= panel.first_active[:, None]
    off_again = int((later & ~panel.active)[on].any(axis=1).sum())
    alone = bool(on.all()) and len(np.unique(panel.first_active)) < 2
    empty = not panel.counts[on].any() or not panel.counts[~panel.active].any()
    reasons = (
        (not asked, "no place has cameras within these periods; end the study later"),
        (not on.any(), f"cameras came on before there were {LEAST_BEFORE} periods to look at; begin earlier"),
        (alone, "all places got cameras at once and none is without; add control places"),
        (
            method != "differences" and off_again > 0,
            f"cameras at {off_again} places went off again; this method follows places from activation on: end the "
            "study before, or use `differences`",
        ),
        (empty, "there are no incidents to compare; choose a wider outcome or longer periods"),
        (
            not on.all() and not panel.counts[~on].any(),
            "there are no incidents in the places to compare with; choose larger control areas",
        ),
    )
    return next((why for holds, why in reasons if holds), None)


def _estimate(panel: Panel, method: MethodName, level: float, seed: int) -> Estimate:
    used, why, notes = _usable(panel, method)
    if why is not None:
        return refusal(method, panel.outcome, "differences", why)
    cohorts = cohorts_of(used)[0]
    treated = cohorts.active if method == "differences" else cohorts.after
    without = _WAYS[method].total(cohorts)
    cells = treated & np.isfinite(without)
    counted, expected = float(cohorts.sums[cells].sum()), float(without[cells].sum())
    if not cells.any() or expected <= 0:
        return refusal(
            method, panel.outcome, "differences",
            "by this method there would have been no incidents without cameras; choose larger places or periods",
        )  # fmt: skip
    if not cells[treated].all():
        notes = (*notes, "Periods in which every place has cameras are left out: there is no one to compare with.")
    if method == "differences" and (cohorts.after & ~cohorts.active).any():
        notes = (*notes, "Cameras that went off again count as off.")
    curve = _Curve.of(cohorts, _WAYS[method].lags, WINDOW)
    whole = _Whole(_WAYS[method].total, method == "differences", curve)
    figures = whole.measure(cohorts)
    spread = spread_of(used, whole.measure, seed)
    pretrend = _pretrend_p(figures[1:], _rest(spread), curve.lags)
    if _WAYS[method].note.startswith(_IN_COUNTS):
        form = _form(cohorts, float(np.sqrt(spread.covariance[0, 0])))
        if not form.passed:
            return refusal(method, panel.outcome, "differences", form.says, (*_checks(pretrend), form))
        checks = _checks(pretrend)
    else:
        checks = (*_checks(pretrend), *_in_counts(cohorts))
    return _answer(panel, method, _Totals(counted, expected), spread, checks, level, notes)


def _in_counts(cohorts: Cohorts) -> tuple[Check, ...]:
    """Return what the change would be if places changed by the same number; it is told, and fails nothing here.

    Whether trends are parallel in counts or in ratios cannot be known (Roth & Sant'Anna 2023, *Econometrica* 91);
    a change that is a fall by the one and a rise by the other is neither.
    """
    without = imputed(cohorts)
    cells = cohorts.after & np.isfinite(without)
    counted, expected = float(cohorts.sums[cells].sum()), float(without[cells].sum())
    if expected <= 0:
        return ()
    change = counted / expected - 1
    return (
        Check(
            CHANGE_IN_COUNTS, change, True,
            f"If places changed by the same number, not by the same share, the change would be {change:+.0%}.",
        ),
    )  # fmt: skip


def _form(cohorts: Cohorts, error: float) -> Check:
    """Return whether it matters that trends are taken to be parallel in counts and not in ratios.

    Where treated places and others are of unlike size and the others changed, both cannot be parallel, and no past
    in which little changed can tell which is. Roth & Sant'Anna (2023, *Econometrica* 91).
    """
    in_counts, in_ratios = imputed(cohorts), scaled(cohorts)
    cells = cohorts.after & np.isfinite(in_counts) & np.isfinite(in_ratios)
    counts, ratios = float(in_counts[cells].sum()), float(in_ratios[cells].sum())
    apart = float(np.log(ratios / counts)) if counts > 0 and ratios > 0 else np.inf
    errors = abs(apart) / error if error > 0 else np.inf * (apart != 0)
    return Check(
        "counts or ratios, standard errors apart",
        float(errors),
        bool(errors <= MOST_FORM_ERRORS),
        f"without cameras there would have been {counts:,.0f} incidents if places change by the same number, "
        f"{ratios:,.0f} if they change by the same share: {errors:.1f} standard errors apart, and nothing here "
        "tells which of the two holds; compare in ratios (`poisson_etwfe`), or with places as busy as those with "
        "cameras",
    )


@dataclass(frozen=True)
class _Totals:
    counted: float
    expected: float


def _answer(
    panel: Panel, method: MethodName, totals: _Totals, spread: Spread, checks: tuple[Check, ...], level: float,
    notes: tuple[str, ...],
) -> Estimate:  # fmt: skip
    log_ratio = float(_log_ratio(totals.counted, totals.expected))
    margin = spread.margin(0, level)
    low, high = float(np.expm1(log_ratio - margin)), float(np.expm1(log_ratio + margin))
    places = int((panel.treated & panel.active.any(axis=1)).sum())
    if spread.places is None:
        notes = (
            *notes, f"{places} places with cameras, under {LEAST_TREATED}: the interval rests on how counts "
            "scattered over time before, not on how places differ.",
        )  # fmt: skip
    return Estimate(
        method, panel.outcome, "differences", totals.counted / totals.expected - 1, (low, high),
        totals.counted - totals.expected, (totals.expected * low, totals.expected * high), level,
        spread.p_value(0, log_ratio), spread.dispersion, checks, (_WAYS[method].note, *notes),
    )  # fmt: skip


def _checks(pretrend: float | None) -> tuple[Check, ...]:
    if pretrend is None:
        return ()
    passed = pretrend >= PRETREND_P
    says = (
        "Before the cameras, places with and without moved alike."
        if passed
        else "Places with and without cameras were already parting before."
    )
    return (Check("pre-trend p", pretrend, passed, f"{says} Joint test of no difference: p = {pretrend:.3f}."),)


def _rest(spread: Spread) -> Spread:
    places = None if spread.places is None else spread.places[1:, 1:]
    return replace(spread, places=places, counts=spread.counts[1:, 1:])


@dataclass(frozen=True)
class _Whole:
    """The log ratio over everything after, followed by those of the lags."""

    total: Counterfactual
    while_on: bool
    curve: _Curve

    def measure(self, cohorts: Cohorts) -> Floats:
        without = self.total(cohorts)
        cells = (cohorts.active if self.while_on else cohorts.after) & np.isfinite(without)
        whole = _log_ratio(cohorts.sums[cells].sum(), without[cells].sum())
        return np.concatenate([[whole], self.curve.measure(cohorts)])


@dataclass(frozen=True)
class _Curve:
    """Log ratios by lag, or by blocks of lags."""

    without: Counterfactual
    lags: tuple[int, ...]
    """Of blocks: 0 begins with activation, −1 is the reference."""
    span: int = 1

    @classmethod
    def of(cls, cohorts: Cohorts, without: Counterfactual, window: int, *, span: int = 1) -> _Curve:
        """Return the curve of the lags that all of some cohort's periods lie in."""
        blocks = _blocks(cohorts, span)
        usable = np.isfinite(without(cohorts)) & cohorts.ever[:, None]
        seen = [
            int(block) for block in np.unique(blocks[usable])
            if -window <= block < window and _whole(usable, blocks, int(block), span)
        ]  # fmt: skip
        return cls(without, tuple(seen), span)

    def measure(self, cohorts: Cohorts) -> Floats:
        without, blocks = self.without(cohorts), _blocks(cohorts, self.span)
        usable = np.isfinite(without) & cohorts.ever[:, None]
        shown, lags = blocks[usable], np.asarray(self.lags, np.int64)
        first = min(int(shown.min(initial=0)), int(lags.min(initial=0)))
        reach = max(int(shown.max(initial=0)), int(lags.max(initial=0))) - first + 1
        counted = np.bincount(shown - first, cohorts.sums[usable], reach)[lags - first]
        expected = np.bincount(shown - first, without[usable], reach)[lags - first]
        # The reference is one by construction; half an incident keeps an empty month finite (Haldane 1956).
        found = np.log((counted + 0.5) / (np.maximum(expected, 0.0) + 0.5))
        return np.asarray(np.where(lags == -1, 0.0, found), np.float64)


def _blocks(cohorts: Cohorts, span: int) -> NDArray[np.int64]:
    """Return the (C, T) block of lags of each cell, counted from activation."""
    lag = np.arange(cohorts.sums.shape[1]) - cohorts.first[:, None]
    return np.asarray(np.floor_divide(lag, span))


def _whole(usable: Bools, blocks: NDArray[np.int64], block: int, span: int) -> bool:
    return bool((((blocks == block) & usable).sum(axis=1) == span).any())


def _log_ratio(counted: float, expected: float) -> float:
    """Return the logarithm of counted over expected; half an incident stands for none."""
    return float(np.log(max(counted, 0.5) / max(expected, 0.5)))


def _pretrend_p(found: Floats, spread: Spread, lags: Sequence[int]) -> float | None:
    """Return the joint p of the lags before −1, averaged in blocks; Hotelling's F between places."""
    early = np.asarray(lags) < -1
    if not early.any():
        return None
    groups = np.array_split(np.flatnonzero(early), min(int(early.sum()), MOST_BLOCKS))
    averaging = np.zeros((len(groups), len(found)))
    for row, group in enumerate(groups):
        averaging[row, group] = 1 / len(group)
    covariance = averaging @ spread.covariance_within @ averaging.T
    wald = float(averaging @ found @ np.linalg.pinv(covariance, hermitian=True) @ (averaging @ found))
    q = len(groups)
    if spread.places is None:
        return float(stats.chi2.sf(wald, q))
    left = max(spread.degrees + 1 - q, 1)
    return float(stats.f.sf(wald * left / (q * spread.degrees), q, left))
