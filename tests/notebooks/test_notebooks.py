"""Every notebook runs from top to bottom on the demo's footage, and shows what its words promise."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from apps.demo import run_demo
from apps.edge import Asking
from ray_jobs.lean_node import python_path
from workbench.assets import AssetStore

FOLDER = Path(__file__).parents[2] / "notebooks"

pytestmark = [pytest.mark.ray, pytest.mark.beside, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory, assets: AssetStore) -> Path:
    """Return a home in which `rtcc demo` has run; assets that were fetched before are not fetched again."""
    root = tmp_path_factory.mktemp("notebooks") / "home"
    fetched = assets.path("bikes").parent if assets.pull("bikes") else None
    assets.pull("yolox-nano")
    if fetched is not None:
        shutil.copytree(fetched, root / "assets")
    run_demo(Asking(root, "notebooks", "", None), None, json=True)
    return root


@pytest.fixture(scope="session")
def shown(demo_home: Path) -> dict[str, list[str]]:
    """Return what each notebook's cells show, as HTML or text, after running it whole."""
    found = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=300, kernel_name="python3")
        environment = {"RTCC_HOME": str(demo_home), "PYTHONPATH": python_path(os.environ.get("PYTHONPATH", ""))}
        client.execute(env=os.environ | environment, cwd=str(demo_home))
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        assert all(output.output_type != "stream" for output in outputs), f"{path.name} prints warnings or noise"
        found[path.stem] = [
            output["data"].get("text/html", output["data"]["text/plain"]) for output in outputs if "data" in output
        ]
    return found


def test_first_look_shows_coverage_a_plot_events_and_a_picture(shown: dict[str, list[str]]) -> None:
    page = "\n".join(shown["first_look"])
    assert "Looked at all" in page
    assert "<svg" in page
    assert "tracks begun" in page
    assert "zone_enter" in page or "line_cross" in page
    assert "data:image/jpeg" in page
    assert "footage" in shown["first_look"][-1], "the audit's last lines hold the picture that was opened"


def test_search_footage_shows_sheets_with_pictures_a_still_and_a_clip(shown: dict[str, list[str]]) -> None:
    sheets = [html for html in shown["search_footage"] if "type='radio'" in html]
    assert len(sheets) >= 3
    assert all("data:image/jpeg" in sheet and "Looked at" in sheet for sheet in sheets)
    page = "\n".join(shown["search_footage"])
    assert "Not seen is not the same as not there." in page
    assert "data:video/mp4" in page
    assert "class='problem'" not in page


def test_measure_impact_says_what_could_be_seen_before_what_was_found(shown: dict[str, list[str]]) -> None:
    guards, power, verdict, table, *drawings, nothing = shown["measure_impact"]
    assert "warns" in guards
    assert "what this study could have found" in power
    assert "What would change it" in verdict
    assert "not causal" in drawings[0]
    assert len(drawings) == 7
    assert all("<svg" in drawing and "<figcaption>" in drawing for drawing in drawings)
    assert "Calibration synthetic control" in table
    # Cameras that change nothing, where crime had been highest: whatever the raw change was, nobody may claim it.
    assert "<h3>Supported" not in nothing
    assert "What would change it" in nothing
