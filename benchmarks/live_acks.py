"""From a frame to the alert about it: when the keeper held it, and when the frame says that it was filmed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from apps.feeds.burnt_time import read
from benchmarks.service import ACCESS
from catalog.casework import Alert
from catalog.client import KeeperClient, open_door
from catalog.errors import KeeperUnavailable, RtccError
from catalog.footage import Segment
from catalog.home import Home
from catalog.reader import Reader
from catalog.records import records_of
from workbench.media.decode import frame_at

ASK_EVERY_S = 0.02
"""How often the keeper is asked what is open, seconds: what an acknowledgement seems late at most."""


@dataclass(frozen=True)
class Raised:
    """An alert, and when it was first known to be kept."""

    alert: Alert
    held_us: int
    """µs since 1970 UTC."""


@dataclass(frozen=True)
class Shown:
    """An alert with the frame that shows what it is about."""

    raised: Raised
    clock_name: str
    """Where the segment's instants come from."""
    seen_us: int
    """Instant of the frame by the catalog, µs since 1970 UTC."""
    burnt_ms: int | None = None
    """What the clock in the picture shows, ms since 1970 UTC; `None` where there is none, or it was not read."""

    @property
    def by_row_s(self) -> float:
        """From the frame's instant in the catalog to the alert, seconds."""
        return (self.raised.held_us - self.seen_us) / 1e6

    @property
    def by_picture_s(self) -> float | None:
        """From the time burnt into the frame to the alert, seconds."""
        return None if self.burnt_ms is None else self.raised.held_us / 1e6 - self.burnt_ms / 1e3

    @property
    def clock_off_s(self) -> float | None:
        """Instant of the frame in the catalog less the time burnt into it, seconds."""
        return None if self.burnt_ms is None else self.seen_us / 1e6 - self.burnt_ms / 1e3


class AckWatch:
    """Asks the keeper every few milliseconds for new alerts, repeats too, and notes when each was first held."""

    def __init__(self, home: Home) -> None:
        self._door = KeeperClient(home, spawn=False, wait_s=1.0)
        self._stop = threading.Event()
        self.raised: dict[str, Raised] = {}
        self._thread = threading.Thread(target=self._run, name="acks", daemon=True)

    @contextmanager
    def watching(self) -> Iterator[AckWatch]:
        """Watch until the block is left."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()
            self._door.close()

    def of_rules(self) -> list[Raised]:
        """Return the alerts that rest on events of rules about what is seen."""
        return [one for one in list(self.raised.values()) if one.alert.kind == "rule"]

    def about_cameras(self) -> list[Raised]:
        """Return the alerts about cameras themselves."""
        return [one for one in list(self.raised.values()) if one.alert.kind == "camera_health"]

    def _run(self) -> None:
        version = ""
        while not self._stop.wait(ASK_EVERY_S):
            try:
                changes = self._door.alert_changes(version)
            except KeeperUnavailable:
                continue
            held_us = time.time_ns() // 1000
            version = changes.version
            for alert in changes.alerts:
                self.raised.setdefault(alert.alert_id, Raised(alert, held_us))


def shown(home: Home, raised: Sequence[Raised], has_clock: Callable[[str], bool]) -> list[Shown]:
    """Return the alerts whose events and frames are in the catalog, read from the stored segments where clocks are.

    To be called when live work has ended: the last rows become durable with the last segments.
    """
    with open_door(home) as door, contextlib.closing(Reader(home, ACCESS, door)) as reader:
        events = {row["event_id"]: row for row in reader.ask("events").to_pylist()}
        wanted = [(one, events.get(one.alert.event_id)) for one in raised]
        ids = sorted({row["evidence_segment_id"] for _, row in wanted if row is not None})
        segments = {
            segment.segment_id: segment
            for segment in records_of(Segment, reader.ask("segments_by_ids", segment_ids=ids))
        }
    found = []
    for one, row in wanted:
        segment = None if row is None else segments.get(row["evidence_segment_id"])
        if row is None or segment is None:
            continue
        pts = row["evidence_pts"]
        show = Shown(one, segment.clock, segment.seen_at_us(pts))
        found.append(replace(show, burnt_ms=_burnt(home, segment, pts)) if has_clock(segment.camera_id) else show)
    return found


def _burnt(home: Home, segment: Segment, pts: int) -> int | None:
    try:
        return read(frame_at(home.footage_path(segment.uri), segment, pts))
    except RtccError:
        return None
