"""Guards of time: long enough, whole years, no shocks, and no comparison with the window places were chosen on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from workbench.designs.findings import Guard
from workbench.impact.counting import CountedStudy, in_window, selection_window
from workbench.impact.sites import Site
from workbench.impact.study_map import even_spans

LEAST_PERIODS = 3
"""With fewer periods on either side nothing can be told from chance."""


COUNT_WORDS = ("hot spot", "hotspot", "hot-spot", "crime", "incidents", "calls for service", "shootings")
"""Reasons with one of these mean that a place was chosen because much had happened there."""


@dataclass(frozen=True)
class KnownShock:
    """Something that changed crime or its recording in most cities at once."""

    name: str
    start: date
    end: date
    """First day not any more; of a lasting change the day after it began."""
    changes_recording: bool
    """Whether it changed what is written down rather than what happens."""
    source: str


KNOWN_SHOCKS = (
    KnownShock(
        "stay-at-home orders against COVID-19", date(2020, 3, 13), date(2020, 6, 1), False,
        "Proclamation 9994 (13 March 2020); Moreland et al. (2020), MMWR 69: 1198; on crime Nivette et al. (2021), "
        "Nature Human Behaviour 5: 868",
    ),
    KnownShock(
        "nationwide protests after the killing of George Floyd", date(2020, 5, 26), date(2020, 8, 23), False,
        "Armed Conflict Location & Event Data Project (2020), Demonstrations and Political Violence in America",
    ),
    KnownShock(
        "change of national crime reporting to incidents (NIBRS only)", date(2021, 1, 1), date(2021, 1, 2), True,
        "FBI, Criminal Justice Information Services: the Summary Reporting System ended on 1 January 2021",
    ),
)  # fmt: skip
"""Of the United States; a study elsewhere sees those that fall into its days as well and may set them aside."""


def length_of_windows(counted: CountedStudy) -> list[Guard]:
    """Look at how many periods there are before and after the first camera."""
    before, after = _before_and_after(counted)
    kind = counted.layout.periods.kind
    says = f"There are {before} {kind}s before the first camera and {after} from then on."
    if min(before, after) < LEAST_PERIODS:
        do = f"At least {LEAST_PERIODS} on either side are needed: move start or end, or wait."
        return [Guard("few_periods", "blocks", says, do)]
    if min(before, after) < counted.layout.periods.per_year / 2:
        do = "Less than half a year on one side shows only large effects. Wait, or start earlier."
        return [Guard("few_periods", "warns", says, do)]
    return [Guard("few_periods", "notes", says)]


def whole_years(counted: CountedStudy) -> list[Guard]:
    """Look at whether the seasons can be told from a change: by whole years, or by harmonics fitted before."""
    before, after = _before_and_after(counted)
    per_year = counted.layout.periods.per_year
    if min(before, after) >= round(per_year):
        span = even_spans(counted.primary)[0]
        years = round((span.stop - span.start) / per_year)
        return [Guard("whole_years", "notes", f"Plain comparisons take {years} whole year(s) before and after.")]
    says = f"Before ({before / per_year:.1f} years) or after ({after / per_year:.1f}) is not a whole year."
    if before >= 2 * per_year:
        do = "Trust only methods that model the season or compare with controls in the same months."
        return [Guard("whole_years", "warns", says + " Two years before allow a season to be fitted.", do)]
    do = "Give whole years on both sides, or two years before, so that a season can be told from an effect."
    return [Guard("whole_years", "blocks", says + " No season can be fitted either.", do)]


def chosen_on_counts(counted: CountedStudy) -> list[Guard]:
    """Look at whether places were chosen on their own recent counts: they fall back by themselves."""
    sites = counted.files.sites
    window = selection_window(sites)
    on_counts = [site for site in sites if site.chosen_by == "counts" or site.chosen_on is not None]
    guards = [*_unknown_choice(counted), *_without_window(counted)]
    if window is None:
        return guards
    first, last = window
    periods, panel = counted.layout.periods, counted.primary
    dropped = in_window(panel, periods, window)
    # The place with the fewest periods of its own before its cameras decides.
    left = min((int((~dropped[:on]).sum()) for on in panel.first_active[panel.treated]), default=0)
    says = (
        f"{len(on_counts)} of {len(sites)} sites were chosen on incidents from {first} until {last}: such places "
        f"fall back by themselves (regression to the mean). {int(dropped.sum())} {periods.kind}s before activation "
        f"are in that window; {left} are left."
    )
    if left < LEAST_PERIODS:
        do = "Nothing is left to compare with: start the study earlier, or add earlier incidents."
        return [*guards, Guard("selection_window", "blocks", says, do)]
    do = f"The window {first} until {last} is left out of the time before; compare with the simulated fall as well."
    return [*guards, Guard("selection_window", "warns", says, do)]


def _unknown_choice(counted: CountedStudy) -> list[Guard]:
    sites = counted.files.sites
    unknown = [site.site_id for site in sites if site.chosen_by is None and site.chosen_on is None]
    if not unknown:
        return []
    says = f"Of {len(unknown)} of {len(sites)} sites it is not said why they were chosen: {_listed(unknown)}."
    do = "Write chosen_by (counts, random or other). If incidents decided, a fall proves nothing by itself."
    return [Guard("selection_unknown", "warns", says, do)]


def _without_window(counted: CountedStudy) -> list[Guard]:
    missing = [one.site_id for one in counted.files.sites if _by_counts(one) and one.chosen_on is None]
    if not missing:
        return []
    says = f"{len(missing)} sites were chosen on incidents, it is not said of which days: {_listed(missing)}."
    do = "Write chosen_on_from and chosen_on_to: that window must not be compared with."
    return [Guard("selection_window", "blocks", says, do)]


def _by_counts(site: Site) -> bool:
    """Return whether a site was chosen on incidents, by its own account where `chosen_by` is left out."""
    says_so = any(words in site.reason.lower() for words in COUNT_WORDS)
    return site.chosen_by == "counts" or (site.chosen_by is None and says_so)


def shocks(counted: CountedStudy) -> list[Guard]:
    """Look at whether something that changed crime or its recording everywhere falls into the study's days."""
    frame, panel = counted.files.specification.study, counted.primary
    first_on = panel.starts[panel.before.sum()] if not panel.before.all() else panel.end
    guards = []
    for shock in KNOWN_SHOCKS:
        if shock.start >= frame.end or shock.end <= frame.start:
            continue
        side = "before" if np.datetime64(shock.end) <= first_on else "after"
        if np.datetime64(shock.start) < first_on < np.datetime64(shock.end):
            side = "both before and after"
        name = "reporting_change" if shock.changes_recording else "shock"
        says = (
            f"The study's days take in: {shock.name}, from {shock.start}, {side} the first camera ({shock.source})."
        )
        do = "Look whether treated and control places changed alike then; see what is left without those months."
        guards.append(Guard(name, "warns", says, do))
    return guards


