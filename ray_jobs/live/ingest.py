"""A shard: one process that records and watches many cameras. A plain class; Ray is one line, in `actors`."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from catalog.client import KeeperClient
from catalog.errors import RtccError
from catalog.home import Home
from catalog.leases import LeaseBook
from catalog.memory import GivingBack
from ray_jobs.live.config import LIVE, CameraPlan, LiveConfig
from ray_jobs.live.detecting import Detecting
from ray_jobs.live.figures import CameraFigures, Latencies, ShardFigures
from ray_jobs.live.line import CameraLine, CameraStart, Shop
from ray_jobs.live.logs import log_to
from ray_jobs.live.metrics import ShardMetrics
from ray_jobs.live.taps import TapServer
from ray_jobs.live.turns import Turns
from ray_jobs.live.writing import Writing

log = logging.getLogger(__name__)

TICK_S = 0.5
"""Between two looks at how every camera is doing, seconds."""

KEEPER_WAIT_S = 5.0
"""Wait for the keeper in one try, seconds; live work tries for ever."""

WORD_S = 5.0
"""Wait for the keeper's first word on a camera before its feed is said to be closed, seconds."""

STOP_S = 15.0
"""Longest wait for segments to be closed and acknowledged when a shard is to stop, seconds."""

UNWRITTEN_LIMIT = 400
"""Segments, rows and alerts waiting for the keeper beyond which nothing more is looked at: memory stays flat."""

PROBLEMS_KEPT = 5
"""What went wrong lately, for the operator."""


@dataclass
class _Pace:
    """How fast a camera's counters move."""

    at_s: float
    packets: int = 0
    looks: int = 0
    fps: float = 0.0
    looks_hz: float = 0.0

    def note(self, now_s: float, packets: int, looks: int) -> None:
        """Take in the counters, about every three seconds."""
        passed_s = now_s - self.at_s
        if passed_s >= 3.0:
            self.fps = round((packets - self.packets) / passed_s, 2)
            self.looks_hz = round((looks - self.looks) / passed_s, 2)
            self.at_s, self.packets, self.looks = now_s, packets, looks


@dataclass(frozen=True)
class Assignment:
    """A camera for a shard."""

    plan: CameraPlan
    start: CameraStart


@dataclass
class _Needs:
    """What the director has said about all cameras."""

    incidents: frozenset[str] = frozenset()
    """Cameras with an open incident."""
    shed: str = ""
    """Why nothing may be looked at; empty while it may."""


