"""One shard in a process of its own, without Ray: `python -m benchmarks.live_ingest HOME LEVEL`.

Reads its cameras from the home's `run/assignments.pickle`, says its figures as a line of JSON for every line on
standard input, and ends when that ends. Once a second it does for the shard what the director does.
"""

from __future__ import annotations

import json
import pickle
import select
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from catalog.home import Home
from ray_jobs.live.config import LiveConfig
from ray_jobs.live.ingest import Ingest

ROUND_S = 1.0
"""Between two rounds, seconds: the director's."""


def assignments_path(home: Home) -> Path:
    """Return the file that says which cameras to watch."""
    return home.run_dir / "assignments.pickle"


def write_assignments(home: Home, level: str) -> None:
    """Plan all cameras of the home for one shard, as the director does; to be called in another process."""
    from catalog.client import open_door
    from ray_jobs.live.ingest import Assignment
    from ray_jobs.live.plans import Plans

    with open_door(home) as door:
        plans = Plans(home, _config(home, level), door, lambda: datetime.now(UTC))
        roster = door.roster()
        assert roster is not None
        plans.take(roster)
        starts = plans.starts(list(plans.by_camera))
    told = [Assignment(plan, starts[camera_id]) for camera_id, plan in plans.by_camera.items()]
    assignments_path(home).write_bytes(pickle.dumps(told))


def _config(home: Home, level: str) -> LiveConfig:
    return replace(LiveConfig.of(home), top_level=level)


def main(root: str, level: str) -> None:
    """Watch until standard input ends."""
    home = Home.open(root)
    shard = Ingest(home, _config(home, level), 0)
    shard.setup()
    if level != "record":
        from benchmarks.live_stub import PipedDetector

        shard.use([PipedDetector()])
    shard.watch(pickle.loads(assignments_path(home).read_bytes()))
    while True:
        asked, _, _ = select.select([sys.stdin], [], [], ROUND_S)
        figures = shard.figures()
        shard.needs([], "")
        if asked:
            if not sys.stdin.readline():
                break
            print(json.dumps(asdict(figures)), flush=True)
    print(json.dumps(asdict(shard.stop())), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
