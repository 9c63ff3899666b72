"""Guards of counts: enough of them, reported rather than looked for, known in time and place, their scatter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.designs.area_tests import pearson_dispersion
from workbench.designs.estimates import PERCENT_FLOOR
from workbench.designs.findings import Guard, Severity
from workbench.impact.counting import CountedStudy, of_outcome
from workbench.impact.study_map import even_spans

Floats = NDArray[np.float64]

MOST_PROACTIVE_RATIO = 0.1
"""With more than so many found by police who looked, an outcome measures police work as well."""

MOST_INEXACT_RATIO = 0.1
"""With more than so many known only to within more than a day, months blur into each other."""

MOST_UNREAD_RATIO = 0.05
"""With more rows than so many unreadable, what is left may be another city."""

MOST_POOR_RATIO = 0.15
"""Ratcliffe (2004), International Journal of Geographical Information Science 18: 61: under 85 % of incidents well
placed, patterns change noticeably."""


def primary_outcome(counted: CountedStudy) -> list[Guard]:
    """Say which outcome the claim stands or falls with."""
    specification = counted.files.specification
    others = [outcome.name for outcome in specification.outcomes if not outcome.primary]
    says = f"The claim stands or falls with {specification.primary.name!r}, named before any result."
    if others:
        says += f" p values of {', '.join(others)} are corrected after Holm."
    return [Guard("primary_outcome", "notes", says, outcome=specification.primary.name)]


def few_incidents(counted: CountedStudy) -> list[Guard]:
    """Look at whether there are enough incidents for percentages to mean anything."""
    guards = []
    primary = counted.files.specification.primary.name
    for panel in counted.compared:
        before = even_spans(panel)[0]
        count = float(panel.counts[panel.treated, before].sum())
        says = f"Places with cameras had {count:.0f} incidents in the {before.stop - before.start} periods before."
        if count == 0:
            severity: Severity = "blocks" if panel.outcome == primary else "warns"
            do = "Nothing can fall from nothing: take in more types or a longer time."
            guards.append(Guard("few_incidents", severity, says, do, panel.outcome))
        elif count < PERCENT_FLOOR:
            do = f"Fewer than {PERCENT_FLOOR}: no percentage is stated, only numbers of incidents."
            guards.append(Guard("few_incidents", "warns", says, do, panel.outcome))
    return guards


def looked_for(counted: CountedStudy) -> list[Guard]:
    """Look at outcomes that are on record because police looked: cameras can make them rise."""
    incidents = counted.files.incidents
    guards = []
    for outcome in counted.files.specification.outcomes:
        counts = of_outcome(incidents, outcome)
        ratio = float(incidents.proactive[counts].mean()) if counts.any() else 0.0
        if not outcome.proactive and ratio <= MOST_PROACTIVE_RATIO:
            continue
        says = f"{ratio:.0%} of {outcome.name!r} are on record because police looked for them."
        if not incidents.origin_known:
            says = f"{outcome.name!r} is mostly found by police who look for it."
        do = "Cameras may make it rise or fall by changing what police see; read it as police work, not as crime."
        guards.append(Guard("proactive", "warns", says, do, outcome.name))
    return guards


def overdispersion(counted: CountedStudy) -> list[Guard]:
    """Say how much more counts scatter than Poisson's, for every outcome."""
    guards = []
    for panel in counted.panels:
        rows = panel.treated | panel.control
        found = dispersion(panel.counts[rows][:, panel.before])
        if found is None:
            continue
        says = (
            f"Before the cameras counts scatter {found:.2f} times as much as Poisson's around each place's and "
            f"period's own level; intervals that ignore it are {max(1.0, found) ** 0.5:.2f} times too narrow."
        )
        guards.append(Guard("overdispersion", "notes", says, outcome=panel.outcome))
    return guards


def dispersion(counts: Floats) -> float | None:
    """Return the Pearson dispersion of (P, T) counts; None with fewer than two places or periods with incidents."""
    if (counts.sum(axis=1) > 0).sum() < 2 or (counts.sum(axis=0) > 0).sum() < 2:
        return None
    return pearson_dispersion(counts)


def known_places(counted: CountedStudy) -> list[Guard]:
    """Look at how well places are known, those left out for want of one among them."""
    quality = counted.quality
    if not counted.files.incidents.geocode_known:
        says = "The file does not say how places were found."
        do = "Hand over the quality of geocoding, else coarse places pass for exact."
        return [Guard("geocode", "warns", says, do)]
    says = f"{quality.poor_geocode_ratio:.1%} of the incidents used are placed more coarsely than a block."
    if quality.poor_geocode_ratio > MOST_POOR_RATIO:
        do = f"Above {MOST_POOR_RATIO:.0%} patterns change noticeably: geocode anew, or study larger places."
        return [Guard("geocode", "warns", says, do)]
    return [Guard("geocode", "notes", says)]


def known_times(counted: CountedStudy) -> list[Guard]:
    """Look at how many incidents are known only to within more than a day."""
    ratio = counted.quality.inexact_time_ratio
    says = f"{ratio:.1%} of the incidents used are known only to within more than a day; they are shared out."
    if ratio > MOST_INEXACT_RATIO:
        do = "Months blur into each other; use longer periods. Effects seem smaller, and to start early."
        return [Guard("inexact_times", "warns", says, do)]
    return [Guard("inexact_times", "notes", says)]


def left_out(counted: CountedStudy) -> list[Guard]:
    """Say what became of every row of the incidents' file."""
    quality = counted.quality
    reasons = "; ".join(f"{rows} {why}" for why, rows in quality.left_out) or "none was left out"
    says = f"{quality.used} of {quality.incidents} rows are used: {reasons}."
    wrong = sum(rows for _, rows in counted.files.incident_file.left_out)
    if wrong > MOST_UNREAD_RATIO * quality.incidents:
        do = "Mend the rows that cannot be read: what is missing may not be missing alike everywhere."
        return [Guard("left_out", "warns", says, do)]
    return [Guard("left_out", "notes", says)]
