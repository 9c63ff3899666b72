"""The processes of live work on Ray: one line makes each plain class an actor; found again by name.

They are detached: a driver may die and come back, and recording goes on meanwhile.
"""

from __future__ import annotations

import contextlib
from typing import Any

import ray
import ray.exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from catalog.home import Home
from ray_jobs.live.config import LiveConfig
from ray_jobs.live.detecting import Detect
from ray_jobs.live.ingest import Ingest

NAMESPACE = "rtcc-live"
"""Where the actors' names count."""

SHARD_CALLS = 8
"""Calls a shard answers at once: figures must come while cameras are being opened."""

DETECT_CALLS = 64
"""Calls a detector holds at once; they meet in batches."""

remote: Any = ray.remote  # its annotations do not know all options
IngestActor = remote(num_cpus=0, max_restarts=-1, max_task_retries=0, max_concurrency=SHARD_CALLS)(Ingest)
DetectActor = remote(max_restarts=-1, max_task_retries=0, max_concurrency=DETECT_CALLS)(Detect)


def ingest_actor(home: Home, config: LiveConfig, shard: int, node: str) -> Any:
    """Return the shard's actor on this node, made where there is none; it is started again there alone."""
    return IngestActor.options(
        name=actor_name("ingest", shard, node), namespace=NAMESPACE, lifetime="detached", get_if_exists=True,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False), max_pending_calls=64,
    ).remote(home, config, shard)  # fmt: skip


def detect_actor(home: Home, config: LiveConfig, number: int, node: str, gpus: float) -> Any:
    """Return the detector's actor on this node, made where there is none."""
    return DetectActor.options(
        name=actor_name("detect", number, node), namespace=NAMESPACE, lifetime="detached", get_if_exists=True,
        num_cpus=0 if gpus else 1, num_gpus=gpus, max_pending_calls=256,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
    ).remote(home, config.detector)  # fmt: skip


def actor_name(kind: str, number: int, node: str) -> str:
    """Return the name of an actor: a new node means a new one."""
    return f"{kind}-{number}-{node}"


def named_actors(kind: str) -> list[tuple[int, str]]:
    """Return number and node of the actors of a kind that an earlier director made."""
    found = []
    for entry in ray.util.list_named_actors(all_namespaces=True):
        word, _, rest = entry["name"].partition("-")
        number, _, node = rest.partition("-")
        if entry["namespace"] == NAMESPACE and word == kind and number.isdigit():
            found.append((int(number), node))
    return found


def end_actor(name: str) -> None:
    """End the actor of this name for good, where there is one."""
    with contextlib.suppress(ValueError, ray.exceptions.RayError):
        ray.kill(ray.get_actor(name, NAMESPACE), no_restart=True)
