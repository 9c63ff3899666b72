"""Files sent to people piece by piece, for no longer than they may be.

Leave is asked for anew every second while a file is sent, and nothing is sent that rests on an older word: a
consent that is withdrawn, or a session that has ended, ends the download in the middle. What has left before cannot
be called back, so pieces are small, and the next one waits until the last has gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from apps.gateway.media.byte_range import ByteRange, Unsatisfiable, wanted
from apps.gateway.media.threads import Threads
from catalog.errors import RtccError

log = logging.getLogger(__name__)

LEAVE_S = 1.0
"""How long leave stands without being asked for again, seconds; with what lies in the sockets, within the two
seconds after which nothing withdrawn may be seen."""

PIECE_BYTES = 128 * 1024
"""Sent at a time."""

STALLED_S = 30.0
"""Who takes nothing for so long has gone, seconds."""

PRIVATE = {
    "cache-control": "private, no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
"""Footage is kept nowhere on its way, and shown by no other site's page."""


class Leave:
    """Leave to hand something out, as long as it is asked for again; just asked for when it is made.

    Parameters
    ----------
    renew
        Asks; raises an `RtccError` where there is none any more. Called in a thread.
    monotonic
        A steady clock, seconds.
    """

    def __init__(self, renew: Callable[[], None], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._renew, self._monotonic = renew, monotonic
        self._asked_s = monotonic()

    async def require(self, threads: Threads) -> None:
        """Return if leave stands, asked for again where that was long ago."""
        if self._monotonic() - self._asked_s < LEAVE_S:
            return
        # Taken before the question leaves: however long the answer travels, the leave is not longer for it.
        sent_s = self._monotonic()
        await threads.ask(self._renew)
        self._asked_s = sent_s


class FileResponse(Response):
    """A file, or a range of it, sent while leave stands.

    Parameters
    ----------
    descriptor
        The open file; closed when all is sent, or nobody wants it any more.
    size_bytes
        How much of the file there is to be had.
    etag
        Digest of the file's bytes; empty for one that is still being written.
    """

    media_type = "video/mp4"

    def __init__(
        self, descriptor: int, size_bytes: int, leave: Leave, threads: Threads, *,
        range_header: str | None, if_range: str | None, etag: str = "",
    ) -> None:  # fmt: skip
        self._descriptor, self._leave, self._threads = descriptor, leave, threads
        quoted = f'"{etag}"' if etag else ""
        headers = {**PRIVATE, "accept-ranges": "bytes"} | ({"etag": quoted} if etag else {})
        self._part = ByteRange(0, size_bytes)
        status = 200
        try:
            part = wanted(range_header if if_range in (None, quoted) else None, size_bytes)
        except Unsatisfiable:
            status, self._part = 416, ByteRange(0, 0)
            headers["content-range"] = f"bytes */{size_bytes}"
        else:
            if part is not None:
                status, self._part = 206, part
                headers["content-range"] = part.said(size_bytes)
        headers["content-length"] = str(self._part.size_bytes)
        super().__init__(None, status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._send(send)
        except (RtccError, TimeoutError, OSError) as error:
            # The answer has begun, so the server ends the connection, and nobody takes what came for the whole.
            log.info("a download was broken off: %s: %s", type(error).__name__, error)
        finally:
            os.close(self._descriptor)

    async def _send(self, send: Send) -> None:
        at, end = self._part.first, self._part.end
        while at < end:
            piece = await self._threads.ask(os.pread, self._descriptor, min(PIECE_BYTES, end - at), at)
            if not piece:
                raise OSError("the file became shorter while it was sent")
            await self._leave.require(self._threads)
            async with asyncio.timeout(STALLED_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            at += len(piece)
        await send({"type": "http.response.body", "body": b""})
