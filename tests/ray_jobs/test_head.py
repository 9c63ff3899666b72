"""The head: outlives its drivers, ends with its supervisor, and leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from catalog.home import Home
from ray_jobs.head import Head, end_orphans
from ray_jobs.head_record import MARK, HeadRecord, head_record, live_dir, write_record
from ray_jobs.ports import BLOCK_PORTS, FIRST_PORT, LAST_PORT
from ray_jobs.processes import boot_id, in_session, started_ticks
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


def run_python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program as somebody would who also has a cluster of their own."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        env=os.environ | {"RAY_AUTH_TOKEN": "of-an-operators-cluster"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    with Head.start(Home.create(tmp_path_factory.mktemp("head")), cpus=2) as running:
        yield running


@pytest.mark.ray
def test_a_head_is_up_behind_its_token_and_on_loopback_alone(head: Head):
    assert head.alive()
    assert head.answers()
    listening = [
        connection.laddr
        for pid in head.pids()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert all(FIRST_PORT <= address.port <= LAST_PORT for address in listening)
    assert len({address.port // BLOCK_PORTS for address in listening}) == 1


DRIVER = """
import json, os, signal, sys
from catalog.home import Home
from ray_jobs.cluster import attached
class Counter:
    def __init__(self):
        from ray.util.metrics import Gauge
        self.count = 0
        self.gauge = Gauge("rtcc_counted", tag_keys=("camera",))
    def count_up(self):
        self.count += 1
        self.gauge.set(self.count, tags={"camera": "cam-1"})
        return self.count
with attached(Home.open(sys.argv[1]), sys.argv[2]):
    import ray
    if sys.argv[3] == "make":
        counter = ray.remote(Counter).options(name="counter", lifetime="detached", num_cpus=0).remote()
    else:
        counter = ray.get_actor("counter")
    print(ray.get(counter.count_up.remote()), flush=True)
    if sys.argv[3] == "make":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_detached_actor_outlives_its_driver_and_its_gauge_is_exported(head: Head):
    first = run_python(DRIVER, head.home.root, head.address, "make")
    assert (first.stdout.split(), first.returncode) == (["1"], -signal.SIGKILL), first.stderr
    second = run_python(DRIVER, head.home.root, head.address, "look")
    assert (second.stdout.split(), second.returncode) == (["2"], 0), second.stderr

    def exported() -> bool:
        with urllib.request.urlopen(f"http://{head.metrics_address}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return any(line.startswith("ray_rtcc_counted{") and line.endswith(" 2.0") for line in lines)

    eventually(exported)


SECOND = """
import sys
from catalog.home import Home
from ray_jobs.head import Head
Head.start(Home.open(sys.argv[1]))
"""


@pytest.mark.ray
def test_a_second_supervisor_of_the_same_home_is_refused(head: Head):
    refused = run_python(SECOND, head.home.root)
    assert refused.returncode == 1
    assert f"process {os.getpid()} supervises" in refused.stderr
    assert head.answers()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("part", ["gcs_pid", "raylet_pid"])
def test_when_a_part_is_killed_all_of_it_ends_and_it_can_be_started_again(tmp_path: Path, part: str):
    home = Home.create(tmp_path)
    head = Head.start(home, cpus=1)
    pids = head.pids()
    assert len(pids) >= 4
    os.kill(getattr(head, part), signal.SIGKILL)
    eventually(lambda: not head.alive(), within_s=10)
    session_dir = head.session_dir
    head.stop()
    head.stop()
    assert not [pid for pid in pids if started_ticks(pid) is not None]
    assert not session_dir.exists()
    assert (live_dir(home) / "fallen-head-logs" / "raylet.out").exists()
    with Head.start(home, cpus=1) as again:
        assert again.answers()
    assert again.pids() == ()
    assert head_record(home) is None


SUPERVISOR = """
import json, sys, threading
from catalog.home import Home
from ray_jobs.head import Head
heads = []
starter = threading.Thread(target=lambda: heads.append(Head.start(Home.open(sys.argv[1]), cpus=1)))
starter.start()
starter.join()
sys.stdin.readline()  # the thread that started it is gone by now
print(json.dumps({"alive": heads[0].answers(), "pids": heads[0].pids()}), flush=True)
sys.stdin.readline()
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_head_ends_with_its_supervisor_not_with_the_thread_that_started_it(tmp_path: Path):
    home = Home.create(tmp_path)
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(home.root)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    with supervisor:
        supervisor.stdin.write("\n")
        supervisor.stdin.flush()
        said = json.loads(supervisor.stdout.readline())
        assert said["alive"]
        supervisor.kill()
    eventually(lambda: not [pid for pid in said["pids"] if started_ticks(pid) is not None], within_s=10)
    end_orphans(home)
    assert head_record(home) is None
    assert not (live_dir(home) / "ray").exists()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Callable[..., tuple[int, int]]]:
    """Start a process in a session whose leader may be gone, and return the session and the process."""
    started = []

    def start(*, leader_stays: bool, mark: str = "") -> tuple[int, int]:
        tail = "wait" if leader_stays else ""
        leader = subprocess.Popen(
            ["bash", "-c", f"sleep 600 >/dev/null 2>&1 & echo $!; {tail}"],
            stdout=subprocess.PIPE, text=True, start_new_session=True, env=os.environ | {MARK: mark},
        )  # fmt: skip
        assert leader.stdout is not None
        member = int(leader.stdout.readline())
        started.append((leader, member))
        if not leader_stays:
            leader.wait()
        return leader.pid, member

    yield start
    for leader, member in started:
        if started_ticks(member) is not None:
            os.kill(member, signal.SIGKILL)
        leader.kill()
        leader.wait()
        leader.stdout.close()


def record_of(session: int, temp_dir: Path, **other: object) -> HeadRecord:
    ticks = started_ticks(session) or 1
    record = HeadRecord(boot_id(), session, ticks, os.getpid(), 0, str(temp_dir), 21006, 21001)
    return replace(record, **other)


def test_what_an_earlier_head_left_is_ended_by_its_mark(tmp_path: Path, stranger: Callable[..., tuple[int, int]]):
    home = Home.create(tmp_path)
    session, member = stranger(leader_stays=False, mark=str(home.root))
    write_record(home, record_of(session, tmp_path / "gone"))
    end_orphans(home)
    assert started_ticks(member) is None
    assert head_record(home) is None


@pytest.mark.parametrize(
    ("leader_stays", "other"),
    [(True, {"session_ticks": 7}), (False, {}), (True, {"boot_id": "another"})],
    ids=["a leader of another age", "members without our mark", "another start of the machine"],
)
def test_a_session_that_only_bears_the_same_number_is_left_alone(
    tmp_path: Path, stranger: Callable[..., tuple[int, int]], leader_stays: bool, other: dict[str, object]
):
    home = Home.create(tmp_path)
    session, member = stranger(leader_stays=leader_stays)
    write_record(home, record_of(session, tmp_path / "gone", **other))
    end_orphans(home)
    assert started_ticks(member) is not None
    assert member in in_session(session)
    assert head_record(home) is None
