"""The supervisor of live work: keeper, Ray head and director, each a process, each started again when it dies.

It is neither a Ray driver nor the keeper, so that it outlives both. What it started it ends, and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from apps.parts import Child, Part, Running, live_dir
from catalog.client import KeeperClient
from catalog.errors import ClusterError, ClusterOpen, KeeperUnavailable, RtccError
from catalog.home import Home
from ray_jobs.head import Head

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
"""Between two looks at the processes, seconds."""

MOST_FAILED_STARTS = 3
"""Times a part that has never come up is tried before live work gives up and says why."""

STOP_S = 40.0
"""Longest wait for the director to let all segments be closed, seconds."""

END_S = 10.0
"""Longest wait for any other process to end, seconds."""


STORE_BYTES = 128 * 1024 * 1024
"""Shared memory of live work's Ray, bytes: a shard has at most 16 pictures of 0.4 MB on their way at once. Every
page of it that was ever used counts in the memory of every process that looked at it."""


@dataclass(frozen=True)
class LiveOptions:
    """What live work is started with."""

    cameras: tuple[str, ...] = ()
    """Cameras to watch; empty for all that have a stream."""
    shards: int = 0
    cpus: int | None = None
    """Cores Ray may give out; `None` for all."""
    top_level: str = ""


@dataclass
class Supervisor:
    """Starts the parts in order, watches over them, and ends them in the opposite order."""

    home: Home
    options: LiveOptions = field(default_factory=LiveOptions)

    def __post_init__(self) -> None:
        self.keeper, self.head, self.director = Part("keeper"), Part("Ray head"), Part("director")
        self.restarts: dict[str, int] = {}

    def run(self, stop: threading.Event, *, ready: threading.Event | None = None) -> None:
        """Keep live work going until `stop` is set.

        Raises
        ------
        ClusterError
            When live work of this home runs already, or its cluster lets strangers in.
        """
        with only_supervisor(self.home):
            try:
                while not stop.is_set():
                    self.round()
                    if ready is not None and self.director.running is not None:
                        ready.set()
                    stop.wait(LOOK_EVERY_S)
            finally:
                self.end()

    def round(self) -> None:
        """Start what does not run, in order: each part needs those before it."""
        now_s = time.monotonic()
        if self._dead(self.head) and self.director.running is not None:
            # a driver without its head would ask for it for a while: a new one is quicker
            self.director.running.stop(at_once=True)
            self.director.running = None
        for part in (self.keeper, self.head, self.director):
            if self._dead(part):
                wait_s = part.died(now_s)
                self.restarts[part.name] = self.restarts.get(part.name, 0) + 1
                log.warning("the %s has died; it is started again in %.1f s", part.name, wait_s)
            if part.running is None:
                if now_s < part.not_before_s or not self._start(part):
                    return
                self._publish()

    @staticmethod
    def _dead(part: Part) -> bool:
        return part.running is not None and not part.running.alive()

    def _start(self, part: Part) -> bool:
        """Start a part; False where it does not come up and is to be tried again."""
        try:
            if part is self.keeper:
                part.running = self._keeper()
            elif part is self.head:
                part.running = self._head()
            else:
                part.running = self._director()
        except ClusterOpen:
            raise  # starting again would not close it
        except (KeeperUnavailable, ClusterError) as error:
            part.died(time.monotonic())
            if part.deaths >= MOST_FAILED_STARTS and not part.ran:
                raise
            log.warning("the %s did not start and is tried again: %s", part.name, error)
            return False
        part.started_s, part.ran = time.monotonic(), True
        return True

    def _keeper(self) -> Running:
        """Return the keeper: one that a command has started already is taken as it is, else one of our own."""
        own = Child(self.home, "keeper", [sys.executable, "-m", "catalog.serve", str(self.home.root)], END_S)
        client = KeeperClient(self.home, spawn=False, wait_s=20.0)
        try:
            return _Keeper(own, client.connect().pid)
        except RtccError:
            own.stop()
            raise
        finally:
            client.close()

    def _head(self) -> Running:
        if self.home.ray_address:
            return _Elsewhere()
        head = self.head.running
        if isinstance(head, Head):
            head.stop()
        return _Head(
            Head.start(
                self.home, cpus=self.options.cpus, gpus=_gpus(self.home), object_store_bytes=STORE_BYTES
            )
        )  # fmt: skip

    def _director(self) -> Running:
        head = self.head.running
        address = self.home.ray_address or (head.head.address if isinstance(head, _Head) else "")
        command = [sys.executable, "-m", "ray_jobs.live.drive", str(self.home.root), address]
        for camera_id in self.options.cameras:
            command += ["--camera", camera_id]
        if self.options.shards:
            command += ["--shards", str(self.options.shards)]
        if self.options.top_level:
            command += ["--top-level", self.options.top_level]
        return Child(self.home, "director", command, STOP_S)

    def end(self) -> None:
        """End everything, in the opposite order of starting."""
        for part in (self.director, self.head, self.keeper):
            if part.running is not None:
                try:
                    part.running.stop()
                except RtccError as error:
                    log.warning("the %s did not end in good order: %s", part.name, error)
                part.running = None
        supervised_path(self.home).unlink(missing_ok=True)

    def _publish(self) -> None:
        """Say which processes there are, for `rtcc status`."""
        head = self.head.running
        director, keeper = self.director.running, self.keeper.running
        document = {
            "supervisor": os.getpid(),
            "director": director.process.pid if isinstance(director, Child) else None,
            "keeper": keeper.pid if isinstance(keeper, _Keeper) else None,
            "address": head.head.address if isinstance(head, _Head) else self.home.ray_address,
            "metrics": f"http://{head.head.metrics_address}/metrics" if isinstance(head, _Head) else None,
            "gcs": head.head.gcs_pid if isinstance(head, _Head) else None,
            "restarts": self.restarts,
        }
        path = supervised_path(self.home)
        part = path.with_suffix(".new")
        part.write_text(json.dumps(document))
        part.replace(path)


class _Head:
    """A Ray head of our own."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._ended = False

    def alive(self) -> bool:
        """Tell whether all of it runs; what is left of a head that fell is ended here."""
        if self.head.alive():
            return True
        self.stop()
        return False

    def stop(self, *, at_once: bool = False) -> None:
        if not self._ended:
            self._ended = True
            self.head.stop()


