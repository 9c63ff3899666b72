"""Memory that was freed and is not given back by itself."""

from __future__ import annotations

import contextlib
import ctypes
import time

GIVE_BACK_S = 60.0
"""How often a process that runs for months gives back what it freed, seconds."""


def give_back_memory() -> None:
    """Hand what was freed back to the system, where the C library would keep it: glibc; a few ms.

    A keeper commits several times a second for months, a shard decodes for as long, each time through many small
    allocations.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class GivingBack:
    """Gives back what a process freed, once a minute, however often it is asked."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def now_and_then(self) -> None:
        """Give back, where the last time is `GIVE_BACK_S` ago."""
        if time.monotonic() - self._last_s > GIVE_BACK_S:
            give_back_memory()
            self._last_s = time.monotonic()
