"""The command as people and programs meet it: data on one stream, words on the other, exit codes."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from apps.cli import main
from catalog.errors import BadInput
from catalog.home import Home
from tests.apps.command import Rtcc, runner
from tests.keeping import end_keeper, keeping

CAMERAS = """camera_id,name,lon,lat,owner_id,legal_basis,sharing
farish-1,Farish & Amite,-90.1848,32.2990,,,
store-3,Corner store,-90.1850,32.2992,store,voluntary,on_request
"""

ZONES = {
    "zones": [
        {
            "camera_id": "farish-1", "name": "kerb", "kind": "line", "points_px": [[0, 10], [100, 10]],
            "labels": ["person"],
        },
        {
            "camera_id": "farish-1", "name": "dock", "kind": "area", "points_px": [[0, 0], [9, 0], [9, 9]],
            "min_dwell_s": 5,
        },
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def filled_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with two cameras and two zones, made by the command from nothing; it is only copied."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "cameras.csv").write_text(CAMERAS)
    (folder / "zones.json").write_text(json.dumps(ZONES))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RTCC_HOME", str(folder / "home"))
        for words in (["cameras", "import", folder / "cameras.csv"], ["zones", "import", folder / "zones.json"]):
            with pytest.raises(SystemExit) as left:
                main(list(map(str, words)))
            assert not left.value.code
    end_keeper(Home.open(folder / "home"))
    return folder / "home"


@pytest.fixture
def filled(rtcc: Rtcc, home_root: Path, filled_root: Path) -> Iterator[Rtcc]:
    """Return the command over a filled home of the test's own."""
    shutil.copytree(filled_root, home_root)
    with keeping(Home.open(home_root)):
        yield rtcc


