"""The treated places as one series, beside the untreated ones as another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.designs.panel import Bools, Days, Floats, Panel

FULLY_ON_RATIO = 0.9
"""From this share of the treated places with cameras on, a period counts as after.
One unit repaired for a month must not cost a whole city that month; nine in ten is still the programme."""


@dataclass(frozen=True)
class TreatedSeries:
    """Counts of all treated places together, and of all controls together, over T periods."""

    outcome: str
    """Which kind of incident."""
    starts: Days
    """(T,) first day of each period."""
    treated: Floats
    """(T,) incidents in the places that get cameras within the study."""
    control: Floats
    """(T,) incidents in all controls together."""
    before: Bools
    """(T,) periods before the first camera."""
    after: Bools
    """(T,) periods with cameras on in at least `FULLY_ON_RATIO` of the treated places."""
    periods_per_year: float
    treated_places: int
    control_places: int

    @property
    def used(self) -> Bools:
        """(T,) periods before or after; the roll-out in between belongs to neither."""
        return self.before | self.after

    @property
    def left_out(self) -> int:
        """How many periods are neither before nor after."""
        return int((~self.used).sum())


def treated_series(panel: Panel) -> TreatedSeries:
    """Return the treated places and the controls of a panel, each summed to one series.

    A treated place whose cameras never come on within the study is in neither.
    """
    periods = len(panel.starts)
    reached = panel.treated & (panel.first_active < periods)
    on_ratio = panel.active[reached].mean(axis=0) if reached.any() else np.zeros(periods)
    return TreatedSeries(
        panel.outcome, panel.starts, panel.counts[reached].sum(axis=0), panel.counts[panel.control].sum(axis=0),
        panel.before, (on_ratio >= FULLY_ON_RATIO) & ~panel.before, panel.periods_per_year,
        int(reached.sum()), int(panel.control.sum()),
    )  # fmt: skip


def whole_years(periods: int, periods_per_year: float) -> bool:
    """Return whether so many periods are a whole number of years, to within half a period."""
    years = periods / periods_per_year
    return years > 0.5 and abs(years - round(years)) * periods_per_year <= 0.5
