"""Who watches over the command center: live work and the servers, each started again when it dies.

Live work has a supervisor of its own, in a thread here. The servers wait for the keeper alone: pages come up while
Ray is still starting, and stay up while it is down.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.parts import Child, Part
from apps.supervisor import LiveOptions, Supervisor, supervised
from apps.up.record import PartRecord, UpRecord, end_leftovers, only_one, remove_record, write_record
from apps.up.services import Service, Watched
from catalog.errors import ClusterOpen, RtccError
from catalog.home import Home
from catalog.spans import iso
from ray_jobs.processes import boot_id, started_ticks

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
"""Between two looks at the processes, seconds."""

LIVE_AGAIN_S = 15.0
"""Wait before live work that could not be started is tried again, seconds: its own supervisor has tried by then."""

LIVE_PARTS = ("keeper", "Ray head", "director")


@dataclass
class LiveWork:
    """Live work in a thread, begun again where it breaks: the pages stay up without it."""

    home: Home
    options: LiveOptions

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.home, self.options)
        self.detail = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live work", daemon=True)
        self.has_keeper = threading.Event()
        """Set once a keeper answers, or none can be had: nobody need wait for it any more."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let segments be closed, and end it."""
        self._stop.set()
        self._thread.join()

    def parts(self) -> Iterator[tuple[Part, int | None]]:
        """Yield its parts and their processes."""
        pids = supervised(self.home) or {}
        for part, name in ((self.supervisor.keeper, "keeper"), (self.supervisor.head, "gcs"),
                           (self.supervisor.director, "director")):  # fmt: skip
            pid = pids.get(name)
            yield part, int(str(pid)) if pid is not None else None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                watching = threading.Thread(target=self._note_keeper, daemon=True)
                watching.start()
                self.supervisor.run(self._stop)
            except ClusterOpen as error:
                self._broke(error)
                return  # starting again would not close it
            except (RtccError, OSError) as error:
                self._broke(error)
                self._stop.wait(LIVE_AGAIN_S)
                self.supervisor = Supervisor(self.home, self.options)

    def _note_keeper(self) -> None:
        while not self._stop.is_set() and self.supervisor.keeper.running is None and not self.has_keeper.is_set():
            self._stop.wait(LOOK_EVERY_S)
        self.has_keeper.set()

    def _broke(self, error: Exception) -> None:
        self.detail = str(error)
        self.has_keeper.set()
        log.error("live work does not run: %s", error)


@dataclass
class Center:
    """Starts everything, watches over it, and ends it: what it started, and nothing else."""

    home: Home
    services: Sequence[Service]
    address: str
    live: LiveOptions = field(default_factory=LiveOptions)
    demo: bool = False
    at_first: Callable[[], None] = lambda: None
    """Done once, when the keeper answers: what is to be entered in the catalog before anything else."""
    clock: Callable[[], datetime] = field(kw_only=True)

    def __post_init__(self) -> None:
        self._live = LiveWork(self.home, self.live)
        self._watched = [Watched(self.home, service) for service in self.services]
        self._since: dict[tuple[str, float], str] = {}
        self._started_at = self._instant()
        self._said: tuple[PartRecord, ...] = ()

    def run(self, stop: threading.Event, ready: threading.Event | None = None) -> None:
        """Keep it going until `stop` is set.

        Parameters
        ----------
        ready
            Set once every part is up for the first time.

        Raises
        ------
        AlreadyUp
            When another process does so already.
        """
        with only_one(self.home):
            for name in end_leftovers(self.home):
                log.warning("the %s that a killed supervisor had left was ended", name)
            try:
                self._live.start()
                while not stop.is_set() and not self._live.has_keeper.wait(LOOK_EVERY_S):
                    self._tell()
                self.at_first()
                while not stop.is_set():
                    self._look()
                    if self._tell().all_up and ready is not None:
                        ready.set()
                    stop.wait(LOOK_EVERY_S)
            finally:
                self._end()

    def _look(self) -> None:
        now_s = time.monotonic()
        for watched in self._watched:
            watched.look(now_s)

    def _end(self) -> None:
        """End the servers first: a gateway without a keeper would start one, and that is not for it to do now."""
        ending = [threading.Thread(target=watched.stop) for watched in self._watched]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        self._live.stop()
        remove_record(self.home)

    def record(self) -> UpRecord:
        """Return how everything is now."""
        return UpRecord(
            os.getpid(), boot_id(), self.address, self._started_at, self.demo,
            (*self._live_records(), *map(self._service_record, self._watched)),
        )  # fmt: skip

    def _tell(self) -> UpRecord:
        record = self.record()
        if record.parts != self._said:
            write_record(self.home, record)
            self._said = record.parts
        return record

    def _live_records(self) -> Iterator[PartRecord]:
        restarts = self._live.supervisor.restarts
        for part, pid in self._live.parts():
            ours = part.running if isinstance(part.running, Child) else None
            yield PartRecord(
                part.name, part.started_s is not None, pid, started_ticks(ours.process.pid) if ours else None, None,
                self._since_at(part), restarts.get(part.name, 0), "" if part.started_s else self._live.detail,
            )  # fmt: skip

    def _service_record(self, watched: Watched) -> PartRecord:
        pid = watched.pid
        return PartRecord(
            watched.service.name, watched.up, pid, None if pid is None else started_ticks(pid),
            watched.service.port, self._since_at(watched.part), watched.restarts, watched.detail,
        )  # fmt: skip

    def _since_at(self, part: Part) -> str | None:
        if part.started_s is None:
            return None
        return self._since.setdefault((part.name, part.started_s), self._instant())

    def _instant(self) -> str:
        return str(iso(self.clock()))
