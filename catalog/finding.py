"""A home's keeper found where it answers, or started where none does."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
from pyarrow import flight

from catalog import errors
from catalog.errors import KeeperUnavailable, RtccError
from catalog.home import Home
from catalog.whereabouts import Whereabouts, find

IDLE_EXIT_S = 60
"""A keeper that a client started leaves after so long without requests, seconds."""

PING_TIMEOUT_S = 2.0
"""An address that does not answer a ping for so long holds no keeper, seconds."""

PAUSE_S = 0.05
"""Between two looks for a keeper that is starting, seconds."""

LOST = (
    flight.FlightUnavailableError,
    flight.FlightTimedOutError,
    flight.FlightInternalError,
    flight.FlightCancelledError,
    flight.FlightUnauthenticatedError,
)
"""What Arrow Flight raises when the keeper it spoke to is gone, or another one answers in its place."""


def call(client: flight.FlightClient, where: Whereabouts, kind: str, body: bytes, timeout_s: float) -> pa.Buffer:
    """Return what the keeper answers to one action within `timeout_s` seconds."""
    headers = [(b"authorization", f"Bearer {where.token}".encode())]
    options = flight.FlightCallOptions(timeout=timeout_s, headers=headers)
    results = list(client.do_action(flight.Action(kind, body), options))
    return results[0].body


def found_keeper(home: Home) -> tuple[Whereabouts, flight.FlightClient] | None:
    """Return the keeper that answers at the published address, or `None`."""
    where = find(home)
    if where is None:
        return None
    client = flight.FlightClient(where.address)
    try:
        call(client, where, "ping", b"", PING_TIMEOUT_S)
    except LOST:
        client.close()
        return None
    return where, client


@contextlib.contextmanager
def only_starter(home: Home, give_up_s: float) -> Iterator[None]:
    """Hold the lock under which one client at a time starts a keeper, or wait in vain until `give_up_s`."""
    home.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(home.run_dir / "start.lock", "w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_s:
                    raise KeeperUnavailable(
                        f"another process has been starting the keeper of {home.root} for long"
                    ) from None
                time.sleep(PAUSE_S)
        yield


def awaited(home: Home, give_up_s: float, report: IO[bytes] | None) -> tuple[Whereabouts, flight.FlightClient]:
    """Wait for a keeper to answer; with a report file, start one whenever none is starting."""
    child: subprocess.Popen[bytes] | None = None
    while True:
        if report is not None and (child is None or child.poll() is not None):
            if child is not None and child.returncode != KeeperUnavailable.exit_code:
                raise _why_it_failed(home, child.returncode)
            child = _spawned(home, report)
        found = found_keeper(home)
        if found is not None:
            return found
        if time.monotonic() > give_up_s:
            hint = "start one with `python -m catalog.serve`" if report is None else "see run/keeper.log there"
            raise KeeperUnavailable(f"no keeper of {home.root} answers; {hint}")
        time.sleep(PAUSE_S)


def _spawned(home: Home, report: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "catalog.serve", str(home.root), "--idle-exit", str(IDLE_EXIT_S)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=report, stderr=subprocess.STDOUT, start_new_session=True
    )


def _why_it_failed(home: Home, code: int) -> RtccError:
    lines = (home.run_dir / "keeper.log").read_text(errors="replace").strip().splitlines()
    name, _, text = (lines[-1] if lines else "").partition(": ")
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, RtccError):
        return kind(text)
    return KeeperUnavailable(f"the keeper of {home.root} left with code {code}; see {home.run_dir / 'keeper.log'}")
