"""The cluster a job runs on: a local Ray of its own behind a token, or the one the settings name."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import ClusterError
from catalog.home import Home
from ray_jobs.doors import PROBE_TIMEOUT_S, refuse_open_gcs, refuse_open_jobs, takes_token
from ray_jobs.lean_node import lean_heads, python_path

OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Shared memory of a local Ray, bytes. Paths and boxes travel, frames never do:
100 segments of boxes need 20 MB."""

LOCAL_TRIES = 3
"""Times a local Ray is started before giving up: it allows itself 30 s, which a machine that is busy with other
things can exceed."""

LONGEST_TMPDIR = 40
"""Longest temporary folder name that still leaves room for Ray's socket names in the 107 bytes Linux allows."""

STATIC_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_kill_child_processes_on_worker_exit": "0",
    "RAY_worker_niceness": "0",
    "GRPC_VERBOSITY": "NONE",
}
"""What every Ray process must find in its environment: who may call, that nothing is sent anywhere, that the
catalog's keeper outlives the worker that happened to start it, and that workers do not stand back for everything
else on the machine, as Ray would have it: recording must not wait for a browser. What looks stands back by itself
(`stand_back`)."""

DRIVER_ENVIRONMENT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""What a driver of our own head finds in its environment beside that: how long it asks for a head that died."""

LOOPBACK_ENVIRONMENT = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Makes a local Ray listen on 127.0.0.1 alone. Ray does so by itself only on systems without cluster support,
and takes every other way of asking for loopback as asking for the machine's address."""


LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Cluster:
    """What a job may use."""

    address: str
    cpus: int
    gpus: int
    local: bool
    """True where this process started it and stops it at the end."""


def token_path(home: Home) -> Path:
    """Return the file that holds this home's cluster token, made on first use and readable by the owner only."""
    path = home.run_dir / "ray.token"
    home.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = home.run_dir / f"ray.token.{os.getpid()}"
    if not path.exists():
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(part, path)
        except FileExistsError:
            pass  # another process of this home was first; its token stands
        finally:
            part.unlink()
    path.chmod(0o600)
    return path


def prepare_environment(home: Home, address: str | None) -> None:
    """Set what Ray reads from the environment, for itself and its workers, and make it read it again.

    A token named by the operator (`RAY_AUTH_TOKEN`, `RAY_AUTH_TOKEN_PATH`) is used for a cluster of theirs; a
    local Ray always uses the home's own.

    Parameters
    ----------
    address
        The cluster to be reached; `None` for a local one.
    """
    environment = os.environ  # noqa: TID251 Ray takes these settings from nowhere else
    environment.update(STATIC_ENVIRONMENT)
    environment["PYTHONPATH"] = python_path(environment.get("PYTHONPATH", ""))
    named = "RAY_AUTH_TOKEN" in environment or "RAY_AUTH_TOKEN_PATH" in environment
    if address is None or not named:
        environment.pop("RAY_AUTH_TOKEN", None)
        environment["RAY_AUTH_TOKEN_PATH"] = str(token_path(home))
    if address is None:
        environment.pop("RAY_ADDRESS", None)
    on_loopback = address is None or _host_and_port(address)[0] in LOOPBACK_HOSTS
    if on_loopback:
        environment.update(LOOPBACK_ENVIRONMENT)
    _read_environment_again(on_loopback=on_loopback)


def _read_environment_again(*, on_loopback: bool) -> None:
    """Ray reads its environment by itself only when it is first imported, which may have been long ago."""
    from ray._private import ray_constants
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    if on_loopback:
        ray_constants.ENABLE_RAY_CLUSTER = False


@contextmanager
def connected(home: Home, *, cpus: int | None = None, address: str | None = None) -> Iterator[Cluster]:
    """Yield a cluster to work on: the one at `address`, the one the settings name, or a local one of our own.

    A Ray that this process already uses is taken as it is and left running.

    Parameters
    ----------
    cpus
        Cores of a local Ray; `None` for all of the machine's.
    address
        `host:port`, or `auto` inside a job; overrides the settings.

    Raises
    ------
    ClusterError
        When it does not start or cannot be reached, or answers callers without a token.
    """
    wanted = address or home.ray_address or None
    if (running := sys.modules.get("ray")) is not None and running.is_initialized():
        yield _describe(running, local=False)
        return
    prepare_environment(home, wanted)
    import ray

    if wanted is not None and wanted != "auto":
        knock(wanted)
    started = _start(ray, wanted, cpus)
    done = False
    try:
        refuse_open_cluster(ray.get_runtime_context().gcs_address, started.dashboard)
        yield _describe(ray, local=wanted is None)
        done = True
    finally:
        ray.shutdown()
        if done and wanted is None:
            shutil.rmtree(started.session_dir, ignore_errors=True)  # its logs matter only when something went wrong


