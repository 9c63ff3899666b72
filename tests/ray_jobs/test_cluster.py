"""The cluster: local and behind a token, or the operator's; one that lets strangers in is refused."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from apps.show import say
from catalog.errors import ClusterError, ClusterOpen
from catalog.home import Home
from ray_jobs.cluster import Cluster, connected, refuse_open_cluster, token_path
from ray_jobs.config import CameraFootage
from ray_jobs.doors import refuse_open_jobs, takes_token
from ray_jobs.submit import submit_index
from tests.ray_jobs.made_job import ACCESS, CAMERA_ID, CONFIG
from tests.ray_jobs.started_cluster import Started, started_cluster


def test_the_token_is_made_once_and_is_the_owners_alone(tmp_path: Path):
    home = Home.create(tmp_path)
    first = token_path(home).read_text()
    assert len(first) >= 32
    assert token_path(home).read_text() == first
    assert stat.S_IMODE(token_path(home).stat().st_mode) == 0o600
    assert [file.name for file in home.run_dir.glob("ray.token*")] == ["ray.token"]


@pytest.mark.ray
@pytest.mark.beside
def test_a_local_ray_turns_strangers_away_and_listens_on_this_machine_alone(cluster: Cluster):
    assert cluster.local
    assert cluster.cpus == 2
    refuse_open_cluster(cluster.address)  # raises where a stranger gets an answer
    ours = psutil.Process(os.getpid())
    listening = {
        connection.laddr.ip
        for process in (ours, *ours.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.ray
@pytest.mark.beside
def test_a_local_ray_starts_neither_api_server_nor_autoscaler_nor_reader_of_logs(cluster: Cluster):
    assert cluster.local
    running = [process.cmdline() for process in psutil.Process(os.getpid()).children(recursive=True)]
    started = {Path(word).name for words in running for word in words}
    assert {"gcs_server", "raylet"} <= started
    assert not {"dashboard.py", "monitor.py", "log_monitor.py"} & started


@pytest.mark.ray
@pytest.mark.beside
def test_a_ray_that_runs_in_this_process_is_taken_and_left_running(cluster: Cluster, tmp_path: Path):
    import ray

    with connected(Home.create(tmp_path / "other")) as again:
        assert again.address == cluster.address
    assert ray.is_initialized()


CONNECT = """
import json, sys
from catalog.errors import RtccError
from catalog.home import Home
from ray_jobs.cluster import connected
home = Home.create(sys.argv[1])
try:
    with connected(home, address=sys.argv[2]) as cluster:
        print(json.dumps({"cpus": cluster.cpus, "local": cluster.local}))
except RtccError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


def connect(tmp_path: Path, address: str, token: Path | None) -> dict[str, object]:
    """Connect in a process of its own, as each command is."""
    environment = os.environ | ({"RAY_AUTH_TOKEN_PATH": str(token)} if token else {})
    if token is None:
        environment.pop("RAY_AUTH_TOKEN_PATH", None)
    command = [sys.executable, "-c", CONNECT, str(tmp_path / "home"), address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.ray
@pytest.mark.beside
@pytest.mark.slow
def test_an_operators_cluster_is_used_with_its_token(tmp_path: Path):
    with started_cluster(tmp_path) as started:
        refuse_open_cluster(started.address, started.jobs_address.removeprefix("http://"))
        assert connect(tmp_path, started.address, started.token_path) == {"cpus": 2, "local": False}
        refused = connect(tmp_path, started.address, None)
    assert refused["error"] == "ClusterError"


@pytest.fixture(scope="module")
def open_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Return a cluster whose operator misspelt the mode: Ray takes that for none, and lets everybody in."""
    with started_cluster(tmp_path_factory.mktemp("open"), auth_mode="tokens") as started:
        yield started


@pytest.mark.ray
@pytest.mark.beside
@pytest.mark.slow
def test_a_cluster_whose_operator_misspelt_the_mode_is_open_and_refused(open_cluster: Started, tmp_path: Path):
    assert takes_token(open_cluster.address, "any")
    with pytest.raises(ClusterOpen, match=r"callers without a token.*RAY_AUTH_MODE=token, spelt exactly so"):
        refuse_open_cluster(open_cluster.address)
    with pytest.raises(ClusterError, match="takes jobs from callers without a token"):
        refuse_open_jobs(open_cluster.jobs_address)
    assert connect(tmp_path, open_cluster.address, open_cluster.token_path)["error"] == "ClusterOpen"


@pytest.mark.ray
@pytest.mark.beside
@pytest.mark.slow
def test_a_cluster_that_takes_jobs_from_strangers_gets_none(open_cluster: Started, tmp_path: Path):
    home, footage = Home.create(tmp_path / "home"), CameraFootage(CAMERA_ID, (), None)
    with pytest.raises(ClusterError, match="without a token"):
        submit_index(home, ACCESS, footage, CONFIG, open_cluster.jobs_address, workers=None, say=say)


@pytest.mark.ray
@pytest.mark.beside
def test_an_address_where_nobody_is_is_a_cluster_error(tmp_path: Path):
    answer = connect(tmp_path, "127.0.0.1:9", None)
    assert answer["error"] == "ClusterError"
    assert "127.0.0.1:9" in str(answer["message"])
