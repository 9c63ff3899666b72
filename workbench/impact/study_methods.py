"""The methods that a study runs, by the names that STUDY.toml gives them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from catalog.errors import BadInput
from workbench.designs.area_estimates import estimate_raw, estimate_relative_effect, estimate_weighted_displacement
from workbench.designs.calibration_study import METHOD as CALIBRATION
from workbench.designs.calibration_study import Fitted, fit_calibration
from workbench.designs.differences_study import (
    estimate_callaway_santanna,
    estimate_imputation,
    estimate_poisson_etwfe,
    estimate_sun_abraham,
)
from workbench.designs.estimates import PERCENT_FLOOR, Estimate
from workbench.designs.panel import Floats, Panel
from workbench.designs.series_estimates import (
    COMPARATIVE,
    SERIES,
    estimate_comparative_series,
    estimate_interrupted_series,
)
from workbench.designs.structural_estimates import METHOD as STRUCTURAL
from workbench.designs.structural_estimates import estimate_structural
from workbench.designs.synthetic_study import SYNTHETIC_CONTROL, SYNTHETIC_DID, fit_synthetic


@dataclass(frozen=True)
class Draws:
    """How much is drawn, from which seed, for which coverage."""

    level: float
    """Coverage of intervals, share."""
    seed: int
    sampler: int
    """Draws of a sampler."""
    placebos: int
    """Placebo draws in space."""


@dataclass(frozen=True)
class Answer:
    """What a method said of one outcome."""

    estimate: Estimate
    donor_weights: Floats | None = None
    """(P,) share of the counterfactual that rests on each place; None where the method weighs none."""
    counterfactual: Floats | None = None
    """(T,) incidents in the treated places had there been no cameras; None where the method does not say."""


RAW, RELATIVE_EFFECT, DISPLACEMENT = "raw", "relative_effect", "weighted_displacement"

StudyMethod = Callable[[Panel, Draws], Estimate | Fitted]


def _level_alone(estimate: Callable[..., Estimate | Fitted]) -> StudyMethod:
    """Return a method that draws nothing."""
    return lambda panel, draws: estimate(panel, level=draws.level)


def _drawing(estimate: Callable[..., Estimate | Fitted]) -> StudyMethod:
    """Return a method that draws."""
    return lambda panel, draws: estimate(panel, level=draws.level, seed=draws.seed)


METHODS: Mapping[str, StudyMethod] = {
    RAW: _level_alone(estimate_raw),
    RELATIVE_EFFECT: _level_alone(estimate_relative_effect),
    DISPLACEMENT: _level_alone(partial(estimate_weighted_displacement, scaling="baseline")),
    "poisson_etwfe": _drawing(estimate_poisson_etwfe),
    "callaway_santanna": _drawing(estimate_callaway_santanna),
    "imputation": _drawing(estimate_imputation),
    "sun_abraham": _drawing(estimate_sun_abraham),
    CALIBRATION: _level_alone(fit_calibration),
    SYNTHETIC_CONTROL: _drawing(partial(fit_synthetic, kind="sc")),
    SYNTHETIC_DID: _drawing(partial(fit_synthetic, kind="sdid")),
    COMPARATIVE: _level_alone(estimate_comparative_series),
    SERIES: _level_alone(estimate_interrupted_series),
    STRUCTURAL: lambda panel, draws: estimate_structural(
        panel, level=draws.level, seed=draws.seed, draws=draws.sampler
    ),
}


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return the methods to run: those named, in the house's order, or all; the raw change is always among them.

    Raises
    ------
    BadInput
        When one is not known.
    """
    for name in names:
        if name not in METHODS:
            near = difflib.get_close_matches(name, METHODS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(METHODS)}"
            raise BadInput(f"there is no method {name!r}; {hint}")
    return tuple(name for name in METHODS if not names or name in names or name == RAW)


def answers(names: Sequence[str], panel: Panel, draws: Draws) -> Iterator[Answer]:
    """Yield what each method says of an outcome."""
    for name in names:
        found = METHODS[name](panel, draws)
        if isinstance(found, Estimate):
            yield Answer(_without_percentage(found, panel))
        elif found.estimate.refused:
            yield Answer(found.estimate)
        else:
            estimate = _without_percentage(found.estimate, panel)
            yield Answer(estimate, found.donor_weights, found.counterfactual)


def _without_percentage(estimate: Estimate, panel: Panel) -> Estimate:
    """Return an estimate that states no percentage where too few incidents stand behind one."""
    before = panel.counts[panel.treated][:, panel.before].sum()
    if before >= PERCENT_FLOOR or estimate.refused:
        return estimate
    note = f"{before:.0f} incidents before the cameras: under {PERCENT_FLOOR} no percentage is stated."
    return replace(estimate, change_ratio=None, change_interval=None, notes=(*estimate.notes, note))
