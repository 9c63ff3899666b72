"""A made city: incidents with known truth, so that anyone can try a study and see whether it finds what is there.

Nothing in it happened. It lies where Jackson, Mississippi, has its centre, and is 8 × 8 km; streets, sites and
incidents are drawn from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.impact.incidents import Incidents
from workbench.impact.places import LocalPlane

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Instants = NDArray[np.datetime64]

CENTRE = LocalPlane(-90.1848, 32.2988)
SIDE_M = 8000.0
"""The city is a square."""
SITE_CELL_M = 500.0
"""Sites are chosen by squares of this side, metres."""

Chosen = Literal["hot", "random"]

_DAY_S = 86_400
_BLOCK_M = 125.0
_BLOCKS = int(SIDE_M / _BLOCK_M)


@dataclass(frozen=True)
class MadeType:
    """One type of incident of the made city."""

    name: str
    share_ratio: float
    """Share of all incidents."""
    proactive_ratio: float
    """Share on record because police looked for them."""
    inexact_ratio: float
    """Share whose time is only known to within hours or days: found by someone who came back."""


MADE_TYPES = (
    MadeType("burglary", 0.14, 0.0, 0.7), MadeType("theft from vehicle", 0.26, 0.0, 0.6),
    MadeType("assault", 0.28, 0.02, 0.05), MadeType("robbery", 0.08, 0.0, 0.02),
    MadeType("vandalism", 0.12, 0.0, 0.6), MadeType("drug offence", 0.08, 0.9, 0.0),
    MadeType("weapon offence", 0.04, 0.8, 0.0),
)  # fmt: skip


@dataclass(frozen=True)
class MadeCity:
    """What is drawn."""

    start: date = date(2019, 1, 1)
    end: date = date(2025, 1, 1)
    """First day without incidents."""
    incidents_per_year: float = 6000.0
    """Expected, in the first year."""
    concentration: float = 0.35
    """Shape of the gamma distribution of block rates: the smaller, the more of all incidents fall on few blocks."""
    drift_ratio: float = 0.25
    """Yearly coefficient of variation of a neighbourhood's own ups and downs: hot places do not stay hot."""
    trend_ratio: float = -0.03
    """Change of the whole city a year, share."""
    season_ratio: float = 0.2
    """Height of the summer over the mean, share."""
    repeat_ratio: float = 0.1
    """Share of incidents that follow another within 14 days and 200 m: near repeats."""
    poor_geocode_ratio: float = 0.03
    """Share whose place is known only to a neighbourhood."""

    def __post_init__(self) -> None:
        if self.end <= self.start or self.incidents_per_year <= 0:
            raise BadInput("a made city needs an end after its start and incidents_per_year above 0")


def make_incidents(city: MadeCity, seed: int) -> Incidents:
    """Return the incidents of a made city; the same for the same seed."""
    rng = np.random.default_rng(seed)
    weights = _block_weights(city, rng)
    days = (city.end - city.start).days
    per_day = _per_day(city, days)
    # Rates drift by year and neighbourhood, so what was hot falls back by itself: regression to the mean.
    years = np.asarray(
        [(np.datetime64(city.start) + day).astype("datetime64[Y]").astype(int) for day in range(days)]
    )
    parents: list[Floats] = []
    for year in np.unique(years):
        in_year = np.flatnonzero(years == year)
        rates = weights * _drift(city, rng)
        counts = rng.poisson(rates / rates.sum() * per_day[in_year].sum() * (1 - city.repeat_ratio))
        block = np.repeat(np.arange(len(rates)), counts)
        day = rng.choice(in_year, size=len(block), p=per_day[in_year] / per_day[in_year].sum())
        parents.append(np.column_stack([_on_street(block, rng), day * _DAY_S + _time_of_day_s(len(block), rng)]))
    xyt = np.concatenate(parents)
    xyt = _with_repeats(xyt, city, rng)
    inside = (np.abs(xyt[:, :2]) < SIDE_M / 2).all(axis=1) & (xyt[:, 2] < days * _DAY_S)
    xyt = xyt[inside]
    return _as_incidents(xyt[np.argsort(xyt[:, 2], kind="stable")], city, rng)


