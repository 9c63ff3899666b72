"""A made study: the files of one anybody can run, of a city that does not exist, with what is true in it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.impact.incidents import Incidents
from workbench.impact.made_city import (
    CENTRE,
    SIDE_M,
    SITE_CELL_M,
    Chosen,
    MadeCity,
    choose_cells,
    displace,
    kept_after_thinning,
    make_incidents,
    midnight_at,
)

Floats = NDArray[np.float64]

MADE = "Made up: this city, its incidents and its cameras do not exist; drawn from a seed to try the impact lab."

SITES = 16
_VIEW_M = 245.0
"""Half the side of what a made site sees, metres: nearly all of its 500 m cell."""
_ZONE = "America/Chicago"


def write_example(
    folder: Path | str,
    seed: int,
    effect_ratio: float = -0.2,
    chosen: Chosen = "random",
    *,
    moved_ratio: float = 0.0,
    city: MadeCity | None = None,
    sites: int = SITES,
) -> Path:
    """Write the files of a made study into a folder and return the path of its `STUDY.toml`.

    Beside it `TRUTH.json` says what a study should find.

    Parameters
    ----------
    effect_ratio
        True change of incidents in sight once cameras are on: −0.2 is a fifth fewer; 0 for cameras without effect.
    chosen
        `hot`: where most incidents were in the year before; `random`: by a draw.
    moved_ratio
        Share of what fell away that reappears nearby.
    city
        What is drawn; None for 8 × 8 km, six years, about 6 000 incidents a year.
    sites
        How many get cameras.
    """
    city, folder = city or MadeCity(), Path(folder)
    rng = np.random.default_rng([seed, 1])
    folder.mkdir(parents=True, exist_ok=True)
    everything = make_incidents(city, seed)
    activated_on = _two_thirds(city)
    window = (activated_on - timedelta(days=365), activated_on - timedelta(days=30))
    centres = choose_cells(everything, sites, chosen, window, rng)
    in_sight = _in_sight(everything, centres)
    kept = kept_after_thinning(everything, 1 + effect_ratio, in_sight, midnight_at(activated_on), rng)
    observed = displace(everything, everything.of(kept), moved_ratio, rng) if moved_ratio else everything.of(kept)
    _write_incidents(folder / "incidents.csv", observed)
    _write_sites(folder / "sites.geojson", centres, activated_on, chosen, window)
    _write_areas(folder / "areas.geojson", rng)
    truth = {
        "made": MADE, "seed": seed, "effect_ratio": effect_ratio, "moved_ratio": moved_ratio, "chosen": chosen,
        "activated_on": activated_on.isoformat(), "raw_change_ratio": _raw_change(observed, centres, activated_on),
        "incidents_prevented": int((~kept).sum()),
    }  # fmt: skip
    (folder / "TRUTH.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    toml = folder / "STUDY.toml"
    toml.write_text(_toml(city, seed, truth["raw_change_ratio"]), encoding="utf-8")
    return toml


def _two_thirds(city: MadeCity) -> date:
    """Return the first of a January or July about two thirds into the span."""
    day = city.start + (city.end - city.start) * 2 // 3
    return date(day.year, 1 if day.month < 7 else 7, 1)


def _in_sight(incidents: Incidents, centres: Floats) -> NDArray[np.bool_]:
    """Return (N,) whether an incident lies within what any site sees."""
    xy_m = CENTRE.to_m(incidents.lon_deg, incidents.lat_deg)
    seen = np.zeros(len(incidents), bool)
    for centre in centres:
        seen |= (np.abs(xy_m - centre) <= _VIEW_M).all(axis=1)
    return seen


def _raw_change(incidents: Incidents, centres: Floats, activated_on: date) -> float:
    """Return what a press release would say: incidents in sight in the year after against the year before."""
    seen = incidents.of(_in_sight(incidents, centres))
    on = midnight_at(activated_on)
    year = np.timedelta64(365, "D")
    before = int(((seen.start_at >= on - year) & (seen.start_at < on)).sum())
    after = int(((seen.start_at >= on) & (seen.start_at < on + year)).sum())
    return round(after / before - 1, 4) if before else 0.0


def _write_incidents(path: Path, incidents: Incidents) -> None:
    # Through strings: six digits of a degree are 0.1 m, and the file must not depend on how floats are printed.
    inexact = incidents.end_at > incidents.start_at
    frame = pd.DataFrame({
        "incident_id": incidents.incident_ids,
        "start_at": _utc_texts(incidents.start_at),
        "end_at": np.where(inexact, _utc_texts(incidents.end_at), ""),
        "type": np.asarray(incidents.types, object)[incidents.type_index],
        "lon_deg": [f"{lon:.6f}" for lon in incidents.lon_deg],
        "lat_deg": [f"{lat:.6f}" for lat in incidents.lat_deg],
        "geocode": np.where(incidents.poor_geocode, "neighbourhood", "address"),
        "origin": np.where(incidents.proactive, "proactive", "reported"),
        "remark": "made up",
    })  # fmt: skip
    frame.to_csv(path, index=False, lineterminator="\n")


def _utc_texts(instants: NDArray[np.datetime64]) -> NDArray[np.str_]:
    return np.char.add(np.datetime_as_string(instants, unit="s"), "Z")


def _write_sites(
    path: Path, centres: Floats, activated_on: date, chosen: Chosen, window: tuple[date, date]
) -> None:
    hot = chosen == "hot"
    reason = "most incidents in the year before (made up)" if hot else "drawn by lot (made up)"
    features = []
    for number, centre in enumerate(centres, start=1):
        seen = {
            "id": f"site_{number:02d}",
            "activated_on": activated_on.isoformat(),
            "monitored": "yes",
            "reason": reason,
            "chosen_by": "counts" if hot else "random",
        }
        if hot:
            seen |= {"chosen_on_from": window[0].isoformat(), "chosen_on_to": window[1].isoformat()}
        features.append(_feature(_square(centre - _VIEW_M, centre + _VIEW_M), seen))
    _write_features(path, features)


def _write_areas(path: Path, rng: np.random.Generator) -> None:
    """Write the city as the study area, and sixteen tracts with people in them."""
    half = SIDE_M / 2
    study = _feature(_square(np.asarray([-half, -half]), np.asarray([half, half])), {"id": "city", "role": "study"})
    features = [study]
    side = SIDE_M / 4
    for row in range(4):
        for column in range(4):
            low = np.asarray([column * side - half, row * side - half])
            people = int(rng.integers(1500, 6000))
            renters = round(float(rng.beta(4, 4)), 3)
            tract = {"id": f"tract_{row}{column}", "people": people, "renters_ratio": renters}
            features.append(_feature(_square(low, low + side), tract))
    _write_features(path, features)


def _square(low: Floats, high: Floats) -> list[list[float]]:
    corners = np.asarray(
        [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]], [low[0], low[1]]]
    )
    return [[round(float(lon), 6), round(float(lat), 6)] for lon, lat in CENTRE.to_deg(corners)]


def _feature(corners: list[list[float]], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [corners]}}


def _write_features(path: Path, features: list[dict[str, Any]]) -> None:
    collection = {"type": "FeatureCollection", "description": MADE, "features": features}
    path.write_text(json.dumps(collection, indent=1) + "\n", encoding="utf-8")


def _toml(city: MadeCity, seed: int, raw_change_ratio: Any) -> str:
    return f"""# {MADE}
# TRUTH.json says what is true in it.

title = "Made city: {abs(raw_change_ratio):.0%} {"less" if raw_change_ratio < 0 else "more"} crime?"

[claim]
words = "Cameras changed crime in sight by {raw_change_ratio:+.0%} within a year (made up)"
change_ratio = {raw_change_ratio}
source = "nobody: the raw change of the made city"

[study]
start = {city.start}
end = {city.end}  # the first day not counted
time_zone = "{_ZONE}"
period = "month"
place = "cell"
cell_m = {SITE_CELL_M:g}
treated_radius_m = 150
seed = {seed}
level = 0.95

[incidents]
file = "incidents.csv"

[[outcome]]
name = "street crime"
types = ["assault", "robbery", "theft from vehicle", "vandalism"]
primary = true

[[outcome]]
name = "burglary"
types = ["burglary"]

[[outcome]]
name = "drug and weapon offences"
types = ["drug offence", "weapon offence"]
proactive = true

[sites]
file = "sites.geojson"

[areas]
file = "areas.geojson"
exposure = "people"
covariates = ["renters_ratio"]

[rings]
radii_m = [150, 300]

[methods]
placebos = 250
"""
