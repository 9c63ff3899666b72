"""Guards of place: who is compared with whom, what lies near the cameras, and what else touched either."""

from __future__ import annotations

import numpy as np

from workbench.designs.findings import Guard
from workbench.impact.areas import overlaps
from workbench.impact.counting import CountedStudy
from workbench.impact.roles import Touched
from workbench.impact.study_map import even_spans

FEW_CONTROLS = 10
"""With fewer controls no rank among placebos can be under 10 %."""

MOST_SCALE_RATIO = 2.0
"""Controls with more than so many times the incidents of the treated places, or so many times fewer, change by
other numbers of incidents when all change alike; differences of counts then mislead."""


def controls(counted: CountedStudy) -> list[Guard]:
    """Look at whether there is anything to stand for what would have been."""
    count = counted.layout.roles.roles.count("control")
    if not count:
        do = "Add control polygons, make the rings smaller, or study a larger area."
        return [Guard("no_controls", "blocks", "No place may stand for what would have been without cameras.", do)]
    says = f"{count} places may stand for what would have been without cameras."
    if count < FEW_CONTROLS:
        do = f"With fewer than {FEW_CONTROLS} no placebo rank can be small; add control polygons or smaller cells."
        return [Guard("few_controls", "warns", says, do)]
    return [Guard("controls", "notes", says)]


def treated_places(counted: CountedStudy) -> list[Guard]:
    """Look at whether every site treats a place that has a before and an after."""
    roles = counted.layout.roles
    guards = []
    if "treated" not in roles.roles:
        do = "Look at the days of activation, the span of the study and where the sites lie."
        guards.append(Guard("no_treated", "blocks", "No place has cameras that come on within the study.", do))
    if roles.sites_outside:
        says = f"{len(roles.sites_outside)} sites see no place of the study: {', '.join(roles.sites_outside[:5])}."
        guards.append(
            Guard("sites_outside", "warns", says, "Look at their coordinates, or take in where they lie.")
        )
    if roles.always_on:
        says = f"{roles.always_on} places had cameras from the first period: without a before they are left out."
        guards.append(Guard("always_on", "warns", says, "Start the study earlier."))
    if roles.never_on:
        says = f"{roles.never_on} places get cameras after the study, or never for most of a period: left out."
        guards.append(Guard("never_on", "warns", says, "Move the end of the study, or look at the days off."))
    return guards


def buffers(counted: CountedStudy) -> list[Guard]:
    """Look at whether places crime may have moved to are kept out of the controls."""
    areas, roles = counted.files.areas, counted.layout.roles
    drawn = [*overlaps(areas, "buffer", "control"), *overlaps(areas, "study", "control")]
    if drawn:
        one, two, share = drawn[0]
        says = f"Polygon {one!r} overlaps the control {two!r} by {share:.0%}; {len(drawn)} such pairs."
        do = "Draw controls outside the study and buffer areas: crime that moved would count against itself."
        return [Guard("buffer_in_controls", "blocks", says, do)]
    radius_m = counted.files.specification.rings.radii_m[-1]
    count = roles.roles.count("buffer")
    says = f"{count} places within {radius_m:g} m of what cameras see, or in buffer polygons, are no controls."
    if roles.near_controls:
        says += f" {roles.near_controls} of them lie in control polygons."
    return [Guard("buffer", "notes", says)]


def co_interventions(counted: CountedStudy) -> list[Guard]:
    """Look at what else may have changed crime where or when cameras did."""
    roles = counted.layout.roles
    return [_touching(one, roles.treated_kept) for one in roles.touched]


def _touching(one: Touched, treated_kept: bool) -> Guard:
    name, start = one.co_intervention.name, one.co_intervention.start
    if one.co_intervention.whole_city:
        do = "Methods without controls cannot tell it from the cameras; trust only those that compare places."
        return Guard("co_intervention", "warns", f"{name!r} touches the whole city from {start}.", do)
    says = f"{name!r} touches {one.treated} places with cameras and {one.others} others from {start}."
    if one.treated and treated_kept:
        do = "What it did cannot be told from what the cameras did; find places that have only one of the two."
        return Guard("co_intervention", "blocks", says + " No place has cameras alone.", do)
    if one.treated:
        return Guard("co_intervention", "warns", says, "These places are left out of both sides.")
    return Guard("co_intervention", "notes", says + " The latter are no controls.")


def scale_of_controls(counted: CountedStudy) -> list[Guard]:
    """Look at whether counts of treated and control places may be compared as they are."""
    panel = next(one for one in counted.compared if one.outcome == counted.primary.outcome)
    before = even_spans(panel)[0]
    treated = float(panel.counts[panel.treated, before].sum())
    control = float(panel.counts[panel.control, before].sum())
    ratio = control / treated if treated else np.inf
    if not control or not treated or 1 / MOST_SCALE_RATIO <= ratio <= MOST_SCALE_RATIO:
        return []
    says = (
        f"Before, controls had {control:.0f} incidents, places with cameras {treated:.0f}: a ratio of {ratio:.1f}."
    )
    if panel.control.sum() >= FEW_CONTROLS:
        # So many places can be weighted; only methods that add them up unweighted must refuse.
        return [Guard("unscaled_controls", "notes", says + " They are weighted.", outcome=panel.outcome)]
    do = "Compare shares or weighted places, not numbers of incidents; weighted differences need scaled controls."
    return [Guard("unscaled_controls", "warns", says, do, panel.outcome)]


def unknown_places(counted: CountedStudy) -> list[Guard]:
    """Look at how many places nothing is known of."""
    count = counted.layout.unknown_places
    if not count:
        return []
    says = f"{count} of {len(counted.layout.places)} places have no people or lack a covariate; they are left out."
    return [Guard("unknown_places", "warns", says, "Complete the properties of the areas' file.")]


def monitoring(counted: CountedStudy) -> list[Guard]:
    """Look at whether anyone watches: cameras nobody watches can hardly prevent what watched ones do."""
    sites = counted.files.sites
    unwatched = [site.site_id for site in sites if site.monitored is False]
    unknown = sum(site.monitored is None for site in sites)
    guards = []
    if unwatched:
        says = f"{len(unwatched)} of {len(sites)} sites are not monitored: {', '.join(unwatched[:5])}."
        do = "Effects of watched cameras cannot be expected of them; study the two kinds apart."
        guards.append(Guard("not_monitored", "warns", says, do))
    if unknown:
        says = f"Of {unknown} of {len(sites)} sites it is not said whether anyone watches."
        guards.append(Guard("monitoring_unknown", "notes", says))
    return guards
