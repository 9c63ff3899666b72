"""The folder a study hands over: its findings, its figures, a page and a document, all there or none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import BadInput
from workbench.designs.findings import Findings
from workbench.impact_report.document import compose
from workbench.impact_report.drawing import Drawing
from workbench.impact_report.figures import draw_all
from workbench.impact_report.html_page import html_of
from workbench.impact_report.pdf_pages import pdf_of
from workbench.impact_report.records import findings_json

FILES = ("findings.json", "figures.json", "report.html", "report.pdf", "figures")
"""All that a report's folder may hold; a folder with anything else in it is never replaced."""


@dataclass(frozen=True)
class ReportFiles:
    """Where a report's parts lie."""

    folder: Path
    findings: Path
    page: Path
    document: Path
    figures_list: Path
    """A list of the figures with title, text alternative, caption and files, as JSON."""
    figures: tuple[Path, ...]
    """SVG, PNG and CSV of each figure."""


def write_report(findings: Findings, folder: Path) -> ReportFiles:
    """Write a study's report to `folder`, which is made, or replaced if it holds an earlier report.

    Everything is written beside it first and then takes its place in one step, so that whoever looks finds
    an earlier report, this one, or (between two renames, for an earlier report) none: never half of one.

    Raises
    ------
    BadInput
        When `folder` is a file, or a folder with something in it that no report wrote.
    """
    _check(folder)
    return write_drawn(findings, draw_all(findings), folder)


def write_drawn(findings: Findings, drawings: tuple[Drawing, ...], folder: Path) -> ReportFiles:
    """Write a study's report whose figures are drawn already; as `write_report` otherwise."""
    _check(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _fill(part, findings, drawings)
        _take_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return ReportFiles(
        folder, folder / "findings.json", folder / "report.html", folder / "report.pdf", folder / "figures.json",
        tuple(folder / file for drawing in drawings for file in _files(drawing).values()),
    )  # fmt: skip


def _check(folder: Path) -> None:
    if folder.is_file():
        raise BadInput(f"report at {folder}: a file of that name is there; name a folder")
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.is_dir() else []
    if foreign:
        raise BadInput(
            f"report at {folder}: the folder holds {foreign[0]!r}, which no report wrote; name an empty one"
        )


def _fill(folder: Path, findings: Findings, drawings: tuple[Drawing, ...]) -> None:
    report = compose(findings, drawings)
    _write(folder / "findings.json", findings_json(findings).encode())
    _write(folder / "figures.json", figures_json(drawings).encode())
    _write(folder / "report.html", html_of(report).encode())
    _write(folder / "report.pdf", pdf_of(report))
    (folder / "figures").mkdir()
    for drawing in drawings:
        files = _files(drawing)
        _write(folder / files["svg"], drawing.svg.encode())
        _write(folder / files["png"], drawing.png)
        _write(folder / files["csv"], drawing.csv.encode())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _take_place(part: Path, folder: Path) -> None:
    """Put the finished folder in its place; a folder that is there steps aside first, no rename replaces one."""
    part.chmod(0o755)
    if not folder.exists():
        part.rename(folder)
        return
    before = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        folder.rename(before / "before")
        part.rename(folder)
    finally:
        if not folder.exists() and (before / "before").exists():
            (before / "before").rename(folder)
        shutil.rmtree(before, ignore_errors=True)


def _files(drawing: Drawing) -> dict[str, str]:
    return {ending: f"figures/{drawing.name}.{ending}" for ending in ("svg", "png", "csv")}


def figures_json(drawings: tuple[Drawing, ...]) -> str:
    """Return the list a page shows the figures by, in reading order: `[{name, title, alt, caption, files}]`."""
    listed = [
        {"name": drawing.name, "title": drawing.title, "alt": drawing.alt, "caption": drawing.caption,
         "files": _files(drawing)}
        for drawing in drawings
    ]  # fmt: skip
    return json.dumps(listed, ensure_ascii=False, indent=1) + "\n"
