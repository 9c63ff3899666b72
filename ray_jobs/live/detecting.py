"""Pictures of many cameras to few detectors: gathered into batches, sent again when a detector dies."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from catalog.errors import ClusterError
from catalog.home import Home
from catalog.observations import Detections
from ray_jobs.config import WEIGHTS
from ray_jobs.live.figures import DetectorFigures
from ray_jobs.live.logs import log_to
from ray_jobs.live.metrics import DetectorMetrics
from ray_jobs.processes import stand_back
from workbench.assets import AssetStore
from workbench.media.frames import FrameBatch
from workbench.vision.detector_config import DetectorConfig

log = logging.getLogger(__name__)

MOST_PER_CALL = 8
"""Pictures in one call: on a CPU the detector's features of more no longer fit the cache."""

CALLS_IN_FLIGHT = 2
"""Calls one detector has in hand from one shard: one at work, one waiting."""

GATHER_S = 0.004
"""How long a picture waits for others of its size, seconds; a forward pass takes 7 to 20 ms."""

GPU_BATCH = 32
"""Pictures a GPU takes in one pass."""

GIVE_UP_S = 20.0
"""A picture that no detector has answered for so long is given up, seconds: a restarted one is back in 6 s."""


MOST_TRIES = 5
"""Times a picture is sent before it is given up: one that kills its detector would kill them all, for ever."""


