"""Processes of one session: who is in it, and ending all of them, and only them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

PROC = Path("/proc")

KILL_WAIT_S = 10.0
"""Longest wait for killed processes to be gone, seconds; one that hangs in the kernel can take longer."""

LOOK_EVERY_S = 0.02
"""Pause between two looks at /proc, seconds."""


NICENESS = 10
"""How far what looks at pictures stands back for others on its machine (nice): when the cores are full, recording,
the keeper and the gateway go on, and it is the looking that falls behind and is shed."""


def stand_back() -> None:
    """Let this thread, and those it starts, wait while others on the machine want its core; on Linux it alone."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def boot_id() -> str:
    """Return what tells this start of the machine from any other."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def started_ticks(pid: int) -> int | None:
    """Return when this process began, clock ticks since the machine's start; `None` where there is none.

    With the boot's identity it tells a process from a later one of the same number.
    """
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def in_session(session: int) -> tuple[int, ...]:
    """Return the processes of this session that still run."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            state, its_session = fields[0], int(fields[3])
            if its_session == session and state != "Z":
                found.append(int(entry.name))
    return tuple(found)


def kill_session(session: int, *, spare: int | None = None, timeout_s: float = KILL_WAIT_S) -> tuple[int, ...]:
    """Kill every process of a session, also those that appear meanwhile; return the ones that would not go.

    Parameters
    ----------
    spare
        Process that is left alone: the caller's own.
    """
    deadline = time.monotonic() + timeout_s
    while left := tuple(pid for pid in in_session(session) if pid != spare):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone by itself meanwhile
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return left
        threading.Event().wait(LOOK_EVERY_S)
    return ()


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third on; the second is a name that may hold anything."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def stop_on_signals(stop: threading.Event) -> None:
    """Let Ctrl-C and SIGTERM set an event; call it again after `ray.init`, which sets a handler of its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
