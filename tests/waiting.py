"""Waiting, by looking, for what nobody is told."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 30.0
"""Longest wait for what takes a moment, seconds; a busy machine takes its time."""


def eventually(holds: Callable[[], object], what: str = "it holds", within_s: float = WAIT_S) -> float:
    """Wait until something holds and return how long that took, seconds; fail where it does not in time."""
    began_s = time.monotonic()
    while not holds():
        if time.monotonic() - began_s > within_s:
            raise AssertionError(f"after {within_s:.0f} s it is still not so: {what}")
        time.sleep(0.02)
    return time.monotonic() - began_s
