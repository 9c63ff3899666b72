"""The job on the cluster: `python -m ray_jobs.entry HOME JOB` reads its request and writes down its result."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from catalog.errors import RtccError
from catalog.home import Home
from ray_jobs.cluster import connected
from ray_jobs.request import IndexRequest


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)  # noqa: TID251 a job is an edge: its run starts now


def main(root: str, name: str) -> int:
    """Do the job; return the exit code."""
    home = Home.open(root)
    folder = home.run_dir / "jobs"
    try:
        document = _index(home, IndexRequest.read(folder / f"{name}.json"))
        code = 0
    except RtccError as error:
        document = {"error": type(error).__name__, "message": str(error)}
        code = error.exit_code
    part = folder / f"{name}.part"
    part.write_text(json.dumps(document))
    part.replace(_result_path(folder, name))
    return code


def _index(home: Home, request: IndexRequest) -> dict[str, object]:
    with connected(home, address="auto") as cluster:
        from ray_jobs.archive import index

        (summary,) = index(
            home, request.access, [request.footage], request.config(), cluster,
            clock=utc_now, workers=request.workers,
        )  # fmt: skip
    return summary.as_json()


def _result_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.result.json"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
