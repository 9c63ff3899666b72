"""Cameras for the tests of live feeds, and a home to record into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feeds.conftest import camera, faulty_files  # noqa: F401
from tests.workbench.feeds.watched import Home, as_coded


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.made(tmp_path / "home")


@pytest.fixture(scope="session")
def reordered(faulty_files, tmp_path_factory) -> Path:  # noqa: F811
    """Return the camera's footage as H.264 with two B-frames between others."""
    told = {"preset": "veryfast", "bf": "2", "g": "6", "keyint_min": "6", "sc_threshold": "0", "b_strategy": "0"}
    return as_coded(faulty_files.well, tmp_path_factory.mktemp("reordered") / "b.mp4", "libx264", told)
