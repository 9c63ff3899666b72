"""A study from its files to a verdict, on made cities whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.designs.findings import Findings
from workbench.impact.made_city import MadeCity
from workbench.impact.made_study import write_example
from workbench.impact.study import Study
from workbench.impact.study_methods import METHODS, Draws, answers, chosen

CITY = MadeCity(start=date(2020, 1, 1), end=date(2024, 1, 1), incidents_per_year=4000.0)
QUICK = ("relative_effect", "poisson_etwfe", "calibration_synthetic_control", "interrupted_series")
MADE_AT = datetime(2024, 2, 1, tzinfo=UTC)


def run(study: Study, methods: Sequence[str] = QUICK, placebos: int = 39) -> Findings:
    return study.run(methods, placebos, made_at=MADE_AT, code_version="tests")


@pytest.fixture(scope="module")
def fallen(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of cameras that cut crime by two fifths, in places drawn by lot."""
    return Study.read(write_example(tmp_path_factory.mktemp("fallen"), 1, -0.4, city=CITY))


@pytest.fixture(scope="module")
def found(fallen: Study) -> Findings:
    return run(fallen)


def test_everything_known_before_comes_before_any_result(fallen: Study) -> None:
    prospect = fallen.prospect()
    assert prospect.guards == fallen.preflight()
    assert [one.outcome for one in prospect.power] == list(prospect.outcomes)
    assert prospect.outcomes[0] == prospect.primary_outcome
    assert (prospect.estimates, prospect.verdicts, prospect.placebos, prospect.series) == ((), (), (), ())


def test_a_large_fall_is_found_about_where_it_was_planted(found: Findings) -> None:
    own = {one.method: one for one in found.estimates if one.outcome == found.primary_outcome}
    assert set(own) == {"raw", *QUICK}
    for method in ("relative_effect", "poisson_etwfe"):
        interval = own[method].change_interval
        assert interval is not None
        assert interval[1] < 0
        assert own[method].change_ratio == pytest.approx(-0.4, abs=0.12)
    assert found.verdicts[0].rung in ("supported", "suggestive")
    assert "fell" in found.verdicts[0].sentence


def test_what_a_finding_must_hold_against_is_there(found: Findings) -> None:
    primary = found.primary_outcome
    in_space = [one for one in found.placebos if one.outcome == primary and one.kind == "in space"]
    assert [one.method for one in in_space] == ["calibration_synthetic_control", "relative_effect"]
    placebo = in_space[0]
    assert all(0 < len(one.draws_ratio) <= 39 for one in in_space)
    assert placebo.p_value == pytest.approx(1 / (len(placebo.draws_ratio) + 1), abs=0.1)
    assert [study.outcome for study in found.event_studies] == list(found.outcomes)
    assert {ring.outer_m for moved in found.displacement for ring in moved.rings} == {150.0, 300.0}
    assert {one.choice for one in found.sensitivity} == {"window", "smoothness"}
    assert {one.method for one in found.sensitivity if one.choice == "window"} <= {
        "calibration_synthetic_control", "relative_effect",
    }  # fmt: skip


def test_donors_carry_the_counterfactual_and_the_series_show_it(found: Findings, fallen: Study) -> None:
    weights = [place.donor_weight for place in found.study_map.places if place.donor_weight]
    assert sum(weights) == pytest.approx(1.0)
    line = found.series[0]
    assert len(line.treated) == len(line.starts) == len(fallen.panels[0].starts)
    assert line.method == "calibration_synthetic_control"
    before = [at for at, start in enumerate(line.starts) if start < line.activated_on]
    told = [line.counterfactual[at] or 0.0 for at in before]
    assert sum(line.treated[at] for at in before) == pytest.approx(sum(told), rel=0.02)


def test_the_same_study_finds_the_same(fallen: Study, found: Findings) -> None:
    again = run(Study(fallen.files))
    assert again == found
    names = {name for name, _ in again.provenance.data_sha256}
    assert names == {"STUDY.toml", "incidents.csv", "sites.geojson", "areas.geojson"}


def test_hot_places_without_an_effect_support_nothing(tmp_path: Path) -> None:
    study = Study.read(write_example(tmp_path, 4, 0.0, "hot", city=CITY))
    window = next(guard for guard in study.preflight() if guard.name == "selection_window")
    assert window.severity == "warns"
    regression = next(guard for guard in study.preflight() if guard.name == "regression_to_mean")
    assert "changed by −" in regression.says or "changed by -" in regression.says
    counted = study.counted.primary
    assert len(study.panels[0].starts) < len(counted.starts), "the days of choice are left out"
    assert run(study).verdicts[0].rung != "supported"


def test_nothing_to_compare_with_is_not_estimable(fallen: Study) -> None:
    specification = fallen.files.specification
    whole_city = replace(specification, rings=replace(specification.rings, radii_m=(20_000.0,)))
    study = Study(replace(fallen.files, specification=whole_city))
    assert any(guard.severity == "blocks" for guard in study.preflight())
    findings = run(study, ("relative_effect", "calibration_synthetic_control"))
    assert findings.verdicts[0].rung == "not estimable"
    assert findings.verdicts[0].range_ratio is None
    assert not findings.placebos


def test_every_method_answers_under_its_own_name_or_refuses(fallen: Study) -> None:
    panel = fallen.panels[0]
    draws = Draws(0.95, 1, 200, 0)
    said = list(answers(tuple(METHODS), panel, draws))
    assert [one.estimate.method for one in said] == list(METHODS)
    assert all(one.estimate.outcome == panel.outcome for one in said)
    assert all(one.estimate.refused or one.estimate.change_interval for one in said)
    told = [one for one in said if one.counterfactual is not None]
    assert all(np.shape(one.counterfactual) == (len(panel.starts),) for one in told)


def test_methods_are_run_in_the_houses_order_and_raw_always() -> None:
    assert chosen(["poisson_etwfe", "relative_effect"]) == ("raw", "relative_effect", "poisson_etwfe")
    assert chosen([]) == tuple(METHODS)
    with pytest.raises(BadInput, match="did you mean 'poisson_etwfe'"):
        chosen(["poisson_etwf"])


def test_few_incidents_before_state_no_percentage(fallen: Study) -> None:
    panel = fallen.panels[0]
    thin = np.where(panel.treated[:, None] & panel.before, 0.0, panel.counts)
    thin[np.flatnonzero(panel.treated)[0], :12] = 1.0
    few = replace(panel, counts=thin)
    for one in answers(("raw", "relative_effect", "poisson_etwfe"), few, Draws(0.95, 1, 200, 0)):
        assert one.estimate.change_ratio is None
        assert one.estimate.change_interval is None
        assert one.estimate.refused or "no percentage is stated" in " ".join(one.estimate.notes)
