"""What the kernel does for a page: it mounts it, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

from workbench.widgets.bundle import page_files
from workbench.widgets.impact import Impact
from workbench.widgets.operations import Operations
from workbench.widgets.phone import Phone
from workbench.widgets.supervisor import Supervisor

APPS = Path(__file__).parents[3] / "apps"
WIDGETS = {"operations": Operations, "supervisor": Supervisor, "phone": Phone, "impact": Impact}


@pytest.mark.parametrize("page", WIDGETS)
def test_its_loader_is_ten_lines_and_names_the_bundled_files(page: str):
    told = WIDGETS[page]()._esm
    assert page_files(page).js in told
    assert page_files(page).css in told
    assert len(told.strip().splitlines()) <= 10
    assert "http" not in told


@pytest.mark.parametrize("page", WIDGETS)
def test_nothing_but_how_it_is_mounted_goes_through_the_kernel(page: str):
    own = set(WIDGETS[page]().trait_names(sync=True)) - set(WIDGETS[page].__mro__[2]().trait_names(sync=True))
    assert own | {"height"} <= {"height", "alert_id", "study", "_esm"}


@pytest.mark.parametrize("page", WIDGETS)
def test_its_notebook_has_one_import_and_one_widget(page: str):
    notebook = nbformat.read(APPS / f"{page}.ipynb", as_version=4)
    nbformat.validate(notebook)
    (cell,) = notebook.cells
    imported, made = ast.parse(cell.source).body
    assert isinstance(imported, ast.ImportFrom)
    assert imported.module == f"workbench.widgets.{page}"
    assert ast.unparse(made) == f"{imported.names[0].name}()"
    assert (cell.outputs, cell.execution_count) == ([], None)
    scope: dict[str, object] = {}
    exec(cell.source, scope)
    assert scope[imported.names[0].name] is WIDGETS[page]
