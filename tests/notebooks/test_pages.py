"""Notebooks are pages: headings, sentences, few lines of named things; nothing saved, nothing defined."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
PAGES = sorted(FOLDER.glob("*.ipynb"))
ALLOWED = ("workbench", "ray_jobs.client")
MOST_LINES = 12

pytestmark = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def imported(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append("." * node.level + (node.module or ""))
    return names


def test_it_imports_the_workbench_and_nothing_else(path: Path) -> None:
    for source in cells(path, "code"):
        for name in imported(ast.parse(source)):
            assert any(name == room or name.startswith(room + ".") for room in ALLOWED), f"{name} in {source!r}"


def test_it_defines_nothing_and_keeps_its_cells_short(path: Path) -> None:
    for source in cells(path, "code"):
        defined = [
            n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.Lambda))
        ]
        assert not defined, source
        assert 0 < len(source.splitlines()) <= MOST_LINES, source


def test_nothing_that_it_once_showed_is_saved(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_it_reads_as_a_page(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("# ")
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "markdown":
            assert cell.source.startswith("## ") or before.cell_type == "code"
            assert len(cell.source.splitlines()[-1].split()) >= 6, "a heading is followed by a sentence"
