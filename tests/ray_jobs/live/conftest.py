"""Homes and keepers for tests of live work that need no Ray."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog import lake
from catalog.home import Home
from catalog.keeper import Keeper
from tests.ray_jobs.live.made_live import FARISH, Clock, register
from tests.ray_jobs.live.made_storage import AMITE, Disk, Door, Stored

Look = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty catalog, made once: a copy is as good as a new one, and quicker."""
    home = Home.create(tmp_path_factory.mktemp("live") / "home")
    Keeper(home).close()
    return home.root


@pytest.fixture
def home(empty_home: Path, tmp_path: Path) -> Home:
    shutil.copytree(empty_home, tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(home: Home, clock: Clock) -> Iterator[Keeper]:
    with Keeper(home, clock=clock, commit_every_s=0.0) as keeper:
        yield keeper


@pytest.fixture
def look(home: Home) -> Iterator[Look]:
    """Return a way to look at the catalog as it is now, past every filter."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def rows(sql: str) -> list[tuple[Any, ...]]:
        if not opened:
            opened.append(lake.connect(home, read_only=True, threads=1))
            opened[0].execute("use lake")
        return [tuple(row.values()) for row in opened[0].execute(sql).to_arrow_table().to_pylist()]

    yield rows
    for connection in opened:
        connection.close()


@pytest.fixture
def stored(home: Home, keeper: Keeper, clock: Clock) -> Iterator[Stored]:
    register(keeper, FARISH, AMITE)
    disk = Disk(home)
    stored = Stored(home, keeper, clock, disk, Door(keeper, disk))
    yield stored
    stored.storage.close()
