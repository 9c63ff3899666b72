"""The area tests asked of a study's panel: spans before and after, how far counts scatter, and the estimates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import ndtri

from workbench.designs.area_tests import (
    BeforeAfter,
    farrington_dispersion,
    raw_change,
    relative_effect,
    scaled_difference,
    unscaled_control,
    weighted_displacement,
)
from workbench.designs.estimates import PERCENT_FLOOR, Check, Estimate, refusal
from workbench.designs.panel import Bools, Panel
from workbench.designs.poisson_tests import e_test
from workbench.designs.scatter import panel_dispersion

Scaling = Literal["none", "exposure", "baseline"]
"""How a control of another size is brought to the treated area's in a difference of counts: not at all, by what is
at risk in each (`Panel.exposure`), or by the incidents each had before."""

NOT_CAUSAL = "Not causal: nothing stands for what would have happened without cameras."


@dataclass(frozen=True)
class Spans:
    """Which periods of a panel are compared."""

    before: Bools
    """(T,)"""
    after: Bools
    """(T,)"""
    whole_years: bool
    """Whether both spans are whole years, so that no season stands on one side only."""

    @property
    def lengths(self) -> tuple[float, float]:
        """Numbers of periods before and after."""
        return float(self.before.sum()), float(self.after.sum())


def compared_spans(panel: Panel) -> Spans:
    """Return the periods before the first camera and those in which every treated place had cameras.

    Each is cut to whole years, nearest to the cameras' coming, when both are at least a year long; a span may be
    empty, and then there is nothing to compare.
    """
    before = np.flatnonzero(panel.before)
    after = np.flatnonzero(panel.active[panel.treated].all(axis=0) & ~panel.before)
    year = round(panel.periods_per_year)
    whole = min(len(before), len(after)) >= year
    if whole:
        before, after = before[len(before) % year :], after[: len(after) // year * year]
    periods = np.arange(len(panel.starts))
    return Spans(np.isin(periods, before), np.isin(periods, after), whole)


def count_over(panel: Panel, rows: Bools, spans: Spans) -> BeforeAfter:
    """Return the incidents in the places of `rows` (P,) before and after."""
    totals = panel.counts[rows].sum(axis=0)
    return BeforeAfter(float(totals[spans.before].sum()), float(totals[spans.after].sum()))


@dataclass(frozen=True)
class _Compared:
    """What all estimates below start from."""

    spans: Spans
    treated: BeforeAfter
    control: BeforeAfter
    dispersion: float
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def estimate_raw(panel: Panel, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the change in the treated places with nothing to compare it with: shown greyed, never a headline.

    The interval is that of a quasi-Poisson log rate ratio; a note gives the E-test of Krishnamoorthy & Thomson
    (2004). `seed` is taken so that all estimates are called alike; nothing here is drawn.
    """
    compared = _compare(panel)
    if isinstance(compared, str):
        return refusal("raw", panel.outcome, "none", compared)
    treated, lengths = compared.treated, compared.spans.lengths
    if treated.after == 0:
        why = f"no incident after, of {treated.before:g} before: a ratio has no interval; lengthen the span after"
        return refusal("raw", panel.outcome, "none", why, compared.checks)
    found = raw_change(treated, periods=lengths, dispersion=compared.dispersion, level=level)
    expected = treated.before * lengths[1] / lengths[0]
    low, high = found.change_interval
    estimate = Estimate(
        "raw", panel.outcome, "none", found.change_ratio, (low, high), found.change_count,
        (expected * low, expected * high), level, found.p_value, compared.dispersion, compared.checks,
        (NOT_CAUSAL, *compared.notes, *_exact_note(compared)),
    )  # fmt: skip
    return _without_percent_of_few(estimate, treated.before)


def _exact_note(compared: _Compared) -> tuple[str, ...]:
    # Incidents spread over periods make fractions; the test is of whole counts.
    before, after = (round(count) for count in compared.treated)
    if before + after == 0:
        return ()
    exact = e_test(after, before, *reversed(compared.spans.lengths))
    return (f"Poisson E-test of equal rates: p = {exact.p_value:.3g}; it takes no account of overdispersion.",)


