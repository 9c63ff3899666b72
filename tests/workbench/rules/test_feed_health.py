from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog.spans import from_us
from tests.strategies import Story, Stream, at, follow, made_stats, pieces, standing, story, stream_of
from workbench.media.frames import FeedStats
from workbench.rules.feed_health import FeedHealthConfig
from workbench.rules.follow import FollowConfig
from workbench.rules.rule_set import RulesConfig


def healthy(at_s: float) -> FeedStats:
    return made_stats(round(at_s * 1000))


def feed(stats: object, duration_s: float, rate_hz: float = 2.0, cut_s: float = 10.0) -> Story:
    """Return what a run tells about a feed without anything in it, in segments of `cut_s` seconds."""
    stream = stream_of(lambda _: [], duration_s, rate_hz, stats)  # type: ignore[arg-type]
    return tell(stream, [at(cut_s * number) for number in range(1, int(duration_s / cut_s))])


def tell(stream: Stream, cuts: list[int], config: FollowConfig | None = None) -> Story:
    parts = pieces(stream, cuts)
    return story(follow(parts, config=config), parts)


def during(trouble: dict[str, float], from_s: float, until_s: float) -> object:
    return lambda at_s: replace(healthy(at_s), **trouble) if from_s <= at_s < until_s else healthy(at_s)


DARK = {"luma_mean": 6.0, "luma_std": 2.0, "sharpness": 3.0, "signature": np.full((18, 32), 3, np.uint8)}
BLURRED = {"sharpness": 60.0}


def test_a_healthy_feed_makes_no_complaint() -> None:
    assert feed(healthy, 200).events == []


@pytest.mark.parametrize(("trouble", "rule"), [(DARK, "camera_dark"), (BLURRED, "camera_blurred")])
@pytest.mark.parametrize("rate_hz", [0.5, 2.0, 5.0])
def test_trouble_is_dated_to_its_onset_and_ends_by_itself(
    trouble: dict[str, float], rule: str, rate_hz: float
) -> None:
    (event,) = feed(during(trouble, 40, 60), 90, rate_hz).events
    assert (event["rule"], event["start_at"], event["closed_by"]) == (rule, from_us(at(40)), "left")
    assert from_us(at(58)) <= event["end_at"] < from_us(at(60))  # type: ignore[operator]
    assert event["evidence_at"] == at(40)


@pytest.mark.parametrize(("trouble", "seconds"), [(DARK, 4), (BLURRED, 8)], ids=["dark", "blurred"])
def test_short_trouble_is_none(trouble: dict[str, float], seconds: float) -> None:
    assert feed(during(trouble, 40, 40 + seconds), 90).events == []


def test_trouble_that_goes_on_has_no_end() -> None:
    (event,) = feed(during(DARK, 40, 1000), 90).events
    assert (event["end_at"], event["closed_by"]) == (None, None)


def test_one_better_picture_in_between_does_not_make_two_events() -> None:
    def flicker(at_s: float) -> FeedStats:
        return replace(healthy(at_s), **DARK) if 40 <= at_s < 70 and at_s != 50 else healthy(at_s)

    (event,) = feed(flicker, 90).events
    assert event["start_at"] == from_us(at(40))


def test_a_night_with_street_lamps_is_not_dark() -> None:
    assert feed(during({"luma_mean": 14.0, "luma_std": 20.0}, 40, 80), 90).of("camera_dark") == []


def test_a_scene_that_loses_its_light_is_not_blurred() -> None:
    dusk = {"luma_mean": 50.0, "luma_std": 20.0, "sharpness": 125.0}
    assert feed(during(dusk, 40, 80), 90).of("camera_blurred") == []


def turned(at_s: float) -> FeedStats:
    stats = healthy(at_s)
    return replace(stats, signature=np.roll(stats.signature, (7, 13), axis=(0, 1))[::-1].copy())


def test_a_camera_that_is_turned_has_moved() -> None:
    (event,) = feed(lambda at_s: turned(at_s) if at_s >= 40 else healthy(at_s), 90).events
    assert (event["rule"], event["start_at"], event["end_at"]) == ("camera_moved", from_us(at(40)), None)


