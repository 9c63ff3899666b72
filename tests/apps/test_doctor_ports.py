"""The doctor on ports: it finds who listens, tells loopback from the rest, and says how to close what is open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps import doctor_ports
from apps.doctor_ports import Door, doors, rules
from catalog import whereabouts
from catalog.client import open_door
from catalog.home import Home
from tests.apps.command import Rtcc

POSE = """
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, b"raylet", 0, 0, 0)
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.readline()
"""
"""Takes the name of a Ray process and listens."""


@pytest.fixture
def raylet() -> Iterator[tuple[int, int]]:
    """Return the process and the port of something that looks like Ray."""
    words = [sys.executable, "-c", POSE]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.communicate("\n")


def test_the_keeper_and_ray_are_found_and_listen_on_this_machine_alone(tmp_path: Path, raylet: tuple[int, int]):
    home = Home.create(tmp_path)
    with open_door(home) as keeper:
        keeper.connect()
        where = whereabouts.find(home)
        assert where is not None
        found = {(door.pid, door.port): door for door in doors(home)}
    writing = next(door for door in found.values() if door.pid == where.pid)
    assert (writing.what, writing.process, writing.reachable) == ("the catalog's write door", "keeper", False)
    ray = found[raylet]
    assert (ray.process, ray.host, ray.reachable) == ("raylet", "127.0.0.1", False)


@pytest.mark.parametrize(
    ("host", "reachable"),
    [
        ("127.0.0.1", False), ("127.0.0.53", False), ("::1", False), ("::ffff:127.0.0.1", False),
        ("0.0.0.0", True), ("::", True), ("192.0.2.7", True), ("fe80::1%eth0", True), ("::ffff:192.0.2.7", True),
    ],
)  # fmt: skip
def test_only_loopback_is_out_of_reach(host: str, reachable: bool):
    assert Door(host, 21001, 7, "raylet", "raylet").reachable is reachable


OPEN = (
    Door("0.0.0.0", 21001, 7, "raylet", "raylet"),
    Door("::", 44217, 8, "python", "autoscaler's metrics, no token"),
    Door("::", 21001, 7, "raylet", "raylet"),
)
CLOSED = Door("127.0.0.1", 21000, 6, "gcs_server", "Ray head (GCS)")


def test_the_rules_name_each_open_port_once_and_spare_loopback():
    text = rules(OPEN)
    assert "tcp dport { 21001, 44217 } drop" in text
    assert text.index('iif "lo" accept') < text.index("drop")


def test_every_open_port_is_a_warning_and_the_rules_are_printed(kept_rtcc: Rtcc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_ports, "doors", lambda _home: (*OPEN, CLOSED))
    findings = kept_rtcc("doctor", "--json").document
    warned = [finding["found"] for finding in findings if finding["what"] == "open port"]
    assert warned == [
        "raylet (process 7) listens on 0.0.0.0:21001, raylet",
        "python (process 8) listens on [::]:44217, autoscaler's metrics, no token",
        "raylet (process 7) listens on [::]:21001, raylet",
    ]
    firewall = next(finding for finding in findings if finding["what"] == "firewall")
    assert (firewall["verdict"], firewall["found"]) == ("warn", "3 of 4 ports are open to other machines")
    assert rules(OPEN) in firewall["to_do"]
    assert rules(OPEN) in kept_rtcc("doctor").out


def test_where_all_is_on_loopback_one_line_says_so(kept_rtcc: Rtcc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_ports, "doors", lambda _home: (CLOSED,))
    findings = kept_rtcc("doctor", "--json").document
    about = [finding for finding in findings if finding["what"] in {"open port", "firewall"}]
    assert [(finding["verdict"], finding["found"]) for finding in about] == [
        ("ok", "1 process of ours listens, on this machine alone")
    ]
