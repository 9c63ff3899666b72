"""What live work says to the catalog: gathered, repeated until acknowledged, never waited for by the sayer."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from catalog.access import Access
from catalog.casework import Alert, AlertClosing
from catalog.errors import KeeperUnavailable, NotFound, NotPermitted, RtccError, StorageFailed
from catalog.footage import Gap, SamplingLevel, Segment
from catalog.observations import SegmentRows
from catalog.writes import WriteDoor

log = logging.getLogger(__name__)

AGAIN_S = 0.5
"""Wait before the keeper is asked again, seconds."""

FOOTAGE_GATHER_S = 0.5
"""Segments and gaps are gathered for so long, seconds: 75 cameras close a segment every 0.13 s."""

ALERT_GATHER_S = 0.0
"""Alerts wait for nothing."""

MOST_TOGETHER = 64
"""Most things said at once."""

ROWS_TOGETHER = 8
"""Segments' rows sent side by side; they share a group commit."""

REFUSED_KEPT = 256
"""Refused segments that are remembered until their rows come."""

Item = TypeVar("Item")
Done = Callable[[RtccError | None], None]
"""Told that the catalog holds it, or why it never will; never told of what is left when a queue is closed."""


@dataclass(frozen=True)
class _Said(Generic[Item]):
    item: Item
    done: Done


class Queue(Generic[Item]):
    """One thread that sends what is put in, in order.

    Parameters
    ----------
    send
        Says a batch; raises `KeeperUnavailable` or `StorageFailed` where it is to be said again.
    """

    def __init__(self, name: str, send: Callable[[Sequence[Item]], None], *, gather_s: float, most: int) -> None:
        self._send, self._gather_s, self._most = send, gather_s, most
        self._waiting: deque[_Said[Item]] = deque()
        self._changed = threading.Condition()
        self._in_hand = 0
        self._closed = False
        self.problem = ""
        """Why nothing is acknowledged at the moment; empty while it is."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item, done: Done) -> None:
        """Take something to say; `done` is called from the queue's own thread."""
        with self._changed:
            self._waiting.append(_Said(item, done))
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._waiting) + self._in_hand

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged; False where that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self) == 0, timeout_s)

    def close(self) -> None:
        """Say what waits, and let the thread go; where the catalog takes nothing now, at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has gone; False where that took too long."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            if not self._say(batch):
                return
            with self._changed:
                self._in_hand = 0
                self._changed.notify_all()

    def _next(self) -> list[_Said[Item]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            if self._gather_s and not self._closed:
                self._changed.wait_for(lambda: len(self._waiting) >= self._most or self._closed, self._gather_s)
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._in_hand = len(batch)
            return batch

    def _say(self, batch: Sequence[_Said[Item]]) -> bool:
        """Say a batch until it is settled; False where the queue was closed before it was."""
        while True:
            try:
                self._send([said.item for said in batch])
            except (KeeperUnavailable, StorageFailed) as error:
                self.problem = str(error)
                if not self._rest():
                    return False
            except RtccError as error:
                return self._refused(batch, error)
            except Exception as error:  # this thread speaks for all cameras of the shard
                log.exception("the catalog could not be told something, in a way nobody foresaw")
                return self._refused(batch, RtccError(f"{type(error).__name__}: {error}"))
            else:
                self.problem = ""
                for said in batch:
                    _tell(said, None)
                return True

    def _refused(self, batch: Sequence[_Said[Item]], error: RtccError) -> bool:
        """Say one by one what is refused as a whole, so that one alone is not heard."""
        self.problem = ""
        if len(batch) > 1:
            return all(self._say([said]) for said in batch)
        _tell(batch[0], error)
        return True

    def _rest(self) -> bool:
        """Wait a little; False where the queue was closed meanwhile."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closed, AGAIN_S)


def _tell(said: _Said[Item], error: RtccError | None) -> None:
    try:
        said.done(error)
    except Exception:  # what one camera does with the news is no reason to hold up the others
        log.exception("what was to follow once the catalog was told could not be done")


@dataclass(frozen=True)
class Footage:
    """Segments, gaps and levels that are said together."""

    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    levels: tuple[SamplingLevel, ...] = ()


