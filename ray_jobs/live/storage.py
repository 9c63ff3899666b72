"""Room for footage: what goes when it must, in which order, and what is said about it.

A disk that fills up first costs looking, then the oldest footage that nobody holds. Recording goes on meanwhile.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from catalog.casework import Alert, AlertClosing
from catalog.errors import KeeperUnavailable, NotFound, RtccError
from catalog.home import Home
from catalog.reader import Reader
from catalog.records import records_of
from catalog.registry import Camera
from catalog.retention import Hold, KeptSegment, Removal, held_by, plan_retention
from catalog.roster import Roster
from catalog.writes import WriteDoor
from ray_jobs.live.deleting import UPKEEP, Deleting

log = logging.getLogger(__name__)

GB = 10**9
"""The home's settings count in these, bytes."""

LOOK_EVERY_S = 2.0
"""Between two looks at the disk, seconds: at 600 cameras of 2 Mbit/s, 300 MB."""

RETAIN_EVERY_S = 60.0
"""Between two rounds of retention, seconds."""

SHED_FIRST_S = 4.0
"""How long shedding analysis is tried before footage goes, seconds."""

FREED_RATIO = 1.5
"""Once footage goes, so much room is made, as a share of the reserve: else every segment would cost a round."""

CLEAR_RATIO = 1.25
"""Room, as a share of the reserve, at which pictures are looked at again."""

MOST_A_ROUND = 5000
"""Segments deleted in one go."""

CAMERAS_A_ROUND = 8
"""Cameras whose own age and quota are seen to in one round: 600 have their turn every 75 minutes."""

LISTED = 2000
"""Oldest segments of one camera that are looked through at first: more than come in until its next turn."""

LISTED_OF_ALL = 20_000
"""The same of all cameras together."""

MOST_LISTED = 2_000_000
"""The same, where all of the oldest are held, and more have to be looked through."""

DISK_FULL = "disk_full"
"""What the alert is about."""


@dataclass(frozen=True)
class StorageFigures:
    """How much room there is."""

    free_bytes: int = 0
    total_bytes: int = 0
    reserve_bytes: int = 0
    deleted: int = 0
    """Segments deleted since live began."""
    deleted_bytes: int = 0
    shed: str = ""
    """Why nothing is looked at; empty while it is."""
    problem: str = ""


DiskUsage = Callable[[Path], tuple[int, int]]
"""Total and free bytes of the disk a path is on."""


def disk_usage(path: Path) -> tuple[int, int]:
    """Return total and free bytes of the disk that this path is on."""
    usage = shutil.disk_usage(path)
    return usage.total, usage.free


@dataclass(frozen=True)
class _Kept:
    """What is kept of one camera; rows of the question `footage_bytes_by_camera`."""

    camera_id: str
    segments: int
    size_bytes: int
    first_at: datetime
    last_at: datetime

    def due(self, camera: Camera | None, keep_days: float, now: datetime) -> bool:
        """Tell whether something of it is past its time, or too much is kept."""
        if camera is not None and camera.quota_bytes is not None and self.size_bytes > camera.quota_bytes:
            return True
        return self.first_at + timedelta(days=_days(camera, keep_days)) <= now


def _days(camera: Camera | None, keep_days: float) -> float:
    return keep_days if camera is None or camera.keep_days is None else camera.keep_days


Planned = Callable[[Sequence[KeptSegment]], tuple[Removal, ...]]
Stuck = Callable[[Sequence[KeptSegment], Sequence[Removal]], bool]
"""Tells whether more must be looked through: too little of what was listed may go."""


