"""Effects that are planted: the same seed plants the same, and what was planted is what a method should find."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.impact.made_city import MadeCity
from workbench.impact.made_study import write_example
from workbench.impact.planted import Plan, planted_study
from workbench.impact.study_files import StudyFiles, read_study

METHODS = ("relative_effect", "interrupted_series")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    city = MadeCity(start=date(2018, 1, 1), end=date(2024, 1, 1), incidents_per_year=4000.0)
    files = read_study(write_example(tmp_path_factory.mktemp("city"), 5, 0.0, city=city))
    return replace(files, specification=replace(files.specification, outcomes=(files.specification.primary,)))


def test_the_same_seed_plants_the_same_and_another_something_else(files: StudyFiles) -> None:
    plan = Plan(files, -0.2, "random", 12, methods=METHODS, placebos=0)
    assert planted_study(plan, 1) == planted_study(plan, 1)
    assert planted_study(plan, 1).told != planted_study(plan, 2).told


def test_a_planted_fall_is_what_a_comparison_finds(files: StudyFiles) -> None:
    plan = Plan(files, -0.4, "random", 30, methods=METHODS, placebos=0)
    found = [one.change_ratio for seed in range(3) for one in planted_study(plan, seed).told]
    assert np.mean(found) == pytest.approx(-0.4, abs=0.12)


def test_hot_places_say_that_they_were_chosen_on_counts(files: StudyFiles) -> None:
    told = planted_study(Plan(files, 0.0, "hot", 12, methods=METHODS, placebos=0), 1)
    assert told.rung != "supported"
    assert {one.method for one in told.told} | set(told.refused) == {"raw", *METHODS}


def test_incidents_of_too_few_months_are_refused(files: StudyFiles) -> None:
    with pytest.raises(BadInput, match="months before"):
        planted_study(Plan(files, 0.0, "random", 12, before_months=60, after_months=24), 1)


def test_too_few_places_with_incidents_are_refused(files: StudyFiles) -> None:
    with pytest.raises(BadInput, match="were to be chosen"):
        planted_study(Plan(files, 0.0, "random", 12, least_incidents=10_000), 1)


def test_an_effect_that_adds_incidents_cannot_be_planted(files: StudyFiles, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="keep_ratio"):
        planted_study(Plan(files, 0.1, "random", 12), 1)


def test_what_is_planted_is_looked_for_where_it_was_planted(files: StudyFiles) -> None:
    """Nothing is left in the places with cameras: a study that counted in other cells would still find some."""
    told = planted_study(Plan(files, -1.0, "random", 12, methods=METHODS, placebos=0), 1)
    assert {"raw", "interrupted_series"} <= set(told.refused)
    assert [one.change_ratio for one in told.told if one.method == "relative_effect"] == [
        pytest.approx(-1.0, abs=0.01)
    ]


def test_places_drawn_by_lot_neither_rise_nor_fall_by_themselves(files: StudyFiles) -> None:
    plan = Plan(files, 0.0, "random", 30, methods=("relative_effect",), placebos=0)
    found = [one.change_ratio for seed in range(6) for one in planted_study(plan, seed).told if one.method != "raw"]
    assert np.mean(found) == pytest.approx(0.0, abs=0.06)


def test_what_kept_a_verdict_back_is_told_of_suggestive_ones_alone(files: StudyFiles) -> None:
    plan = Plan(files, -0.4, "random", 30, methods=("relative_effect",), placebos=0)
    told = planted_study(plan, 1)
    assert told.rung == "suggestive"
    assert any("independent designs must agree" in why for why in told.missing)
    nothing = planted_study(replace(plan, effect_ratio=0.0), 2)
    assert (nothing.missing == ()) == (nothing.rung != "suggestive")
