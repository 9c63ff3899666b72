"""What a structural time series says of a study: the treated places against what the controls foretell."""

from __future__ import annotations

import numpy as np

from catalog.errors import BadInput
from workbench.designs.aggregate import TreatedSeries, treated_series
from workbench.designs.estimates import Check, Estimate, refusal
from workbench.designs.panel import Floats, Panel
from workbench.designs.series_checks import ljung_box
from workbench.designs.state_space import Priors
from workbench.designs.structural import StructuralEffect, structural_effect

METHOD = "structural"

LEAST_BEFORE, LEAST_AFTER = 12, 3
"""Periods before and after, at least."""

MOST_CONTROLS = 8
"""More controls than this are joined to as many neighbourhoods."""

LEAST_PER_CONTROL = 50
"""Incidents a period in a neighbourhood, on the mean of all, at least: 50 scatter by a seventh by chance
alone. A noisy control has its coefficient drawn to 0, and what moves the whole city then passes for a change."""

STUDY_PRIORS = Priors(noise_weight=2.0)
"""CausalImpact's, but for the noise. It believes that controls explain four fifths of the variance as firmly as if
fifty periods had shown it; of three years of monthly counts that would make intervals a quarter too narrow."""

PLACEBO_DRAWS = 2_000


def estimate_structural(
    panel: Panel, *, seed: int = 0, level: float = 0.95, draws: int = 10_000, placebos: bool = True
) -> Estimate:
    """Return what the controls foretell of the treated places, and how far what happened is from it.

    Brodersen, Gallusser, Koehler, Remy and Scott (2015, Ann Appl Stat 9, 247–274), see `structural_effect`. The
    controls are joined to at most `MOST_CONTROLS` series by where they lie, never by their counts: places grouped
    by how busy they were before fall back after (regression to the mean), and would foretell a fall.

    Parameters
    ----------
    draws
        Kept draws; a tenth as many are thrown away before them.
    placebos
        Whether to ask the same of the last third of the periods before, where nothing began.
    """
    series = treated_series(panel)
    why_not = _why_not(series)
    if why_not:
        return refusal(METHOD, panel.outcome, "structural", why_not)
    controls = neighbourhoods(panel)
    controls = controls[:, np.ptp(controls[series.before], axis=0) > 0]
    rng = np.random.default_rng(seed)
    try:
        found = structural_effect(
            series.treated, controls, series.before, series.after, rng, priors=STUDY_PRIORS, draws=draws,
            burn=max(100, draws // 10), level=level,
        )  # fmt: skip
    except BadInput as wrong:
        return refusal(METHOD, panel.outcome, "structural", str(wrong))
    if found.may_vanish:
        return refusal(METHOD, panel.outcome, "structural", (
            f"about {found.cumulative.predicted:.0f} incidents were to be expected after, and none at all is among "
            "the draws, so no percentage has bounds; choose a commoner kind of incident or a longer span"
        ))  # fmt: skip
    total, before = found.cumulative, series.treated[series.before]
    checks = [_fit_check(before, found), _draws_check(found)]
    if placebos:
        checks += _placebo(series, controls, rng, level)
    return Estimate(
        METHOD, panel.outcome, "structural", total.relative, _around(total.relative, total.drawn_relative_interval),
        total.effect, _around(total.effect, total.effect_interval), level, min(1.0, 2 * found.tail_p),
        found.noise_sd**2 / max(float(before.mean()), 1e-9), tuple(checks), _notes(series, controls, found),
    )  # fmt: skip


def _around(point: float, interval: tuple[float, float]) -> tuple[float, float]:
    return min(point, interval[0]), max(point, interval[1])


def _why_not(series: TreatedSeries) -> str:
    before, after = int(series.before.sum()), int(series.after.sum())
    reasons = (
        (series.treated_places == 0, "no treated place has cameras on within the study; give it activation dates"),
        (
            series.control_places == 0,
            "no controls, so nothing foretells the treated places; name controls, or use the interrupted series",
        ),
        (
            before < LEAST_BEFORE,
            f"{before} periods before the cameras; learning takes {LEAST_BEFORE}: begin the study earlier or count "
            "in shorter periods",
        ),
        (
            after < LEAST_AFTER,
            f"{after} periods with cameras on in nearly all treated places; it takes {LEAST_AFTER}: end the study "
            "later, or treat stages of the roll-out as studies of their own",
        ),
    )
    return next((why for holds, why in reasons if holds), "")


def neighbourhoods(panel: Panel) -> Floats:
    """Return (T, K) counts of the controls, joined by where they lie, or in their order without positions.

    Places are halved again and again across the longer side of where they lie, to `MOST_CONTROLS` or as few as
    leave `LEAST_PER_CONTROL` incidents a period in each, on the mean.
    """
    rows = np.flatnonzero(panel.control)
    per_period = float(panel.counts[rows][:, panel.before].sum() / max(panel.before.sum(), 1))
    most = int(np.clip(per_period / LEAST_PER_CONTROL, 1, MOST_CONTROLS))
    parts = [rows] if len(rows) else []
    while 0 < len(parts) < most:
        largest = max(range(len(parts)), key=lambda place: len(parts[place]))
        part = parts.pop(largest)
        if len(part) < 2:
            parts.append(part)
            break
        ordered = part
        if panel.xy_m is not None:
            at = panel.xy_m[part]
            ordered = part[np.argsort(at[:, int(np.argmax(np.ptp(at, axis=0)))], kind="stable")]
        parts += [ordered[: len(part) // 2], ordered[len(part) // 2 :]]
    sums = [panel.counts[part].sum(axis=0) for part in parts]
    return np.column_stack(sums) if sums else np.empty((len(panel.starts), 0))


def _fit_check(before: Floats, found: StructuralEffect) -> Check:
    alike = ljung_box(before - found.predicted[: len(before)])
    says = "do not resemble" if alike.p_value >= 0.05 else "resemble"
    return Check(
        "residual autocorrelation p", alike.p_value, alike.p_value >= 0.05,
        f"What the model leaves unexplained before does {'not ' if alike.p_value >= 0.05 else ''}run in spells: "
        f"residuals {says} those of the periods before (Ljung–Box p = {alike.p_value:.3f}).",
    )  # fmt: skip


def _draws_check(found: StructuralEffect) -> Check:
    worth = found.effective_draws
    return Check(
        "effective draws", worth, worth >= 400,
        f"The draws are worth {worth:.0f} independent ones; 400 place the ends of an interval to within a "
        "tenth of its deviation.",
    )  # fmt: skip


def _placebo(series: TreatedSeries, controls: Floats, rng: np.random.Generator, level: float) -> list[Check]:
    """Return what is found in the last third of the periods before; nothing when too few are left to learn from."""
    periods = int(series.before.sum())
    turn, place = periods - periods // 3, np.arange(len(series.before))
    if turn < LEAST_BEFORE:
        return []
    try:
        found = structural_effect(
            series.treated, controls, place < turn, (place >= turn) & series.before, rng, priors=STUDY_PRIORS,
            draws=PLACEBO_DRAWS, burn=PLACEBO_DRAWS // 10, level=level,
        )  # fmt: skip
    except BadInput:
        return []
    low, high = found.cumulative.drawn_relative_interval
    clear = low <= 0 <= high
    return [Check(
        "change where nothing began, share", found.cumulative.relative, clear,
        f"In the last {periods - turn} periods before the cameras, where nothing began, the method finds "
        f"{found.cumulative.relative:+.1%} ({low:+.1%} to {high:+.1%}); that interval "
        f"{'holds' if clear else 'does not hold'} 0.",
    )]  # fmt: skip


def _notes(series: TreatedSeries, controls: Floats, found: StructuralEffect) -> tuple[str, ...]:
    counts = int((found.included_ratio > 0.5).sum())
    notes = [
        f"{series.control_places} controls joined to {controls.shape[1]} series by where they lie; {counts} of "
        "them count in most draws."
    ]
    if series.left_out:
        notes.append(
            f"{series.left_out} periods of the roll-out or with many cameras off are foretold but left out."
        )
    if series.treated[series.before].mean() < 10:
        notes.append(
            "Fewer than ten incidents a period: counts this small are not normal, and the interval is rough."
        )
    return tuple(notes)
