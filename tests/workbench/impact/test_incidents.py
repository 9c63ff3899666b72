"""Incidents are read with what is known of their time, place and origin; what cannot be used is counted."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from catalog.errors import BadInput
from workbench.impact.incidents import IncidentFile, read_incidents
from workbench.impact.specification import IncidentColumns, IncidentsSpecification

JACKSON = ZoneInfo("America/Chicago")
HEADER = "incident_id,start_at,end_at,type,lon_deg,lat_deg,geocode,origin\n"
GOOD = "1,2021-05-01T10:00Z,2021-05-03T10:00Z,robbery,-90.1,32.3,Address,reported\n"


def _read(folder: Path, text: str, **specification: object) -> IncidentFile:
    path = folder / "incidents.csv"
    path.write_text(text)
    return read_incidents(path, IncidentsSpecification(Path("incidents.csv"), **specification), JACKSON)  # type: ignore[arg-type]


def test_an_incident_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    file = _read(tmp_path, HEADER + GOOD + "2,2021-05-01 10:00,,drugs,-90.2,32.4,city centre,Officer\n")
    incidents = file.incidents
    assert file.rows == 2
    assert len(file.sha256) == 64
    assert incidents.types == ("drugs", "robbery")
    assert incidents.of_types(("robbery",)).tolist() == [True, False]
    assert incidents.inexact.tolist() == [True, False]
    assert incidents.poor_geocode.tolist() == [False, True]
    assert incidents.proactive.tolist() == [False, True]
    assert incidents.end_at[1] == incidents.start_at[1] == np.datetime64("2021-05-01T15:00")
    assert incidents.of(np.asarray([False, True])).incident_ids.tolist() == ["2"]


def test_a_day_without_a_time_is_the_whole_day_on_the_citys_clock(tmp_path: Path) -> None:
    text = HEADER + "1,2021-03-14,,r,-90,32,,\n2,2021-05-01,2021-05-02,r,-90,32,,\n"
    incidents = _read(tmp_path, text).incidents
    hours = (incidents.end_at - incidents.start_at) / np.timedelta64(1, "h")
    # The clocks go forward on the first.
    assert hours.tolist() == [23.0, 48.0]


def test_columns_may_have_a_citys_own_names(tmp_path: Path) -> None:
    columns = IncidentColumns("case", "from", "offence", "x", "y", end_at="until")
    text = "case,from,until,offence,x,y\n1,2021-05-01T10:00Z,2021-05-01T12:00Z,r,-90,32\n"
    incidents = _read(tmp_path, text, columns=columns).incidents
    assert (incidents.end_at - incidents.start_at).tolist() == [pd.Timedelta(hours=2).to_pytimedelta()]
    assert not incidents.geocode_known
    assert not incidents.origin_known
    with pytest.raises(BadInput, match="no column 'until'"):
        _read(tmp_path, text.replace("until", "till"), columns=columns)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",2021-05-01T10:00Z,,r,-90,32,,", "row 3, incident_id: the id is missing"),
        ("1,2021-05-01T10:00Z,,r,-90,32,,", "row 3, incident_id: the id stands further up"),
        ("2,May the first,,r,-90,32,,", "row 3, start_at: no time can be read (found 'May the first')"),
        ("2,2021-05-01T10:00Z,soon,r,-90,32,,", "row 3, end_at: no time can be read"),
        ("2,2021-05-01T10:00Z,2021-04-01,r,-90,32,,", "row 3, end_at: it ends before it starts"),
        ("2,2021-05-01T10:00Z,,,-90,32,,", "row 3, type: the type is missing"),
        ("2,2021-05-01T10:00Z,,r,,32,,", "row 3, lon_deg: the place is missing or no number"),
        ("2,2021-05-01T10:00Z,,r,0,0,,", "row 3, lon_deg: there is no such place"),
        ("2,2021-05-01T10:00Z,,r,-90,320,,", "row 3, lon_deg: there is no such place"),
        ("2,2021-05-01T10:00Z,,r", "row 3, whole line"),
    ],
)
def test_a_wrong_row_is_named_with_its_column_and_what_is_wrong(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        _read(tmp_path, HEADER + GOOD + row + "\n")
    assert says in str(refused.value)


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    file = _read(tmp_path, HEADER + GOOD + "2,x,,r,-90,32,,\n3,x,,r,-90,32,,\n4,\n", most_wrong_ratio=0.8)
    assert len(file.incidents) == 1
    assert file.rows == 4
    assert [count for _, count in file.left_out] == [2, 1]
    assert sum(count for _, count in file.left_out) + len(file.incidents) == file.rows
    assert [one.row for one in file.examples] == [3, 4, 5]


def test_of_several_rows_of_an_incident_each_type_counts_once(tmp_path: Path) -> None:
    again = GOOD.replace("robbery", "assault")
    text = HEADER + GOOD.replace("-90.1", "") + GOOD + GOOD + again
    file = _read(tmp_path, text, several_rows=True, most_wrong_ratio=0.3)
    assert file.incidents.type_index.tolist() == [1, 0]
    assert file.left_out == (
        ("the place is missing or no number", 1),
        ("another row of the same incident and type", 1),
    )


def test_points_of_geojson_are_places(tmp_path: Path) -> None:
    properties = {"incident_id": 1, "start_at": "2021-05-01T10:00Z", "type": "r"}
    point = {"type": "Point", "coordinates": [-90.5, 32.5]}
    path = tmp_path / "incidents.geojson"
    features = [{"properties": properties, "geometry": point}]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    incidents = read_incidents(path, IncidentsSpecification(path), JACKSON).incidents
    assert (incidents.lon_deg[0], incidents.lat_deg[0]) == (-90.5, 32.5)


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    plain = _read(tmp_path, HEADER + GOOD).incidents
    frame = pd.read_csv(tmp_path / "incidents.csv")
    frame["start_at"], frame["end_at"] = pd.to_datetime(frame["start_at"]), pd.to_datetime(frame["end_at"])
    frame.to_parquet(tmp_path / "incidents.parquet")
    specification = IncidentsSpecification(Path("incidents.parquet"))
    typed = read_incidents(tmp_path / "incidents.parquet", specification, JACKSON).incidents
    assert typed.start_at[0] == plain.start_at[0]
    assert typed.end_at[0] == plain.end_at[0]
    assert typed.poor_geocode.tolist() == plain.poor_geocode.tolist()
