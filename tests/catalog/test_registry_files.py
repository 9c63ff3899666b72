from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.errors import BadInput
from catalog.registry import Mounting
from catalog.registry_files import CameraFile, read_cameras, read_zones
from catalog.spans import EPOCH, Span

MOUNTINGS = [Mounting(f"mnt_{name}", name, Span(EPOCH)) for name in ("farish-1", "dock-2")]


def cameras(tmp_path: Path, text: str, name: str = "cameras.csv") -> CameraFile:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_cameras(path)


def complaint(tmp_path: Path, text: str, name: str = "cameras.csv") -> str:
    with pytest.raises(BadInput) as caught:
        cameras(tmp_path, text, name)
    return str(caught.value)


def feature(properties: object, geometry: object = None) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def test_a_table_gives_cameras_and_how_they_hang(tmp_path: Path) -> None:
    held = cameras(
        tmp_path, "camera_id,name,lon_deg,lat_deg,bearing_deg\nfarish-1,Farish,-90.18,32.3,270\ndock-2,,,,\n"
    )
    assert [(camera.camera_id, camera.name, camera.private) for camera in held.cameras] == [
        ("farish-1", "Farish", False), ("dock-2", "dock-2", False),
    ]  # fmt: skip
    assert (held.mountings[0].lon_deg, held.mountings[0].bearing_deg) == (-90.18, 270)
    assert held.mountings[1].lon_deg is None
    assert held.mountings[0].span == Span(EPOCH)


def test_a_geojson_gives_the_same_as_a_table(tmp_path: Path) -> None:
    table = cameras(tmp_path, "camera_id,name,lon_deg,lat_deg\na,A,-90.18,32.3\n")
    point = {"type": "Point", "coordinates": [-90.18, 32.3]}
    assert cameras(tmp_path, collection(feature({"camera_id": "a", "name": "A"}, point)), "c.geojson") == table


@pytest.mark.parametrize(
    ("line", "basis", "sharing"),
    [
        ("a,,,", "city", "continuous"),
        ("a,city,,", "city", "continuous"),
        ("a,City,,", "city", "continuous"),
        ("a,Ann's store,,", "voluntary", "registry_only"),
        ("a,Ann's store,,on_request", "voluntary", "on_request"),
        ("a,Ann's store,warrant,continuous", "warrant", "continuous"),
        ("a,County,city,", "city", "continuous"),
    ],
)
def test_a_camera_of_another_owner_is_closed_until_more_is_said(
    tmp_path: Path, line: str, basis: str, sharing: str
) -> None:
    camera = cameras(tmp_path, f"camera_id,owner_id,legal_basis,sharing\n{line}\n").cameras[0]
    assert (camera.legal_basis, camera.sharing) == (basis, sharing)


