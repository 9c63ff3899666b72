"""A made disk, and a storage with all it depends on in the test's hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalog.access import Access
from catalog.casework import Alert, AlertClosing
from catalog.footage import Segment
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.roster import Roster
from ray_jobs.live.config import LIVE
from ray_jobs.live.storage import GB, LOOK_EVERY_S, Storage
from tests.ray_jobs.live.made_live import FARISH, Clock, segment_of

AMITE = replace(FARISH, camera_id="amite-4")
BIG = 100_000_000
"""Size of every made segment in the catalog, bytes; its file is a few bytes."""


@dataclass
class Disk:
    """A disk on which every segment takes the room that the catalog says."""

    home: Home
    total_bytes: int = 100 * GB
    other_bytes: int = 0
    """What else is on it."""
    segments: list[Segment] = field(default_factory=list)

    def usage(self, path: Path) -> tuple[int, int]:
        assert path == self.home.footage_dir
        return self.total_bytes, self.total_bytes - self.other_bytes - BIG * len(self.kept)

    @property
    def kept(self) -> list[str]:
        """Segments whose files are there."""
        return [one.segment_id for one in self.segments if self.home.footage_path(one.uri).exists()]

    def leave(self, free_bytes: float) -> None:
        """Fill it with other things until so much is free."""
        self.other_bytes += self.usage(self.home.footage_dir)[1] - round(free_bytes)


class Door:
    """The keeper's door; may be shut, and tells what files there were when it had answered a deletion."""

    def __init__(self, keeper: Keeper, disk: Disk) -> None:
        self._keeper, self._disk = keeper, disk
        self.away: Exception | None = None
        self.there_when_told: list[str] = []

    def _through(self) -> Keeper:
        if self.away is not None:
            raise self.away
        return self._keeper

    def roster(self) -> Roster | None:
        return self._through().roster()

    def record(self, *line: object) -> str:
        return self._through().record(*line)  # type: ignore[arg-type]

    def raise_alerts(self, access: Access, alerts: Sequence[Alert]) -> int:
        return self._through().raise_alerts(access, alerts)

    def close_alerts(self, access: Access, closings: Sequence[AlertClosing]) -> int:
        return self._through().close_alerts(access, closings)

    def delete_footage(self, access: Access, segment_ids: Sequence[str], rule: str) -> tuple[str, ...]:
        gone = self._through().delete_footage(access, segment_ids, rule)
        self.there_when_told += [one for one in self._disk.kept if one in gone]
        return gone


@dataclass
class Stored:
    """A storage, and all it depends on in the test's hand."""

    home: Home
    keeper: Keeper
    clock: Clock
    disk: Disk
    door: Door
    now_s: float = 1000.0

    def __post_init__(self) -> None:
        self.storage = self.begun()

    def begun(self) -> Storage:
        """Return a storage as a process that has just begun has it."""
        return Storage(self.home, self.door, self.clock, usage=self.disk.usage, monotonic=lambda: self.now_s)  # type: ignore[arg-type]

    def pass_s(self, seconds: float) -> None:
        """Let time pass, with a round as often as the director has them."""
        for _ in range(round(seconds / LOOK_EVERY_S)):
            self.now_s += LOOK_EVERY_S
            self.clock.turn(LOOK_EVERY_S)
            self.storage.round()

    def record(self, camera_id: str, numbers: Sequence[int]) -> list[str]:
        """Record these segments of a camera, and return their ids."""
        segments = [segment_of(camera_id, number, size_bytes=BIG) for number in numbers]
        self.keeper.add_footage(LIVE, segments, [])
        for segment in segments:
            path = self.home.footage_path(segment.uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"footage")
        self.disk.segments += segments
        return [segment.segment_id for segment in segments]

    @property
    def problem(self) -> str:
        return self.storage.figures.problem