class Storage:
    """Watches the disk and deletes what retention and need ask for."""

    def __init__(
        self, home: Home, door: WriteDoor, clock: Callable[[], datetime], *, usage: DiskUsage = disk_usage,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._home, self._door, self._clock, self._usage, self._monotonic = home, door, clock, usage, monotonic
        self._reserve_bytes = round(home.disk_reserve_gb * GB)
        self._deleting = Deleting(home, door)
        self.shed = ""
        self._looked_s = self._retained_s = float("-inf")
        self._short_since_s: float | None = None
        self._alert: Alert | None = None
        """The alert that the disk is full; `None` while it is not."""
        self._alert_said = False
        self._adopted = False
        """True once it is known whether an earlier process raised it."""
        self._free_bytes = self._total_bytes = 0
        self._reader: Reader | None = None
        self._seen_to: dict[str, float] = {}
        """When cameras had their turn, on the steady clock."""
        self._problems: dict[str, str] = {}
        """What does not work at the moment, by what was tried."""

    @property
    def figures(self) -> StorageFigures:
        """How much room there is."""
        problems = "; ".join(dict.fromkeys((*self._problems.values(), self._deleting.problem)))
        return StorageFigures(
            self._free_bytes, self._total_bytes, self._reserve_bytes, self._deleting.segments,
            self._deleting.size_bytes, self.shed, problems.strip("; "),
        )  # fmt: skip

    def round(self) -> None:
        """Do what is due."""
        now_s = self._monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        self._try("disk", self._look)
        if self.shed or self._alert is not None or not self._adopted:
            self._try("alert", self._tell)
        must_free_bytes = self._must_free(now_s)
        if must_free_bytes or now_s - self._retained_s >= RETAIN_EVERY_S:
            self._try("footage", lambda: self._retain(now_s, must_free_bytes))

    def close(self) -> None:
        """Let go of the catalog."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _try(self, what: str, work: Callable[[], str | None]) -> None:
        """Do it, and remember what was wrong until it has worked again; other things are done all the same."""
        try:
            problem = work() or ""
        except KeeperUnavailable as error:
            problem = f"nothing can be deleted: {error}"
        except (RtccError, OSError) as error:
            self.close()
            log.warning("upkeep of footage failed: %s", error)
            problem = f"upkeep of footage failed: {error}"
        if problem:
            self._problems[what] = problem
        else:
            self._problems.pop(what, None)

    def _look(self) -> None:
        self._total_bytes, self._free_bytes = self._usage(self._home.footage_dir)
        if self._free_bytes >= self._reserve_bytes * CLEAR_RATIO:
            self.shed, self._short_since_s = "", None
        elif self._free_bytes < self._reserve_bytes and self._short_since_s is None:
            self._short_since_s = self._looked_s
            self.shed = "disk full"

    def _must_free(self, now_s: float) -> int:
        """Return how many bytes must go now, because nothing else has made room."""
        since_s = self._short_since_s
        if since_s is None or now_s - since_s < SHED_FIRST_S or self._free_bytes >= self._reserve_bytes:
            return 0
        return max(1, round(self._reserve_bytes * FREED_RATIO) - self._free_bytes)

    # What is said about it

    def _tell(self) -> None:
        """Raise the alert, or close it, until the catalog has taken it."""
        if not self._adopted:
            self._adopt(self._roster())
        if self.shed:
            if self._alert is None:
                self._alert, self._alert_said = self._worded(), False
            if not self._alert_said:
                self._door.raise_alerts(UPKEEP, [self._alert])
                self._alert_said = True
        elif self._alert is not None:
            try:
                self._door.close_alerts(UPKEEP, [AlertClosing(self._alert.alert_id, self._clock(), "recovered")])
            except NotFound:
                log.debug("the disk had room again before the catalog was told that it had not")
            self._alert = None

    def _adopt(self, roster: Roster) -> None:
        """Take over the alert that an earlier process raised."""
        self._adopted = True
        standing = [alert for alert in roster.alerts if alert.rule == DISK_FULL and alert.open]
        if standing and self._alert is None:
            self._alert, self._alert_said = standing[0], True

    def _worded(self) -> Alert:
        now = self._clock()
        words = (
            f"only {self._free_bytes / GB:.2f} GB free, {self._reserve_bytes / GB:.2f} GB are kept in reserve: "
            "nothing is looked at, then the oldest footage that nobody holds is deleted"
        )
        alert_id = Alert.identify("camera_health", DISK_FULL, self._home.root, now)
        return Alert(alert_id, "camera_health", None, None, "P2", now, now, DISK_FULL, words)

    def _roster(self) -> Roster:
        return self._door.roster() or Roster("")

    # What goes

    def _retain(self, now_s: float, must_free_bytes: int) -> str:
        """Delete what is past its time or over its quota, and so much more as must be freed.

        Returns
        -------
        str
            What could not be done, for the operator; empty where all was.
        """
        roster = self._roster()  # first: without a keeper it is the quickest to fail
        if self._reader is None:
            self._reader = Reader(self._home, UPKEEP, self._door)
        kept = records_of(_Kept, self._reader.ask("footage_bytes_by_camera"))
        holds = [*records_of(Hold, self._reader.ask("holds_open")), *held_by(roster.alerts)]
        cameras = {camera.camera_id: camera for camera in roster.cameras}
        going: dict[str, Removal] = {}
        if now_s - self._retained_s >= RETAIN_EVERY_S:
            self._retained_s = now_s
            for one in self._due(kept, cameras, now_s):
                going |= self._of_camera(one, cameras.get(one.camera_id), holds)
        going |= self._of_all(kept, list(cameras.values()), holds, going, must_free_bytes)
        plan = list(going.values())[:MOST_A_ROUND]
        freed_bytes = self._deleting.delete(plan)
        if not must_free_bytes:
            return ""
        self._look()
        if freed_bytes >= must_free_bytes or len(going) > len(plan):
            return ""
        short_gb = (must_free_bytes - freed_bytes) / GB
        return f"{short_gb:.2f} GB more should go than can: the footage that is left is held"

    def _due(self, kept: Sequence[_Kept], cameras: Mapping[str, Camera], now_s: float) -> list[_Kept]:
        """Return the cameras that need seeing to, those that have waited longest, and no more than one round's."""
        now = self._clock()
        due = [one for one in kept if one.due(cameras.get(one.camera_id), self._home.keep_days, now)]
        due.sort(key=lambda one: (self._seen_to.get(one.camera_id, float("-inf")), one.camera_id))
        chosen = due[:CAMERAS_A_ROUND]
        self._seen_to |= dict.fromkeys((one.camera_id for one in chosen), now_s)
        return chosen

    def _of_camera(self, kept: _Kept, camera: Camera | None, holds: Sequence[Hold]) -> dict[str, Removal]:
        """Return what of one camera is past its time or over its quota."""
        now, quota_bytes = self._clock(), camera.quota_bytes if camera is not None else None
        past_at = now - timedelta(days=_days(camera, self._home.keep_days))

        def planned(footage: Sequence[KeptSegment]) -> tuple[Removal, ...]:
            listed = [camera] if camera is not None else []
            if camera is not None and quota_bytes is not None:
                # what is newer than the listed counts against the quota as well
                newer_bytes = kept.size_bytes - sum(one.size_bytes for one in footage)
                listed = [replace(camera, quota_bytes=max(1, quota_bytes - newer_bytes))]
            return plan_retention(footage, listed, holds, now, keep_days=self._home.keep_days)

        def stuck(footage: Sequence[KeptSegment], plan: Sequence[Removal]) -> bool:
            over = quota_bytes is not None and kept.size_bytes > quota_bytes
            return not plan and (over or (footage[-1].span.end_at or now) <= past_at)

        return self._first_that_go(LISTED, planned, stuck, kept.camera_id)

    def _of_all(
        self, kept: Sequence[_Kept], cameras: Sequence[Camera], holds: Sequence[Hold],
        going: Mapping[str, Removal], must_free_bytes: int,
    ) -> dict[str, Removal]:  # fmt: skip
        """Return what goes beside this, because too much of all cameras is kept or the disk is full."""
        quota_bytes = round(self._home.footage_quota_gb * GB)
        freed_bytes = _bytes(going.values())
        over_bytes = sum(one.size_bytes for one in kept) - freed_bytes - quota_bytes if quota_bytes else 0
        need_bytes = max(0, must_free_bytes - freed_bytes)
        if over_bytes <= 0 and need_bytes == 0:
            return {}
        own = [replace(camera, quota_bytes=None) for camera in cameras]

        def planned(footage: Sequence[KeptSegment]) -> tuple[Removal, ...]:
            left = [one for one in footage if one.segment_id not in going]
            left_bytes = sum(one.size_bytes for one in left)
            return plan_retention(
                left, own, holds, self._clock(), keep_days=self._home.keep_days,
                total_quota_bytes=max(1, left_bytes - over_bytes) if over_bytes > 0 else 0,
                must_free_bytes=need_bytes,
            )  # fmt: skip

        def stuck(_: Sequence[KeptSegment], plan: Sequence[Removal]) -> bool:
            return len(plan) < MOST_A_ROUND and _bytes(plan) < max(over_bytes, need_bytes)

        return self._first_that_go(LISTED_OF_ALL, planned, stuck, None)

    def _first_that_go(
        self, limit: int, planned: Planned, stuck: Stuck, camera_id: str | None
    ) -> dict[str, Removal]:
        """Return what goes of the oldest footage, looking further where too little of it may."""
        assert self._reader is not None  # `_retain` has opened it
        while True:
            footage = records_of(
                KeptSegment, self._reader.ask("footage_oldest", camera_id=camera_id, limit=limit)
            )  # fmt: skip
            plan = planned(footage)
            if len(footage) < limit or limit >= MOST_LISTED or not stuck(footage, plan):
                return {removal.segment.segment_id: removal for removal in plan}
            limit *= 10


def _bytes(removals: Iterable[Removal]) -> int:
    return sum(removal.segment.size_bytes for removal in removals)
