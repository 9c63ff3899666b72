"""What every request passes: how large it may be, what every answer carries, and one line in the log.

Written as plain ASGI, so that streams pass through it piece by piece.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.gateway.refusals import TooLarge, refusal

log = logging.getLogger("gateway.access")

BEHIND = ("/voila", "/lab")
"""Paths of the servers behind: what people run there may be large, and needs more than our own pages."""

OURS = "; ".join((
    "default-src 'self'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:",
    "media-src 'self' blob:", "connect-src 'self'", "worker-src 'self' blob:", "font-src 'self' data:",
    "frame-ancestors 'self'", "form-action 'self'", "base-uri 'none'", "object-src 'none'",
))  # fmt: skip
"""Policy of our own answers: nothing from elsewhere, no code in a page."""

THEIRS = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "media-src 'self' blob: data:",
    "connect-src 'self' blob: data:", "worker-src 'self' blob:", "font-src 'self' data:",
    "frame-ancestors 'self'", "form-action 'self'", "base-uri 'self'", "object-src 'none'",
))  # fmt: skip
"""Policy on the paths of Voila and JupyterLab: they put code into their pages and load widgets as blobs."""


def behind(path: str) -> bool:
    """Tell whether a path belongs to a server behind this one."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in BEHIND)


class Doorway:
    """Every request passes it, and every answer.

    Parameters
    ----------
    most_body_bytes
        Largest body of a request to our own paths.
    """

    def __init__(self, app: ASGIApp, most_body_bytes: int) -> None:
        self._app, self._most = app, most_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._socket(scope, receive, send)
            return
        began_s, status = time.monotonic(), 0
        path = scope["path"]

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _carry(MutableHeaders(scope=message), path)
            await send(message)

        try:
            await self._limited(scope, receive, answered)
        finally:
            # Never the query: it may carry what somebody searched for.
            log.info("%s %s %d %.0f ms", scope["method"], path, status, (time.monotonic() - began_s) * 1e3)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        if behind(scope["path"]):
            await self._app(scope, receive, send)
            return
        refused = refusal(TooLarge(f"a request's body may have at most {self._most} bytes"))
        if _declared(scope["headers"]) > self._most:
            await refused(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":  # hung up before the body was there
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most:
                await refused(scope, receive, send)
                return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, again, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            log.info("WS %s", scope["path"])
        await self._app(scope, receive, send)


def _declared(headers: Iterable[tuple[bytes, bytes]]) -> int:
    text = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


def _carry(headers: MutableHeaders, path: str) -> None:
    """Put on an answer what all of them carry, where it has not said otherwise itself."""
    theirs = behind(path)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if theirs:
        headers["Content-Security-Policy"] = THEIRS
        return
    headers.setdefault("Content-Security-Policy", OURS)
    headers.setdefault("Cache-Control", "no-store")
