"""Which processes are a home's Ray head, written down so that what is left of one can be found and ended."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.home import Home
from ray_jobs.head_process import HeadReady
from ray_jobs.processes import boot_id, in_session, started_ticks

MARK = "RTCC_HEAD_OF"
"""Variable in the environment of all that a head starts; holds the home's folder."""


@dataclass(frozen=True)
class HeadRecord:
    """Which processes are a home's head; kept in `run/live/head.json`."""

    boot_id: str
    """Which start of the machine the processes belong to."""
    session: int
    """Session of all of the head's processes, and the process that leads it."""
    session_ticks: int
    """When the leader began, clock ticks since the machine's start."""
    supervisor_pid: int
    """Process that started it."""
    supervisor_ticks: int
    """When the supervisor began, clock ticks since the machine's start."""
    temp_dir: str
    """Folder of its sockets and logs."""
    metrics_port: int
    """Where Prometheus finds its metrics, on 127.0.0.1."""
    raylet_port: int
    """Where its raylet listens, on 127.0.0.1."""
    ready: HeadReady | None = None
    """What it said once it was up; `None` before."""

    @property
    def supervised(self) -> bool:
        """True while the process that started it runs."""
        return self.boot_id == boot_id() and started_ticks(self.supervisor_pid) == self.supervisor_ticks

    @property
    def alive(self) -> bool:
        """True while the head's leading process runs."""
        return self.boot_id == boot_id() and started_ticks(self.session) == self.session_ticks


def live_dir(home: Home) -> Path:
    """Return the folder of what runs live, made on first use, readable by the owner only."""
    folder = home.run_dir / "live"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def head_record(home: Home) -> HeadRecord | None:
    """Return what is written down of the home's head; `None` where there is none."""
    try:
        fields = json.loads((home.run_dir / "live" / "head.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    ready = fields.pop("ready")
    return HeadRecord(**fields, ready=None if ready is None else HeadReady(**ready))


def write_record(home: Home, record: HeadRecord) -> None:
    """Write it down, at once or not at all."""
    path = live_dir(home) / "head.json"
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(asdict(record)))
    part.replace(path)


def is_still_ours(home: Home, record: HeadRecord) -> bool:
    """Tell whether the session of this number is the one that was written down.

    The kernel does not give a number out again while a session bears it. So a leader of another age means that
    ours has ended; and where no leader is left, one of those left must bear our mark.
    """
    if record.boot_id != boot_id():
        return False
    ticks = started_ticks(record.session)
    if ticks is not None:
        return ticks == record.session_ticks
    return any(_bears_mark(pid, home) for pid in in_session(record.session))


def _bears_mark(pid: int, home: Home) -> bool:
    try:
        name = Path(f"/proc/{pid}/comm").read_text()
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False  # it ended meanwhile, or is another user's
    # Ray's Python parts write their title over their environment.
    return name.startswith("ray::") or f"{MARK}={home.root}".encode() in environment.split(b"\0")
