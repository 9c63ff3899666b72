"""The stretch in which a camera's footage is recorded, but nobody looks at it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from catalog.footage import Gap, GapReason
from workbench.feeds.open_gap import OpenGap


class BlindGap(OpenGap):
    """At most one such stretch at a time; it may be told of by several threads.

    Were they to meet, the catalog could be told of an end first and of the open gap after it.
    """

    def __init__(self, camera_id: str, source_name: str, say: Callable[[Gap], None]) -> None:
        super().__init__(camera_id, source_name, say)
        self._guard = threading.RLock()

    def begin(self, reason: GapReason, detail: str, at_us: int) -> None:
        """Begin it, or go on with the one there is."""
        with self._guard:
            super().begin(reason, detail, at_us)

    def tick(self, now_us: int) -> None:
        """Say it where it lasts."""
        with self._guard:
            super().tick(now_us)

    def end(self, at_us: int) -> None:
        """End it: somebody looks from here on."""
        with self._guard:
            super().end(at_us)
