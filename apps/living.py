"""Run live work from a command: the supervisor in a thread, its figures on the terminal, a summary at the end."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from rich.console import Console
from rich.live import Live

from apps.edge import now
from apps.live_view import headline, screen
from apps.show import say
from apps.supervisor import LiveOptions, Supervisor, supervised
from catalog.home import Home
from ray_jobs.live.logs import log_to
from ray_jobs.live.status import LiveStatus, read_status

PLAIN_EVERY_S = 10.0
"""Between two lines of figures where nobody watches a terminal, seconds."""

SHOW_EVERY_S = 1.0
"""Between two pictures of the figures on a terminal, seconds."""

START_S = 120.0
"""Longest wait for live work to be up, seconds; a busy machine takes 30."""


@dataclass(frozen=True)
class Used:
    """What live work has used."""

    cpu_core_seconds: float
    rss_mb: float
    processes: int


class CpuMeter:
    """Adds up the processor time of all processes of live work, of those that have died too."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._rss_mb = 0.0
        self._count = 0

    def look(self) -> None:
        """Read the counters of all processes there are now."""
        rss_mb, count = 0.0, 0
        for process in self._processes():
            try:
                times = process.cpu_times()
                self._cpu_s[process.pid, process.create_time()] = times.user + times.system
                rss_mb += process.memory_info().rss / 1e6
                count += 1
            except psutil.Error:
                continue
        if count:
            self._rss_mb, self._count = rss_mb, count

    def used(self) -> Used:
        """Return what was used up to the last look."""
        return Used(round(sum(self._cpu_s.values()), 2), round(self._rss_mb, 1), self._count)

    def _processes(self) -> Iterator[psutil.Process]:
        """Yield the processes of live work below this one; its own supervising thread costs next to nothing."""
        running = supervised(self._home) or {}
        wanted = {running.get("keeper"), running.get("director")}
        for child in psutil.Process(os.getpid()).children(recursive=True):
            if child.pid in wanted or self._ours(child):
                yield child

    @staticmethod
    def _ours(process: psutil.Process) -> bool:
        try:
            return "ray" in " ".join(process.cmdline()).lower()
        except psutil.Error:
            return False


@contextmanager
def live_work(home: Home, options: LiveOptions) -> Iterator[threading.Event]:
    """Run the supervisor in a thread; the yielded event ends it, as leaving the block does.

    Raises
    ------
    RtccError
        When it could not be started, or broke.
    """
    stop, ready = threading.Event(), threading.Event()
    broken: list[BaseException] = []
    supervisor = Supervisor(home, options)

    def run() -> None:
        try:
            supervisor.run(stop, ready=ready)
        except BaseException as error:  # noqa: BLE001 raised again where the command can tell it
            broken.append(error)
        finally:
            stop.set()
            ready.set()

    thread = threading.Thread(target=run, name="supervisor")
    thread.start()
    try:
        ready.wait(START_S)
        if not broken:
            yield stop
    finally:
        stop.set()
        thread.join()
    if broken:
        raise broken[0]


def log_to_file(home: Home) -> None:
    """Send what the supervisor notes to its log, not to the terminal."""
    log_to(home, "supervisor")


def show_until(
    home: Home, stop: threading.Event, until_s: float | None, *, each: Callable[[LiveStatus | None], None]
) -> None:
    """Show the figures until `stop` is set or `until_s` on the steady clock is reached."""
    began_at = now()
    if sys.stderr.isatty():
        with Live(console=Console(stderr=True), refresh_per_second=2, transient=True) as display:
            for status in _looks(home, stop, until_s, began_at, SHOW_EVERY_S):
                each(status)
                display.update(screen(status, now()) if status else "starting …")
        return
    said_s = time.monotonic()
    for status in _looks(home, stop, until_s, began_at, SHOW_EVERY_S):
        each(status)
        if status is not None and time.monotonic() - said_s >= PLAIN_EVERY_S:
            said_s = time.monotonic()
            say(headline(status, now()))


def _looks(
    home: Home, stop: threading.Event, until_s: float | None, began_at: object, every_s: float
) -> Iterator[LiveStatus | None]:
    """Yield the latest figures of this start, `None` before there are any."""
    while not stop.is_set() and (until_s is None or time.monotonic() < until_s):
        status = read_status(home)
        fresh = status is not None and status.as_of_at >= began_at  # type: ignore[operator]
        yield status if fresh else None
        rest_s = every_s if until_s is None else min(every_s, max(0.0, until_s - time.monotonic()))
        stop.wait(rest_s)
