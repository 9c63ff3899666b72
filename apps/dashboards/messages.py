"""What a viewer's browser may say to the kernel of its page: what mounting widgets takes, and nothing else."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from catalog.errors import RtccError

MOST_BYTES = 256 * 1024
"""Largest message that is taken, bytes: the state of a page's widgets has less than 10 kB."""

CONTROL_TARGET = "jupyter.widget.control"
"""The one comm that a browser opens: through it, it asks for the state of all widgets."""

ALLOWED = ("kernel_info_request", "comm_info_request", "comm_open", "comm_msg", "comm_close")
"""Types of messages that are taken, all on the shell channel."""

METHODS = ("update", "request_state", "request_states")
"""What a comm message may ask: to have state, and to keep the browser's own. `custom` would run handlers."""


class MessageRefused(RtccError):
    """A message that no viewer's browser has reason to send; it does not reach the kernel."""


def checked(raw: bytes | str) -> str:
    """Return the type of a message, in the v1 form of the kernels' websocket, that may go on to the kernel.

    Raises
    ------
    MessageRefused
        When it may not.
    """
    if isinstance(raw, str):
        raise MessageRefused("text: the v1 form of messages is bytes")
    if len(raw) > MOST_BYTES:
        raise MessageRefused(f"{len(raw)} bytes at once")
    channel, parts = _parts(raw)
    header, content = _object(parts[0]), _object(parts[3])
    kind = header.get("msg_type")
    if not isinstance(kind, str) or kind not in ALLOWED:
        raise MessageRefused(f"a {kind!r}"[:80])
    if channel != "shell":
        raise MessageRefused(f"a {kind} on the channel {channel!r}"[:120])
    if kind == "comm_open" and content.get("target_name") != CONTROL_TARGET:
        raise MessageRefused(f"a comm_open to {content.get('target_name')!r}"[:120])
    if kind == "comm_msg":
        data = content.get("data")
        method = data.get("method") if isinstance(data, dict) else None
        if method not in METHODS:
            raise MessageRefused(f"a comm_msg with the method {method!r}"[:120])
    return kind


def _parts(raw: bytes) -> tuple[str, list[bytes]]:
    """Return the channel and the parts: header, parent header, metadata, content, and buffers if any."""
    count = int.from_bytes(raw[:8], "little")
    if not 6 <= count <= 64 or len(raw) < 8 * (count + 1):
        raise MessageRefused("no message of the v1 form")
    offsets = [int.from_bytes(raw[8 * place : 8 * (place + 1)], "little") for place in range(1, count + 1)]
    if offsets != sorted(offsets) or offsets[0] < 8 * (count + 1) or offsets[-1] > len(raw):
        raise MessageRefused("no message of the v1 form")
    pieces = [raw[start:end] for start, end in pairwise(offsets)]
    return pieces[0].decode(errors="replace"), pieces[1:]


def _object(part: bytes) -> dict[str, Any]:
    try:
        found = json.loads(part.decode())  # as the kernel reads it: no other encoding
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MessageRefused("a part that is no JSON object")
    return found