class Ingest:
    """Records and watches the cameras it is given, until told otherwise.

    Parameters
    ----------
    shard
        Its number among the shards.
    """

    def __init__(self, home: Home, config: LiveConfig, shard: int) -> None:
        self.home, self.config, self.shard = home, config, shard
        self._lines: dict[str, CameraLine] = {}
        self._guard, self._opening = threading.Lock(), threading.Lock()
        self._needs = _Needs()
        self._paces: dict[str, _Pace] = {}
        self._problems: deque[str] = deque(maxlen=PROBLEMS_KEPT)
        self._stopped = threading.Event()
        self._shop: Shop | None = None

    def setup(self) -> int:
        """Open what all cameras share, here, on the worker; return this process's id."""
        with self._opening:
            if self._shop is None:
                self._open_shop()
        return os.getpid()

    def _open_shop(self) -> None:
        log_to(self.home, f"shard-{self.shard}")
        self._door = KeeperClient(self.home, spawn=False, wait_s=KEEPER_WAIT_S)
        self._book = LeaseBook(self._door)
        self._decoding: Turns[CameraLine] = Turns("decode", max(1, min(4, os.cpu_count() or 1)), _decode)
        self._following: Turns[CameraLine] = Turns("follow", 1, _follow)
        self._shop = Shop(
            self.home, self.config, Writing(self._door, LIVE), Detecting(),
            ThreadPoolExecutor(2, thread_name_prefix="finish"), self._decoding.want, self._following.want,
            partial(self._book.why_closed, LIVE), self._await_word, _now_us, Latencies(),
        )  # fmt: skip
        self._taps = TapServer(self.home, self.shard, self._tap_of, self._book, self._door)
        self._metrics = ShardMetrics(self.shard)
        threading.Thread(target=self._tick_on, name="ticks", daemon=True).start()

    def watch(self, assignments: Sequence[Assignment], known: Sequence[CameraPlan] = ()) -> tuple[str, ...]:
        """Watch these cameras and those known already, and no others; return which are watched now.

        Parameters
        ----------
        assignments
            Cameras that are new here.
        known
            Cameras that are watched here already, with the plan they are to go on by.
        """
        self.setup()
        wanted = {one.plan.camera_id: one for one in assignments}
        plans = {plan.camera_id: plan for plan in known}
        self._leave([camera_id for camera_id in self._lines if camera_id not in {*wanted, *plans}])
        changed = [plan.camera_id for plan in plans.values() if self._reads_other(plan)]
        again = {one.camera_id: one.again() for one in self._leave(changed)}
        with self._guard:
            for plan in plans.values():
                line = self._lines.get(plan.camera_id)
                if line is not None and line.plan != plan:
                    line.replan(plan)
                elif plan.camera_id in again:
                    self._open(Assignment(plan, CameraStart(again[plan.camera_id].last_end_at)))
            for camera_id, assignment in wanted.items():
                line = self._lines.get(camera_id)
                if line is None or line.broken:
                    self._open(assignment)
                elif line.plan != assignment.plan:  # a director that came back does not know what we have
                    line.replan(assignment.plan)
            return tuple(self._lines)

    def use(self, detectors: Sequence[Any]) -> None:
        """Ask these detectors from now on."""
        self.setup()
        assert self._shop is not None
        self._shop.detecting.use(detectors)

    def needs(self, incidents: Sequence[str], shed: str) -> None:
        """Take in which cameras have an open incident, and why nothing may be looked at, if so."""
        self._needs = _Needs(frozenset(incidents), shed)

    def figures(self) -> ShardFigures:
        """Return how this shard and its cameras are doing."""
        process = psutil.Process()
        times = process.cpu_times()
        with self._guard:
            lines = list(self._lines.values())
        cameras = tuple(self._camera_figures(line) for line in lines)
        shop = self._shop
        latencies = tuple(shop.latencies.ms) if shop else ()
        problems = [*self._problems, *([shop.writing.problem] if shop and shop.writing.problem else [])]
        figures = ShardFigures(
            self.shard, os.getpid(), _node(), round(process.memory_info().rss / 1e6, 1),
            round(times.user + times.system, 2), process.num_threads(), cameras, latencies, tuple(problems),
        )  # fmt: skip
        if shop:
            self._metrics.tell(figures)
        return figures

    def stop(self) -> ShardFigures:
        """Close every segment, wait until the catalog holds what was found, and return the last figures."""
        with self._guard:
            lines = list(self._lines.values())
            for line in lines:
                line.stop()
        until_s = time.monotonic() + STOP_S
        for line in lines:
            line.join(max(0.1, until_s - time.monotonic()))
        while not all(line.idle for line in lines) and time.monotonic() < until_s:
            time.sleep(0.02)
        if self._shop is not None:
            self._shop.writing.flush(max(0.1, until_s - time.monotonic()))
        figures = self.figures()
        self._stopped.set()
        if self._shop is not None:
            self._taps.close()
            self._shop.detecting.close()
            self._shop.writing.close()
            self._book.close()
        return figures

    def _open(self, assignment: Assignment) -> None:
        assert self._shop is not None
        camera_id = assignment.plan.camera_id
        self._book.want(LIVE, camera_id)
        try:
            line = CameraLine(assignment.plan, assignment.start, self._shop, seed=hash((camera_id, os.getpid())))
        except RtccError as error:
            self._problems.append(f"{camera_id}: {error}")
            log.warning("%s cannot be watched: %s", camera_id, error)
            return
        self._lines[camera_id] = line
        self._paces[camera_id] = _Pace(time.monotonic())
        line.open()

    def _reads_other(self, plan: CameraPlan) -> bool:
        """Tell whether a camera that is watched is to read another stream than it does."""
        line = self._lines.get(plan.camera_id)
        return line is not None and not plan.same_feed(line.plan)

    def _leave(self, camera_ids: Sequence[str]) -> list[CameraLine]:
        """Watch these cameras no more; return their lines, which have closed their segments."""
        with self._guard:
            leaving = [self._lines.pop(camera_id) for camera_id in camera_ids if camera_id in self._lines]
        for line in leaving:
            line.stop()
        until_s = time.monotonic() + STOP_S
        for line in leaving:
            line.join(max(0.1, until_s - time.monotonic()))
            self._book.drop(LIVE, line.camera_id)
        return leaving

    def _tick_on(self) -> None:
        memory = GivingBack()
        while not self._stopped.wait(TICK_S):
            memory.now_and_then()
            now_s = time.monotonic()
            with self._guard:
                lines = list(self._lines.values())
            needs = self._needs
            shop = self._shop
            shed = needs.shed
            if shop is not None and len(shop.writing) > UNWRITTEN_LIMIT:
                shed = shed or "the catalog does not take rows"
            if shop is not None and not shop.detecting.ready:
                shed = shed or "no detector is ready"
            for line in lines:
                if line.broken:
                    self._replace(line)
                    continue
                try:
                    line.tick(now_s, open_incident=line.camera_id in needs.incidents, shed=shed)
                except Exception as error:
                    log.exception("%s: its level could not be chosen", line.camera_id)
                    self._problems.append(f"{line.camera_id}: {error}")

    def _replace(self, line: CameraLine) -> None:
        """Put another line in the place of one whose thread broke."""
        self._problems.append(f"{line.camera_id}: its line broke and was replaced; see the shard's log")
        with self._guard:
            if self._lines.get(line.camera_id) is line:
                del self._lines[line.camera_id]
                self._open(Assignment(line.plan, line.again()))

    def _camera_figures(self, line: CameraLine) -> CameraFigures:
        counts, pace = line.voice.counts, self._paces[line.camera_id]
        pace.note(time.monotonic(), line.feed.figures.packets, counts.frames_inferred + counts.frames_held)
        return line.figures(pace.fps, pace.looks_hz)

    def _await_word(self, camera_id: str) -> None:
        self._book.wait_until_told(LIVE, camera_id, WORD_S)

    def _tap_of(self, camera_id: str) -> Any:
        line = self._lines.get(camera_id)
        return line.tap if line is not None else None


def _decode(line: CameraLine) -> bool:
    return line.looking.go_on()


def _follow(line: CameraLine) -> bool:
    line.following.go_on()
    return False


def _now_us() -> int:
    return time.time_ns() // 1000


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""
