"""Where the time of an indexing run goes: the stages' own methods, timed while they run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from catalog.client import KeeperClient
from workbench.media.decode import SegmentDecoder
from workbench.media.picture_watch import PictureWatch
from workbench.rules.follow import Follower
from workbench.vision.detector import Detector
from workbench.vision.yolox import YoloX

TIMED: tuple[tuple[str, type, str], ...] = (
    ("decode, pick and scale pictures", SegmentDecoder, "__iter__"),
    ("forward pass", YoloX, "candidates"),
    ("rest of the detector: suppression, colours", Detector, "__call__"),
    ("gate and feed statistics", PictureWatch, "judge"),
    ("track and rules, rows and memory", Follower, "process"),
    ("permit: is the footage open", KeeperClient, "permit"),
    ("append: rows to the keeper", KeeperClient, "append"),
)
"""What is told apart: words, class, method."""

REST = "rest: digest of the segment, looks, glue"

KEEPER = "the keeper, in its own process: judge, write, sync, commit"

WAITING = "nobody had the core: disk, or other processes did"


class Parts:
    """Adds up the CPU time of each part; inner parts do not count towards outer ones."""

    def __init__(self) -> None:
        self.spent_s = {name: 0.0 for name, _, _ in TIMED}
        self._own = threading.local()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time inside towards this part."""
        open_parts: list[float] = self._own.__dict__.setdefault("open_parts", [])  # inner parts' time, a level each
        began = time.thread_time()
        open_parts.append(0.0)
        try:
            yield
        finally:
            whole_s, inner_s = time.thread_time() - began, open_parts.pop()
            self.spent_s[name] += whole_s - inner_s
            if open_parts:
                open_parts[-1] += whole_s

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time the parts of whatever runs inside."""
        with ExitStack() as stack:
            for name, owner, method in TIMED:
                original = getattr(owner, method)
                make = self._steps if method == "__iter__" else self._call
                setattr(owner, method, make(name, original))
                stack.callback(setattr, owner, method, original)
            yield

    def _call(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **named: Any) -> Any:
            with self.part(name):
                return original(*args, **named)

        return timed

    def _steps(self, name: str, original: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def timed(*args: Any) -> Iterator[Any]:
            steps = original(*args)
            while True:
                with self.part(name):
                    step = next(steps, None)
                if step is None:
                    return
                yield step

        return timed
