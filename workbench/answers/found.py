"""Answers with a face of their own: what a search found, what was looked at, what passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa

from workbench.analysis.coverage import Coverage
from workbench.analysis.timeline import Timeline
from workbench.answers.answer import Answer
from workbench.answers.bands import bands
from workbench.answers.contact_sheet import Tile, basis, contact_sheet
from workbench.answers.hits import Hit
from workbench.answers.page import page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHEET_HITS = 24
"""Hits a contact sheet shows: what one looks through at a glance, and what a page can carry (about 1 MB)."""


class SearchAnswer(Answer):
    """Tracks that fit a search, best first; shows itself as a contact sheet of stills.

    Its rows are `Hit`s: `hits[3]` goes into `bench.still` and `bench.clip`.
    """

    def __init__(
        self,
        table: pa.Table,
        question: str,
        zone: ZoneInfo,
        coverage: Coverage,
        limit: int,
        tiles: Callable[[Sequence[Hit]], list[Tile]],
    ) -> None:
        super().__init__(table, question, zone)
        self.coverage = coverage
        """What was looked at to answer, and what was not."""
        self._limit = limit
        self._tiles = tiles

    def __iter__(self) -> Iterator[Hit]:
        return (Hit.from_row(row) for row in super().__iter__())

    def _with(self, table: pa.Table) -> SearchAnswer:
        return SearchAnswer(table, self.question, self.zone, self.coverage, self._limit, self._tiles)

    def __repr__(self) -> str:
        columns = [
            "label",
            "colour",
            "camera_id",
            "best_seen_at",
            "confidence",
            "start_at",
            "last_seen_at",
            "track_id",
        ]
        lines = Answer(self._table.select(columns), self.question, self.zone).__repr__().splitlines()
        lines[0] = f"{self.question} · {len(self)} found"
        return "\n".join([lines[0], self.coverage.words(), *lines[1:]])

    def to_html(self) -> str:
        """Return the contact sheet: the stills are opened now, permitted and written down."""
        hits = list(self)
        tiles = self._tiles(hits[:SHEET_HITS])
        return contact_sheet(self.question, hits, tiles, self.coverage, self.zone, limit=self._limit)

    def save(self, path: Path | str) -> Path:
        """Write the contact sheet as a page of its own, and return the path."""
        path = Path(path)
        path.write_text(
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(self.question)}</title>"
            f"<body style='margin:24px;background:Canvas;color-scheme:light dark'>{self.to_html()}</body></html>",
            encoding="utf-8",
        )
        return path

    def _repr_html_(self) -> str:
        return self.to_html()


class CoverageAnswer(Answer):
    """How much of each camera's footage was looked at, and what is missing."""

    def __init__(self, coverage: Coverage, question: str, zone: ZoneInfo) -> None:
        super().__init__(_coverage_table(coverage), question, zone)
        self.coverage = coverage

    def __repr__(self) -> str:
        lines = super().__repr__().splitlines()
        return "\n".join([lines[0], self.coverage.words(), *lines[1:]])

    def _repr_html_(self) -> str:
        return page(self.question, basis(self.coverage), bands(self.coverage, (), self.zone), self._table_html())


class TimelineAnswer(Answer):
    """Tracks in view over time; shows itself as a plot."""

    def __init__(self, passed: Timeline, coverage: Coverage, question: str, zone: ZoneInfo) -> None:
        super().__init__(_timeline_table(passed), question, zone)
        self.passed = passed
        self.coverage = coverage

    def __repr__(self) -> str:
        lines = super().__repr__().splitlines()
        return "\n".join([lines[0], self.coverage.words(), *lines[1:]])

    def figure(self) -> Figure:
        """Return the plot as a matplotlib figure, to change or to save."""
        from workbench.answers.figures import passing_figure

        return passing_figure(self.passed, self.coverage, self.zone)

    def _repr_html_(self) -> str:
        from workbench.answers.figures import bin_words, themed_svg

        counts = self.passed.begun.sum(axis=1).tolist()
        said = ", ".join(f"{label} {n}" for label, n in zip(self.passed.labels, counts, strict=True)) or "nothing"
        words = f"Tracks in view by {bin_words(self.passed.bin_s)}: {said}"
        return page(
            self.question,
            f"<p class='found'><b>{sum(counts):,} tracks begun</b> · {escape(said)}</p>",
            basis(self.coverage),
            f"<div class='plot'>{themed_svg(self.figure(), words)}</div>",
            "<p class='note'>A track counts in every bin in which it was in view. Hatched: nobody looked.</p>",
        )


def _coverage_table(coverage: Coverage) -> pa.Table:
    cameras = coverage.cameras
    return pa.table(
        {
            "camera_id": pa.array([camera.camera_id for camera in cameras], pa.string()),
            "name": pa.array([camera.name for camera in cameras], pa.string()),
            "footage_s": pa.array([camera.footage_s for camera in cameras], pa.float64()),
            "looked_at_s": pa.array([camera.looked_at_s for camera in cameras], pa.float64()),
            "not_looked_at_s": pa.array(
                [camera.footage_s - camera.looked_at_s for camera in cameras], pa.float64()
            ),
            "gaps": pa.array([len(camera.gaps) for camera in cameras], pa.int64()),
            "samplings": pa.array([list(camera.samplings) for camera in cameras], pa.list_(pa.string())),
        }
    )


def _timeline_table(passed: Timeline) -> pa.Table:
    bins, kinds = passed.counts.shape[1], len(passed.labels)
    starts = passed.edges[:-1].tolist()
    return pa.table(
        {
            "start_at": pa.array(starts * kinds, pa.timestamp("us", "UTC")),
            "label": pa.array([label for label in passed.labels for _ in range(bins)], pa.string()),
            "in_view": pa.array(passed.counts.ravel(), pa.int64()),
            "begun": pa.array(passed.begun.ravel(), pa.int64()),
        }
    ).sort_by([("start_at", "ascending"), ("label", "ascending")])
