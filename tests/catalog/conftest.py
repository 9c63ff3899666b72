"""A filled catalog that tests of the read door share; they only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.home import Home
from tests.catalog.filled import fill


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root: Path = tmp_path_factory.mktemp("filled")
    home = Home.create(root)
    fill(home)
    return home
