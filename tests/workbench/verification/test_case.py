"""Cases as people write them, and what they are told when one cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from workbench.verification.case import Tolerance, leaves, read_cases

CASE = """
id = "made"
method = "e_test"
source = "made up"
[parameters]
counts = [3, 1]
[expected]
p = 0.5
[tolerance]
absolute = 1e-3
p = {relative = 0.1}
"""


def test_a_case_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "made.toml").write_text(CASE)
    (case,) = read_cases(tmp_path)
    assert (case.case_id, case.method, case.expected) == ("made", "e_test", {"p": 0.5})
    assert case.tolerance.for_name("p") == Tolerance(relative=0.1)
    assert case.tolerance.for_name("z").absolute == 1e-3


def test_a_file_may_hold_many_and_folders_may_nest(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    many = [{"id": name, "method": "e_test", "expected": 1} for name in ("a", "b")]
    (tmp_path / "deep" / "many.json").write_text(json.dumps(many))
    (tmp_path / "more.toml").write_text('[[case]]\nid = "c"\nmethod = "e_test"\nexpected = 1\n')
    assert [case.case_id for case in read_cases(tmp_path)] == ["a", "b", "c"]


def test_data_are_not_taken_for_cases(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.json").write_text("[1, 2]")
    (tmp_path / "made.toml").write_text(CASE)
    assert len(read_cases(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id = ", "cannot be read as TOML"),
        ('id = "a"\nmethod = "b"\n', "lacks 'expected'"),
        (CASE.replace("source", "sauce"), "has no 'sauce'"),
        (CASE.replace("absolute = 1e-3", "absolute = -1"), "not a number of at least 0"),
        (CASE.replace("absolute = 1e-3", "absolute = nan"), "not a number of at least 0"),
        (CASE.replace("[expected]", '[data]\nfile = "a.csv"\nrows = [{x = 1}]\n[expected]'), "exactly one of"),
        (CASE.replace("[expected]", '[data]\nfille = "a.csv"\n[expected]'), "did you mean 'file'"),
    ],
    ids=["no TOML", "nothing expected", "unknown key", "below nothing", "no number", "two sources", "misspelt"],
)  # fmt: skip
def test_a_case_that_is_none_says_why(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "made.toml").write_text(text)
    with pytest.raises(BadInput, match=says):
        read_cases(tmp_path)


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(CASE)
    with pytest.raises(BadInput, match="give one another id"):
        read_cases(tmp_path)


def test_an_empty_folder_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no case"):
        read_cases(tmp_path)


def test_a_name_with_a_tolerance_leaves_its_neighbours_theirs(tmp_path: Path) -> None:
    (tmp_path / "made.toml").write_text(CASE.replace("p = {relative = 0.1}", "burglary.percent = 0.5"))
    (case,) = read_cases(tmp_path)
    assert case.tolerance.for_name("burglary.percent").absolute == 0.5
    assert case.tolerance.for_name("burglary.z").absolute == 1e-3


@given(st.floats(-1e6, 1e6), st.floats(0, 10), st.floats(0, 0.5), st.floats(-2, 2))
def test_a_figure_holds_within_its_tolerance_and_not_beyond(
    expected: float, absolute: float, relative: float, off: float
) -> None:
    room = absolute + relative * abs(expected)
    got = expected + off * room
    if abs(abs(off) - 1) > 1e-3 and room > 1e-3:
        assert Tolerance(absolute, relative).holds(expected, got) == (abs(off) < 1)


def test_nothing_is_close_to_what_is_no_number() -> None:
    assert not Tolerance(absolute=1e9).holds(1.0, float("nan"))


def test_every_figure_of_nested_tables_has_a_name() -> None:
    found = dict(leaves({"a": [1, {"b": 2}], "c": "x"}))
    assert found == {("a", 0): 1, ("a", 1, "b"): 2, ("c",): "x"}