def estimate_relative_effect(panel: Panel, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the treated places' change relative to the control places', as an incident rate ratio less 1.

    Relative effect size of Farrington et al. (2007) with the variance inflated by the dispersion found before,
    which is Wilson's (2022) quasi-Poisson log incident rate ratio. `seed` is not used.
    """
    method = "relative_effect"
    compared = _compare(panel)
    if isinstance(compared, str):
        return refusal(method, panel.outcome, "areas", compared)
    why = _lacks_control(compared)
    if why:
        return refusal(method, panel.outcome, "areas", why, compared.checks)
    treated, control = compared.treated, compared.control
    correction = 0.5 if treated.after == 0 else 0.0
    found = relative_effect(
        treated, control, dispersion=compared.dispersion, zero_correction=correction, level=level
    )
    size_note = f"Relative effect size {found.relative_effect_size:.2f}: above 1, the treated area did better."
    zero_note = ("No incident after: 0.5 was added to all four counts.",) if correction else ()
    expected = treated.before * control.after / control.before
    low, high = (ratio - 1 for ratio in found.rate_ratio_interval)
    estimate = Estimate(
        method, panel.outcome, "areas", found.incident_rate_ratio - 1, (low, high), treated.after - expected,
        (expected * low, expected * high), level, found.p_value, compared.dispersion, compared.checks,
        (*compared.notes, size_note, *zero_note),
    )  # fmt: skip
    return _without_percent_of_few(estimate, treated.before)


def estimate_weighted_displacement(
    panel: Panel, level: float = 0.95, seed: int = 0, scaling: Scaling = "none"
) -> Estimate:
    """Return the weighted displacement difference of treated and control places, in incidents.

    Wheeler & Ratcliffe (2018), with their Poisson variance times the dispersion found before. Places of role
    `buffer` are no part of it; `displacement.displacement_by_radius` looks at them.

    A control with far more incidents than the treated area is refused unless it is scaled: compared in plain counts
    with the rest of a city, the city's own drift of a few percent dwarfs anything cameras could do. With `exposure`
    the control stands for as much as is at risk in the treated area; with `baseline` its change is taken in
    proportion, as `area_tests.scaled_difference` does. `seed` is not used.
    """
    method = "weighted_displacement"
    compared = _compare(panel)
    if isinstance(compared, str):
        return refusal(method, panel.outcome, "areas", compared)
    size = _control_size(panel, scaling)
    checks = (*compared.checks, _proportion(compared, size))
    why = _lacks_control(compared)
    if scaling == "exposure" and panel.exposure is None:
        why = why or "scaling by exposure was asked for, but no place has one; give it, or scale by baseline"
    if scaling != "baseline":
        why = why or unscaled_control(compared.treated.before, compared.control.before / size)
    if why:
        return refusal(method, panel.outcome, "areas", why, checks)
    difference = _scaled(compared, level) if scaling == "baseline" else _weighted(compared, size, level)
    expected = compared.treated.after - difference.count
    ratios = _ratio_interval(compared, expected, difference.standard_error, level)
    note = {
        "none": "Control incidents were compared as they are.",
        "exposure": f"The control was divided by {size:.3g}, its exposure over the treated area's.",
        "baseline": "The control's change was taken in proportion to its own baseline.",
    }[scaling]
    estimate = Estimate(
        method, panel.outcome, "areas", None if ratios is None else difference.count / expected, ratios,
        difference.count, difference.interval, level, difference.p_value, compared.dispersion, checks,
        (*compared.notes, note),
    )  # fmt: skip
    return _without_percent_of_few(estimate, compared.treated.before)


@dataclass(frozen=True)
class _Difference:
    count: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float


def _weighted(compared: _Compared, size: float, level: float) -> _Difference:
    # Weights are such that the difference is in the treated area's incidents over the span after.
    lengths = compared.spans.lengths
    found = weighted_displacement(
        compared.treated, compared.control, periods=(lengths[0] / lengths[1], 1.0), areas=(size, 1.0, 1.0, 1.0),
        dispersion=compared.dispersion, level=level,
    )  # fmt: skip
    return _Difference(found.local, found.local_se, found.local_interval, found.p_value)


def _scaled(compared: _Compared, level: float) -> _Difference:
    found = scaled_difference(compared.treated, compared.control, dispersion=compared.dispersion, level=level)
    return _Difference(found.difference, found.standard_error, found.interval, found.p_value)


def _control_size(panel: Panel, scaling: Scaling) -> float:
    """Return how many treated areas the control stands for."""
    if scaling != "exposure" or panel.exposure is None or not panel.control.any():
        return 1.0
    return float(panel.exposure[panel.control].sum() / panel.exposure[panel.treated].sum())


def _proportion(compared: _Compared, size: float) -> Check:
    times = compared.control.before / size / compared.treated.before
    passed = unscaled_control(compared.treated.before, compared.control.before / size) is None
    says = f"The control had {times:.3g} times the treated area's incidents before."
    return Check("control baseline over treated baseline", times, passed, says)


def _ratio_interval(
    compared: _Compared, expected: float, difference_se: float, level: float
) -> tuple[float, float] | None:
    """Return the interval of after over expected, less 1, by the delta method on its log; None without a ratio."""
    after = compared.treated.after
    if expected <= 0 or after <= 0:
        return None
    # The difference's variance is that of the count after plus that of what was expected.
    expected_variance = max(difference_se**2 - compared.dispersion * after, 0.0)
    error = np.sqrt(compared.dispersion / after + expected_variance / expected**2)
    reach = float(ndtri((1 + level) / 2) * error)
    return float(after / expected * np.exp(-reach) - 1), float(after / expected * np.exp(reach) - 1)


def _compare(panel: Panel) -> _Compared | str:
    """Return what is compared, or why nothing can be."""
    spans = compared_spans(panel)
    if not panel.treated.any():
        return "no place has cameras; name the treated ones"
    if not spans.before.any():
        return "no period lies before the first camera; add earlier incidents"
    if not spans.after.any():
        return "there is no period in which all treated places had cameras; use a method for staggered activation"
    treated, control = (count_over(panel, rows, spans) for rows in (panel.treated, panel.control))
    if treated.before == 0:
        return "the treated places had no incident before; no change can be told, lengthen the span before"
    found = panel_dispersion(panel)
    told = np.isfinite(found)
    yearly = treated.before / spans.lengths[0] * panel.periods_per_year
    dispersion = found if told else farrington_dispersion(yearly)
    scatter = Check(
        "dispersion", dispersion, dispersion < 2,
        f"Variance over mean {dispersion:.2f}, where 1 is Poisson; it makes all standard errors "
        f"{dispersion**0.5:.2f} times as wide.",
    )  # fmt: skip
    notes = (
        [] if told else ["Too few periods before to tell the dispersion: 0.0008 N + 1.2 of the literature is used."]
    )
    if not spans.whole_years:
        notes.append("The spans are no whole years: a season may stand on one side only.")
    return _Compared(spans, treated, control, dispersion, (scatter,), tuple(notes))


def _lacks_control(compared: _Compared) -> str | None:
    if min(compared.control) > 0:
        return None
    return (
        f"the control places had {compared.control.before:g} incidents before and {compared.control.after:g} "
        "after; name control places with incidents in both spans"
    )


def _without_percent_of_few(estimate: Estimate, baseline: float) -> Estimate:
    """Return the estimate, without its percentages where there were too few incidents before to state any."""
    if baseline >= PERCENT_FLOOR:
        return estimate
    note = (
        f"{baseline:g} incidents before, under {PERCENT_FLOOR}: no percentage is stated, one incident moves it by "
    )
    return replace(
        estimate, change_ratio=None, change_interval=None, notes=(*estimate.notes, f"{note}{1 / baseline:.0%}.")
    )
