"""One timeline a camera: what is shown when can be told from the outside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.feeds.timeline import CLOCK_HZ, Timeline

TIMELINES = st.builds(
    Timeline,
    st.integers(1_700_000_000_000_000, 1_900_000_000_000_000),
    st.integers(CLOCK_HZ, 100 * CLOCK_HZ),
    st.integers(0, 500),
)


@given(TIMELINES, st.integers(0, 10**12))
def test_what_is_due_at_an_instant_is_due_then(timeline, ticks):
    assert timeline.ticks_at(timeline.instant(ticks)) - ticks in (0, 1)


@given(TIMELINES, st.integers(0, 10**10), st.floats(0, 0.999))
def test_a_picture_was_last_shown_within_one_loop(timeline, elapsed_us, share):
    media_ms = int(share * timeline.length_ticks * 1000 / CLOCK_HZ)
    before_us = timeline.started_at + elapsed_us
    shown_at = timeline.shown_at(media_ms, before_us)
    loop_us = timeline.length_ticks * 1_000_000 / CLOCK_HZ
    assert 0 <= before_us - shown_at <= loop_us + 1
    within = timeline.ticks_at(shown_at) % timeline.length_ticks
    assert abs(within - media_ms * CLOCK_HZ // 1000) <= 1


@given(st.integers(0, 400), st.integers(CLOCK_HZ, 100 * CLOCK_HZ))
def test_cameras_of_one_feed_are_apart(camera, length_ticks):
    shifts = [Timeline(0, length_ticks, one).shift_ticks for one in (camera, camera + 1)]
    apart = abs(shifts[0] - shifts[1])
    assert min(apart, length_ticks - apart) > 0.3 * length_ticks
