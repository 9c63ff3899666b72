from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.spans import from_us
from tests.strategies import MOUNTING, Seen, at, follow, line, pieces, standing, story, stream_of, told

UPWARDS = line((600, 700), (600, 100))
RATES = pytest.mark.parametrize("rate_hz", [1.0, 2.0, 5.0, 25.0])


def rightwards(at_s: float) -> list[Seen]:
    return [standing(200 + round(100 * at_s), 400)]


def leftwards(at_s: float) -> list[Seen]:
    return [standing(1000 - round(100 * at_s), 400)]


@RATES
def test_from_left_to_right_of_the_line_is_forward(rate_hz: float) -> None:
    tale = told(stream_of(rightwards, 8, rate_hz), [UPWARDS])
    assert [(row["rule"], row["direction"]) for row in tale.events] == [("line_cross", "forward")]
    assert tale.events[0]["start_at"] == from_us(at(4))


@RATES
def test_the_other_way_is_backward(rate_hz: float) -> None:
    tale = told(stream_of(leftwards, 8, rate_hz), [UPWARDS])
    assert [row["direction"] for row in tale.events] == ["backward"]


def test_turning_the_line_round_turns_the_direction() -> None:
    tale = told(stream_of(rightwards, 8, 5), [line((600, 100), (600, 700))])
    assert [row["direction"] for row in tale.events] == ["backward"]


def test_going_over_and_back_is_two_crossings() -> None:
    def there_and_back(at_s: float) -> list[Seen]:
        return [standing(400 + round(100 * min(at_s, 8 - at_s)), 400)]

    tale = told(stream_of(there_and_back, 8, 5), [UPWARDS])
    assert sorted(str(row["direction"]) for row in tale.events) == ["backward", "forward"]


@pytest.mark.parametrize("swing", [2, 5, 9])
def test_trembling_on_the_line_is_no_crossing(swing: int) -> None:
    tale = told(stream_of(lambda at_s: [standing(600 + swing * (-1) ** round(5 * at_s), 400)], 10, 5), [UPWARDS])
    assert tale.events == []


@RATES
def test_going_round_the_end_of_a_line_crosses_nothing(rate_hz: float) -> None:
    tale = told(stream_of(rightwards, 8, rate_hz), [line((600, 300), (600, 100))])
    assert tale.events == []


def test_first_sighted_beyond_the_line_has_crossed_nothing() -> None:
    assert told(stream_of(lambda at_s: [standing(700 + round(60 * at_s), 400)], 6, 5), [UPWARDS]).events == []


def test_a_crossing_in_the_tentative_time_counts_and_keeps_its_instant() -> None:
    def late(at_s: float) -> list[Seen]:
        return rightwards(at_s) if at_s >= 3.8 else []

    stream = stream_of(late, 8, 5)
    tale = told(stream, [UPWARDS], cuts=[at(4.2)])
    assert [(row["start_at"], row["evidence_at"]) for row in tale.events] == [(from_us(at(4)), at(4))]


def test_a_line_may_count_some_labels_only() -> None:
    assert told(stream_of(rightwards, 8, 5), [replace(UPWARDS, labels=("car",))]).events == []


def test_speed_is_unknown_without_calibration() -> None:
    (row,) = told(stream_of(rightwards, 8, 5), [UPWARDS]).events
    assert row["speed_mps"] is None


@RATES
def test_speed_is_metres_on_the_ground_per_second(rate_hz: float) -> None:
    calibrated = replace(MOUNTING, m_from_px=(0.015, 0, 0, 0, 0.015, 0, 0, 0, 1))
    parts = pieces(stream_of(rightwards, 8, rate_hz))
    (row,) = story(follow(parts, [UPWARDS], mounting=calibrated), parts).events
    assert row["speed_mps"] == pytest.approx(1.5, rel=0.01)
