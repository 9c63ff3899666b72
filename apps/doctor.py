"""Look whether a machine and a home have all that is needed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil  # type: ignore[import-untyped]

from apps.edge import Asking
from catalog.errors import NotFound, RtccError
from catalog.home import Home
from workbench.assets import AssetStore

Verdict = Literal["ok", "warn", "fail"]

LEAST_DISK_BYTES = 2 * 1024**3
"""Free disk below which indexing soon stops, bytes: footage copies and Parquet of a few camera-hours."""

LEAST_MEMORY_BYTES = 2 * 1024**3
"""Free memory below which a local Ray with one worker does not fit, bytes: 0.6 GB Ray, 0.5 GB a worker, catalog."""

LEAST_SHM_BYTES = 300 * 1024**2
"""Size of /dev/shm below which Ray puts its 256 MiB object store on disk, bytes."""

PYTHON = (3, 11)
PACKAGES = ("duckdb", "ray", "torch", "av", "pyarrow", "typer", "jupyterlab")
EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    to_do: str = ""
    """What helps; empty where nothing is needed."""

    def as_line(self) -> str:
        """Return it as a line for people."""
        tail = f" – {self.to_do}" if self.to_do else ""
        return f"{self.verdict:<5} {self.what}: {self.found}{tail}"

    def as_json(self) -> dict[str, str]:
        """Return its fields, for printing."""
        return asdict(self)


def examine(asking: Asking) -> tuple[Finding, ...]:
    """Look at everything; nothing is changed but what an empty home needs."""
    return tuple(_examine(asking))


def _examine(asking: Asking) -> Iterator[Finding]:
    yield _python()
    yield _packages()
    yield _extensions()
    yield _memory()
    yield _shared_memory()
    yield _loopback()
    try:
        home = asking.home()
    except NotFound:
        yield Finding("home", "warn", f"{asking.home_root} is not there yet", "`rtcc init` makes it")
        yield _disk(asking.home_root)
        yield _graphics("cpu")
        return
    except RtccError as error:
        yield Finding("home", "fail", str(error), "mend config.toml")
        return
    yield _home(home)
    yield _disk(home.root)
    yield _graphics(home.device)
    yield _keeper(home)
    yield from _open_ports(home)
    yield _assets(home)
    yield _postgres(home)


def _python() -> Finding:
    found = platform.python_version()
    if sys.version_info[:2] == PYTHON:
        return Finding("python", "ok", found)
    wanted = ".".join(str(part) for part in PYTHON)
    return Finding("python", "fail", found, f"use Python {wanted}: the pinned packages are built for it")


def _packages() -> Finding:
    versions, missing = [], []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "fail", f"{', '.join(missing)} missing", "`make venv` installs them")
    return Finding("packages", "ok", ", ".join(versions))


def _extensions() -> Finding:
    wanted = importlib.metadata.version("duckdb")
    wrong = []
    for name in EXTENSIONS:
        package = f"duckdb-extension-{name.replace('_', '-')}"
        try:
            found = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found != wanted:
            wrong.append(f"{package} {found}")
    if wrong:
        return Finding("extensions", "fail", ", ".join(wrong), f"install each at {wanted}, the version of duckdb")
    return Finding("extensions", "ok", f"{', '.join(EXTENSIONS)} {wanted}")


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    found = f"{free / 1e9:.1f} GB free of {psutil.virtual_memory().total / 1e9:.1f} GB"
    if free >= LEAST_MEMORY_BYTES:
        return Finding("memory", "ok", found)
    return Finding("memory", "warn", found, "close other programs, or index with --workers 1")


def _shared_memory() -> Finding:
    try:
        size = shutil.disk_usage("/dev/shm").total
    except OSError:
        size = 0
    if size >= LEAST_SHM_BYTES:
        return Finding("shared memory", "ok", f"/dev/shm has {size / 1e6:.0f} MB")
    to_do = "works, a little slower; give containers --shm-size=512m"
    return Finding("shared memory", "warn", f"/dev/shm has {size / 1e6:.0f} MB", to_do)


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError as error:
        to_do = "Ray and the keeper talk over 127.0.0.1: allow it in the sandbox or firewall"
        return Finding("ports", "fail", f"127.0.0.1 cannot be used: {error.strerror or error}", to_do)
    return Finding("ports", "ok", "127.0.0.1 takes connections")


def _home(home: Home) -> Finding:
    if not os.access(home.root, os.W_OK):
        return Finding(
            "home", "fail", f"{home.root} cannot be written", "give this account the right to write there"
        )
    return Finding("home", "ok", f"{home.root} ({home.catalog.split(':')[0]} catalog)")


def _disk(place: Path) -> Finding:
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free"
    if free >= LEAST_DISK_BYTES:
        return Finding("disk", "ok", found)
    return Finding("disk", "warn", found, "make room, or set RTCC_HOME to another disk")


def _graphics(device: str) -> Finding:
    import torch

    there = torch.cuda.is_available()
    if device.startswith("cuda") and not there:
        to_do = 'set device = "cpu" in config.toml, or install the driver'
        return Finding("gpu", "fail", f"device {device!r} is set, but there is none", to_do)
    if not there:
        return Finding("gpu", "ok", "none; the CPU does the work")
    to_do = "" if device.startswith("cuda") else 'set device = "cuda" in config.toml to use it'
    return Finding("gpu", "ok", torch.cuda.get_device_name(0), to_do)


def _tried(what: str, attempt: Callable[[], str], to_do: str) -> Finding:
    try:
        return Finding(what, "ok", attempt())
    except RtccError as error:
        return Finding(what, "fail", str(error), to_do)


def _keeper(home: Home) -> Finding:
    from catalog.client import open_door

    def attempt() -> str:
        with open_door(home) as door:
            return f"answers at {door.connect().address}"

    return _tried("keeper", attempt, f"see {home.run_dir / 'keeper.log'}")


def _open_ports(home: Home) -> Iterator[Finding]:
    from apps.doctor_ports import doors, rules

    every = doors(home)
    reachable = [door for door in every if door.reachable]
    for door in reachable:
        yield Finding("open port", "warn", door.as_text, "reachable from other machines; see firewall")
    if reachable:
        found = f"{len(reachable)} of {len(every)} ports are open to other machines"
        to_do = f"close them, unless a firewall does, with `sudo nft -f FILE` and this in FILE:\n{rules(reachable)}"
        yield Finding("firewall", "warn", found, to_do)
    else:
        listening = len({door.pid for door in every})
        who = "1 process of ours listens" if listening == 1 else f"{listening} processes of ours listen"
        yield Finding("firewall", "ok", f"{who}, on this machine alone")


def _assets(home: Home) -> Finding:
    found = AssetStore(home.assets_dir).status()
    wrong = [one.asset.name for one in found if one.state == "wrong digest"]
    missing = [one.asset.name for one in found if one.state == "missing" and one.asset.required]
    here = ", ".join(one.asset.name for one in found if one.state == "ready") or "none"
    if wrong:
        return Finding("assets", "fail", f"{', '.join(wrong)} have other bytes than listed", "`rtcc assets pull`")
    if missing:
        return Finding("assets", "warn", f"{', '.join(missing)} not here yet", "`rtcc assets pull` fetches them")
    return Finding("assets", "ok", here)


def _postgres(home: Home) -> Finding:
    if home.catalog.startswith("postgres"):
        return Finding("postgres", "ok", "the catalog is there, and the keeper reached it")
    return Finding("postgres", "ok", "not used; the catalog is SQLite")
