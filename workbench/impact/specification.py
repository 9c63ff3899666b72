"""The specification of a study: what is claimed, what is counted, where and when, before anyone sees a result."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from catalog.errors import BadInput
from workbench.designs.findings import Claim

PeriodKind = Literal["week", "month", "quarter"]
PlaceKind = Literal["cell", "area"]
AreaRole = Literal["study", "buffer", "control", "excluded"]

PERIODS_PER_YEAR: Mapping[PeriodKind, float] = {"week": 365.25 / 7, "month": 12.0, "quarter": 4.0}

GOOD_GEOCODES = ("address", "block", "exact", "intersection", "parcel", "rooftop", "street")
"""Words for a place known to a street address, a crossing or a block; any other is coarse."""

PROACTIVE_ORIGINS = ("proactive", "officer", "self-initiated", "camera")
"""Words for an incident that is on record because police looked for it, not because someone reported it."""

_closed = with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
_SINGULAR = {"outcomes": "outcome", "co_interventions": "co_intervention"}
_PLURAL = {singular: plural for plural, singular in _SINGULAR.items()}


@_closed
@dataclass(frozen=True)
class ClaimSpecification:
    """What is claimed: `[claim]`."""

    words: str
    change_ratio: float | None = None
    """Claimed change, share: −0.51; None where no figure is claimed."""
    source: str = ""
    """Who said so, and where."""

    def __post_init__(self) -> None:
        if self.change_ratio is not None and self.change_ratio < -1:
            raise ValueError(f"change_ratio is {self.change_ratio}; write a fall of 51 % as -0.51, never under -1")

    @property
    def claim(self) -> Claim:
        """Return the claim as findings tell it."""
        return Claim(self.words, self.change_ratio, self.source)


@_closed
@dataclass(frozen=True)
class FrameSpecification:
    """When and where is counted, and how finely: `[study]`."""

    start: date
    """First day counted, on the city's own calendar."""
    end: date
    """First day not counted any more."""
    time_zone: str
    """The city's time zone, e.g. `America/Chicago`."""
    period: PeriodKind = "month"
    place: PlaceKind = "cell"
    """`cell`: squares of `cell_m`; `area`: the polygons of the areas' file."""
    cell_m: float = 500.0
    """Side of a cell, metres."""
    treated_radius_m: float = 150.0
    """How far a camera without a viewshed is taken to see, metres."""
    least_covered_ratio: float = 0.5
    """Share of a place that must be seen for it to count as treated; each site has at least one place."""
    seed: int = 1
    level: float = 0.95
    """Coverage of all intervals, share."""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"the study ends on {self.end}, not after its start {self.start}")
        for name, ratio in (("level", self.level), ("least_covered_ratio", self.least_covered_ratio)):
            if not 0 < ratio < 1:
                raise ValueError(f"{name} is {ratio}; it is a share between 0 and 1")
        for name, length_m in (("cell_m", self.cell_m), ("treated_radius_m", self.treated_radius_m)):
            if length_m <= 0:
                raise ValueError(f"{name} is {length_m}; it is a length in metres, above 0")
        if not self._whole_periods():
            raise ValueError(
                f"{self.start} to {self.end} is no whole number of {self.period}s; months and quarters begin on "
                "the first of a month, weeks have seven days, and end is the first day not counted"
            )
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it is a whole number from 0")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is not known; write e.g. America/Chicago") from error

    def _whole_periods(self) -> bool:
        if self.period == "week":
            return (self.end - self.start).days % 7 == 0
        months = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return self.start.day == self.end.day == 1 and months % (3 if self.period == "quarter" else 1) == 0

    @property
    def zone(self) -> ZoneInfo:
        """Return the city's time zone."""
        return ZoneInfo(self.time_zone)


@_closed
@dataclass(frozen=True)
class IncidentColumns:
    """What the columns of the incidents' file are called: `[incidents.columns]`.

    The three that may be missing from a file are looked for under their usual name when none is given.
    """

    incident_id: str = "incident_id"
    start_at: str = "start_at"
    type: str = "type"
    lon_deg: str = "lon_deg"
    lat_deg: str = "lat_deg"
    end_at: str | None = None
    geocode: str | None = None
    origin: str | None = None


