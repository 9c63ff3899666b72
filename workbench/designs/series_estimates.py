"""What interrupted time series say of a study: the treated places' own past, alone or beside the controls'.

Lopez Bernal, Cummins and Gasparrini (2017, Int J Epidemiol 46, 348–355); with controls, the same authors (2018,
Int J Epidemiol 47, 2082–2093).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from catalog.errors import BadInput
from workbench.designs.aggregate import TreatedSeries, treated_series, whole_years
from workbench.designs.estimates import Check, Design, Estimate, refusal
from workbench.designs.panel import Floats, Panel
from workbench.designs.segments import Whole, segments
from workbench.designs.segments import harmonics as season_columns
from workbench.designs.series import Change, Family, SegmentedFit, change_after, fit_counts
from workbench.designs.series_checks import PlaceboBreak, Portmanteau, error_beyond, ljung_box, placebo_breaks

LEAST_BEFORE = 12
"""Periods before, at least; with fewer the trend rests on chance (Lopez Bernal and others 2017)."""

LEAST_AFTER = 3
"""Periods after, at least."""

HARMONIC_PAIRS = 2
"""Pairs of sines and cosines where two years before allow them; what Lopez Bernal and others use for months."""

SERIES, COMPARATIVE = "interrupted_series", "comparative_series"


def estimate_interrupted_series(
    panel: Panel,
    *,
    harmonics: int | None = None,
    slope: bool = False,
    family: Family = "quasipoisson",
    placebos: bool = True,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return what the treated places' own past says.

    Log-linear trend, a step when cameras come on, seasons as sines and cosines. Intervals are the wider of the
    model's, with its dispersion, and Newey and West's, with N − K degrees of freedom, widened by what breaks made
    up in the periods before show beyond their own errors (`error_beyond`). A shock to the whole city after the
    cameras is beyond all of them.

    Parameters
    ----------
    harmonics
        Pairs per year; None for two with two years before, else none, which takes windows of whole years.
    slope
        Whether the trend may change too; the change is then the mean one over all periods after.
    family
        `quasipoisson` or `negative_binomial`.
    placebos
        Whether breaks made up in the periods before are fitted too; it takes most of the time.
    seed
        For all methods to be called alike; nothing is drawn here.
    """
    series = treated_series(panel)
    pairs = _pairs(series, harmonics)
    why_not = _why_not(series, pairs)
    if why_not:
        return refusal(SERIES, panel.outcome, "series", why_not)
    model = _Model(None, pairs, slope, family)
    return _estimate(SERIES, "series", series, model, placebos, level)


