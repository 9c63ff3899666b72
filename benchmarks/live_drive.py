"""The director with a detector that always takes the same time: `python -m benchmarks.live_drive HOME ADDRESS`.

Everything else is as in `ray_jobs.live.drive`: only which class becomes the detectors' actors differs.
"""

from __future__ import annotations

import sys
from typing import Any

from apps.parts import Child, Running
from apps.supervisor import STOP_S, Supervisor, _Head
from catalog.home import Home
from ray_jobs.live.config import LiveConfig


class StubbedSupervisor(Supervisor):
    """Live work as it is, but for the detector."""

    def _director(self) -> Running:
        head = self.head.running
        assert isinstance(head, _Head)
        command = [sys.executable, "-m", "benchmarks.live_drive", str(self.home.root), head.head.address]
        return Child(self.home, "director", command, STOP_S)


def constant_actor(home: Home, config: LiveConfig, number: int, node: str, gpus: float) -> Any:
    """Return the stand-in's actor, in the place of `ray_jobs.live.actors.detect_actor`."""
    from benchmarks.live_stub import ConstantDetect
    from ray_jobs.live.actors import DETECT_CALLS, NAMESPACE, remote

    del node, gpus
    actor = remote(max_restarts=-1, max_task_retries=0, max_concurrency=DETECT_CALLS)(ConstantDetect)
    return actor.options(
        name=f"detect-{number}", namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0,
        max_pending_calls=256,
    ).remote(home, config.detector)  # fmt: skip


def main() -> int:
    """Direct as `ray_jobs.live.drive` does."""
    from ray_jobs.live import crew, drive

    crew.detect_actor = constant_actor
    return drive.main()


if __name__ == "__main__":
    sys.exit(main())
