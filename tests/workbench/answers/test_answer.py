"""An answer reads well on a page and in a terminal, and hides nothing it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from catalog.errors import BadInput
from workbench.answers.answer import SHOWN_ROWS, TERMINAL_WIDTH, Answer, Row

JACKSON = ZoneInfo("America/Chicago")


def answer(rows: int = 3, columns: int = 0) -> Answer:
    table = pa.table(
        {
            "seen_at": pa.array(
                [datetime(2026, 3, 1, 16, 0, n % 60, tzinfo=UTC) for n in range(rows)], pa.timestamp("us", "UTC")
            ),
            "label": pa.array(["<b>car</b>"] * rows, pa.string()),
            "confidence": pa.array([0.5] * rows, pa.float32()),
            "colour": pa.array([None] * rows, pa.string()),
            **{f"more_{n}": pa.array(["word"] * rows, pa.string()) for n in range(columns)},
        }
    )
    return Answer(table, "cars & trucks", JACKSON)


def test_in_a_terminal_it_is_a_plain_table_in_local_time() -> None:
    lines = repr(answer()).splitlines()
    assert lines[0] == "cars & trucks · 3 rows"
    assert lines[1].split() == ["seen_at", "label", "confidence", "colour"]
    assert lines[3].split() == ["2026-03-01", "10:00:00", "<b>car</b>", "0.5", "–"]


def test_what_does_not_fit_is_named() -> None:
    shown = repr(answer(rows=SHOWN_ROWS + 5, columns=40))
    assert max(map(len, shown.splitlines()[1:-1])) <= TERMINAL_WIDTH
    assert "… 5 more rows: to_pandas()" in shown
    assert "also: more_" in shown


def test_an_empty_answer_is_one_line() -> None:
    assert repr(answer(rows=0)) == "cars & trucks · 0 rows"
    assert "<table" not in answer(rows=0)._repr_html_()


def test_on_a_page_its_words_are_escaped_and_its_time_zone_is_said() -> None:
    html = answer()._repr_html_()
    assert "&lt;b&gt;car&lt;/b&gt;" in html
    assert "cars &amp; trucks" in html
    assert "Times in America/Chicago." in html


def test_rows_have_their_columns_by_attribute_and_by_name() -> None:
    row = answer()[-1]
    assert (row.label, row["confidence"], row.colour) == ("<b>car</b>", 0.5, None)
    assert row.seen_at == datetime(2026, 3, 1, 16, 0, 2, tzinfo=UTC)
    assert "label='<b>car</b>'" in repr(row)
    with pytest.raises(AttributeError, match="it has seen_at, label"):
        _ = row.lable
    with pytest.raises(IndexError):
        answer()[3]


def test_a_slice_and_a_choice_of_columns_are_answers_too() -> None:
    assert len(answer()[1:]) == 2
    assert answer().select("label", "seen_at").columns == ("label", "seen_at")
    with pytest.raises(BadInput, match="no column 'lable'"):
        answer().select("lable")


def test_a_column_whose_name_is_no_word_of_python_is_reached_by_name() -> None:
    assert Row(["count(*)"], [3])["count(*)"] == 3


def test_pandas_and_arrow_hold_every_row_in_utc() -> None:
    frame = answer(rows=30).to_pandas()
    assert len(frame) == 30
    assert str(frame["seen_at"].dt.tz) == "UTC"
    assert answer(rows=30).to_arrow().num_rows == 30
