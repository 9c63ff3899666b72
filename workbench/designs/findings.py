"""What a study found: everything its report, its page and a reviewer need, in records that can be written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from workbench.designs.estimates import Estimate

Severity = Literal["blocks", "warns", "notes"]
"""`blocks`: the verdict can only be *not estimable*; `warns`: the reader must know; `notes`: all is well."""

Rung = Literal["not estimable", "consistent with no effect", "suggestive", "supported", "contradicts claim"]


@dataclass(frozen=True)
class Guard:
    """One thing looked at before any result is shown."""

    name: str
    """Its key, e.g. `selection_window`, `few_incidents`, `unscaled_controls`, `shock`, `reporting_change`."""
    severity: Severity
    says: str
    """What was found, with figures."""
    do: str = ""
    """What to do about it; empty for notes."""
    outcome: str | None = None
    """The outcome it is about; None for all."""


@dataclass(frozen=True)
class Claim:
    """What is claimed, and by whom."""

    words: str
    change_ratio: float | None
    """Claimed change, share: −0.51; None where no figure is claimed."""
    source: str = ""


@dataclass(frozen=True)
class Power:
    """What the study could have seen, known before its results are."""

    outcome: str
    method: str
    baseline_count: float
    """Incidents in the treated places in a span before as long as that after."""
    least_detectable_ratio: float | None
    """Smallest fall found with `power` at `level`, share (−0.2); None when not even a fall to nothing would be."""
    power: float = 0.8
    level: float = 0.95
    curve: tuple[tuple[float, float], ...] = ()
    """(change, share; chance of finding it) pairs, change rising."""


@dataclass(frozen=True)
class EventStudy:
    """Change by period since activation, one method's."""

    outcome: str
    method: str
    relative_periods: tuple[int, ...]
    """(K,) periods since activation; negative before it."""
    change_ratio: tuple[float, ...]
    """(K,) share, against the last period before."""
    low: tuple[float, ...]
    """(K,)"""
    high: tuple[float, ...]
    """(K,)"""
    level: float
    pretrend_p: float | None
    """Joint p of all periods before; None where there are none."""


@dataclass(frozen=True)
class Placebos:
    """The same method where or when there were no cameras."""

    outcome: str
    method: str
    kind: Literal["in space", "in time"]
    observed_ratio: float
    draws_ratio: tuple[float, ...]
    """(N,) change found in each placebo, share."""
    p_value: float
    """Rank of the observed change among the draws, two-sided, itself counted."""


@dataclass(frozen=True)
class Ring:
    """What happened within one band of distance around the cameras."""

    inner_m: float
    outer_m: float
    before_count: float
    after_count: float
    difference: float
    """Weighted displacement difference of the treated area and this ring together, incidents."""
    low: float
    high: float
    displaced_ratio: float | None
    """Weighted displacement quotient: share of the fall that reappeared here, negative; None where nothing fell."""


@dataclass(frozen=True)
class Displacement:
    """Whether crime moved, over a range of radii."""

    outcome: str
    rings: tuple[Ring, ...]
    level: float
    says: str


@dataclass(frozen=True)
class Sensitivity:
    """The same question with one choice made differently."""

    outcome: str
    method: str
    choice: Literal["window", "cell", "smoothness", "without a site"]
    settings: tuple[str, ...]
    """(K,) what was chosen instead, e.g. `12 months before`."""
    change_ratio: tuple[float | None, ...]
    """(K,) None where the method refused."""
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class MapPlace:
    """One place on the map."""

    place_id: str
    role: str
    lon_deg: float
    lat_deg: float
    outline: tuple[tuple[float, float], ...]
    """Corners, (longitude, latitude) degrees; empty for a point."""
    before_count: float
    after_count: float
    donor_weight: float | None
    """How much of the counterfactual rests on this place, share; None where it is no donor."""


@dataclass(frozen=True)
class MapSite:
    """Cameras that came on together."""

    site_id: str
    lon_deg: float
    lat_deg: float
    viewshed: tuple[tuple[float, float], ...]
    """Corners of what it sees, (longitude, latitude) degrees; empty where only the point is known."""
    activated_on: date
    reason: str
    """Why this place was chosen."""


@dataclass(frozen=True)
class StudyMap:
    """Everything the map shows."""

    places: tuple[MapPlace, ...]
    sites: tuple[MapSite, ...]
    ring_radii_m: tuple[float, ...]


@dataclass(frozen=True)
class Verdict:
    """What may be said."""

    outcome: str
    rung: Rung
    sentence: str
    """Plain language, for a member of the council."""
    range_ratio: tuple[float, float] | None
    """Union of the intervals of the designs it rests on, share; None below *consistent with no effect*."""
    reasons: tuple[str, ...]
    """Why this rung and not the next one up, each a sentence."""
    would_change: tuple[str, ...]
    """What would change the verdict, each a sentence."""


@dataclass(frozen=True)
class Series:
    """Counts of the treated places over time, beside what would have been."""

    outcome: str
    starts: tuple[date, ...]
    """(T,)"""
    treated: tuple[float, ...]
    """(T,) incidents in the treated places."""
    counterfactual: tuple[float | None, ...]
    """(T,) incidents had there been no cameras, by `method`; None where it does not say."""
    method: str
    activated_on: date


@dataclass(frozen=True)
class DataQuality:
    """What the study's inputs are like."""

    incidents: int
    used: int
    """Of them, within the span, the area and an outcome."""
    left_out: tuple[tuple[str, int], ...]
    """(reason, how many)."""
    by_year: tuple[tuple[int, int], ...]
    """(year, incidents used)."""
    inexact_time_ratio: float
    """Share whose time is only known to within more than a day."""
    poor_geocode_ratio: float
    """Share whose place is coarser than a street address or a block."""
    proactive_ratio: float
    """Share that exist because police looked for them."""


@dataclass(frozen=True)
class Provenance:
    """What would have to be the same for the figures to come out the same."""

    study: str
    data_sha256: tuple[tuple[str, str], ...]
    """(file name, digest of its bytes)."""
    specification: str
    """The study's TOML as it was read."""
    seed: int
    code_version: str
    made_at: str
    """UTC, ISO 8601; the only figure that differs between two runs of the same study."""


@dataclass(frozen=True)
class Findings:
    """What a study found."""

    title: str
    primary_outcome: str
    outcomes: tuple[str, ...]
    claim: Claim
    guards: tuple[Guard, ...]
    power: tuple[Power, ...]
    estimates: tuple[Estimate, ...]
    """All methods on all outcomes, refusals too."""
    event_studies: tuple[EventStudy, ...]
    placebos: tuple[Placebos, ...]
    displacement: tuple[Displacement, ...]
    sensitivity: tuple[Sensitivity, ...]
    series: tuple[Series, ...]
    study_map: StudyMap
    quality: DataQuality
    verdicts: tuple[Verdict, ...]
    """Of the primary outcome first; p values of the others are corrected after Holm."""
    provenance: Provenance
