"""Cases that come out and cases that do not: nothing passes that was not computed and compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.errors import BadInput
from workbench.verification import running
from workbench.verification.case import read_cases
from workbench.verification.method import Inputs, Method, Parameter, Results
from workbench.verification.running import carried, methods, run, run_folder

TRUTH = os.environ.get("RTCC_TRUTH_DIR", "")


def _twice(inputs: Inputs) -> Results:
    x = inputs.settings.number("x")
    if x < 0:
        raise ValueError("x is below nothing")
    return {"twice": 2 * x, "parts": [x, x], "by": {"a.b": x, "0": 0.0, "0.01": x}, "word": "even"}


TWICE = Method("twice", "Two times a number.", (Parameter("x", "number", "a number"),), (("twice", "2 x"),), _twice)


@pytest.fixture(autouse=True)
def _one_more_method(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**methods(), "twice": TWICE}
    monkeypatch.setattr(running, "methods", lambda: known)


def outcome(tmp_path: Path, expected: str, parameters: str = "x = 2") -> running.Outcome:
    (tmp_path / "one.toml").write_text(
        f'id = "one"\nmethod = "twice"\nexpected = {expected}\ntolerance = 1e-9\n[parameters]\n{parameters}\n'
    )
    return run(read_cases(tmp_path)[0], tmp_path)


@pytest.mark.parametrize(
    "expected",
    ["{twice = 4}", "4", "{parts = [2, 2]}", '{by = {"a.b" = 2}, word = "even"}', '{by = {"0" = 0, "0.01" = 2}}',
     '{by = {".01" = 2}}'],
    ids=["by name", "the first figure", "a list", "tables and words", "numbers as names", "written otherwise"],
)  # fmt: skip
def test_any_part_of_what_a_method_gives_may_be_expected(tmp_path: Path, expected: str) -> None:
    assert outcome(tmp_path, expected).passed


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ("{twice = 4.1}", "expected 4.1, got 4"), ("{parts = [2, 3]}", "parts.1"),
        ("{parts = [2, 2, 2]}", "gives none"),
        ("{thrice = 6}", "gives none"), ('{word = "odd"}', "got 'even'"), ("{}", "nothing is expected"),
        ("{twice = true}", "expected True"), ("{parts = {}}", "nothing is expected"),
    ],
)  # fmt: skip
def test_whatever_is_not_as_expected_fails_with_its_name(tmp_path: Path, expected: str, says: str) -> None:
    got = outcome(tmp_path, expected)
    assert not got.passed
    assert says in " ".join(got.misses)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("y = 1", "no parameter 'y'"),
        ("", "'x' is missing"),
        ('x = "two"', "must be a number"),
        ("x = -1", "failed on"),
    ],
)
def test_a_case_that_cannot_be_run_has_failed_and_says_why(tmp_path: Path, parameters: str, says: str) -> None:
    got = outcome(tmp_path, "4", parameters)
    assert not got.passed
    assert got.got is None
    assert says in got.misses[0]


def test_an_unknown_method_fails_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('id = "one"\nmethod = "e_tset"\nexpected = 1\n')
    assert "did you mean 'e_test'" in run(read_cases(tmp_path)[0], tmp_path).misses[0]


def test_asking_for_a_case_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('id = "one"\nmethod = "twice"\nexpected = 1\n')
    with pytest.raises(BadInput, match="no case 'two'"):
        run_folder(tmp_path, only=["two"])


@pytest.mark.parametrize("case", read_cases(carried()), ids=lambda case: case.case_id)
def test_a_case_that_the_project_carries_comes_out(case: running.Case) -> None:
    got = run(case, carried() / "data")
    assert got.passed, "; ".join(got.misses)


@pytest.mark.skipif(
    not TRUTH, reason="RTCC_TRUTH_DIR NAMES NO FOLDER: PUBLISHED CASES WITH DATA OF THEIR OWN WERE NOT RUN"
)
def test_every_case_of_the_named_folder_comes_out() -> None:
    outcomes = run_folder(Path(TRUTH))
    failed = {one.case_id: one.misses for one in outcomes if not one.passed}
    assert not failed
