"""Signing in and out, and what every answer carries."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from apps.accounts import Accounts
from apps.gateway.pages import own_path
from apps.sessions import COOKIE, kernel_token, verify
from tests.apps.gateway.conftest import Serve, Served, listening, password_of, run


async def sign_in(
    served: Served, name: str, password: str, next_path: str = "/", **headers: str
) -> tuple[httpx.Response, httpx.AsyncClient]:
    client = served.client(**headers)
    form = {"name": name, "password": password, "next": next_path}
    return await client.post("/login", data=form), client


def test_whoever_signs_in_goes_on_where_they_wanted_to(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            async with served.client() as nobody:
                wanted = await nobody.get("/operations")
                assert (wanted.status_code, wanted.headers["location"]) == (303, "/login?next=/operations")
                form = await nobody.get("/login?next=/operations")
                assert 'name="next" value="/operations"' in form.text
            answer, client = await sign_in(served, "reed", password_of("reed"), "/operations")
            assert (answer.status_code, answer.headers["location"]) == (303, "/operations")
            cookie = answer.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert (await client.get("/v1/me")).json()["display"] == "T. Reed"
            assert (await client.get("/")).headers["location"] == "/operations"
            onward = await client.get("/operations")
            assert onward.headers["location"].startswith("/voila/")
            out = await client.post("/logout")
            assert out.headers["location"] == "/login"
            assert (await client.get("/v1/me")).status_code == 401
            await client.aclose()

    run(work)


def test_each_role_begins_on_its_own_page(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            for name, begins in (("reed", "/operations"), ("ortiz", "/supervisor"), ("cole", "/lab/")):
                async with served.client(name) as client:
                    assert (await client.get("/")).headers["location"] == begins
            async with served.client() as client:
                assert (await client.get("/")).headers["location"] == "/login"

    run(work)


def test_a_wrong_password_an_unknown_name_and_a_lock_are_told_calmly(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            for name in ("vale", "nobody"):
                answer, client = await sign_in(served, name, "wrong-password")
                assert answer.status_code == 401
                assert "Name or password is wrong." in answer.text
                assert "set-cookie" not in answer.headers
                await client.aclose()
            for _ in range(4):
                answer, client = await sign_in(served, "vale", "wrong-password")
                await client.aclose()
            assert answer.status_code == 429
            assert "Too many tries" in answer.text
            answer, client = await sign_in(served, "vale", password_of("vale"))
            assert answer.status_code == 429  # locked is locked, also for the right one
            await client.aclose()

    run(work)


def test_a_form_from_another_site_signs_nobody_in(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            answer, client = await sign_in(served, "reed", password_of("reed"), Origin="http://evil.test")
            assert answer.status_code == 403
            await client.aclose()

    run(work)


@pytest.mark.parametrize(
    "path", ["http://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\x00", "", "evil", "/a\\b"]
)
def test_nobody_is_led_to_another_site(path: str) -> None:
    assert own_path(path) == "/"


def test_what_was_typed_is_shown_as_text(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            answer, client = await sign_in(served, '"><script>alert(1)</script>', "x" * 20, '/"><b>')
            assert "<script>alert" not in answer.text
            assert "<b>" not in answer.text
            await client.aclose()

    run(work)


def test_a_session_ends_with_its_time_its_account_and_its_password(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            async with served.client("moss") as client:
                assert (await client.get("/v1/me")).status_code == 200
                Accounts(served.home).end_sessions("moss")
                assert (await client.get("/v1/me")).status_code == 401
            async with served.client("moss") as client:
                served.clock.turn(hours=12)
                assert (await client.get("/v1/me")).status_code == 401

    run(work)


def test_a_kernel_s_session_opens_nothing_here(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            session = verify(served.home, served.cookie("reed"), served.clock())
            assert session is not None
            token = kernel_token(served.home, session, served.clock())
            async with served.client() as client:
                client.cookies.set(COOKIE, token)
                for path in ("/v1/me", "/v1/state", "/v1/alerts"):
                    answer = await client.get(path)
                    assert (answer.status_code, answer.json()["error"]) == (403, "OutOfScope")

    run(work)


def test_everything_but_a_few_addresses_needs_somebody_signed_in(serve: Serve) -> None:
    open_to_all = {"/healthz", "/assets/{file}", "/v1/panic", "/v1/plate-reads", "/v1/cap"}

    async def work() -> None:
        async with serve() as served, served.client() as nobody:
            document = served.app.openapi()
            for path, operations in document["paths"].items():
                for method in operations:
                    if path in open_to_all or (path, method) == ("/v1/alerts", "post"):
                        continue
                    asked = path.replace("{", "").replace("}", "")
                    answer = await nobody.request(method, asked, json={} if method != "get" else None)
                    assert (path, answer.status_code) == (path, 401)

    run(work)


def test_settings_are_kept_and_only_possible_ones_are_taken(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("price") as client:
            wanted = {"sound": False, "volume": 0.25, "palette": "high_contrast", "reduced_motion": True}
            assert (await client.put("/v1/me/settings", json=wanted)).json() == wanted
            assert (await client.get("/v1/me")).json()["settings"] == wanted
            for wrong in ({"volume": 2}, {"palette": "pink"}, {"extra": 1}, {"sound": None}):
                assert (await client.put("/v1/me/settings", json={**wanted, **wrong})).status_code == 422

    run(work)


def test_every_answer_carries_its_policy_and_the_log_no_query(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.access")

    async def work() -> None:
        async with serve() as served, served.client("reed") as client:
            answer = await client.get("/v1/cameras/near?lon=-90.18&lat=32.3")
            assert answer.headers["content-security-policy"].startswith("default-src 'self'; script-src 'self';")
            assert "unsafe-eval" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            theirs = await client.get("/voila/render/operations.ipynb")
            assert "'unsafe-eval'" in theirs.headers["content-security-policy"]

    run(work)
    lines = [record.getMessage() for record in caplog.records if record.name == "gateway.access"]
    assert any(line.startswith("GET /v1/cameras/near 200") for line in lines)
    assert not any("lon=" in line or "?" in line for line in lines)


def test_a_body_that_grows_past_the_limit_is_cut_off(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at:
            host, port = at.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /v1/panic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            piece = b"x" * 65_536
            for _ in range(6):
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            async with asyncio.timeout(10):
                assert b" 413 " in await reader.readline()
            writer.close()

    run(work)
