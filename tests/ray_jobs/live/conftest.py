"""Homes and keepers for tests of live work that need no Ray."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog import lake
from catalog.home import Home
from catalog.keeper import Keeper
from tests.ray_jobs.live.made_live import BEGUN_AT

Look = Callable[[str], list[tuple[Any, ...]]]


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = BEGUN_AT

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


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
