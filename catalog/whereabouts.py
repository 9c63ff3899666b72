"""Where a home's keeper is to be found, and the token that opens its door."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from catalog.home import Home


@dataclass(frozen=True)
class Whereabouts:
    """The address a keeper answers at."""

    address: str
    """Arrow Flight, e.g. `grpc://127.0.0.1:40017`."""
    pid: int
    token: str

    def publish(self, home: Home) -> None:
        """Write it where clients look, in one step."""
        path = _path(home)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"address": self.address, "pid": self.pid}))
        part.chmod(0o600)
        part.replace(path)

    def retract(self, home: Home) -> None:
        """Take it back, unless another keeper has published since."""
        found = find(home)
        if found is not None and found.pid == self.pid:
            _path(home).unlink(missing_ok=True)


def find(home: Home) -> Whereabouts | None:
    """Return what the last keeper published, or `None`; whether it still answers is for the caller to try."""
    try:
        published = json.loads(_path(home).read_text())
        token = _token_path(home).read_text()
        return Whereabouts(str(published["address"]), int(published["pid"]), token)
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None


def token(home: Home) -> str:
    """Return the home's bearer token, made on first use; only the owner may read its file."""
    path = _token_path(home)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return path.read_text()
    text = secrets.token_hex(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return text


def _path(home: Home) -> Path:
    return home.run_dir / "keeper.json"


def _token_path(home: Home) -> Path:
    return home.run_dir / "keeper.token"
