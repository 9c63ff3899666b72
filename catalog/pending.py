"""Requests that wait for their commit."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from catalog.errors import KeeperUnavailable
from catalog.writes import Append, Request

ENOUGH_ROWS = 5_000
"""Detections that are committed without further waiting: a file of this many is worth its cost (23–31 ms)."""

TOGETHER_S = 0.02
"""Wait for what was handed over together and arrives one after the other, seconds: a batch of four segments comes
in within 10 ms. Without it the first would be committed alone, and the others a whole commit later."""


@dataclass(eq=False)
class Pending:
    """One request, and the promise of its answer."""

    request: Request | None
    """What is asked; `None` asks for upkeep."""
    writer: str | None = None
    """Who numbered it; `None` where nobody will repeat it."""
    sequence: int = 0
    promise: Future[Any] = field(default_factory=Future)

    @property
    def patient(self) -> bool:
        """True for appends, which come in bulk; people and registries are answered at once."""
        return isinstance(self.request, Append)

    @property
    def row_count(self) -> int:
        """Detections it brings."""
        return self.request.rows.detections.num_rows if isinstance(self.request, Append) else 0

    def answer(self, value: object) -> None:
        """Keep the promise."""
        if not self.promise.done():
            self.promise.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Break the promise, and say why."""
        if not self.promise.done():
            self.promise.set_exception(error)


class Queue:
    """What waits, in the order it came; thread-safe.

    Parameters
    ----------
    commit_every_s
        Least time from one commit to the next while only appends wait, seconds: they share transactions.
    """

    def __init__(self, commit_every_s: float) -> None:
        self._commit_every_s = commit_every_s
        self._changed = threading.Condition()
        self._waiting: list[Pending] = []
        self._numbered: dict[tuple[str, int], Pending] = {}
        self._closed = False
        self._last_done_s = time.monotonic() - commit_every_s

    def put(self, pending: Pending) -> Future[Any]:
        """Add a request, or find the same one already waiting, and return the promise of its answer."""
        with self._changed:
            if self._closed:
                pending.fail(
                    KeeperUnavailable("the keeper of this home is closing; ask again, a new one will start")
                )
                return pending.promise
            if pending.writer is not None:
                same = self._numbered.setdefault((pending.writer, pending.sequence), pending)
                if same is not pending:
                    return same.promise
            self._waiting.append(pending)
            self._changed.notify_all()
        return pending.promise

    def take(self, timeout_s: float) -> list[Pending] | None:
        """Return what shall be committed together; empty after `timeout_s` without work, `None` once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None if self._closed else []
            self._changed.wait_for(self._is_due, self._commit_every_s)
            self._changed.wait_for(self._is_urgent, TOGETHER_S)
            group, self._waiting = self._waiting, []
            return group

    def done(self, group: list[Pending]) -> None:
        """Note that these are answered; breaks any promise that is still open."""
        with self._changed:
            self._last_done_s = time.monotonic()
            for pending in group:
                if pending.writer is not None:
                    self._numbered.pop((pending.writer, pending.sequence), None)
        for pending in group:
            pending.fail(KeeperUnavailable("the keeper lost this request; ask again"))

    def close(self) -> None:
        """Take nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_due(self) -> bool:
        return self._is_urgent() or time.monotonic() - self._last_done_s >= self._commit_every_s

    def _is_urgent(self) -> bool:
        if self._closed or any(not pending.patient for pending in self._waiting):
            return True
        return sum(pending.row_count for pending in self._waiting) >= ENOUGH_ROWS
