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
from catalog.audit import AuditHead, AuditLine
from catalog.casework import Alert, AlertClosing
from catalog.committer import Committer
from catalog.consent import Consent
from catalog.errors import KeeperUnavailable
from catalog.footage import Gap, SamplingLevel, Segment
from catalog.home import Home
from catalog.leases import Lease
from catalog.maintenance import Maintained
from catalog.observations import Run, SegmentRows
from catalog.pending import Pending, Queue
from catalog.registry import Camera, Mounting, Zone
from catalog.retention import Hold
from catalog.roster import Roster
from catalog.spans import Span
from catalog.writes import (
    AddFootage,
    Append,
    CloseAlerts,
    DeleteFootage,
    Grant,
    Permit,
    PlaceHold,
    RaiseAlerts,
    Record,
    Register,
    ReleaseHold,
    Request,
    StartRun,
    Withdraw,
)

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


class Keeper:
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

    def add_footage(
        self, access: Access, segments: Sequence[Segment], gaps: Sequence[Gap], levels: Sequence[SamplingLevel] = ()
    ) -> int:
        """Add or replace segments, gaps and sampling levels by id; return the snapshot that holds them."""
        return cast(int, self._ask(AddFootage(access, tuple(segments), tuple(gaps), tuple(levels))))

    def delete_footage(self, access: Access, segment_ids: Sequence[str], rule: str) -> tuple[str, ...]:
        """Replace segments by their tombstones; return which are gone now, whose files may go too."""
        return cast(tuple[str, ...], self._ask(DeleteFootage(access, tuple(segment_ids), rule)))

    def place_hold(self, access: Access, hold: Hold) -> int:
        """Keep footage from being deleted; return the snapshot that says so."""
        return cast(int, self._ask(PlaceHold(access, hold)))

    def release_hold(self, access: Access, hold_id: str) -> int:
        """Let a hold go as of now; return the snapshot that says so."""
        return cast(int, self._ask(ReleaseHold(access, hold_id)))

    def raise_alerts(self, access: Access, alerts: Sequence[Alert]) -> int:
        """Add alerts, those already known left as they are; return the snapshot that holds them."""
        return cast(int, self._ask(RaiseAlerts(access, tuple(alerts))))

    def close_alerts(self, access: Access, closings: Sequence[AlertClosing]) -> int:
        """Close alerts, those already closed left as they are; return the snapshot that says so."""
        return cast(int, self._ask(CloseAlerts(access, tuple(closings))))

    def lease(self, access: Access, camera_ids: Sequence[str]) -> tuple[Lease, ...]:
        """Return for each camera whether its live feed may be read now; answered at once, whatever else waits."""
        return self._committer.granting.leases(access, camera_ids, self._clock())

    def roster(self, known: str = "") -> Roster | None:
        """Return registry and open alerts; `None` while they are still those of the version `known`."""
        roster = self._committer.roster
        return None if roster.version == known else roster

    def start_run(self, access: Access, run: Run) -> Run:
        """Return the run as it is kept: this one, or the one that was started first under its id."""
        return cast(Run, self._ask(StartRun(access, run)))

    def append(self, access: Access, rows: SegmentRows) -> int:
        """Replace what a run states about a segment; return the snapshot that holds it."""
        return cast(int, self._ask(Append.of(access, rows)))

    def record(self, access: Access, line: AuditLine) -> str:
        """Add a line to the audit; return its digest."""
        return cast(str, self._ask(Record(access, line)))

    def permit(self, access: Access, camera_id: str, footage: Span) -> None:
        """Return if this footage may be opened now, else raise `NotPermitted`."""
        self._ask(Permit(access, camera_id, footage))

    def maintain(self) -> Maintained:
        """Merge small files, expire old snapshots, remove files nobody reads any more."""
        return cast(Maintained, self._queue.put(Pending(None)).result())

    def close(self) -> None:
        """Write what waits, then let go of the home."""
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
        """Merge or clean up where it is time to; what goes wrong there is tried again next time."""
        now_s = time.monotonic()
        try:
            if self._committer.unmerged and now_s - self._merged_s >= (MERGE_EVERY_S if idle else MERGE_AT_LAST_S):
                self._merged_s = now_s
                self._committer.merge()
            if idle and now_s - self._cleaned_s >= CLEAN_EVERY_S:
                self._cleaned_s = now_s
                self._committer.upkeep()
        except Exception:
            log.exception("upkeep of %s failed; it is tried again later", self.home.root)
            self._committer.distrust()


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
