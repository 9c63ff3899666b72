"""A home of its own for every test of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.apps.command import Rtcc, runner


@pytest.fixture
def home_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "home"
    monkeypatch.setenv("RTCC_HOME", str(root))
    return root


@pytest.fixture
def rtcc(home_root: Path, capsys: pytest.CaptureFixture[str]) -> Rtcc:
    return runner(capsys)
