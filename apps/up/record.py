"""What runs, as a file: `run/up.json`, written by whoever supervises, read by whoever wants to know."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog.errors import RtccError
from catalog.home import Home
from ray_jobs.processes import boot_id, started_ticks

LEAVE_S = 10.0
"""Longest wait for a process that was left behind to end in good order, seconds."""

LOOK_EVERY_S = 0.05
"""Between two looks whether it has, seconds."""


class AlreadyUp(RtccError):
    """The command center of this home runs, under another process."""


@dataclass(frozen=True)
class PartRecord:
    """One part of the command center, as its supervisor saw it last."""

    name: str
    up: bool
    pid: int | None
    started_ticks: int | None
    """When its process began, clock ticks since the machine's start: tells it from a later one of that number."""
    port: int | None
    since_at: str | None
    """When it came up; `None` while it is down."""
    restarts: int
    detail: str = ""


@dataclass(frozen=True)
class UpRecord:
    """The command center."""

    supervisor: int
    boot: str
    """Which start of the machine the process numbers belong to."""
    address: str
    started_at: str
    demo: bool
    parts: tuple[PartRecord, ...]

    @property
    def all_up(self) -> bool:
        """True while every part answers."""
        return all(part.up for part in self.parts)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> UpRecord:
        """Return what `asdict` has made."""
        return cls(**{**document, "parts": tuple(PartRecord(**part) for part in document["parts"])})


def record_path(home: Home) -> Path:
    """Return where it is kept."""
    return home.run_dir / "up.json"


def write_record(home: Home, record: UpRecord) -> None:
    """Keep it, whole or not at all."""
    part = record_path(home).with_suffix(".new")
    part.write_text(json.dumps(asdict(record), indent=1))
    part.replace(record_path(home))


def read_record(home: Home) -> UpRecord | None:
    """Return what was kept last; `None` where nothing was, or nothing that can be read."""
    try:
        return UpRecord.from_json(json.loads(record_path(home).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_record(home: Home) -> None:
    """Say that nothing runs."""
    record_path(home).unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the lock under which one process supervises the command center of a home.

    Raises
    ------
    AlreadyUp
        When another process does; the message says where it is.
    """
    home.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock_path(home).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp(described(home)) from None
        yield


def is_up(home: Home) -> bool:
    """Tell whether a process supervises the command center of this home."""
    try:
        with only_one(home):
            return False
    except AlreadyUp:
        return True


def described(home: Home) -> str:
    """Return what runs already, in words."""
    record = read_record(home)
    if record is None:
        return f"the command center of {home.root} is starting already, under another process; wait for it"
    up = ", ".join(part.name for part in record.parts if part.up) or "nothing yet"
    return (
        f"the command center of {home.root} runs already at {record.address} (process {record.supervisor}; "
        f"up: {up}); `rtcc up --status` shows it, `rtcc up --stop` ends it"
    )


def end_leftovers(home: Home) -> tuple[str, ...]:
    """End what a supervisor that was killed has left running, by its own record; return the names of the parts.

    They have gone when this returns, and their ports are free. Only where the number, the machine's start and the
    process's beginning are those recorded: a later process of the same number is somebody else's.
    """
    record = read_record(home)
    if record is None or record.boot != boot_id():
        return ()
    left = [part for part in record.parts if _runs_still(part)]
    _send(left, signal.SIGTERM)
    until_s = time.monotonic() + LEAVE_S
    while any(map(_runs_still, left)) and time.monotonic() < until_s:
        time.sleep(LOOK_EVERY_S)
    _send([part for part in left if _runs_still(part)], signal.SIGKILL)
    return tuple(part.name for part in left)


def _runs_still(part: PartRecord) -> bool:
    return part.pid is not None and part.started_ticks is not None and started_ticks(part.pid) == part.started_ticks


def _send(parts: Sequence[PartRecord], what: signal.Signals) -> None:
    for part in parts:
        if part.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(part.pid, what)


def _lock_path(home: Home) -> Path:
    return home.run_dir / "up.lock"
