"""Threads that take turns: each thing is worked at by one thread at a time, in the order in which things asked."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Thing = TypeVar("Thing")


class Turns(Generic[Thing]):
    """A few threads and the things that wait for them.

    Parameters
    ----------
    work
        Does a little of what there is to do for a thing; returns True where more is left.
    """

    def __init__(self, name: str, threads: int, work: Callable[[Thing], bool]) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[Thing | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._state: dict[Thing, str] = {}
        """`waiting`, `at work`, or `at work, wanted`."""
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def want(self, thing: Thing) -> None:
        """Give a thing a turn, if it does not wait for one already."""
        with self._guard:
            state = self._state.get(thing)
            if state is None:
                self._state[thing] = "waiting"
                self._waiting.put(thing)
            elif state == "at work":
                self._state[thing] = "at work, wanted"

    def close(self) -> None:
        """Let the threads go once everything that waits had its turns; what is wanted later has none."""
        with self._guard:
            self._closed = True
        for _ in self._threads:
            self._waiting.put(None)

    def join(self, timeout_s: float) -> bool:
        """Wait until the threads have gone; False where that took too long."""
        until_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (thing := self._waiting.get()) is not None:
            while self._turn(thing):
                pass

    def _turn(self, thing: Thing) -> bool:
        """Give a thing its turn; return whether it must have the next one at once."""
        with self._guard:
            self._state[thing] = "at work"
        try:
            more = self._work(thing)
        except Exception:  # one camera's trouble must not stop the thread that all share
            log.exception("work on %r failed", thing)
            more = False
        with self._guard:
            if not more and self._state[thing] == "at work":
                del self._state[thing]
                return False
            self._state[thing] = "waiting"
            if not self._closed:
                self._waiting.put(thing)
            # behind the word that ends the threads, nobody would find it
            return self._closed
