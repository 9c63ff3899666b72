"""Who records a camera: one process at a time, by a lock that is free the moment that process is gone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from catalog.home import Home


def lock_path(home: Home, camera_id: str) -> Path:
    """Return the file whose lock the process that records a camera has."""
    return home.run_dir / "live" / "cameras" / f"{camera_id}.lock"


def hold(home: Home, camera_id: str) -> int | None:
    """Become the process that records a camera.

    Returns
    -------
    int or None
        The descriptor to close when it records no more; `None` while another process records the camera.
    """
    path = lock_path(home, camera_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def held_elsewhere(home: Home, camera_id: str, pid: int) -> bool:
    """Tell whether a process other than this one records a camera.

    A shard cut off from the cluster may still do so until it notices. What it states in that time is not in the
    catalog yet: whoever takes the camera up is told where to go on only after it is gone.
    """
    try:
        descriptor = os.open(lock_path(home, camera_id), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 32) != str(pid).encode()
    finally:
        os.close(descriptor)
    return False
