"""The time in a picture comes through an encoder and a scaler, and is never guessed."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.feeds.burnt_time import CELL_HEIGHT_RATIO, LATEST_MS, ROWS, Picture, burn, in_words, read
from apps.feeds.made_scene import draw

TIMES_MS = st.integers(0, LATEST_MS)
NOON_MS = 1_772_452_800_123


def through_h264(picture: Picture, crf: int) -> Picture:
    """Return the picture as it comes out of an encoder."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=10, options={"crf": str(crf), "preset": "veryfast"})
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def scaled(picture: Picture, width_px: int) -> Picture:
    height_px = round(width_px * picture.shape[0] / picture.shape[1] / 2) * 2
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(width_px, height_px).to_ndarray()


@settings(max_examples=25, deadline=None)
@given(TIMES_MS, st.sampled_from([320, 640, 1280]))
def test_what_is_burnt_in_is_read(time_ms, width_px):
    assert read(burn(draw(1.0, width_px), time_ms, "street")) == time_ms


@settings(max_examples=15, deadline=None)
@given(TIMES_MS)
def test_it_survives_h264_and_scaling_to_416_px(time_ms):
    assert read(scaled(through_h264(burn(draw(1.0, 640), time_ms), 28), 416)) == time_ms


@settings(max_examples=25, deadline=None)
@given(TIMES_MS, st.floats(0, 0.2), st.floats(0, 0.9))
def test_it_may_stand_elsewhere_in_the_picture(time_ms, left, top):
    picture = burn(draw(1.0, 640), time_ms, left_ratio=left, top_ratio=top)
    assert read(picture, left_ratio=left, top_ratio=top) == time_ms


def test_brightness_alone_carries_it():
    picture = np.full((180, 320), 90, np.uint8)
    assert read(burn(picture, NOON_MS, "clock")) == NOON_MS


@settings(max_examples=60, deadline=None)
@given(TIMES_MS, st.integers(0, ROWS - 1), st.integers(0, 33))
def test_a_cell_gone_wrong_is_no_other_time(time_ms, row, column):
    picture = burn(draw(1.0, 640), time_ms)
    height, width = picture.shape[:2]
    cell = (
        slice(round(row * CELL_HEIGHT_RATIO * height), round((row + 1) * CELL_HEIGHT_RATIO * height)),
        slice(round(column * 0.01 * width), round((column + 1) * 0.01 * width)),
    )
    picture[cell] = 255 - picture[cell]
    assert read(picture) is None


@pytest.mark.parametrize("level", [0, 60, 128, 255])
def test_a_picture_without_a_code_has_no_time(level):
    assert read(np.full((180, 320, 3), level, np.uint8)) is None


def test_noise_has_no_time():
    dice = np.random.default_rng(0)
    assert {read(dice.integers(0, 256, (180, 320, 3), np.uint8)) for _ in range(200)} == {None}


def test_a_picture_too_small_for_the_place_has_no_time():
    assert read(np.zeros((4, 4, 3), np.uint8), left_ratio=0.9) is None


def test_it_takes_no_more_than_six_hundredths_of_the_height():
    before = draw(1.0, 640)
    after = burn(before.copy(), NOON_MS, "street")
    changed = np.flatnonzero((before != after).any(axis=(1, 2)))
    assert changed.max() < 0.06 * before.shape[0]


def test_a_time_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="cannot be burnt in"):
        burn(draw(0.0, 320), LATEST_MS + 1)


@pytest.mark.parametrize(
    ("time_ms", "words"),
    [
        (61_005, "00:01:01.005"),
        (90_000_000, "1d 01:00:00.000"),
        (NOON_MS, "2026-03-02 12:00:00.123Z"),
    ],
    ids=["of a clip", "of a long clip", "of the day"],
)
def test_people_read_the_same_time(time_ms, words):
    assert in_words(time_ms) == words
