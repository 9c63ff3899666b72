"""Preflight: everything about a study that can be known, and must be said, before anyone sees a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from workbench.designs.findings import Guard, Severity
from workbench.designs.panel import Panel
from workbench.impact import guards_of_counts, guards_of_place, guards_of_time
from workbench.impact.counting import CountedStudy

Look = Callable[[CountedStudy], list[Guard]]
"""Looks at one thing; gives nothing where there is nothing to say."""

LookAtPanel = Callable[[Panel], Iterable[Guard]]
"""Looks at the counts of one outcome."""

LOOKS: tuple[Look, ...] = (
    guards_of_counts.primary_outcome, guards_of_place.treated_places, guards_of_place.controls,
    guards_of_time.length_of_windows, guards_of_time.whole_years, guards_of_time.chosen_on_counts,
    guards_of_time.missing_periods, guards_of_time.shocks, guards_of_time.cameras_off,
    guards_of_place.co_interventions, guards_of_place.buffers, guards_of_place.scale_of_controls,
    guards_of_place.unknown_places, guards_of_place.monitoring, guards_of_counts.few_incidents,
    guards_of_counts.looked_for, guards_of_counts.overdispersion, guards_of_counts.known_places,
    guards_of_counts.known_times, guards_of_counts.left_out,
)  # fmt: skip

_ORDER: dict[Severity, int] = {"blocks": 0, "warns": 1, "notes": 2}


def preflight(counted: CountedStudy, look_at_panels: Sequence[LookAtPanel] = ()) -> tuple[Guard, ...]:
    """Return what must be known before results: first what blocks them, then warnings, then notes.

    Parameters
    ----------
    look_at_panels
        More to look at in the counts of each outcome, e.g. shocks and changes of reporting found in the data.
    """
    found = [guard for look in LOOKS for guard in look(counted)]
    found += [guard for look in look_at_panels for panel in counted.panels for guard in look(panel)]
    return tuple(sorted(found, key=lambda guard: _ORDER[guard.severity]))


def blocked(guards: Iterable[Guard]) -> bool:
    """Return whether the verdict can only be *not estimable*."""
    return any(guard.severity == "blocks" for guard in guards)
