"""Guards that look at the city's own incidents: what choosing hot places does by itself, shocks, reporting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from catalog.errors import BadInput
from workbench.designs.findings import Guard
from workbench.designs.panel import Bools, Floats
from workbench.designs.regression_to_mean import hot_spot_null
from workbench.designs.reporting import ReportingChange, reporting_changes, share, shares_of_types
from workbench.designs.shocks import city_shocks
from workbench.impact.counting import CountedStudy, of_outcome, selection_window

DAYS_A_YEAR = 365

HEAPED = "placed where another one is"

HEAP_DEG = 1e-4
"""Incidents within so much, about ten metres, lie in one place: digits beyond come and go with the file."""

LEAST_HEAPED_RATIO = 0.10
"""By how much the share of incidents in places of others must move, at least, to say that they were placed in
another way. Of New York's shootings it was 65 % instead of 40 % in 2007 and 2008, and the hottest cells had twice
as many."""


def look_at_city(counted: CountedStudy) -> Iterator[Guard]:
    """Yield what the city's incidents say about the study, before any result."""
    yield from regression_to_mean(counted)
    yield from shocks(counted)
    yield from reporting(counted)


def regression_to_mean(counted: CountedStudy) -> Iterator[Guard]:
    """Yield how far places as hot as those chosen fall by themselves, where sites were chosen on counts.

    It is found on the primary outcome before the first camera. Where there are places to compare with, and the days
    of choice are left out, it warns that the plain change is no effect; it leaves blocking to the guards that find
    neither.
    """
    specification, sites = counted.files.specification, counted.files.sites
    window = selection_window(sites)
    if window is None or specification.study.place != "cell":
        return
    first_on = np.datetime64(min(site.activated_on for site in sites), "D")
    incidents = counted.files.incidents
    days = incidents.start_at.astype("datetime64[D]")
    wanted = of_outcome(incidents, specification.primary) & (counted.located.place >= 0) & (days < first_on)
    treated = int(counted.primary.treated.sum())
    try:
        null = hot_spot_null(
            counted.located.xy_m[wanted], days[wanted], cells=treated, cell_m=specification.study.cell_m,
            before_days=DAYS_A_YEAR, after_days=DAYS_A_YEAR, chosen_days=(window[1] - window[0]).days,
            seed=specification.study.seed,
        )  # fmt: skip
    except BadInput as wrong:
        yield Guard(
            "regression_to_mean",
            "warns",
            f"How far hot places fall by themselves is not known: {wrong}.",
            "Compare with places as hot, and leave the days of choice out.",
        )
        return
    guard = null.guard(specification.claim.change_ratio)
    yield replace(guard, severity="warns") if counted.primary.control.any() else guard


def shocks(counted: CountedStudy) -> Iterator[Guard]:
    """Yield every shift of the whole city's level that is found in the counts of its controls."""
    for panel in counted.panels:
        for shock in city_shocks(panel):
            until = "on" if shock.until is None else f"to {shock.until:%B %Y}"
            yield Guard(
                "shock", "warns",
                f"From {shock.at:%B %Y} {until} places without cameras counted {shock.change_ratio:+.0%} of "
                f"'{panel.outcome}' against trend and season (p = {shock.p_value:.2g}, for every date tried).",
                "The places' own past does not know of it: rely on designs that compare with other places.",
                panel.outcome,
            )  # fmt: skip


def reporting(counted: CountedStudy) -> Iterator[Guard]:
    """Yield every share of the incidents (a type, those police looked for, those poorly placed) that changed."""
    panel, incidents = counted.primary, counted.files.incidents
    if not panel.before.any() or panel.before.all():
        return
    period = np.searchsorted(counted.layout.periods.edges_at, incidents.start_at, side="right") - 1
    period = np.where(counted.located.place >= 0, period, -1)
    periods = len(panel.starts)
    types = np.asarray(incidents.types, object)[incidents.type_index]
    shares = list(shares_of_types(types.tolist(), period, periods))
    if incidents.origin_known:
        shares.append(share("found because police looked", incidents.proactive, period, periods))
    if incidents.geocode_known:
        shares.append(share("poorly placed", incidents.poor_geocode, period, periods))
    shares.append(share(HEAPED, _heaped(incidents.lon_deg, incidents.lat_deg, period >= 0), period, periods))
    for change in reporting_changes(shares, panel.starts, panel.before):
        if change.name == HEAPED:
            yield from _placed_otherwise(change)
        elif change.changed:
            yield Guard(
                "reporting_change", "warns",
                f"{change.before_ratio:.1%} of all incidents were {change.name} before the cameras, "
                f"{change.after_ratio:.1%} after; the share turned in {change.turned_at:%B %Y} "
                f"(p = {change.turn_p:.2g}).",
                "Find out whether crime changed or how it is recorded; a change of recording is no effect.",
            )  # fmt: skip


def _heaped(lon_deg: Floats, lat_deg: Floats, wanted: Bools) -> Bools:
    """Return (N,) whether an incident lies where another of those wanted does."""
    positions = np.round(lon_deg[wanted] / HEAP_DEG) + 1j * np.round(lat_deg[wanted] / HEAP_DEG)
    _, which, many = np.unique(positions, return_inverse=True, return_counts=True)
    heaped = np.zeros(len(wanted), bool)
    heaped[wanted] = many[which] > 1
    return heaped


def _placed_otherwise(change: ReportingChange) -> Iterator[Guard]:
    """Yield that incidents began to be placed in another way, where they did."""
    moved = max(abs(change.after_ratio - change.before_ratio), abs(change.turn_ratio))
    if not change.changed or moved < LEAST_HEAPED_RATIO:
        return
    yield Guard(
        "geocoding_change", "warns",
        f"Incidents were placed in another way for a time: {change.before_ratio:.0%} of all lay where another one "
        f"does before the cameras, {change.after_ratio:.0%} after; the share turned in {change.turned_at:%B %Y}. "
        "Heaped on a few points, places seem hotter than they are, and cool when that ends.",
        "Have all incidents placed anew in one way, or begin the study after the change.",
    )  # fmt: skip
