from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from workbench.feeds.back_off import BackOff, BackOffConfig

CONFIG = BackOffConfig()


def back_off(seed: int) -> BackOff:
    return BackOff(CONFIG, Random(seed))


seeds = st.integers(0, 2**32)


@given(seeds, st.integers(1, 60))
def test_the_first_try_comes_at_once_and_none_is_later_than_the_cap(seed: int, tries: int) -> None:
    camera = back_off(seed)
    waits = [camera.next_wait_s(float(number)) for number in range(tries)]
    assert 0 <= waits[0] <= 0.5
    assert all(0.5 <= wait <= 10 for wait in waits[1:])


@given(seeds, st.integers(1, 60))
def test_a_wait_is_at_most_three_times_the_one_before(seed: int, tries: int) -> None:
    camera = back_off(seed)
    waits = [camera.next_wait_s(0.0) for _ in range(tries)]
    assert all(after <= 3 * max(before, 0.5) for before, after in pairwise(waits))


@given(seeds)
def test_the_same_seed_waits_the_same(seed: int) -> None:
    one, other = back_off(seed), back_off(seed)
    assert [one.next_wait_s(0.0) for _ in range(9)] == [other.next_wait_s(0.0) for _ in range(9)]


def longest_after(good_s: float) -> float:
    """Return the longest first wait after a feed that came for so long, over many cameras that had failed long."""
    waits = []
    for seed in range(200):
        camera = back_off(seed)
        for _ in range(8):
            camera.next_wait_s(0.0)
        camera.came(100.0)
        camera.came(100.0 + good_s / 2)
        waits.append(camera.next_wait_s(100.0 + good_s))
    return max(waits)


def test_thirty_good_seconds_start_over() -> None:
    assert longest_after(30.0) <= 0.5


def test_a_feed_that_dies_young_goes_on_waiting_longer() -> None:
    assert longest_after(29.0) > 5


def test_cameras_lost_together_do_not_return_together() -> None:
    cameras = [back_off(seed) for seed in range(600)]
    tried_s = [0.0] * len(cameras)
    for _ in range(8):
        tried_s = [now_s + camera.next_wait_s(now_s) for now_s, camera in zip(tried_s, cameras, strict=True)]
    busiest = max(sum(1 for at_s in tried_s if from_s <= at_s < from_s + 1) for from_s in range(80))
    assert busiest < len(cameras) / 8
