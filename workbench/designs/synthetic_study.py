"""Synthetic control and synthetic difference-in-differences of a panel, with placebos for their error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.stats import t

from catalog.errors import BadInput
from workbench.designs.calibration_placebos import rank_p
from workbench.designs.calibration_study import Fitted
from workbench.designs.estimates import Check, Estimate, refusal
from workbench.designs.findings import Placebos
from workbench.designs.panel import Bools, Floats, Panel
from workbench.designs.placebo_panels import alike_pools, backdated, placebo_panel, waves
from workbench.designs.synthetic_did import Block, DoubleWeighted, double_weighted

SYNTHETIC_CONTROL = "synthetic_control"
SYNTHETIC_DID = "synthetic_difference_in_differences"

Kind = Literal["sc", "sdid"]

METHODS: dict[Kind, str] = {"sc": SYNTHETIC_CONTROL, "sdid": SYNTHETIC_DID}

FEWEST_BEFORE = 4
"""With fewer periods before, any mix of donors fits."""

WORST_FIT = 0.25
"""A root mean squared gap before above this share of the level, Poisson's scatter taken off, says that the mix is
not like the treated places."""

FEWEST_PLACEBOS = 8
"""With fewer placebos neither an error nor a rank says anything."""


@dataclass(frozen=True)
class Found:
    """What the mixes of all waves come to."""

    counted: float
    """Incidents in the treated places while cameras were on."""
    expected: float
    """What the mixes say there would have been."""
    donor_weights: Floats
    """(P,) shares."""
    counterfactual: Floats
    """(T,) incidents."""
    before_gaps: Floats
    """(B,) treated less mixed incidents in the periods before the first camera."""
    before_level: float
    """Mean incidents of the treated places in a period before."""
    before_noise: float
    """Mean square of the gaps that counts of Poisson would have by themselves, incidents²."""
    effective_donors: float

    @property
    def ratio(self) -> float:
        """Change against what would have been, share."""
        return self.counted / self.expected - 1

    @property
    def log_ratio(self) -> float:
        """Logarithm of counted over expected; counts of none are taken as half of one."""
        return float(np.log(max(self.counted, 0.5) / max(self.expected, 0.5)))


def find(panel: Panel, kind: Kind) -> Found:
    """Mix donors for each wave of cameras and compare.

    The treated places of a wave are matched in their mean, so that a mix of places is one place, not their sum.
    Synthetic difference-in-differences is a two-way regression with weights on places and periods (Arkhangelsky et
    al. 2021, equation 1). Of counts it is taken in ratios here, as the Poisson regression with the same weights
    (Wooldridge 1999, *Journal of Econometrics* 90): places of unlike size cannot move by the same number
    when the city does, and the treated ones' mean is mostly many times that of the mix.
    """
    shares, line = np.zeros(len(panel.place_ids)), np.zeros(len(panel.starts))
    counted = expected = noise = 0.0
    donors = panel.counts[panel.control]
    levels = donors[:, panel.before].mean(axis=1)
    fewest = np.inf
    for wave in waves(panel):
        order = np.concatenate([np.flatnonzero(wave.before), np.flatnonzero(wave.after)])
        treated = panel.counts[wave.rows]
        block = Block(donors[:, order], treated[:, order], int(wave.before.sum()))
        mixed: DoubleWeighted = double_weighted(block, kind)
        counts = len(wave.rows)
        own = counts * _carried(mixed, treated.mean(axis=0), donors, wave.before)
        line += own
        mix = float(mixed.unit_weights @ levels)
        level = float(own[panel.before].mean())
        # Shares of the mix, each of which scatters by itself, brought to the treated places' level.
        noise += level**2 * float(mixed.unit_weights**2 @ levels) / mix**2 if mix > 0 else 0.0
        shares[panel.control] += counts * mixed.unit_weights
        counted += float(treated[:, wave.after].sum())
        expected += float(own[wave.after].sum())
        fewest = min(fewest, 1 / float(mixed.unit_weights @ mixed.unit_weights))
    all_treated = panel.counts[panel.treated & panel.active.any(axis=1)].sum(axis=0)
    gaps = (all_treated - line)[panel.before]
    level = float(all_treated[panel.before].mean())
    return Found(counted, expected, shares / shares.sum(), line, gaps, level, level + noise, float(fewest))


def _carried(mixed: DoubleWeighted, treated: Floats, donors: Floats, before: Bools) -> Floats:
    """Return (T,) what the treated places' mean would have been: the mix at their level in the weighted periods."""
    mix = mixed.unit_weights @ donors
    if not mixed.time_weights.any():
        return np.asarray(mix, np.float64)  # a synthetic control takes the mix as it is
    own, mixes = float(mixed.time_weights @ treated[before]), float(mixed.time_weights @ mix[before])
    if own <= 0 or mixes <= 0:
        own, mixes = float(treated[before].mean()), float(mix[before].mean())
    return np.asarray(mix * own / mixes if mixes > 0 else mix, np.float64)


