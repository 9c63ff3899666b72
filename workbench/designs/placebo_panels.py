"""Waves of cameras, and panels in which cameras are only pretended: in other places, or earlier."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.panel import Bools, Panel, Role

ALIKE_PLACES = 10
"""A pretended camera place is drawn from at least so many control places nearest in size to the real one: enough
for draws to differ, few enough for them to be as busy."""


@dataclass(frozen=True)
class Wave:
    """Treated places whose cameras were on in the same periods."""

    rows: NDArray[np.int64]
    """(n,) their places in the panel."""
    before: Bools
    """(T,) periods before their first."""
    after: Bools
    """(T,) periods with cameras on."""


def waves(panel: Panel) -> tuple[Wave, ...]:
    """Return the waves of the treated places, earliest first; places never on are in none."""
    rows = np.flatnonzero(panel.treated & panel.active.any(axis=1))
    if not len(rows):
        return ()
    patterns, which = np.unique(panel.active[rows], axis=0, return_inverse=True)
    periods = np.arange(len(panel.starts))
    found = [
        Wave(rows[which.ravel() == number], periods < int(pattern.argmax()), pattern)
        for number, pattern in enumerate(patterns)
    ]
    return tuple(sorted(found, key=lambda wave: int(wave.after.argmax())))


def placebo_panel(panel: Panel, seed: int, pools: NDArray[np.int64] | None = None) -> Panel:
    """Return the panel in which control places alike pretend to be the treated ones, which are left out.

    Each pretends to have had its cameras when the place it stands for had them.

    Parameters
    ----------
    pools
        What `alike_pools` says of the treated places, so that many draws ask it once; None to ask it here.

    Raises
    ------
    BadInput
        When there are not twice as many control places as treated ones.
    """
    treated = np.flatnonzero(panel.treated)
    picked = pick_alike(alike_pools(panel, treated) if pools is None else pools, np.random.default_rng(seed))
    chosen = np.flatnonzero(panel.control)[picked]
    active = np.zeros_like(panel.active)
    active[chosen] = panel.active[treated]
    roles: list[Role] = list(panel.roles)
    for row in chosen:
        roles[row] = "treated"
    return replace(panel, active=active, roles=tuple(roles)).of(panel.control)


def alike_pools(panel: Panel, treated: NDArray[np.int64], *, alike: bool = True) -> NDArray[np.int64]:
    """Return for each treated place the control places that may pretend to be it.

    Control places are told by their incidents before and after together: those that had as many as the treated
    ones before alone would be places that were just high, and fall back by themselves (regression to the mean).

    Parameters
    ----------
    treated
        (n,) rows of the panel.
    alike
        Whether only those nearest in size may; otherwise all may.

    Returns
    -------
    (n, m) numbers among the control places.

    Raises
    ------
    BadInput
        When there are not twice as many control places as treated ones.
    """
    controls = int(panel.control.sum())
    if controls < 2 * max(len(treated), 1):
        raise BadInput(
            f"placebos for {len(treated)} treated places need twice as many control places; there are {controls}. "
            "Study a wider area, or let fewer places be buffer"
        )
    if not alike:
        return np.broadcast_to(np.arange(controls), (len(treated), controls))
    size, wanted = panel.counts[panel.control].sum(axis=1), _sizes(panel, treated)
    # Twice as many as there are treated places, so that a free one is always left in a pool.
    many = min(max(ALIKE_PLACES, 2 * len(treated), controls // 20), controls)
    each, which = np.unique(wanted, return_inverse=True)
    nearest = [np.argsort(np.abs(size - one), kind="stable")[:many] for one in each]
    return np.asarray(nearest, np.int64).reshape(len(each), many)[which]


def _sizes(panel: Panel, treated: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (n,) incidents the treated places would have over all periods had they changed as all controls did."""
    before = panel.before
    if not before.any():
        return np.asarray(panel.counts[treated].sum(axis=1), np.float64)
    earlier, everything = panel.counts[panel.control][:, before].sum(), panel.counts[panel.control].sum()
    growth = everything / earlier if earlier > 0 else len(before) / before.sum()
    return np.asarray(panel.counts[treated][:, before].sum(axis=1) * growth, np.float64)


def pick_alike(pools: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return one control place from each pool, none twice; places in random order, so that none is favoured."""
    chosen = np.empty(len(pools), np.int64)
    taken = np.zeros(int(pools.max(initial=-1)) + 1, bool)
    for place in rng.permutation(len(pools)):
        free = pools[place][~taken[pools[place]]]
        chosen[place] = rng.choice(free)
        taken[chosen[place]] = True
    return chosen


def backdated(panel: Panel, periods: int) -> Panel:
    """Return the panel up to the first camera, in which cameras pretend to have come on `periods` earlier.

    Raises
    ------
    BadInput
        When fewer than twice as many periods are there before the first camera.
    """
    before = np.flatnonzero(panel.before)
    if periods < 1 or len(before) < 2 * periods:
        raise BadInput(
            f"cameras cannot pretend to be {periods} periods early: there are {len(before)} periods before the "
            "first, and at least as many must be left to fit on"
        )
    active = np.zeros((len(panel.place_ids), len(before)), dtype=bool)
    active[panel.treated, -periods:] = True
    end = panel.starts[len(before)] if len(before) < len(panel.starts) else panel.end
    return replace(panel, starts=panel.starts[before], end=end, counts=panel.counts[:, before], active=active)
