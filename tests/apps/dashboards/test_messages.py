"""Messages of browsers: what mounting takes passes, anything else is refused, and nothing breaks the looking."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

from apps.dashboards.messages import CONTROL_TARGET, MOST_BYTES, MessageRefused, checked


def message(kind: object, content: Any = None, channel: str = "shell", buffers: tuple[bytes, ...] = ()) -> bytes:
    parts = [{"msg_type": kind, "msg_id": "1"}, {}, {}, {} if content is None else content]
    raw: bytes = serialize_msg_to_ws_v1([*(json.dumps(part).encode() for part in parts), *buffers], channel)
    return raw


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("kernel_info_request", {}),
        ("comm_info_request", {"target_name": "jupyter.widget"}),
        ("comm_open", {"comm_id": "a", "target_name": CONTROL_TARGET, "data": {}}),
        ("comm_msg", {"comm_id": "a", "data": {"method": "request_states"}}),
        ("comm_msg", {"comm_id": "a", "data": {"method": "request_state"}}),
        ("comm_msg", {"comm_id": "a", "data": {"method": "update", "state": {}}}),
        ("comm_close", {"comm_id": "a", "data": {}}),
    ],
)
def test_what_mounting_widgets_takes_passes(kind: str, content: dict[str, Any]):
    assert checked(message(kind, content)) == kind
    assert checked(message(kind, content, buffers=(b"picture",))) == kind


@pytest.mark.parametrize(
    "kind",
    [
        "execute_request", "complete_request", "inspect_request", "history_request", "is_complete_request",
        "debug_request", "input_reply", "shutdown_request", "interrupt_request", "create_subshell_request",
        "connect_request", "usage_request", "", None, 7, ["kernel_info_request"], "EXECUTE_REQUEST",
    ],
)  # fmt: skip
@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_whatever_runs_reads_or_ends_is_refused(kind: object, channel: str):
    with pytest.raises(MessageRefused):
        checked(message(kind, {"code": "1 + 1", "silent": False}, channel))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("comm_open", {"comm_id": "a", "target_name": "jupyter.widget", "data": {}}),
        ("comm_open", {"comm_id": "a", "target_name": ["jupyter.widget.control"]}),
        ("comm_open", {}),
        ("comm_msg", {"comm_id": "a", "data": {"method": "custom", "content": {"event": "click"}}}),
        ("comm_msg", {"comm_id": "a", "data": {"event": "click"}}),
        ("comm_msg", {"comm_id": "a", "data": "update"}),
        ("comm_msg", {"comm_id": "a"}),
    ],
)
def test_comms_that_mount_nothing_are_refused(kind: str, content: dict[str, Any]):
    with pytest.raises(MessageRefused):
        checked(message(kind, content))


@pytest.mark.parametrize("channel", ["control", "stdin", "iopub", "", "shell2", "SHELL"])
def test_other_channels_are_refused(channel: str):
    with pytest.raises(MessageRefused):
        checked(message("kernel_info_request", {}, channel))


def test_an_oversized_message_is_refused():
    with pytest.raises(MessageRefused):
        checked(message("comm_msg", {"data": {"method": "update", "state": {"x": "a" * MOST_BYTES}}}))


def test_text_is_refused():
    with pytest.raises(MessageRefused):
        checked('{"channel": "shell", "header": {"msg_type": "kernel_info_request"}}')


def test_a_header_in_another_encoding_is_refused():
    header = json.dumps({"msg_type": "kernel_info_request"}).encode("utf-16-le")
    with pytest.raises(MessageRefused):
        checked(serialize_msg_to_ws_v1([header, b"{}", b"{}", b"{}"], "shell"))


def test_nested_depths_are_refused():
    deep = b"[" * 200_000 + b"]" * 200_000
    with pytest.raises(MessageRefused):
        checked(serialize_msg_to_ws_v1([b'{"msg_type": "comm_msg"}', b"{}", b"{}", deep], "shell")[:MOST_BYTES])


@given(
    st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(lambda tail: (6).to_bytes(8, "little") + tail))
)
def test_made_up_bytes_are_refused_and_break_nothing(raw: bytes):
    with pytest.raises(MessageRefused):
        checked(raw)


@given(st.integers(0, 300), st.integers(0, 255))
def test_a_message_with_one_byte_changed_passes_or_is_refused(place: int, byte: int):
    raw = bytearray(message("comm_msg", {"comm_id": "a", "data": {"method": "update", "state": {}}}))
    raw[place % len(raw)] = byte
    with contextlib.suppress(MessageRefused):
        assert checked(bytes(raw)) in ("comm_msg", "comm_open", "comm_close")
