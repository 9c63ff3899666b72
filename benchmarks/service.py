"""On whose behalf benchmarks act, when their footage begins, and how their keepers are told to leave."""

from __future__ import annotations

from datetime import UTC, datetime

import psutil

from catalog.access import Access
from catalog.home import Home
from catalog.whereabouts import find

BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)
"""When made footage begins."""

ACCESS = Access("benchmark", role="service", purpose="investigation")


def stop_keeper(home: Home) -> None:
    """Ask the home's keeper to leave, and wait until it has."""
    where = find(home)
    if where is None:
        return
    try:
        process = psutil.Process(where.pid)
        process.terminate()
        process.wait(20)
    except psutil.NoSuchProcess:
        return