@contextmanager
def attached(home: Home, address: str) -> Iterator[Cluster]:
    """Yield the home's own head (`ray_jobs.head`) at this address, reached with the home's own token.

    Actors made here with `lifetime="detached"` and a name go on when this process ends. When the head dies, Ray
    ends *this process* after 6 s, with exit code 1: be a process that somebody starts again.

    Raises
    ------
    ClusterError
        When it cannot be reached, does not take the home's token, or answers strangers.
    """
    environment = os.environ  # noqa: TID251 Ray takes these settings from nowhere else
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        environment.pop(name, None)  # an operator's token is for an operator's cluster
    environment.update(DRIVER_ENVIRONMENT)
    with connected(home, address=address) as cluster:
        yield cluster


@dataclass(frozen=True)
class _Started:
    """What Ray says of the cluster this process is connected to."""

    session_dir: str
    """Folder of its logs on this machine."""
    dashboard: str
    """`host:port`; empty where there is none."""


def _start(ray: Any, address: str | None, cpus: int | None) -> _Started:
    """Connect this process."""
    if address is not None:
        return _init(ray, f"the Ray cluster at {address}", {"address": address})
    options = {
        "address": "local", "num_cpus": cpus, "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES, "_temp_dir": _temporary_folder(),
    }  # fmt: skip
    with lean_heads():
        for _ in range(LOCAL_TRIES - 1):
            try:
                return _init(ray, "a local Ray", options)
            except ClusterError:
                ray.shutdown()  # half of it may be up
        return _init(ray, "a local Ray", options)


def _init(ray: Any, what: str, options: dict[str, Any]) -> _Started:
    try:
        context = ray.init(log_to_driver=False, logging_level="ERROR", namespace="rtcc", **options)
    except Exception as error:  # Ray raises the bare class when a node is slow to start
        to_do = "see `rtcc doctor`"
        if options["address"] != "local":
            to_do = "is it up, and is its token here (RAY_AUTH_TOKEN_PATH)?"
        raise ClusterError(f"{what} did not answer: {_first_line(error)}; {to_do}") from error
    said = context.address_info
    return _Started(str(said.get("session_dir") or ""), str(said.get("webui_url") or ""))


def _temporary_folder() -> str | None:
    """Return a folder short enough for Ray's sockets, or `None` where its own choice is."""
    named = os.environ.get("TMPDIR", "")  # noqa: TID251 Ray looks there itself
    return "/tmp/ray" if len(named) > LONGEST_TMPDIR else None


def _describe(ray: Any, *, local: bool) -> Cluster:
    resources = ray.cluster_resources()
    address = ray.get_runtime_context().gcs_address
    return Cluster(address, max(int(resources.get("CPU", 1)), 1), int(resources.get("GPU", 0)), local)


def knock(address: str) -> None:
    """Make sure that a cluster is at this address, turns strangers away, and takes our token.

    Ray itself would try for minutes before it says any of this.

    Raises
    ------
    ClusterError
        When one of these is not so.
    """
    host, port = _host_and_port(address)
    try:
        socket.create_connection((host, port), PROBE_TIMEOUT_S).close()
    except OSError as error:
        raise ClusterError(
            f"nothing answers at the Ray cluster's address {address}: {error.strerror or error}; is it up, and is "
            "the address the one `ray start` printed?"
        ) from error
    refuse_open_cluster(f"{host}:{port}")
    from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]

    token = AuthenticationTokenLoader.instance().get_raw_token()
    if not takes_token(f"{host}:{port}", token):
        raise ClusterError(
            f"the Ray cluster at {address} does not take our token; name its token file in RAY_AUTH_TOKEN_PATH"
        )


def refuse_open_cluster(gcs_address: str, dashboard: str = "") -> None:
    """Make sure that callers without a token, or with a wrong one, are turned away at every door.

    Parameters
    ----------
    gcs_address
        `host:port` of the head.
    dashboard
        `host:port` where the cluster shows itself and takes jobs; empty where it does neither.

    Raises
    ------
    ClusterError
        When a stranger is let in, or it could not be found out.
    """
    refuse_open_gcs(gcs_address)
    if dashboard:
        refuse_open_jobs(f"http://{dashboard}", may_be_absent=True)


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    return host.strip("[]"), int(port) if port.isdigit() else 0


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
