"""A made study can be run by anyone as it is written, says everywhere that it is made, and knows its truth."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from workbench.impact.counting import CountedStudy, count_study
from workbench.impact.made_city import Chosen, MadeCity
from workbench.impact.made_study import write_example
from workbench.impact.preflight import blocked, preflight
from workbench.impact.study_files import read_study

CITY = MadeCity(start=date(2020, 1, 1), end=date(2023, 1, 1), incidents_per_year=3000, drift_ratio=0.0)
SMALL = MadeCity(start=date(2020, 1, 1), end=date(2022, 1, 1), incidents_per_year=800)
FILES = ("STUDY.toml", "TRUTH.json", "areas.geojson", "incidents.csv", "sites.geojson")


def _counted(folder: Path, effect_ratio: float, chosen: Chosen, moved_ratio: float = 0.0) -> CountedStudy:
    return count_study(
        read_study(write_example(folder, 4, effect_ratio, chosen, moved_ratio=moved_ratio, city=CITY))
    )


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> CountedStudy:
    return _counted(tmp_path_factory.mktemp("halved"), -0.5, "random")


def test_every_file_says_that_it_is_made(tmp_path: Path) -> None:
    write_example(tmp_path, 4, city=SMALL, sites=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert "made up" in (tmp_path / name).read_text().lower()
    truth = json.loads((tmp_path / "TRUTH.json").read_text())
    assert truth["effect_ratio"] == -0.2
    assert truth["incidents_prevented"] > 0


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    write_example(tmp_path / "one", 4, city=SMALL, sites=4)
    write_example(tmp_path / "two", 4, city=SMALL, sites=4)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_study_can_be_counted_and_nothing_blocks_it(halved: CountedStudy) -> None:
    panel = halved.primary
    assert panel.roles.count("treated") == 16
    assert panel.exposure is not None
    assert panel.covariate_names == ("renters_ratio",)
    assert not blocked(preflight(halved))
    assert halved.quality.used > 0.95 * halved.quality.incidents
    names = [name for name, _ in halved.files.sha256]
    assert names == ["STUDY.toml", "incidents.csv", "sites.geojson", "areas.geojson"]


def test_the_planted_effect_is_there_against_the_rest_of_the_city(halved: CountedStudy) -> None:
    # Half fell in sight; what is seen is nearly the whole cell. Without drift only chance is left.
    assert _relative_change(halved) == pytest.approx(-0.48, abs=0.12)


def test_without_an_effect_cameras_at_random_places_change_little(tmp_path: Path) -> None:
    assert _relative_change(_counted(tmp_path, 0.0, "random")) == pytest.approx(0.0, abs=0.15)
    assert json.loads((tmp_path / "TRUTH.json").read_text())["incidents_prevented"] == 0


def test_hot_places_say_on_which_days_they_were_chosen(tmp_path: Path) -> None:
    counted = _counted(tmp_path, 0.0, "hot")
    assert all(site.chosen_on is not None for site in counted.files.sites)
    assert [guard.severity for guard in preflight(counted) if guard.name == "selection_window"] == ["warns"]


def test_what_was_displaced_stands_in_the_buffer(halved: CountedStudy, tmp_path: Path) -> None:
    moved = _counted(tmp_path, -0.5, "random", moved_ratio=1.0).primary
    near = np.asarray([role == "buffer" for role in moved.roles])
    assert moved.counts[near].sum() > halved.primary.counts[near].sum() + 20


def _relative_change(counted: CountedStudy) -> float:
    """Return the change of treated over control places, all months after against all before."""
    panel = counted.primary
    before = panel.before
    treated, control = panel.counts[panel.treated], panel.counts[panel.control]
    ratio = treated[:, ~before].sum() / treated[:, before].sum()
    return float(ratio / (control[:, ~before].sum() / control[:, before].sum()) - 1)
