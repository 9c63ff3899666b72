"""Counting: from a study's files to panels of counts by place and period, one for each outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.findings import DataQuality
from workbench.designs.panel import Panel
from workbench.impact.incidents import Incidents
from workbench.impact.periods import Periods, Shares, lay_periods, share
from workbench.impact.places import Places, Shapes, lay_areas, lay_cells, spread
from workbench.impact.roles import Roles, assign_roles, seen_zones
from workbench.impact.sites import Site
from workbench.impact.specification import OutcomeSpecification
from workbench.impact.study_files import StudyFiles
from workbench.impact.tables import Instants

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

OUTSIDE_DAYS = "outside the study's days"
OUTSIDE_PLACES = "outside the study's places"
NO_OUTCOME = "of no outcome's type"


@dataclass(frozen=True)
class Layout:
    """Where and when is counted: everything of a panel but its counts."""

    places: Places
    periods: Periods
    roles: Roles
    exposure: Floats | None
    """(P,) people, households or jobs, > 0; None where counts are compared as they are."""
    covariates: Floats
    """(P, K)"""
    covariate_names: tuple[str, ...]
    unknown_places: int
    """Places left out because their exposure or a covariate is not known, or nobody is there."""


@dataclass(frozen=True)
class Located:
    """Where and when N incidents count."""

    xy_m: Floats
    """(N, 2) metres east and north of the plane's origin."""
    place: Indices
    """(N,) place; −1 outside all of them."""
    shares: Shares
    """Their parts among the periods."""


@dataclass(frozen=True)
class CountedStudy:
    """A study's files with its incidents counted."""

    files: StudyFiles
    layout: Layout
    located: Located
    panels: tuple[Panel, ...]
    """One for each outcome, in the order of the specification."""
    quality: DataQuality

    def panel(self, outcome: str) -> Panel:
        """Return the panel of an outcome.

        Raises
        ------
        BadInput
            When there is no such outcome.
        """
        for panel in self.panels:
            if panel.outcome == outcome:
                return panel
        raise BadInput(f"no outcome {outcome!r}; there are {', '.join(panel.outcome for panel in self.panels)}")

    @property
    def primary(self) -> Panel:
        """Return the panel of the primary outcome."""
        return self.panel(self.files.specification.primary.name)

    @property
    def compared(self) -> tuple[Panel, ...]:
        """Return the panels that may be compared: without the window that sites were chosen on."""
        window = selection_window(self.files.sites)
        if window is None:
            return self.panels
        return tuple(without_window(panel, self.layout.periods, window) for panel in self.panels)


def count_study(files: StudyFiles, leave_out: Collection[str] = ()) -> CountedStudy:
    """Return a study's incidents counted by place and period.

    Parameters
    ----------
    leave_out
        Sites whose places are excluded, to see what the finding owes to each.

    Raises
    ------
    BadInput
        When there is no place to count in.
    """
    layout = lay_out(files, leave_out)
    located = locate(layout, files.incidents)
    outcomes = files.specification.outcomes
    panels = tuple(count_outcome(layout, located, files.incidents, outcome) for outcome in outcomes)
    return CountedStudy(files, layout, located, panels, _quality(files, located))


def lay_out(files: StudyFiles, leave_out: Collection[str] = ()) -> Layout:
    """Return where and when a study counts, and what each place is."""
    frame, incidents, areas = files.specification.study, files.incidents, files.areas
    periods = lay_periods(frame)
    if frame.place == "area":
        places = lay_areas(areas)
    else:
        within = (incidents.start_at < periods.edges_at[-1]) & (incidents.end_at >= periods.edges_at[0])
        places = lay_cells(frame.cell_m, areas, incidents.lon_deg[within], incidents.lat_deg[within])
    roles = assign_roles(files.specification, places, files.sites, areas, periods.starts, leave_out)
    counted_by = files.specification.areas
    wants_exposure = counted_by is not None and counted_by.exposure is not None
    if not wants_exposure and not files.covariate_names:
        return Layout(places, periods, roles, None, np.empty((0, 0)), (), 0)
    exposure, covariates = spread(areas, places, len(files.covariate_names))
    unknown: Bools = np.logical_or.reduce(np.isnan(covariates), axis=1)
    if wants_exposure:
        unknown |= ~(exposure > 0)
    roles, exposure, covariates = _without_unknown(roles, exposure, covariates, unknown)
    return Layout(
        places, periods, roles, exposure if wants_exposure else None, covariates, files.covariate_names,
        int(unknown.sum()),
    )  # fmt: skip


