"""A Ray head of our own that outlives its drivers and ends with the process that supervises it.

`rtcc live` starts one, and starts it again when it dies. Detached actors go on while drivers come and go; nothing
of the head goes on once its supervisor is gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO

from catalog.errors import ClusterError
from catalog.home import Home
from ray_jobs.cluster import (
    LONGEST_TMPDIR,
    LOOPBACK_ENVIRONMENT,
    OBJECT_STORE_BYTES,
    STATIC_ENVIRONMENT,
    refuse_open_cluster,
    token_path,
)
from ray_jobs.doors import is_healthy, takes_token
from ray_jobs.head_process import HeadOrder, HeadReady
from ray_jobs.head_record import MARK, HeadRecord, head_record, is_still_ours, live_dir, write_record
from ray_jobs.lean_node import python_path
from ray_jobs.ports import Ports, free_ports
from ray_jobs.processes import boot_id, in_session, kill_session, started_ticks

START_S = 90.0
"""Longest wait for a head to be up, seconds: it takes 4 to 8 on two idle cores, and may meet busy ones."""

STOP_S = 5.0
"""Longest wait for a head to end in good order before what is left of it is killed, seconds."""

HEAD_TRIES = 3
"""Times a head is started before giving up: another home may take the same free ports in the same moment, and Ray
allows its parts 30 s, which a machine that is busy with other things can exceed."""

GCS_LOST_AFTER_S = 5
"""How long raylets, workers and drivers ask for a head (GCS) that died before they end themselves, seconds. Ray's
own setting is 60."""

METRICS_EVERY_MS = 2000
"""How often actors hand on their gauges, ms. Ray's own setting is 10 s, older than the freshness they tell of."""

HEAD_ENVIRONMENT = {
    "RAY_enable_metrics_collection": "1",
    "RAY_metrics_report_interval_ms": str(METRICS_EVERY_MS),
    # Nobody reads the history of calls; the head would keep 100 000 of them, 68 MB an hour of live work.
    "RAY_task_events_report_interval_ms": "0",
    # With an arena a thread, glibc keeps much of what a process of many threads has freed.
    "MALLOC_ARENA_MAX": "2",
    # A node that hangs counts as dead after 4 probes of 1 s with 0.25 s between them: 5 s; Ray's own take 65 s.
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "250",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "4",
    "RAY_gcs_rpc_server_reconnect_timeout_s": str(GCS_LOST_AFTER_S),
    # Every worker here is an actor: one that waits for a task costs 70 MB and a second of start for nothing.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}
"""What a head's processes find in their environment beside what every Ray of ours does."""

FOREIGN_SETTINGS = ("RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_REDIS_ADDRESS", "RAY_TMPDIR")
"""Settings of an operator's own cluster, which would lead our head there."""


class Head:
    """A head that this process started and supervises; use it as a context, or call `stop`."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes], record: HeadRecord) -> None:
        self.home = home
        self._process = process
        self._record = record
        self._stopped = False

    @classmethod
    def start(
        cls,
        home: Home,
        *,
        cpus: int | None = None,
        gpus: int = 0,
        object_store_bytes: int = OBJECT_STORE_BYTES,
        metrics_port: int | None = None,
    ) -> Head:
        """Start a head on loopback behind the home's token, and wait until it takes drivers.

        What an earlier head of this home left behind is ended first.

        Parameters
        ----------
        cpus
            Cores that actors may be given; `None` for the machine's.
        metrics_port
            Where Prometheus is to find the metrics; `None` for the usual one.

        Raises
        ------
        ClusterError
            When another process supervises a head of this home, or it does not come up.
        """
        with _only_starter(home):
            end_orphans(home)
            for last in (False,) * (HEAD_TRIES - 1) + (True,):
                ports = free_ports()
                if metrics_port is not None:
                    ports = replace(ports, metrics=metrics_port)
                try:
                    return cls._start(home, ports, cpus, gpus, object_store_bytes)
                except ClusterError:
                    if last:
                        raise
        raise AssertionError("unreachable")

    @classmethod
    def _start(cls, home: Home, ports: Ports, cpus: int | None, gpus: int, object_store_bytes: int) -> Head:
        temp_dir = _temp_dir(home)
        ready_end, said_end = os.pipe()
        order = HeadOrder(os.getpid(), said_end, str(temp_dir), cpus, gpus, object_store_bytes, ports)
        with open(live_dir(home) / "head.log", "wb") as log, os.fdopen(ready_end, "rb") as ready:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-m", "ray_jobs.head_process", order.as_json()],
                    env=_environment(home),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(said_end,),
                    start_new_session=True,
                )
            finally:
                os.close(said_end)
            record = HeadRecord(
                boot_id(), process.pid, started_ticks(process.pid) or 0, os.getpid(),
                started_ticks(os.getpid()) or 0, str(temp_dir), ports.metrics, ports.node_manager,
            )  # fmt: skip
            write_record(home, record)
            try:
                said = _awaited(home, process, ready)
                record = replace(record, ready=said)
                write_record(home, record)
                refuse_open_cluster(said.address)
            except BaseException:
                process.kill()
                _end(home, record, keep_logs=True)
                process.wait()
                raise
        return cls(home, process, record)

    @property
    def address(self) -> str:
        """`host:port` that drivers connect to, with `attached`."""
        return self._ready.address

    @property
    def metrics_address(self) -> str:
        """`host:port` of its metrics as Prometheus text, below `/metrics`; it asks for no token."""
        return f"127.0.0.1:{self._record.metrics_port}"

    @property
    def session_dir(self) -> Path:
        """Folder of its sockets and logs; gone after `stop`."""
        return Path(self._ready.session_dir)

    @property
    def gcs_pid(self) -> int:
        """Process that holds the cluster's state."""
        return self._ready.gcs_pid

    @property
    def raylet_pid(self) -> int:
        """Process that starts workers."""
        return self._ready.raylet_pid

    @property
    def _ready(self) -> HeadReady:
        assert self._record.ready is not None
        return self._record.ready

    def alive(self) -> bool:
        """Tell whether all of its parts run; false at most 0.3 s after one ended. Cheap: asks the kernel alone."""
        return not self._stopped and self._process.poll() is None

    def answers(self) -> bool:
        """Tell whether all of its parts answer now: one that hangs is alive and does not. Takes 5 s at the most."""
        raylet = f"127.0.0.1:{self._record.raylet_port}"
        return self.alive() and is_healthy(raylet) and takes_token(self.address, token_path(self.home).read_text())

    def pids(self) -> tuple[int, ...]:
        """Return all of its processes, workers and what they started in the same session included."""
        return in_session(self._record.session)

    def stop(self) -> None:
        """End it and everything it started, and remove its folder; also after parts of it died. Twice is once.

        Raises
        ------
        ClusterError
            When a process would not go.
        """
        if self._stopped:
            return
        fell = self._process.poll() is not None
        if not fell:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):  # killed below
                self._process.wait(STOP_S)
        _end(self.home, self._record, keep_logs=fell)
        self._process.wait()
        self._stopped = True

    def __enter__(self) -> Head:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()


