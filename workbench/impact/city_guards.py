"""Guards that look at the city's own incidents: what choosing hot places does by itself, shocks, reporting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from catalog.errors import BadInput
from workbench.impact.counting import CountedStudy, of_outcome, selection_window
from workbench.impact.findings import Guard
from workbench.impact.regression_to_mean import hot_spot_null

DAYS_A_YEAR = 365


def look_at_city(counted: CountedStudy) -> Iterator[Guard]:
    """Yield what the city's incidents say about the study, before any result."""
    yield from regression_to_mean(counted)


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