@pytest.fixture(scope="module")
def shared_root(filled_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a filled home that tests share which only ask, or are refused."""
    root = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(filled_root, root)
    with keeping(Home.open(root)):
        yield root


@pytest.fixture
def asking(shared_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rtcc:
    """Return the command over the filled home that tests share."""
    monkeypatch.setenv("RTCC_HOME", str(shared_root))
    return runner(capsys)


def test_help_says_what_exit_codes_mean_and_where_data_lives(rtcc: Rtcc):
    shown = rtcc("--help")
    assert shown.code == 0
    for word in ("RTCC_HOME", "Exit codes", "not permitted", "index", "demo"):
        assert word in " ".join(shown.out.split())


def test_init_makes_a_home_once_and_keeps_what_is_there(rtcc: Rtcc, home_root: Path):
    assert rtcc("init", "--json").document["home"] == str(home_root)
    settings = home_root / "config.toml"
    settings.write_text('site = "Elsewhere"\n')
    assert rtcc("init", "--json").document["site"] == "Elsewhere"


def test_a_question_without_a_home_says_how_to_make_one(rtcc: Rtcc):
    asked = rtcc("sql", "select 1")
    assert (asked.code, asked.out) == (4, "")
    assert "rtcc init" in asked.err
    assert "Traceback" not in asked.err


def test_cameras_are_listed_as_they_were_imported(asking: Rtcc):
    listed = asking("cameras", "list", "--json").document
    assert [(row["camera_id"], row["legal_basis"]) for row in listed] == [
        ("farish-1", "city"),
        ("store-3", "voluntary"),
    ]
    assert listed[0]["lon_deg"] == pytest.approx(-90.1848)
    assert "Corner store" in asking("cameras", "list").out


def test_a_corrected_camera_is_replaced_and_a_rehung_one_gets_a_new_mounting(filled: Rtcc, tmp_path: Path):
    file = tmp_path / "again.csv"
    file.write_text("camera_id,lon,lat\nfarish-1,-90.2,32.3\n")
    filled("cameras", "import", file)
    count = "select count(*) as n, count(end_at) as ended from mountings where camera_id = 'farish-1'"
    assert filled("sql", count, "--json").document == [{"n": 1, "ended": 0}]
    file.write_text("camera_id,lon,lat,start_at\nfarish-1,-90.3,32.3,2026-05-01T00:00:00Z\n")
    filled("cameras", "import", file)
    assert filled("sql", count, "--json").document == [{"n": 2, "ended": 1}]


def test_zones_are_listed_and_a_redrawn_one_is_replaced(filled: Rtcc, tmp_path: Path):
    redrawn = {"zones": [{**ZONES["zones"][0], "points_px": [[0, 20], [100, 20]]}]}
    (tmp_path / "again.json").write_text(json.dumps(redrawn))
    filled("zones", "import", tmp_path / "again.json")
    zones = {row["name"]: row for row in filled("zones", "list", "--json").document}
    assert set(zones) == {"kerb", "dock"}
    assert zones["kerb"]["y_px"] == [20.0, 20.0]


def test_consent_is_granted_listed_and_withdrawn(filled: Rtcc):
    granted = filled(
        "consent", "grant", "--camera", "store-3", "--grantor", "the owner", "--for", "investigation",
        "--hours", "22:00-06:00", "--json",
    )  # fmt: skip
    consent_id = granted.document["consent_id"]
    (listed,) = filled("consent", "list", "--json").document
    assert (listed["consent_id"], listed["hours_from"], listed["withdrawn_at"]) == (consent_id, "22:00", None)
    assert filled("consent", "withdraw", consent_id).code == 0
    assert filled("consent", "list", "--json").document[0]["withdrawn_at"] is not None


def test_an_answer_comes_as_table_json_csv_or_parquet(asking: Rtcc, tmp_path: Path):
    query = "select camera_id, lon_deg, null as nothing from mountings order by camera_id"
    rows = asking("sql", query, "--json").document
    assert [row["camera_id"] for row in rows] == ["farish-1", "store-3"]
    read = list(csv.DictReader(io.StringIO(asking("sql", query, "--csv").out)))
    assert [row["nothing"] for row in read] == ["", ""]
    assert asking("sql", query, "--parquet", tmp_path / "rows.parquet").code == 0
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 2
    assert "farish-1" in asking("sql", query).out


def test_columns_of_one_name_are_both_kept(asking: Rtcc):
    assert asking("sql", "select 1 as a, 2 as a", "--json").document == [{"a": 1, "a_2": 2}]


def test_a_sum_is_a_number_and_not_a_number_is_null(asking: Rtcc):
    (row,) = asking("sql", "select sum(1) as s, 'nan'::double as n, date '2026-03-01' as d", "--json").document
    assert row == {"s": 1, "n": None, "d": "2026-03-01"}


def test_an_earlier_snapshot_shows_what_was_then(filled: Rtcc, tmp_path: Path):
    before = filled("status", "--json").document["snapshot_id"]
    (tmp_path / "more.csv").write_text("camera_id\ndock-2\n")
    filled("cameras", "import", tmp_path / "more.csv")
    count = "select count(*) as n from mountings"
    assert filled("sql", count, "--json").document == [{"n": 3}]
    assert filled("sql", count, "--as-of", before, "--json").document == [{"n": 2}]


def test_every_question_is_in_the_audit_and_the_chain_holds(filled: Rtcc):
    filled("sql", "select 42 as asked", "--purpose", "analysis", "--case=case_7", "--actor", "ada")
    verified = filled("audit", "verify", "--json").document
    assert verified["holds"]
    assert verified["lines"] > 3
    line = "select actor, purpose, case_id, row_count from audit where question = 'select 42 as asked'"
    assert filled("sql", line, "--json").document == [
        {"actor": "ada", "purpose": "analysis", "case_id": "case_7", "row_count": 1}
    ]


def test_nothing_yet_is_said_beside_an_empty_list(kept_rtcc: Rtcc):
    for command in (("cameras", "list"), ("zones", "list"), ("consent", "list"), ("runs",), ("runs", "list")):
        assert kept_rtcc(*command, "--json").document == []
        said = kept_rtcc(*command)
        assert (said.code, said.out) == (0, "")
        assert said.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["sql", "drop table cameras"], 3, "SELECT", id="a change"),
        pytest.param(["sql", "select * from '/etc/passwd'"], 2, "no table", id="a file"),
        pytest.param(["sql", "selec 1"], 2, "", id="no SQL"),
        pytest.param(["sql", "select * from detektions"], 2, "detections", id="an unknown table"),
        pytest.param(["sql", "  "], 2, "empty", id="an empty statement"),
        pytest.param(["sql", "select 1", "--json", "--csv"], 2, "one of", id="two formats"),
        pytest.param(["sql", "select 1", "--as-of", "yesterday"], 2, "neither", id="an unclear snapshot"),
        pytest.param(["sql", "select 1", "--as-of", "999999"], 4, "snapshot", id="a snapshot that is not"),
        pytest.param(
            ["sql", "select 1", "--parquet", "/no/such/folder/x.parquet"],
            10,
            "cannot be written",
            id="a folder that is not",
        ),
        pytest.param(["sql", "select 1", "--purpose", "curiosity"], 2, "investigation", id="an unknown purpose"),
        pytest.param(["runs", "show", "run_0"], 4, "rtcc runs", id="an unknown run"),
        pytest.param(["coverage", "--camera", "farish-9"], 2, "not in the registry", id="an unknown camera"),
        pytest.param(["coverage", "--camera", "farish-1", "--from", "noon"], 2, "ISO 8601", id="no instant"),
        pytest.param(
            ["coverage", "--camera", "farish-1", "--from", "2026-03-01T10:00"], 2, "time zone", id="no zone"
        ),
        pytest.param(["consent", "withdraw", "con_0"], 4, "con_0", id="an unknown consent"),
        pytest.param(
            ["consent", "grant", "--camera", "store-3", "--grantor", "x", "--for", "fun"],
            2,
            "purpose 'fun'",
            id="consent for fun",
        ),
        pytest.param(
            ["consent", "grant", "--camera", "no", "--grantor", "x", "--for", "audit"],
            2,
            "not in the registry",
            id="consent for no camera",
        ),
        pytest.param(
            ["consent", "grant", "--camera", "store-3", "--grantor", "x", "--for", "audit", "--hours", "8-18"],
            2,
            "08:00-18:00",
            id="unclear hours",
        ),
        pytest.param(["assets", "pull", "yolox-nan"], 5, "yolox-nano", id="an unlisted asset"),
        pytest.param(["index", "/no/such.mp4", "--camera", "farish-1"], 2, "does not exist", id="no footage"),
        pytest.param(
            ["index", "/etc/hostname", "--camera", "farish-1", "--fps", "fast"],
            2,
            "keyframes",
            id="an unclear rate",
        ),
        pytest.param(
            ["index", "/etc/hostname", "--camera", "farish-1", "--fps", "-1"], 2, "0 < fps", id="a negative rate"
        ),
        pytest.param(["index", "/etc/hostname", "--camera", "farish-2"], 2, "farish-1", id="a slip of the pen"),
        pytest.param(
            ["index", "/etc/hostname", "--camera", "a b/c"], 2, "will not do", id="an impossible camera id"
        ),
        pytest.param(
            ["index", "/etc/hostname", "--camera", "farish-1", "--start", "1.3.2026"],
            2,
            "ISO 8601",
            id="an unclear start",
        ),
        pytest.param(
            ["index", "/etc/hostname", "--camera", "farish-1", "--workers", "0"], 2, "workers", id="no workers"
        ),
        pytest.param(["demo", "--footage", "/no/such/folder"], 2, "no folder", id="a demo of nothing"),
        pytest.param(["frobnicate"], 2, "--help", id="an unknown command"),
        pytest.param(["sql"], 2, "SELECT", id="a missing argument"),
    ],
)
def test_rubbish_is_answered_with_a_line_that_helps(asking: Rtcc, arguments: list[str], code: int, words: str):
    answered = asking(*arguments)
    assert (answered.code, answered.out) == (code, "")
    assert words in answered.err
    assert "Traceback" not in answered.err
    assert 1 <= len(answered.err.strip().splitlines()) <= 8


@pytest.mark.parametrize(
    ("place", "code"),
    [
        pytest.param("/proc/nowhere", 10, id="a place that cannot be written"),
        pytest.param("/etc/hostname", 7, id="a file"),
    ],
)
def test_a_home_that_cannot_be_made_is_said(rtcc: Rtcc, monkeypatch: pytest.MonkeyPatch, place: str, code: int):
    monkeypatch.setenv("RTCC_HOME", place)
    made = rtcc("init")
    assert (made.code, made.out) == (code, "")
    assert place in made.err


def test_debug_shows_where_an_error_came_from(asking: Rtcc):
    with pytest.raises(BadInput):
        main(["sql", "selec", "--debug"])


def test_the_doctor_finds_this_machine_fit(asking: Rtcc):
    findings = asking("doctor", "--json")
    verdicts = {finding["what"]: finding["verdict"] for finding in findings.document}
    assert verdicts["python"] == verdicts["extensions"] == verdicts["ports"] == verdicts["keeper"] == "ok"
    assert findings.code == (1 if "fail" in verdicts.values() else 0)


def test_the_doctor_names_what_is_wrong_with_the_settings(kept_rtcc: Rtcc, home_root: Path):
    (home_root / "config.toml").write_text("devise = 'cpu'\n")
    examined = kept_rtcc("doctor")
    assert examined.code == 1
    assert "devise" in examined.out


def test_assets_are_listed_with_licence_and_state(rtcc: Rtcc):
    assets = {row["name"]: row for row in rtcc("assets", "list", "--json").document}
    assert assets["yolox-nano"]["licence"] == "Apache-2.0"
    assert assets["yolox-nano"]["state"] == "missing"
    verified = rtcc("assets", "verify")
    assert verified.code == 5
    assert "rtcc assets pull" in verified.err


def test_a_wrong_asset_is_told_from_a_missing_one(kept_rtcc: Rtcc, home_root: Path):
    (home_root / "assets").mkdir(exist_ok=True)
    (home_root / "assets" / "bikes.mp4").write_bytes(b"other bytes")
    verified = kept_rtcc("assets", "verify")
    assert verified.code == 5
    assert "bikes" in verified.err
    assert "not the listed bytes" in verified.err
