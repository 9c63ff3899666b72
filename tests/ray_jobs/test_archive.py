"""The archive job, whole: footage in, rows out, whoever dies on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.access import Access
from catalog.client import open_door
from catalog.consent import Consent
from catalog.errors import AssetError, BadInput, NotPermitted, UnknownCamera
from catalog.home import Home
from catalog.reader import Reader
from catalog.registry import Camera, Mounting
from catalog.spans import EPOCH, Span
from catalog.whereabouts import find
from ray_jobs.cluster import Cluster
from ray_jobs.config import CameraFootage
from ray_jobs.summary import IndexSummary
from tests.ray_jobs.made_job import (
    ACCESS,
    CAMERA_ID,
    CONFIG,
    START_AT,
    clock,
    footage_of,
    home_with_camera,
    killer,
    rows_of,
    workers,
)
from tests.synthetic import flip_bytes

pytestmark = [pytest.mark.ray, pytest.mark.beside, pytest.mark.slow]

COPIES = 4

FIGURES = ("camera_seconds", "frames", "frames_held", "frames_decoded", "detections", "tracks", "events", "gaps")


def index(home: Home, footage: CameraFootage, cluster: Cluster, **options: object) -> IndexSummary:
    from ray_jobs.archive import index as job

    (summary,) = job(home, ACCESS, [footage], CONFIG, cluster, clock=clock, **options)  # type: ignore[arg-type]
    return summary


@pytest.fixture(scope="module")
def undisturbed(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, yolox_weights: Path, bikes_footage: Path
) -> tuple[CameraFootage, IndexSummary, dict[str, list[tuple[object, ...]]], Home]:
    """Return footage, and what a run that nobody disturbed makes of it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    footage = footage_of(bikes_footage, folder / "footage", COPIES)
    home = home_with_camera(folder / "home", yolox_weights)
    return footage, index(home, footage, cluster), rows_of(home), home


def test_real_footage_becomes_detections_tracks_and_events(undisturbed):
    _, summary, rows, _ = undisturbed
    assert summary.segments == COPIES
    assert summary.camera_seconds == pytest.approx(10.0 * COPIES)
    assert summary.frames + summary.frames_held == pytest.approx(20 * COPIES, abs=2)
    assert summary.detections == len(rows["detections"]) > 0
    assert summary.tracks > 0
    assert summary.events > 0
    assert {row[0] for row in rows["memories"]} == {summary.run_id}
    assert len(rows["memories"]) == len(rows["analyses"]) == COPIES


def test_the_same_command_again_writes_nothing_and_says_the_same(undisturbed, cluster: Cluster):
    footage, first, rows, home = undisturbed
    again = index(home, footage, cluster)
    assert again.run_id == first.run_id
    assert again.segments_skipped == COPIES
    assert [getattr(again, name) for name in FIGURES] == [getattr(first, name) for name in FIGURES]
    assert again.x_realtime is None
    assert rows_of(home) == rows


def kill_worker(name: str) -> Callable[[Home], None]:
    def kill(home: Home) -> None:
        process = workers(name)[0]
        process.kill()

    return kill


def kill_keeper(home: Home) -> None:
    where = find(home)
    assert where is not None
    os.kill(where.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(kill_worker("Detect"), id="detector"),
        pytest.param(kill_worker("Follow"), id="follower"),
        pytest.param(kill_keeper, id="keeper"),
    ],
)
def test_whoever_is_killed_the_rows_are_the_same(
    kill, undisturbed, cluster: Cluster, tmp_path: Path, yolox_weights
):
    footage, first, rows, _ = undisturbed
    home = home_with_camera(tmp_path / "home", yolox_weights)
    killed: list[int] = []

    def strike() -> None:
        kill(home)
        killed.append(1)

    summary = index(home, footage, cluster, report=killer(strike, at=(1, 3)))
    assert killed
    assert rows_of(home) == rows
    assert [getattr(summary, name) for name in FIGURES] == [getattr(first, name) for name in FIGURES]


def test_a_job_that_stopped_half_way_goes_on_where_it_was(
    undisturbed, cluster: Cluster, tmp_path: Path, yolox_weights
):
    footage, first, rows, _ = undisturbed
    home = home_with_camera(tmp_path / "home", yolox_weights)

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        index(home, footage, cluster, report=killer(stop, at=(1,)))
    summary = index(home, footage, cluster)
    assert summary.segments_skipped > 0
    assert rows_of(home) == rows
    assert [getattr(summary, name) for name in FIGURES] == [getattr(first, name) for name in FIGURES]


def test_footage_in_two_commands_gives_the_rows_of_one(
    undisturbed, cluster: Cluster, tmp_path: Path, yolox_weights
):
    footage, _, rows, _ = undisturbed
    home = home_with_camera(tmp_path / "home", yolox_weights)
    index(home, replace(footage, paths=footage.paths[:2]), cluster)
    index(home, footage, cluster)
    assert rows_of(home) == rows