def test_a_camera_that_is_turned_back_has_moved_for_as_long() -> None:
    (event,) = feed(lambda at_s: turned(at_s) if 40 <= at_s < 60 else healthy(at_s), 90).events
    assert (event["end_at"], event["closed_by"]) == (from_us(at(59.5)), "left")


def test_something_that_fills_the_picture_in_passing_moves_no_camera() -> None:
    assert feed(lambda at_s: turned(at_s) if 40 <= at_s < 44 else healthy(at_s), 90).events == []


def test_a_new_view_becomes_the_usual_one_in_the_end() -> None:
    tale = feed(lambda at_s: turned(at_s) if at_s >= 40 else healthy(at_s), 1000, 1.0, 60)
    (event,) = tale.events
    assert event["closed_by"] == "left"
    assert from_us(at(630)) <= event["end_at"] <= from_us(at(645))  # type: ignore[operator]


def test_a_camera_moved_while_nobody_looked_is_found_out() -> None:
    stream = stream_of(lambda _: [], 90, 2, lambda at_s: turned(at_s) if at_s >= 40 else healthy(at_s))
    (event,) = tell(replace(stream, missing=((at(30), at(50)),)), []).events
    assert (event["rule"], event["start_at"]) == ("camera_moved", from_us(at(50)))


def test_a_feed_that_shows_the_same_picture_again_and_again_is_frozen() -> None:
    tale = feed(lambda at_s: made_stats(7) if 40 <= at_s < 70 else healthy(at_s), 90)
    (event,) = tale.of("camera_frozen")
    assert from_us(at(40)) <= event["start_at"] <= from_us(at(41))  # type: ignore[operator]
    assert (event["end_at"], event["closed_by"]) == (from_us(at(69.5)), "left")


def encoded_again(at_s: float) -> FeedStats:
    """Return a frozen picture that was encoded again: it trembles at every key frame, always in the same way."""
    return made_stats(round(at_s * 2) % 4)


def test_a_frozen_feed_that_was_encoded_again_is_frozen_all_the_same() -> None:
    tale = feed(lambda at_s: encoded_again(at_s) if at_s >= 40 else healthy(at_s), 90)
    assert len(tale.of("camera_frozen")) == 1


def quiet(at_s: float) -> FeedStats:
    """Return a still night: nothing between key frames, noise at each, another every time."""
    return made_stats(1_000_000 + round(at_s) // 10)


def test_a_quiet_night_is_not_frozen() -> None:
    assert feed(quiet, 300, cut_s=60).events == []


def test_black_pictures_are_dark_and_not_frozen() -> None:
    black = FeedStats(0.0, 0.0, 0.0, 0.0, np.zeros((18, 32), np.uint8))
    assert feed(lambda _: black, 90).rules() == ["camera_dark"]


def test_nobody_stays_in_a_frozen_picture() -> None:
    stream = stream_of(
        lambda _: [standing(600, 400)], 120, 2, lambda at_s: made_stats(7) if at_s >= 20 else healthy(at_s)
    )
    tale = tell(stream, [at(60)])
    (track,) = tale.tracks
    assert track["closed_by"] == "gap"
    assert track["end_at"] < from_us(at(45))  # type: ignore[operator]


def test_missing_footage_ends_a_complaint() -> None:
    stream = stream_of(lambda _: [], 90, 2, during(DARK, 40, 1000))  # type: ignore[arg-type]
    first, second = sorted(
        tell(replace(stream, missing=((at(60), at(70)),)), []).events, key=lambda event: str(event["start_at"])
    )
    assert (first["end_at"], first["closed_by"]) == (from_us(at(59.5)), "gap")
    assert (second["start_at"], second["end_at"]) == (from_us(at(70)), None)


def test_every_patience_is_a_setting() -> None:
    hasty = FollowConfig(rules=RulesConfig(feed_health=FeedHealthConfig(dark_after_s=1.0)))
    stream = stream_of(lambda _: [], 60, 2, during(DARK, 40, 43))  # type: ignore[arg-type]
    assert len(tell(stream, [], hasty).events) == 1
