"""`rtcc impact`: an example can be made, run, published, and methods hold against cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.home import Home
from tests.apps.command import Rtcc

QUICK = ("--method", "relative_effect", "--method", "calibration_synthetic_control", "--placebos", "19")

CASE = """
id = "made"
method = "weighted_displacement_difference"
expected = {total = %s}
tolerance = 1e-9
[parameters]
treated = [100, 80]
control = [100, 90]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made city's STUDY.toml."""
    from workbench.impact.made_study import write_example

    return write_example(tmp_path_factory.mktemp("example"), 1, -0.4)


def test_an_example_says_what_is_true_of_it_and_how_to_go_on(rtcc: Rtcc, tmp_path: Path):
    ran = rtcc("impact", "example", tmp_path / "city", "--effect", "-0.3", "--seed", "2")
    assert ran.code == 0
    assert json.loads((tmp_path / "city" / "TRUTH.json").read_text())["effect_ratio"] == -0.3
    assert f"rtcc impact run {tmp_path / 'city' / 'STUDY.toml'}" in ran.err


def test_a_study_is_run_reported_and_published(rtcc: Rtcc, home_root: Path, study: Path, tmp_path: Path):
    ran = rtcc("impact", "run", study, "-o", tmp_path / "report", *QUICK, "--publish")
    assert ran.code == 0
    assert "street crime: " in ran.out
    before, after = ran.err.split("street crime: 3 methods")
    assert "warns: " in before
    assert "would probably be seen" in before, "power comes before results"
    assert (tmp_path / "report" / "report.html").stat().st_size > 100_000
    assert (tmp_path / "report" / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "report.html" in after
    (slug,) = [path.name for path in (Home.open(home_root).root / "impact").iterdir() if path.is_symlink()]
    assert slug in ran.err


def test_findings_alone_go_to_standard_output(rtcc: Rtcc, study: Path):
    findings = rtcc("impact", "run", study, *QUICK, "--json").document
    assert findings["primary_outcome"] == "street crime"
    assert {one["method"] for one in findings["estimates"]} == {
        "raw", "relative_effect", "calibration_synthetic_control",
    }  # fmt: skip
    assert findings["provenance"]["data_sha256"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("STUDY",), "say where the report goes"),
        (("STUDY", "-o", "OUT", "--method", "magic"), "there is no method 'magic'"),
        (("nowhere.toml", "-o", "OUT"), "no study can be read from nowhere.toml"),
    ],
    ids=["nowhere to write", "unknown method", "no such study"],
)
def test_what_cannot_be_run_says_why(
    rtcc: Rtcc, study: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
):
    places = {"STUDY": study, "OUT": tmp_path / "report"}
    ran = rtcc("impact", "run", *(places.get(one, one) for one in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert not (tmp_path / "report").exists()


def test_cases_that_come_out_are_told_as_json(rtcc: Rtcc, tmp_path: Path):
    (tmp_path / "made.toml").write_text(CASE % "-10")
    ran = rtcc("impact", "verify", tmp_path, "--json")
    assert ran.code == 0
    assert ran.document == {
        "cases": [
            {
                "id": "made", "method": "weighted_displacement_difference", "expected": {"total": -10},
                "got": {"total": -10.0}, "pass": True,
            }
        ]
    }  # fmt: skip


def test_a_case_that_does_not_come_out_is_named_and_fails_the_command(rtcc: Rtcc, tmp_path: Path):
    (tmp_path / "made.toml").write_text(CASE % "-11")
    ran = rtcc("impact", "verify", tmp_path, "--json")
    assert ran.code == 1
    (case,) = ran.document["cases"]
    assert case["pass"] is False
    assert case["misses"] == ["total: expected -11, got -10.0"]
    assert "1 of 1 cases did not come out: made" in ran.err
    plain = rtcc("impact", "verify", tmp_path)
    assert "FAIL  made" in plain.out


def test_methods_are_listed_with_what_they_take(rtcc: Rtcc):
    listed = {one["method"]: one for one in rtcc("impact", "methods", "--json").document}
    assert "dispersion" in listed["weighted_displacement_difference"]["parameters"]
    assert {"e_test", "knox", "callaway_santanna", "synthetic_control", "bayesian_structural_time_series"} <= set(
        listed
    )
