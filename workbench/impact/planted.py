"""Planted effects: real incidents thinned by a known share in places chosen anew each time, and studied as ever.

What a study says of them shows its bias, how often its intervals hold the truth, how often it calls nothing an
effect, and how often it finds one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from catalog.errors import BadInput
from workbench.designs.findings import Findings
from workbench.impact.areas import Area
from workbench.impact.made_city import kept_after_thinning
from workbench.impact.places import Places, lay_cells
from workbench.impact.sites import Site
from workbench.impact.specification import AreasSpecification, StudySpecification
from workbench.impact.study import Study
from workbench.impact.study_files import StudyFiles
from workbench.impact.verdict import credible

Choice = Literal["random", "hot"]
"""Where cameras go: any place with enough incidents over all days of the file, or those with most in the year
before."""

CHOICE_DAYS = 365
"""Days whose incidents hot places are chosen on; they end when the cameras come."""

EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
"""When these studies were made, so that the same seed gives the same."""


@dataclass(frozen=True)
class Plan:
    """What is planted, and what is asked of it."""

    files: StudyFiles
    """Incidents and a specification; sites, areas and claim are not used."""
    effect_ratio: float
    """True change where cameras are, share: 0 to −1."""
    chosen: Choice
    sites: int
    """How many places get cameras."""
    before_months: int = 36
    """Months before the cameras, the year of choice included."""
    after_months: int = 24
    methods: tuple[str, ...] = ()
    placebos: int = 59
    least_incidents: int = 16
    """Incidents over all days of the file without which a place is not drawn by lot. All days, because a number
    asked of the days before the cameras alone would be a choice of places that were just bad, which no method is
    told of; so many, because in a place with fewer than about one a year there is next to nothing to thin."""


@dataclass(frozen=True)
class Told:
    """What one method said."""

    method: str
    change_ratio: float
    low: float
    high: float
    leant_on: bool
    """Whether a verdict may lean on it, see `verdict.credible`."""


@dataclass(frozen=True)
class PlantedStudy:
    """What a study said of a planted effect."""

    seed: int
    activated_on: date
    rung: str
    sentence: str
    told: tuple[Told, ...]
    refused: tuple[str, ...]
    """Methods that gave no interval."""
    missing: tuple[str, ...]
    """What kept a verdict from *supported* where one was *suggestive*."""


def planted_study(plan: Plan, seed: int) -> PlantedStudy:
    """Return what a study says when an effect is planted; the same seed gives the same.

    Raises
    ------
    BadInput
        When the incidents span too few months, or too few places have some.
    """
    rng = np.random.default_rng(seed)
    activated_on = _some_month(plan, rng)
    files = _with_cameras(plan, activated_on, rng)
    study = Study(files)
    findings = study.run(plan.methods, plan.placebos, made_at=EPOCH_AT, code_version="")
    return _told(findings, seed, activated_on)


def _some_month(plan: Plan, rng: np.random.Generator) -> date:
    days = plan.files.incidents.start_at.astype("datetime64[M]")
    if not len(days):
        raise BadInput("there are no incidents to plant an effect in")
    first, last = days.min() + 1 + plan.before_months, days.max() - plan.after_months
    if last < first:
        raise BadInput(
            f"the incidents span {days.min()} to {days.max()}; {plan.before_months} months before and "
            f"{plan.after_months} after are needed"
        )
    months = int((last - first).astype(int))
    chosen: date = (first + int(rng.integers(0, months + 1))).astype("datetime64[D]").item()
    return chosen


def _with_cameras(plan: Plan, activated_on: date, rng: np.random.Generator) -> StudyFiles:
    """Return the study's files with cameras in chosen places, and fewer incidents there from then on.

    The places are laid out once, over all days of the file, and handed to the study as its polygons: cells that the
    study laid anew over its own days would begin elsewhere, and an effect planted in one cell be looked for in
    parts of four.
    """
    files = plan.files
    incidents = files.incidents
    places = lay_cells(files.specification.study.cell_m, (), incidents.lon_deg, incidents.lat_deg)
    at = places.locate(places.plane.to_m(incidents.lon_deg, incidents.lat_deg))
    window = (activated_on - timedelta(days=CHOICE_DAYS), activated_on)
    chosen = _choose(plan, at, incidents.start_at.astype("datetime64[D]"), window, len(places), rng)
    after_at = np.datetime64(activated_on, "us")
    kept = kept_after_thinning(incidents, 1 + plan.effect_ratio, np.isin(at, chosen), after_at, rng)
    areas = _polygons(places)
    return replace(
        files, incident_file=replace(files.incident_file, incidents=incidents.of(kept)), areas=areas,
        covariate_names=(), specification=_specification(plan, activated_on),
        sites=tuple(_site(areas[int(place)], activated_on, plan.chosen, window) for place in chosen),
    )  # fmt: skip


def _polygons(places: Places) -> tuple[Area, ...]:
    import shapely

    shapes = shapely.transform(places.outlines, places.plane.to_deg)
    return tuple(Area(place, shape, "study") for place, shape in zip(places.place_ids, shapes, strict=True))


def _choose(
    plan: Plan, at: np.ndarray, days: np.ndarray, window: tuple[date, date], places: int, rng: np.random.Generator
) -> np.ndarray:
    if plan.chosen == "hot":
        inside = (days >= np.datetime64(window[0])) & (days < np.datetime64(window[1]))
        return np.argsort(-np.bincount(at[inside], minlength=places), kind="stable")[: plan.sites]
    some = np.flatnonzero(np.bincount(at, minlength=places) >= plan.least_incidents)
    if len(some) < plan.sites:
        raise BadInput(f"{plan.sites} places were to be chosen; {len(some)} had {plan.least_incidents} incidents")
    return rng.choice(some, plan.sites, replace=False)


def _site(area: Area, activated_on: date, chosen: Choice, window: tuple[date, date]) -> Site:
    import shapely

    centre = shapely.centroid(area.shape)
    hot = chosen == "hot"
    return Site(
        f"site of {area.area_id}", centre.x, centre.y, activated_on, area.shape, monitored=True,
        reason="most incidents in the year before" if hot else "drawn by lot",
        chosen_by="counts" if hot else "random", chosen_on=window if hot else None,
    )  # fmt: skip


def _specification(plan: Plan, activated_on: date) -> StudySpecification:
    specification = plan.files.specification
    month = np.datetime64(activated_on, "M")
    frame = replace(
        specification.study, start=(month - plan.before_months).astype("datetime64[D]").item(),
        end=(month + plan.after_months).astype("datetime64[D]").item(), place="area",
    )  # fmt: skip
    return replace(
        specification, study=frame, areas=AreasSpecification(Path("places of the whole file")), co_interventions=(),
        claim=replace(specification.claim, change_ratio=None),
    )  # fmt: skip


def _told(findings: Findings, seed: int, activated_on: date) -> PlantedStudy:
    own = [one for one in findings.estimates if one.outcome == findings.primary_outcome]
    leant_on = {one.method for one in credible(own, findings.guards)}
    told = tuple(
        Told(one.method, one.change_ratio, *one.change_interval, one.method in leant_on)
        for one in own if one.change_ratio is not None and one.change_interval is not None
    )  # fmt: skip
    answered = {one.method for one in told}
    verdict = findings.verdicts[0]
    refused = tuple(one.method for one in own if one.method not in answered)
    why = () if verdict.rung != "suggestive" else verdict.reasons
    return PlantedStudy(seed, activated_on, verdict.rung, verdict.sentence, told, refused, why)
