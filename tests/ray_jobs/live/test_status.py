"""How live work is, as a file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.home import Home
from ray_jobs.live.figures import Latencies
from ray_jobs.live.status import read_status, status_path, write_status
from tests.ray_jobs.live.made_status import RECORDING, STORAGE, camera, shard, status_of


def test_what_was_written_is_what_is_read(home: Home) -> None:
    written = status_of(
        shard(0, [camera("b"), camera("a", "lost", detail="hung up")], alert_latencies_ms=(80.0, 120.0)),
        shard(1, [], problems=("no detector",)),
        keeper="the keeper does not answer", waiting_4="",
    )  # fmt: skip
    write_status(home, written)
    assert read_status(home) == written
    assert status_path(home).parent.stat().st_mode & 0o077 == 0
    write_status(home, replace(written, state="stopped"))
    kept = read_status(home)
    assert kept is not None
    assert kept.state == "stopped"


def test_cameras_are_in_order_counted_by_state_and_added_up() -> None:
    status = status_of(shard(1, [camera("c"), camera("a")]), shard(0, [camera("b", "lost")]))
    assert [one.camera_id for one in status.cameras] == ["a", "b", "c"]
    assert status.states == {"recording": 2, "lost": 1}
    assert status.total("segments") == 3 * RECORDING.segments
    assert status.total("events") == 3 * RECORDING.events
    assert all(one.cameras == () and one.alert_latencies_ms == () for one in status.shards)
    assert status.as_json()["states"] == status.states


def test_a_camera_that_no_shard_watches_waits_and_says_why() -> None:
    status = status_of(shard(0, [camera("a")]), b="its owner does not allow it", c="", a="")
    words = {one.camera_id: (one.state, one.detail) for one in status.cameras}
    assert words == {
        "a": ("recording", ""), "b": ("waiting", "its owner does not allow it"),
        "c": ("waiting", "no shard has taken it yet"),
    }  # fmt: skip


def test_every_problem_is_said_once() -> None:
    shards = [shard(number, [], problems=("the keeper does not answer", f"shard {number}")) for number in (0, 1)]
    status = status_of(*shards, keeper="the keeper does not answer")
    assert status.problems == ("the keeper does not answer", "shard 0", "shard 1")


def test_latency_is_that_of_all_shards() -> None:
    status = status_of(
        shard(0, [], alert_latencies_ms=(10.0, 20.0)), shard(1, [], alert_latencies_ms=(30.0, 40.0, 1000.0))
    )  # fmt: skip
    assert (status.latency_p50_ms, status.latency_p95_ms) == (30.0, 1000.0)
    assert status_of(shard(0, [])).latency_p95_ms is None


@given(st.lists(st.floats(0, 1e6), max_size=60), st.integers(1, 40), st.floats(0, 1))
def test_latencies_are_the_last_ones_and_their_quantiles_are_among_them(
    values: list[float], most: int, share: float
) -> None:
    latencies = Latencies(most)
    for value in values:
        latencies.add(value)
    assert latencies.ms == values[-most:]
    quantile = latencies.quantile(share)
    assert quantile is None if not values else quantile in values[-most:]
    assert latencies.quantile(0) == min(values[-most:], default=None)
    assert latencies.quantile(1) == max(values[-most:], default=None)


def _without(document: dict, name: str) -> dict:  # type: ignore[type-arg]
    return {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        lambda known: _without(known, "storage"),
        lambda known: known | {"cameras": [{**known["cameras"][0], "mood": "fine"}]},
        lambda known: known | {"cameras": [_without(known["cameras"][0], "fps")]},
        lambda known: known | {"as_of_at": 5},
        lambda known: known | {"as_of_at": "yesterday"},
        lambda known: known | {"shards": "none"},
        lambda _: [],
        lambda _: None,
    ],
    ids=["less", "a new figure", "a figure less", "a number", "no instant", "no list", "a list", "nothing"],
)
def test_the_file_of_another_version_tells_nothing(home: Home, change: object) -> None:
    write_status(home, status_of(shard(0, [camera("a")])))
    known = json.loads(status_path(home).read_text())
    status_path(home).write_text(json.dumps(change(known)))  # type: ignore[operator]
    assert read_status(home) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"], ids=["empty", "cut off", "no text"])
def test_a_file_that_is_no_document_tells_nothing(home: Home, content: bytes) -> None:
    assert read_status(home) is None
    write_status(home, status_of())
    status_path(home).write_bytes(content)
    assert read_status(home) is None


def test_storage_stands_as_it_is() -> None:
    assert status_of().storage == STORAGE
