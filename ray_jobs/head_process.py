"""The process that a Ray head runs in: it starts the head's parts, watches them, and ends with its supervisor.

`python -m ray_jobs.head_process` is started by `ray_jobs.head` and by nobody else. It says once, on the pipe it
is given, that the head is up; then it is silent until one of the two ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from typing import Any

from ray_jobs.lean_node import lean_node
from ray_jobs.ports import Ports
from ray_jobs.processes import kill_session

WATCH_EVERY_S = 0.2
"""Pause between two looks at the head's parts, seconds; a look is two `waitpid` calls."""


@dataclass(frozen=True)
class HeadOrder:
    """What is to be started."""

    supervisor_pid: int
    """Process whose end ends the head."""
    ready_fd: int
    """Pipe on which to say that the head is up."""
    temp_dir: str
    """Folder for sockets and logs."""
    cpus: int | None
    """Cores that may be handed out; `None` for all of the machine's."""
    gpus: int
    """GPUs that may be handed out."""
    object_store_bytes: int
    """Shared memory for objects."""
    ports: Ports
    """Where each part listens."""

    def as_json(self) -> str:
        """Return it as text for a command line; it holds no secret."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> HeadOrder:
        """Return the order that this text says."""
        fields = json.loads(text)
        return cls(**(fields | {"ports": Ports(**fields["ports"])}))


@dataclass(frozen=True)
class HeadReady:
    """What a head says of itself once it is up."""

    address: str
    """`host:port` that drivers connect to."""
    session_dir: str
    """Folder of this head's sockets and logs."""
    gcs_pid: int
    """The process that holds the cluster's state."""
    raylet_pid: int
    """The process that starts workers."""


def main(text: str) -> None:
    """Run a head until it or its supervisor ends."""
    order = HeadOrder.from_json(text)
    _end_with(order.supervisor_pid)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        node = _start(order)
        _say_ready(order, node)
        _watch(node)
    finally:
        kill_session(os.getpid(), spare=os.getpid())


def _say_ready(order: HeadOrder, node: Any) -> None:
    said = HeadReady(
        address=node.address,
        session_dir=node.get_session_dir_path(),
        gcs_pid=_pid_of(node, "gcs_server"),
        raylet_pid=_pid_of(node, "raylet"),
    )
    with os.fdopen(order.ready_fd, "w") as ready:
        ready.write(json.dumps(asdict(said)) + "\n")


def _end_with(supervisor_pid: int) -> None:
    """End the whole session as soon as the supervisor is no more.

    The kernel's own signal for this (PR_SET_PDEATHSIG) comes when the *thread* that started us ends, which for a
    supervisor with threads may be long before the supervisor does.
    """
    supervisor = os.pidfd_open(supervisor_pid)
    if os.getppid() != supervisor_pid:
        sys.exit("the supervisor ended before its Ray head began")

    def wait() -> None:
        select.select([supervisor], [], [])
        kill_session(os.getpid(), spare=os.getpid())
        os._exit(1)  # nobody is left to be told

    threading.Thread(target=wait, name="end with supervisor", daemon=True).start()


def _start(order: HeadOrder) -> Any:
    """Start the head's parts, each bound by the kernel to end with this thread."""
    from ray._private.parameter import RayParams

    ports = order.ports
    # `ray start` offers no way to leave out its client server, and would bring its whole command line along.
    parameters = RayParams(
        node_ip_address="127.0.0.1",
        node_name="127.0.0.1",
        gcs_server_port=ports.gcs,
        node_manager_port=ports.node_manager,
        object_manager_port=ports.object_manager,
        dashboard_agent_listen_port=ports.agent_http,
        metrics_agent_port=ports.agent_grpc,
        runtime_env_agent_port=ports.runtime_env_agent,
        metrics_export_port=ports.metrics,
        min_worker_port=ports.first_worker,
        max_worker_port=ports.last_worker,
        num_cpus=order.cpus,
        num_gpus=order.gpus,
        object_store_memory=order.object_store_bytes,
        temp_dir=order.temp_dir,
        include_dashboard=False,
        dashboard_host="127.0.0.1",
        dashboard_port=ports.dashboard,
    )
    return lean_node()(parameters, head=True, shutdown_at_exit=False, spawn_reaper=True)


def _pid_of(node: Any, part: str) -> int:
    return int(node.all_processes[part][0].process.pid)


def _watch(node: Any) -> None:
    """Wait until a part ends that the head cannot be without, or until we are told to end."""
    try:
        while not (dead := node.dead_processes()):
            threading.Event().wait(WATCH_EVERY_S)
    except SystemExit:
        # The raylet has a second to end its workers in good order.
        node.kill_all_processes(check_alive=False, allow_graceful=True)
        raise
    for part, process in dead:
        print(f"the head's {part} (process {process.pid}) ended with {process.returncode}", flush=True)
    kill_session(os.getpid(), spare=os.getpid())
    os._exit(1)  # Ray's own hooks at exit would wait for parts that are gone


if __name__ == "__main__":
    main(sys.argv[1])
