"""Footage that goes: the catalog is told first, then the files are removed, whoever dies in between.

What is about to go stands in a small file until it has gone. So the next process finds which files a killed one,
or a disk that refused, has left, and removes them: the catalog knows them no longer, and nobody else would.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.access import Access
from catalog.home import Home
from catalog.retention import Removal
from catalog.writes import WriteDoor

log = logging.getLogger(__name__)

UPKEEP = Access("live", role="service", purpose="maintenance")
"""On whose behalf footage is deleted."""


@dataclass(frozen=True)
class _Going:
    """A segment on its way out."""

    segment_id: str
    uri: str
    size_bytes: int
    rule: str


class Deleting:
    """Deletes segments of one home; used by one thread."""

    def __init__(self, home: Home, door: WriteDoor) -> None:
        self._home, self._door = home, door
        self._path = home.run_dir / "live" / "deleting.json"
        self.segments = self.size_bytes = 0
        """What has gone so far."""
        self.problem = ""
        """Which files could not be removed; empty while all could."""

    def delete(self, plan: Sequence[Removal]) -> int:
        """Delete segments with their files, those that went before but left files too; return the bytes freed.

        Raises
        ------
        KeeperUnavailable, StorageFailed
            When the catalog could not be told; nothing has gone then.
        """
        going = {one.segment_id: one for one in self._left()}
        for removal in plan:
            segment = removal.segment
            going[segment.segment_id] = _Going(segment.segment_id, segment.uri, segment.size_bytes, removal.rule)
        if not going:
            return 0
        self._note(list(going.values()))
        by_rule: dict[str, list[_Going]] = defaultdict(list)
        for one in going.values():
            by_rule[one.rule].append(one)
        before = self.size_bytes
        left = [one for rule, several in by_rule.items() for one in self._delete(rule, several)]
        self._note(left)
        self.problem = f"{len(left)} files of deleted footage cannot be removed, e.g. {left[0].uri}" if left else ""
        return self.size_bytes - before

    def _delete(self, rule: str, going: Sequence[_Going]) -> list[_Going]:
        """Tell the catalog, then remove the files; return those that are still there."""
        gone = set(self._door.delete_footage(UPKEEP, [one.segment_id for one in going], rule))
        log.info("%d segments deleted: %s", len(gone), rule)
        # what is held since, or has come again, is not among them and stays
        return [one for one in going if one.segment_id in gone and not self._remove(one)]

    def _remove(self, one: _Going) -> bool:
        path = self._home.footage_path(one.uri)
        if ".." in path.parts or not path.is_relative_to(self._home.footage_dir):
            log.error("segment %s lies at %s, outside the footage: its file is left there", one.segment_id, path)
            return True
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", path, error)
            return False
        self.segments += 1
        self.size_bytes += one.size_bytes
        return True

    def _left(self) -> list[_Going]:
        try:
            return [_Going(**one) for one in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read: %s", self._path, error)
            return []

    def _note(self, going: Sequence[_Going]) -> None:
        """Write down what is on its way out, whole or not at all."""
        if not going:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part: Path = self._path.with_suffix(".new")
        part.write_text(json.dumps([asdict(one) for one in going]))
        part.replace(self._path)
