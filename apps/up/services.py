"""The servers behind the command center's one address: how each is started, and whether it answers."""

from __future__ import annotations

import http.client
import socket
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from apps.parts import Child, Part
from catalog.errors import BadInput
from catalog.home import Home

HOST = "127.0.0.1"
"""Everything listens on this machine alone."""

PROBE_S = 1.0
"""Longest wait for an answer to the question whether a server is there, seconds."""

START_S = 90.0
"""A server that does not answer so long after its start is started again, seconds; JupyterLab takes 10 on a busy
machine."""

STOP_S = 10.0
"""Longest wait for a server to end, seconds."""


@dataclass(frozen=True)
class Service:
    """One server: the command that runs it, and an address that answers when it does."""

    name: str
    command: tuple[str, ...]
    probe_url: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.probe_url).port or 0


def services_of(home: Home, port: int) -> tuple[Service, ...]:
    """Return gateway, Voila and JupyterLab; the last two on ports nobody uses, which they keep."""
    voila_port, lab_port = free_port(), free_port()
    voila, lab = f"http://{HOST}:{voila_port}", f"http://{HOST}:{lab_port}"
    root, python = str(home.root), sys.executable
    gateway = (
        python, "-m", "apps.gateway", root, "--supervised", "--port", str(port), "--voila", voila, "--lab", lab,
    )  # fmt: skip
    return (
        Service("gateway", gateway, f"http://{HOST}:{port}/healthz"),
        Service(
            "pages",
            (python, "-m", "apps.dashboards.server", root, "--port", str(voila_port)),
            f"{voila}/voila/healthz",
        ),
        Service("lab", (python, "-m", "apps.dashboards.lab", root, "--port", str(lab_port)), f"{lab}/lab/api"),
    )


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])


def require_free(port: int) -> None:
    """Return if nobody listens on this port.

    Raises
    ------
    BadInput
        When somebody does; the message says who, where that can be seen.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except PermissionError:
            raise BadInput(f"port {port} is not for this account; choose one above 1023 with --port") from None
        except OSError:
            raise BadInput(
                f"port {port} is taken{_by_whom(port)}; end that, or choose another with --port"
            ) from None


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def answers(url: str) -> bool:
    """Tell whether a server answers at this address, whatever it says: it may well refuse a stranger."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=PROBE_S)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Watched:
    """A service that is supervised: started, asked whether it answers, started again when it dies."""

    def __init__(self, home: Home, service: Service) -> None:
        self.home, self.service = home, service
        self.part = Part(service.name)
        self.restarts = 0
        self.detail = ""
        self._spawned_s = 0.0

    @property
    def up(self) -> bool:
        """True while it runs and has answered."""
        return self.part.started_s is not None and self.part.running is not None

    @property
    def pid(self) -> int | None:
        """Its process, where one runs."""
        running = self.part.running
        return running.process.pid if isinstance(running, Child) and running.alive() else None

    def look(self, now_s: float) -> None:
        """Start it where it does not run and may; find out whether it answers."""
        running = self.part.running
        if running is not None and not running.alive():
            self._died(now_s, "it has died")
        elif running is not None and not self.up:
            if answers(self.service.probe_url):
                self.part.started_s, self.part.ran, self.detail = now_s, True, ""
            elif now_s - self._spawned_s > START_S:
                running.stop()
                self._died(now_s, f"it did not answer within {START_S:.0f} s")
        if self.part.running is None and now_s >= self.part.not_before_s:
            self.part.running = Child(self.home, self.service.name, self.service.command, STOP_S)
            self._spawned_s = now_s

    def stop(self) -> None:
        """End it."""
        if self.part.running is not None:
            self.part.running.stop()
            self.part.running = None

    def _died(self, now_s: float, why: str) -> None:
        wait_s = self.part.died(now_s)
        self.restarts += 1
        self.detail = f"{why}; see run/live/{self.service.name}.log; it is started again in {wait_s:.1f} s"
