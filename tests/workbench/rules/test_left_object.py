from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from catalog.spans import from_us
from tests.strategies import Seen, at, standing, stream_of, told

BAG_X, GROUND_Y = 600, 400
Draw = Callable[[float], Sequence[Seen]]


def bag() -> Seen:
    return standing(BAG_X, GROUND_Y, "backpack", confidence=0.6)


def bearer_at(at_s: float, leaves_at_s: float, label: str = "person") -> list[Seen]:
    """Return someone who comes to the bag's place in 4 s, waits, and goes on until out of sight."""
    speed = 100
    x = BAG_X - 30 + round(speed * (min(at_s - 4, 0) + max(at_s - leaves_at_s, 0)))
    return [standing(x, GROUND_Y, label)] if x < 1300 else []


def left(at_s: float) -> list[Seen]:
    """Return a bag put down at 4 s whose bearer goes at 6 s and is 3 m away at about 8 s."""
    return bearer_at(at_s, 6) + ([bag()] if at_s >= 4 else [])


@pytest.mark.parametrize("rate_hz", [1.0, 2.0, 5.0])
def test_a_bag_whose_bearer_went_away_is_left(rate_hz: float) -> None:
    tale = told(stream_of(left, 50, rate_hz))
    (event,) = tale.of("left_object")
    assert from_us(at(7)) <= event["start_at"] <= from_us(at(10))  # type: ignore[operator]
    assert (event["end_at"], event["label"], len(event["track_ids"])) == (None, "backpack", 2)  # type: ignore[arg-type]


def test_it_is_stated_after_half_a_minute_alone() -> None:
    assert told(stream_of(left, 36, 2)).of("left_object") == []
    assert len(told(stream_of(left, 42, 2)).of("left_object")) == 1


def test_a_car_may_leave_a_bag_as_well() -> None:
    def dropped(at_s: float) -> list[Seen]:
        return bearer_at(at_s, 6, "car") + ([bag()] if at_s >= 4 else [])

    assert len(told(stream_of(dropped, 50, 2)).of("left_object")) == 1


def test_a_bag_that_is_taken_away_ends_the_event() -> None:
    def taken(at_s: float) -> list[Seen]:
        if at_s < 45:
            return left(at_s)
        x = BAG_X + round(60 * (at_s - 45))
        return [standing(x - 10, GROUND_Y), standing(x, GROUND_Y, "backpack", confidence=0.6)]

    (event,) = told(stream_of(taken, 52, 5)).of("left_object")
    assert event["closed_by"] == "left"
    assert from_us(at(44)) <= event["end_at"] <= from_us(at(46))  # type: ignore[operator]


def test_a_bag_that_is_no_longer_seen_is_lost_at_its_last_sighting() -> None:
    gone = stream_of(lambda at_s: left(at_s) if at_s < 45 else [], 90, 2)
    (event,) = told(gone).of("left_object")
    assert (event["closed_by"], event["end_at"]) == ("lost", from_us(at(44.5)))


def test_a_bag_hidden_for_a_while_is_still_the_same_bag() -> None:
    hidden = stream_of(lambda at_s: left(at_s) if not 50 <= at_s < 65 else bearer_at(at_s, 6), 90, 2)
    (event,) = told(hidden).of("left_object")
    assert event["closed_by"] is None


def with_someone(at_s: float) -> list[Seen]:
    return bearer_at(at_s, 1000) + ([bag()] if at_s >= 4 else [])


def of_the_place(at_s: float) -> list[Seen]:
    return [bag()]


def carried(at_s: float) -> list[Seen]:
    person = standing(100 + round(20 * at_s), GROUND_Y)
    return [person, standing(100 + round(20 * at_s), GROUND_Y - 40, "backpack", confidence=0.6)]


def owner_found_again(at_s: float) -> list[Seen]:
    """Return someone who stands by their bag, but whom the detector loses for a while."""
    return [one for one in with_someone(at_s) if one.label == "backpack" or not 20 <= at_s < 26]


def returned(at_s: float) -> list[Seen]:
    """Return a bearer who is away for 20 s and comes back."""
    person = bearer_at(at_s, 6) if at_s < 10 else []
    if at_s >= 28:
        person = [standing(BAG_X - 30, GROUND_Y)]
    return person + ([bag()] if at_s >= 4 else [])


@pytest.mark.parametrize(
    "draw",
    [with_someone, of_the_place, carried, owner_found_again, returned],
    ids=["someone stays", "nobody brought it", "carried along", "owner found again", "owner returns"],
)
def test_no_alarm_when(draw: Draw) -> None:
    assert told(stream_of(draw, 52, 2)).of("left_object") == []


def test_missing_footage_ends_the_event() -> None:
    stream = replace(stream_of(left, 80, 2), missing=((at(50), at(60)),))
    (event,) = told(stream).of("left_object")
    assert (event["closed_by"], event["end_at"]) == ("gap", from_us(at(49.5)))


def test_passers_by_neither_start_nor_stop_it() -> None:
    def busy(at_s: float) -> list[Seen]:
        passer = standing(100 + round(110 * (at_s % 11)), GROUND_Y + 20)
        return [*left(at_s), passer] if at_s > 11 else left(at_s)

    (event,) = told(stream_of(busy, 60, 5)).of("left_object")
    assert event["end_at"] is None
