"""A home of its own for every test of the command."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.home import Home
from tests.apps.command import Rtcc, runner
from tests.keeping import keeping


@pytest.fixture
def home_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "home"
    monkeypatch.setenv("RTCC_HOME", str(root))
    return root


@pytest.fixture
def rtcc(home_root: Path, capsys: pytest.CaptureFixture[str]) -> Rtcc:
    """Return the command over a home that is not there yet."""
    return runner(capsys)


@pytest.fixture
def kept_rtcc(rtcc: Rtcc, home_root: Path, empty_home: Path) -> Iterator[Rtcc]:
    """Return the command over an empty home whose keeper runs already."""
    shutil.copytree(empty_home, home_root)
    with keeping(Home.open(home_root)):
        yield rtcc
