"""Which requests of which writers are already kept, so that a repeated request changes nothing.

Each writer numbers its requests. A commit carries the numbers it settles in DuckLake's own commit record
(`commit_extra_info`), so rows and numbers become durable together. Every so often a commit carries the whole
ledger: that is how far back a new keeper has to read, and what survives the expiry of old snapshots.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

CHECKPOINT_EVERY = 256
"""Commits from one whole ledger to the next: bounds what a new keeper reads, a few ms."""

FORGET_AFTER_S = 24 * 3600.0
"""A writer silent for so long is dropped from the ledger, seconds; clients repeat for minutes at most."""


@dataclass(frozen=True)
class Settled:
    """The last request of one writer that is durable."""

    sequence: int
    snapshot_id: int | None
    """The snapshot that holds it; `None` in a commit's own record, which the snapshot number completes."""
    line: int | None = None
    """The audit line it left, where its answer rests on one."""


class Ledger:
    """The last settled request of every writer."""

    def __init__(self) -> None:
        self._settled: dict[str, Settled] = {}
        self._heard_s: dict[str, float] = {}
        self._since_checkpoint = 0

    def __len__(self) -> int:
        return len(self._settled)

    def settled(self, writer: str, sequence: int) -> Settled | None:
        """Return how this request was settled, or `None` when it was not yet."""
        last = self._settled.get(writer)
        return last if last is not None and sequence <= last.sequence else None

    def note(self, fresh: dict[str, Settled], *, token: str, whole: bool = False) -> str:
        """Return the text a commit carries for the requests it settles.

        Parameters
        ----------
        token
            Tells this commit from every other, where its outcome has to be looked up.
        """
        whole = whole or self._since_checkpoint + 1 >= CHECKPOINT_EVERY
        entries = {**self._settled, **fresh} if whole else fresh
        writers = {writer: [s.sequence, s.snapshot_id, s.line] for writer, s in entries.items()}
        return json.dumps({"commit": token, "whole": whole, "writers": writers}, separators=(",", ":"))

    def settle(self, note: str, snapshot_id: int, now_s: float) -> None:
        """Take over what a commit carried, once it is durable; `now_s` is any steady clock, seconds."""
        record = json.loads(note)
        self._take(record["writers"], snapshot_id)
        self._since_checkpoint = 0 if record["whole"] else self._since_checkpoint + 1
        for writer, (_, at_snapshot_id, _) in record["writers"].items():
            if at_snapshot_id is None or writer not in self._heard_s:
                self._heard_s[writer] = now_s
        if record["whole"]:
            self._forget(now_s)

    def _take(self, writers: dict[str, list[int | None]], snapshot_id: int) -> None:
        for writer, (sequence, at_snapshot_id, line) in writers.items():
            last = self._settled.get(writer)
            if sequence is not None and (last is None or sequence >= last.sequence):
                snapshot = snapshot_id if at_snapshot_id is None else at_snapshot_id
                self._settled[writer] = Settled(sequence, snapshot, line)

    def _forget(self, now_s: float) -> None:
        silent = [writer for writer, heard_s in self._heard_s.items() if now_s - heard_s > FORGET_AFTER_S]
        for writer in silent:
            del self._heard_s[writer]
            self._settled.pop(writer, None)

    @classmethod
    def rebuilt(cls, notes: Iterable[tuple[int, str]], now_s: float) -> Ledger:
        """Return the ledger that commit notes, newest first, add up to; reads no further than a whole one."""
        taken: list[tuple[int, str]] = []
        for snapshot_id, note in notes:
            taken.append((snapshot_id, note))
            if json.loads(note)["whole"]:
                break
        ledger = cls()
        for snapshot_id, note in reversed(taken):
            ledger.settle(note, snapshot_id, now_s)
        return ledger
