"""Laws that hold for whatever a camera sees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as st

from tests.strategies import Stream, area, cuts, follow, line, pieces, sightings, story
from workbench.rules.feed_health import FeedHealthConfig
from workbench.rules.follow import FollowConfig
from workbench.rules.left_object import LeftObjectConfig
from workbench.rules.rule_set import RulesConfig

QUICK = FollowConfig(
    rules=RulesConfig(
        LeftObjectConfig(left_after_s=2.0, refind_s=3.0),
        FeedHealthConfig(dark_after_s=2.0, frozen_after_s=4.0, clear_after_s=1.0),
    )
)
"""Patience short enough for streams of a few seconds."""

ZONES = [
    area(min_dwell_s=2.0, name="middle"),
    area((0, 0), (640, 0), (640, 720), (0, 720), name="west"),
    line((640, 720), (640, 0), name="north-going"),
]

law = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@law
@given(st.data())
def test_how_the_stream_is_cut_changes_neither_tracks_nor_events(data: st.DataObject) -> None:
    stream = data.draw(sightings())
    whole, parts = pieces(stream), pieces(stream, data.draw(cuts(stream)))
    assert story(follow(parts, ZONES, QUICK), parts) == story(follow(whole, ZONES, QUICK), whole)


@law
@given(st.data())
def test_a_restart_after_every_segment_changes_nothing(data: st.DataObject) -> None:
    stream = data.draw(sightings())
    parts = pieces(stream, data.draw(cuts(stream)))
    assert follow(parts, ZONES, QUICK, restarting=True) == follow(parts, ZONES, QUICK)


@law
@given(sightings())
def test_running_twice_writes_the_same_rows(stream: Stream) -> None:
    parts = pieces(stream)
    assert follow(parts, ZONES, QUICK) == follow(parts, ZONES, QUICK)


@law
@given(st.data())
def test_a_hole_between_segments_is_the_same_as_one_inside_a_segment(data: st.DataObject) -> None:
    stream = data.draw(sightings())
    # where footage never comes back, only one that tried to decode it can tell
    assume(all(until < stream.end_at for _, until in stream.missing))
    between, within = pieces(stream), pieces(stream, inside=True)
    assert story(follow(between, ZONES, QUICK), between) == story(follow(within, ZONES, QUICK), within)


@law
@given(sightings(), st.randoms(use_true_random=False))
def test_the_order_of_a_frames_boxes_does_not_matter(stream: Stream, random: object) -> None:
    shots = []
    for shot in stream.shots:
        boxes = None if shot.boxes is None else list(shot.boxes)
        if boxes is not None:
            random.shuffle(boxes)  # type: ignore[attr-defined]
        shots.append(replace(shot, boxes=None if boxes is None else tuple(boxes)))
    parts, shuffled = pieces(stream), pieces(replace(stream, shots=tuple(shots)))
    told, again = follow(parts, ZONES, QUICK), follow(shuffled, ZONES, QUICK)
    assert [part.track_states for part in told] == [part.track_states for part in again]
    assert [part.event_states for part in told] == [part.event_states for part in again]
    assert story(told, parts).boxes == story(again, shuffled).boxes


@law
@given(sightings(), st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)))
def test_moving_the_scene_moves_only_the_coordinates(stream: Stream, by: tuple[int, int]) -> None:
    far = (20_000, 20_000)  # away from the frame's edges, where leaving means something
    here, there = stream.moved(far), stream.moved((far[0] + by[0], far[1] + by[1]))
    zones_here = [_moved(zone, far) for zone in ZONES]
    zones_there = [_moved(zone, by) for zone in zones_here]
    told = story(follow(pieces(here), zones_here, QUICK), pieces(here))
    again = story(follow(pieces(there), zones_there, QUICK), pieces(there))
    assert [_placeless(row, by) for row in told.tracks] == [_placeless(row, (0, 0)) for row in again.tracks]
    assert [_placeless(row, by) for row in told.events] == [_placeless(row, (0, 0)) for row in again.events]


@law
@given(st.data())
def test_a_span_taken_in_halves_gives_what_it_gives_whole(data: st.DataObject) -> None:
    stream = data.draw(sightings())
    parts = pieces(stream, data.draw(cuts(stream)))
    middle = (stream.start_at + stream.end_at) // 2
    told = story(follow(parts, ZONES, QUICK), parts)
    halves = [
        [event for event in told.events if (event["start_at"].timestamp() * 1e6 < middle) is early]  # type: ignore[attr-defined]
        for early in (True, False)
    ]
    assert sorted(map(repr, halves[0] + halves[1])) == sorted(map(repr, told.events))
    cut = pieces(stream, [middle])
    assert story(follow(cut, ZONES, QUICK), cut) == told


def _moved(zone: object, by: tuple[int, int]) -> object:
    points = tuple((x + by[0], y + by[1]) for x, y in zone.points_px)  # type: ignore[attr-defined]
    return replace(zone, points_px=points)  # type: ignore[type-var]


def _placeless(row: dict[str, object], by: tuple[int, int]) -> dict[str, object]:
    """Return the row with its coordinates moved."""
    moved = {}
    for key, value in row.items():
        if key.endswith("_px"):
            moved[key] = value + (by[0] if "_x" in key else by[1])  # type: ignore[operator]
        elif key == "track_ids":
            moved[key] = [(word, start, x + by[0], y + by[1]) for word, start, x, y in value]  # type: ignore[attr-defined]
        else:
            moved[key] = value
    return moved


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.parametrize("rule", ["zone_enter", "zone_dwell", "line_cross", "left_object", "camera_frozen"])
def test_the_laws_are_about_something(rule: str) -> None:
    """A law about nothing would hold too."""

    def makes_one(stream: Stream) -> bool:
        parts = pieces(stream)
        return rule in story(follow(parts, ZONES, QUICK), parts).rules()

    find(sightings(), makes_one, settings=settings(max_examples=500, deadline=None, phases=[Phase.generate]))
