"""Debian's PostgreSQL, started for one test in a folder of its own, as a user that may."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = 0
UNPRIVILEGED = ("postgres", "nobody")
"""Users to run the server as where the test runs as root, which PostgreSQL refuses."""


@dataclass(frozen=True)
class Postgres:
    """A running server that listens on a socket in its folder and nowhere else."""

    programs: Path
    folder: Path
    user: str | None
    """Whom it runs as; `None` for whoever runs the test."""

    @property
    def catalog(self) -> str:
        """What to write into a home's settings."""
        return f"postgres:host={self.folder} dbname=postgres user=rtcc"

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=on"
        self.run("pg_ctl", "-w", "-t", "120", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-w", "-t", "120", "-m", mode, "stop")

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.folder / "cluster"), *arguments]
        # Its output goes to a file: the server inherits it, and would keep a pipe open for ever.
        with open(self.folder / "report", "ab") as report:
            done = subprocess.run(
                command,
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                extra_groups=None if self.user is None else [],
                cwd="/",
                stdout=report,
                stderr=report,
                check=False,
            )
        assert done.returncode == 0, (self.folder / "report").read_text()


def programs() -> Path | None:
    """Return the folder of the newest server installed, or `None`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


@contextmanager
def running() -> Iterator[Postgres]:
    """Start a fresh server and stop it at the end; skips the test where none is installed."""
    folder_of_programs = programs()
    if folder_of_programs is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    user = next((name for name in UNPRIVILEGED if _exists(name)), None) if os.getuid() == ROOT else None
    # Not below pytest's own folder, which other users may not enter; and short, because a socket's path is.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        server = Postgres(folder_of_programs, Path(name), user)
        if user is not None:
            shutil.chown(name, user)
        server.run("initdb", "-A", "trust", "-U", "rtcc", "--no-sync", "--no-instructions")
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
