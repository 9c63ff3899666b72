from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from catalog.spans import from_us
from tests.strategies import FRAME_WH_PX, MOUNTING, Seen, Stream, area, at, standing, stream_of, told
from workbench.rules.zone_visit import default_zones

RATES = pytest.mark.parametrize("rate_hz", [1.0, 5.0, 25.0])


def through(at_s: float) -> list[Seen]:
    """Return someone who walks from outside into the area and out again: inside from 4 s to 9 s."""
    return [standing(0 + round(100 * at_s), 400)]


@RATES
def test_who_walks_through_enters_once_and_leaves_once(rate_hz: float) -> None:
    tale = told(stream_of(through, 12, rate_hz), [area()])
    assert tale.rules() == ["zone_enter", "zone_leave"]


@RATES
def test_a_crossing_is_dated_to_the_first_sighting_on_the_other_side(rate_hz: float) -> None:
    tale = told(stream_of(through, 12, rate_hz), [area()])
    (enter,), (leave,) = tale.of("zone_enter"), tale.of("zone_leave")
    assert enter["start_at"] == enter["end_at"] == from_us(at(4))
    assert from_us(at(9)) <= leave["start_at"] <= from_us(at(9 + 1 / rate_hz))  # type: ignore[operator]
    assert enter["evidence_at"] == at(4)


def test_leaving_says_how_long_the_stay_was() -> None:
    (leave,) = told(stream_of(through, 12, 5), [area()]).of("zone_leave")
    assert leave["dwell_s"] == pytest.approx(5, abs=0.2)


def test_who_is_first_sighted_inside_has_not_been_seen_to_enter() -> None:
    def out(at_s: float) -> list[Seen]:
        return [standing(600 + round(100 * at_s), 400)]

    assert told(stream_of(out, 6, 5), [area()]).rules() == ["zone_leave"]


def test_who_is_lost_inside_has_not_been_seen_to_leave() -> None:
    gone = stream_of(lambda at_s: through(at_s) if at_s < 6 else [], 12, 5)
    assert told(gone, [area()]).rules() == ["zone_enter"]


@pytest.mark.parametrize("swing", [2, 5, 9])
def test_trembling_on_the_edge_is_no_coming_and_going(swing: int) -> None:
    def trembling(at_s: float) -> list[Seen]:
        return [standing(400 + swing * (-1) ** round(at_s * 5), 400)]

    rules = told(stream_of(trembling, 20, 5), [area()]).rules()
    assert rules == []


def test_a_second_visit_is_a_second_event() -> None:
    def twice(at_s: float) -> list[Seen]:
        return [standing(300 + round(200 * abs(at_s % 6 - 3) / 3 * 1.5), 400)]

    assert told(stream_of(twice, 12, 5), [area()]).rules().count("zone_enter") == 2


def loiterer(at_s: float) -> list[Seen]:
    """Return someone who is inside from the first sighting until 15 s, then walks out."""
    return [standing(600 + round(120 * max(at_s - 12.4, 0)), 400)]


def test_a_stay_opens_when_it_is_long_enough_and_counts_from_the_first_sighting() -> None:
    zones = [area(min_dwell_s=10.0)]
    short, long = stream_of(loiterer, 9.8, 5), stream_of(loiterer, 10.4, 5)
    assert told(short, zones).of("zone_dwell") == []
    (dwell,) = told(long, zones).of("zone_dwell")
    assert (dwell["start_at"], dwell["end_at"], dwell["closed_by"]) == (from_us(at(0)), None, None)
    assert dwell["dwell_s"] == pytest.approx(10.2)
    assert dwell["evidence_at"] == at(10)


def test_a_stay_ends_with_the_last_sighting_inside() -> None:
    (dwell,) = told(stream_of(loiterer, 20, 5), [area(min_dwell_s=10.0)]).of("zone_dwell")
    assert (dwell["end_at"], dwell["closed_by"]) == (from_us(at(14.8)), "left")
    assert dwell["dwell_s"] == pytest.approx(14.8)


def test_a_stay_whose_track_is_lost_says_so() -> None:
    lost = stream_of(lambda at_s: loiterer(0) if at_s < 12 else [], 25, 5)
    (dwell,) = told(lost, [area(min_dwell_s=10.0)]).of("zone_dwell")
    assert (dwell["end_at"], dwell["closed_by"]) == (from_us(at(11.8)), "lost")


def test_a_stay_cut_short_by_missing_footage_says_so() -> None:
    stream = stream_of(lambda _: loiterer(0), 30, 5)
    stream = Stream(stream.shots, stream.end_at, missing=((at(12), at(20)),))
    (dwell,) = told(stream, [area(min_dwell_s=10.0)]).of("zone_dwell")
    assert (dwell["end_at"], dwell["closed_by"]) == (from_us(at(11.8)), "gap")


@pytest.mark.parametrize(
    ("labels", "count"), [((), 2), (("person",), 2), (("car", "bus"), 0)], ids=["any", "its own", "others"]
)
def test_only_the_labels_of_the_zone_count(labels: tuple[str, ...], count: int) -> None:
    assert len(told(stream_of(through, 12, 5), [area(labels=labels)]).events) == count


def test_a_mask_hides_what_stands_in_it_from_everything() -> None:
    from dataclasses import replace

    mask = replace(area(name="mask"), kind="mask")
    tale = told(stream_of(through, 12, 5), [area(), mask])
    hidden = [key for key in tale.boxes if 400 <= key[2] + 20 <= 900]  # type: ignore[operator]
    assert hidden == []
    assert all(not 400 < row["last_x_px"] < 900 for row in tale.tracks)  # type: ignore[operator]


def test_events_carry_label_confidence_and_track() -> None:
    tale = told(stream_of(through, 12, 5), [area()])
    (enter,) = tale.of("zone_enter")
    assert enter["label"] == "person"
    assert enter["confidence"] == pytest.approx(0.8)
    assert enter["track_ids"] == [("track", from_us(at(0)), 0.0, 400.0)]
    assert enter["zone_id"] == area().zone_id


@pytest.mark.parametrize(
    ("draw", "rules"),
    [
        (lambda at_s: [standing(-20 + round(120 * at_s), 400)] if at_s < 11 else [], ["zone_enter", "zone_leave"]),
        (lambda at_s: [standing(600, 400)], ["zone_dwell"]),
    ],
    ids=["walks through the view", "stays"],
)
def test_a_camera_on_which_nobody_drew_anything_makes_events_all_the_same(
    draw: Callable[[float], Sequence[Seen]], rules: list[str]
) -> None:
    zones = default_zones(MOUNTING, FRAME_WH_PX)
    assert [(zone.name, zone.kind, zone.min_dwell_s) for zone in zones] == [("view", "area", 10.0)]
    tale = told(stream_of(draw, 14, 5), zones)
    assert [rule for rule in tale.rules() if rule in rules] == rules
