"""Which doors of this home's processes other machines can reach, and the firewall rules that close them.

Ray opens ports on every interface unless each of its parts is told otherwise, and some ask for no token (metrics).
Only what this account may see is looked at: its own processes, or as root everybody's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from catalog import whereabouts
from catalog.home import Home
from ray_jobs.head_record import head_record
from ray_jobs.ports import what_listens
from ray_jobs.processes import in_session

RAY_PROGRAMS = ("gcs_server", "raylet")
"""Names of Ray's compiled processes."""

RAY_SCRIPTS = (
    "ray/dashboard/", "ray/_private/", "ray/autoscaler/", "ray.util.client.server", "ray_jobs.head_process",
)  # fmt: skip
"""What the command lines of Ray's Python processes hold; a worker's begins with `ray::`."""

RAY_DEFAULTS = {
    6379: "Ray head (GCS)",
    8265: "dashboard and jobs",
    10001: "Ray client server: runs programs",
    52365: "node agent, HTTP",
}
"""What Ray itself uses each of these ports for."""

TABLE = "rtcc_doctor"
"""nftables table of the rules that are printed."""


@dataclass(frozen=True)
class Door:
    """A TCP port that a process listens on."""

    host: str
    """The address it is bound to; `0.0.0.0` and `::` are every interface."""
    port: int
    pid: int
    process: str
    """The process's name."""
    what: str
    """What the port is for."""

    @property
    def reachable(self) -> bool:
        """True where other machines can reach it, if no firewall is in the way."""
        address = ipaddress.ip_address(self.host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return not (mapped or address).is_loopback

    @property
    def as_text(self) -> str:
        """Who listens where, for people."""
        place = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.process} (process {self.pid}) listens on {place}:{self.port}, {self.what}"


def doors(home: Home) -> tuple[Door, ...]:
    """Return every TCP port that the keeper, the home's head and other Ray processes of this account listen on."""
    found: dict[tuple[str, int, int], Door] = {}
    for process, name in _processes(home):
        for door in _doors_of(process, name):
            found[door.host, door.port, door.pid] = door
    return tuple(sorted(found.values(), key=lambda door: (door.port, door.host)))


def rules(open_doors: Iterable[Door]) -> str:
    """Return nftables commands that close these doors to other machines, and to nobody here.

    They may be loaded twice: the table is made anew.
    """
    ports = ", ".join(str(port) for port in sorted({door.port for door in open_doors}))
    return (
        f"table inet {TABLE}\n"
        f"delete table inet {TABLE}\n"
        f"table inet {TABLE} {{\n"
        "    chain input {\n"
        "        type filter hook input priority filter - 5; policy accept;\n"
        '        iif "lo" accept\n'
        f"        tcp dport {{ {ports} }} drop\n"
        "    }\n"
        "}"
    )


def _processes(home: Home) -> Iterator[tuple[psutil.Process, str]]:
    """Yield the processes that are ours to look at, and what to call each."""
    record = head_record(home)
    head = set(in_session(record.session)) if record is not None and record.alive else set()
    keeper = whereabouts.find(home)
    for process in psutil.process_iter():
        try:
            name = process.name()
            if keeper is not None and process.pid == keeper.pid and "catalog.serve" in process.cmdline():
                yield process, "keeper"
            elif process.pid in head or name.startswith("ray::") or name in RAY_PROGRAMS or _runs_ray(process):
                yield process, name
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def _runs_ray(process: psutil.Process) -> bool:
    words = process.cmdline()[:4]
    return any(script in word for word in words for script in RAY_SCRIPTS)


def _doors_of(process: psutil.Process, name: str) -> Iterator[Door]:
    try:
        connections = process.net_connections("tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return  # gone, or another account's
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN:
            host, port = connection.laddr
            what = "the catalog's write door" if name == "keeper" else _what(port)
            yield Door(host, port, process.pid, name, what)


def _what(port: int) -> str:
    return what_listens(port) or RAY_DEFAULTS.get(port, "a port that Ray chose itself")
