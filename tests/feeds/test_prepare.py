"""A feed is prepared once, as long as wanted, and every picture says its media time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from apps.feeds.burnt_time import read
from apps.feeds.prepare import prepare_feed
from catalog.errors import BadInput, UnreadableFootage
from tests.synthetic import numbers, render, street


def frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_every_picture_says_its_media_time(tmp_path):
    path = prepare_feed(None, tmp_path / "street.mp4", width_px=416, fps=15, gop_s=1, seconds=3)
    seen = frames(path)
    assert len(seen) == 45
    assert [read(frame.to_ndarray(format="rgb24")) for frame in seen] == [
        round(1000 * frame.time) for frame in seen
    ]


def test_groups_of_pictures_are_closed_and_even(tmp_path):
    path = prepare_feed(None, tmp_path / "street.mp4", width_px=320, fps=10, gop_s=0.8, seconds=4)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert not stream.codec_context.has_b_frames
        keys = [
            round(packet.pts * packet.time_base * 10) for packet in container.demux(stream) if packet.is_keyframe
        ]
    assert keys == [0, 8, 16, 24, 32]


def test_its_length_is_a_whole_number_of_groups(tmp_path):
    path = prepare_feed(None, tmp_path / "street.mp4", width_px=320, fps=10, gop_s=2, seconds=4.5)
    assert len(frames(path)) == 60


def test_a_short_clip_is_repeated(tmp_path):
    clip = render(street(duration_s=1.0, fps=10), tmp_path / "clip.mp4")
    path = prepare_feed(clip, tmp_path / "feed.mp4", width_px=320, fps=10, gop_s=1, seconds=3)
    seen = [frame.to_ndarray(format="rgb24") for frame in frames(path)]
    # the clip's own numbers stand in the rows the burnt-in time covers in part: their lower edge is left
    assert len(seen) == 30
    assert np.abs(seen[3][20:].astype(int) - seen[13][20:].astype(int)).mean() < 3
    assert np.abs(seen[3][20:].astype(int) - seen[8][20:].astype(int)).mean() > 3
    assert set(numbers(seen)) == {None}


def test_a_slower_feed_shows_the_clip_at_its_own_speed(tmp_path):
    clip = render(street(duration_s=4.0, fps=20, numbered=False, noise=0), tmp_path / "clip.mp4")
    slow = prepare_feed(clip, tmp_path / "slow.mp4", width_px=320, fps=5, gop_s=1, seconds=4)
    original, feed = frames(clip), frames(slow)
    for number in (4, 10, 19):
        there = original[number * 4].to_ndarray(format="rgb24")[20:].astype(int)
        assert np.abs(there - feed[number].to_ndarray(format="rgb24")[20:]).mean() < 3


def test_variants_show_different_scenes_under_the_same_times(tmp_path):
    made = [
        prepare_feed(None, tmp_path / f"{k}.mp4", width_px=320, fps=5, gop_s=1, seconds=1, variant=k, caption="x")
        for k in (0, 1, 2)
    ]
    first = [frames(path)[2].to_ndarray(format="rgb24") for path in made]
    assert {read(picture) for picture in first} == {400}
    assert all(np.abs(first[0].astype(int) - other).mean() > 3 for other in first[1:])


def test_a_feed_that_is_there_is_taken_as_it_is(tmp_path):
    asked = {"width_px": 320, "fps": 5, "gop_s": 1, "seconds": 1}
    first = prepare_feed(None, tmp_path / "street.mp4", **asked).stat()
    again = prepare_feed(None, tmp_path / "street.mp4", **asked).stat()
    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)


def test_a_feed_made_otherwise_is_made_anew(tmp_path):
    asked = {"width_px": 320, "fps": 5, "gop_s": 1}
    prepare_feed(None, tmp_path / "street.mp4", seconds=1, **asked)
    assert len(frames(prepare_feed(None, tmp_path / "street.mp4", seconds=2, **asked))) == 10


@pytest.mark.parametrize(
    "wrong", [{"width_px": 321}, {"fps": 0}, {"gop_s": 0}, {"seconds": -1}, {"variant": -1}],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_an_impossible_feed_is_refused(tmp_path, wrong):
    with pytest.raises(BadInput, match=r"street\.mp4"):
        prepare_feed(
            None, tmp_path / "street.mp4", **{"width_px": 320, "fps": 5, "gop_s": 1, "seconds": 1, **wrong}
        )


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableFootage, match=r"nowhere\.mp4 is not there"):
        prepare_feed(tmp_path / "nowhere.mp4", tmp_path / "feed.mp4", width_px=320, fps=5, gop_s=1, seconds=1)