class _Keeper:
    """The keeper that answers: our own child, or one that a command has started."""

    def __init__(self, own: Child, pid: int) -> None:
        self._own, self.pid = own, pid

    def alive(self) -> bool:
        if self.pid == self._own.process.pid:
            return self._own.alive()
        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def stop(self, *, at_once: bool = False) -> None:
        self._own.stop(at_once=at_once)


class _Elsewhere:
    """The cluster the settings name: not ours to start or end."""

    def alive(self) -> bool:
        return True

    def stop(self, *, at_once: bool = False) -> None:
        return


def supervised_path(home: Home) -> Path:
    """Return the file that says which processes there are."""
    return live_dir(home) / "supervised.json"


def supervised(home: Home) -> dict[str, object] | None:
    """Return which processes live work has; `None` while it does not run."""
    try:
        document: dict[str, object] = json.loads(supervised_path(home).read_text())
        os.kill(int(str(document["supervisor"])), 0)
    except (OSError, ValueError, KeyError):
        return None
    return document


@contextlib.contextmanager
def only_supervisor(home: Home) -> Iterator[None]:
    """Hold the lock under which one process supervises the live work of a home.

    Raises
    ------
    ClusterError
        When another process does.
    """
    with (live_dir(home) / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            running = supervised(home) or {}
            raise ClusterError(
                f"live work of {home.root} runs already (process {running.get('supervisor', 'unknown')}); "
                "`rtcc status` shows it, Ctrl-C or SIGTERM to that process ends it"
            ) from None
        yield


def _gpus(home: Home) -> int:
    """Return how many GPUs Ray may give out: none where the settings keep the detector on the CPU."""
    if not home.device.startswith("cuda"):
        return 0
    import torch

    return torch.cuda.device_count()
