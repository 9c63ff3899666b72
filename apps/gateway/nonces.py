"""Nonces that devices have used, remembered over restarts for as long as their timestamps would still pass.

A replay could add nothing to the catalog, since reports are known there by source and event id; it is refused all
the same, so that what was overheard once cannot be sent again. Each nonce is appended to a file before its report
is looked at. The file is not synced: a power cut can lose the last second's, and those reports are idempotent.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from catalog.home import Home

KEPT_FOR = timedelta(minutes=11)
"""How long a nonce is remembered: the whole window of timestamps, ahead and behind, and a minute."""


class Nonces:
    """Nonces by device; used from the event loop alone."""

    def __init__(self, home: Home) -> None:
        self._folder = home.run_dir / "gateway"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._used: dict[tuple[str, str], float] = {}
        self._file = -1
        self._begun_s = 0.0
        self._load()

    def take(self, device_id: str, nonce: str, now: datetime) -> bool:
        """Use a nonce up; `False` where it was used before."""
        now_s, key = now.timestamp(), (device_id, nonce.lower())
        if self._file < 0 or now_s - self._begun_s > KEPT_FOR.total_seconds():
            self._turn(now_s)
        used_s = self._used.get(key)
        if used_s is not None and now_s - used_s <= KEPT_FOR.total_seconds():
            return False
        os.write(self._file, f"{now_s:.0f} {device_id} {nonce.lower()}\n".encode())
        self._used[key] = now_s
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def _path(self) -> Path:
        return self._folder / "nonces"

    def _load(self) -> None:
        if not self._path.exists():
            return
        for line in self._path.read_text(errors="replace").splitlines():
            words = line.split()  # a line that a power cut has torn is none
            if len(words) == 3 and words[0].isdigit():
                self._used[words[1], words[2]] = float(words[0])

    def _turn(self, now_s: float) -> None:
        """Begin a new file that holds those still remembered."""
        self.close()
        oldest_s = now_s - KEPT_FOR.total_seconds()
        self._used = {key: used_s for key, used_s in self._used.items() if used_s >= oldest_s}
        part = self._path.with_suffix(".new")
        self._file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        lines = [f"{used_s:.0f} {device_id} {nonce}\n" for (device_id, nonce), used_s in self._used.items()]
        os.write(self._file, "".join(lines).encode())
        part.replace(self._path)
        self._begun_s = now_s
