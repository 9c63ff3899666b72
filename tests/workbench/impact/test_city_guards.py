"""What the city's own incidents say of a study before any result."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from workbench.designs.findings import Guard
from workbench.impact.city_guards import look_at_city, regression_to_mean, reporting, shocks
from workbench.impact.counting import CountedStudy, count_study
from workbench.impact.made_city import MadeCity
from workbench.impact.made_study import write_example
from workbench.impact.study_files import StudyFiles, read_study

CITY = MadeCity(start=date(2019, 1, 1), end=date(2024, 1, 1), incidents_per_year=5000.0)


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> CountedStudy:
    return count_study(read_study(write_example(tmp_path_factory.mktemp("hot"), 2, 0.0, "hot", city=CITY)))


def named(guards: object, name: str) -> list[Guard]:
    return [guard for guard in guards if guard.name == name]  # type: ignore[attr-defined]


def with_incidents(counted: CountedStudy, rows: np.ndarray) -> StudyFiles:
    files = counted.files
    return replace(files, incident_file=replace(files.incident_file, incidents=files.incidents.of(rows)))


def test_hot_places_are_told_how_far_such_places_fall_by_themselves(hot: CountedStudy) -> None:
    (guard,) = regression_to_mean(hot)
    assert guard.severity == "warns", "there are places to compare with"
    assert "hottest cells" in guard.says
    assert guard.do


def test_places_drawn_by_lot_are_not(tmp_path: Path) -> None:
    counted = count_study(read_study(write_example(tmp_path, 2, 0.0, "random", city=CITY)))
    assert not list(regression_to_mean(counted))


def test_a_city_that_stays_as_it_is_has_no_shock_and_one_that_halves_has(hot: CountedStudy) -> None:
    assert not named(shocks(hot), "shock")
    rng = np.random.default_rng(1)
    late = hot.files.incidents.start_at >= np.datetime64("2021-07-01")
    halved = count_study(with_incidents(hot, ~late | (rng.random(len(late)) < 0.4)))
    found = [guard for guard in shocks(halved) if guard.outcome == halved.primary.outcome]
    assert any("2021" in guard.says and "-" in guard.says for guard in found)


def test_a_kind_of_incident_that_is_no_longer_recorded_is_told(hot: CountedStudy) -> None:
    incidents = hot.files.incidents
    gone = incidents.of_types(("vandalism",)) & (incidents.start_at >= np.datetime64("2022-01-01"))
    counted = count_study(with_incidents(hot, ~gone))
    assert any("vandalism" in guard.says for guard in reporting(counted))
    assert not any("vandalism" in guard.says for guard in reporting(hot))


def heaped(counted: CountedStudy, ratio: float) -> CountedStudy:
    """Return the study with a share of all incidents before 2021 at a few addresses."""
    incidents = counted.files.incidents
    rng = np.random.default_rng(3)
    moved = (incidents.start_at < np.datetime64("2021-01-01")) & (rng.random(len(incidents)) < ratio)
    addresses = rng.choice(len(incidents), 40)
    stands_for = np.where(moved, rng.choice(addresses, len(incidents)), np.arange(len(incidents)))
    placed = replace(incidents, lon_deg=incidents.lon_deg[stands_for], lat_deg=incidents.lat_deg[stands_for])
    files = counted.files
    return count_study(replace(files, incident_file=replace(files.incident_file, incidents=placed)))


def test_incidents_heaped_on_a_few_addresses_for_a_time_are_told(hot: CountedStudy) -> None:
    (guard,) = named(reporting(heaped(hot, 0.3)), "geocoding_change")
    assert guard.severity == "warns"
    assert "January 2021" in guard.says
    assert not named(reporting(heaped(hot, 0.05)), "geocoding_change"), "a few points say nothing of a city"
    assert not named(reporting(hot), "geocoding_change")


def test_every_warning_says_what_to_do(hot: CountedStudy) -> None:
    assert all(guard.do for guard in look_at_city(hot) if guard.severity != "notes")
