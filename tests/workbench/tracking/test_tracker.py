"""Things in made streams with known truth, at the rates cameras are sampled at."""

from __future__ import annotations

import numpy as np
import pytest

from tests.strategies import (
    RATES_HZ,
    SECOND,
    Seen,
    Shot,
    Stream,
    at,
    follow,
    look_of,
    made_segment,
    pieces,
    standing,
    story,
    stream_of,
    told,
)
from workbench.rules.follow import FollowConfig
from workbench.tracking.tracker import Tracker, TrackerConfig


def walker(at_s: float, *, speed_px: float = 80.0, start_px: float = 100.0, y: float = 400.0) -> Seen:
    """Return someone who walks to the right: 80 px a second is 1.3 m/s for a box of 100 px height."""
    return standing(start_px + round(speed_px * at_s), y)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_walker_is_one_track_at_every_rate(rate_hz: float) -> None:
    tracks = told(stream_of(lambda at_s: [walker(at_s)], 10, rate_hz)).tracks
    assert [(row["label"], row["sighting_count"]) for row in tracks] == [("person", 10 * rate_hz)]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_car_that_drives_through_is_one_track_at_every_rate(rate_hz: float) -> None:
    def car(at_s: float) -> list[Seen]:
        x = -80 + round(330 * at_s)  # 2 car lengths a second: 33 km/h
        return [standing(x, 500, "car")] if -40 < x < 1320 else []

    tracks = told(stream_of(car, 8, rate_hz)).tracks
    assert [(row["label"], row["closed_by"]) for row in tracks] == [("car", "left")]


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 25.0])
def test_two_people_who_pass_each_other_keep_their_tracks(rate_hz: float) -> None:
    def pair(at_s: float) -> list[Seen]:
        return [walker(at_s, y=400), walker(at_s, start_px=900, speed_px=-80, y=430)]

    tracks = told(stream_of(pair, 10, rate_hz)).tracks
    ways = sorted((row["first_x_px"], row["last_x_px"]) for row in tracks)
    last_s = 10 - 1 / rate_hz
    assert ways == [(100, 100 + round(80 * last_s)), (900, 900 + round(-80 * last_s))]


@pytest.mark.parametrize("rate_hz", [1.0, 5.0, 25.0])
def test_someone_on_a_bicycle_is_a_person_and_a_bicycle(rate_hz: float) -> None:
    def rider(at_s: float) -> list[Seen]:
        x = 100 + round(100 * at_s)
        return [standing(x, 390), standing(x, 400, "bicycle")]

    tracks = told(stream_of(rider, 6, rate_hz)).tracks
    assert sorted(row["label"] for row in tracks) == ["bicycle", "person"]


def test_a_vehicle_that_is_called_now_a_car_now_a_truck_is_what_most_sightings_say() -> None:
    def doubtful(at_s: float) -> list[Seen]:
        label = "truck" if round(at_s * 5) % 3 == 0 else "car"
        left, top, right, bottom = standing(200 + round(60 * at_s), 500, "car").box
        return [Seen(label, (left, top, right, bottom), 0.75 if label == "truck" else 0.5)]

    (track,) = told(stream_of(doubtful, 6, 5)).tracks
    assert track["label"] == "car"
    assert track["confidence"] == pytest.approx(0.5)


def test_doubtful_boxes_go_on_with_a_track_but_begin_none() -> None:
    def hidden(at_s: float) -> list[Seen]:
        confidence = 0.2 if 2 <= at_s < 6 else 0.8
        return [standing(300, 400, confidence=confidence), standing(900, 400, confidence=0.2)]

    tracks = told(stream_of(hidden, 8, 5)).tracks
    assert [(row["first_x_px"], row["sighting_count"]) for row in tracks] == [(300, 40)]


def test_a_flash_makes_no_track_and_its_box_carries_none() -> None:
    def flash(at_s: float) -> list[Seen]:
        return [standing(300, 400)] if at_s == 2 else []

    tale = told(stream_of(flash, 5, 5))
    assert tale.tracks == []
    assert [key[-1] for key in tale.boxes] == [None]


def test_the_boxes_of_the_tentative_time_carry_the_track() -> None:
    tale = told(stream_of(lambda at_s: [walker(at_s)], 4, 5))
    (track,) = tale.tracks
    assert len(tale.boxes) == 20
    assert {key[-1] for key in tale.boxes} == {("track", track["start_at"], 100.0, 400.0)}


