"""Instants follow the camera's clock or the arrival, and segments follow on each other however crystals drift."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.feeds.stream_clock import (
    ARRIVAL_ERROR_S,
    BELIEVED_OFF_US,
    NEAR_US,
    SLEW_US,
    ClockFinder,
    StreamClock,
)

T0_US = 1_800_000_000_000_000
FRAME_US = 66_667
SEGMENT_US = 10_000_000


def finder_at(delay_us: int = 0) -> ClockFinder:
    """Return a finder that has seen one packet of stream time 0, so late."""
    finder = ClockFinder()
    finder.observe(0, T0_US + delay_us)
    return finder


def test_a_camera_that_tells_its_time_is_believed_and_the_error_stated():
    clock = finder_at(80_000).for_segment(T0_US)
    assert clock == StreamClock(T0_US, "rtcp", 0.09)
    assert clock.instant(1_000_000) == T0_US + 1_000_000


@pytest.mark.parametrize("off_us", [-120_000_000, 120_000_000, 6_000_000])
def test_a_camera_that_is_far_off_is_not_believed(off_us):
    assert finder_at().for_segment(T0_US + off_us) == StreamClock(T0_US, "arrival", ARRIVAL_ERROR_S)


def test_without_a_camera_clock_the_least_delayed_packet_counts():
    finder = ClockFinder()
    for place, delay_us in enumerate([300_000, 90_000, 20_000, 150_000]):
        finder.observe(place * FRAME_US, T0_US + place * FRAME_US + delay_us)
    assert finder.for_segment(None) == StreamClock(T0_US + 20_000, "arrival", ARRIVAL_ERROR_S)


def test_a_clock_near_the_limit_does_not_leap_to_and_fro():
    finder = finder_at()
    clocks = [
        finder.for_segment(T0_US + BELIEVED_OFF_US + off_us).clock for off_us in (-1000, 1000, -1000, 1000, -1000)
    ]
    assert clocks == ["rtcp", "arrival", "arrival", "arrival", "arrival"]
    assert finder.for_segment(T0_US + 1_000_000).clock == "rtcp"


def test_a_small_error_is_put_right_little_by_little_and_stated_meanwhile():
    finder = finder_at(100_000)
    finder.for_segment(T0_US)
    clocks = [finder.for_segment(T0_US + 50_000) for _ in range(4)]
    assert [clock.origin_us - T0_US for clock in clocks] == [20_000, 40_000, 50_000, 50_000]
    assert [clock.error_s for clock in clocks] == [0.09, 0.07, 0.06, 0.06]


def test_a_large_error_is_put_right_at_once():
    finder = finder_at()
    finder.for_segment(T0_US)
    assert finder.for_segment(T0_US + NEAR_US + 1).origin_us == T0_US + NEAR_US + 1


def test_set_back_by_no_more_than_half_a_frame():
    finder = finder_at()
    finder.for_segment(T0_US)
    assert finder.for_segment(T0_US - 100_000, frame_us=16_667).origin_us == T0_US - 8_333
    assert finder.for_segment(T0_US + 100_000, frame_us=16_667).origin_us == T0_US - 8_333 + SLEW_US


def test_from_arrival_to_the_cameras_clock_is_no_leap_where_they_are_near():
    finder = finder_at(90_000)
    assert finder.for_segment(None).origin_us == T0_US + 90_000
    clock = finder.for_segment(T0_US, frame_us=FRAME_US)
    assert (clock.clock, clock.origin_us, clock.error_s) == ("rtcp", T0_US + 70_000, 0.17)


def test_forgetting_begins_anew():
    finder = finder_at()
    finder.for_segment(None)
    finder.forget()
    finder.observe(9_000_000_000, T0_US)
    assert finder.for_segment(None).origin_us == T0_US - 9_000_000_000


def drifting(ppm: float, jitter_ms: float, seed: int, by_camera: bool) -> list[tuple[StreamClock, int, int]]:
    """Return the clock, first and last stream time of each segment of ten minutes with a crystal that is off."""
    dice, finder, clock = Random(seed), ClockFinder(), None
    segments: list[tuple[StreamClock, int, int]] = []
    first_us = last_us = 0
    for place in range(10 * 60 * 15):
        true_us = place * FRAME_US
        stream_us = round(true_us * (1 + ppm / 1e6))
        finder.observe(stream_us, T0_US + true_us + round(dice.expovariate(1 / max(jitter_ms, 0.01)) * 1000))
        if clock is None or stream_us - first_us >= SEGMENT_US:
            if clock is not None:
                segments.append((clock, first_us, last_us))
            origin_us = T0_US + true_us - stream_us + dice.randrange(-2000, 2000) if by_camera else None
            clock, first_us = finder.for_segment(origin_us, FRAME_US), stream_us
        last_us = stream_us
    return segments


@settings(max_examples=12, deadline=None)
@given(st.floats(-150, 150), st.floats(0, 60), st.integers(0, 99), st.booleans())
def test_however_the_crystal_drifts_segments_follow_on_and_keep_time(ppm, jitter_ms, seed, by_camera):
    segments = drifting(ppm, jitter_ms, seed, by_camera)
    for (clock, _, last_us), (later, first_us, _) in pairwise(segments):
        hole_us = later.instant(first_us) - clock.instant(last_us)
        assert 0 < hole_us < 2 * FRAME_US
    for clock, first_us, last_us in segments:
        for stream_us in (first_us, last_us):
            true_us = T0_US + stream_us / (1 + ppm / 1e6)
            assert abs(clock.instant(stream_us) - true_us) <= clock.error_s * 1e6
