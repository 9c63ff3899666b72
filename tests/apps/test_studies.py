"""Published studies: whole or not at all, the later one of a title in place of the earlier, nothing else let in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from apps import studies
from apps.studies import publish, published, slug_of, study_of
from catalog.errors import BadInput, NotFound, StorageFailed
from catalog.home import Home
from tests.made_report import FIGURES, SLUG, TITLE, made_findings, write_report
from workbench.designs.findings import StudyMap
from workbench.impact_report.writing import write_report as writing_report


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return write_report(tmp_path / "report")


def test_a_home_without_studies_has_none(home: Home) -> None:
    assert published(home) == ((), ())


def test_a_published_report_is_found_under_its_title(home: Home, report: Path) -> None:
    assert publish(report, home) == SLUG
    ((study,), broken) = published(home)
    assert broken == ()
    assert (study.slug, study.findings) == (SLUG, made_findings())
    assert [(figure.name, figure.title) for figure in study.figures] == list(FIGURES)
    assert study.figure("map", "svg").read_bytes() == (report / "figures" / "map.svg").read_bytes()
    assert study.report("pdf").read_bytes().startswith(b"%PDF")


def test_what_the_lab_writes_is_a_report(home: Home, tmp_path: Path) -> None:
    findings = replace(
        made_findings(), power=(), event_studies=(), placebos=(), displacement=(), sensitivity=(), series=(),
        study_map=StudyMap((), (), ()),
    )  # fmt: skip
    written = writing_report(findings, tmp_path / "written")
    study = study_of(home, publish(written.folder, home))
    assert study.findings == findings
    assert {figure.name for figure in study.figures} >= {"claim_card", "verdict_ladder", "forest-burglary"}
    for figure in study.figures:
        assert figure.alt
        assert figure.caption
        assert 0.2 < (study.aspect_ratio(figure.name) or 0) < 5


def test_publishing_twice_changes_nothing(home: Home, report: Path) -> None:
    publish(report, home)
    before = sorted((home.root / "impact").rglob("*"))
    publish(report, home)
    assert sorted((home.root / "impact").rglob("*")) == before


def test_a_later_report_takes_the_place_of_the_earlier(home: Home, report: Path, tmp_path: Path) -> None:
    publish(report, home)
    earlier = study_of(home, SLUG)
    later = replace(made_findings(made_at="2026-02-12T09:30:00+00:00"), primary_outcome="robbery")
    publish(write_report(tmp_path / "later", later), home)
    ((study,), _) = published(home)
    assert (study.findings, study.version != earlier.version) == (later, True)
    assert not earlier.folder.exists()
    assert len(list((home.root / "impact" / ".kept").iterdir())) == 1


def test_a_folder_put_there_by_hand_is_found_and_gives_way(home: Home, report: Path) -> None:
    by_hand = home.root / "impact" / SLUG
    by_hand.parent.mkdir()
    os.rename(report, by_hand)
    assert study_of(home, SLUG).findings.title == TITLE
    report = write_report(report)
    publish(report, home)
    assert by_hand.is_symlink()
    assert study_of(home, SLUG).findings.title == TITLE


def test_what_does_not_belong_to_a_report_stays_outside(home: Home, report: Path) -> None:
    (report / "figures" / "notes.svg").write_text("<svg/>")
    (report / "incidents.csv").write_text("id\n1\n")
    publish(report, home)
    names = {path.name for path in (home.root / "impact").rglob("*")}
    assert {"notes.svg", "incidents.csv"} & names == set()


def test_studies_stand_made_last_first(home: Home, tmp_path: Path) -> None:
    for day, title in (("10", "Older"), ("12", "Newer"), ("11", "Between")):
        findings = made_findings(title, f"2026-02-{day}T12:00:00+00:00")
        publish(write_report(tmp_path / title, findings), home)
    assert [study.findings.title for study in published(home)[0]] == ["Newer", "Between", "Older"]


def without(name: str) -> Callable[[Path], None]:
    return lambda report: (report / name).unlink()


def listing(**changes: str) -> Callable[[Path], None]:
    figure = {"name": "map", "title": "Map", "alt": "A map.", "caption": "Look.", **changes}
    return lambda report: Path.write_text(report / "figures.json", json.dumps([figure])) and None


def writing(name: str, text: str) -> Callable[[Path], None]:
    return lambda report: Path.write_text(report / name, text) and None


NO_REPORTS = {
    "without findings": (without("findings.json"), "has no findings.json"),
    "without a list of figures": (without("figures.json"), "has no figures.json"),
    "without a page": (without("report.html"), "report.html is missing"),
    "without a document": (without("report.pdf"), "report.pdf is missing"),
    "without a figure's numbers": (without("figures/map.csv"), "map.csv is missing"),
    "with a figure from elsewhere": (listing(name="../../secret"), "0.name"),
    "with a figure in a folder": (listing(name="a/b"), "0.name"),
    "with a hidden figure": (listing(name=".map"), "0.name"),
    "with findings of something else": (writing("findings.json", '{"title": "x"}'), "format"),
    "with findings that are no JSON": (writing("findings.json", "no"), "no JSON"),
}


@pytest.mark.parametrize(("break_it", "why"), NO_REPORTS.values(), ids=NO_REPORTS.keys())
def test_what_is_no_whole_report_is_refused(
    home: Home, report: Path, break_it: Callable[[Path], None], why: str
) -> None:
    break_it(report)
    with pytest.raises(BadInput, match=f"is no (whole )?report.*{why}.*rtcc impact run"):
        publish(report, home)
    assert published(home) == ((), ())


def test_a_time_without_a_zone_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="names no time zone"):
        publish(write_report(tmp_path / "r", made_findings(made_at="2026-02-11T09:30:00")), home)


def test_a_file_that_is_too_large_is_refused(home: Home, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "MOST_BYTES", 10)
    with pytest.raises(BadInput, match="has at most 10"):
        publish(report, home)


def test_a_home_that_takes_nothing_says_so(home: Home, report: Path) -> None:
    (home.root / "impact").write_text("in the way")
    with pytest.raises(StorageFailed, match="cannot be published"):
        publish(report, home)


def test_what_is_broken_afterwards_is_named_beside_the_others(home: Home, report: Path, tmp_path: Path) -> None:
    publish(report, home)
    publish(write_report(tmp_path / "second", made_findings("Second")), home)
    (home.root / "impact" / "second" / "findings.json").write_text("{}")
    found, (broken,) = published(home)
    assert [study.slug for study in found] == [SLUG]
    assert (broken.slug, "is no report" in broken.why) == ("second", True)


@pytest.mark.parametrize("slug", ["..", "../..", "a/b", "", ".kept", "UPPER", "a--b", "a\0b", "nothing-here"])
def test_other_names_lead_nowhere(home: Home, report: Path, slug: str) -> None:
    publish(report, home)
    with pytest.raises(NotFound):
        study_of(home, slug)


@pytest.mark.parametrize("name", ["../findings", "report", "map.svg", "", "nothing"])
def test_a_figure_that_is_not_listed_is_not_there(home: Home, report: Path, name: str) -> None:
    publish(report, home)
    with pytest.raises(NotFound, match="no figure"):
        study_of(home, SLUG).figure(name, "svg")


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Ninety cameras", "ninety-cameras"), ("  −51 %? ", "51"), ("../../etc", "etc"), ("相机", "study"),
     ("é" * 200, "e" * 80)],
)  # fmt: skip
def test_any_title_makes_a_name_for_addresses(title: str, slug: str) -> None:
    assert slug_of(title) == slug
