"""A keeper in this process: commands and clients find it as they find any other, and none need be started."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from catalog.client import open_door
from catalog.home import Home
from catalog.serve import serve
from catalog.whereabouts import find


@contextmanager
def keeping(home: Home) -> Iterator[Home]:
    """Keep a home for the block."""
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(home,), kwargs={"stop": stop}, name="keeper behind its door")
    thread.start()
    try:
        open_door(home, spawn=False).close()
        yield home
    finally:
        stop.set()
        thread.join()


def end_keeper(home: Home) -> None:
    """End the process that keeps a home, which would wait a minute for more questions."""
    where = find(home)
    assert where is not None
    process = psutil.Process(where.pid)
    process.terminate()
    process.wait(20)
