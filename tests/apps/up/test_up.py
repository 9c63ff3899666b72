"""`rtcc up` as a newcomer runs it: everything comes up, what is killed comes back, and the end leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.up.services import free_port
from tests.apps.command import Rtcc, runner
from tests.waiting import eventually

pytestmark = [pytest.mark.ray, pytest.mark.beside, pytest.mark.slow, pytest.mark.timeout(400)]

PARTS = ["keeper", "Ray head", "director", "gateway", "pages", "lab"]


@dataclass
class Up:
    """A command center that runs."""

    process: subprocess.Popen[str]
    home: Path
    port: int

    def part(self, name: str) -> dict[str, Any]:
        record = json.loads((self.home / "run" / "up.json").read_text())
        return next(part for part in record["parts"] if part["name"] == name)

    def all_up(self) -> bool:
        try:
            return all(self.part(name)["up"] for name in PARTS)
        except (OSError, StopIteration, ValueError):
            return False

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    home, port = folder / "home", free_port()
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "rtcc", "up", "--demo", "--cameras", "0", "--port", str(port), "--json"],
            env=os.environ | {"RTCC_HOME": str(home)}, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip
    made = Up(process, home, port)
    try:
        eventually(made.all_up, "every part is up", 180)
        yield made
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def rtcc(up: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rtcc:
    monkeypatch.setenv("RTCC_HOME", str(up.home))
    return runner(capsys)


def test_it_says_where_it_is_and_who_may_sign_in(up: Up):
    assert up.process.stdout is not None
    said = ""
    while not said.endswith("}\n"):
        said += up.process.stdout.readline()
    document = json.loads(said)
    assert document["address"] == f"http://127.0.0.1:{up.port}"
    assert {person["role"] for person in document["people"]} == {"officer", "supervisor", "investigator"}
    assert document["down"] == []
    assert up.answers()


def test_a_second_start_says_what_runs_already(up: Up, rtcc: Rtcc):
    ran = rtcc("up")
    assert ran.code == 1
    assert f"runs already at http://127.0.0.1:{up.port}" in ran.err


def test_its_parts_are_shown(up: Up, rtcc: Rtcc):
    document = rtcc("up", "--status", "--json").document
    assert [part["name"] for part in document["parts"]] == PARTS


def test_everything_listens_on_this_machine_alone(up: Up):
    tree = [psutil.Process(up.process.pid), *psutil.Process(up.process.pid).children(recursive=True)]
    listening = [
        connection.laddr
        for process in tree
        if "ray" not in " ".join(process.cmdline())  # Ray's own ports: see tests/ray_jobs/test_head.py
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.parametrize("name", ["gateway", "pages", "keeper"])
def test_what_is_killed_comes_back(up: Up, name: str):
    eventually(up.all_up, "every part is up", 60)
    before = up.part(name)["pid"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: up.part(name)["up"] and up.part(name)["pid"] != before, f"the {name} is back", 60)
    eventually(up.answers, "the gateway answers", 20)


def test_the_end_leaves_no_process_behind(up: Up, rtcc: Rtcc):
    eventually(up.all_up, "every part is up", 60)
    tree = psutil.Process(up.process.pid).children(recursive=True)
    assert tree
    assert rtcc("up", "--stop").code == 0
    assert up.process.wait(30) == 0
    _, alive = psutil.wait_procs(tree, timeout=10)
    assert alive == []
    assert not (up.home / "run" / "up.json").exists()
    assert rtcc("up", "--status").code == 4
