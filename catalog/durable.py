"""Parquet files that are really on the disk before a commit names them.

DuckLake writes files when rows are inserted and names them at COMMIT, without `fsync`. After a power cut the
catalog would name files that are torn; so every file that is new in a table's folder is synced first, and the
folder with it.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

REMEMBERED_FOLDERS = 1024
"""Folders whose files are remembered as synced; a forgotten one is synced whole, which costs little when clean."""


class DurableFiles:
    """Which files below the lake's folder are known to be on the disk."""

    def __init__(self, lake_path: str) -> None:
        self._root = None if "://" in lake_path else Path(lake_path)
        self._synced: OrderedDict[Path, tuple[int, frozenset[str]]] = OrderedDict()

    def sync(self, tables: Iterable[str]) -> int:
        """Sync what is new in these tables' folders and return how many files that was.

        Object stores answer only when an object is durable: nothing is done for them.
        """
        if self._root is None:
            return 0
        count = 0
        for table in sorted(set(tables)):
            for folder in _folders(self._root / "main" / table):
                count += self._sync_folder(folder)
        if count:
            _fsync(self._root / "main")
        return count

    def _sync_folder(self, folder: Path) -> int:
        changed_ns = folder.stat().st_mtime_ns
        known = self._synced.get(folder)
        if known is not None and known[0] == changed_ns:
            self._synced.move_to_end(folder)
            return 0
        with os.scandir(folder) as entries:
            names = frozenset(entry.name for entry in entries)
        fresh = [name for name in names - (known[1] if known else frozenset()) if name.endswith(".parquet")]
        for name in fresh:
            _fsync(folder / name)
        _fsync(folder)
        self._synced[folder] = (changed_ns, names)
        self._synced.move_to_end(folder)
        while len(self._synced) > REMEMBERED_FOLDERS:
            self._synced.popitem(last=False)
        return len(fresh)


def _folders(top: Path) -> Iterator[Path]:
    if not top.is_dir():
        return
    yield top
    with os.scandir(top) as entries:
        below = [Path(entry.path) for entry in entries if "=" in entry.name and entry.is_dir()]
    for folder in below:
        yield from _folders(folder)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
