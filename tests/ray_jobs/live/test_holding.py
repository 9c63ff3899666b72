"""One process at a time records a camera, and others can tell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.home import Home
from ray_jobs.live.holding import held_elsewhere, hold, lock_path

HOLDER = """
import sys
from pathlib import Path
from catalog.home import Home
from ray_jobs.live.holding import hold
print(hold(Home(Path(sys.argv[1])), "farish-1") is not None, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield another process, which records the camera."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_a_camera_nobody_has_recorded_is_free(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert not held_elsewhere(home, "farish-1", os.getpid())
    assert not lock_path(home, "farish-1").exists()


def test_a_second_process_waits_until_the_first_is_gone(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    home = Home(tmp_path)
    assert hold(home, "farish-1") is None
    assert held_elsewhere(home, "farish-1", os.getpid())
    other.kill()
    other.wait()
    assert not held_elsewhere(home, "farish-1", os.getpid())
    lock = hold(home, "farish-1")
    assert lock is not None
    os.close(lock)


def test_the_process_that_holds_a_camera_is_not_another(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    assert not held_elsewhere(Home(tmp_path), "farish-1", other.pid)


def test_a_shorter_process_id_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = lock_path(home, "farish-1")
    path.parent.mkdir(parents=True)
    path.write_text("9" * 20)
    lock = hold(home, "farish-1")
    assert lock is not None
    assert path.read_text() == str(os.getpid())
    os.close(lock)


def test_asking_does_not_take_the_camera(tmp_path: Path) -> None:
    home = Home(tmp_path)
    lock = hold(home, "farish-1")
    assert lock is not None
    os.close(lock)
    assert not held_elsewhere(home, "farish-1", 1)
    again = hold(home, "farish-1")
    assert again is not None
    os.close(again)
