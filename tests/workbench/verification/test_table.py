"""Rows of cases: read from what people have, derived and filtered, and nothing else reached."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.verification.table import load, read_source

ROWS = [{"place": "a", "year": 2000, "crimes": 3}, {"place": "b", "year": 2001, "crimes": 5}]


def table(tmp_path: Path, **data: object) -> pd.DataFrame:
    return load("made", read_source("made", data), tmp_path)


def test_rows_may_stand_in_the_case(tmp_path: Path) -> None:
    assert table(tmp_path, rows=ROWS)["crimes"].tolist() == [3, 5]
    assert table(tmp_path, columns={"crimes": [3, 5]})["crimes"].tolist() == [3, 5]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "dta", "json"])
def test_files_of_many_kinds_give_the_same_rows(tmp_path: Path, kind: str) -> None:
    rows = pd.DataFrame(ROWS)
    path = tmp_path / f"rows.{kind}"
    match kind:
        case "csv" | "tsv":
            rows.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
        case "parquet":
            rows.to_parquet(path)
        case "dta":
            rows.to_stata(path, write_index=False)
        case "json":
            rows.to_json(path, orient="records")
    assert table(tmp_path, file=path.name)[["place", "year", "crimes"]].values.tolist() == rows.values.tolist()


def test_a_text_file_without_a_header_is_given_names(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("1  2\n3 4\n")
    assert table(tmp_path, file="m.txt", separator="whitespace", names=["a", "b"])["b"].tolist() == [2, 4]


def test_columns_are_derived_in_order_and_rows_filtered_after(tmp_path: Path) -> None:
    derive = {"after": "year > 2000", "both": "after and crimes >= 5", "lc": "log(crimes)"}
    rows = table(tmp_path, rows=ROWS, derive=derive, where=["both"])
    assert rows["place"].tolist() == ["b"]
    assert rows["lc"].iloc[0] == pytest.approx(1.6094, abs=1e-4)


def test_a_condition_may_name_a_list(tmp_path: Path) -> None:
    assert table(tmp_path, rows=ROWS, where="place in ['b', 'c']")["place"].tolist() == ["b"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("__import__('os').system('true')", "calls something else"),
        ("open('x')", "calls something else"),
        ("crimes.__class__", "Attribute"),
        ("@crimes", "not an expression"),
        ("[x for x in crimes]", "ListComp"),
        ("years > 3", "no column 'years'"),
        ("crimes + 1", "not true or false"),
    ],
)
def test_an_expression_reaches_nothing_but_its_row(tmp_path: Path, words: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        table(tmp_path, rows=ROWS, where=[words])


def test_a_case_reads_its_data_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(BadInput, match="lies outside"):
        table(tmp_path / "data", file="../secret.csv")


def test_conditions_that_leave_nothing_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no row is left"):
        table(tmp_path, rows=ROWS, where=["year > 3000"])


def test_a_package_may_carry_the_data(tmp_path: Path) -> None:
    rows = table(tmp_path, package="libpysal:burkitt")
    assert len(rows) == 188
    assert {"x", "y", "T"} <= set(rows.columns)
    with pytest.raises(BadInput, match="carries no"):
        table(tmp_path, package="libpysal:no_such")
    with pytest.raises(BadInput, match="libpysal:NAME"):
        table(tmp_path, package="somewhere:else")
