"""The machine under the figures, and the clocks they are read from."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Cost:
    """What a piece of work took."""

    wall_s: float
    own_s: float
    """CPU time of this process, all threads."""
    others_s: float = 0.0
    """CPU time of other processes that worked for it."""

    @property
    def cpu_s(self) -> float:
        """CPU time of everybody."""
        return self.own_s + self.others_s


class Stopwatch:
    """Reads wall and CPU time since it was made.

    Parameters
    ----------
    others
        Processes whose CPU time counts as well, e.g. the keeper's.
    """

    def __init__(self, others: tuple[int, ...] = ()) -> None:
        self.others = tuple(psutil.Process(pid) for pid in others)
        self._wall_s, self._own_s, self._others_s = time.perf_counter(), own_cpu_s(), self._others()

    def read(self) -> Cost:
        """Return what has been spent so far."""
        wall_s = time.perf_counter() - self._wall_s
        return Cost(wall_s, own_cpu_s() - self._own_s, self._others() - self._others_s)

    def _others(self) -> float:
        return sum(each.user + each.system for each in (process.cpu_times() for process in self.others))


def own_cpu_s() -> float:
    """Return the CPU time this process has used, all threads, seconds."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def process_cpu_s(pid: int) -> float:
    """Return the CPU time another process has used, all threads, seconds; `psutil` tells it in ticks of 10 ms.

    Its clock has a number of its own (Linux: `CPUCLOCK_SCHED`, made from the process's id as by
    `clock_getcpuclockid`).
    """
    return time.clock_gettime((~pid << 3) | 2)


def cost_of(work: Callable[[], object]) -> Cost:
    """Return what the work takes in this process."""
    watch = Stopwatch()
    work()
    return watch.read()


def machine_line(packages: tuple[str, ...] = ()) -> str:
    """Return one line on processor, cores, memory, system, the packages that do the work, and how busy it is."""
    model = _cpu_model()
    memory_gib = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, no GPU used; {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}, {versions}; "
        f"load when it began {load:.1f}."
    )


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    flags = " with AVX-512" if "avx512f" in known.get("flags", "") else ""
    family = f"family {known['cpu family']} model {known['model']}" if "cpu family" in known else ""
    return f"{known.get('model name', platform.processor())} ({family}){flags}"


@contextmanager
def one_core() -> Iterator[int]:
    """Keep this thread, and what it starts, on one core; torch and OpenCV use one thread each.

    Yields the core's number; everything is put back at the end.
    """
    import cv2
    import torch

    cores = os.sched_getaffinity(0)
    threads, pictures = torch.get_num_threads(), cv2.getNumThreads()
    core = max(cores)
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield core
    finally:
        os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)
        cv2.setNumThreads(pictures)
