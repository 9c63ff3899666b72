"""The room: what all routes share. The catalog's doors in bounded threads, who looks through what, the settings."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, cast

import pyarrow as pa
from starlette.requests import HTTPConnection

from apps.accounts import Accounts
from apps.edge import now as present
from apps.gateway.devices import Devices
from apps.gateway.following import Following
from apps.gateway.limits import Limits
from apps.gateway.nonces import Nonces
from apps.gateway.refusals import Busy
from apps.gateway.settings import Policy
from apps.gateway.state import State
from apps.gateway.watches import Watches
from catalog.access import Access
from catalog.client import KeeperClient
from catalog.errors import RtccError
from catalog.home import Home
from catalog.reader import Reader
from catalog.writes import WriteDoor

log = logging.getLogger(__name__)

T = TypeVar("T")


KEEPER_WAIT_S = 6.0
"""Longest wait for a keeper that is away, seconds: one that died answers again before, and pages wait for eight."""

WRITERS = 8
"""Threads that wait for the keeper: it commits in groups, so a few are as quick as many."""

READERS = 4
"""Threads that ask the catalog."""

MOST_READERS = 24
"""Read doors kept open, one for each person and purpose; the one least used goes. Each takes 4 MB."""


class Room:
    """What all routes share; made with the app, opened and closed with it.

    Parameters
    ----------
    home
        Whose catalog, accounts and devices.
    door
        The write door; `None` for the home's keeper.
    clock
        Says what now is.
    spawn
        Start a keeper where none runs; else somebody supervises it, and a lost one is waited for.
    """

    def __init__(
        self,
        home: Home,
        *,
        door: WriteDoor | None = None,
        clock: Callable[[], datetime] = present,
        policy: Policy | None = None,
        spawn: bool = True,
    ) -> None:
        self.home, self.clock, self.policy = home, clock, policy or Policy()
        self._own = KeeperClient(home, spawn=spawn, wait_s=KEEPER_WAIT_S) if door is None else None
        self.door: WriteDoor = door if self._own is None and door is not None else cast(WriteDoor, self._own)
        self.accounts = Accounts(home, clock=clock)
        self.devices, self.nonces = Devices(home), Nonces(home)
        self.limits = Limits.of(self.policy)
        self.watches = Watches()
        self.state = State(home, self.policy, clock)
        self._following = Following(self.state, self)
        self._writers = ThreadPoolExecutor(WRITERS, "gateway-write")
        self._readers_pool = ThreadPoolExecutor(READERS, "gateway-read")
        self._readers: OrderedDict[Access, Reader] = OrderedDict()
        self._guard = threading.Lock()
        self._waiting = 0
        self.opened_at = clock()
        self.leaving = asyncio.Event()
        """Set when the gateway is about to end: open streams end then."""

    @property
    def waiting(self) -> int:
        """Writes that wait for the keeper."""
        return self._waiting

    async def write(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Do what waits for the keeper in a thread, and return its answer.

        Raises
        ------
        Busy
            When too many wait already.
        """
        if self._waiting >= self.policy.most_waiting:
            raise Busy(f"{self._waiting} writes wait for the catalog's keeper; come back in a moment")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        future = self._writers.submit(partial(work, *given, **named))

        def done(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._went)

        future.add_done_callback(done)
        # Whoever asked may hang up; what was begun is brought to its end.
        return await asyncio.shield(asyncio.wrap_future(future))

    def _went(self) -> None:
        self._waiting -= 1

    async def read(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Do what reads files or the catalog in a thread, and return its answer."""
        return await asyncio.get_running_loop().run_in_executor(self._readers_pool, partial(work, *given, **named))

    async def ask(self, access: Access, question: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the rows that answer a named question, for this person and purpose; it is in the audit by then."""
        table: pa.Table = await self.read(self._ask, access, question, parameters)
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _ask(self, access: Access, question: str, parameters: dict[str, object]) -> pa.Table:
        return self.reader(access).ask(question, **parameters)

    def reader(self, access: Access) -> Reader:
        """Return the read door of a person and purpose; blocks, so call it in a thread."""
        with self._guard:
            found = self._readers.get(access)
            if found is None:
                found = self._readers[access] = Reader(self.home, access, self.door, clock=self.clock, threads=1)
            self._readers.move_to_end(access)
            if len(self._readers) > MOST_READERS:
                # Not closed: somebody may be asking it. It lets go of the catalog when the last of them has.
                self._readers.popitem(last=False)
        return found

    async def open(self) -> None:
        """Begin: what runs beside the requests."""
        self._following.start()
        if self._own is not None:  # what is asked without a commit finds a keeper, and starts none
            self._readers_pool.submit(self._connect, self._own)

    def _connect(self, door: KeeperClient) -> None:
        try:
            door.connect()
        except RtccError as error:
            log.warning("%s; whoever asks next looks for it again", error)

    async def close(self) -> None:
        """End what `open` began, and let go of the catalog."""
        self.leaving.set()
        await self._following.stop()
        self.nonces.close()
        self._writers.shutdown(wait=False, cancel_futures=True)
        self._readers_pool.shutdown(wait=False, cancel_futures=True)
        for reader in self._readers.values():
            with suppress(RtccError):
                reader.close()
        self._readers.clear()
        if self._own is not None:
            self._own.close()


def room_of(connection: HTTPConnection) -> Room:
    """Return the room of the app that serves this request."""
    room: Room = connection.app.state.room
    return room
