"""Tests that wait more than they work: a camera needs its seconds, and several can take them at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.feeds.faulty import FaultyCamera, FaultyFiles
from tests.workbench.feeds.watched import Home

AT_ONCE = 6
"""Cameras that play at the same time: more would make each other late."""


class Alongside:
    """Runs the tests it decorates beside each other, those of one module that were selected.

    A test is given what it names: `camera`, `home`, `files` (the camera's), `reordered` and `tmp_path`.
    """

    def __init__(self) -> None:
        self._tests: dict[str, Callable[..., None]] = {}
        self._ends: dict[str, Future[None]] = {}

    def __call__(self, test: Callable[..., None]) -> Callable[..., None]:
        name = test.__name__
        self._tests[name] = test

        def waits(
            request: pytest.FixtureRequest, faulty_files: FaultyFiles, reordered: Path,
            tmp_path_factory: pytest.TempPathFactory,
        ) -> None:  # fmt: skip
            if not self._ends:
                self._begin(request, faulty_files, reordered, tmp_path_factory.mktemp("alongside"))
            self._ends[name].result()

        waits.__name__, waits.__doc__ = name, test.__doc__
        return waits

    def _begin(self, request: pytest.FixtureRequest, files: FaultyFiles, reordered: Path, folder: Path) -> None:
        names = {item.name for item in request.session.items if item.path == request.path}
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alongside")
        for name in self._tests:
            if name in names:
                self._ends[name] = pool.submit(self._run, self._tests[name], files, reordered, folder / name)
        pool.shutdown(wait=False)

    def _run(self, test: Callable[..., None], files: FaultyFiles, reordered: Path, folder: Path) -> None:
        folder.mkdir()
        given = {"files": files, "reordered": reordered, "tmp_path": folder}
        wanted = inspect.signature(test).parameters
        with ExitStack() as stack:
            if "camera" in wanted:
                given["camera"] = stack.enter_context(FaultyCamera(files))
            if "home" in wanted:
                given["home"] = Home.made(folder / "home")
            test(**{name: given[name] for name in wanted})
