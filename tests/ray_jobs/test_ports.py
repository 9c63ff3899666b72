"""Ports: a block for each head, the next one where a block is taken, and a name for each."""

from __future__ import annotations

import socket

import pytest

from catalog.errors import ClusterError
from ray_jobs import ports
from ray_jobs.ports import BLOCK_PORTS, BLOCKS, FIRST_PORT, LAST_PORT, Ports, free_ports, what_listens


def test_the_range_is_clear_of_the_ports_that_linux_hands_out_and_of_rays_own():
    assert FIRST_PORT > 19999
    assert LAST_PORT < 32768


def test_blocks_do_not_meet_and_fill_the_range():
    blocks = [Ports.of_block(block) for block in range(BLOCKS)]
    every = [
        port for block in blocks for port in (*block.doors(), *range(block.first_worker, block.last_worker + 1))
    ]
    assert len(set(every)) == len(every)
    assert (min(every), max(every)) == (FIRST_PORT, LAST_PORT)


def test_a_block_where_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ports, "FIRST_PORT", 23000)
    free = free_ports()
    with socket.create_server(("127.0.0.1", free.metrics)):
        assert free_ports().gcs == free.gcs + BLOCK_PORTS


def test_when_every_block_is_taken_the_error_names_the_range(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ports, "FIRST_PORT", 23000)
    monkeypatch.setattr(ports, "BLOCKS", 1)
    with socket.create_server(("127.0.0.1", 23000)), pytest.raises(ClusterError, match="doctor"):
        free_ports()


@pytest.mark.parametrize(
    ("port", "what"),
    [
        (FIRST_PORT, "Ray head (GCS)"),
        (FIRST_PORT + BLOCK_PORTS + 1, "raylet"),
        (LAST_PORT, "Ray worker or driver"),
        (LAST_PORT + 1, None),
        (44217, "autoscaler's metrics, no token"),
    ],
)
def test_every_port_has_a_name(port: int, what: str | None):
    assert what_listens(port) == what