def _without_unknown(
    roles: Roles, exposure: Floats, covariates: Floats, unknown: Bools
) -> tuple[Roles, Floats, Floats]:
    """Exclude places nothing is known of; what stands for them is the mean of the others and is never looked at."""
    if unknown.all():
        raise BadInput("no place has all of its exposure and covariates; look at the properties of the areas' file")
    names = tuple("excluded" if lost else role for role, lost in zip(roles.roles, unknown, strict=True))
    active = roles.active & ~unknown[:, None]
    exposure = np.where(unknown, exposure[~unknown].mean(), exposure)
    covariates = np.where(unknown[:, None], covariates[~unknown].mean(axis=0, keepdims=True), covariates)
    return replace(roles, roles=names, active=active), exposure, covariates


def locate(layout: Layout, incidents: Incidents) -> Located:
    """Return in which places and periods incidents count."""
    xy_m = layout.places.plane.to_m(incidents.lon_deg, incidents.lat_deg)
    shares = share(incidents.start_at, incidents.end_at, layout.periods.edges_at)
    return Located(xy_m, layout.places.locate(xy_m), shares)


def count_outcome(
    layout: Layout,
    located: Located,
    incidents: Incidents,
    outcome: OutcomeSpecification,
    kept: Bools | None = None,
) -> Panel:
    """Return the panel of one outcome.

    Parameters
    ----------
    kept
        (N,) the incidents to count, so that planted effects need not lay out the study anew; None for all.
    """
    wanted = of_outcome(incidents, outcome) & (located.place >= 0)
    if kept is not None:
        wanted &= kept
    counts = tally(located.place, located.shares, wanted, len(layout.places), len(layout.periods))
    return Panel(
        outcome.name, layout.places.place_ids, layout.periods.starts, layout.periods.end, counts,
        layout.roles.active, layout.roles.roles, layout.places.xy_m, layout.exposure, layout.covariates,
        layout.covariate_names, layout.periods.per_year,
    )  # fmt: skip


def of_outcome(incidents: Incidents, outcome: OutcomeSpecification) -> Bools:
    """Return (N,) whether an incident counts for an outcome."""
    wanted = incidents.of_types(outcome.types)
    return wanted & ~incidents.proactive if outcome.reported_only else wanted


def tally(rows: Indices, shares: Shares, wanted: Bools, row_count: int, period_count: int) -> Floats:
    """Return (row_count, period_count) incidents by row and period.

    Parameters
    ----------
    rows
        (N,) row of each incident, 0 or more where `wanted`.
    wanted
        (N,) whether it counts.
    """
    part = wanted[shares.incident]
    at = rows[shares.incident[part]] * period_count + shares.period[part]
    weights = shares.weight[part]
    counts = np.bincount(at, weights, minlength=row_count * period_count).astype(np.float64)
    return counts.reshape(row_count, period_count)


@dataclass(frozen=True)
class RingCounts:
    """Incidents of one outcome by distance from what cameras see."""

    outcome: str
    radii_m: tuple[float, ...]
    """(R,) outer edges of the rings, metres beyond what cameras see."""
    counts: Floats
    """(R + 2, T) incidents: in sight, in each ring, nearest first, and in all controls, the last row."""


def ring_counts(counted: CountedStudy, outcome: str, radii_m: Sequence[float] | None = None) -> RingCounts:
    """Return an outcome's incidents in sight, in rings around it and in the controls, by period.

    Places that something else touched count nowhere. With radii beyond those of the specification rings reach into
    controls; such a ring then takes its incidents away from them.
    """
    specification, layout, located = counted.files.specification, counted.layout, counted.located
    radii = tuple(radii_m or specification.rings.radii_m)
    incidents = counted.files.incidents
    chosen = next(one for one in specification.outcomes if one.name == counted.panel(outcome).outcome)
    role = np.asarray(layout.roles.roles, object)[located.place]
    wanted = of_outcome(incidents, chosen) & (located.place >= 0) & (role != "excluded")
    sites = [site for site in counted.files.sites if site.activated_on < specification.study.end]
    zones = seen_zones(layout.places.plane, sites, specification.study.treated_radius_m)
    ring = rings_of(located.xy_m, zones, radii)
    ring[(ring > len(radii)) & (role != "control")] = -1
    counts = tally(ring, located.shares, wanted & (ring >= 0), len(radii) + 2, len(layout.periods))
    return RingCounts(outcome, radii, counts)