class Writing:
    """The write door for live work: three queues, so that alerts never wait behind rows.

    What was found in a segment is said only once the catalog holds the segment: a process that dies between the two
    leaves footage nobody has looked at, never findings without footage.
    """

    def __init__(self, door: WriteDoor, access: Access) -> None:
        self._door, self._access = door, access
        self._guard = threading.Lock()
        self._unheld: set[str] = set()
        """Segments that were said and that the catalog has not acknowledged yet."""
        self._refused: deque[str] = deque(maxlen=REFUSED_KEPT)
        """Segments the catalog will never hold."""
        self._aside: defaultdict[str, deque[_Said[SegmentRows]]] = defaultdict(deque)
        """Rows that wait for their segment, by run, in order of time."""
        self._footage = Queue(
            "say-footage", self._send_footage, gather_s=FOOTAGE_GATHER_S, most=MOST_TOGETHER
        )  # fmt: skip
        self._rows = Queue("say-rows", self._send_rows, gather_s=0.0, most=ROWS_TOGETHER)
        self._alerts = Queue("say-alerts", self._send_alerts, gather_s=ALERT_GATHER_S, most=MOST_TOGETHER)

    def footage(self, footage: Footage, done: Done | None = None) -> None:
        """Say segments, gaps and levels."""
        with self._guard:
            self._unheld |= {segment.segment_id for segment in footage.segments}

        def settled(error: RtccError | None) -> None:
            self._settle(footage, error)
            (done or _say_nothing)(error)

        self._footage.put(footage, settled)

    def rows(self, rows: SegmentRows, done: Done | None = None) -> None:
        """Say what was found in a segment that was said before."""
        with self._guard:
            self._aside[rows.run_id].append(_Said(rows, done or _say_nothing))
        self._release()

    def _settle(self, footage: Footage, error: RtccError | None) -> None:
        segment_ids = {segment.segment_id for segment in footage.segments}
        with self._guard:
            self._unheld -= segment_ids
            if error is not None:
                self._refused.extend(segment_ids)
        if segment_ids:
            self._release()

    def _release(self) -> None:
        """Say the rows whose segment the catalog holds; each run's in order of time."""
        never = []
        with self._guard:
            for run_id, waiting in list(self._aside.items()):
                while waiting and waiting[0].item.segment_id not in self._unheld:
                    said = waiting.popleft()
                    if said.item.segment_id in self._refused:
                        never.append(said)
                    else:
                        self._rows.put(said.item, said.done)
                if not waiting:
                    del self._aside[run_id]
        for said in never:
            _tell(said, NotFound(f"the catalog does not hold segment {said.item.segment_id}"))

    def alert(self, alert: Alert | AlertClosing, done: Done | None = None) -> None:
        """Raise or close an alert."""
        self._alerts.put(alert, done or _say_nothing)

    def __len__(self) -> int:
        with self._guard:
            aside = sum(len(waiting) for waiting in self._aside.values())
        return len(self._footage) + aside + len(self._rows) + len(self._alerts)

    @property
    def problem(self) -> str:
        """Why the catalog acknowledges nothing at the moment; empty while it does."""
        return self._alerts.problem or self._footage.problem or self._rows.problem

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything said is acknowledged; False where that took too long."""
        until_s = time.monotonic() + timeout_s
        queues = (self._alerts, self._footage, self._rows)  # rows come out of the footage queue
        return all(each.flush(max(0.0, until_s - time.monotonic())) for each in queues)

    def close(self) -> None:
        """Let the threads go, once they have said what waits, where the catalog takes it."""
        for each in (self._alerts, self._footage, self._rows):
            each.close()

    def join(self, timeout_s: float) -> bool:
        """Wait until the threads have gone; False where that took too long."""
        until_s = time.monotonic() + timeout_s
        queues = (self._alerts, self._rows, self._footage)
        return all([each.join(max(0.0, until_s - time.monotonic())) for each in queues])

    def _send_footage(self, batch: Sequence[Footage]) -> None:
        segments = [segment for one in batch for segment in one.segments]
        # of two words on the same gap or level the later one stands
        gaps = {gap.gap_id: gap for one in batch for gap in one.gaps}
        levels = {level.level_id: level for one in batch for level in one.levels}
        self._door.add_footage(self._access, segments, list(gaps.values()), list(levels.values()))

    def _send_rows(self, batch: Sequence[SegmentRows]) -> None:
        # Side by side, but each run's in order of time: whoever goes on with it goes on after the last one kept.
        by_run: dict[str, list[SegmentRows]] = defaultdict(list)
        for rows in batch:
            by_run[rows.run_id].append(rows)
        if len(by_run) == 1:
            self._append(batch)
            return
        with ThreadPoolExecutor(len(by_run), thread_name_prefix="append") as together:
            asked = [together.submit(self._append, several) for several in by_run.values()]
        for one in asked:
            one.result()

    def _append(self, several: Sequence[SegmentRows]) -> None:
        for rows in several:
            self._door.append(self._access, rows)

    def _send_alerts(self, batch: Sequence[Alert | AlertClosing]) -> None:
        raised = [one for one in batch if isinstance(one, Alert)]
        closed = [one for one in batch if isinstance(one, AlertClosing)]
        if raised:
            self._door.raise_alerts(self._access, raised)
        if closed:
            try:
                self._door.close_alerts(self._access, closed)
            except NotFound:
                # whatever was to be closed was never raised: nobody waits for it
                if len(closed) > 1:
                    for one in closed:
                        self._send_alerts([one])


def _say_nothing(error: RtccError | None) -> None:
    if error is not None:
        level = logging.INFO if isinstance(error, NotPermitted) else logging.WARNING
        log.log(level, "the catalog refused: %s", error)
