"""What live work writes into the catalog, seen from outside while it writes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from catalog.home import Home
from catalog.lake import again_while_locked, connect

LOOK_EVERY_S = 0.5
"""Between two looks for new segments, seconds: what visibility seems late at most."""

BACK_S = 40.0
"""How far back the reader looks for segments it has not seen, seconds."""

TABLES = ("segments", "analyses", "memories", "gaps", "sampling_levels", "track_states", "event_states", "alerts")
"""Tables whose rows are counted."""

FRESH = "select segment_id, epoch_us(end_at) from lake.segments where end_at > $since"


@dataclass(frozen=True)
class Kept:
    """What the catalog held at an instant."""

    at_s: float
    """On the steady clock."""
    snapshot: int
    rows: int
    segments: int
    by_table: dict[str, int]


@dataclass
class LakeWatch:
    """A reader that looks for new segments all the time, and notes how long after its end each came into sight."""

    home: Home
    sights_s: list[float] = field(default_factory=list)
    seen_at_s: list[float] = field(default_factory=list)
    """When each came into sight, on the steady clock."""
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator[LakeWatch]:
        """Watch until the block is left."""
        thread = threading.Thread(target=self._run, name="lake", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        with contextlib.closing(connect(self.home, read_only=True, threads=1)) as connection:
            known = {segment_id for segment_id, _ in self._fresh(connection)}
            while not self._stop.wait(LOOK_EVERY_S):
                rows = self._fresh(connection)
                now_us = time.time_ns() // 1000
                fresh = [(name, end_us) for name, end_us in rows if name not in known]
                known = {name for name, _ in rows}
                self.sights_s += [(now_us - end_us) / 1e6 for _, end_us in fresh]
                self.seen_at_s += [time.monotonic()] * len(fresh)

    @staticmethod
    def _fresh(connection: duckdb.DuckDBPyConnection) -> list[Any]:
        since = datetime.fromtimestamp(time.time() - BACK_S, UTC)
        return again_while_locked(lambda: connection.execute(FRESH, {"since": since}).fetchall())


def kept(home: Home) -> Kept:
    """Return what the catalog holds now."""
    snapshot = int(asked(home, "select id from lake.current_snapshot()")[0][0])
    by_table = {table: int(asked(home, f"select count(*) from lake.{table}")[0][0]) for table in TABLES}
    return Kept(time.monotonic(), snapshot, sum(by_table.values()), by_table["segments"], by_table)


def gaps_since(home: Home, start_at: datetime) -> dict[str, int]:
    """Return how many gaps began at or after an instant, by reason and words."""
    question = "select reason || ': ' || detail, count(*) from lake.gaps where start_at >= $start_at group by all"
    rows = asked(home, question, start_at=start_at)
    return {str(words): int(count) for words, count in rows}


def alerts_by_rule(home: Home) -> dict[str, int]:
    """Return how many alerts there are of each rule, with one's words."""
    question = (
        "select rule || coalesce(' (' || any_value(detail) || ')', ''), count(*) from lake.alerts group by rule"
    )
    return {str(words): int(count) for words, count in asked(home, question)}


def asked(home: Home, question: str, **bound: object) -> list[Any]:
    """Return the rows that answer a question."""
    with contextlib.closing(connect(home, read_only=True, threads=1)) as connection:
        return again_while_locked(lambda: connection.execute(question, bound or None).fetchall())
