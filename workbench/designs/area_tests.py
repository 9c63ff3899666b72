"""Crime before and after in one treated area against one control area: the tests of the trade.

None of these knows more than four (or six, or eight) counts. They are as good as the control area: where the places
were chosen because crime was high, all of them find a fall that nothing caused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from catalog.errors import BadInput
from workbench.designs.panel import Floats

MOST_BASELINE_RATIO = 2.0
"""A control with more than so many times the treated area's incidents is not compared in plain counts.

A difference of counts lets both areas rise or fall by equally many incidents. If the whole city moves by a share
r, a control k times as large moves by r (k − 1) treated baselines more, and the difference calls that an effect: at
2, ten percent more crime everywhere looks like a tenth less where the cameras are.
"""


class BeforeAfter(NamedTuple):
    """Incidents in one area before and after."""

    before: float
    after: float


NO_AREA = BeforeAfter(0, 0)
"""Stands for a displacement area nobody counted."""


@dataclass(frozen=True)
class RawChange:
    """What happened in one area; nothing stands for what would have happened."""

    change_ratio: float
    """Change of the rate, share of it."""
    change_interval: tuple[float, float]
    change_count: float
    """Incidents more (or fewer) after than the rate before gives for a span as long."""
    z: float
    p_value: float
    """Two-sided, normal, of equal rates."""
    level: float


@dataclass(frozen=True)
class RelativeEffect:
    """The change in the treated area relative to that in the control area."""

    relative_effect_size: float
    """Odds ratio a d / (b c): above 1 where the treated area did better than the control."""
    effect_size_interval: tuple[float, float]
    incident_rate_ratio: float
    """Its inverse: 0.8 is a fifth fewer than the control's change gives."""
    rate_ratio_interval: tuple[float, float]
    log_rate_ratio: float
    standard_error: float
    """Of `log_rate_ratio`, and of its negative, the log of the relative effect size."""
    z: float
    p_value: float
    """Two-sided, normal, of a ratio of 1."""
    dispersion: float
    level: float


@dataclass(frozen=True)
class WeightedDisplacement:
    """Incidents more (or fewer) in treated and displacement areas than in their controls."""

    local: float
    """Difference of the treated area's change and its control's, incidents by weight."""
    local_se: float
    local_interval: tuple[float, float]
    displacement: float
    """The same of the displacement area and its control; 0 where there is none."""
    displacement_se: float
    total: float
    total_se: float
    total_interval: tuple[float, float]
    z: float
    """Of `total`."""
    p_value: float
    """Two-sided, normal, of a total of 0."""
    dispersion: float
    level: float


@dataclass(frozen=True)
class ScaledDifference:
    """Incidents more (or fewer) than the control's change, applied to each area's own baseline, gives."""

    expected: float
    """Incidents after, had the areas changed as the control did in proportion."""
    difference: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float
    level: float


@dataclass(frozen=True)
class DisplacementQuotient:
    """Whether a fall in the treated area reappeared in the buffer around it."""

    gross_effect: float
    """Incidents before less those after in the treated area."""
    net_effect: float
    """Treated area's incidents per incident of the control, before less after; positive where it did better."""
    success_measure: float
    """The same, after less before: the denominator of the quotient."""
    displacement_measure: float
    """Buffer's incidents per incident of the control, after less before: the numerator."""
    quotient: float | None
    """−1: all of the fall reappeared; 0: none; above 0: the buffer gained too; None where nothing fell."""
    total_net_effect: float
    """Incidents fewer, treated area and buffer together, than the control's change gives."""
    says: str


def raw_change(
    treated: BeforeAfter, *, periods: tuple[float, float] = (1, 1), dispersion: float = 1.0, level: float = 0.95
) -> RawChange:
    """Return how the rate of one area changed, with the interval of a log rate ratio.

    Parameters
    ----------
    periods
        Lengths of the spans before and after, in any unit.
    dispersion
        What the Poisson variance is multiplied by.

    Raises
    ------
    BadInput
        When either count is 0 or less: there is no ratio.
    """
    _positive(("before", treated.before), ("after", treated.after), ("periods", min(periods)))
    log_ratio = np.log(treated.after / periods[1]) - np.log(treated.before / periods[0])
    error = float(np.sqrt(dispersion * (1 / treated.before + 1 / treated.after)))
    low, high = _around(log_ratio, error, level)
    return RawChange(
        float(np.expm1(log_ratio)), (float(np.expm1(low)), float(np.expm1(high))),
        treated.after - treated.before * periods[1] / periods[0], float(log_ratio / error),
        _two_sided(log_ratio / error), level,
    )  # fmt: skip


