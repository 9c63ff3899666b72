"""Two machines on one wire, in the kernel alone: a pair of network namespaces joined by a cable."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NUMBERS = itertools.count()
"""Tells the pairs of one test run apart."""

LISTEN = """
import socket, sys
kept = []
for port in map(int, sys.argv[1:]):
    kept.append(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64))
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.bind(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    echo.sendto(b"heard", echo.recvfrom(16)[1])
"""
"""Listens on every interface on these TCP ports, and answers UDP on the first."""

KNOCK = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def knock(place):
    try:
        socket.create_connection(tuple(place), timeout=1.5).close()
    except OSError:
        return False
    return True
places = json.loads(sys.argv[1])
with ThreadPoolExecutor(32) as pool:
    print(json.dumps(list(pool.map(knock, places))))
"""

ASK_UDP = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
    asker.settimeout(5)
    asker.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
    print(asker.recv(16).decode())
"""


@dataclass(frozen=True)
class Machine:
    """One end of the wire."""

    namespace: str
    address: str
    address6: str

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, *words: str, said: str | None = None) -> str:
        """Run a command there and return what it printed."""
        done = subprocess.run(
            self.command(*words), input=said, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def reaches(self, host: str, ports: Iterable[int]) -> set[int]:
        """Return the TCP ports of this host that take a connection from here."""
        wanted = list(ports)
        places = json.dumps([(host, port) for port in wanted])
        answers = json.loads(self.run(sys.executable, "-c", KNOCK, places))
        return {port for port, answer in zip(wanted, answers, strict=True) if answer}

    def asks_udp(self, host: str, port: int) -> str:
        return self.run(sys.executable, "-c", ASK_UDP, host, str(port)).strip()

    def listens_on(self) -> set[int]:
        """Return the TCP ports that anybody listens on there, other than on loopback."""
        places = [line.split()[3] for line in self.run("ss", "-H", "-l", "-t", "-n").splitlines()]
        hosts = [place.rpartition(":") for place in places]
        return {
            int(port) for host, _, port in hosts if not host.strip("[]").removeprefix("::ffff:").startswith("127.")
        }

    @contextmanager
    def listening(self, ports: Iterable[int]) -> Iterator[None]:
        """Listen there on these TCP ports, on every interface."""
        words = self.command(sys.executable, "-c", LISTEN, *map(str, ports))
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as listener:
            try:
                assert listener.stdout is not None
                assert listener.stdout.readline() == "ready\n"
                yield
            finally:
                listener.kill()


@contextmanager
def two_machines() -> Iterator[tuple[Machine, Machine]]:
    """Yield two machines on one wire; the test is left out, saying why, where they cannot be made."""
    _needs_root_and_tools()
    name = f"rtcc-{os.getpid()}-{next(NUMBERS)}"
    here = Machine(f"{name}-a", "198.51.100.1", "2001:db8::1")
    there = Machine(f"{name}-b", "198.51.100.2", "2001:db8::2")
    made = []
    try:
        for machine in (here, there):
            _make(machine, made)
        wire = ["ip", "link", "add", "wire", "netns", here.namespace, "type", "veth", "peer", "wire", "netns"]
        _ip_or_skip(*wire[1:], there.namespace)
        for machine in (here, there):
            machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "wire")
            machine.run("ip", "-6", "address", "add", f"{machine.address6}/64", "dev", "wire", "nodad")
            machine.run("ip", "link", "set", "lo", "up")
            machine.run("ip", "link", "set", "wire", "up")
        yield here, there
    finally:
        for machine in made:
            subprocess.run(["ip", "netns", "delete", machine.namespace], check=False)


def _needs_root_and_tools() -> None:
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if os.geteuid() != 0:
        pytest.skip("FIREWALL NOT TESTED: network namespaces need root")
    if missing:
        pytest.skip(f"FIREWALL NOT TESTED: {', '.join(missing)} missing; install Debian's nftables and iproute2")


def _make(machine: Machine, made: list[Machine]) -> None:
    _ip_or_skip("netns", "add", machine.namespace)
    made.append(machine)


def _ip_or_skip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"FIREWALL NOT TESTED: `ip {' '.join(words)}`: {done.stderr.strip()}")