def test_a_tentative_time_across_a_segments_end_carries_the_track_too() -> None:
    stream = stream_of(lambda at_s: [walker(at_s)] if at_s >= 1.8 else [], 4, 5)
    parts = pieces(stream, [at(2)])
    rows = follow(parts)
    assert rows[0].track_states.num_rows == 0
    assert rows[0].detections["track_id"].to_pylist() == [rows[1].track_states["track_id"][0].as_py()]
    assert rows[1].track_states["start_at"][0].as_py() == rows[0].detections["seen_at"][0].as_py()


def test_only_confirmed_tracks_are_counted_as_begun_and_where_they_were_confirmed() -> None:
    stream = stream_of(lambda at_s: [walker(at_s)] if at_s >= 1.8 else [], 4, 5)
    assert [part.analysis.tracks_begun for part in follow(pieces(stream, [at(2)]))] == [0, 1]


@pytest.mark.parametrize("rate_hz", [2.0, 5.0, 25.0])
def test_what_is_unseen_for_longer_than_two_seconds_is_lost(rate_hz: float) -> None:
    tracks = told(stream_of(lambda at_s: [standing(500, 400)] if at_s < 4 else [], 10, rate_hz)).tracks
    (track,) = tracks
    assert track["closed_by"] == "lost"
    assert track["end_at"] == track["last_seen_at"]


@pytest.mark.parametrize("rate_hz", [2.0, 5.0, 25.0])
def test_a_short_absence_does_not_end_a_track(rate_hz: float) -> None:
    hidden = stream_of(lambda at_s: [] if 4 <= at_s < 5.5 else [walker(at_s)], 10, rate_hz)
    (track,) = told(hidden).tracks
    assert track["closed_by"] is None


def test_what_has_stood_still_may_be_hidden_for_longer() -> None:
    parked = stream_of(lambda at_s: [] if 10 <= at_s < 16 else [standing(600, 500, "car")], 20, 2)
    assert len(told(parked).tracks) == 1


def test_a_track_that_is_still_seen_has_no_end() -> None:
    (track,) = told(stream_of(lambda at_s: [walker(at_s)], 5, 5)).tracks
    assert (track["end_at"], track["closed_by"]) == (None, None)


def test_while_the_picture_is_held_nothing_is_missed_and_nothing_is_sighted() -> None:
    stream = stream_of(lambda at_s: None if 2 <= at_s < 58 else [standing(500, 400)], 60, 2)
    (track,) = told(stream).tracks
    assert (track["sighting_count"], track["closed_by"]) == (8, None)


@pytest.mark.parametrize("between_s", [3.0, 10.0])
def test_at_key_frame_rates_what_stands_is_followed_and_what_moves_is_left_alone(between_s: float) -> None:
    def street(at_s: float) -> list[Seen]:
        return [standing(600, 500, "car"), standing(100 + 90 * (at_s % 13), 300)]

    tale = told(stream_of(street, 12 * between_s, 1 / between_s))
    assert [(row["label"], row["sighting_count"]) for row in tale.tracks] == [("car", 12)]


def test_a_box_of_another_size_far_away_is_not_the_same_thing() -> None:
    def swap(at_s: float) -> list[Seen]:
        if at_s < 5:
            return [standing(400, 400)]
        return [Seen("person", (445.0, 340.0, 465.0, 400.0), 0.8)]

    assert len(told(stream_of(swap, 10, 1)).tracks) == 2


def test_two_boxes_on_one_thing_make_one_track() -> None:
    def double(at_s: float) -> list[Seen]:
        first = walker(at_s)
        left, top, right, bottom = first.box
        return [first, Seen("person", (left + 2, top, right + 2, bottom), 0.6)] if at_s > 1 else [first]

    assert len(told(stream_of(double, 5, 5)).tracks) == 1


def test_a_parked_car_does_not_drive_off_with_the_one_that_hides_it() -> None:
    def street(at_s: float) -> list[Seen]:
        x = -100 + round(150 * (at_s - 8))
        passing = [standing(x, 510, "car")] if 0 < x < 1280 else []
        hidden = abs(x - 600) < 200
        return passing if hidden else [*passing, standing(600, 500, "car")]

    tracks = told(stream_of(street, 22, 2)).tracks
    ways = sorted((row["first_x_px"], row["closed_by"]) for row in tracks)
    assert ways == [(50.0, "left"), (600.0, None)]


def test_two_boxes_that_lie_apart_confirm_nothing() -> None:
    def two_flashes(at_s: float) -> list[Seen]:
        return [standing(500 + round(360 * at_s), 500, "car")] if at_s < 1 else []

    assert told(stream_of(two_flashes, 5, 2)).tracks == []


