"""The keeper from outside: finds it, starts it where none runs, and repeats what a lost one did not answer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
from pyarrow import flight

from catalog import errors
from catalog.access import Access
from catalog.audit import AuditLine
from catalog.consent import Consent
from catalog.errors import KeeperUnavailable, RtccError
from catalog.footage import Gap, Segment
from catalog.home import Home
from catalog.maintenance import Maintained
from catalog.observations import Run, SegmentRows
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import Span
from catalog.whereabouts import Whereabouts, find
from catalog.wire import Envelope, decode_answer, encode_request
from catalog.writes import AddFootage, Append, Grant, Permit, Record, Register, Request, StartRun, Withdraw

IDLE_EXIT_S = 60
"""A keeper that a client started leaves after so long without requests, seconds."""

CALL_TIMEOUT_S = 120.0
"""A request without an answer for so long is repeated, seconds; far above the longest merge."""

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


@dataclass
class _Lane:
    """One numbered row of requests: the next is sent when the last is answered."""

    writer: str
    sequence: int = 0


class KeeperClient:
    """The write door of one home, through whatever process keeps it.

    Every thread that asks at the same time gets a lane of its own, with its own numbers. It may be pickled:
    a copy finds the keeper by itself and is another writer.

    Parameters
    ----------
    home
        Whose keeper.
    spawn
        Start a keeper where none runs.
    wait_s
        How long to look for a keeper, or wait for one to start, before giving up, seconds.
    """

    def __init__(self, home: Home, *, spawn: bool = True, wait_s: float = 20.0) -> None:
        self.home, self._spawn, self._wait_s = home, spawn, wait_s
        self._guard = threading.Lock()
        self._lanes: list[_Lane] = []
        self._connection: tuple[Whereabouts, flight.FlightClient] | None = None
        self._pid = os.getpid()

    def __reduce__(self) -> tuple[Callable[..., KeeperClient], tuple[Path, bool, float]]:
        return _reopened, (self.home.root, self._spawn, self._wait_s)

    def register(
        self,
        access: Access,
        *,
        cameras: Sequence[Camera] = (),
        mountings: Sequence[Mounting] = (),
        zones: Sequence[Zone] = (),
    ) -> int:
        """Add or replace cameras, mountings and zones by id; return the snapshot that holds them."""
        return cast(int, self._ask(Register(access, tuple(cameras), tuple(mountings), tuple(zones))))

    def grant(self, access: Access, consent: Consent) -> int:
        """Add or replace a consent; return the snapshot that holds it."""
        return cast(int, self._ask(Grant(access, consent)))

    def withdraw(self, access: Access, consent_id: str) -> int:
        """Take a consent back as of now; return the snapshot that says so."""
        return cast(int, self._ask(Withdraw(access, consent_id)))

    def add_footage(self, access: Access, segments: Sequence[Segment], gaps: Sequence[Gap]) -> int:
        """Add or replace segments and gaps by id; return the snapshot that holds them."""
        return cast(int, self._ask(AddFootage(access, tuple(segments), tuple(gaps))))

    def start_run(self, access: Access, run: Run) -> Run:
        """Return the run as it is kept: this one, or the one that was started first under its id."""
        return cast(Run, self._ask(StartRun(access, run)))

    def append(self, access: Access, rows: SegmentRows) -> int:
        """Replace what a run states about a segment; return the snapshot that holds it."""
        return cast(int, self._ask(Append(access, rows, "")))

    def record(self, access: Access, line: AuditLine) -> str:
        """Add a line to the audit; return its digest."""
        return cast(str, self._ask(Record(access, line)))

    def permit(self, access: Access, camera_id: str, footage: Span) -> None:
        """Return if this footage may be opened now, else raise `NotPermitted`."""
        self._ask(Permit(access, camera_id, footage))

    def maintain(self) -> Maintained:
        """Merge small files, expire old snapshots, remove files nobody reads any more."""
        return cast(Maintained, self._ask(None))

    def close(self) -> None:
        """Let go of the connection; the keeper leaves by itself when nobody asks any more."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection[1].close()

    def __enter__(self) -> KeeperClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> Whereabouts:
        """Find the keeper, or start one, and return where it is.

        Raises
        ------
        KeeperUnavailable
            When none answers in time.
        """
        return self._reach(time.monotonic() + self._wait_s)[0]

    def _ask(self, request: Request | None) -> object:
        with self._lane() as lane:
            lane.sequence += 1
            return self._send(encode_request(Envelope(request, lane.writer, lane.sequence)))

    @contextlib.contextmanager
    def _lane(self) -> Iterator[_Lane]:
        with self._guard:
            if self._pid != os.getpid():  # after a fork: the numbers and the socket belong to the parent
                self._pid, self._lanes, self._connection = os.getpid(), [], None
            # Randomness, not content: two processes doing the same work must not share their numbers.
            lane = self._lanes.pop() if self._lanes else _Lane(f"{os.getpid()}-{secrets.token_hex(6)}")
        try:
            yield lane
        except KeeperUnavailable:
            raise  # whether its last request was kept is unknown: nobody goes on with this lane
        except RtccError:
            self._give_back(lane)
            raise
        self._give_back(lane)

    def _give_back(self, lane: _Lane) -> None:
        with self._guard:
            self._lanes.append(lane)

    def _send(self, body: bytes) -> object:
        """Send a request until it is answered: a repeated one is recognised by its number."""
        give_up_s = time.monotonic() + self._wait_s
        while True:
            where, connection = self._reach(give_up_s)
            try:
                return decode_answer(_call(connection, where, "write", body, CALL_TIMEOUT_S))
            except (*LOST, KeeperUnavailable) as error:
                self._drop(connection)
                if time.monotonic() > give_up_s:
                    raise KeeperUnavailable(
                        f"the keeper of {self.home.root} does not answer ({_first_line(error)}); see "
                        f"{self.home.run_dir / 'keeper.log'}"
                    ) from error
            time.sleep(PAUSE_S)

    def _drop(self, connection: flight.FlightClient) -> None:
        with self._guard:
            if self._connection is not None and self._connection[1] is connection:
                self._connection = None

    def _reach(self, give_up_s: float) -> tuple[Whereabouts, flight.FlightClient]:
        with self._guard:
            if self._connection is None:
                self._connection = _found(self.home) or self._start(give_up_s)
            return self._connection

    def _start(self, give_up_s: float) -> tuple[Whereabouts, flight.FlightClient]:
        if not self._spawn:
            return _awaited(self.home, give_up_s, None)
        with _only_starter(self.home, give_up_s):
            found = _found(self.home)
            if found is not None:
                return found
            with open(self.home.run_dir / "keeper.log", "ab") as report:
                return _awaited(self.home, give_up_s, report)


