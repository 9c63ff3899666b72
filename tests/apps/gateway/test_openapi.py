"""The published description holds: whatever it allows is answered as it says, by a real gateway."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.gateway.settings import Policy
from apps.gateway.signing import signed_headers
from apps.sessions import COOKIE
from tests.apps.gateway.conftest import Serve, Served, listening

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

DEVICES = {"/v1/panic": "button", "/v1/plate-reads": "reader", "/v1/alerts": "cad", "/v1/cap": "cad"}

ENDLESS = ("/v1/alerts/stream",)
"""Streams that end when whoever listens has had enough."""

EXAMPLES = 4
"""Requests of each operation."""

PLENTY = Policy(device_per_s=1e6, address_per_s=1e6, person_per_s=1e6, login_per_s=1e6)


@dataclass
class Running:
    """A gateway that serves from a thread of its own."""

    served: Served
    at: str

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Let a request be asked by a device, or by somebody who is signed in."""
        path = (request.path_url or "").partition("?")[0]
        if request.method == "POST" and path in DEVICES:
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else bytes(body)
            device = DEVICES[path]
            request.headers.update(
                signed_headers(device, self.served.secrets[device], "POST", path, body, self.served.clock())
            )
        else:
            request.headers["Cookie"] = f"{COOKIE}={self.served.cookie('ortiz')}"
        return request


@pytest.fixture(scope="module")
def running(serve: Serve) -> Iterator[Running]:
    ready, stop = threading.Event(), threading.Event()
    found: list[Running] = []

    async def work() -> None:
        async with serve(PLENTY) as served, listening(served.app) as at:
            for device, kind in (("button", "panic"), ("reader", "plate"), ("cad", "alerts")):
                served.add_device(device, kind)
            found.append(Running(served, at))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    stop.set()
    thread.join(30)


def test_whatever_the_description_allows_is_answered_as_it_says(running: Running) -> None:
    described = schemathesis.openapi.from_url(f"http://{running.at}/openapi.json", config=SchemathesisConfig())
    asked, wrong = [], {}
    for found in described.exclude(path=list(ENDLESS)).get_all_operations():
        operation = found.ok()
        asked.append(operation.label)

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        def holds(case: Any) -> None:
            answer = case.call(auth=running.sign, timeout=20)
            case.validate_response(answer, checks=CHECKS)

        try:
            holds()
        except (Failure, FailureGroup) as failure:
            wrong[operation.label] = str(failure)
    assert wrong == {}
    assert {"POST /v1/panic", "POST /v1/alerts/{alert_id}/steps", "GET /v1/state"} <= set(asked)


def test_the_description_shows_an_example_of_everything_that_is_sent(running: Running) -> None:
    document = requests.get(f"http://{running.at}/openapi.json", timeout=10).json()
    assert document["info"]["title"] == "RTCC gateway"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["responses"], (path, method)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                if "$ref" in schema:
                    schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                assert "example" in content or "example" in schema or path == "/v1/me/settings", (path, method)
