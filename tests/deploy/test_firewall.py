"""The firewall: other machines are kept out of Ray's ports, this one and its peers are not."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.doctor_ports import Door, rules
from ray_jobs.ports import BLOCKS, FIRST_PORT, FIXED_METRICS_PORTS, LAST_PORT, Ports, what_listens
from ray_jobs.processes import kill_session
from tests.deploy.namespaces import ROOT, Machine, two_machines

FIREWALL = ROOT / "deploy" / "firewall"
RULES = FIREWALL / "rtcc.nft"

OURS = [port for block in range(BLOCKS) for port in Ports.of_block(block).doors()]
OURS += [Ports.of_block(0).first_worker, LAST_PORT, *FIXED_METRICS_PORTS]
OTHERS = [FIRST_PORT - 1, LAST_PORT + 1]


def test_the_rules_name_the_ports_that_our_heads_use():
    named = re.findall(r"^define RTCC_PORTS = \{ (.*) \}$", RULES.read_text(), re.MULTILINE)
    assert named == [", ".join([f"{FIRST_PORT}-{LAST_PORT}", *map(str, FIXED_METRICS_PORTS)])]


def test_the_readme_names_the_ports_of_the_first_block():
    words = (FIREWALL / "README.md").read_text().split()
    assert set(Ports.of_block(0).ray_start_flags()) <= set(words)


CONNECT_FROM = """
import socket, sys
with socket.socket() as caller:
    caller.settimeout(5)
    caller.bind(("198.51.100.1", int(sys.argv[1])))
    caller.connect((sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Machine, Machine]]:
    with two_machines() as (here, there), here.listening(OURS + OTHERS):
        yield here, there


@pytest.fixture
def here(machines: tuple[Machine, Machine]) -> Iterator[Machine]:
    """Return the machine that listens, without any rules."""
    machines[0].run("nft", "flush", "ruleset")
    yield machines[0]
    machines[0].run("nft", "flush", "ruleset")


@pytest.fixture
def there(machines: tuple[Machine, Machine]) -> Machine:
    return machines[1]


def load(machine: Machine) -> None:
    machine.run("nft", "-f", str(RULES))


@pytest.mark.netns
def test_other_machines_reach_rays_ports_without_the_rules_and_not_with_them(here: Machine, there: Machine):
    for address in (here.address, here.address6):
        assert there.reaches(address, OURS + OTHERS) == {*OURS, *OTHERS}
    load(here)
    for address in (here.address, here.address6):
        assert there.reaches(address, OURS + OTHERS) == set(OTHERS)
    assert "counter packets 0 " not in here.run("nft", "list", "chain", "inet", "rtcc", "rtcc_ports")


@pytest.mark.netns
def test_the_machine_itself_and_what_is_not_tcp_pass(here: Machine, there: Machine):
    load(here)
    for address in ("127.0.0.1", "::1", here.address, here.address6):
        assert here.reaches(address, OURS) == set(OURS)
    assert there.asks_udp(here.address, OURS[0]) == "heard"


@pytest.mark.netns
def test_answers_come_in_to_a_connection_that_took_one_of_these_ports(here: Machine, there: Machine):
    load(here)
    with there.listening([8000]):
        here.run(sys.executable, "-c", CONNECT_FROM, str(FIRST_PORT + 9), there.address, "8000")


@pytest.mark.netns
def test_named_peers_pass_and_stay_named_when_the_rules_are_loaded_again(here: Machine, there: Machine):
    load(here)
    once = here.run("nft", "list", "table", "inet", "rtcc")
    here.run("nft", "add", "element", "inet", "rtcc", "cluster_peers", f"{{ {there.address} }}")
    here.run("nft", "add", "element", "inet", "rtcc", "cluster_peers6", f"{{ {there.address6} }}")
    load(here)
    for address in (here.address, here.address6):
        assert there.reaches(address, OURS) == set(OURS)
    here.run("nft", "flush", "set", "inet", "rtcc", "cluster_peers")
    here.run("nft", "flush", "set", "inet", "rtcc", "cluster_peers6")
    assert here.run("nft", "--stateless", "list", "table", "inet", "rtcc") == once.replace(" packets 0 bytes 0", "")
    assert there.reaches(here.address, OURS) == set()


@pytest.mark.netns
def test_rules_of_others_are_left_alone_and_still_judge(here: Machine, there: Machine):
    port = OTHERS[0]
    rule = f"type filter hook input priority 0; tcp dport {port} drop;"
    here.run("nft", "-f", "-", said=f"table inet theirs {{ chain input {{ {rule} }}; }}")
    theirs = here.run("nft", "list", "table", "inet", "theirs")
    load(here)
    assert here.run("nft", "list", "table", "inet", "theirs") == theirs
    assert there.reaches(here.address, OTHERS) == set(OTHERS[1:])


@pytest.mark.netns
def test_the_rules_that_the_doctor_prints_close_what_it_found(here: Machine, there: Machine):
    closed, left = OTHERS
    printed = rules([Door("0.0.0.0", closed, 1, "raylet", "metrics")])
    for _ in range(2):  # loading them twice is loading them once
        here.run("nft", "-f", "-", said=printed)
    assert there.reaches(here.address, OTHERS) == {left}
    assert here.reaches("127.0.0.1", OTHERS) == {closed, left}


EXAMINE = """
import json, sys
from apps.doctor_ports import doors, rules
from catalog.home import Home
found = [door for door in doors(Home.create(sys.argv[1])) if door.reachable]
print(json.dumps({"open": [door.port for door in found], "rules": rules(found)}))
"""
"""What `rtcc doctor` does, in short."""


@contextmanager
def open_head(machine: Machine) -> Iterator[None]:
    """Start a head as an operator with several machines does: on every interface, on our ports."""
    with tempfile.TemporaryDirectory(prefix="rtcc-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield from _open_head(machine, Path(folder))  # a short name, for Ray's sockets


def _open_head(machine: Machine, folder: Path) -> Iterator[None]:
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    words = machine.command(
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=1",
        f"--node-ip-address={machine.address}", "--dashboard-host=0.0.0.0", *Ports.of_block(0).ray_start_flags(),
        "--include-dashboard=false", "--include-log-monitor=false", "--object-store-memory=100000000",
        "--disable-usage-stats", f"--temp-dir={folder}",
    )  # fmt: skip
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    for name in ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_enable_metrics_collection"):
        environment.pop(name, None)
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as head:
        try:
            assert head.stdout is not None
            said = []
            while (line := head.stdout.readline()) and "Ray runtime started" not in line:
                said.append(line)
            assert line, "".join(said)
            yield
        finally:
            head.kill()
            kill_session(head.pid)


@pytest.mark.netns
@pytest.mark.ray
@pytest.mark.beside
@pytest.mark.slow
def test_a_head_that_listens_on_every_interface_is_closed_by_them(tmp_path: Path):
    with two_machines() as (here, there), open_head(here):
        listening = here.listens_on()
        assert {Ports.of_block(0).gcs, Ports.of_block(0).node_manager, Ports.of_block(0).metrics} <= listening
        assert all(what_listens(port) for port in listening), listening
        assert there.reaches(here.address, listening) == listening
        found = json.loads(here.run(sys.executable, "-c", EXAMINE, str(tmp_path)))
        assert set(found["open"]) == listening
        load(here)
        assert there.reaches(here.address, listening) == set()
        assert here.reaches(here.address, listening) == listening
        here.run("nft", "flush", "ruleset")
        here.run("nft", "-f", "-", said=found["rules"])
        assert there.reaches(here.address, listening) == set()
