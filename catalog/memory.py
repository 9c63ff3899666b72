"""Memory that was freed and is not given back by itself."""

from __future__ import annotations

import contextlib
import ctypes

GIVE_BACK_S = 60.0
"""How often a process that runs for months gives back what it freed, seconds."""


def give_back_memory() -> None:
    """Hand what was freed back to the system, where the C library would keep it: glibc; a few ms.

    A keeper commits several times a second for months, a shard decodes for as long, each time through many small
    allocations.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
