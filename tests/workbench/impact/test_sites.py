"""A site says when its cameras were on and why they stand where they stand; one wrong row refuses the file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.impact.sites import read_sites

HEADER = "id,lon,lat,activated_on,off,monitored,reason,chosen_by,chosen_on_from,chosen_on_to\n"


def _csv(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "sites.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


def test_a_site_keeps_what_is_said_of_it(tmp_path: Path) -> None:
    full = (
        "b,-90.1,32.3,2023-01-01,2023-05-01/2023-06-01; 2023-09-01/2023-09-08,yes,hot,counts,2022-01-01,2023-01-01"
    )
    file = read_sites(_csv(tmp_path, full, "a,-90.2,32.4,2022-06-01,,,,,,"))
    assert [site.site_id for site in file.sites] == ["a", "b"]
    first, second = file.sites
    assert first.monitored is None
    assert first.chosen_by is None
    assert first.chosen_on is None
    assert first.off == ()
    assert second.monitored is True
    assert second.chosen_on == (date(2022, 1, 1), date(2023, 1, 1))
    assert second.off[1] == (date(2023, 9, 1), date(2023, 9, 8))
    assert len(file.sha256) == 64


def test_days_off_are_not_on_and_the_second_day_is_on_again(tmp_path: Path) -> None:
    site = read_sites(_csv(tmp_path, "a,-90,32,2023-01-02,2023-01-04/2023-01-06,,,,,")).sites[0]
    days = np.arange("2023-01-01", "2023-01-08", dtype="datetime64[D]")
    assert site.is_on(days).tolist() == [False, True, True, False, False, True, True]


def test_a_viewshed_may_be_a_polygon_of_geojson_or_text(tmp_path: Path) -> None:
    corners = [[-90, 32], [-89.99, 32], [-89.99, 32.01], [-90, 32]]
    features = [
        {"properties": {"id": "a", "activated_on": "2023-01-01", "off": [["2023-02-01", "2023-03-01"]]},
         "geometry": {"type": "Polygon", "coordinates": [corners]}},
        {"properties": {"id": "b", "activated_on": "2023-01-01"},
         "geometry": {"type": "Point", "coordinates": [1, 2]}},
    ]  # fmt: skip
    path = tmp_path / "sites.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    seen, point = read_sites(path).sites
    assert seen.viewshed is not None
    assert -90 < seen.lon_deg < -89.99
    assert seen.off == ((date(2023, 2, 1), date(2023, 3, 1)),)
    assert point.viewshed is None
    assert (point.lon_deg, point.lat_deg) == (1, 2)
    text = "POLYGON ((-90 32, -89.99 32, -89.99 32.01, -90 32))"
    as_text = read_sites(_csv(tmp_path, f'a,2023-01-01,"{text}"', header="id,activated_on,viewshed\n")).sites[0]
    assert as_text.viewshed == seen.viewshed


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",-90,32,2023-01-01,,,,,,", "row 3, id: the id is missing"),
        ("a,-90,32,2023-01-01,,,,,,", "row 3, id: the id stands twice"),
        ("b,-90,32,,,,,,,", "row 3, activated_on: no day is written"),
        ("b,-90,32,spring,,,,,,", "row 3, activated_on: no day can be read"),
        ("b,,32,2023-01-01,,,,,,", "row 3, lon: the place is missing"),
        ("b,900,32,2023-01-01,,,,,,", "row 3, lon: there is no such place"),
        ("b,-90,32,2023-01-01,in May,,,,,", "row 3, off: write first/again days"),
        ("b,-90,32,2023-01-01,2023-06-01/2023-05-01,,,,,", "row 3, off: write first/again days"),
        ("b,-90,32,2023-01-01,,maybe,,,,", "row 3, monitored: it must be yes or no"),
        ("b,-90,32,2023-01-01,,,,lot,,", "row 3, chosen_by: it must be counts, random or other"),
        ("b,-90,32,2023-01-01,,,,,2022-01-01,", "row 3, chosen_on_to: chosen_on_from and chosen_on_to belong"),
        ("b,-90,32,2023-01-01,,,,,2022-01-01,2021-01-01", "row 3, chosen_on_to: the window ends before it starts"),
    ],
)
def test_a_wrong_row_refuses_the_file_by_name(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_sites(_csv(tmp_path, "a,-90,32,2023-01-01,,,,,,", row))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("wkt", "says"),
    [
        ("POLYGON ((0 0, 1", "it is no polygon in WKT"),
        ("LINESTRING (0 0, 1 1)", "neither a point nor a polygon"),
        ("POLYGON ((0 0, 2 2, 2 0, 0 2.5, 0 0))", "the polygon crosses itself"),
    ],
)
def test_a_viewshed_that_is_none_is_refused(tmp_path: Path, wkt: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_sites(_csv(tmp_path, f'a,2023-01-01,"{wkt}"', header="id,activated_on,viewshed\n"))
    assert says in str(refused.value)
