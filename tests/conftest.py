"""What many tests need: weights and footage by digest, an empty catalog, and a CUDA device where there is one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
import hypothesis
import pytest

from catalog import lake
from catalog.home import Home
from catalog.keeper import Keeper
from workbench.assets import AssetStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]

Look = Callable[[str], list[tuple[Any, ...]]]
"""Rows of the catalog as it is now."""

# Before a schema is checked anywhere: the checker would build a grammar nobody needs, see ray_jobs/lean_node.py.
cast(dict[str, Any], sys.modules).setdefault("rfc3987_syntax", None)

# How long an example takes says how busy the machine is, not whether a law holds.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


OPERATORS_CLUSTERS = (
    "tests/deploy/test_firewall.py",
    "tests/ray_jobs/test_cluster.py",
    "tests/ray_jobs/test_submit.py",
)
"""What starts Ray as an operator does: on ports of Ray's own choice, which two that start at once may both want."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Give out tests by file, and all files that start operators' clusters to one process."""
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "operators' clusters" if file in OPERATORS_CLUSTERS else file

    return Files(config, log)


@pytest.fixture(scope="session")
def assets() -> AssetStore:
    """Return a store that outlives the test run; `RTCC_ASSETS` names another folder, e.g. one filled before."""
    return AssetStore(Path(os.environ.get("RTCC_ASSETS") or ROOT / ".cache" / "assets"))


@pytest.fixture(scope="session")
def yolox_weights(assets: AssetStore) -> Path:
    """Return the detector's weights; a test that needs them fails, saying why, where they cannot be had."""
    return assets.pull("yolox-nano")


@pytest.fixture(scope="session")
def bikes_footage(assets: AssetStore) -> Path:
    """Return ten seconds of real street footage; a test that needs it fails where it cannot be had."""
    return assets.pull("bikes")


@pytest.fixture
def cuda() -> str:
    """Return a CUDA device's name; without one the test is left out, or fails where `RTCC_GPU=1` promised one."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if os.environ.get("RTCC_GPU") == "1":
        pytest.fail("RTCC_GPU=1 promises a CUDA device, but torch sees none")
    pytest.skip("this machine has no CUDA device")


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty catalog, made once: a copy is as good as a new one, and quicker."""
    home = Home.create(tmp_path_factory.mktemp("empty") / "home")
    Keeper(home).close()
    return home.root


@pytest.fixture
def kept_home(empty_home: Path, tmp_path: Path) -> Home:
    shutil.copytree(empty_home, tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture
def keeper(kept_home: Home, clock: Callable[[], datetime]) -> Iterator[Keeper]:
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        yield keeper


@pytest.fixture
def look(kept_home: Home) -> Iterator[Look]:
    """Return a way to look at the catalog as it is now, past every filter."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def rows(sql: str) -> list[tuple[Any, ...]]:
        if not opened:
            opened.append(lake.connect(kept_home, read_only=True, threads=1))
            opened[0].execute("use lake")
        return [tuple(row.values()) for row in opened[0].execute(sql).to_arrow_table().to_pylist()]

    yield rows
    for connection in opened:
        connection.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file."""
    from tests.browsing import launched

    with launched() as browser:
        yield browser
