from __future__ import annotations

from pathlib import Path

import pytest

from catalog import lake, migrations
from catalog.casework import Alert
from catalog.errors import CatalogConflict, NotFound
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.reader import Reader
from catalog.registry import Camera
from tests.catalog.made_rows import BEGUN_AT, OFFICER, begin, rows_of
from tests.conftest import Look


def test_files_are_numbered_without_holes() -> None:
    assert [migration.number for migration in migrations.migrations()] == list(range(len(migrations.migrations())))


def test_each_is_applied_once(kept_home: Home, look: Look) -> None:
    before = look("select max(snapshot_id) from lake.snapshots()")
    Keeper(kept_home).close()
    assert look("select max(snapshot_id) from lake.snapshots()") == before
    assert look("select number, name from migrations order by number") == [
        (migration.number, migration.name) for migration in migrations.migrations()
    ]


def test_every_table_and_column_says_what_it_is(kept_home: Home, look: Look) -> None:
    assert (
        look(
            "select table_name, column_name from duckdb_columns() where database_name = 'lake' and comment is null"
        )
        == []
    )
    assert look("select table_name from duckdb_tables() where database_name = 'lake' and comment is null") == []


def test_a_catalog_newer_than_the_code_is_refused_to_keeper_and_readers(kept_home: Home) -> None:
    with lake.connect(kept_home, read_only=False) as connection:
        connection.execute("insert into lake.migrations values (9999, '9999_tomorrow.sql', 'x')")
    with pytest.raises(CatalogConflict, match="9999"):
        Keeper(kept_home)
    with pytest.raises(CatalogConflict, match="9999"):
        lake.connect(kept_home, read_only=True)


def test_an_edited_schema_file_is_refused(kept_home: Home) -> None:
    with lake.connect(kept_home, read_only=False) as connection:
        connection.execute("update lake.migrations set sha256 = 'x' where number = 1")
    with pytest.raises(CatalogConflict, match="never edited"):
        Keeper(kept_home)


def test_a_reader_of_an_older_catalog_is_told_to_start_the_keeper(kept_home: Home) -> None:
    with lake.connect(kept_home, read_only=False) as connection:
        connection.execute("delete from lake.migrations where number = 2")
    with pytest.raises(CatalogConflict, match="start the keeper"):
        lake.connect(kept_home, read_only=True)


def test_a_reader_of_an_empty_home_is_told_so(tmp_path) -> None:
    with pytest.raises(NotFound, match="holds no catalog yet"):
        lake.connect(Home.create(tmp_path), read_only=True)


def test_detections_lie_by_day(keeper: Keeper) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 24 * 60))
    folders = keeper.home.root.glob("lake/main/detections/year=*/month=*/day=*")
    assert sorted(folder.name for folder in folders) == ["day=1", "day=2"]


def test_a_home_may_be_moved(kept_home: Home, tmp_path) -> None:
    with Keeper(kept_home) as keeper:
        begin(keeper)
    moved = Home.open(kept_home.root.rename(tmp_path / "elsewhere"))
    with lake.connect(moved, read_only=True) as connection:
        assert connection.execute("select camera_id from lake.cameras").fetchall() == [("farish-1",)]
    with Keeper(moved) as keeper:
        keeper.append(OFFICER, rows_of("run_farish-1", "farish-1", 0))


def test_a_catalog_from_before_live_comes_up_and_can_still_be_read_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.create(tmp_path / "home")
    before = migrations.migrations()[:3]
    with monkeypatch.context() as old, lake.connect(home, read_only=False) as connection:
        old.setattr(migrations, "migrations", lambda: before)
        migrations.migrate(connection)
        for camera_id, uri in (("a", "rtsp://me:word@h/1"), ("b", "rtsp://h/2"), ("c", None)):
            connection.execute(
                "insert into lake.cameras values (?, 'x', 'city', 'city', 'city', 'continuous', 'street', ?)",
                [camera_id, uri],
            )
        connection.execute(
            "insert into lake.alerts (alert_id, kind, priority, raised_at) values ('alr_0', 'panic', 'P1', ?)",
            [BEGUN_AT],
        )
        then = connection.execute("select id from lake.current_snapshot()").fetchone()
    assert then is not None
    with Keeper(home) as keeper:
        keeper.register(OFFICER, cameras=[Camera("d", "d", sub_stream_uri="rtsp://h/4", keep_days=2.0)])
        keeper.raise_alerts(OFFICER, [Alert("alr_0", "panic", None, None, "P2", BEGUN_AT, BEGUN_AT)])
        with Reader(home, OFFICER, keeper) as reader:
            assert [row["stream_uri"] for row in reader.ask("cameras").to_pylist()] == [
                None,
                "rtsp://h/2",
                None,
                None,
            ]
            (alert,) = reader.ask("open_alerts").to_pylist()
            assert (alert["priority"], alert["onset_at"], alert["detail"]) == ("P1", BEGUN_AT, "")
        with Reader(home, OFFICER, keeper, as_of=then[0]) as reader:
            asked = reader.ask("cameras").to_pylist()
            assert [(row["camera_id"], row["sub_stream_uri"], row["keep_days"]) for row in asked] == [
                ("a", None, None), ("b", None, None), ("c", None, None),
            ]  # fmt: skip
            assert reader.ask("open_alerts")["onset_at"].to_pylist() == [BEGUN_AT]
            assert reader.ask("footage_oldest").num_rows == 0
            assert reader.ask("holds_open").num_rows == 0


def test_the_catalog_can_be_read_as_it_was(keeper: Keeper) -> None:
    run = begin(keeper)
    then = keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    with lake.connect(keeper.home, read_only=True) as connection:
        kept_at = (
            connection.execute("select max(snapshot_time) from lake.snapshots()").to_arrow_table()[0][0].as_py()
        )
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0, boxes=9, version=1))
    for as_of in (then, kept_at):
        with lake.connect(keeper.home, read_only=True, as_of=as_of) as connection:
            counts = connection.execute(
                "select (select count(*) from past.detections), (select count(*) from lake.detections)"
            ).fetchone()
        assert counts == (3, 9)
    with pytest.raises(NotFound, match="no such snapshot"):
        lake.connect(keeper.home, read_only=True, as_of=10_000)
