"""The keeper as a process: `python -m catalog.serve HOME`, an Arrow Flight server on this machine alone."""

from __future__ import annotations

import argparse
import contextlib
import hmac
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyarrow import flight

from catalog.errors import KeeperUnavailable, RtccError
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.whereabouts import Whereabouts, token
from catalog.wire import (
    decode_changes_request,
    decode_lease_request,
    decode_request,
    encode_answer,
    encode_changes,
    encode_error,
    encode_leases,
    encode_roster,
)

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
"""The door opens to this machine alone."""

HELD_LOCK_WAIT_S = 2.0
"""How long to wait for a keeper that is just closing, seconds."""


class _Guard(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Lets in only who carries the home's token."""

    def __init__(self, expected: str) -> None:
        super().__init__()
        self._expected = f"Bearer {expected}".encode()

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> None:
        """Refuse a call without the token; the comparison takes the same time wherever they differ."""
        given = headers.get("authorization", [""])[0]
        if not hmac.compare_digest(given.encode(), self._expected):
            raise flight.FlightUnauthenticatedError("the keeper's token is missing or wrong")


class Door(flight.FlightServerBase):  # type: ignore[misc]
    """A keeper behind Arrow Flight: `write` waits for its commit, `alert_changes` for news, all else for nothing.

    Each call has a thread of its own for as long as it lasts: those that wait hold up nobody.
    """

    def __init__(self, keeper: Keeper, bearer: str, *, port: int = 0) -> None:
        super().__init__(f"grpc://{HOST}:{port}", middleware={"guard": _Guard(bearer)})
        self._keeper = keeper
        self._busy = threading.Lock()
        self._roster_bytes = ("", b"")
        """The last roster asked for: version and bytes; replaced as one."""
        self._in_flight, self._last_asked_s = 0, time.monotonic()

    def do_action(self, context: Any, action: flight.Action) -> list[flight.Result]:
        """Answer one request; what goes wrong travels as an answer, with its type."""
        if action.type == "ping":
            return [flight.Result(b"")]
        with self._counted():
            answers = {"lease": self._lease, "roster": self._roster, "alert_changes": self._alert_changes}
            return [flight.Result(answers.get(action.type, self._answer)(action))]

    def idle_s(self) -> float:
        """Return for how long nobody has asked anything, seconds."""
        with self._busy:
            return 0.0 if self._in_flight else time.monotonic() - self._last_asked_s

    def _answer(self, action: flight.Action) -> bytes:
        try:
            envelope = decode_request(action.body)
            if envelope.request is None:
                return encode_answer(self._keeper.maintain())
            return encode_answer(self._keeper.submit(envelope.request, envelope.writer, envelope.sequence).result())
        except Exception as error:  # noqa: BLE001  whoever asked gets it, with its type
            return _refusal(error)

    def _roster(self, action: flight.Action) -> bytes:
        roster = self._keeper.roster(bytes(action.body).decode())
        if roster is None:
            return encode_roster(None)
        version, encoded = self._roster_bytes
        if version != roster.version:  # several ask for the same one, once a second
            encoded = encode_roster(roster)
            self._roster_bytes = (roster.version, encoded)
        return encoded

    def _lease(self, action: flight.Action) -> bytes:
        try:
            return encode_leases(self._keeper.lease(*decode_lease_request(action.body)))
        except Exception as error:  # noqa: BLE001  whoever asked gets it, with its type
            return _refusal(error)

    def _alert_changes(self, action: flight.Action) -> bytes:
        try:
            return encode_changes(self._keeper.alert_changes(*decode_changes_request(action.body)))
        except Exception as error:  # noqa: BLE001  whoever asked gets it, with its type
            return _refusal(error)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._busy:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._busy:
                self._in_flight -= 1
                self._last_asked_s = time.monotonic()


def _refusal(error: Exception) -> bytes:
    if not isinstance(error, RtccError):
        log.error("a request failed in a way nobody foresaw", exc_info=error)
    return encode_error(error)


def serve(
    home: Home, *, idle_exit_s: float | None = None, port: int = 0, stop: threading.Event | None = None
) -> None:
    """Keep this home until `stop` is set, or nobody has asked anything for `idle_exit_s` seconds.

    Raises
    ------
    KeeperUnavailable
        When another process keeps it already.
    """
    stop = stop or threading.Event()
    with _open_keeper(home) as keeper:
        bearer = token(home)
        door = Door(keeper, bearer, port=port)
        here = Whereabouts(f"grpc://{HOST}:{door.port}", os.getpid(), bearer)
        here.publish(home)
        log.info("keeping %s at %s", home.root, here.address)
        try:
            while not stop.wait(0.5) and (idle_exit_s is None or door.idle_s() < idle_exit_s):
                pass
        finally:
            here.retract(home)
            keeper.keep_nobody_waiting()  # the door waits for every call that is under way
            door.shutdown()


def _open_keeper(home: Home) -> Keeper:
    patience_s = time.monotonic() + HELD_LOCK_WAIT_S
    while True:
        try:
            return Keeper(home)
        except KeeperUnavailable:
            if time.monotonic() > patience_s:
                raise
            time.sleep(0.05)


def main(arguments: list[str] | None = None) -> int:
    """Run the keeper of the home named on the command line; the exit code is the error's."""
    parser = argparse.ArgumentParser(prog="python -m catalog.serve", description=__doc__)
    parser.add_argument("home", type=Path, help="the data home to keep")
    parser.add_argument("--idle-exit", type=float, default=None, metavar="S", help="leave after S idle seconds")
    parser.add_argument("--port", type=int, default=0, help="port on the loopback interface; 0 for any free one")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(Home.open(given.home), idle_exit_s=given.idle_exit, port=given.port, stop=stop)
    except RtccError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