def relative_effect(
    treated: BeforeAfter,
    control: BeforeAfter,
    *,
    dispersion: float = 1.0,
    zero_correction: float = 0.0,
    level: float = 0.95,
) -> RelativeEffect:
    """Return the relative effect size and its inverse, the incident rate ratio.

    With `a`, `b` the treated and `c`, `d` the control counts before and after, RES = a d / (b c) and
    VAR(ln RES) = D (1/a + 1/b + 1/c + 1/d). D = 1 holds for Poisson counts; crime varies more. Farrington, Gill,
    Waples & Argomaniz (2007, Journal of Experimental Criminology 3) found D from monthly counts; Wilson (2022,
    Journal of Quantitative Criminology 38) takes the quasi-Poisson φ of ln(IRR) = −ln(RES). Equal spans are not
    needed: their lengths cancel.

    Parameters
    ----------
    dispersion
        D or φ; see `pearson_dispersion` and `farrington_dispersion`.
    zero_correction
        Added to all four counts; 0.5 where one of them is 0.

    Raises
    ------
    BadInput
        When a count, corrected, is not above 0.
    """
    cells = np.asarray([*treated, *control], dtype=float) + zero_correction
    names = ("treated before", "treated after", "control before", "control after")
    _positive(*zip(names, cells, strict=True), ("dispersion", dispersion))
    before, after, control_before, control_after = np.log(cells)
    log_ratio = float(after - before - (control_after - control_before))
    error = float(np.sqrt(dispersion * (1 / cells).sum()))
    low, high = np.exp(_around(log_ratio, error, level))
    return RelativeEffect(
        relative_effect_size=float(np.exp(-log_ratio)), effect_size_interval=(float(1 / high), float(1 / low)),
        incident_rate_ratio=float(np.exp(log_ratio)), rate_ratio_interval=(float(low), float(high)),
        log_rate_ratio=log_ratio, standard_error=error, z=log_ratio / error, p_value=_two_sided(log_ratio / error),
        dispersion=dispersion, level=level,
    )  # fmt: skip


def weighted_displacement(
    treated: BeforeAfter,
    control: BeforeAfter,
    displacement: BeforeAfter = NO_AREA,
    displacement_control: BeforeAfter = NO_AREA,
    *,
    periods: tuple[float, float] = (1, 1),
    areas: Sequence[float] = (1, 1, 1, 1),
    dispersion: float = 1.0,
    level: float = 0.95,
) -> WeightedDisplacement:
    """Return the weighted displacement difference (Wheeler & Ratcliffe 2018, Crime Science 7:11).

    Each count is divided by the length of its span and the size of its area; its variance is the count over the
    square of that weight, times `dispersion`. Use only with a control of about the treated area's size: see
    `unscaled_control`.

    Parameters
    ----------
    periods
        Lengths of the spans before and after; the difference is per unit of them.
    areas
        (4,) sizes of control, treated, displacement control and displacement area, in this order.
    dispersion
        Variance over mean of the counts; 1 is Poisson, as in the article.

    Raises
    ------
    BadInput
        For a weight that is not above 0, a count below 0, or no incident at all.
    """
    cells = np.asarray([control, treated, displacement_control, displacement], dtype=float)
    weights = np.outer(np.asarray(areas, dtype=float), np.asarray(periods, dtype=float))
    if weights.shape != (4, 2) or (weights <= 0).any() or (cells < 0).any():
        raise BadInput(
            f"weighted displacement difference of {cells.tolist()} with spans {periods} and areas {tuple(areas)}: "
            "it takes two spans and four areas above 0, and counts of 0 or more"
        )
    change = np.diff(cells / weights, axis=1)[:, 0]
    variance = dispersion * (cells / weights**2).sum(axis=1)
    local, moved = float(change[1] - change[0]), float(change[3] - change[2])
    total_se = float(np.sqrt(variance.sum()))
    if total_se == 0:
        raise BadInput("weighted displacement difference: there is no incident in any area; widen the spans")
    local_se, moved_se = float(np.sqrt(variance[:2].sum())), float(np.sqrt(variance[2:].sum()))
    total = local + moved
    return WeightedDisplacement(
        local, local_se, _around(local, local_se, level), moved, moved_se, total, total_se,
        _around(total, total_se, level), total / total_se, _two_sided(total / total_se), dispersion, level,
    )  # fmt: skip


def unscaled_control(treated_before: float, control_before: float) -> str | None:
    """Return why a control cannot be compared with the treated area in plain counts; None where it can.

    Parameters
    ----------
    treated_before, control_before
        Incidents before, by the weight they enter the difference with.
    """
    if control_before <= MOST_BASELINE_RATIO * treated_before:
        return None
    times = f"{control_before / treated_before:.1f} times" if treated_before > 0 else "without any in"
    return (
        f"the control had {control_before:,.0f} incidents before, {times} the treated area's "
        f"{treated_before:,.0f}: a difference of counts would call the city's own rise or fall an effect; choose a "
        "control of the treated area's size, or scale it to that"
    )


