from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources

import pytest

from catalog.errors import BadInput
from catalog.home import Home
from catalog.questions import Question, question, questions, spoken
from catalog.reader import Reader
from tests.catalog.filled import ANN, FARISH, NOW, START, Notebook, run_of, segment

NAMES = [asked.name for asked in questions()]
SOME = {
    "camera_id": "farish-1", "camera_ids": ["farish-1", "dock-2"], "track_id": "trk_farish-1_first",
    "start_at": START, "end_at": "2026-03-01T17:00:00Z", "seen_at": START, "label": "vehicle", "colour": "red",
    "min_confidence": 0.5, "run_id": run_of(FARISH).run_id, "segment_id": segment(FARISH, 0).segment_id,
    "segment_ids": [segment(FARISH, 0).segment_id], "zone": "gate", "zone_id": "gate", "rule": "zone_enter",
    "lon_deg": -90.18, "lat_deg": 32.3, "radius_m": 1000, "limit": 10, "after_line": 0, "event_id": "evt_x",
    "kind": "rule", "run_ids": [run_of(FARISH).run_id], "alert_id": "alr_farish-1", "actor": "ann",
    "source": "mast-4",
}  # fmt: skip
"""A value for each parameter any question takes."""


@pytest.mark.parametrize("name", NAMES)
def test_every_question_says_what_it_answers(name: str) -> None:
    asked = question(name)
    assert asked.description.endswith(".")
    assert set(asked.needed) <= set(asked.parameters)


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_written_as_sql_is_here(name: str) -> None:
    text = resources.files("catalog").joinpath("queries", f"{name}.sql").read_text()
    sql = question(name).sql
    code = re.sub(r"'[^']*'", "''", sql)
    assert code == code.lower()
    assert "select *" not in sql
    assert "order by" in sql
    assert "{" not in sql
    assert ";" not in sql
    assert "\t" not in text
    assert max(map(len, text.splitlines())) <= 116


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_with_what_it_needs_and_with_everything(filled_home: Home, name: str) -> None:
    asked = question(name)
    with Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, threads=1) as reader:  # type: ignore[arg-type]
        for names in (asked.needed, asked.parameters):
            assert reader.ask(name, **{one: SOME[one] for one in names}).num_columns > 0


def test_a_misspelt_question_gets_those_that_come_near() -> None:
    with pytest.raises(BadInput, match="did you mean track_by_id"):
        question("track_by_ids")


def test_a_misspelt_parameter_gets_those_that_come_near() -> None:
    with pytest.raises(BadInput, match="did you mean camera_id"):
        question("tracks").bind({"camera": "a"})


def test_a_missing_parameter_is_named_with_what_the_question_is_for() -> None:
    with pytest.raises(BadInput, match="needs track_id: What is known of one track"):
        question("track_by_id").bind({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_at", "yesterday"),
        ("start_at", "2026-03-01T10:00:00"),
        ("start_at", datetime(2026, 3, 1)),  # noqa: DTZ001
        ("start_at", 5),
        ("min_confidence", "high"),
        ("min_confidence", float("nan")),
        ("limit", -1),
        ("limit", 1.5),
        ("limit", True),
        ("label", 3),
        ("camera_id", ["a"]),
    ],
)
def test_a_value_of_another_kind_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"{name}=.* will not do"):
        question("tracks").bind({name: value})


def test_a_list_of_cameras_is_no_single_text() -> None:
    with pytest.raises(BadInput, match="list of texts"):
        question("search").bind({"camera_ids": "farish-1"})


def test_what_is_left_out_is_bound_as_any() -> None:
    bound = question("tracks").bind({"camera_id": "a"})
    assert bound["camera_id"] == "a"
    assert set(bound) == set(question("tracks").parameters)
    assert [value for name, value in bound.items() if name != "camera_id"] == [None] * (len(bound) - 1)


def test_parameters_are_written_for_the_audit_as_pairs() -> None:
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (
        spoken({"a": "x", "at": at, "b": None, "c": ["p", "q"], "d": 1.5})
        == "a=x, at=2026-03-01T10:00:00Z, c=[p q], d=1.5"
    )


def test_a_value_with_sql_in_it_is_only_a_value(filled_home: Home) -> None:
    with Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, threads=1) as reader:  # type: ignore[arg-type]
        assert reader.ask("tracks", camera_id="x' or '1'='1").num_rows == 0


def test_a_question_that_needs_what_it_never_uses_is_a_mistake_in_its_file() -> None:
    with pytest.raises(ValueError, match="needs"):
        Question.parse("made", "-- Made.\n-- needs camera\nselect 1")