class Detect:
    """The detector as a process that cameras share; an asynchronous actor, so that calls meet in one batch.

    Parameters
    ----------
    home
        Where the weights are.
    """

    def __init__(self, home: Home, config: DetectorConfig) -> None:
        self.home, self.config = home, config
        self._detector: Any = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._waiting: asyncio.Queue[_Asked] | None = None
        self._frames = self._batches = 0
        self._busy_s = 0.0
        self._metrics: DetectorMetrics | None = None

    async def ready(self) -> int:
        """Load the weights, and return this process's id."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._load)
        self._start()
        return os.getpid()

    async def detect(self, rgb: NDArray[np.uint8], frame_wh_px: tuple[int, int]) -> list[Detections]:
        """Return what is in each of (N, H, W, 3) pictures, in native pixels; segment and instant are left open."""
        self._start()
        assert self._waiting is not None
        asked = _Asked(rgb, frame_wh_px, asyncio.get_running_loop().create_future())
        await self._waiting.put(asked)
        return await asked.answer

    async def figures(self) -> DetectorFigures:
        """Return how it is doing."""
        process = psutil.Process()
        times = process.cpu_times()
        waiting = self._waiting.qsize() if self._waiting else 0
        figures = DetectorFigures(
            os.getpid(), _node(), process.memory_info().rss / 1e6, times.user + times.system, self._frames,
            self._batches, round(self._busy_s, 3), waiting, self._detector is not None,
        )  # fmt: skip
        if figures.node:  # outside of Ray nobody reads gauges
            self._metrics = self._metrics or DetectorMetrics()
            self._metrics.tell(figures)
        return figures

    def _start(self) -> None:
        if self._waiting is None:
            self._waiting = asyncio.Queue()
            self._loop_task = asyncio.get_running_loop().create_task(self._serve(self._waiting))

    def _load(self) -> None:
        if self._detector is None:
            import torch

            log_to(self.home, f"detector-{os.getpid()}")
            from workbench.vision.detector import Detector

            stand_back()  # this thread alone: the actor's own answers are not held up
            torch.set_num_threads(1)  # one process a core: more threads would only wait for each other
            weights = AssetStore(self.home.assets_dir).path(WEIGHTS)
            self._detector = Detector.load(weights, self.config)

    async def _serve(self, waiting: asyncio.Queue[_Asked]) -> None:
        """Answer for ever: what waits and is of one size goes through the network together."""
        most = GPU_BATCH if self.config.device.startswith("cuda") else MOST_PER_CALL
        loop = asyncio.get_running_loop()
        kept: list[_Asked] = []
        while True:
            first = kept.pop(0) if kept else await waiting.get()
            batch, count = [first], len(first.rgb)
            while not waiting.empty():
                kept.append(waiting.get_nowait())
            for other in list(kept):
                if other.like(first) and count + len(other.rgb) <= most:
                    kept.remove(other)
                    batch.append(other)
                    count += len(other.rgb)
            try:
                found = await loop.run_in_executor(self._pool, self._look, batch)
            except Exception as error:  # noqa: BLE001 whoever asked gets it; the others go on
                for asked in batch:
                    asked.answer.set_exception(error)
                continue
            for asked, seen in zip(batch, found, strict=True):
                if not asked.answer.done():
                    asked.answer.set_result(seen)

    def _look(self, batch: Sequence[_Asked]) -> list[list[Detections]]:
        self._load()
        began_s = time.perf_counter()
        rgb = np.concatenate([asked.rgb for asked in batch]) if len(batch) > 1 else batch[0].rgb
        stamps = np.arange(len(rgb), dtype=np.int64)
        seen = self._detector(FrameBatch("", stamps, stamps, rgb, batch[0].frame_wh_px))
        self._busy_s += time.perf_counter() - began_s
        self._frames += len(rgb)
        self._batches += 1
        parts, start = [], 0
        for asked in batch:
            parts.append(seen[start : start + len(asked.rgb)])
            start += len(asked.rgb)
        return parts


@dataclass(eq=False)  # arrays have no plain equality
class _Asked:
    """One call on its way through the network."""

    rgb: NDArray[np.uint8]
    frame_wh_px: tuple[int, int]
    answer: asyncio.Future[list[Detections]]

    def like(self, other: _Asked) -> bool:
        return self.rgb.shape[1:] == other.rgb.shape[1:] and self.frame_wh_px == other.frame_wh_px


@dataclass(eq=False)  # arrays have no plain equality
class _Picture:
    """One picture that wants an answer."""

    rgb: NDArray[np.uint8]
    frame_wh_px: tuple[int, int]
    answer: Future[Detections]
    since_s: float
    tries: int = 0

    @property
    def shape(self) -> tuple[object, ...]:
        return (*self.rgb.shape, *self.frame_wh_px)


@dataclass
class _Handle:
    """One detector, as this shard uses it."""

    actor: Any
    calls: int = 0
    resting_until_s: float = 0.0
    """Not asked before this, because its last call failed."""


@dataclass
class Detecting:
    """A shard's way to the detectors: pictures in, futures out. Thread-safe."""

    _handles: list[_Handle] = field(default_factory=list)
    _waiting: deque[_Picture] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False
    frames: int = 0
    """Pictures answered so far."""

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="detecting", daemon=True)
        self._thread.start()

    def use(self, actors: Sequence[Any]) -> None:
        """Ask these detectors from now on."""
        with self._changed:
            known = {handle.actor: handle for handle in self._handles}
            self._handles = [known.get(actor) or _Handle(actor) for actor in actors]
            self._changed.notify_all()

    @property
    def ready(self) -> bool:
        """True when there is a detector to ask."""
        return bool(self._handles)

    def submit(self, rgb: NDArray[np.uint8], frame_wh_px: tuple[int, int]) -> Future[Detections]:
        """Return the promise of what is in an (H, W, 3) picture."""
        answer: Future[Detections] = Future()
        with self._changed:
            self._waiting.append(_Picture(rgb, frame_wh_px, answer, time.monotonic()))
            self._changed.notify_all()
        return answer

    def close(self) -> None:
        """Take nothing more; what waits fails."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._waiting)

    def _run(self) -> None:
        while not self._closed:
            try:
                self._round()
            except Exception:  # without this thread no picture would ever be answered again
                log.exception("pictures could not be handed to a detector")
        with self._changed:
            for picture in self._waiting:
                picture.answer.set_exception(ClusterError("this shard is closing"))

    def _round(self) -> None:
        """Wait for pictures and a detector that is free, and bring them together."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._waiting and self._free()), 0.5)
            self._give_up()
            if self._closed or not self._waiting or self._free() is None:
                return
            if len(self._waiting) < MOST_PER_CALL:
                self._changed.wait_for(lambda: len(self._waiting) >= MOST_PER_CALL, GATHER_S)
            handle = self._free()
            if handle is None:
                return
            batch = self._batch()
            handle.calls += 1
        self._send(handle, batch)

    def _free(self) -> _Handle | None:
        now_s = time.monotonic()
        free = [h for h in self._handles if h.calls < CALLS_IN_FLIGHT and h.resting_until_s <= now_s]
        return min(free, key=lambda handle: handle.calls, default=None)

    def _batch(self) -> list[_Picture]:
        """Take the picture that waits longest, and others of its size."""
        first = self._waiting.popleft()
        batch = [first]
        for picture in list(self._waiting):
            if len(batch) == MOST_PER_CALL:
                break
            if picture.shape == first.shape:
                self._waiting.remove(picture)
                batch.append(picture)
        return batch

    def _give_up(self) -> None:
        late_s = time.monotonic() - GIVE_UP_S
        while self._waiting and self._waiting[0].since_s < late_s:
            picture = self._waiting.popleft()
            picture.answer.set_exception(ClusterError("no detector answered in time"))

    def _send(self, handle: _Handle, batch: list[_Picture]) -> None:
        rgb = np.stack([picture.rgb for picture in batch])
        try:
            future = handle.actor.detect.remote(rgb, batch[0].frame_wh_px).future()
        except Exception as error:  # noqa: BLE001 Ray raises many kinds; all mean that this detector cannot be asked
            self._failed(handle, batch, error)
            return
        future.add_done_callback(lambda done: self._answered(handle, batch, done))

    def _answered(self, handle: _Handle, batch: list[_Picture], done: Any) -> None:
        error = done.exception()
        if error is not None:
            self._failed(handle, batch, error)
            return
        with self._changed:
            handle.calls -= 1
            self.frames += len(batch)
            self._changed.notify_all()
        for picture, seen in zip(batch, done.result(), strict=True):
            picture.answer.set_result(seen)

    def _failed(self, handle: _Handle, batch: list[_Picture], error: BaseException) -> None:
        """Ask another detector, or the same one once it is back."""
        log.info("a detector failed: %s", str(error).splitlines()[:1])
        with self._changed:
            handle.calls -= 1
            handle.resting_until_s = time.monotonic() + 0.5
            for picture in reversed(batch):
                picture.tries += 1
                if picture.tries < MOST_TRIES:
                    self._waiting.appendleft(picture)
            self._changed.notify_all()
        for picture in batch:
            if picture.tries >= MOST_TRIES:
                picture.answer.set_exception(ClusterError(f"no detector could answer: {error}"))


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""