def estimate_synthetic_control(panel: Panel, *, placebos: int = 99, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return what `fit_synthetic` says with a synthetic control matched on the counts before."""
    return fit_synthetic(panel, "sc", placebos=placebos, level=level, seed=seed).estimate


def estimate_synthetic_did(panel: Panel, *, placebos: int = 99, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return what `fit_synthetic` says with synthetic difference-in-differences."""
    return fit_synthetic(panel, "sdid", placebos=placebos, level=level, seed=seed).estimate


def fit_synthetic(panel: Panel, kind: Kind, *, placebos: int = 99, level: float = 0.95, seed: int = 0) -> Fitted:
    """Mix donors, compare, and let placebos in control places alike say how far off the comparison is by itself.

    Parameters
    ----------
    placebos
        Draws of control places that pretend to have cameras. Their root mean square log ratio is the standard
        error, which counts what bias the method has there; the rank of the change among them is its p.

    Notes
    -----
    Abadie and Gardeazabal 2003, *American Economic Review* 93(1), and Abadie, Diamond and Hainmueller 2010,
    *Journal of the American Statistical Association* 105(490), on outcomes alone; Arkhangelsky et al. 2021,
    *American Economic Review* 111(12), with algorithm 4 for the error.
    """
    nothing = np.zeros(len(panel.place_ids)), np.full(len(panel.starts), np.nan)
    why = _why_not(panel)
    if why is not None:
        return Fitted(refusal(METHODS[kind], panel.outcome, "synthetic", why), *nothing)
    found = find(panel, kind)
    checks = _checks(found)
    if found.expected <= 0:
        why = "the mix of control places has no incident after; study a wider area or longer periods"
        return Fitted(refusal(METHODS[kind], panel.outcome, "synthetic", why, checks), *nothing)
    draws = placebo_log_ratios(panel, kind, range(seed, seed + placebos))
    estimate = _estimate(METHODS[kind], panel.outcome, found, draws, checks, level)
    return Fitted(estimate, found.donor_weights, found.counterfactual)


def _why_not(panel: Panel) -> str | None:
    treated, controls = int(panel.treated.sum()), int(panel.control.sum())
    if not (panel.treated & panel.active.any(axis=1)).any():
        return "no treated place has cameras in any period; give activation dates within the study's span"
    if int(panel.before.sum()) < FEWEST_BEFORE:
        return (
            f"{int(panel.before.sum())} periods before the first camera are too few to fit a mix on; it needs "
            f"{FEWEST_BEFORE}: let the study begin earlier, or take shorter periods"
        )
    if controls < max(2 * treated, FEWEST_PLACEBOS):
        return (
            f"{controls} control places are too few for placebos of {treated} treated ones; it needs "
            f"{max(2 * treated, FEWEST_PLACEBOS)}: study a wider area, or let fewer places be buffer"
        )
    return None


def _checks(found: Found) -> tuple[Check, ...]:
    # A mix that is right is still off by what small counts scatter: only what goes beyond that is its fault.
    error = float(np.sqrt(max((found.before_gaps**2).mean() - found.before_noise, 0.0)))
    share = error / found.before_level if found.before_level > 0 else float("inf")
    return (
        Check("root mean squared gap before, share of level", share, share <= WORST_FIT,
              f"Before the cameras the mix was off by {share:.1%} of the treated places' level, beyond what counts "
              "of Poisson scatter."),
        Check("effective donors", found.effective_donors, found.effective_donors >= 2,
              f"The mix is worth {found.effective_donors:.1f} places of equal share."),
    )  # fmt: skip


def placebo_log_ratios(panel: Panel, kind: Kind, seeds: Sequence[int]) -> Floats:
    """Return the log ratio found for the placebo panel of each seed.

    With one treated place every control place is tried once, where that takes no more draws.
    """
    treated, controls = panel.treated & panel.active.any(axis=1), np.flatnonzero(panel.control)
    if int(treated.sum()) == 1 and len(controls) <= len(seeds):
        return np.array([find(_as_if(panel, int(row)), kind).log_ratio for row in controls])
    pools = alike_pools(panel, np.flatnonzero(panel.treated))
    return np.array([find(placebo_panel(panel, seed, pools), kind).log_ratio for seed in seeds])


def _as_if(panel: Panel, row: int) -> Panel:
    """Return the panel in which one control place pretends to be the treated one."""
    active = np.zeros_like(panel.active)
    active[row] = panel.active[panel.treated & panel.active.any(axis=1)][0]
    roles = tuple("treated" if at == row else role for at, role in enumerate(panel.roles))
    return replace(panel, active=active, roles=roles).of(panel.control)


def _estimate(
    method: str, outcome: str, found: Found, draws: Floats, checks: tuple[Check, ...], level: float
) -> Estimate:
    error = float(np.sqrt((draws**2).mean()))
    half = float(t.ppf((1 + level) / 2, len(draws))) * error
    low, high = np.expm1(found.log_ratio - half), np.expm1(found.log_ratio + half)
    low, high = float(min(low, found.ratio)), float(max(high, found.ratio))
    return Estimate(
        method, outcome, "synthetic", found.ratio, (low, high), found.counted - found.expected,
        (found.expected * low, found.expected * high), level, rank_p(found.ratio, np.expm1(draws).tolist()),
        error**2 * found.expected, checks,
        (f"The interval and p rest on {len(draws)} placebos in control places about as busy before.",),
    )  # fmt: skip


def space_placebos(panel: Panel, kind: Kind, seeds: Sequence[int]) -> Placebos:
    """Return what the method finds in control places that pretend to have cameras.

    Raises
    ------
    BadInput
        When the method cannot answer of this panel.
    """
    why = _why_not(panel)
    if why is not None:
        raise BadInput(f"no placebos of {METHODS[kind]} on {panel.outcome!r}: {why}")
    observed = find(panel, kind).ratio
    draws = tuple(np.expm1(placebo_log_ratios(panel, kind, seeds)).tolist())
    return Placebos(panel.outcome, METHODS[kind], "in space", observed, draws, rank_p(observed, draws))


def time_placebos(panel: Panel, kind: Kind, spans: Sequence[int]) -> Placebos:
    """Return what the method finds when the same cameras pretend to have come earlier.

    Parameters
    ----------
    spans
        Periods by which they pretend to have come earlier, one draw each; what follows the real first camera is
        left out.

    Raises
    ------
    BadInput
        When there are too few periods before the first camera.
    """
    observed = find(panel, kind).ratio
    draws = tuple(find(backdated(panel, span), kind).ratio for span in spans)
    return Placebos(panel.outcome, METHODS[kind], "in time", observed, draws, rank_p(observed, draws))
