"""The keeper from outside: finds it, starts it where none runs, and repeats what a lost one did not answer."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
from pyarrow import flight

from catalog.access import Access
from catalog.alert_board import LONGEST_WAIT_S, AlertChanges
from catalog.errors import KeeperUnavailable, RtccError
from catalog.finding import LOST, PAUSE_S, awaited, call, found_keeper, only_starter
from catalog.home import Home
from catalog.leases import Lease
from catalog.maintenance import Maintained
from catalog.observations import SegmentRows
from catalog.roster import Roster
from catalog.whereabouts import Whereabouts, find
from catalog.wire import (
    Envelope,
    decode_answer,
    decode_changes,
    decode_roster,
    encode_changes_request,
    encode_lease_request,
    encode_request,
)
from catalog.writes import Append, Request, WriteDoor

CALL_TIMEOUT_S = 120.0
"""A request without an answer for so long is repeated, seconds; far above the longest merge."""


@dataclass
class _Lane:
    """One numbered row of requests: the next is sent when the last is answered."""

    writer: str
    sequence: int = 0


class KeeperClient(WriteDoor):
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
        # Leases have a connection of their own: they may not wait for whoever is looking for a keeper.
        self._guard_leasing = threading.Lock()
        self._leasing: tuple[int, Whereabouts, flight.FlightClient] | None = None
        self._pid = os.getpid()

    def __reduce__(self) -> tuple[Callable[..., KeeperClient], tuple[Path, bool, float]]:
        return _reopened, (self.home.root, self._spawn, self._wait_s)

    def lease(self, access: Access, camera_ids: Sequence[str], timeout_s: float = 1.0) -> tuple[Lease, ...]:
        """Return for each camera whether its live feed may be read now; asked once, and no keeper is started.

        Raises
        ------
        KeeperUnavailable
            When no keeper answers within `timeout_s` seconds.
        """
        body = encode_lease_request(access, camera_ids)
        return cast(tuple[Lease, ...], decode_answer(self._at_once("lease", body, timeout_s)))

    def roster(self, known: str = "", timeout_s: float = 1.0) -> Roster | None:
        """Return registry and open alerts, `None` while the version `known` still stands; asked once.

        Raises
        ------
        KeeperUnavailable
            When no keeper answers within `timeout_s` seconds.
        """
        return decode_roster(self._at_once("roster", known.encode(), timeout_s))

    def alert_changes(self, known: str = "", wait_s: float = 0.0, timeout_s: float = 1.0) -> AlertChanges:
        """Return what has become of alerts since the version `known`; asked once, waiting at most `wait_s` seconds.

        Closing the door cuts no wait short.

        Raises
        ------
        KeeperUnavailable
            When no keeper answers within `timeout_s` seconds after the wait.
        """
        wait_s = min(wait_s, LONGEST_WAIT_S)
        body = encode_changes_request(known, wait_s)
        return decode_changes(self._at_once("alert_changes", body, wait_s + timeout_s))

    def _at_once(self, kind: str, body: bytes, timeout_s: float) -> pa.Buffer:
        """Ask what is answered without waiting for a commit: once, and no keeper is started for it."""
        with self._guard_leasing:
            leasing = self._leasing if self._leasing is not None and self._leasing[0] == os.getpid() else None
            if leasing is None:
                where = find(self.home)
                if where is None:
                    raise KeeperUnavailable(f"no keeper of {self.home.root} has said where it is")
                leasing = self._leasing = (os.getpid(), where, flight.FlightClient(where.address))
        try:
            return call(leasing[2], leasing[1], kind, body, timeout_s)
        except LOST as error:
            with self._guard_leasing:
                if self._leasing is leasing:
                    self._leasing = None
            raise KeeperUnavailable(
                f"the keeper of {self.home.root} did not answer within {timeout_s:g} s ({_first_line(error)})"
            ) from error

    def append(self, access: Access, rows: SegmentRows) -> int:
        """Replace what a run states about a segment; return the snapshot that holds it."""
        return cast(int, self._ask(Append(access, rows, "")))

    def maintain(self) -> Maintained:
        """Merge small files, expire old snapshots, remove files nobody reads any more."""
        return cast(Maintained, self._ask(None))

    def close(self) -> None:
        """Let go of the connection; the keeper leaves by itself when nobody asks any more."""
        with self._guard:
            connection, self._connection = self._connection, None
        with self._guard_leasing:
            leasing, self._leasing = self._leasing, None
        if connection is not None:
            connection[1].close()
        if leasing is not None and leasing[0] == os.getpid():
            leasing[2].close()

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
                return decode_answer(call(connection, where, "write", body, CALL_TIMEOUT_S))
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
                self._connection = found_keeper(self.home) or self._start(give_up_s)
            return self._connection

    def _start(self, give_up_s: float) -> tuple[Whereabouts, flight.FlightClient]:
        if not self._spawn:
            return awaited(self.home, give_up_s, None)
        with only_starter(self.home, give_up_s):
            found = found_keeper(self.home)
            if found is not None:
                return found
            with open(self.home.run_dir / "keeper.log", "ab") as report:
                return awaited(self.home, give_up_s, report)


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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
