"""The order of work: looked at in any order, followed in the order of time, nothing twice."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.footage import Segment
from catalog.spans import EPOCH, Span
from ray_jobs.lanes import LONGEST_BATCH, WORTH_A_COMMIT, Lane


def segments(count: int) -> list[Segment]:
    return [
        Segment(
            f"seg_{number:02}", "cam-1", "mnt_1",
            Span(EPOCH + timedelta(seconds=10 * number), EPOCH + timedelta(seconds=10 * number + 10)),
            0, Fraction(1, 25), 250, 640, 360, "h264", "manual", None, 1, "0" * 64, "x.mp4", "x.mp4",
        )
        for number in range(count)
    ]  # fmt: skip


def lane(count: int, known: set[str] | None = None, before: Segment | None = None) -> Lane[str]:
    return Lane(segments(count), known or set(), before)


@given(
    st.integers(0, 25).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0))))),
    st.randoms(use_true_random=False),
    st.integers(1, 6),
)
def test_every_segment_is_looked_at_and_followed_once_and_in_order(case, dice, hands: int):
    count, known_numbers = case
    known = {f"seg_{number:02}" for number in known_numbers if number < count}
    work = lane(count, set(known))
    looked, followed = [], []
    while not work.finished:
        while len(work.looking) < hands and (position := work.next_to_look()) is not None:
            work.looking.add(position)
            looked.append(position)
        if work.looking and (work.following is None or dice.random() < 0.5):
            done = dice.choice(sorted(work.looking))
            work.looking.discard(done)
            work.looked[done] = "looked"
        elif work.following is not None:
            followed.extend(work.following)
            work.followed(work.following)
        if (batch := work.next_to_follow()) is not None:
            assert len(batch) <= LONGEST_BATCH
            work.following = batch
    expected = [number for number in range(count) if f"seg_{number:02}" not in known]
    assert followed == expected
    assert sorted(looked) == expected


def test_a_segment_follows_the_one_before_it_even_if_that_was_known():
    work = lane(3, {"seg_00"})
    assert work.position == 1
    previous = work.step(1).previous
    assert previous is not None
    assert previous.segment_id == "seg_00"


def test_the_first_segment_follows_what_an_earlier_command_left():
    earlier = segments(1)[0]
    assert lane(2, before=earlier).step(0).previous is earlier
    assert lane(2).step(0).previous is None


def test_a_lane_of_known_segments_is_finished():
    assert lane(2, {"seg_00", "seg_01"}).finished
    assert lane(0).finished


def test_a_lost_memory_sends_the_lane_back_one_segment():
    work = lane(3, {"seg_00", "seg_01"})
    work.looked[2] = "looked"
    work.following = work.next_to_follow()
    work.redo_before(2)
    assert work.next_to_look() == 1
    work.looked[1] = "looked again"
    assert work.next_to_follow() == range(1, 3)


def test_before_the_first_segment_there_is_none_to_redo():
    with pytest.raises(ValueError, match="none before"):
        lane(2).redo_before(0)


def test_a_hole_in_what_was_looked_at_holds_the_follower_back():
    work = lane(4)
    work.looked |= {1: "looked", 2: "looked"}
    assert work.next_to_follow() is None
    work.looked[0] = "looked"
    assert work.next_to_follow() == range(3)


def test_segments_gather_for_one_commit_while_the_next_is_on_its_way():
    work = lane(2 * WORTH_A_COMMIT)
    for number in range(WORTH_A_COMMIT):
        assert work.next_to_follow() is None
        work.looking.discard(number)
        work.looked[number] = "looked"
        work.looking.add(number + 1)
    assert work.next_to_follow() == range(WORTH_A_COMMIT)


def test_nothing_gathers_for_a_segment_that_nobody_looks_at():
    work = lane(4)
    work.looked[0] = "looked"
    work.looking.add(2)
    assert work.next_to_follow() == range(1)
