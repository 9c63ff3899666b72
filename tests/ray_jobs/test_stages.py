"""The stages in this process: what a segment shows, and how crashing footage is told from footage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.client import open_door
from catalog.footage import Segment
from catalog.home import Home
from catalog.observations import Run
from catalog.reader import Reader
from ray_jobs.known import Site, load_site
from ray_jobs.lanes import Step
from ray_jobs.stages import MOST_ATTEMPTS, Attempts, Detect, Follow, Looked, MemoryMissing
from tests.ray_jobs.made_job import ACCESS, CAMERA_ID, CONFIG, START_AT, clock, home_with_camera
from workbench.media.importing import import_footage


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, yolox_weights: Path) -> Home:
    return home_with_camera(tmp_path_factory.mktemp("stages"), yolox_weights)


@pytest.fixture(scope="module")
def site(home: Home) -> Site:
    with open_door(home) as door, Reader(home, ACCESS, door) as reader:
        return load_site(reader, CAMERA_ID, home.time_zone)


@pytest.fixture(scope="module")
def segments(home: Home, site: Site, bikes_footage: Path) -> tuple[Segment, ...]:
    """Return real footage cut short: several segments of a few seconds."""
    imported = import_footage(
        bikes_footage, camera_id=CAMERA_ID, mounting_id=site.mountings[0].mounting_id, home_root=home.root,
        footage_dir=home.footage_dir, start_at=START_AT, max_segment_s=4.0,
    )  # fmt: skip
    with open_door(home) as door:
        door.add_footage(ACCESS, imported.segments, imported.gaps)
    return imported.segments


@pytest.fixture(scope="module")
def detect(home: Home) -> Detect:
    return Detect(home, ACCESS, CONFIG)


@pytest.fixture(scope="module")
def looked(detect: Detect, segments: tuple[Segment, ...]) -> list[Looked]:
    return [detect.process(segment) for segment in segments]


@pytest.fixture(scope="module")
def run(home: Home, site: Site) -> Run:
    run = Run("run_1", "index", CAMERA_ID, ACCESS.purpose, None, "1", "c", "w", clock(), ACCESS.actor)
    with open_door(home) as door:
        return door.start_run(ACCESS, run)


def test_every_sampled_frame_has_stats_and_looked_at_ones_have_detections(looked: list[Looked]):
    for seen in looked:
        assert seen.looks
        assert not seen.looks[0].held
        assert all((look.detections is None) == look.held for look in seen.looks)
        assert [look.pts for look in seen.looks] == sorted({look.pts for look in seen.looks})


def test_looking_again_gives_the_same(detect: Detect, segments: tuple[Segment, ...], looked: list[Looked]):
    again = detect.process(segments[0])
    for one, two in zip(again.looks, looked[0].looks, strict=True):
        assert (one.pts, one.held) == (two.pts, two.held)
        if one.detections is not None and two.detections is not None:
            assert one.detections.xyxy_px.tobytes() == two.detections.xyxy_px.tobytes()


def test_a_segment_over_which_workers_keep_dying_becomes_a_gap(
    home: Home, detect: Detect, segments: tuple[Segment, ...]
):
    attempts = Attempts(home, segments[0])
    for _ in range(MOST_ATTEMPTS):
        attempts.__enter__()  # a worker begins, and is never heard of again
    seen = detect.process(segments[0])
    attempts.__exit__()
    assert (seen.looks, len(seen.gaps)) == ((), 1)
    assert "workers died" in seen.gaps[0].detail


def test_an_attempt_that_comes_back_is_forgotten(home: Home, segments: tuple[Segment, ...]):
    with Attempts(home, segments[0]) as attempts:
        assert attempts.count == 1
    assert attempts.count == 0


def test_a_segment_whose_file_is_gone_becomes_a_gap(detect: Detect, segments: tuple[Segment, ...]):
    seen = detect.process(replace(segments[0], uri="footage/nowhere.mp4"))
    assert "cannot be read" in seen.gaps[0].detail


def test_a_follower_that_came_back_goes_on_from_the_catalog(
    home: Home, site: Site, run: Run, segments: tuple[Segment, ...], looked: list[Looked]
):
    steps = [Step(segment, previous) for segment, previous in zip(segments, (None, *segments), strict=False)]
    one = Follow(home, ACCESS, run, site, CONFIG)
    whole = one.process(steps, *looked)
    another = Follow(home, ACCESS, run, site, CONFIG)
    assert another.process(steps[1:], *looked[1:]) == whole[1:]


def test_a_memory_the_catalog_does_not_hold_is_asked_for(
    home: Home, site: Site, run: Run, segments: tuple[Segment, ...], looked: list[Looked]
):
    lost = replace(run, run_id="run_2")
    with open_door(home) as door:
        door.start_run(ACCESS, lost)
    with pytest.raises(MemoryMissing, match=segments[0].segment_id):
        Follow(home, ACCESS, lost, site, CONFIG).process([Step(segments[1], segments[0])], looked[1])


def test_footage_that_lies_before_what_was_followed_is_followed_on_its_own(
    home: Home, site: Site, run: Run, segments: tuple[Segment, ...], looked: list[Looked]
):
    alone = replace(run, run_id="run_3")
    with open_door(home) as door:
        door.start_run(ACCESS, alone)
    follow = Follow(home, ACCESS, alone, site, CONFIG)
    follow.process([Step(segments[1], None)], looked[1])
    (followed,) = follow.process([Step(segments[0], segments[1])], looked[0])
    assert followed.analysis.segment_id == segments[0].segment_id


def test_either_decoder_shows_the_same_frames(home: Home, segments: tuple[Segment, ...], looked: list[Looked]):
    by_decord = Detect(home, ACCESS, replace(CONFIG, decoder="decord")).process(segments[0])
    assert [(look.pts, look.seen_at) for look in by_decord.looks] == [
        (look.pts, look.seen_at) for look in looked[0].looks
    ]
