"""Rows of a city's files are read as they stand; every wrong one is named, and none is lost in silence."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.impact.tables import MOST_LISTED, Sieve, read_days, read_rows

JACKSON = ZoneInfo("America/Chicago")


def _csv(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_numbered_as_a_spreadsheet_does_and_broken_lines_are_kept_apart(tmp_path: Path) -> None:
    rows = read_rows(_csv(tmp_path, 'id,x\n1,a\n2,b,c\n3,"two\nlines"\n4\n5,e\n'))
    assert rows.numbers.tolist() == [2, 4, 6]
    assert rows.text("x").tolist() == ["a", "two\nlines", "e"]
    assert [one.row for one in rows.broken] == [3, 5]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbfid,x\r\n1,2\r\n")
    assert read_rows(path).number("x").tolist() == [2.0]


def test_times_are_read_on_the_citys_clock_unless_they_say_otherwise(tmp_path: Path) -> None:
    texts = [
        "2020-01-01 05:00", "2020-01-01T05:00Z", "2020-01-01T05:00:00.5-0600", "2020-01-01", "", "soon",
        "2020-11-01 01:30", "2020-03-08 02:30",
    ]  # fmt: skip
    rows = read_rows(_csv(tmp_path, "id,t\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts))))
    instants, only_day = rows.instants("t", JACKSON)
    assert [str(one)[:19] for one in instants] == [
        "2020-01-01T11:00:00", "2020-01-01T05:00:00", "2020-01-01T11:00:00", "2020-01-01T06:00:00", "NaT", "NaT",
        "2020-11-01T06:30:00", "2020-03-08T08:00:00",
    ]  # fmt: skip
    assert only_day.tolist() == [False, False, False, True, False, False, False, False]


@pytest.mark.parametrize("form", ["{}T00:00:00.000", "{} 00:00"])
def test_a_column_of_midnights_holds_days(tmp_path: Path, form: str) -> None:
    days = [f"2021-05-{day:02d}" for day in range(1, 25)]
    rows = read_rows(_csv(tmp_path, "id,t\n" + "".join(f"1,{form.format(day)}\n" for day in days) + "2,\n"))
    assert rows.instants("t", JACKSON)[1].tolist() == [True] * 24 + [False]
    texts = "".join(f"1,{form.format(day)}\n" for day in days)
    mixed = read_rows(_csv(tmp_path, "id,t\n" + texts + "2,2021-06-01 10:00\n"))
    assert not mixed.instants("t", JACKSON)[1].any()
    pd.DataFrame({"t": pd.to_datetime(days)}).to_parquet(tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet").instants("t", JACKSON)[1].all()


def test_times_may_be_written_in_a_form_the_study_names(tmp_path: Path) -> None:
    rows = read_rows(_csv(tmp_path, "id,t\n1,07/04/2021 09:15:00 PM\n"))
    instants, _ = rows.instants("t", JACKSON, "%m/%d/%Y %I:%M:%S %p")
    assert str(instants[0])[:16] == "2021-07-05T02:15"


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "naive": pd.to_datetime(["2020-07-01 00:00"]), "aware": pd.to_datetime(["2020-07-01 00:00"], utc=True),
        "x": [1.5], "id": [7],
    })  # fmt: skip
    frame.to_parquet(tmp_path / "rows.parquet")
    rows = read_rows(tmp_path / "rows.parquet")
    assert str(rows.instants("naive", JACKSON)[0][0])[:16] == "2020-07-01T05:00"
    assert str(rows.instants("aware", JACKSON)[0][0])[:16] == "2020-07-01T00:00"
    assert rows.text("id").tolist() == ["7"]


def test_geojson_gives_properties_and_shapes(tmp_path: Path) -> None:
    features = [
        {"id": "a", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"id": "b", "properties": None, "geometry": None},
    ]  # fmt: skip
    path = tmp_path / "rows.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    rows = read_rows(path)
    assert rows.text("id").tolist() == ["a", "b"]
    assert rows.shapes is not None
    assert rows.shapes[0].x == 1
    assert rows.shapes[1] is None
    assert np.isnan(rows.number("n")[1])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.xlsx", "", "its name must end in"),
        ("gone.csv", None, "looked for beside the specification"),
        ("rows.csv", "a,a\n1,2\n", "two columns have the same name"),
        ("rows.geojson", "{", "no readable geojson"),
        ("rows.geojson", '{"type": "Feature"}', "not a FeatureCollection"),
        (
            "rows.geojson",
            '{"type": "FeatureCollection", "features": [], "crs": {"properties": {"name": "EPSG:3857"}}}',
            "longitude and latitude in degrees",
        ),
        (
            "rows.geojson",
            '{"type": "FeatureCollection", "features": [{"geometry": {"type": "Polygon", "coordinates": [[1]]}}]}',
            "the geometry of feature 1 cannot be read",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(BadInput) as refused:
        read_rows(tmp_path / name)
    assert says in str(refused.value)


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    rows = read_rows(_csv(tmp_path, "id,x\n1,2\n"))
    with pytest.raises(BadInput, match="no column 'y'; it has id, x"):
        rows.need(["id", "y"])


def test_the_first_wrong_rows_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    rows = read_rows(_csv(tmp_path, "id,x\n" + "".join(f"{i},bad\n" for i in range(50)) + "9,9,9\n50,1\n"))
    sieve = Sieve(rows)
    sieve.refuse(np.isnan(rows.number("x")), "x", "it is no number")
    sieve.refuse(np.ones(len(rows), bool) & (rows.text("id") == "0"), "id", "it is nought")
    with pytest.raises(BadInput) as refused:
        sieve.settle(0.5)
    says = str(refused.value)
    assert "51 of 52 rows of rows.csv cannot be used" in says
    assert "row 2, x: it is no number (found 'bad')" in says
    assert says.count("\n  row ") == MOST_LISTED
    assert f"and {51 - MOST_LISTED} more" in says
    assert "in all 50: it is no number" in says
    assert "nought" not in says


def test_a_small_share_of_wrong_rows_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = read_rows(_csv(tmp_path, "id,x\n1,2\n2,bad\n3,4\n"))
    sieve = Sieve(rows)
    sieve.refuse(np.isnan(rows.number("x")), "x", "it is no number")
    sieve.settle(0.5)
    assert sieve.kept.tolist() == [True, False, True]
    assert sieve.left_out == (("it is no number", 1),)
    assert str(sieve.examples[0]) == "row 3, x: it is no number (found 'bad')"


def test_days_are_days_or_nothing() -> None:
    days, wrong = read_days(np.asarray(["2020-02-29", "", "2021-02-29", "2020-01-01T00:00"], object))
    assert [str(day) for day in days] == ["2020-02-29", "None", "None", "2020-01-01"]
    assert wrong.tolist() == [False, False, True, False]
