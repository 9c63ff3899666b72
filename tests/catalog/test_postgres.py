"""The same catalog with its metadata in PostgreSQL: the same code, a real server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import lake
from catalog.audit import AuditLine, verify_chain
from catalog.client import open_door
from catalog.errors import CatalogConflict, KeeperUnavailable, NotFound, StorageFailed
from catalog.home import Home
from catalog.ids import content_id
from catalog.keeper import Keeper
from catalog.writes import Record
from tests.catalog.made_rows import OFFICER, begin, rows_of
from tests.postgres import Postgres, running

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def made_once(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with an empty catalog in the database `made_once`: a copy is as good as a new one, and quicker."""
    home = home_in(server, tmp_path_factory.mktemp("made") / "home", "made_once")
    Keeper(home).close()
    return home


@pytest.fixture
def shared_home(server: Postgres, made_once: Home, tmp_path: Path) -> Home:
    """A home whose catalog is a database of its own on the server."""
    name = content_id("lake", tmp_path)
    home = home_in(server, tmp_path / "home", name, "-T", "made_once")
    shutil.copytree(made_once.lake_path, home.lake_path, dirs_exist_ok=True)
    moved = f"update ducklake_metadata set value = '{home.lake_path}' where key = 'data_path'"
    tell(server, "psql", "-d", name, "-q", "-c", moved)
    return home


def home_in(server: Postgres, root: Path, database: str, *how: str) -> Home:
    """Return a home whose catalog is a new database on the server."""
    tell(server, "createdb", *how, database)
    return home_at(root, server.catalog.replace("dbname=postgres", f"dbname={database}"))


def tell(server: Postgres, program: str, *arguments: str) -> None:
    command = [str(server.programs / program), "-h", str(server.folder), "-U", "rtcc", *arguments]
    subprocess.run(command, check=True, cwd="/")


def home_at(root: Path, catalog: str, **settings: str) -> Home:
    Home.create(root)
    lines = {"catalog": catalog} | settings
    (root / "config.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in lines.items()))
    return Home.open(root)


def look(home: Home, sql: str, **options: Any) -> list[tuple[Any, ...]]:
    with lake.connect(home, read_only=True, threads=1, **options) as connection:
        connection.execute("use lake")
        return [tuple(row.values()) for row in connection.execute(sql).to_arrow_table().to_pylist()]


def test_rows_are_kept_replaced_merged_and_read_as_they_were(shared_home: Home) -> None:
    with Keeper(shared_home, commit_every_s=0.0) as keeper:
        run = begin(keeper)
        then = [keeper.append(OFFICER, rows_of(run.run_id, "farish-1", number)) for number in range(3)][-1]
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1, boxes=7, version=1))
        assert keeper.maintain().merged_files > 0
    count = "select segment_id, count(*)::int from detections group by 1 order by 1"
    assert look(shared_home, count) == [("seg_farish-1_0", 3), ("seg_farish-1_1", 7), ("seg_farish-1_2", 3)]
    assert look(shared_home, "select count(*)::int from past.detections", as_of=then) == [(9,)]


def test_numbers_and_audit_survive_a_new_keeper(shared_home: Home) -> None:
    line = Record(OFFICER, AuditLine("ask", "runs"))
    with Keeper(shared_home) as keeper:
        begin(keeper)
        digest = keeper.submit(line, "w", 4).result()
    with Keeper(shared_home) as keeper:
        assert keeper.submit(line, "w", 4).result() == digest
        head = keeper.head
    with lake.connect(shared_home, read_only=True) as connection:
        assert verify_chain(connection.execute("select * from lake.audit").to_arrow_table()) == head


def test_a_keeper_on_another_machine_is_kept_out(shared_home: Home, tmp_path: Path) -> None:
    elsewhere = home_at(tmp_path / "elsewhere", shared_home.catalog, data_path=shared_home.lake_path)
    with Keeper(shared_home), pytest.raises(KeeperUnavailable, match="another machine"):
        Keeper(elsewhere)
    Keeper(elsewhere).close()


def test_another_data_path_is_a_conflict(shared_home: Home, tmp_path: Path) -> None:
    Keeper(shared_home).close()
    elsewhere = home_at(tmp_path / "elsewhere", shared_home.catalog)
    with pytest.raises(CatalogConflict, match="another data path"):
        Keeper(elsewhere)


def test_a_reader_before_the_first_keeper_is_told_so(server: Postgres, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no catalog yet"):
        lake.connect(home_in(server, tmp_path, "never_kept"), read_only=True)


def test_a_killed_keeper_loses_nothing(shared_home: Home) -> None:
    with open_door(shared_home, wait_s=120) as door:
        run = begin(door)
        for number in range(4):
            door.append(OFFICER, rows_of(run.run_id, "farish-1", number))
            os.kill(door.connect().pid, signal.SIGKILL)
        door.record(OFFICER, AuditLine("ask", "runs"))
        os.kill(door.connect().pid, signal.SIGTERM)
    assert look(shared_home, "select count(*)::int, count(distinct segment_id)::int from detections") == [(12, 4)]


def test_a_server_that_goes_away_and_comes_back_is_an_error_and_no_end(shared_home: Home, server: Postgres) -> None:
    with Keeper(shared_home, commit_every_s=0.0) as keeper:
        run = begin(keeper)
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
        server.stop("immediate")
        try:
            with pytest.raises(StorageFailed):
                keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
        finally:
            server.start()
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
    assert look(shared_home, "select count(*)::int from detections") == [(6,)]