def open_door(home: Home, *, spawn: bool = True, wait_s: float = 20.0) -> KeeperClient:
    """Return the write door of a home, through the process that keeps it; start one where none runs.

    Raises
    ------
    KeeperUnavailable
        When no keeper answers within `wait_s` seconds.
    CatalogConflict, StorageFailed
        When the keeper that was started could not open the catalog.
    """
    client = KeeperClient(home, spawn=spawn, wait_s=wait_s)
    client.connect()
    return client


def _reopened(root: Path, spawn: bool, wait_s: float) -> KeeperClient:
    return KeeperClient(Home.open(root), spawn=spawn, wait_s=wait_s)


def _call(client: flight.FlightClient, where: Whereabouts, kind: str, body: bytes, timeout_s: float) -> pa.Buffer:
    headers = [(b"authorization", f"Bearer {where.token}".encode())]
    options = flight.FlightCallOptions(timeout=timeout_s, headers=headers)
    results = list(client.do_action(flight.Action(kind, body), options))
    return results[0].body


def _found(home: Home) -> tuple[Whereabouts, flight.FlightClient] | None:
    """Return the keeper that answers at the published address, or `None`."""
    where = find(home)
    if where is None:
        return None
    client = flight.FlightClient(where.address)
    try:
        _call(client, where, "ping", b"", PING_TIMEOUT_S)
    except LOST:
        client.close()
        return None
    return where, client


@contextlib.contextmanager
def _only_starter(home: Home, give_up_s: float) -> Iterator[None]:
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


def _awaited(home: Home, give_up_s: float, report: IO[bytes] | None) -> tuple[Whereabouts, flight.FlightClient]:
    """Wait for a keeper to answer; with a report file, start one whenever none is starting."""
    child: subprocess.Popen[bytes] | None = None
    while True:
        if report is not None and (child is None or child.poll() is not None):
            if child is not None and child.returncode != KeeperUnavailable.exit_code:
                raise _why_it_failed(home, child.returncode)
            child = _spawned(home, report)
        found = _found(home)
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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