def test_a_damaged_file_gives_what_can_be_read_and_a_gap(
    cluster: Cluster, tmp_path: Path, yolox_weights: Path, bikes_footage: Path
):
    home = home_with_camera(tmp_path / "home", yolox_weights)
    damaged = flip_bytes(bikes_footage, tmp_path / "damaged.mp4", places=6)
    summary = index(home, CameraFootage(CAMERA_ID, (damaged,), START_AT), cluster)
    assert summary.frames > 0
    assert summary.gaps > 0
    again = index(home, CameraFootage(CAMERA_ID, (damaged,), START_AT), cluster)
    assert again.gaps == summary.gaps


def test_a_file_that_is_no_video_leaves_a_gap_and_does_not_stop_the_others(
    cluster: Cluster, tmp_path: Path, yolox_weights: Path, bikes_footage: Path
):
    home = home_with_camera(tmp_path / "home", yolox_weights)
    rubbish = tmp_path / "a-rubbish.mp4"
    rubbish.write_bytes(b"no video " * 1000)
    summary = index(home, CameraFootage(CAMERA_ID, (rubbish, bikes_footage), START_AT), cluster)
    assert (summary.files, summary.files_unreadable, summary.segments, summary.gaps) == (2, 1, 1, 1)
    assert "a-rubbish.mp4" in summary.notes[0]


@pytest.fixture
def home(tmp_path: Path, yolox_weights: Path) -> Iterator[Home]:
    return home_with_camera(tmp_path / "home", yolox_weights)


def test_an_unknown_camera_is_refused_with_those_that_come_near(home: Home, cluster: Cluster, bikes_footage: Path):
    with pytest.raises(UnknownCamera, match="did you mean farish-amite"):
        index(home, CameraFootage("farish-amit", (bikes_footage,), START_AT), cluster)


def test_missing_weights_are_named_before_anything_is_looked_at(home: Home, cluster: Cluster, bikes_footage: Path):
    (home.assets_dir / "yolox_nano.onnx").unlink()
    with pytest.raises(AssetError, match="rtcc assets pull yolox-nano"):
        index(home, CameraFootage(CAMERA_ID, (bikes_footage,), START_AT), cluster)


def test_no_workers_are_too_few(home: Home, cluster: Cluster, bikes_footage: Path):
    with pytest.raises(BadInput, match="at least 1"):
        index(home, CameraFootage(CAMERA_ID, (bikes_footage,), START_AT), cluster, workers=0)


def test_a_camera_named_twice_is_refused(home: Home, cluster: Cluster, bikes_footage: Path):
    from ray_jobs.archive import index as job

    footage = CameraFootage(CAMERA_ID, (bikes_footage,), START_AT)
    with pytest.raises(BadInput, match="once per job"):
        job(home, ACCESS, [footage, footage], CONFIG, cluster, clock=clock)


STORE = Camera("store-3", "Corner store", owner_id="store", legal_basis="voluntary", sharing="on_request")


def register_store(home: Home) -> None:
    span = Span(EPOCH)
    with open_door(home) as door:
        door.register(
            ACCESS, cameras=[STORE], mountings=[Mounting(Mounting.identify("store-3", span), "store-3", span)]
        )


def test_a_private_camera_without_consent_leaves_neither_rows_nor_files(
    home: Home, cluster: Cluster, bikes_footage: Path
):
    register_store(home)
    with pytest.raises(NotPermitted, match="store-3"):
        index(home, CameraFootage("store-3", (bikes_footage,), START_AT), cluster)
    assert not list(home.footage_dir.rglob("*.mp4"))
    assert rows_of(home)["runs"] == []


def test_footage_outside_the_consent_is_a_gap_and_is_not_kept(home: Home, cluster: Cluster, bikes_footage: Path):
    register_store(home)
    with open_door(home) as door:
        # in force from the second file on
        later = START_AT.replace(second=10)
        door.grant(ACCESS, Consent("con_1", "store", ("store-3",), ("demonstration",), Span(later)))
    footage = footage_of(bikes_footage, home.root / "scratch", 2)
    summary = index(home, replace(footage, camera_id="store-3"), cluster)
    assert (summary.segments, summary.gaps) == (1, 1)
    assert len(list(home.footage_dir.rglob("*.mp4"))) == 1
    rows = rows_of(home)
    assert [row[4] for row in rows["gaps"]] == ["not_permitted"]


def test_a_segment_whose_bytes_changed_is_a_gap_with_the_reason(home: Home, cluster: Cluster, bikes_footage: Path):
    def tamper() -> None:
        for file in home.footage_dir.rglob("*.mp4"):
            file.write_bytes(file.read_bytes()[:-1] + b"x")

    def report(progress: object) -> None:
        if getattr(progress, "stage", "") == "import":
            tamper()

    summary = index(home, CameraFootage(CAMERA_ID, (bikes_footage,), START_AT), cluster, report=report)
    assert (summary.frames, summary.gaps) == (0, 1)
    with open_door(home) as door, Reader(home, Access("tester"), door) as reader:
        rows = reader.ask("coverage", camera_id=CAMERA_ID).to_pylist()
    (gap,) = [row for row in rows if row["kind"] == "gap"]
    assert "other bytes" in gap["detail"]
