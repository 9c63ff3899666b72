"""Homes and keepers for tests of live work that need no Ray."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.home import Home
from catalog.keeper import Keeper
from tests.ray_jobs.live.made_live import FARISH, Clock, register
from tests.ray_jobs.live.made_storage import AMITE, Disk, Door, Stored


@pytest.fixture
def home(kept_home: Home) -> Home:
    return kept_home


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stored(home: Home, keeper: Keeper, clock: Clock) -> Iterator[Stored]:
    register(keeper, FARISH, AMITE)
    disk = Disk(home)
    stored = Stored(home, keeper, clock, disk, Door(keeper, disk))
    yield stored
    stored.storage.close()
