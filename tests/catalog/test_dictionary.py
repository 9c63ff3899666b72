from __future__ import annotations

from pathlib import Path

import pytest

from catalog.dictionary import PATH, Table, markdown, tables
from catalog.home import Home
from catalog.lake import connect
from catalog.questions import questions
from catalog.views import VIEWS, columns_of

ROOT = Path(__file__).parents[2]
TABLES = tables()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_and_column_has_a_comment_that_is_a_sentence(table: Table) -> None:
    assert table.comment.endswith(".")
    for column in table.columns:
        assert column.comment.endswith("."), f"{table.name}.{column.name}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_instants_are_instants_and_no_column_is_a_word_of_sql(table: Table) -> None:
    for column in table.columns:
        instant = column.name.endswith(("_at", "_from", "_until"))  # the last two bound what people plan
        assert column.type != "timestamptz" or instant, f"{table.name}.{column.name}"
        assert column.name not in {"at", "end", "when", "case", "offset"}
        assert "json" not in column.type


def test_the_committed_dictionary_is_the_one_the_schema_gives() -> None:
    assert (ROOT / PATH).read_text(encoding="utf-8") == markdown(), "run `python -m catalog.dictionary`"


def test_the_tables_are_those_of_a_real_catalog(filled_home: Home) -> None:
    with connect(filled_home, read_only=True) as connection:
        kept = columns_of(connection, "lake")
    assert {table.name: tuple(column.name for column in table.columns) for table in TABLES} == dict(kept)


def test_every_table_of_the_read_door_is_described() -> None:
    text = markdown()
    for view in VIEWS:
        assert (f"### {view.name}\n" in text) == (view.asked or view.name in {table.name for table in TABLES})
        assert not view.latest or view.comment


def test_every_question_is_described() -> None:
    text = markdown()
    for question in questions():
        assert f"| `{question.name}` |" in text
