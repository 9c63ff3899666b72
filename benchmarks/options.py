"""What every benchmark is told."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How much work to do, and where."""

    quick: bool = False
    """A little work in seconds, to see that everything runs."""
    data: Path | None = None
    """Folder in which made footage and rows are kept for the next time; `None` for one that goes at the end."""
    rows: tuple[int, ...] = ()
    """Sizes of the queries' catalogs, rows; empty for the benchmark's own."""
    cameras: tuple[int, ...] = ()
    """How many cameras the live ones have; empty for the benchmark's own."""
    minutes: float | None = None
    """How long the live ones watch, minutes; `None` for the benchmark's own."""

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """Yield a folder for one benchmark's files."""
        if self.data is not None:
            kept = self.data.resolve() / name
            kept.mkdir(parents=True, exist_ok=True)
            yield kept
            return
        made = Path(tempfile.mkdtemp(prefix=f"rtcc-{name}-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @property
    def rounds(self) -> int:
        """How often each timing is taken."""
        return 1 if self.quick else 3


def more_footage() -> Path | None:
    """Return the folder of further real footage that `RTCC_FOOTAGE` names, if it does."""
    named = os.environ.get("RTCC_FOOTAGE", "").strip()
    return Path(named) if named else None