@_closed
@dataclass(frozen=True)
class IncidentsSpecification:
    """Where incidents stand and how their file is read: `[incidents]`."""

    file: Path
    """CSV, Parquet or GeoJSON, beside the specification."""
    columns: IncidentColumns = IncidentColumns()
    time_format: str | None = None
    """How times are written, e.g. `%m/%d/%Y %I:%M:%S %p`; None for ISO 8601."""
    good_geocodes: tuple[str, ...] = GOOD_GEOCODES
    proactive_origins: tuple[str, ...] = PROACTIVE_ORIGINS
    several_rows: bool = False
    """Whether an incident may have several rows, one per victim or offence; each type of it then counts once."""
    most_wrong_ratio: float = 0.05
    """Share of rows that may be left out, each counted with its reason; above it the file is refused."""

    def __post_init__(self) -> None:
        if not 0 <= self.most_wrong_ratio <= 1:
            raise ValueError(f"most_wrong_ratio is {self.most_wrong_ratio}; it is a share from 0 to 1")


@_closed
@dataclass(frozen=True)
class OutcomeSpecification:
    """One kind of incident that is counted: `[[outcome]]`."""

    name: str
    types: tuple[str, ...]
    """Types of the incidents' file that count as it."""
    primary: bool = False
    """Whether the claim stands or falls with it; exactly one is."""
    proactive: bool = False
    """Whether it is mostly found by police who look for it, so that cameras may make it *rise*."""
    reported_only: bool = False
    """Whether incidents that are on record because police looked for them are left out."""

    def __post_init__(self) -> None:
        if not self.types:
            raise ValueError(f"the outcome {self.name!r} counts no type; list at least one in types")


@_closed
@dataclass(frozen=True)
class SitesSpecification:
    """Where cameras stand: `[sites]`."""

    file: Path
    """CSV or GeoJSON, beside the specification."""


@_closed
@dataclass(frozen=True)
class AreasSpecification:
    """Which polygons there are: `[areas]`."""

    file: Path
    """GeoJSON, beside the specification."""
    exposure: str | None = None
    """Property with the people, households or jobs in each polygon; None where counts are compared as they are."""
    covariates: tuple[str, ...] = ()
    """Properties with what else is known of each polygon; means, not sums."""


@_closed
@dataclass(frozen=True)
class CoIntervention:
    """Something else that may have changed crime: `[[co_intervention]]`."""

    name: str
    start: date
    end: date | None = None
    """First day without it; None while it goes on."""
    area: str | None = None
    """Id of the polygon it touches."""
    role: Literal["treated", "control"] | None = None
    """Which places it touches, where that is all of one role."""
    whole_city: bool = False

    def __post_init__(self) -> None:
        if sum((self.area is not None, self.role is not None, self.whole_city)) != 1:
            raise ValueError(f"{self.name!r} must say where: one of area, role or whole_city = true")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"{self.name!r} ends on {self.end}, not after its start {self.start}")

    def overlaps(self, start: date, end: date) -> bool:
        """Return whether it was there at any time of the days `[start, end)`."""
        return self.start < end and (self.end is None or self.end > start)


@_closed
@dataclass(frozen=True)
class RingsSpecification:
    """How far crime may have moved: `[rings]`."""

    radii_m: tuple[float, ...] = (150.0, 300.0)
    """Outer edges of the rings, metres beyond what cameras see, rising."""

    def __post_init__(self) -> None:
        rising = all(near < far for near, far in zip((0.0, *self.radii_m), self.radii_m, strict=False))
        if not self.radii_m or not rising:
            raise ValueError(f"radii_m is {list(self.radii_m)}; it must rise from above 0, e.g. [150, 300]")


@_closed
@dataclass(frozen=True)
class MethodsSpecification:
    """What is computed: `[methods]`."""

    names: tuple[str, ...] = ()
    """Keys of methods; empty for all that fit."""
    placebos: int = 250
    """Draws of a placebo in space."""
    draws: int = 2000
    """Draws of a sampler or a bootstrap."""

    def __post_init__(self) -> None:
        if self.placebos < 0 or self.draws < 1:
            raise ValueError(f"placebos = {self.placebos}, draws = {self.draws}: at least 0 and 1 are needed")


