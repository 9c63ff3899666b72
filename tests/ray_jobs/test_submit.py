"""The same work as a job on a cluster that is up."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.show import say
from catalog.errors import BadInput, ClusterError, UnknownCamera
from catalog.home import Home
from ray_jobs.config import CameraFootage
from ray_jobs.request import IndexRequest
from ray_jobs.submit import submit_index
from tests.ray_jobs.made_job import ACCESS, CAMERA_ID, CONFIG, START_AT, home_with_camera, rows_of
from tests.ray_jobs.started_cluster import started_cluster


def test_a_request_reads_back_as_it_was_written(tmp_path: Path):
    footage = CameraFootage(CAMERA_ID, (tmp_path / "a b.mp4",), START_AT)
    request = IndexRequest(ACCESS, footage, "2 fps", "av", "cpu", None)
    request.write(tmp_path / "job.json")
    assert IndexRequest.read(tmp_path / "job.json") == request
    assert request.config() == CONFIG


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"access": {}}'])
def test_a_request_that_is_none_of_ours_is_refused(tmp_path: Path, text: str):
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(BadInput, match="is the data home shared"):
        IndexRequest.read(tmp_path / "job.json")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "http://127.0.0.1:9", "no such place", "ftp://127.0.0.1:9"])
def test_where_no_cluster_is_the_address_is_named(tmp_path: Path, address: str):
    footage = CameraFootage(CAMERA_ID, (), None)
    with pytest.raises(ClusterError, match=address.rpartition("/")[2]):
        submit_index(Home.create(tmp_path), ACCESS, footage, CONFIG, address, workers=None, say=say)


@pytest.mark.ray
@pytest.mark.beside
@pytest.mark.slow
def test_a_submitted_job_gives_figures_rows_and_its_own_errors(
    tmp_path: Path, yolox_weights: Path, bikes_footage: Path, monkeypatch: pytest.MonkeyPatch
):
    home = home_with_camera(tmp_path / "home", yolox_weights)
    footage = CameraFootage(CAMERA_ID, (bikes_footage,), START_AT)
    told: list[str] = []
    with started_cluster(tmp_path) as started:
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(started.token_path))
        summary = submit_index(
            home, ACCESS, footage, CONFIG, started.jobs_address, workers=1, say=told.append
        )  # fmt: skip
        elsewhere = CameraFootage("nowhere-1", (bikes_footage,), START_AT)
        with pytest.raises(UnknownCamera, match="nowhere-1"):
            submit_index(home, ACCESS, elsewhere, CONFIG, started.jobs_address, workers=1, say=told.append)
    assert summary.segments == 1
    assert summary.detections == len(rows_of(home)["detections"]) > 0
    assert started.jobs_address in told[0]
