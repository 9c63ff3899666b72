"""Progress on standard error: bars where somebody watches a terminal, plain lines where it goes to a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from ray_jobs.config import Progress, Report

PLAIN_STEP = 0.25
"""Share of a stage after which a plain line is written: five lines a camera, not one a segment."""

WORDS = {"import": "taking in", "index": "indexing"}


class PlainLines:
    """Progress for logs."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}

    def __call__(self, progress: Progress) -> None:
        """Write a line when a stage has come a good way further."""
        share = progress.done_s / progress.total_s if progress.total_s else 1.0
        key = (progress.camera_id, progress.stage)
        if share < 1 and share - self._said.get(key, 0.0) < PLAIN_STEP:
            return
        if self._said.get(key) == 1.0:
            return
        self._said[key] = min(share, 1.0)
        unit = "files" if progress.stage == "import" else "s"
        print(
            f"{WORDS[progress.stage]} {progress.camera_id}: {progress.done_s:.0f} of {progress.total_s:.0f} {unit}",
            file=sys.stderr, flush=True,
        )  # fmt: skip


class BarReport:
    """Progress for people: one bar a camera and stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        """Move the stage's bar."""
        key = (progress.camera_id, progress.stage)
        if key not in self._tasks:
            words = f"{WORDS[progress.stage]} {progress.camera_id}"
            self._tasks[key] = self._bars.add_task(words, total=progress.total_s)
        self._bars.update(self._tasks[key], completed=progress.done_s, total=progress.total_s)


@contextmanager
def progress_report() -> Iterator[Report]:
    """Yield what a job tells its progress to."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield BarReport(bars)