def test_colour_is_voted_with_the_weight_of_each_sighting() -> None:
    def coloured(at_s: float) -> list[Seen]:
        if round(at_s * 5) % 2 == 0:
            return [standing(600, 500, "car", colour="blue", confidence=0.5)]
        return [standing(600, 500, "car", colour="red", confidence=0.9)]

    (track,) = told(stream_of(coloured, 4, 5)).tracks
    assert track["colour"] == "red"
    assert track["colour_confidence"] == pytest.approx(0.9 / 1.4)


def test_without_a_colour_none_is_stated() -> None:
    (track,) = told(stream_of(lambda at_s: [walker(at_s)], 4, 5)).tracks
    assert (track["colour"], track["colour_confidence"]) == (None, None)


def test_the_best_sighting_is_the_most_confident_one() -> None:
    def best(at_s: float) -> list[Seen]:
        return [standing(300, 400, confidence=0.95 if at_s == 2 else 0.6)]

    (track,) = told(stream_of(best, 4, 5), cuts=[at(1), at(3)]).tracks
    assert track["best_at"] == at(2)


def test_each_run_and_mounting_names_its_own_tracks() -> None:
    segment = made_segment(at(0), at(10))
    ids = set()
    for run_id, mounting_id in (("run_a", "mnt_a"), ("run_b", "mnt_a"), ("run_a", "mnt_b")):
        tracker = Tracker(TrackerConfig(), run_id, "made-1", mounting_id)
        tracker.enter(segment.segment_id, (1280, 720))
        frame = tracker.update(look_of(segment, Shot(at(0), (standing(300, 400),))))
        ids.add(frame.track_ids)
    assert len(ids) == 3


def test_a_confirmed_track_comes_to_the_rules_with_all_its_sightings() -> None:
    segment = made_segment(at(0), at(10))
    tracker = Tracker(TrackerConfig(), "run_a", "made-1", "mnt_a")
    tracker.enter(segment.segment_id, (1280, 720))
    looks = [look_of(segment, Shot(at(number / 5), (walker(number / 5),))) for number in range(4)]
    told_of = [[one.sighting.seen_at for one in tracker.update(look).sighted] for look in looks]
    assert told_of == [[], [], [at(0), at(0.2), at(0.4)], [at(0.6)]]


def test_boxes_that_nobody_took_are_written_only_if_the_model_means_them() -> None:
    doubtful = [standing(300, 400, confidence=0.15), standing(800, 400, confidence=0.32)]
    tale = told(stream_of(lambda _: doubtful, 2, 5), config=FollowConfig(state_min_confidence=0.3))
    assert {key[2] for key in tale.boxes} == {780}


def test_frames_without_anything_are_fine() -> None:
    tale = told(stream_of(lambda _: [], 5, 5))
    assert (tale.tracks, tale.events, len(tale.boxes)) == ([], [], 0)


def test_a_clock_that_is_set_back_keeps_its_boxes_but_moves_no_track() -> None:
    stream = stream_of(lambda at_s: [walker(at_s)], 4, 5)
    late = Stream(stream.shots[8:12], at(3), start_at=at(1.6))
    parts = [*pieces(Stream(stream.shots[:10], at(2))), *pieces(late)]
    rows = follow(parts)
    ids = rows[1].detections["track_id"].to_pylist()
    assert [track_id is None for track_id in ids] == [True, True, False, False]
    assert len(story(rows, parts).tracks) == 1


def test_many_things_in_a_frame_stay_apart() -> None:
    rng = np.random.default_rng(5)

    def crowd(at_s: float) -> list[Seen]:
        people = [standing(80 + 60 * number, 300 + 15 * number) for number in range(20)]
        return [one.moved((int(rng.integers(-3, 4)), int(rng.integers(-3, 4)))) for one in people]

    tracks = told(stream_of(crowd, 10, 5)).tracks
    assert [row["sighting_count"] for row in tracks] == [50] * 20
    assert all(abs(row["first_x_px"] - row["last_x_px"]) <= 6 for row in tracks)  # type: ignore[operator]


def test_spans_are_stated_to_the_microsecond() -> None:
    (track,) = told(stream_of(lambda at_s: [walker(at_s)], 4, 5)).tracks
    start_at, last_seen_at = track["start_at"], track["last_seen_at"]
    assert (last_seen_at - start_at).total_seconds() == 3.8  # type: ignore[operator]
    assert round(start_at.timestamp() * SECOND) == at(0)  # type: ignore[attr-defined]
