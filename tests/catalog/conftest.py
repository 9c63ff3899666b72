"""Homes and keepers for tests of the catalog."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from catalog.home import Home
from tests.catalog.filled import fill
from tests.catalog.made_rows import BEGUN_AT


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = BEGUN_AT + timedelta(days=1)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def filled_home(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A filled catalog that tests of the read door share; they only read it."""
    root = tmp_path_factory.mktemp("filled") / "home"
    shutil.copytree(empty_home, root)
    home = Home.open(root)
    fill(home)
    return home
