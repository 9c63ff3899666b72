"""The ports of our own Ray heads: one known range, so that a firewall can name it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from catalog.errors import ClusterError

FIRST_PORT = 21000
"""First port of the range. Below 32768, where Linux begins to hand out ports to clients by itself, and clear of
Ray's own defaults (6379, 8265, 10001 to 19999), so that an operator's cluster on the same machine is not met."""

BLOCK_PORTS = 500
"""Ports of one head: ten doors and its workers."""

BLOCKS = 4
"""Heads that fit on one machine side by side: one for each home that is live."""

LAST_PORT = FIRST_PORT + BLOCKS * BLOCK_PORTS - 1
"""Last port of the range; a firewall closes `FIRST_PORT` to `LAST_PORT`."""

FIXED_METRICS_PORTS = {44217: "autoscaler's metrics, no token", 44227: "dashboard's metrics, no token"}
"""Where `ray start` also serves metrics, whatever it is told; our own heads have neither part."""

DOORS = 10
"""Ports at the start of a block that are not for workers."""


@dataclass(frozen=True)
class Ports:
    """Where each part of one head listens."""

    gcs: int
    """The head's own door: drivers, raylets and workers come here."""
    node_manager: int
    """The raylet, which starts workers."""
    object_manager: int
    """Objects travel between machines here."""
    agent_http: int
    """The node's agent, for logs and jobs."""
    agent_grpc: int
    """The node's agent, which gathers metrics."""
    runtime_env_agent: int
    """Prepares environments of workers."""
    metrics: int
    """Prometheus text; asks for no token."""
    dashboard: int
    """Dashboard and jobs; only in a head started by hand."""
    client_server: int
    """Takes programs of Ray clients; only in a head started by hand."""
    first_worker: int
    """First port of workers and drivers."""
    last_worker: int
    """Last port of workers and drivers."""

    @classmethod
    def of_block(cls, block: int) -> Ports:
        """Return the ports of the nth head of this machine, from 0."""
        first = FIRST_PORT + block * BLOCK_PORTS
        return cls(*range(first, first + 9), first + DOORS, first + BLOCK_PORTS - 1)

    def doors(self) -> dict[int, str]:
        """Return what listens on each port that is not a worker's."""
        return {
            self.gcs: "Ray head (GCS)",
            self.node_manager: "raylet",
            self.object_manager: "object manager",
            self.agent_http: "node agent, HTTP",
            self.agent_grpc: "node agent, gRPC",
            self.runtime_env_agent: "runtime environment agent",
            self.metrics: "metrics",
            self.dashboard: "dashboard and jobs",
            self.client_server: "Ray client server",
        }

    def ray_start_flags(self) -> tuple[str, ...]:
        """Return what tells `ray start --head` to stay on these ports."""
        return (
            f"--port={self.gcs}",
            f"--node-manager-port={self.node_manager}",
            f"--object-manager-port={self.object_manager}",
            f"--dashboard-agent-listen-port={self.agent_http}",
            f"--dashboard-agent-grpc-port={self.agent_grpc}",
            f"--runtime-env-agent-port={self.runtime_env_agent}",
            f"--metrics-export-port={self.metrics}",
            f"--dashboard-port={self.dashboard}",
            f"--ray-client-server-port={self.client_server}",
            f"--min-worker-port={self.first_worker}",
            f"--max-worker-port={self.last_worker}",
        )


def what_listens(port: int) -> str | None:
    """Return what a port is for that Ray was told to take, or always takes; `None` for any other."""
    if not FIRST_PORT <= port <= LAST_PORT:
        return FIXED_METRICS_PORTS.get(port)
    ports = Ports.of_block((port - FIRST_PORT) // BLOCK_PORTS)
    return ports.doors().get(port, "Ray worker or driver" if port >= ports.first_worker else "unused")


def free_ports() -> Ports:
    """Return the first block whose doors nobody listens on.

    Raises
    ------
    ClusterError
        When every block is taken.
    """
    for block in range(BLOCKS):
        ports = Ports.of_block(block)
        if all(_is_free(port) for port in ports.doors()):
            return ports
    raise ClusterError(
        f"no Ray head can start: each of the {BLOCKS} blocks of ports from {FIRST_PORT} to {LAST_PORT} is in use; "
        "end another home's `rtcc live`, or whatever listens there (`rtcc doctor` names ours)"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A connection that just ended must not make the port look taken; Ray binds the same way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))  # every interface: whoever listens on one of them is met; we never listen here
        except OSError:
            return False
    return True