def scaled_difference(
    areas: BeforeAfter,
    control: BeforeAfter,
    *,
    dispersion: float = 1.0,
    level: float = 0.95,
) -> ScaledDifference:
    """Return incidents after less those that the control's change in proportion gives.

    A control of any size and spans of any length will do: what is expected is before × (control after / control
    before). For treated area and buffer together the difference is the negative of the total net effect (Bowers &
    Johnson 2003, Journal of Quantitative Criminology 19). The variance is that of quasi-Poisson counts, carried
    through by the delta method.

    Raises
    ------
    BadInput
        When the control has no incident before or none after.
    """
    _positive(("control before", control.before), ("control after", control.after))
    growth = control.after / control.before
    expected = areas.before * growth
    scatter = areas.after + growth**2 * areas.before + expected**2 * (1 / control.before + 1 / control.after)
    error = float(np.sqrt(dispersion * scatter))
    difference = areas.after - expected
    p_value = _two_sided(difference / error) if error else 1.0
    return ScaledDifference(expected, difference, error, _around(difference, error, level), p_value, level)


def displacement_quotient(
    treated: BeforeAfter, control: BeforeAfter, buffer: BeforeAfter = NO_AREA
) -> DisplacementQuotient:
    """Return gross, net and total net effect and the weighted displacement quotient.

    Bowers & Johnson (2003, Journal of Quantitative Criminology 19); formulas as in Guerette (2009), Analyzing Crime
    Displacement and Diffusion, POP Center Tool Guide 10, appendix B.

    Raises
    ------
    BadInput
        When the control has no incident before or none after.
    """
    _positive(("control before", control.before), ("control after", control.after))
    success = treated.after / control.after - treated.before / control.before
    moved = buffer.after / control.after - buffer.before / control.before
    # Without a fall relative to the control there is nothing that could have moved; nor is rounding a fall.
    quotient = moved / success if success < -1e-12 * treated.before / control.before else None
    growth = control.after / control.before
    total = (treated.before + buffer.before) * growth - treated.after - buffer.after
    return DisplacementQuotient(
        treated.before - treated.after, -success, success, moved, quotient, total, _reading(quotient)
    )


def _reading(quotient: float | None) -> str:
    if quotient is None:
        return "The treated area did no better than the control: there is nothing that could have moved."
    if quotient > 1:
        return "The buffer gained more than the treated area."
    if quotient > 0:
        return f"The buffer gained too, {quotient:.0%} of what the treated area gained."
    if quotient == 0:
        return "Nothing moved to or from the buffer."
    if quotient > -1:
        return f"{-quotient:.0%} of what fell in the treated area reappeared in the buffer."
    return "As much as fell in the treated area, or more, reappeared in the buffer."


def pearson_dispersion(counts: Floats) -> float:
    """Return the quasi-Poisson dispersion of counts by place and period: Pearson's χ² over its degrees of freedom.

    What is expected in a cell is its place's share of its period's total, so that lasting differences between
    places and shared seasons are not taken for scatter. For one place it is the index of dispersion over time.

    Parameters
    ----------
    counts
        (P, T) incidents; places and periods without any are left out.

    Returns
    -------
    float
        1 for Poisson counts; NaN where nothing is left to tell.
    """
    kept = counts[counts.sum(axis=1) > 0]
    if len(kept) > 1:
        kept = kept[:, kept.sum(axis=0) > 0]
    places, periods = kept.shape
    freedom = (places - 1) * (periods - 1) if places > 1 else periods - 1
    if places == 0 or freedom < 1:
        return float("nan")
    along = kept.sum(axis=0, keepdims=True) if places > 1 else np.full((1, periods), kept.mean())
    expected = kept.sum(axis=1, keepdims=True) * along / along.sum()
    return float(((kept - expected) ** 2 / expected).sum() / freedom)


def farrington_dispersion(mean_count: float) -> float:
    """Return the dispersion of an area with so many crimes a year: 0.0008 N + 1.2.

    Fitted to monthly crimes in British areas by Farrington, Gill, Waples & Argomaniz (2007), as given by Welsh &
    Farrington (2008, Campbell Systematic Reviews 2008:17), who then doubled the variance in all evaluations. Use it
    only where there is no series of the areas themselves.
    """
    return 0.0008 * mean_count + 1.2


def _positive(*figures: tuple[str, float]) -> None:
    for name, figure in figures:
        if not figure > 0:
            raise BadInput(f"a ratio was asked for, but {name} is {figure:g}; widen the span or add 0.5 to all")


def _around(center: float, error: float, level: float) -> tuple[float, float]:
    reach = float(ndtri((1 + level) / 2)) * error
    return float(center - reach), float(center + reach)


def _two_sided(z: float) -> float:
    return float(2 * ndtr(-abs(z)))
