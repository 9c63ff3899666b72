"""Run an indexing job on a cluster that is up, through Ray's Jobs API.

The home and the footage must lie at the same path on the cluster's machines, and the workbench must be installed
there: paths travel, neither code nor footage do.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from catalog import errors
from catalog.access import Access
from catalog.errors import ClusterError, RtccError
from catalog.home import Home
from catalog.ids import content_id
from ray_jobs.cluster import prepare_environment
from ray_jobs.config import CameraFootage, IndexConfig
from ray_jobs.doors import refuse_open_jobs
from ray_jobs.request import IndexRequest
from ray_jobs.summary import IndexSummary

POLL_S = 1.0
"""Between two looks at a job, seconds; a job takes at least ten."""


def submit_index(
    home: Home, access: Access, footage: CameraFootage, config: IndexConfig, address: str, *,
    workers: int | None, say: Callable[[str], None],
) -> IndexSummary:  # fmt: skip
    """Index one camera's footage on the cluster at `address`, and return the job's figures.

    Parameters
    ----------
    address
        `http://HOST:PORT` of the cluster's dashboard.
    say
        Told where the job is, for people.

    Raises
    ------
    ClusterError
        When the cluster is not there, lets in callers without a token, refuses ours, or the job fails.
    """
    address = address if "://" in address else f"http://{address}"
    prepare_environment(home, address.partition("://")[2])
    refuse_open_jobs(address)
    folder = home.run_dir / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    request = IndexRequest(access, footage, config.sampling.name, config.decoder, config.detector.device, workers)
    name = content_id("job", request, time.monotonic_ns())
    request.write(folder / f"{name}.json")
    client = _client(address)
    try:
        job_id = client.submit_job(
            entrypoint=shlex.join([sys.executable, "-m", "ray_jobs.entry", str(home.root), name]),
            metadata={"name": f"index {footage.camera_id}"},
        )
        say(f"Job {job_id} runs on {address}.")
        _await(client, job_id)
    except RuntimeError as error:
        raise ClusterError(f"the cluster at {address} did not take the job: {_first_line(error)}") from error
    return _result(folder / f"{name}.result.json", client, job_id)


def _client(address: str) -> Any:
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(address)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise ClusterError(
            f"no Ray cluster takes jobs at {address}: {_first_line(error)}; is the address its dashboard's, and "
            "its token here (RAY_AUTH_TOKEN_PATH)?"
        ) from error


def _await(client: Any, job_id: str) -> None:
    """Wait until the job has ended, well or not."""
    while not client.get_job_status(job_id).is_terminal():
        time.sleep(POLL_S)


def _result(path: Path, client: Any, job_id: str) -> IndexSummary:
    """Return what the job wrote down, or raise what it raised."""
    if not path.exists():
        lines = client.get_job_logs(job_id).strip().splitlines()
        last = lines[-1] if lines else "it said nothing"
        raise ClusterError(f"job {job_id} ended without a result: {last}; `ray job logs {job_id}` has the rest")
    document = json.loads(path.read_text())
    if "error" in document:
        kind = getattr(errors, document["error"], RtccError)
        raise kind(document["message"])
    known = {field.name for field in fields(IndexSummary)}
    values = {name: value for name, value in document.items() if name in known}
    return IndexSummary(**{**values, "notes": tuple(values.get("notes", ()))})


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
