"""Time stamps run forwards: missing ones are filled in, leaps are taken out and told."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import pytest

from workbench.feeds.feed_stamps import MOST_HELD, Stamps

STEP = 6000
STEP_US = 66_667


def packet(pts, dts=None):
    one = av.Packet(b"x")
    one.pts, one.dts = pts, pts if dts is None else dts
    return one


def unstamped(pts=None):
    one = av.Packet(b"x")
    one.pts = pts
    return one


def taken(packets, step_us=STEP_US, stamps=None):
    stamps = stamps or Stamps(Fraction(1, 90_000))
    return [one for place, given in enumerate(packets) for one in stamps.take(given, place * step_us)]


def test_stamps_that_run_forwards_are_kept():
    found = taken([packet(place * STEP) for place in range(5)])
    assert [(one.pts, one.dts, one.leap_s, one.guessed) for one in found] == [
        (place * STEP, place * STEP, 0.0, False) for place in range(5)
    ]
    assert found[3].stream_us == 200_000


def test_the_first_packets_of_a_session_are_counted_back_from_those_that_are_known():
    given = [unstamped(), unstamped(), packet(2 * STEP), packet(3 * STEP), packet(4 * STEP)]
    found = taken(given)
    assert [one.pts for one in found] == [place * STEP for place in range(5)]
    assert [one.guessed for one in found] == [True, True, False, False, False]
    assert [one.arrived_us for one in found] == [place * STEP_US for place in range(5)]


def test_frames_out_of_order_are_decoded_in_order_from_the_first_on():
    # as FFmpeg tells it: no word on decoding until it knows how many frames are shown out of order
    shown = [None, 12_000, 6_000, 18_000, 30_000, 24_000]
    decoded = [None, None, None, 6_000, 12_000, 18_000]
    given = [unstamped(pts) if dts is None else packet(pts, dts) for pts, dts in zip(shown, decoded, strict=True)]
    found = taken(given)
    assert [one.pts for one in found] == [0, 12_000, 6_000, 18_000, 30_000, 24_000]
    assert [one.dts for one in found] == [-12_000, -6_000, 0, 6_000, 12_000, 18_000]


def test_what_never_gets_a_stamp_is_counted():
    found = taken([unstamped() for _ in range(MOST_HELD + 10)])
    assert len(found) == MOST_HELD + 10
    assert {later.pts - sooner.pts for sooner, later in pairwise(found)} == {3600}


def test_a_packet_in_the_middle_without_a_stamp_follows_the_last():
    found = taken([packet(0), packet(STEP), unstamped(), packet(3 * STEP)])
    assert [one.pts for one in found] == [0, STEP, 2 * STEP, 3 * STEP]
    assert found[2].guessed


@pytest.mark.parametrize("leap_s", [3600.0, -100.0, 47_721.8])
def test_a_leap_is_taken_out_and_told(leap_s):
    leap = round(leap_s * 90_000)
    given = [packet(place * STEP + (leap if place >= 3 else 0) + 10**9) for place in range(6)]
    found = taken(given)
    assert [one.pts - 10**9 for one in found] == [place * STEP for place in range(6)]
    assert [one.leap_s for one in found] == [0, 0, 0, pytest.approx(leap_s, abs=0.1), 0, 0]


def test_after_a_leap_time_has_gone_on_as_long_as_was_waited():
    stamps = Stamps(Fraction(1, 90_000))
    list(stamps.take(packet(0), 0))
    list(stamps.take(packet(STEP), STEP_US))
    (found,) = stamps.take(packet(10**9), STEP_US + 2_000_000)
    assert found.pts == pytest.approx(STEP + 180_000, abs=10)


def test_a_pause_is_no_leap():
    stamps = Stamps(Fraction(1, 90_000))
    list(stamps.take(packet(0), 0))
    (found,) = stamps.take(packet(4 * 90_000), 4_000_000)
    assert (found.leap_s, found.pts) == (0.0, 360_000)


def test_a_packet_a_little_out_of_order_is_no_leap():
    found = taken([packet(0), packet(STEP), packet(STEP - 900), packet(2 * STEP)])
    assert {one.leap_s for one in found} == {0.0}


def test_a_file_that_is_played_again_goes_on():
    stamps = Stamps(Fraction(1, 90_000))
    first = taken([packet(place * STEP) for place in range(3)], stamps=stamps)
    stamps.go_on()
    again = taken([packet(place * STEP) for place in range(3)], stamps=stamps)
    assert [one.pts for one in first + again] == [place * STEP for place in range(6)]
    assert {one.leap_s for one in again} == {0.0}


def test_a_feed_that_only_counts_its_packets_is_timed_by_arrival():
    stamps = Stamps(Fraction(1, 90_000), by_arrival=True)
    came_us = [5_000_000, 5_066_667, 5_066_667, 5_200_000]
    found = [one for place, at_us in enumerate(came_us) for one in stamps.take(packet(place), at_us)]
    assert [one.stream_us for one in found] == pytest.approx([0, 66_667, 66_678, 200_000], abs=6)
    assert all(later.dts > sooner.dts for sooner, later in pairwise(found))
