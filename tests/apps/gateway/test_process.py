"""The gateway as a process: killed without warning it loses nothing it said it had; asked to end, it ends."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.edge import now
from apps.gateway.devices import Device, Devices, new_secret
from apps.gateway.envelopes import ALERT
from apps.gateway.signing import signed_headers
from catalog.client import KeeperClient
from catalog.home import Home
from tests.apps.gateway.conftest import let_sign_in

SECRET = new_secret()


@pytest.fixture(scope="module")
def home(empty_home: Path, tmp_path_factory: pytest.TempPathFactory, people_file: str) -> Iterator[Home]:
    """A home whose keeper is a process of its own."""
    folder = tmp_path_factory.mktemp("process") / "home"
    shutil.copytree(empty_home, folder)
    home = Home.open(folder)
    let_sign_in(home, people_file)
    Devices(home).add(Device("cad", "alerts", SECRET))
    log = (folder / "keeper.log").open("wb")
    keeper = subprocess.Popen(
        [sys.executable, "-m", "catalog.serve", str(folder)], stdout=log, stderr=log, start_new_session=True
    )
    try:
        with KeeperClient(home, spawn=False, wait_s=60.0) as door:
            door.connect()
            yield home
    finally:
        keeper.terminate()
        keeper.wait(30)
        log.close()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def gateway(home: Home, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with (home.root / "gateway.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.gateway", str(home.root), "--port", str(port)], stdout=log, stderr=log
        )
    try:
        answers(port)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def answers(port: int) -> None:
    late_s = time.monotonic() + 60
    while True:
        try:
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2).json() == {"status": "ok"}
            return
        except httpx.HTTPError:
            assert time.monotonic() < late_s
            threading.Event().wait(0.05)


def report(number: int) -> bytes:
    event = {"specversion": "1.0", "type": ALERT, "source": "cad", "id": f"call-{number}",
             "data": {"title": f"Call {number}", "priority": "P3"}}  # fmt: skip
    return json.dumps(event).encode()


def send(port: int, body: bytes) -> httpx.Response:
    headers = signed_headers("cad", SECRET, "POST", "/v1/alerts", body, now())
    return httpx.post(f"http://127.0.0.1:{port}/v1/alerts", content=body, headers=headers, timeout=30)


def alerts_of(home: Home) -> list[Any]:
    with KeeperClient(home, spawn=False) as door:
        return list(door.alert_changes().alerts)


def test_kill_9_loses_nothing_that_was_answered_and_a_repeat_doubles_nothing(home: Home) -> None:
    port, taken = free_port(), {}
    with gateway(home, port) as process:

        def call() -> None:
            for number in range(200):
                try:
                    answer = send(port, report(number))
                except httpx.HTTPError:
                    return
                if answer.status_code == 202:
                    taken[number] = answer.json()["alert_id"]

        calling = threading.Thread(target=call)
        calling.start()
        while len(taken) < 5 and calling.is_alive():
            threading.Event().wait(0.01)
        process.kill()
        calling.join(30)
    assert len(taken) >= 5
    kept = {alert.alert_id for alert in alerts_of(home)}
    assert set(taken.values()) <= kept
    with gateway(home, port):
        for number, alert_id in taken.items():
            again = send(port, report(number))
            assert (again.status_code, again.json()) == (202, {"alert_id": alert_id, "duplicate": True})
    assert {alert.alert_id for alert in alerts_of(home)} == kept


def test_it_ends_when_asked_though_pages_are_open(home: Home) -> None:
    port = free_port()
    with gateway(home, port) as process, httpx.Client(timeout=10) as client:
        form = {"name": "reed", "password": "reed-reed-password", "next": "/"}
        signed = client.post(f"http://127.0.0.1:{port}/login", data=form)
        assert signed.status_code == 303
        with client.stream("GET", f"http://127.0.0.1:{port}/v1/alerts/stream") as events:
            assert events.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in (0, -signal.SIGTERM)
    log = (home.root / "gateway.log").read_text()
    assert "Traceback" not in log
    assert "POST /login 303" in log
    assert "reed-password" not in log


def test_it_says_why_it_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "apps.gateway", str(tmp_path / "nowhere")]
    ran = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 4
    assert b"no data home" in ran.stderr
