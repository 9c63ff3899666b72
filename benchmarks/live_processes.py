"""Live work run by a benchmark, and what each of its processes uses over time."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from apps.supervisor import Supervisor, supervised
from benchmarks.machine import process_cpu_s
from catalog.home import Home
from ray_jobs.live.status import LiveStatus, read_status

START_S = 180.0
"""Longest wait for live work to be up, seconds."""

ACTOR = re.compile(r"^ray::(Ingest|Detect|ConstantDetect)")
"""What Ray calls the processes of shards and detectors."""

OVERHEAD = "Ray itself"
"""Head, raylet and agents together."""


class LiveWork:
    """Live work that runs in threads and processes of this one.

    Parameters
    ----------
    stop
        Ends it.
    """

    def __init__(self, home: Home, stop: threading.Event) -> None:
        self.home, self._stop = home, stop
        self.broken: BaseException | None = None
        self.began_s, self.began_us = time.monotonic(), time.time_ns() // 1000

    def status(self) -> LiveStatus | None:
        """Return the last figures of this start; `None` before there are any.

        Raises
        ------
        RuntimeError
            When live work has ended by itself.
        """
        if self.broken is not None:
            raise RuntimeError(f"live work ended: {self.broken}; see the logs in {self.home.run_dir}")
        status = read_status(self.home)
        if status is None or status.as_of_at.timestamp() * 1e6 < self.began_us:
            return None
        return status

    def wait_for(self, cameras: int, patience_s: float, each: Callable[[LiveStatus], None] | None = None) -> float:
        """Wait until so many cameras record, and return how long that took from the start, seconds.

        Raises
        ------
        RuntimeError
            When they do not within `patience_s` seconds.
        """
        status = None
        while time.monotonic() - self.began_s < START_S + patience_s:
            status = self.status()
            if status is not None:
                if each is not None:
                    each(status)
                if status.states.get("recording", 0) >= cameras:
                    return time.monotonic() - self.began_s
            time.sleep(0.5)
        states = status.states if status is not None else "nothing was said"
        raise RuntimeError(f"not all of {cameras} cameras record: {states}")

    def go_on_for(self, seconds: float, each: Callable[[], None], every_s: float) -> None:
        """Let it run, calling `each` every so often."""
        until_s = time.monotonic() + seconds
        while (rest_s := until_s - time.monotonic()) > 0:
            self.status()  # raises where it has ended
            each()
            time.sleep(max(0.0, min(every_s, rest_s)))


@contextmanager
def running(supervisor: Supervisor) -> Iterator[LiveWork]:
    """Run live work until the block is left; every process of it is gone then."""
    stop = threading.Event()
    work = LiveWork(supervisor.home, stop)

    def run() -> None:
        try:
            supervisor.run(stop)
        except BaseException as error:  # noqa: BLE001 raised again where somebody waits for live work
            work.broken = error

    thread = threading.Thread(target=run, name="supervisor")
    thread.start()
    try:
        yield work
    finally:
        stop.set()
        thread.join()


@dataclass
class Usage:
    """What one process has used, look by look."""

    role: str
    name: str
    """Its role, and which part of Ray it is where it is one."""
    pid: int
    at_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    threads: int = 0

    def core_percent(self, from_s: float = 0.0) -> float:
        """Return its CPU time since an instant of the looks, percent of a core."""
        first = next((place for place, at_s in enumerate(self.at_s) if at_s >= from_s), len(self.at_s) - 1)
        passed_s = self.at_s[-1] - self.at_s[first]
        return 100 * (self.cpu_s[-1] - self.cpu_s[first]) / passed_s if passed_s > 0 else 0.0


class Meter:
    """Reads what every process of live work uses; those that have died stay in the books."""

    def __init__(self, work: LiveWork) -> None:
        self._work = work
        self.by_process: dict[tuple[int, float], Usage] = {}

    def look(self) -> None:
        """Read all of them now."""
        at_s = time.monotonic() - self._work.began_s
        for process, role, name in self._processes():
            with contextlib.suppress(psutil.Error, OSError):
                key = (process.pid, process.create_time())
                usage = self.by_process.setdefault(key, Usage(role, name, process.pid))
                rss_mb, cpu_s = process.memory_info().rss / 1e6, process_cpu_s(process.pid)
                usage.threads = process.num_threads()
                usage.at_s.append(at_s)
                usage.rss_mb.append(rss_mb)
                usage.cpu_s.append(cpu_s)

    def by_role(self) -> dict[str, list[Usage]]:
        """Return the processes of each role."""
        roles: dict[str, list[Usage]] = defaultdict(list)
        for usage in self.by_process.values():
            if usage.at_s:
                roles[usage.role].append(usage)
        return dict(sorted(roles.items()))

    def rows(self, from_s: float = 0.0) -> tuple[tuple[str, ...], ...]:
        """Return for each role how many processes, their CPU, memory and threads, as text."""
        rows = []
        for role, every in self.by_role().items():
            rows.append((
                role, str(len(every)), f"{sum(one.core_percent(from_s) for one in every):.1f}",
                f"{sum(one.rss_mb[-1] for one in every):.0f}", f"{max(one.rss_mb[-1] for one in every):.0f}",
                str(sum(one.threads for one in every)),
            ))  # fmt: skip
        return tuple(rows)

    @property
    def rss_mb(self) -> float:
        """Memory of all at the last look, pages they share counted in each."""
        last_s = max((usage.at_s[-1] for usage in self.by_process.values() if usage.at_s), default=0.0)
        return sum(
            usage.rss_mb[-1] for usage in self.by_process.values() if usage.at_s and usage.at_s[-1] == last_s
        )

    def _processes(self) -> Iterator[tuple[psutil.Process, str, str]]:
        known = supervised(self._work.home) or {}
        for process in psutil.Process(os.getpid()).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                role = _role(process, known)
                if role is not None:
                    yield process, role, _part(process) if role == OVERHEAD else role


COLUMNS = ("process", "how many", "CPU, % of a core", "RSS in all, MB", "largest, MB", "threads")
"""What `Meter.rows` returns."""


def _role(process: psutil.Process, known: dict[str, object]) -> str | None:
    """Return what a process of ours is for; `None` for those that are not live work's, e.g. the feeds' server."""
    if process.status() == psutil.STATUS_ZOMBIE:
        return None
    for role in ("keeper", "director"):
        if process.pid == known.get(role):
            return role
    words = process.cmdline()
    actor = ACTOR.match(words[0]) if words else None
    if actor is not None:
        return "shard" if actor[1] == "Ingest" else "detector"
    return OVERHEAD if any("ray" in word for word in words) else None


def _part(process: psutil.Process) -> str:
    """Return which part of Ray a process is: the last words of its program's path."""
    words = process.cmdline()
    if "ray_jobs.head_process" in words:
        return "Ray's launcher"
    title = words[0].strip()
    if title.startswith("ray::"):
        return f"Ray's {title.removeprefix('ray::')}"
    program = next((word for word in words if word.endswith((".py", "gcs_server", "raylet"))), words[-1])
    return "Ray's " + "/".join(Path(program).parts[-2:] if program.endswith(".py") else Path(program).parts[-1:])
