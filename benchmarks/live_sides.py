"""The sides of `live_cost` and `live_scale`: a shard of ours, and one process a camera, on the same streams."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.live_ingest import write_assignments
from benchmarks.live_streams import LiveCamera, live_home
from benchmarks.machine import process_cpu_s
from catalog.home import Home
from catalog.whereabouts import find

START_S = 120.0
"""Longest wait until every camera is recorded, seconds."""

END_S = 20.0
"""Longest wait for a side to close its files, seconds."""


@dataclass(frozen=True)
class Pace:
    """How long a side is watched."""

    settle_s: float
    """From when every camera is recorded until the measurement begins, seconds."""
    seconds: float
    """Length of the measurement: whole segments, so that every camera closes as many."""


@dataclass(frozen=True)
class Spent:
    """What one side took for its cameras over the measurement."""

    cameras: int
    core_percent: float
    """CPU time of the side's own processes, percent of a core for each camera."""
    keeper_percent: float
    """The same of the catalog's keeper; 0 where there is none."""
    pss_mb: float
    """Memory of all its processes, shared pages shared out."""
    rss_mb: float
    threads: int
    mbit_s: float
    """What it wrote for each camera."""
    looks_hz: float = 0.0
    """Pictures looked at, or found unchanged, for each camera a second."""
    passed_over_hz: float = 0.0
    """Pictures due but not looked at, for each camera a second."""
    gaps: int = 0
    """Stretches without footage during the measurement."""


def with_ffmpeg() -> str | None:
    """Return where ffmpeg is, if it is."""
    return shutil.which("ffmpeg")


def record_with_ffmpeg(camera: LiveCamera, folder: Path) -> list[str]:
    """Return the command that records a camera as one would with ffmpeg."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", camera.uri,
        "-c", "copy", "-f", "segment", "-segment_format", "mp4", "-segment_time", "10", "-reset_timestamps", "1",
        str(folder / "%06d.mp4"),
    ]  # fmt: skip


def record_with_pyav(camera: LiveCamera, folder: Path) -> list[str]:
    """Return the command that records a camera as one would with PyAV."""
    return [sys.executable, "-m", "benchmarks.live_recorder", camera.uri, str(folder)]


def recorders(
    command: Callable[[LiveCamera, Path], list[str]], cameras: Sequence[LiveCamera], root: Path, pace: Pace
) -> Spent:
    """Record every camera in a process of its own, and return what that took."""
    shutil.rmtree(root, ignore_errors=True)
    folders = [root / camera.camera_id for camera in cameras]
    processes = []
    try:
        for camera, folder in zip(cameras, folders, strict=True):
            processes.append(subprocess.Popen(command(camera, folder), stdin=subprocess.DEVNULL))
        _await(
            lambda: all(_size(folder) > 0 for folder in folders), f"{command.__name__}: no footage of every camera"
        )
        time.sleep(pace.settle_s)
        measured = _Measurement([process.pid for process in processes], root)
        time.sleep(pace.seconds)
        return measured.spent(len(cameras))
    finally:
        for process in processes:
            _end(process)
        shutil.rmtree(root, ignore_errors=True)


def shard(cameras: Sequence[LiveCamera], root: Path, level: str, pace: Pace) -> Spent:
    """Watch every camera in one shard at this level at most, and return what that took."""
    with live_home(root, cameras) as home:
        write_assignments(home, level)
        with _shard(home, level) as asked:
            _await(lambda: _recording(asked()) == len(cameras), "the shard does not record every camera")
            time.sleep(pace.settle_s)
            before, keeper = asked(), find(home)
            assert keeper is not None
            measured = _Measurement([before["pid"]], home.footage_dir, keeper.pid)
            time.sleep(pace.seconds)
            spent = measured.spent(len(cameras))
            return _with_looks(spent, before, asked(), measured.seconds)


@contextmanager
def _shard(home: Home, level: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Yield what asks a shard for its figures."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live_ingest", str(home.root), level], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    asking, told = process.stdin, process.stdout

    def ask() -> dict[str, Any]:
        asking.write("\n")
        line = told.readline()
        if not line:
            raise RuntimeError(f"the shard ended with exit code {process.wait()}; its words are above")
        return dict(json.loads(line))

    try:
        yield ask
    finally:
        with contextlib.suppress(OSError):
            asking.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        _end(process)
        told.close()


class _Measurement:
    """What some processes take from now on."""

    def __init__(self, pids: Sequence[int], folder: Path, keeper_pid: int | None = None) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._pids, self._keeper = pids, [] if keeper_pid is None else [keeper_pid]
        self._folder, self.seconds = folder, 0.0
        self._size, self._cpu_s = _size(folder), _cpu_s(self._pids)
        self._keeper_s, self._began_s = _cpu_s(self._keeper), time.monotonic()

    def spent(self, cameras: int) -> Spent:
        """Return it, for so many cameras."""
        self.seconds = time.monotonic() - self._began_s
        percent = 100 / self.seconds / cameras
        cpu_s, keeper_s = _cpu_s(self._pids) - self._cpu_s, _cpu_s(self._keeper) - self._keeper_s
        written = _size(self._folder) - self._size
        memory = [process.memory_full_info() for process in self._processes]
        return Spent(
            cameras, cpu_s * percent, keeper_s * percent, sum(one.pss for one in memory) / 1e6,
            sum(one.rss for one in memory) / 1e6, sum(process.num_threads() for process in self._processes),
            written * 8 / 1e6 / self.seconds / cameras,
        )  # fmt: skip


def _with_looks(spent: Spent, before: dict[str, Any], after: dict[str, Any], seconds: float) -> Spent:
    def more(*names: str) -> int:
        counted = [sum(camera[name] for camera in at["cameras"] for name in names) for at in (before, after)]
        return int(counted[1] - counted[0])

    per_second = 1 / seconds / spent.cameras
    looks = more("frames_inferred", "frames_held") * per_second
    return Spent(
        spent.cameras, spent.core_percent, spent.keeper_percent, spent.pss_mb, spent.rss_mb, spent.threads,
        spent.mbit_s, looks, more("passed_over") * per_second, more("gaps"),
    )  # fmt: skip


def _recording(figures: dict[str, Any]) -> int:
    return sum(camera["state"] == "recording" for camera in figures["cameras"])


def _await(there: Callable[[], bool], words: str) -> None:
    until_s = time.monotonic() + START_S
    while not there():
        if time.monotonic() > until_s:
            raise RuntimeError(f"{words} after {START_S:.0f} s")
        time.sleep(0.25)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it has got its name meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def _cpu_s(pids: Sequence[int]) -> float:
    return sum(map(process_cpu_s, pids))


def _end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
