"""The director as a process: `python -m ray_jobs.live.drive HOME ADDRESS`, ended with SIGTERM.

It is a Ray driver of its own, so that whoever supervises it survives Ray.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from catalog.errors import RtccError
from catalog.home import Home
from ray_jobs.cluster import attached, connected
from ray_jobs.live.config import LiveConfig
from ray_jobs.processes import stop_on_signals

WATCH_PARENT_S = 1.0
"""Between two looks whether the supervisor still lives, seconds."""


def main(arguments: list[str] | None = None) -> int:
    """Direct until SIGTERM, or until the process that started this one is gone; the exit code is the error's."""
    parser = argparse.ArgumentParser(prog="python -m ray_jobs.live.drive", description=__doc__)
    parser.add_argument("home", type=Path, help="the data home")
    parser.add_argument("address", help="HOST:PORT of the Ray head")
    parser.add_argument("--camera", action="append", default=[], metavar="ID", help="watch only this camera")
    parser.add_argument("--shards", type=int, default=0, help="least number of ingest processes")
    parser.add_argument("--top-level", default="", help="look no closer than this level")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    stop_on_signals(stop)
    threading.Thread(target=_watch_parent, args=(os.getppid(), stop), daemon=True).start()
    try:
        home = Home.open(given.home)
        _direct(home, given, stop)
    except RtccError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _direct(home: Home, given: argparse.Namespace, stop: threading.Event) -> None:
    ours = given.address != home.ray_address
    with attached(home, given.address) if ours else connected(home, address=given.address):
        stop_on_signals(stop)
        from dataclasses import replace

        from ray_jobs.live.director import Director

        config = replace(LiveConfig.of(home), top_level=given.top_level)
        shards = given.shards or home.live_shards
        Director(home, config, only=given.camera, shards=shards).run(stop)


def _watch_parent(parent: int, stop: threading.Event) -> None:
    while not stop.wait(WATCH_PARENT_S):
        if os.getppid() != parent:
            stop.set()


if __name__ == "__main__":
    sys.exit(main())
