"""A Ray cluster as an operator starts it: `ray start --head`, on this machine alone."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ray_jobs.lean_node import python_path


@dataclass(frozen=True)
class Started:
    """A cluster that is up."""

    address: str
    """`host:port` that drivers connect to."""
    jobs_address: str
    """Where it takes jobs."""
    token_path: Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class NotStarted(Exception):
    """`ray start` ended without a cluster."""


@contextmanager
def started_cluster(folder: Path, *, auth_mode: str = "token") -> Iterator[Started]:
    """Start a head in the foreground, and stop it and all it started at the end."""
    token_path = folder / "token"
    token_path.write_text(secrets.token_hex(32))
    token_path.chmod(0o600)
    try:
        process, started = _start(token_path, auth_mode)
    except NotStarted:  # a port that was free is not for ever
        process, started = _start(token_path, auth_mode)
    try:
        yield started
    finally:
        _stop(process)


def _start(token_path: Path, auth_mode: str) -> tuple[subprocess.Popen[str], Started]:
    port, jobs_port = free_port(), free_port()
    environment = os.environ | {
        "RAY_AUTH_MODE": auth_mode, "RAY_AUTH_TOKEN_PATH": str(token_path), "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_enable_metrics_collection": "0",
    }  # fmt: skip
    environment.pop("RAY_ADDRESS", None)
    # No operator does this; it starts in a third of the time.
    environment["PYTHONPATH"] = python_path(environment.get("PYTHONPATH", ""))
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2",
        "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=true", "--dashboard-host=127.0.0.1",
        f"--dashboard-port={jobs_port}", f"--dashboard-agent-listen-port={free_port()}",
        f"--ray-client-server-port={free_port()}",
        f"--object-store-memory={256 * 1024 * 1024}", "--disable-usage-stats",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        _await_start(process)
    except BaseException:
        _stop(process)
        raise
    return process, Started(f"127.0.0.1:{port}", f"http://127.0.0.1:{jobs_port}", token_path)


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_start(process: subprocess.Popen[str]) -> None:
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if re.search(r"Ray runtime started", line):
            return
    raise NotStarted("".join(said))
