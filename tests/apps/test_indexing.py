"""`rtcc index` and `rtcc demo`, whole: real footage in, one JSON document out, the same again the second time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from apps.demo_scenes import SCENES
from tests.apps.command import Rtcc
from workbench.assets import ASSETS

pytestmark = [pytest.mark.ray, pytest.mark.beside, pytest.mark.slow]

FIGURES = ("run_id", "camera_seconds", "frames", "detections", "tracks", "events", "gaps")


@pytest.fixture
def stocked(rtcc: Rtcc, home_root: Path, yolox_weights: Path, bikes_footage: Path) -> Rtcc:
    """Return the command over a home that has the required assets already."""
    rtcc("init")
    (home_root / "assets").mkdir(exist_ok=True)
    for path in (yolox_weights, bikes_footage):
        shutil.copy(path, home_root / "assets" / path.name)
    return rtcc


def test_index_prints_one_document_and_the_same_figures_again(stocked: Rtcc, bikes_footage: Path):
    command = ("index", bikes_footage, "--camera", "new-1", "--start", "2026-03-02T08:00:00-06:00", "--json")
    first = stocked(*command)
    assert first.code == 0
    assert "was not in the registry" in first.err
    assert {*FIGURES, "wall_s"} <= set(first.document)
    assert first.document["camera_seconds"] == pytest.approx(10.0)
    assert first.document["detections"] > 0
    again = stocked(*command)
    assert [again.document[name] for name in FIGURES] == [first.document[name] for name in FIGURES]
    assert again.document["segments_skipped"] == 1
    counted = stocked("sql", "select count(*) as n, min(seen_at) as first from detections", "--json").document
    assert counted[0]["n"] == first.document["detections"]
    assert counted[0]["first"] >= "2026-03-02T14:00:00Z"


def test_footage_nothing_can_be_read_from_leaves_a_gap_and_says_so(stocked: Rtcc, tmp_path: Path):
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(b"no video " * 1000)
    ran = stocked("index", rubbish, "--camera", "new-1", "--json")
    assert ran.code == 2
    assert (ran.document["segments"], ran.document["gaps"]) == (0, 1)
    assert "rubbish.mp4" in ran.err
    assert "Traceback" not in ran.err
    (gap,) = stocked("coverage", "--camera", "new-1", "--json").document
    assert gap["reason"] == "undecodable"


def test_the_demo_takes_a_folder_one_camera_a_file_or_sub_folder(
    stocked: Rtcc, tmp_path: Path, bikes_footage: Path
):
    folder = tmp_path / "footage"
    (folder / "north gate").mkdir(parents=True)
    shutil.copy(bikes_footage, folder / "south.mp4")
    shutil.copy(bikes_footage, folder / "north gate" / "a.mp4")
    (folder / "notes.txt").write_text("no video")
    document = stocked("demo", "--footage", folder, "--json").document
    assert {row["camera_id"] for row in document["cameras"]} == {"north-gate", "south"}
    assert all(row["detections"] > 0 for row in document["cameras"])


def test_an_empty_folder_is_no_demo(stocked: Rtcc, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    ran = stocked("demo", "--footage", tmp_path / "empty")
    assert ran.code == 2
    assert "holds no video" in ran.err


def test_every_scene_is_a_listed_clip_with_zones_inside_its_picture():
    footage = {asset.name for asset in ASSETS if asset.kind == "footage"}
    assert {scene.asset for scene in SCENES} == footage
    for scene in SCENES:
        _, mounting, zones = scene.registered()
        assert (mounting.frame_width_px, mounting.frame_height_px) == scene.frame_wh_px
        width, height = scene.frame_wh_px
        for zone in zones:
            assert all(0 <= x <= width and 0 <= y <= height for x, y in zone.points_px)
