"""Detectors that stand in for the network where looking is not what is measured."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from multiprocessing.connection import Connection

import numpy as np
import psutil
from numpy.typing import NDArray

from catalog.home import Home
from catalog.observations import LABELS, Detections
from ray_jobs.live.figures import DetectorFigures
from workbench.vision.detector_config import DetectorConfig

WALKERS = 3
"""People that the stand-in sees in every picture."""

STEP_PX_S = 40.0
"""How fast they walk, pixels of the native frame a second."""

ANSWER_S = 0.02
"""How long the constant detector takes for a call, seconds: a GPU for a batch, queue and copies included."""


def walkers(wh_px: tuple[int, int], at_s: float) -> Detections:
    """Return people who walk across a picture, one below the other: what tracker and rules have to do with."""
    width, height = wh_px
    place = np.arange(WALKERS)
    left = ((at_s * STEP_PX_S + place * width / WALKERS) % width).astype(np.float32)
    top = (height * (0.2 + 0.2 * place)).astype(np.float32)
    boxes = np.stack([left, top, left + 0.03 * width, top + 0.15 * height], axis=1).astype(np.float32)
    return _found(boxes, LABELS.index("person"))


def nothing() -> Detections:
    """Return an empty picture."""
    return _found(np.zeros((0, 4), np.float32), 0)


def _found(xyxy_px: NDArray[np.float32], label: int) -> Detections:
    count = len(xyxy_px)
    unknown, unsure = np.full(count, -1, np.int8), np.zeros(count, np.float32)
    return Detections(
        "", 0, 0, xyxy_px, np.full(count, 0.8, np.float32), np.full(count, label, np.int16), unknown, unsure,
        unknown, unsure,
    )  # fmt: skip


class PipedDetector:
    """A detector in a process of its own, asked as Ray's are: `detect.remote(rgb, wh).future()`.

    Pictures go through a pipe, so that handing them over costs about what it does with Ray; what comes back are
    people who walk.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_answer, args=(theirs,), daemon=True)
        self._process.start()
        self._asked: deque[Future[list[Detections]]] = deque()
        threading.Thread(target=self._take, name="answers", daemon=True).start()

    @property
    def detect(self) -> PipedDetector:
        """The method, which is asked by `remote`."""
        return self

    def remote(self, rgb: NDArray[np.uint8], wh_px: tuple[int, int]) -> _Promise:
        """Send (N, H, W, 3) pictures, and return the promise of what is in each."""
        answer: Future[list[Detections]] = Future()
        self._asked.append(answer)
        self._ours.send((len(rgb), wh_px))
        self._ours.send_bytes(memoryview(np.ascontiguousarray(rgb)).cast("B"))
        return _Promise(answer)

    def _take(self) -> None:
        while True:
            try:
                found = self._ours.recv()
            except (EOFError, OSError):
                return
            self._asked.popleft().set_result(found)


class _Promise:
    def __init__(self, answer: Future[list[Detections]]) -> None:
        self._answer = answer

    def future(self) -> Future[list[Detections]]:
        return self._answer


def _answer(connection: Connection) -> None:
    """Answer until the other side goes."""
    while True:
        try:
            count, wh_px = connection.recv()
            connection.recv_bytes()
            connection.send([walkers(wh_px, time.monotonic())] * count)
        except (EOFError, OSError):
            return


class ConstantDetect:
    """Stands in for `ray_jobs.live.detecting.Detect`: every call takes the same time, nothing is ever found.

    It waits rather than computes, as if the network ran on a GPU; calls queue behind one another.
    """

    def __init__(self, home: Home, config: DetectorConfig) -> None:
        del home, config
        self._turn: asyncio.Lock | None = None
        self._frames = self._batches = 0
        self._busy_s = 0.0

    async def ready(self) -> int:
        """Return this process's id: there are no weights to load."""
        return os.getpid()

    async def detect(self, rgb: NDArray[np.uint8], frame_wh_px: tuple[int, int]) -> list[Detections]:
        """Return that nothing is in any of the pictures."""
        del frame_wh_px
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            began_s = time.perf_counter()
            await asyncio.sleep(ANSWER_S)
            self._busy_s += time.perf_counter() - began_s
            self._frames += len(rgb)
            self._batches += 1
        return [nothing()] * len(rgb)

    async def figures(self) -> DetectorFigures:
        """Return how it is doing."""
        import ray

        process = psutil.Process()
        times = process.cpu_times()
        return DetectorFigures(
            os.getpid(), str(ray.get_runtime_context().get_node_id()), process.memory_info().rss / 1e6,
            times.user + times.system, self._frames, self._batches, round(self._busy_s, 3), 0, True,
        )  # fmt: skip
