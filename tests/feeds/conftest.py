"""Feeds that are prepared once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.feeds.prepare import prepare_feed
from apps.feeds.server import FeedServer
from tests.feeds.faulty import FaultyCamera, FaultyFiles


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two seconds of one street in two sizes."""
    folder = tmp_path_factory.mktemp("feeds")
    for name, width_px in (("main.mp4", 640), ("sub.mp4", 320)):
        prepare_feed(None, folder / name, width_px=width_px, fps=15, gop_s=0.4, seconds=2)
    return folder


@pytest.fixture(scope="module")
def feeds(folder: Path) -> Iterator[FeedServer]:
    with FeedServer(folder, live={"clock.mp4": folder / "sub.mp4"}) as server:
        yield server


@pytest.fixture(scope="session")
def faulty_files(tmp_path_factory: pytest.TempPathFactory) -> FaultyFiles:
    return FaultyFiles.make(tmp_path_factory.mktemp("faulty"))


@pytest.fixture
def camera(faulty_files: FaultyFiles) -> Iterator[FaultyCamera]:
    with FaultyCamera(faulty_files) as camera:
        yield camera
