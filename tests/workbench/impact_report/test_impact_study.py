"""What an analyst holds in a notebook: what is known first, results once it has run; everything shows itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from catalog.errors import BadInput
from workbench.impact.made_city import MadeCity
from workbench.impact.made_study import write_example
from workbench.impact_report.impact_study import ImpactStudy

QUICK = ("relative_effect", "calibration_synthetic_control")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ImpactStudy:
    city = MadeCity(start=date(2020, 1, 1), end=date(2024, 1, 1), incidents_per_year=4000.0)
    return ImpactStudy.read(write_example(tmp_path_factory.mktemp("city"), 1, -0.4, city=city))


def test_results_cannot_be_looked_at_before_the_study_has_run(study: ImpactStudy) -> None:
    fresh = ImpactStudy(study._study)
    assert "would" in repr(fresh.power())
    assert "warns" in repr(fresh.preflight())
    for look in (fresh.table, fresh.verdict, fresh.map, fresh.placebo):
        with pytest.raises(BadInput, match="then call run"):
            look()


def test_everything_found_shows_itself_in_a_notebook_and_in_words(study: ImpactStudy, tmp_path: Path) -> None:
    study.run(QUICK, placebo=19)
    for shown in (study.forest(), study.series(), study.event_study(), study.map(), study.placebo(),
                  study.displacement(), study.sensitivity(), study.power()):  # fmt: skip
        assert "<svg" in shown._repr_html_()
        assert len(repr(shown)) > 40
    assert study.verdict()._repr_html_().startswith("<h3>")
    assert repr(study.verdict()).split(":")[0] in ("supported", "suggestive")
    assert "<table>" in study.preflight()._repr_html_()
    assert study.write(tmp_path / "report").page.is_file()


def test_the_table_has_every_method_with_its_interval_in_percent(study: ImpactStudy) -> None:
    study.run(QUICK, placebo=0)
    table = study.table()
    assert len(table) == 3
    answered = table[table["refused"] == ""]
    assert (answered["low_percent"] <= answered["change_percent"]).all()
    assert (answered["change_percent"] <= answered["high_percent"]).all()
    assert table["design"].tolist() == ["none", "areas", "synthetic"]


def test_an_outcome_that_is_not_there_is_told_with_those_that_are(study: ImpactStudy) -> None:
    with pytest.raises(BadInput, match="no outcome 'arson'; it has street crime"):
        study.power("arson")
