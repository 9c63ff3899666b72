"""What is supervised: parts that are processes, each started again when it dies, later and later."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.home import Home

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
"""Wait before a process that died is started again, seconds; doubled with every death in a row."""

LONGEST_WAIT_S = 5.0
"""The same, at the most."""

WELL_AFTER_S = 30.0
"""A process that has run for so long was well: its next death counts as the first."""

CHILD_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
"""What children find beside the supervisor's own environment: with an arena a thread, glibc keeps hundreds of MB
of a process whose many threads each allocate a little for a while."""


class Running(Protocol):
    """A process, or a group of them, that is supervised."""

    def alive(self) -> bool:
        """Tell whether it runs."""
        ...

    def stop(self, *, at_once: bool = False) -> None:
        """End it; at once where it has nothing left to bring to an end."""
        ...


@dataclass
class Part:
    """One supervised part, and how often it has died."""

    name: str
    running: Running | None = None
    started_s: float | None = None
    """When it came up, on the steady clock; `None` while it is down."""
    deaths: int = 0
    ran: bool = False
    """True once it has come up: from then on it is started again as often as it takes."""
    not_before_s: float = 0.0

    def died(self, now_s: float) -> float:
        """Take in that it died, and return how long to wait before it is started again, seconds."""
        self.running = None
        was_well = self.started_s is not None and now_s - self.started_s > WELL_AFTER_S
        self.deaths = 1 if was_well else self.deaths + 1
        self.started_s = None
        wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (self.deaths - 1))
        self.not_before_s = now_s + wait_s
        return wait_s


class Child:
    """A program of ours as a child process, its output in a log of the home."""

    def __init__(self, home: Home, name: str, command: Sequence[str], stop_s: float) -> None:
        self._stop_s = stop_s
        path = live_dir(home) / f"{name}.log"
        with path.open("ab") as report:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=report,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | CHILD_ENVIRONMENT,  # noqa: TID251 a supervisor hands on its environment
            )

    def alive(self) -> bool:
        """Tell whether it runs."""
        return self.process.poll() is None

    def stop(self, *, at_once: bool = False) -> None:
        """Ask it to end, and end it where it does not."""
        if not self.alive():
            return
        if at_once:
            self.process.kill()
        self.process.terminate()
        try:
            self.process.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            log.warning("process %d did not end in %.0f s and is killed", self.process.pid, self._stop_s)
            self.process.kill()
            self.process.wait()


def live_dir(home: Home) -> Path:
    """Return the folder of live work's logs and addresses, readable by the owner only."""
    folder = home.run_dir / "live"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