def end_orphans(home: Home) -> None:
    """End what is left of a head whose supervisor is gone, or is this process.

    Raises
    ------
    ClusterError
        When another process supervises it, or a process would not go.
    """
    record = head_record(home)
    if record is None:
        return
    if record.supervised and record.supervisor_pid != os.getpid():
        raise ClusterError(
            f"{home.root} already has a Ray head, which process {record.supervisor_pid} supervises; end that "
            "`rtcc live` first"
        )
    _end(home, record, keep_logs=True)


def _end(home: Home, record: HeadRecord, *, keep_logs: bool) -> None:
    if is_still_ours(home, record) and (left := kill_session(record.session)):
        raise ClusterError(
            f"the Ray head of {home.root} does not end: processes {', '.join(map(str, left))} do not take "
            "SIGKILL; the kernel holds them, most likely for a disk that does not answer"
        )
    _clear(home, Path(record.temp_dir), keep_logs=keep_logs)
    (live_dir(home) / "head.json").unlink(missing_ok=True)


def _clear(home: Home, temp_dir: Path, *, keep_logs: bool) -> None:
    """Remove the folder of sockets and logs; the logs of a head that fell are kept until the next one falls."""
    logs = temp_dir / "session_latest" / "logs"
    if keep_logs and logs.exists():
        kept = live_dir(home) / "fallen-head-logs"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(logs, kept, symlinks=True, ignore_dangling_symlinks=True)
    shutil.rmtree(temp_dir, ignore_errors=True)


def _temp_dir(home: Home) -> Path:
    """Return an empty folder of our own, with a name that leaves room for Ray's sockets."""
    folder = live_dir(home) / "ray"
    if len(str(folder)) > LONGEST_TMPDIR:
        name = hashlib.sha256(str(home.root).encode()).hexdigest()[:12]
        folder = Path("/tmp") / f"rtcc-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise ClusterError(
            f"the Ray head of {home.root} needs the folder {folder}, which is another user's; remove it"
        )
    folder.chmod(0o700)
    return folder


def _environment(home: Home) -> dict[str, str]:
    environment = dict(os.environ)  # noqa: TID251 Ray takes its settings from nowhere else
    for name in FOREIGN_SETTINGS:
        environment.pop(name, None)
    ours = {
        "RAY_AUTH_TOKEN_PATH": str(token_path(home)), MARK: str(home.root),
        "PYTHONPATH": python_path(environment.get("PYTHONPATH", "")),
    }  # fmt: skip
    return environment | STATIC_ENVIRONMENT | LOOPBACK_ENVIRONMENT | HEAD_ENVIRONMENT | ours


def _awaited(home: Home, process: subprocess.Popen[bytes], ready: IO[bytes]) -> HeadReady:
    answered, _, _ = select.select([ready], [], [], START_S)
    line = ready.readline() if answered else b""
    if line:
        return HeadReady(**json.loads(line))
    found = f"did not come up in {START_S:.0f} s" if not answered else f"ended while starting: {_last_line(home)}"
    raise ClusterError(f"the Ray head of {home.root} {found}; see {live_dir(home) / 'head.log'}, and `rtcc doctor`")


def _last_line(home: Home) -> str:
    lines = (live_dir(home) / "head.log").read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


@contextmanager
def _only_starter(home: Home) -> Iterator[None]:
    """Let one process at a time start a head of this home."""
    with open(live_dir(home) / "head.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held by a starter for START_S at the longest
        yield