def test_a_small_stream_and_limits_of_its_own_are_read_where_they_are_given(tmp_path: Path) -> None:
    text = "camera_id,stream,sub_stream,keep_days,quota_bytes\na,rtsp://h/1,rtsp://h/2,2.5,1e9\nb,,,,\n"
    first, second = cameras(tmp_path, text).cameras
    assert (first.stream_uri, first.sub_stream_uri, first.keep_days, first.quota_bytes) == (
        "rtsp://h/1", "rtsp://h/2", 2.5, 1_000_000_000,
    )  # fmt: skip
    assert (second.sub_stream_uri, second.keep_days, second.quota_bytes) == (None, None, None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_write_tables_in_several_ways(tmp_path: Path, delimiter: str) -> None:
    text = "\ufeff" + delimiter.join(("Camera ID", "Name", "Longitude", "lat")) + "\r\n"
    text += delimiter.join(("a", '"Farish; Amite, north\nside"', "-90.1", "32.3")) + "\r\n\r\n"
    held = cameras(tmp_path, text)
    assert held.cameras[0].name == "Farish; Amite, north\nside"
    assert held.mountings[0].lat_deg == 32.3


def test_one_bad_line_takes_nothing_and_every_bad_line_is_named(tmp_path: Path) -> None:
    said = complaint(
        tmp_path,
        "camera_id,lon_deg,lat_deg,sharing\ngood,1,2,\nb a d,1,2,\nhalf,1,,\nfar,999,2,\nword,east,2,\n"
        "shy,1,2,sometimes\n",
    )
    assert "nothing was taken" in said
    for line, words in (
        (3, "letters, digits"),
        (4, "both"),
        (5, "between"),
        (6, "is not a number"),
        (7, "use one of"),
    ):
        assert any(f"line {line}: " in one and words in one for one in said.splitlines())
    assert "line 2" not in said


def test_the_same_camera_twice_names_both_lines(tmp_path: Path) -> None:
    assert "line 3: 'a' stands in line 2 already" in complaint(tmp_path, "camera_id\na\na\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column camera_id"),
        ("name\nx\n", "no column camera_id"),
        ("camera_id\n", "names no camera"),
        ("camera_id,lattitude_deg\na,1\n", "did you mean lat_deg"),
        ("camera_id,colour\na,red\n", "unknown column 'colour'"),
        ("camera_id,id\na,b\n", "twice"),
        ("camera_id\na,b\n", "more fields"),
        ('camera_id,name\na,"x\n', "not CSV"),
        ("camera_id,stream_uri\na,rtsp://user:word@10.0.0.1/1\n", "leave them out"),
        ("camera_id,sub_stream_uri\na,rtsp://10.0.0.1/2?pwd=word\n", "rtcc cameras credential set a"),
        ("camera_id,keep_days\na,0\n", "above 0"),
        ("camera_id,quota_bytes\na,1.5\n", "whole number of bytes"),
        ("camera_id,start_at\na,2026-03-01\n", "time zone"),
        ("camera_id,lon_deg,lat_deg\na,nan,1\n", "not a number"),
        ("camera_id,frame_width_px\na,12.5\n", "whole number"),
    ],
)
def test_a_table_that_will_not_do_says_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    assert words in complaint(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "nested|not JSON"),
        ("{}", "neither a list of features"),
        ("[]", "names no camera"),
        ("[1]", "is no object"),
        (collection(feature(None)), "no properties"),
        (
            collection(feature({"camera_id": "a"}, {"type": "Polygon", "coordinates": []})),
            "feature 1: its geometry",
        ),
        (collection(feature({"camera_id": "a"}, {"type": "Point", "coordinates": ["x", "y"]})), "not a number"),
        (collection(feature({"camera_id": ["a"]})), "camera_id is a list"),
        (collection(feature({"name": "a"})), "letters, digits"),
    ],
    ids=range(10),
)
def test_a_geojson_that_will_not_do_says_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    said = complaint(tmp_path, text, "c.geojson")
    assert any(word in said for word in words.split("|"))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    assert "neither .csv" in complaint(tmp_path, "x", "cameras.xlsx")
    with pytest.raises(BadInput, match="cannot be read"):
        read_cameras(tmp_path / "missing.csv")
    (tmp_path / "latin.csv").write_bytes("camera_id,name\na,Größe\n".encode("latin-1"))
    with pytest.raises(BadInput, match="not UTF-8"):
        read_cameras(tmp_path / "latin.csv")


ZONES = """camera_id,name,kind,points_px,min_dwell_s,labels
farish-1,gate,area,"0,0 100,0 100,100.5",30,person vehicle
farish-1,stop line,line,"0,50 640,50",,
dock-2,gate,MASK,"0,0 1,0 1,1",,
"""


def test_a_table_gives_zones_on_the_cameras_latest_mounting(tmp_path: Path) -> None:
    path = tmp_path / "zones.csv"
    path.write_text(ZONES)
    gate, line, mask = read_zones(path, MOUNTINGS)
    assert (gate.mounting_id, gate.points_px[2], gate.min_dwell_s) == ("mnt_farish-1", (100.0, 100.5), 30)
    assert gate.labels == ("person", "car", "bus", "truck")
    assert (line.kind, line.labels, line.min_dwell_s) == ("line", (), None)
    assert (mask.kind, mask.mounting_id) == ("mask", "mnt_dock-2")


def test_a_json_of_zones_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "zones.json"
    zone = {"camera_id": "farish-1", "name": "gate", "kind": "area", "points_px": [[0, 0], [9, 0], [9, 9]]}
    path.write_text(json.dumps({"zones": [{**zone, "labels": ["car"]}]}))
    assert read_zones(path, MOUNTINGS)[0].labels == ("car",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('nobody,gate,area,"0,0 1,0 1,1",,', "not in the registry"),
        ('farish1,gate,area,"0,0 1,0 1,1",,', "did you mean farish-1"),
        ('farish-1,,area,"0,0 1,0 1,1",,', "it has no name"),
        ('farish-1,view,area,"0,0 1,0 1,1",,', "call the zone something else"),
        ('farish-1,gate,circle,"0,0 1,0 1,1",,', "use area, line or mask"),
        ('farish-1,gate,area,"0,0 1,0",,', "at least 3"),
        ('farish-1,gate,line,"0,0 1,0 1,1",,', "exactly 2"),
        ('farish-1,gate,area,"0;0 1;0 1;1",,', "x,y x,y"),
        ('farish-1,gate,area,"0,0 1,a 1,1",,', "not a number"),
        ('farish-1,gate,area,"0,0 1, 1,1",,', "empty coordinate"),
        ('farish-1,gate,area,"0,0 1,0 1,1",0,', "no stay"),
        ('farish-1,gate,area,"0,0 1,0 1,1",,persn', "did you mean person"),
    ],
)
def test_a_zone_that_will_not_do_says_where_and_what_to_do(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "zones.csv"
    path.write_text(ZONES.splitlines()[0] + "\n" + line + "\n")
    with pytest.raises(BadInput, match="line 2: ") as caught:
        read_zones(path, MOUNTINGS)
    assert words in str(caught.value)