def estimate_comparative_series(
    panel: Panel,
    *,
    harmonics: int | None = None,
    slope: bool = False,
    placebos: bool = True,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return what the treated places' past says beside that of the controls.

    The odds of an incident being in a treated place rather than in a control, period by period: whatever moves both
    by the same factor drops out, and so does how large the controls are. The odds have a log-linear trend of their
    own, and a step. It is Poisson regression with an effect for each period and a trend and step of the treated
    (conditional on each period's total), with quasi-likelihood for the dispersion.

    Parameters are those of `estimate_interrupted_series`.
    """
    series = treated_series(panel)
    pairs = _pairs(series, harmonics)
    why_not = _why_not(series, pairs)
    if not why_not and not series.control[series.before].any():
        why_not = "no incident in a control before the cameras; name controls, or use the series alone"
    if not why_not and not series.control[series.after].any():
        why_not = "no incident in a control after the cameras, so its change cannot be told; name more controls"
    if why_not:
        return refusal(COMPARATIVE, panel.outcome, "differences", why_not)
    totals = series.treated + series.control
    model = _Model(totals, pairs, slope, "quasibinomial")
    return _estimate(COMPARATIVE, "differences", series, model, placebos, level)


def _pairs(series: TreatedSeries, asked: int | None) -> int:
    """Return how many pairs of harmonics: as asked, else as many of two as the before and the calendar allow."""
    if asked is not None:
        return asked
    enough = series.before.sum() >= 2 * series.periods_per_year
    return min(HARMONIC_PAIRS, int(series.periods_per_year / 2)) if enough else 0


def _why_not(series: TreatedSeries, pairs: int) -> str:
    """Return why there can be no answer, or nothing."""
    before, after, year = int(series.before.sum()), int(series.after.sum()), series.periods_per_year
    reasons = (
        (series.treated_places == 0, "no treated place has cameras on within the study; give it activation dates"),
        (
            before < max(LEAST_BEFORE, year),
            f"{before} periods before the cameras; a trend takes {LEAST_BEFORE} and a whole year ({year:.0f}) at "
            "least: begin the study earlier or count in shorter periods",
        ),
        (
            after < LEAST_AFTER,
            f"{after} periods with cameras on in nearly all treated places; it takes {LEAST_AFTER}: end the study "
            "later, or treat stages of the roll-out as studies of their own",
        ),
        (
            pairs == 0 and year > 1 and not (whole_years(before, year) and whole_years(after, year)),
            f"{before} periods before and {after} after are not whole years, so seasons would pass for a change; "
            "choose windows of whole years, or two years before so that harmonics can be fitted",
        ),
        (
            not series.treated[series.before].any() or not series.treated[series.after].any(),
            "no incident at all before, or after: a ratio has no bounds; use an exact test of the counts",
        ),
    )
    return next((why for holds, why in reasons if holds), "")


@dataclass(frozen=True)
class _Model:
    """What is fitted."""

    totals: Floats | None
    """(T,) incidents of treated and control together; None for the treated alone."""
    pairs: int
    """Pairs of harmonics."""
    slope: bool
    family: Family


def _estimate(
    method: str, kind: Design, series: TreatedSeries, model: _Model, placebos: bool, level: float
) -> Estimate:
    on = series.after.astype(float)
    try:
        fit, change = _widest(series, model, np.flatnonzero(series.used), on, level)
    except BadInput as wrong:
        return refusal(method, series.outcome, kind, str(wrong))
    checks = [_autocorrelation(ljung_box(fit.residuals), fit), _dispersion(fit)]
    breaks = _breaks(series, replace(model, slope=False)) if placebos else ()
    if breaks:
        further = error_beyond(breaks)
        change = change_after(fit, level, further)
        checks.append(_placebos(breaks, change, further))
    return Estimate(
        method, series.outcome, kind, change.ratio, change.ratio_interval, change.count, change.count_interval,
        level, change.p_value, fit.dispersion, tuple(checks), _notes(series, model),
    )  # fmt: skip


def _fit(series: TreatedSeries, model: _Model, rows: Whole, on: Floats) -> SegmentedFit:
    """Fit the rows (indices of periods); time is counted in years from the first, so that its slope is readable."""
    time = rows / series.periods_per_year
    names, seasons = season_columns(rows, model.pairs, series.periods_per_year)
    design = segments(time, [on[rows]], slope=model.slope, extra=seasons, extra_names=names)
    totals = None if model.totals is None else model.totals[rows]
    return fit_counts(series.treated[rows], design, family=model.family, totals=totals, normal=False)


def _widest(
    series: TreatedSeries, model: _Model, rows: Whole, on: Floats, level: float
) -> tuple[SegmentedFit, Change]:
    """Return the fit and its change with whichever standard errors are wider.

    Newey and West's are too narrow in short series (Andrews 1991, Econometrica 59, 817–858), the model's where
    neighbours in time resemble each other; which of the two holds is not known, so the wider stands. Counts that
    scatter less than Poisson's do so by chance: a dispersion below 1 does not narrow them.
    """
    fit = _fit(series, model, rows, on)
    own = fit.covariance
    if model.family.startswith("quasi"):
        own = own * max(1.0, 1.0 / fit.dispersion)
    candidates = (replace(fit, covariance=own), replace(fit, covariance=fit.long_run, errors="newey_west"))
    changes = [(one, change_after(one, level)) for one in candidates]
    return max(changes, key=lambda pair: pair[1].ratio_interval[1] - pair[1].ratio_interval[0])


def _breaks(series: TreatedSeries, model: _Model) -> tuple[PlaceboBreak, ...]:
    """Return what is found at breaks made up in the periods before."""
    rows = np.flatnonzero(series.before)

    def at(begun: int) -> Change:
        on = (np.arange(len(series.before)) >= begun).astype(float)
        return _widest(series, model, rows, on, 0.95)[1]

    return placebo_breaks(len(rows), at)


def _placebos(breaks: Sequence[PlaceboBreak], change: Change, further: float) -> Check:
    """Return how the change stands among those at made-up breaks; it passes: the interval knows what they say."""
    larger = sum(abs(np.log1p(one.change_ratio)) >= abs(np.log1p(change.ratio)) for one in breaks)
    share, false = float(1 + larger) / (1 + len(breaks)), sum(one.p_value < 0.05 for one in breaks)
    widened = f"a further standard error of {further:.2f} of the log ratio widens the interval" if further else (
        "they are no larger than their errors say"
    )  # fmt: skip
    return Check(
        "placebo breaks as large, share",
        share,
        True,
        f"Of {len(breaks)} breaks made up in the periods before, {larger} show a change as large as the one found "
        f"and {false} have p below 0.05; {widened}.",
    )


def _autocorrelation(alike: Portmanteau, fit: SegmentedFit) -> Check:
    passed = alike.p_value >= 0.05
    says = "do not resemble" if passed else "resemble"
    return Check(
        "residual autocorrelation p", alike.p_value, passed,
        f"Residuals {says} those of the periods before (Ljung–Box p = {alike.p_value:.3f}, neighbours correlate by "
        f"{alike.first:.2f}); the interval rests on "
        f"{'Newey and West’s' if fit.errors == 'newey_west' else 'the model’s'} errors, the wider of the two.",
    )  # fmt: skip


def _dispersion(fit: SegmentedFit) -> Check:
    return Check(
        "dispersion", fit.dispersion, fit.dispersion < 10,
        f"The variance of the counts is {fit.dispersion:.2f} times Poisson’s; intervals are widened for it.",
    )  # fmt: skip


def _notes(series: TreatedSeries, model: _Model) -> tuple[str, ...]:
    seasons = (
        f"Seasons are {model.pairs} pairs of harmonics."
        if model.pairs
        else "Seasons cancel: both windows are whole years."
    )
    notes = [f"{int(series.before.sum())} periods before and {int(series.after.sum())} after. {seasons}"]
    if series.left_out:
        notes.append(
            f"{series.left_out} periods of the roll-out or with many cameras off are left out; the change is that "
            "of the periods with nearly all cameras on."
        )
    if model.slope:
        notes.append("Level and trend may both change; the change is the mean one over the periods after.")
    return tuple(notes)