def _block_weights(city: MadeCity, rng: np.random.Generator) -> Floats:
    """Return (blocks²,) mean rates: gamma by block, more in the middle and along every eighth street."""
    middle = (np.arange(_BLOCKS) + 0.5) * _BLOCK_M - SIDE_M / 2
    east, north = np.meshgrid(middle, middle)
    centre = 0.3 + np.exp(-(east**2 + north**2) / (2 * 1800.0**2))
    main_street = np.where(
        (np.arange(_BLOCKS) % 8 == 4)[:, None] | (np.arange(_BLOCKS) % 8 == 4)[None, :], 2.0, 0.7
    )
    gamma = rng.gamma(city.concentration, 1 / city.concentration, (_BLOCKS, _BLOCKS))
    weights: Floats = (centre * main_street * gamma).ravel()
    return weights


def _drift(city: MadeCity, rng: np.random.Generator) -> Floats:
    """Return (blocks²,) one year's factors, the same within neighbourhoods of four by four blocks."""
    if city.drift_ratio == 0:
        return np.ones(_BLOCKS**2)
    shape = 1 / city.drift_ratio**2
    coarse = rng.gamma(shape, 1 / shape, (_BLOCKS // 4, _BLOCKS // 4))
    return np.repeat(np.repeat(coarse, 4, axis=0), 4, axis=1).ravel()


def _per_day(city: MadeCity, days: int) -> Floats:
    """Return (days,) expected incidents; highest in the middle of July."""
    year = np.arange(days) / 365.25
    season = 1 + city.season_ratio * np.cos(2 * np.pi * (year - 0.54))
    return city.incidents_per_year / 365.25 * (1 + city.trend_ratio) ** year * season


def _on_street(block: Indices, rng: np.random.Generator) -> Floats:
    """Return (N, 2) metres from the centre: along one of the two streets of a block, ten metres to either side."""
    row, column = np.divmod(block, _BLOCKS)
    corner = np.column_stack([column, row]) * _BLOCK_M - SIDE_M / 2
    along = rng.uniform(0, _BLOCK_M, len(block))
    aside = rng.uniform(0, 20.0, len(block))
    eastward = rng.random(len(block)) < 0.5
    return corner + np.where(eastward[:, None], np.column_stack([along, aside]), np.column_stack([aside, along]))


def _time_of_day_s(count: int, rng: np.random.Generator) -> Floats:
    """Return (N,) seconds after midnight; most in the evening."""
    return np.asarray(np.mod(rng.normal(21.5, 5.0, count), 24) * 3600)


def _with_repeats(xyt: Floats, city: MadeCity, rng: np.random.Generator) -> Floats:
    """Return incidents (N, 3) and those that follow one of them nearby.

    Johnson et al. (2007), Journal of Quantitative Criminology 23: 201, found such repeats in ten cities.
    """
    children = rng.poisson(len(xyt) * city.repeat_ratio / max(1e-9, 1 - city.repeat_ratio))
    parent = xyt[rng.integers(0, len(xyt), children)]
    later_s = rng.exponential(5.0, children).clip(max=14.0) * _DAY_S
    return np.concatenate([xyt, parent + np.column_stack([rng.normal(0, 70.0, (children, 2)), later_s])])


def _as_incidents(xyt: Floats, city: MadeCity, rng: np.random.Generator) -> Incidents:
    count = len(xyt)
    kind = rng.choice(len(MADE_TYPES), size=count, p=[one.share_ratio for one in MADE_TYPES])
    proactive = rng.random(count) < np.asarray([one.proactive_ratio for one in MADE_TYPES])[kind]
    inexact = rng.random(count) < np.asarray([one.inexact_ratio for one in MADE_TYPES])[kind]
    happened_s = xyt[:, 2].astype(np.int64)
    # Nights for most, a week away for a tenth; the true instant lies anywhere within.
    length_s = np.where(rng.random(count) < 0.1, 7 * _DAY_S, 12 * 3600) * inexact
    start_s = happened_s - (length_s * rng.random(count)).astype(np.int64)
    origin = midnight_at(city.start)
    poor = rng.random(count) < city.poor_geocode_ratio
    # Known to a neighbourhood only: its middle stands for all of it, as geocoders do.
    xy_m = np.where(poor[:, None], np.floor(xyt[:, :2] / 1000) * 1000 + 500, xyt[:, :2])
    lon_lat = np.round(CENTRE.to_deg(xy_m), 6)
    names = tuple(sorted(one.name for one in MADE_TYPES))
    type_index = np.asarray([names.index(one.name) for one in MADE_TYPES], np.int64)[kind]
    return Incidents(
        np.asarray([f"made_{number:06d}" for number in range(1, count + 1)], object),
        origin + start_s.astype("timedelta64[s]"), origin + (start_s + length_s).astype("timedelta64[s]"), names,
        type_index, lon_lat[:, 0], lon_lat[:, 1], poor, proactive,
    )  # fmt: skip


def midnight_at(day: date) -> np.datetime64:
    """Return the instant a day begins in the made city, UTC; its clocks stay on standard time all year."""
    return np.datetime64(day, "us") + np.timedelta64(6, "h")


def thin(
    incidents: Incidents, keep_ratio: float, where: Bools, after: np.datetime64, rng: np.random.Generator
) -> Incidents:
    """Return incidents of which only a share is left in some places after an instant: an effect that is known.

    Each is kept or not on its own, so that counts fall by `1 − keep_ratio` on average and stay as dispersed as such
    counts are. Works on real incidents too.

    Parameters
    ----------
    keep_ratio
        Share kept, 0..1: 0.8 plants a fall of 20 %.
    where
        (N,) whether an incident lies in a place with an effect.
    after
        UTC; incidents that start earlier are all kept.
    """
    return incidents.of(kept_after_thinning(incidents, keep_ratio, where, after, rng))


def kept_after_thinning(
    incidents: Incidents, keep_ratio: float, where: Bools, after: np.datetime64, rng: np.random.Generator
) -> Bools:
    """Return (N,) which incidents `thin` keeps, for counting anew without laying out a study anew."""
    if not 0 <= keep_ratio <= 1:
        raise BadInput(f"keep_ratio is {keep_ratio}; it is a share from 0 to 1: 0.8 plants a fall of 20 %")
    touched = where & (incidents.start_at >= after)
    return ~touched | (rng.random(len(incidents)) < keep_ratio)


def displace(
    before: Incidents, after_thinning: Incidents, moved_ratio: float, rng: np.random.Generator
) -> Incidents:
    """Return thinned incidents with a share of those that are gone put back 200 to 400 m away: displacement.

    Parameters
    ----------
    moved_ratio
        Share of the incidents that fell away which reappears nearby, 0..1.
    """
    gone = before.of(~np.isin(before.incident_ids.astype(str), after_thinning.incident_ids.astype(str)))
    moved = gone.of(rng.random(len(gone)) < moved_ratio)
    angle, far_m = rng.uniform(0, 2 * np.pi, len(moved)), rng.uniform(200.0, 400.0, len(moved))
    xy_m = CENTRE.to_m(moved.lon_deg, moved.lat_deg)
    lon_lat = CENTRE.to_deg(xy_m + np.column_stack([far_m * np.cos(angle), far_m * np.sin(angle)]))
    moved = replace(moved, lon_deg=lon_lat[:, 0], lat_deg=lon_lat[:, 1])
    return _joined(after_thinning, moved)


def _joined(one: Incidents, two: Incidents) -> Incidents:
    def both(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(one, name), getattr(two, name)])

    names = ("incident_ids", "start_at", "end_at", "type_index", "lon_deg", "lat_deg", "poor_geocode", "proactive")
    joined = replace(one, **{name: both(name) for name in names})  # type: ignore[arg-type]
    return joined.of(np.argsort(joined.start_at, kind="stable"))


def choose_cells(
    incidents: Incidents,
    count: int,
    chosen: Chosen,
    window: tuple[date, date],
    rng: np.random.Generator,
) -> Floats:
    """Return (count, 2) centres of the 500 m cells that get cameras, metres from the centre.

    Parameters
    ----------
    chosen
        `hot`: those with most incidents in `window`; `random`: any with at least one a month in it.
    window
        First day, and first day not any more.
    """
    first_at, last_at = midnight_at(window[0]), midnight_at(window[1])
    inside = (incidents.start_at >= first_at) & (incidents.start_at < last_at)
    xy_m = CENTRE.to_m(incidents.lon_deg[inside], incidents.lat_deg[inside])
    cells, counts = np.unique(np.floor(xy_m / SITE_CELL_M).astype(np.int64), axis=0, return_counts=True)
    if chosen == "hot":
        picked = np.argsort(-counts, kind="stable")[:count]
    else:
        months = max(1.0, (window[1] - window[0]).days / 30.4)
        picked = rng.choice(np.flatnonzero(counts >= months), size=count, replace=False)
    return cells[picked].astype(np.float64) * SITE_CELL_M + SITE_CELL_M / 2
