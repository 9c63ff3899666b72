"""The keeper: the one that writes. Many requests, one transaction, then the acknowledgements.

One thread owns the lake's connection. It takes what waits, judges it, writes it in one transaction, syncs the
new files, commits, and only then answers. In between it merges small files, under the same lock and in the
same thread, because a second writer would only meet the same lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, cast

from catalog.access import Access
from catalog.alert_board import AlertChanges
from catalog.audit import AuditHead
from catalog.committer import Committer
from catalog.errors import KeeperUnavailable
from catalog.home import Home
from catalog.leases import Lease
from catalog.maintenance import Maintained
from catalog.observations import SegmentRows
from catalog.pending import Pending, Queue
from catalog.roster import Roster
from catalog.writes import Append, Request, WriteDoor

log = logging.getLogger(__name__)

MERGE_EVERY_S = 30.0
"""Shortest time between two merges while nothing else is to do, seconds."""

MERGE_AT_LAST_S = 60.0
"""Longest time between two merges however busy it is, seconds: file counts stay in the hundreds."""

CLEAN_EVERY_S = 3600.0
"""Time between two rounds of expiry and clean-up, seconds."""

IDLE_S = 1.0
"""A keeper that nobody has asked for so long is idle, seconds."""


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)  # noqa: TID251  the keeper is an edge: what happens here happens now


class Keeper(WriteDoor):
    """The write door of one home, in this process.

    Raises
    ------
    KeeperUnavailable
        When another process holds the home's write door.
    CatalogConflict
        When the catalog is newer than this code.
    """

    def __init__(
        self, home: Home, *, clock: Callable[[], datetime] = utc_now, commit_every_s: float | None = None
    ) -> None:
        self.home, self._clock = home, clock
        self._lock = _take_lock(home)
        self._queue = Queue(home.commit_every_s if commit_every_s is None else commit_every_s)
        try:
            self._committer = Committer(home, clock)
        except BaseException:
            os.close(self._lock)
            raise
        self._merged_s = self._cleaned_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    @property
    def head(self) -> AuditHead:
        """The last durable line of the audit chain."""
        return self._committer.head

    def submit(self, request: Request, writer: str | None = None, sequence: int = 0) -> Future[Any]:
        """Queue a request and return the promise of its answer.

        Parameters
        ----------
        writer, sequence
            Who numbers this request, and its number: the same two again never write twice. `None` for callers
            that live and die with this process.
        """
        return self._queue.put(Pending(request, writer, sequence))

    def lease(self, access: Access, camera_ids: Sequence[str]) -> tuple[Lease, ...]:
        """Return for each camera whether its live feed may be read now; answered at once, whatever else waits."""
        return self._committer.granting.leases(access, camera_ids, self._clock())

    def roster(self, known: str = "") -> Roster | None:
        """Return registry and open alerts; `None` while they are still those of the version `known`."""
        roster = self._committer.roster
        return None if roster.version == known else roster

    def alert_changes(self, known: str = "", wait_s: float = 0.0) -> AlertChanges:
        """Return what has become of alerts since the version `known`, waiting at most `wait_s` seconds for it."""
        return self._committer.board.changes(known, wait_s)

    def keep_nobody_waiting(self) -> None:
        """Let everybody go who waits for a change of alerts, now and from now on: the door is about to close."""
        self._committer.board.close()

    def append(self, access: Access, rows: SegmentRows) -> int:
        """Replace what a run states about a segment; return the snapshot that holds it."""
        return cast(int, self._ask(Append.of(access, rows)))

    def maintain(self) -> Maintained:
        """Merge small files, expire old snapshots, remove files nobody reads any more."""
        return cast(Maintained, self._queue.put(Pending(None)).result())

    def close(self) -> None:
        """Write what waits, then let go of the home."""
        self.keep_nobody_waiting()
        self._queue.close()
        self._thread.join()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: Request) -> object:
        return self.submit(request).result()

    def _run(self) -> None:
        try:
            while (group := self._queue.take(IDLE_S)) is not None:
                self._work(group)
            self._try(self._committer.bring_up_leaders)
        finally:
            self._committer.close()
            os.close(self._lock)

    def _work(self, group: list[Pending]) -> None:
        asked = [pending for pending in group if pending.request is not None]
        try:
            self._committer.keep(asked)
            for pending in group:
                if pending.request is None:
                    pending.answer(self._committer.upkeep())
        except Exception as error:  # noqa: BLE001  whoever asked gets it; the door stays open for the others
            self._committer.distrust()
            for pending in group:
                pending.fail(error)
        self._queue.done(group)
        self._tidy(idle=not group)

    def _tidy(self, *, idle: bool) -> None:
        """Bring up, merge or clean up where it is time to; what goes wrong there is tried again next time."""
        now_s = time.monotonic()
        if self._committer.leaders_due and not self._try(self._committer.bring_up_leaders):
            return
        if self._committer.unmerged and now_s - self._merged_s >= (MERGE_EVERY_S if idle else MERGE_AT_LAST_S):
            self._merged_s = now_s
            if not self._try(self._committer.merge):
                return
        if idle and now_s - self._cleaned_s >= CLEAN_EVERY_S:
            self._cleaned_s = now_s
            self._try(self._committer.upkeep)

    def _try(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except Exception:
            log.exception("upkeep of %s failed; it is tried again later", self.home.root)
            self._committer.distrust()
            return False
        return True


def _take_lock(home: Home) -> int:
    home.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home.run_dir / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise KeeperUnavailable(
            f"another process holds the write door of {home.root}; use catalog.client.open_door to go through it"
        ) from None
    return descriptor
