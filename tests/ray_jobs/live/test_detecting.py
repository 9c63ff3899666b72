"""Pictures to detectors and back: batches of one size, nothing lost, whoever fails."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.errors import ClusterError
from catalog.home import Home
from catalog.observations import Detections
from ray_jobs.live import detecting
from ray_jobs.live.detecting import MOST_PER_CALL, Detect, Detecting
from ray_jobs.processes import NICENESS
from workbench.assets import AssetStore
from workbench.media.frames import FrameBatch
from workbench.vision.detector import Detector
from workbench.vision.detector_config import DetectorConfig

SIZES = ((24, 32), (32, 32), (18, 32))
WAIT_S = 20.0


def picture(size: tuple[int, int], shade: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((*size, 3), shade, np.uint8)


def seen_in(rgb: np.ndarray[Any, Any]) -> list[Detections]:
    """Return as each picture's answer one box whose width is the picture's shade."""
    boxes = [np.array([[0, 0, one[0, 0, 0], 1]], np.float32) for one in rgb]
    return [Detections.of("", 0, 0, box, np.ones(1, np.float32), np.zeros(1, np.int16)) for box in boxes]


class StubCall:
    """What Ray's `actor.detect` is to a shard."""

    def __init__(self, actor: StubActor) -> None:
        self.actor = actor

    def remote(self, rgb: np.ndarray[Any, Any], frame_wh_px: tuple[int, int]) -> StubCall:
        self.answer: Future[list[Detections]] = self.actor.pool.submit(self.actor.look, rgb)
        return self

    def future(self) -> Future[list[Detections]]:
        return self.answer


class StubActor:
    """A detector that answers, or fails so many times first."""

    def __init__(self, failures: int = 0) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.failures = failures
        self.batches: list[tuple[int, ...]] = []

    @property
    def detect(self) -> StubCall:
        return StubCall(self)

    def look(self, rgb: np.ndarray[Any, Any]) -> list[Detections]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the worker died")
        self.batches.append(rgb.shape)
        return seen_in(rgb)


def shades(answers: list[Future[Detections]]) -> list[int]:
    return [int(answer.result(WAIT_S).xyxy_px[0, 2]) for answer in answers]


def test_every_picture_gets_its_own_answer_whatever_sizes_wait_beside_it():
    pictures, actor = Detecting(), StubActor()
    answers = [pictures.submit(picture(SIZES[n % 3], n), (SIZES[n % 3][1], SIZES[n % 3][0])) for n in range(60)]
    pictures.use([actor])
    assert shades(answers) == list(range(60))
    assert all(1 <= shape[0] <= MOST_PER_CALL for shape in actor.batches)
    assert max(shape[0] for shape in actor.batches) > 1
    assert pictures.frames == 60
    pictures.close()


def test_a_detector_that_fails_is_asked_again_and_another_meanwhile():
    pictures, bad, good = Detecting(), StubActor(failures=2), StubActor()
    pictures.use([bad, good])
    assert shades([pictures.submit(picture(SIZES[0], n), (32, 24)) for n in range(20)]) == list(range(20))
    pictures.close()


def test_a_picture_that_no_detector_can_answer_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detecting, "MOST_TRIES", 2)
    pictures = Detecting()
    pictures.use([StubActor(failures=100)])
    with pytest.raises(ClusterError, match="no detector could answer"):
        pictures.submit(picture(SIZES[0], 1), (32, 24)).result(WAIT_S)
    pictures.close()


def test_without_any_detector_a_picture_waits_only_so_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detecting, "GIVE_UP_S", 0.2)
    pictures = Detecting()
    assert not pictures.ready
    with pytest.raises(ClusterError, match="in time"):
        pictures.submit(picture(SIZES[0], 1), (32, 24)).result(WAIT_S)
    pictures.close()


def test_closing_fails_what_waits():
    pictures = Detecting()
    answer = pictures.submit(picture(SIZES[0], 1), (32, 24))
    pictures.close()
    with pytest.raises(ClusterError):
        answer.result(WAIT_S)


class StubDetector:
    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, batch: FrameBatch) -> list[Detections]:
        self.batches.append(len(batch))
        return seen_in(batch.rgb)


def test_calls_of_many_shards_meet_in_batches_and_are_parted_again(tmp_path: Path):
    detect = Detect(Home.create(tmp_path), DetectorConfig())
    stub = detect._detector = StubDetector()

    async def ask() -> list[list[Detections]]:
        calls = []
        for number in range(24):
            height, width = SIZES[number % 3]
            rgb = np.stack([picture((height, width), number), picture((height, width), number)])
            calls.append(detect.detect(rgb, (width, height)))
        return await asyncio.gather(*calls)

    answers = asyncio.run(ask())
    assert [[int(one.xyxy_px[0, 2]) for one in answer] for answer in answers] == [[n, n] for n in range(24)]
    assert max(stub.batches) > 2
    assert sum(stub.batches) == 48


def test_the_network_stands_back_for_everything_else_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    niceness: list[int] = []

    class Watching(StubDetector):
        def __call__(self, batch: FrameBatch) -> list[Detections]:
            niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().__call__(batch)

    monkeypatch.setattr(AssetStore, "path", lambda _store, name: tmp_path / name)
    monkeypatch.setattr(Detector, "load", lambda *_given: Watching())
    detect = Detect(Home.create(tmp_path), DetectorConfig())

    async def ask() -> None:
        await detect.ready()
        await detect.detect(picture(SIZES[0], 1)[None], SIZES[0][::-1])

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    asyncio.run(ask())
    assert niceness == [max(NICENESS, own)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
