"""What a finding must hold against: placebos, pre-trends, displacement, other windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.area_estimates import compared_spans, estimate_relative_effect
from workbench.designs.calibration_placebos import (
    calibration_placebos,
    placebo_draw,
    prepare_placebos,
    rank_p,
)
from workbench.designs.calibration_study import METHOD as CALIBRATION
from workbench.designs.calibration_study import fit_calibration
from workbench.designs.differences_study import event_study, smoothness
from workbench.designs.displacement import read_rings, rings_around
from workbench.designs.estimates import Estimate
from workbench.designs.findings import Displacement, EventStudy, Placebos, Sensitivity
from workbench.designs.panel import Panel
from workbench.designs.placebo_panels import alike_pools, backdated, placebo_panel
from workbench.designs.scatter import panel_dispersion
from workbench.impact.counting import CountedStudy, ring_counts
from workbench.impact.study_methods import RELATIVE_EFFECT, Draws

Shared = TypeVar("Shared")
T = TypeVar("T")

Estimator = Callable[[Panel, float], Estimate]
"""A method that is quick enough to be asked again and again."""

QUICK: dict[str, Estimator] = {
    CALIBRATION: lambda panel, level: fit_calibration(panel, level=level, hold_out=False).estimate,
    RELATIVE_EFFECT: estimate_relative_effect,
}
"""Methods whose placebos in time and sensitivity are shown."""

LEAST_PERIODS = 3
"""Spans shorter than so many periods are not tried."""


class RunDraws(Protocol):
    """Runs the same draw for many seeds, here or on many workers, and gives the results in the seeds' order."""

    def __call__(self, draw: Callable[[Shared, int], T], shared: Shared, seeds: Sequence[int]) -> Sequence[T]:
        """Return draw(shared, seed) for each seed."""


def in_process(draw: Callable[[Shared, int], T], shared: Shared, seeds: Sequence[int]) -> Sequence[T]:
    """Run all draws here, one after another."""
    return [draw(shared, seed) for seed in seeds]


def space_placebos(
    panel: Panel, estimates: Sequence[Estimate], draws: Draws, run_draws: RunDraws
) -> tuple[Placebos, ...]:
    """Return what quick methods find where there were no cameras; of those that answered, if any are asked for."""
    seeds = range(draws.seed, draws.seed + draws.placebos)
    found = []
    try:
        observed = _answer_of(estimates, CALIBRATION)
        if observed is not None and seeds:
            drawn = run_draws(placebo_draw, prepare_placebos(panel), seeds)
            found.append(calibration_placebos(panel.outcome, observed, drawn))
        observed = _answer_of(estimates, RELATIVE_EFFECT)
        if observed is not None and seeds:
            pools = alike_pools(panel, np.flatnonzero(panel.treated))
            told = run_draws(_relative_placebo, (panel, pools), seeds)
            ratios = tuple(ratio for ratio in told if ratio is not None)
            rank = rank_p(observed, ratios)
            found.append(Placebos(panel.outcome, RELATIVE_EFFECT, "in space", observed, ratios, rank))
    except BadInput:  # too few control places: the verdict says that no placebo was run
        return ()
    return tuple(one for one in found if one.draws_ratio)


def _relative_placebo(shared: tuple[Panel, NDArray[np.int64]], seed: int) -> float | None:
    """Return the relative effect found when control places pretend to have cameras."""
    panel, pools = shared
    return estimate_relative_effect(placebo_panel(panel, seed, pools)).change_ratio


def time_placebos(panel: Panel, estimates: Sequence[Estimate]) -> tuple[Placebos, ...]:
    """Return what quick methods find when the same cameras pretend to have come earlier."""
    before = int(panel.before.sum())
    spans = [span for span in _year_shares(panel, before // 2) if span >= LEAST_PERIODS]
    found = []
    for method, estimate in QUICK.items():
        observed = _answer_of(estimates, method)
        if observed is None:
            continue
        tried = [estimate(backdated(panel, span), 0.95).change_ratio for span in spans]
        draws = tuple(ratio for ratio in tried if ratio is not None)
        if draws:
            found.append(Placebos(panel.outcome, method, "in time", observed, draws, rank_p(observed, draws)))
    return tuple(found)


def pretrends_of(panel: Panel, level: float, seed: int) -> tuple[EventStudy, ...]:
    """Return the change by period since activation, with the joint test of the periods before."""
    try:
        return (event_study(panel, level=level, seed=seed),)
    except BadInput:  # too short a past: the verdict says that pre-trends could not be tested
        return ()


def trend_sensitivity(panel: Panel, level: float, seed: int) -> tuple[Sensitivity, ...]:
    """Return what is left of the change when trends may bend."""
    try:
        return (smoothness(panel, level=level, seed=seed),)
    except BadInput:  # no whole block before: nothing says how trends bend
        return ()


def _year_shares(panel: Panel, longest: int) -> list[int]:
    """Return half years, whole years and so on up to `longest` periods."""
    half = max(1, round(panel.periods_per_year / 2))
    return list(range(half, longest + 1, half))


def _answer_of(estimates: Iterable[Estimate], method: str) -> float | None:
    return next(
        (one.change_ratio for one in estimates if one.method == method and one.change_ratio is not None), None
    )


def displacement_of(counted: CountedStudy, panel: Panel, level: float) -> Displacement | None:
    """Return whether incidents moved into the rings around what cameras see; None where nothing can be compared.

    Incidents are counted by their own distance, not by their cell's.
    """
    rings = ring_counts(counted, panel.outcome)
    # Periods that sites were chosen on are left out of the panel, and so of this.
    kept = np.isin(counted.layout.periods.starts, panel.starts)
    spans = compared_spans(panel)
    by_ring = rings.counts[:, kept]
    edges = (0.0, *rings.radii_m)
    middles = [(inner + outer) / 2 for inner, outer in pairwise(edges)]
    distance = np.array([0.0, *middles, np.inf])
    treated, control = np.arange(len(distance)) == 0, np.arange(len(distance)) == len(distance) - 1
    try:
        found = rings_around(
            distance, by_ring[:, spans.before].sum(axis=1), by_ring[:, spans.after].sum(axis=1), treated=treated,
            control=control, radii_m=edges, dispersion=panel_dispersion(panel), level=level,
        )  # fmt: skip
    except BadInput:  # nothing beyond the rings, or nothing before: the verdict says that it was not examined
        return None
    return Displacement(panel.outcome, found, level, read_rings(found))


def window_sensitivity(panel: Panel, estimates: Sequence[Estimate], level: float) -> tuple[Sensitivity, ...]:
    """Return what quick methods say with shorter spans before and after."""
    before, after = int(panel.before.sum()), int((~panel.before).sum())
    shorter_before = [(span, after) for span in _year_shares(panel, before)]
    shorter_after = [(before, span) for span in _year_shares(panel, after)]
    windows = [one for one in dict.fromkeys([*shorter_before, *shorter_after]) if min(one) >= LEAST_PERIODS]
    said = tuple(f"{earlier} periods before, {later} after" for earlier, later in windows)
    found = []
    for method, estimate in QUICK.items():
        if _answer_of(estimates, method) is None or not windows:
            continue
        tried = [estimate(panel.between(before - earlier, before + later), level) for earlier, later in windows]
        intervals = [one.change_interval or (None, None) for one in tried]
        found.append(
            Sensitivity(
                panel.outcome, method, "window", said, tuple(one.change_ratio for one in tried),
                tuple(low for low, _ in intervals), tuple(high for _, high in intervals),
            )
        )  # fmt: skip
    return tuple(found)
