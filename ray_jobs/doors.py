"""Ask at a cluster's doors as a stranger would: without a token, and with a wrong one.

Ray takes a misspelt `RAY_AUTH_MODE` for "no authentication" and says nothing, and whoever can call it can run any
program. So what a cluster says of itself is not enough: it must be seen to turn strangers away.
"""

from __future__ import annotations

import http.client
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Literal

from catalog.errors import ClusterError, ClusterOpen

PROBE_TIMEOUT_S = 5.0
"""Wait for a door's answer, seconds; it is on this machine or one hop away."""

SERVING = b"\x08\x01"
"""gRPC's own health answer that all is well: field 1 of `HealthCheckResponse` is 1."""

Answer = Literal["let in", "turned away", "no answer", "nobody"]

TO_DO = (
    "so anyone near it could run programs there. Make a token (`ray get-auth-token --generate`) and start it with "
    "RAY_AUTH_MODE=token, spelt exactly so: Ray takes any other word for no authentication. Here set "
    "RAY_AUTH_TOKEN_PATH to a copy of that token (~/.ray/auth_token) and try again"
)


def refuse_open_gcs(address: str) -> None:
    """Make sure that the head of a cluster turns strangers away.

    Parameters
    ----------
    address
        `host:port` of the head (GCS), for gRPC.

    Raises
    ------
    ClusterError
        When a stranger is let in, or it could not be found out.
    """
    _refuse_open(lambda token: _ask_gcs(address, token), f"the Ray cluster at {address} answers")


def refuse_open_jobs(url: str, *, may_be_absent: bool = False) -> None:
    """Make sure that a dashboard turns strangers away who would give it jobs.

    Parameters
    ----------
    url
        `http://host:port` of the dashboard.
    may_be_absent
        True where a dashboard that cannot be reached from here is as good as a closed one.

    Raises
    ------
    ClusterError
        When a stranger is let in, or it could not be found out.
    """
    what = f"the Ray cluster at {url} takes jobs from"
    _refuse_open(lambda token: _ask_jobs(url, token), what, may_be_absent=may_be_absent)


def takes_token(address: str, token: str) -> bool:
    """Tell whether the head at `host:port` lets in a caller with this token."""
    return _ask_gcs(address, token) == "let in"


def is_healthy(address: str) -> bool:
    """Tell whether the head's or a node's process at `host:port` answers now; it tells so to anyone."""
    import grpc  # type: ignore[import-untyped]

    try:
        return _call(address, "/grpc.health.v1.Health/Check", None) == SERVING
    except grpc.RpcError:
        return False


def _refuse_open(ask: Callable[[str | None], Answer], what: str, *, may_be_absent: bool = False) -> None:
    strangers = {"without a token": None, "with a wrong token": secrets.token_hex(32)}
    for who, token in strangers.items():
        answer = ask(token)
        if answer == "let in":
            raise ClusterOpen(f"{what} callers {who}, {TO_DO}")
        if answer == "no answer" or (answer == "nobody" and not may_be_absent):
            raise ClusterError(
                f"whether {what} callers {who} could not be found out: no Ray answered there within "
                f"{PROBE_TIMEOUT_S:.0f} s; is it up, and is the address right?"
            )


def _ask_gcs(address: str, token: str | None) -> Answer:
    import grpc

    refusals = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
    try:
        _call(address, "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo", token)
    except grpc.RpcError as error:
        return "turned away" if error.code() in refusals else "no answer"
    return "let in"


def _call(address: str, method: str, token: str | None) -> bytes:
    """Call a method with an empty message, and return the answer as it came."""
    import grpc

    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        answer: bytes = call(b"", timeout=PROBE_TIMEOUT_S, metadata=metadata)
    return answer


def _ask_jobs(url: str, token: str | None) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/api/jobs/", headers=headers)
        urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return "nobody"  # a web server, but no Ray's
        # Any other error came from behind the door: the caller was let in as far as that.
        return "turned away" if error.code in (401, 403) else "let in"
    except urllib.error.URLError as error:
        return "nobody" if isinstance(error.reason, ConnectionRefusedError) else "no answer"
    except (OSError, ValueError, http.client.HTTPException):
        return "no answer"
    return "let in"
