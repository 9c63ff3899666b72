"""Which shard watches which camera, as far as a director can know."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog.home import Home
from ray_jobs.live.config import LiveConfig
from ray_jobs.live.crew import GONE_AFTER_S, STARTING_S, LiveCrew, Shard, cameras_of
from ray_jobs.live.figures import ShardFigures
from tests.ray_jobs.live import made_status


def says(number: int, *camera_ids: str) -> ShardFigures:
    return made_status.shard(number, [made_status.camera(one) for one in camera_ids])


def shard(number: int, figures: ShardFigures | None = None, told: tuple[str, ...] = ()) -> Shard:
    return Shard(number, "node", None, figures=figures, told=dict.fromkeys(told))


def test_a_director_that_came_back_goes_by_what_shards_say() -> None:
    assert cameras_of([shard(0, says(0, "a", "b")), shard(1, says(1, "c"))]) == {"a": 0, "b": 0, "c": 1}


def test_what_was_told_since_counts_more_than_what_was_said_before() -> None:
    back_from_silence = shard(1, says(1, "a", "b"))
    assert cameras_of([shard(0, says(0), told=("a",)), back_from_silence]) == {"a": 0, "b": 1}


def test_a_shard_that_has_not_answered_has_what_it_was_told() -> None:
    assert cameras_of([shard(0, told=("a",)), shard(1)]) == {"a": 0}


@pytest.mark.parametrize(
    ("pid", "silent_s", "lives"),
    [(7, GONE_AFTER_S - 1, True), (7, GONE_AFTER_S + 1, False), (None, STARTING_S - 1, True),
     (None, STARTING_S + 1, False)],
    ids=["heard lately", "silent", "starting", "never came"],
)  # fmt: skip
def test_a_shard_that_is_being_started_is_waited_for(
    tmp_path: Path, pid: int | None, silent_s: float, lives: bool
) -> None:
    crew = LiveCrew(Home(tmp_path), LiveConfig())
    crew.shards[0] = Shard(0, "node", None, pid=pid, heard_s=time.monotonic() - silent_s)
    assert bool(crew.living()) == lives