def rings_of(xy_m: Floats, zones: Shapes, radii_m: Sequence[float]) -> Indices:
    """Return (N,) the ring each point lies in: 0 in a zone, k up to `radii_m[k − 1]` from one, R + 1 beyond.

    Parameters
    ----------
    xy_m
        (N, 2) points, metres.
    zones
        (S,) shapely polygons, metres.
    radii_m
        (R,) outer edges, rising.
    """
    import shapely

    ring = np.full(len(xy_m), len(radii_m) + 1, np.int64)
    if not len(zones):
        return ring
    # From far to near: a point within a radius of any zone lies within that ring or a nearer one.
    for number, radius_m in reversed(list(enumerate((0.0, *radii_m)))):
        reach = shapely.union_all(shapely.buffer(zones, radius_m, quad_segs=32) if radius_m else zones)
        pieces = shapely.get_parts(reach)
        shapely.prepare(pieces)
        left, low, right, high = shapely.bounds(pieces).T
        for piece, box in zip(pieces, np.column_stack([left, low, right, high]), strict=True):
            near = (xy_m[:, 0] >= box[0]) & (xy_m[:, 0] <= box[2]) & (xy_m[:, 1] >= box[1]) & (xy_m[:, 1] <= box[3])
            near = np.flatnonzero(near)
            inside = shapely.intersects_xy(piece, xy_m[near, 0], xy_m[near, 1])
            ring[near[inside]] = number
    return ring


def selection_window(sites: Sequence[Site]) -> tuple[date, date] | None:
    """Return the days whose incidents any site was chosen on, first and first not any more; None where none was."""
    windows = [site.chosen_on for site in sites if site.chosen_on is not None]
    return (min(first for first, _ in windows), max(last for _, last in windows)) if windows else None


def in_window(panel: Panel, periods: Periods, window: tuple[date, date]) -> Bools:
    """Return (T,) periods that have a day of `window` while some place had not got its cameras yet.

    Parameters
    ----------
    window
        First day, and first day not any more.
    """
    last_activated = int(panel.first_active[panel.treated].max(initial=0))
    return periods.overlap(*window) & (np.arange(len(periods)) < last_activated)


def without_window(panel: Panel, periods: Periods, window: tuple[date, date]) -> Panel:
    """Return a panel without the periods of `in_window`.

    Places chosen because they were high in a window fall back afterwards by themselves; a comparison that rests on
    that window takes the fall for an effect. Davis (1976), American Journal of Epidemiology 104: 493. The period
    before the gap then seems as long as the gap; only first days are counted from. Where places came on one after
    another, periods with the first ones on are dropped too: the later ones are compared with them.
    """
    kept = np.flatnonzero(~in_window(panel, periods, window))
    return replace(panel, starts=panel.starts[kept], counts=panel.counts[:, kept], active=panel.active[:, kept])


def _quality(files: StudyFiles, located: Located) -> DataQuality:
    incidents = files.incidents
    in_days = np.zeros(len(incidents), bool)
    in_days[located.shares.incident] = True
    in_places = located.place >= 0
    counts_for = np.zeros(len(incidents), bool)
    for outcome in files.specification.outcomes:
        counts_for |= of_outcome(incidents, outcome)
    used = in_days & in_places & counts_for
    years, by_year = np.unique(
        _local_years(incidents.start_at[used], files.specification.study.zone), return_counts=True
    )
    reasons = [
        *files.incident_file.left_out,
        (OUTSIDE_DAYS, int((~in_days).sum())),
        (OUTSIDE_PLACES, int((in_days & ~in_places).sum())),
        (NO_OUTCOME, int((in_days & in_places & ~counts_for).sum())),
    ]
    return DataQuality(
        files.incident_file.rows, int(used.sum()), tuple((why, rows) for why, rows in reasons if rows),
        tuple((int(year), int(rows)) for year, rows in zip(years, by_year, strict=True)),
        _mean(incidents.inexact[used]), _mean(incidents.poor_geocode[used]), _mean(incidents.proactive[used]),
    )  # fmt: skip


def _local_years(instants: Instants, zone: ZoneInfo) -> NDArray[np.int64]:
    local = pd.DatetimeIndex(instants, tz="UTC").tz_convert(zone)
    return np.asarray(local.year, np.int64)


def _mean(mask: Bools) -> float:
    return float(mask.mean()) if len(mask) else 0.0
