"""Changes of reporting: what is written down changes, and passes for a change of what happens.

Shares are looked at, of all incidents, by period: found by police rather than reported, poorly located, of each
type. A new form, a new code or a new unit moves a share at once; crime moves it slowly, or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy import stats

from catalog.errors import BadInput
from workbench.designs.holm import holm
from workbench.designs.panel import Bools, Days, Floats
from workbench.designs.segments import Whole

LEAST_POINTS_RATIO = 0.02
"""A share must move by two points of a hundred at least to be called changed: in half a million incidents anything
at all is beyond chance, and nothing much rests on less."""

LEAST_EXPECTED = 5.0
"""Incidents expected in each of the four cells of before and after, at least (Cochran 1954, Biometrics 10, 417)."""


@dataclass(frozen=True)
class Share:
    """Which part of all incidents something is, by period."""

    name: str
    """What is a part of all, e.g. `proactive`, `poorly located`, `type theft`."""
    part: Floats
    """(T,) incidents that are."""
    whole: Floats
    """(T,) all incidents."""


@dataclass(frozen=True)
class ReportingChange:
    """How a share moved."""

    name: str
    before_ratio: float
    """Share of all incidents before."""
    after_ratio: float
    chi_square: float
    """Of before against after, over its dispersion; one degree of freedom."""
    dispersion: float
    """How much more a share scatters from one period to the next than chance would have it; 1 at least."""
    p_value: float
    """Of before against after, corrected for all shares looked at (Holm 1979, Scand J Stat 6, 65–70)."""
    turned_at: date
    """First day of the period from which the share runs differently than up to it, wherever that is."""
    turn_ratio: float
    """Share from then on less the share up to then."""
    turn_p: float
    """Of any turn at all, corrected likewise."""
    changed: bool
    """Whether before and after differ, or the share turned, beyond chance and by `LEAST_POINTS_RATIO`."""


def share(name: str, flags: Bools, period: Whole, periods: int) -> Share:
    """Return the share of incidents for which something holds.

    Parameters
    ----------
    flags
        (N,) whether it holds of each incident.
    period
        (N,) index of the period each falls into; −1 or T and more for none.
    periods
        T
    """
    within = (period >= 0) & (period < periods)
    part = np.bincount(period[within & flags], minlength=periods)
    return Share(name, part.astype(float), np.bincount(period[within], minlength=periods).astype(float))


def shares_of_types(types: Sequence[str], period: Whole, periods: int) -> tuple[Share, ...]:
    """Return the share of each type among all incidents, types in the order of their names."""
    names = np.asarray(types, dtype=str)
    return tuple(share(f"type {name}", names == name, period, periods) for name in np.unique(names))


def reporting_changes(
    shares: Sequence[Share], starts: Days, before: Bools, *, level: float = 0.01
) -> tuple[ReportingChange, ...]:
    """Return how each share moved; those too small to say are left out.

    Parameters
    ----------
    starts
        (T,) first day of each period.
    before
        (T,) periods before the first camera; the others are after.
    level
        Greatest corrected p at which a share is called changed.

    Raises
    ------
    BadInput
        When no period is before, or none after.
    """
    if not 0 < before.sum() < len(before):
        raise BadInput(f"{before.sum()} of {len(before)} periods are before the cameras; there must be some after")
    found = [one for one in (_change(each, starts, before) for each in shares) if one is not None]
    corrected = holm([one.p_value for one in found]), holm([one.turn_p for one in found])
    return tuple(_judged(*each, level) for each in zip(found, *corrected, strict=True))


def _change(of: Share, starts: Days, before: Bools) -> ReportingChange | None:
    kept = of.whole > 0
    part, whole, before, starts = of.part[kept], of.whole[kept], before[kept], starts[kept]
    total = float(part.sum() / max(whole.sum(), 1.0))
    sizes = np.asarray([whole[before].sum(), whole[~before].sum()])
    if len(whole) < 3 or min(sizes.min() * total, sizes.min() * (1 - total)) < LEAST_EXPECTED:
        return None
    first, second = part[before].sum() / sizes[0], part[~before].sum() / sizes[1]
    dispersion = _dispersion(part, whole, total)
    chance = total * (1 - total) * dispersion
    chi_square = float((second - first) ** 2 / (chance * (1 / sizes[0] + 1 / sizes[1])))
    at, turn, turn_p = _turn(part, whole, total, chance)
    return ReportingChange(
        of.name, float(first), float(second), chi_square, dispersion, float(stats.chi2.sf(chi_square, 1)),
        starts[at].astype("datetime64[D]").item(), turn, turn_p, False,
    )  # fmt: skip


def _dispersion(part: Floats, whole: Floats, total: float) -> float:
    """Return the scatter of a share between neighbouring periods over that of chance, 1 at least.

    From differences of neighbours (von Neumann 1941, Ann Math Stat 12, 367–395): a share that moved once differs
    from its neighbour once, and its move is not taken for scatter.
    """
    scores = (part - whole * total) / np.sqrt(whole * total * (1 - total))
    return max(1.0, float(np.mean(np.diff(scores) ** 2) / 2))


def _turn(part: Floats, whole: Floats, total: float, chance: float) -> tuple[int, float, float]:
    """Return where a share turned, by how much, and p of any turn.

    The running sum of incidents beyond the mean share is a Brownian bridge where nothing turns, so that its
    furthest point from 0 is Kolmogorov's (Ploberger and Krämer 1992, Econometrica 60, 271–285), with incidents as
    the clock.
    """
    beyond = np.cumsum(part - whole * total)[:-1]
    at = int(np.argmax(np.abs(beyond)))
    furthest = abs(float(beyond[at])) / np.sqrt(chance * whole.sum())
    earlier, later = part[: at + 1].sum() / whole[: at + 1].sum(), part[at + 1 :].sum() / whole[at + 1 :].sum()
    return at + 1, float(later - earlier), float(stats.kstwobign.sf(furthest))


def _judged(found: ReportingChange, p_value: float, turn_p: float, level: float) -> ReportingChange:
    moved = p_value <= level and abs(found.after_ratio - found.before_ratio) >= LEAST_POINTS_RATIO
    turned = turn_p <= level and abs(found.turn_ratio) >= LEAST_POINTS_RATIO
    return replace(found, p_value=p_value, turn_p=turn_p, changed=moved or turned)
