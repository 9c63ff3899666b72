"""Complaints about feeds, from made scenes rendered to real video files."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from catalog.spans import from_us
from tests.strategies import Shot, Story, Stream, at, follow, pieces, story
from tests.synthetic import Encoding, Episode, EpisodeKind, Scene, render, street
from workbench.media.feed_stats import feed_stats, luma_160x90
from workbench.media.frames import Sampling

SAMPLED_HZ = 2.0
ONSET_S, END_S, DURATION_S = 40.0, 75.0, 100.0


def watched(path: Path) -> Story:
    """Return what a run that finds nothing in the pictures tells about the feed in a file."""
    shots, previous, due_s = [], None, 0.0
    with av.open(str(path)) as footage:
        for frame in footage.decode(video=0):
            if frame.time < due_s - 1e-6:
                continue
            due_s += 1 / SAMPLED_HZ
            luma = luma_160x90(frame.to_ndarray(format="rgb24"))
            shots.append(Shot(at(frame.time), (), feed_stats(luma, previous)))
            previous = luma
    parts = pieces(Stream(tuple(shots), at(DURATION_S)), [at(25), at(50)])
    assert Sampling.parse("2").fps == SAMPLED_HZ
    return story(follow(parts), parts)


def scene_with(kind: EpisodeKind | None, **scene: object) -> Scene:
    episodes = () if kind is None else (Episode(kind, ONSET_S, END_S),)
    return street(DURATION_S, 5.0, episodes=episodes, **scene)


@pytest.mark.parametrize("kind", ["dark", "blurred", "moved", "frozen"])
def test_what_a_camera_suffers_is_the_one_complaint(kind: EpisodeKind, tmp_path: Path) -> None:
    (event,) = watched(render(scene_with(kind), tmp_path / "scene.mp4")).events
    assert event["rule"] == f"camera_{kind}"
    assert abs((event["start_at"] - from_us(at(ONSET_S))).total_seconds()) <= 4  # type: ignore[operator]
    assert abs((event["end_at"] - from_us(at(END_S))).total_seconds()) <= 1  # type: ignore[operator]


@pytest.mark.parametrize("noise", [0.5, 2.0, 6.0])
def test_a_camera_that_suffers_nothing_makes_no_complaint(noise: float, tmp_path: Path) -> None:
    assert watched(render(scene_with(None, noise=noise), tmp_path / "scene.mp4")).events == []


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_an_empty_street_at_night_is_not_frozen(noise: float, tmp_path: Path) -> None:
    empty = Scene((), DURATION_S, 5.0, noise=noise, numbered=False)
    assert watched(render(empty, tmp_path / "scene.mp4", Encoding())).events == []
