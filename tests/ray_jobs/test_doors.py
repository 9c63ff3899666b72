"""Doors: one that lets strangers in is refused, whether they come without a token or with a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import grpc
import pytest

from catalog.errors import ClusterError
from ray_jobs.doors import is_healthy, refuse_open_gcs, refuse_open_jobs, takes_token
from tests.ray_jobs.started_cluster import free_port

Judge = Callable[[str | None], bool]
"""Tells whether a caller with this `authorization` header is let in."""

OURS = "Bearer right"


@contextmanager
def gcs(lets_in: Judge) -> Iterator[str]:
    """Serve as a head does that judges its callers so; yield its address."""

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        said = dict(context.invocation_metadata()).get("authorization")
        if not lets_in(said):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
        return b""

    handler = grpc.unary_unary_rpc_method_handler(answer)
    service = grpc.method_handlers_generic_handler("ray.rpc.NodeInfoGcsService", {"GetAllNodeInfo": handler})
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((service,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


@contextmanager
def dashboard(lets_in: Judge, refusal: int = 401) -> Iterator[str]:
    """Serve as a dashboard does that judges its callers so; yield its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if lets_in(self.headers.get("Authorization")) else refusal)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def closed(said: str | None) -> bool:
    return said == OURS


def anyone(_said: str | None) -> bool:
    return True


def anyone_with_a_token(said: str | None) -> bool:
    return said is not None


def test_a_door_that_turns_strangers_away_passes():
    with gcs(closed) as address, dashboard(closed) as url:
        refuse_open_gcs(address)
        refuse_open_jobs(url)
        assert takes_token(address, "right")
        assert not takes_token(address, "wrong")


@pytest.mark.parametrize(
    ("judge", "who"),
    [(anyone, "without a token"), (anyone_with_a_token, "with a wrong token")],
    ids=["none", "wrong"],
)
def test_a_door_that_lets_strangers_in_is_refused(judge: Judge, who: str):
    with gcs(judge) as address, pytest.raises(ClusterError, match=f"{who}.*RAY_AUTH_MODE=token"):
        refuse_open_gcs(address)
    with dashboard(judge) as url, pytest.raises(ClusterError, match=f"{who}.*RAY_AUTH_MODE=token"):
        refuse_open_jobs(url)


def test_an_error_from_behind_the_door_means_the_stranger_was_let_in():
    with dashboard(closed, refusal=500) as url, pytest.raises(ClusterError, match="without a token"):
        refuse_open_jobs(url)


def test_a_door_that_cannot_be_asked_is_not_taken_for_a_closed_one():
    nobody = f"127.0.0.1:{free_port()}"
    with pytest.raises(ClusterError, match="could not be found out"):
        refuse_open_gcs(nobody)
    with pytest.raises(ClusterError, match="could not be found out"):
        refuse_open_jobs(f"http://{nobody}")
    with dashboard(closed, refusal=404) as url, pytest.raises(ClusterError, match="could not be found out"):
        refuse_open_jobs(url)
    refuse_open_jobs(f"http://{nobody}", may_be_absent=True)
    assert not is_healthy(nobody)