def cameras_off(counted: CountedStudy) -> list[Guard]:
    """Look at how much of the time after activation cameras gave no pictures."""
    end = np.datetime64(counted.files.specification.study.end)
    off_days = total = 0
    names = []
    for site in counted.files.sites:
        days = np.arange(np.datetime64(site.activated_on), end)
        off = int((~site.is_on(days)).sum())
        off_days, total = off_days + off, total + len(days)
        names += [site.site_id] if off else []
    if not off_days:
        return []
    says = f"{len(names)} sites were off for {off_days / total:.1%} of all days after activation: {_listed(names)}."
    do = "Months mostly off count as without cameras; an effect that stays then is not one of the cameras."
    return [Guard("cameras_off", "warns", says, do)]


def missing_periods(counted: CountedStudy) -> list[Guard]:
    """Look for periods without any incident in a city that has many: records that were not handed over."""
    total = np.sum([panel.counts.sum(axis=0) for panel in counted.panels], axis=0)
    empty = np.flatnonzero(total == 0)
    if not len(empty) or np.median(total) < 10:
        return []
    days = _listed([str(counted.layout.periods.starts[period]) for period in empty])
    says = f"{len(empty)} of {len(total)} {counted.layout.periods.kind}s have no incident at all: {days}."
    do = "Ask for the missing records, or set start and end within those there are."
    return [Guard("missing_periods", "blocks", says, do)]


def _before_and_after(counted: CountedStudy) -> tuple[int, int]:
    before = int(counted.primary.before.sum())
    return before, len(counted.layout.periods) - before


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
