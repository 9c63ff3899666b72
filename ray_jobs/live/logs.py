"""Where the processes of live work write what operators may want to know: files of the home, bounded in size."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler

from catalog.home import Home

MOST_BYTES = 5_000_000
"""Size of one log file; two older ones are kept beside it."""

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def log_to(home: Home, name: str) -> None:
    """Send this process's log to `run/live/NAME.log`."""
    folder = home.run_dir / "live"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = RotatingFileHandler(folder / f"{name}.log", maxBytes=MOST_BYTES, backupCount=2)
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
