"""Whether crime moved: what happened in bands of distance around the treated area, over a range of radii.

A single radius is a choice somebody made; over a range one sees whether the answer hangs on it. The bands, out to
the largest radius, are never part of the control.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from catalog.errors import BadInput
from workbench.designs.area_estimates import compared_spans
from workbench.designs.area_tests import (
    BeforeAfter,
    displacement_quotient,
    farrington_dispersion,
    scaled_difference,
)
from workbench.designs.findings import Displacement, Ring
from workbench.designs.panel import Bools, Floats, Panel
from workbench.designs.scatter import panel_dispersion

RADII_M = (0.0, 150.0, 300.0, 500.0)
"""Edges of the bands, metres: about one, two and four street blocks. A choice, which is why there are several."""

_NOTHING_RATIO = 0.005
"""A smaller share would be written as 0 %."""


def distance_to_sites_m(xy_m: Floats, sites_xy_m: Floats) -> Floats:
    """Return the distance of each point (N, 2) to the nearest site (S, 2), metres (N,)."""
    if not len(xy_m):
        return np.empty(0)
    return np.asarray(cKDTree(sites_xy_m).query(xy_m)[0], dtype=np.float64)


def rings_around(
    distance_m: Floats,
    before: Floats,
    after: Floats,
    *,
    treated: Bools,
    control: Bools,
    radii_m: Sequence[float] = RADII_M,
    dispersion: float = 1.0,
    level: float = 0.95,
) -> tuple[Ring, ...]:
    """Return what happened in each band of distance, seen together with the treated area.

    A band's difference is the weighted displacement difference of treated area and band, the control's change taken
    in proportion to their baseline, so that a control of any size will do: the negative of the total net effect of
    Bowers & Johnson (2003), whose quotient says what share of the fall reappeared. Bands without incidents are left
    out.

    Parameters
    ----------
    distance_m
        (N,) of places or incidents to the treated area, metres.
    before, after
        (N,) incidents of each before and after; for single incidents 1 or 0.
    treated, control
        (N,) which are the treated area and which may stand for what would have been. Whatever else lies within the
        largest radius is in a band; a control there is taken out of the control.
    radii_m
        (K + 1,) rising edges of the bands, metres; a band holds its outer edge, the first its inner one too.

    Raises
    ------
    BadInput
        When the radii do not rise, or no incident is left in the treated area or the control.
    """
    edges = np.asarray(radii_m, dtype=float)
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise BadInput(f"the radii {tuple(radii_m)} must rise, and be at least two")

    def counted(rows: Bools) -> BeforeAfter:
        return BeforeAfter(float(before[rows].sum()), float(after[rows].sum()))

    far = counted(control & ~treated & (distance_m > edges[-1]))
    ours = counted(treated)
    if min(far) <= 0 or ours.before <= 0:
        raise BadInput(
            f"displacement out to {edges[-1]:g} m: the control beyond it had {far.before:g} incidents before and "
            f"{far.after:g} after, the treated area {ours.before:g} before; name a control farther out, or smaller "
            "radii"
        )
    rings = []
    for inner_m, outer_m in pairwise(edges):
        above = distance_m >= inner_m if inner_m == edges[0] else distance_m > inner_m
        near = counted(~treated & above & (distance_m <= outer_m))
        if near.before + near.after > 0:
            rings.append(_ring(float(inner_m), float(outer_m), ours, near, far, dispersion, level))
    return tuple(rings)


def _ring(
    inner_m: float,
    outer_m: float,
    treated: BeforeAfter,
    near: BeforeAfter,
    control: BeforeAfter,
    dispersion: float,
    level: float,
) -> Ring:
    both = BeforeAfter(treated.before + near.before, treated.after + near.after)
    found = scaled_difference(both, control, dispersion=dispersion, level=level)
    quotient = displacement_quotient(treated, control, near).quotient
    return Ring(inner_m, outer_m, near.before, near.after, found.difference, *found.interval, quotient)


def displacement_by_radius(
    panel: Panel,
    sites_xy_m: Floats | None = None,
    radii_m: Sequence[float] = RADII_M,
    level: float = 0.95,
) -> Displacement:
    """Return whether incidents moved out of the treated places, over a range of radii.

    Parameters
    ----------
    panel
        Its places need positions. Excluded places are in no band and no control.
    sites_xy_m
        (S, 2) where the cameras are, metres; the treated places' own positions when left out.
    radii_m
        (K + 1,) rising edges of the bands, metres.

    Raises
    ------
    BadInput
        When places have no position, nothing can be compared, or no control lies beyond the largest radius.
    """
    if panel.xy_m is None:
        raise BadInput(f"displacement of {panel.outcome!r}: its places have no position; give them one")
    spans = compared_spans(panel)
    if not (spans.before.any() and spans.after.any() and panel.treated.any()):
        raise BadInput(
            f"displacement of {panel.outcome!r}: no period before and after cameras in all treated places"
        )
    kept = np.array([role != "excluded" for role in panel.roles])
    sites = panel.xy_m[panel.treated] if sites_xy_m is None else sites_xy_m
    distance_m = np.where(kept, distance_to_sites_m(panel.xy_m, sites), np.inf)
    before = panel.counts[:, spans.before].sum(axis=1)
    scatter = panel_dispersion(panel)
    if not np.isfinite(scatter):
        yearly = before[panel.treated].sum() / spans.lengths[0] * panel.periods_per_year
        scatter = farrington_dispersion(float(yearly))
    rings = rings_around(
        distance_m, before, panel.counts[:, spans.after].sum(axis=1), treated=panel.treated,
        control=panel.control, radii_m=radii_m, dispersion=scatter, level=level,
    )  # fmt: skip
    return Displacement(panel.outcome, rings, level, read_rings(rings))


def read_rings(rings: Sequence[Ring]) -> str:
    """Return what the bands say together, in plain words."""
    if not rings:
        return "No incident was recorded in any band around the cameras: nothing can be said of displacement."
    if all(ring.displaced_ratio is None for ring in rings):
        return "The treated area did not fall against the control: there is nothing that could have moved."
    told = "; ".join(f"{_place(ring)} {_moved(ring.displaced_ratio)}" for ring in rings)
    within = sum(ring.low <= 0 <= ring.high for ring in rings)
    if within == 0 and all(ring.high < 0 for ring in rings):
        together = "At every radius treated area and band together fell by more than chance explains."
    else:
        together = f"Treated area and band together: no change is within reach in {within} of {len(rings)} bands."
    return f"{told[0].upper()}{told[1:]}. {together}"


def _place(ring: Ring) -> str:
    return f"between {ring.inner_m:g} and {ring.outer_m:g} m"


def _moved(quotient: float | None) -> str:
    if quotient is None:
        return "nothing could have moved"
    if quotient < -1:
        return f"more reappeared than fell ({-quotient:.0%} of it)"
    if quotient <= -_NOTHING_RATIO:
        return f"{-quotient:.0%} of the fall reappeared"
    if quotient >= _NOTHING_RATIO:
        return f"incidents fell too, by {quotient:.0%} of what fell in the treated area"
    return "nothing moved"
