"""A study is laid down before its results are known; whatever is wrong with it is said by its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from tests.workbench.impact.small_study import TOML, specification
from workbench.impact.specification import CoIntervention, parse_specification, read_specification


def test_what_is_left_out_has_the_usual_value() -> None:
    study = specification()
    assert study.study.period == "month"
    assert study.study.cell_m == 500
    assert study.study.level == 0.95
    assert study.incidents.columns.start_at == "start_at"
    assert study.primary.name == "robbery"
    assert study.claim.claim.change_ratio == -0.5
    assert study.methods.placebos == 250


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("time_zone", "time_zon", "study.time_zon: there is no such key; did you mean 'time_zone'?"),
        ("primary", "primry", "outcome 1.primry: there is no such key; did you mean 'primary'?"),
        ("[rings]", "[ring]", "ring: there is no such key; did you mean 'rings'?"),
        ("[[outcome]]", "[[outcomes]]", "did you mean 'outcome'?"),
        ('words = "Cameras cut robbery by half"', "", "claim.words: it is missing"),
        ("-0.5", "-51", "write a fall of 51 % as -0.51"),
        ("primary = true", "", "exactly one [[outcome]] must say primary = true, before any result; found none"),
        ('["robbery"]', '"robbery"', "outcome 1.types: input should be a list"),
        ('["robbery"]', "[]", "counts no type"),
        ("2021-01-01", "2025-01-01", "ends on 2024-01-01, not after its start 2025-01-01"),
        ("2021-01-01", "2021-01-15", "no whole number of months"),
        ('"UTC"', '"Mars/Olympus"', "time_zone 'Mars/Olympus' is not known"),
        ("[100, 200]", "[200, 100]", "rings: radii_m is [200.0, 100.0]; it must rise"),
        ('[areas]\nfile = "areas.geojson"', "", "place"),
        ('title = "Small"', "title = ", "is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path(old: str, new: str, says: str) -> None:
    toml = TOML.replace(old, new)
    if says == "place":
        toml = toml.replace("[study]", '[study]\nplace = "area"')
        says = 'place = "area" needs polygons'
    with pytest.raises(BadInput, match=r"STUDY\.toml") as refused:
        parse_specification(toml)
    assert says in str(refused.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        parse_specification(TOML.replace("time_zone", "time_zon").replace("primary", "primry"))
    assert str(refused.value).count("there is no such key") == 2


def test_two_primary_outcomes_are_one_too_many() -> None:
    second = '[[outcome]]\nname = "assault"\ntypes = ["assault"]\nprimary = true\n'
    with pytest.raises(BadInput, match="found robbery, assault"):
        parse_specification(TOML + second)


@pytest.mark.parametrize(("period", "end"), [("week", "2021-01-15"), ("quarter", "2021-07-01")])
def test_weeks_and_quarters_must_come_out_even(period: str, end: str) -> None:
    changes = (("[study]", f'[study]\nperiod = "{period}"'), ("2024-01-01", end))
    assert specification(*changes).study.period == period
    with pytest.raises(BadInput, match="no whole number"):
        specification(changes[0], ("2024-01-01", "2021-02-01" if period == "quarter" else "2021-01-14"))


def test_a_co_intervention_says_where_in_one_way() -> None:
    nowhere = TOML + '[[co_intervention]]\nname = "curfew"\nstart = 2022-01-01\n'
    with pytest.raises(BadInput, match="co_intervention 1: 'curfew' must say where"):
        parse_specification(nowhere)
    study = parse_specification(nowhere + "whole_city = true\n")
    assert study.co_interventions[0].whole_city


def test_a_co_intervention_without_an_end_goes_on() -> None:
    from datetime import date

    curfew = CoIntervention("curfew", date(2022, 1, 1), whole_city=True)
    assert curfew.overlaps(date(2023, 1, 1), date(2024, 1, 1))
    assert not curfew.overlaps(date(2021, 1, 1), date(2022, 1, 1))
    ended = CoIntervention("curfew", date(2022, 1, 1), date(2022, 2, 1), whole_city=True)
    assert not ended.overlaps(date(2022, 2, 1), date(2024, 1, 1))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="give the path of a STUDY"):
        read_specification(tmp_path / "STUDY.toml")
    (tmp_path / "STUDY.toml").write_text(TOML)
    assert read_specification(tmp_path / "STUDY.toml").title == "Small"
