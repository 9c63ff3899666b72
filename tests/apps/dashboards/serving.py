"""A pages' server as a process of its own, and people who ask it things."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nbformat
from argon2 import PasswordHasher
from jupyter_client.session import Session as KernelSession
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from websockets.sync.client import ClientConnection, connect

from apps import accounts as accounts_module
from apps.accounts import Accounts
from apps.edge import now
from apps.sessions import COOKIE, issue
from catalog.home import Home

PROTOCOL = "v1.kernel.websocket.jupyter.org"
KERNEL_ID = re.compile(r'"kernelId": "([0-9a-f-]{36})"')
ROOT = Path(__file__).parents[3]

START_S = 60.0
"""Longest wait for a server, seconds; a busy machine takes ten."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def people(home: Home, *names_and_roles: tuple[str, str]) -> None:
    """Add accounts, with hashes that cost nothing: nobody signs in with a password here."""
    dear, accounts_module._HASHER = accounts_module._HASHER, PasswordHasher(1, 64, 1)
    try:
        for name, role in names_and_roles:
            Accounts(home).add(name, role, name.title(), "a password nobody uses")  # type: ignore[arg-type]
    finally:
        accounts_module._HASHER = dear


def notebook(path: Path, *cells: str) -> None:
    """Write a notebook of these cells."""
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(metadata=spec, cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, path)


@dataclass(frozen=True)
class Serving:
    """A server that runs, and its home."""

    home: Home
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cookie(self, name: str) -> dict[str, str]:
        """Return the header with somebody's session."""
        return {"Cookie": f"{COOKIE}={issue(self.home, Accounts(self.home).get(name), now())}"}

    def as_(self, name: str | None) -> httpx.Client:
        """Return a client of somebody who is signed in, or of nobody."""
        return httpx.Client(
            base_url=self.url, headers=self.cookie(name) if name else {}, timeout=30.0, verify=False
        )

    def opened(self, name: str, page: str = "operations") -> str:
        """Return the kernel of a page that somebody opens now."""
        with self.as_(name) as client:
            answer = client.get(f"/voila/render/{page}.ipynb")
        assert answer.status_code == 200, answer.text
        found = KERNEL_ID.search(answer.text)
        assert found is not None
        return found[1]

    @contextmanager
    def connected(self, name: str | None, kernel_id: str, base: str = "/voila/", **named: Any) -> Iterator[Talk]:
        """Connect somebody to a kernel."""
        named = {"subprotocols": [PROTOCOL], "additional_headers": self.cookie(name) if name else {}} | named
        session = f"session_id=s{time.monotonic_ns()}"
        address = f"ws://127.0.0.1:{self.port}{base}api/kernels/{kernel_id}/channels?{session}"
        with connect(address, open_timeout=30.0, **named) as connection:
            yield Talk(connection)


class Talk:
    """What somebody says to a kernel, and hears."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._session = KernelSession()

    def say(self, kind: str, content: Mapping[str, Any], channel: str = "shell") -> str:
        """Send a message, and return its id."""
        message = self._session.msg(kind, dict(content), metadata={"version": "1.0"})
        self.connection.send(serialize_msg_to_ws_v1(message, channel, self._session.pack))
        said: str = message["header"]["msg_id"]
        return said

    def heard(self, timeout_s: float = 20.0) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield what comes: the type, what it answers, and its content."""
        while True:
            raw = self.connection.recv(timeout_s)
            assert isinstance(raw, bytes)
            _, parts = deserialize_msg_from_ws_v1(raw)
            header, parent, _, content = (self._session.unpack(part) for part in parts[:4])
            yield header["msg_type"], parent.get("msg_id", ""), content

    def answer(self, kind: str, asked: str) -> dict[str, Any]:
        """Return the answer to a message; what comes before it is passed over."""
        return next(content for found, parent, content in self.heard() if found == kind and parent == asked)


@contextmanager
def serving(home: Home, pages: Path, log: Path, environment: Mapping[str, str] = {}) -> Iterator[Serving]:
    """Run a pages' server."""
    command = ["apps.dashboards.server", str(home.root), "--pages", str(pages)]
    with _running(home, command, "/voila/healthz", log, environment) as found:
        yield found


@contextmanager
def lab(home: Home, log: Path, environment: Mapping[str, str] = {}) -> Iterator[Serving]:
    """Run JupyterLab for investigators."""
    with _running(home, ["apps.dashboards.lab", str(home.root)], "/lab/api", log, environment) as found:
        yield found


@contextmanager
def _running(
    home: Home, module: list[str], health: str, log: Path, environment: Mapping[str, str]
) -> Iterator[Serving]:
    port = free_port()
    command = [sys.executable, "-m", *module, "--port", str(port)]
    with log.open("wb") as report:
        process = subprocess.Popen(
            command, stdout=report, stderr=subprocess.STDOUT, env=os.environ | environment, cwd=ROOT
        )
    try:
        await_health(f"http://127.0.0.1:{port}{health}", process, log)
        yield Serving(home, port, process, log)
    finally:
        process.terminate()
        process.wait(20)


def await_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers."""
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s and process.poll() is None:
        try:
            if httpx.get(url, timeout=5.0).status_code == 200:
                return
        except httpx.HTTPError:
            threading.Event().wait(0.05)
    raise AssertionError(f"no server at {url}:\n{log.read_text()}")