@_closed
@dataclass(frozen=True)
class StudySpecification:
    """A study as it was laid down: one `STUDY.toml`."""

    title: str
    claim: ClaimSpecification
    study: FrameSpecification
    incidents: IncidentsSpecification
    outcomes: tuple[OutcomeSpecification, ...]
    """`[[outcome]]`; exactly one is primary."""
    sites: SitesSpecification
    areas: AreasSpecification | None = None
    co_interventions: tuple[CoIntervention, ...] = ()
    """`[[co_intervention]]`"""
    rings: RingsSpecification = RingsSpecification()
    methods: MethodsSpecification = MethodsSpecification()

    def __post_init__(self) -> None:
        names = [outcome.name for outcome in self.outcomes]
        primary = [outcome.name for outcome in self.outcomes if outcome.primary]
        if len(primary) != 1:
            found = ", ".join(primary) or "none"
            raise ValueError(f"exactly one [[outcome]] must say primary = true, before any result; found {found}")
        if len(set(names)) != len(names):
            raise ValueError(f"two [[outcome]]s have the same name; there are {', '.join(names)}")
        if self.study.place == "area" and self.areas is None:
            raise ValueError('place = "area" needs polygons; give [areas] file = "…"')
        if self.areas is None and any(one.area for one in self.co_interventions):
            raise ValueError("a [[co_intervention]] names an area, but there is no [areas] file")

    @property
    def primary(self) -> OutcomeSpecification:
        """Return the outcome the claim stands or falls with."""
        return next(outcome for outcome in self.outcomes if outcome.primary)


def read_specification(path: Path) -> StudySpecification:
    """Return the specification in a `STUDY.toml`.

    Raises
    ------
    BadInput
        When there is no such file, it is no TOML, or a key is unknown, missing or wrong; all are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"no study can be read from {path}: {error}; give the path of a STUDY.toml") from error
    return parse_specification(text, path.name)


def parse_specification(text: str, called: str = "STUDY.toml") -> StudySpecification:
    """Return the specification written in `text`, which errors call `called`.

    Raises
    ------
    BadInput
        When it is no TOML, or a key is unknown, missing or wrong; all are named.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{called} is not TOML: {error}") from error
    named = {_PLURAL.get(key, _SINGULAR.get(key, key)): found for key, found in tables.items()}
    try:
        return TypeAdapter(StudySpecification).validate_python(named)
    except ValidationError as error:
        wrong = [_say(one["loc"], one["type"], one["msg"], one["input"]) for one in error.errors()]
        raise BadInput(f"{called} cannot be used:\n" + "\n".join(f"  {line}" for line in wrong)) from error


def _say(place: Sequence[str | int], kind: str, message: str, found: object) -> str:
    path = _path(place)
    if kind == "unexpected_keyword_argument":
        return f"{path}: there is no such key; {_nearest(place)}"
    if kind in {"missing", "missing_argument"}:
        return f"{path}: it is missing"
    if kind == "value_error":
        message = message.removeprefix("Value error, ")
        return f"{path}: {message}" if path else message
    message = message.replace("valid tuple", "list")
    return f"{path}: {message[:1].lower()}{message[1:]}; found {found!r}"


def _path(place: Sequence[str | int]) -> str:
    """Return where in the TOML: `study.period`, `outcome 2.types`."""
    words = ""
    for part in place:
        if isinstance(part, int):
            words += f" {part + 1}"
        else:
            words += ("." if words else "") + _SINGULAR.get(part, part)
    return words


def _nearest(place: Sequence[str | int]) -> str:
    known = _keys_at(place[:-1])
    near = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _keys_at(place: Sequence[str | int]) -> list[str]:
    """Return the keys that the table at `place` may have."""
    table: type = StudySpecification
    for part in place:
        if isinstance(part, str):
            hint = get_type_hints(table)[part]
            table = next(one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one))
    return [_SINGULAR.get(field.name, field.name) for field in fields(table)]
