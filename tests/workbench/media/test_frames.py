from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from workbench.media.frames import FeedStats, FrameBatch, FrameLook, Sampling

START_US = 1_772_380_800_000_000


@pytest.mark.parametrize(
    ("text", "name"), [("2", "2 fps"), (" 0.5 FPS", "0.5 fps"), ("keyframes", "keyframes"), ("ALL", "all")]
)
def test_a_sampling_is_read_and_named(text: str, name: str) -> None:
    assert Sampling.parse(text).name == name
    assert Sampling.parse(name) == Sampling.parse(text)


@pytest.mark.parametrize("text", ["", "fast", "-2", "0", "nan", "inf", "1e9"])
def test_an_impossible_sampling_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Sampling.parse(text)


@st.composite
def rhythms(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    steps = draw(st.lists(st.integers(1_000, 900_000), min_size=2, max_size=60))
    start = START_US + draw(st.integers(0, 3_000_000))
    ticks = start + np.concatenate([[0], np.cumsum(steps)])
    return ticks[:-1].astype(np.int64), int(ticks[-1])


@given(rhythms(), st.sampled_from(["0.5", "1", "2", "3", "5", "29.97"]), st.data())
def test_how_footage_is_cut_does_not_change_which_frames_are_looked_at(
    rhythm: tuple[np.ndarray, int], rate: str, data: st.DataObject
) -> None:
    seen_at, end_at = rhythm
    cut = data.draw(st.integers(1, len(seen_at) - 1)) if len(seen_at) > 1 else 0
    sampling, key = Sampling.parse(rate), np.zeros(len(seen_at), bool)
    whole = seen_at[sampling.choose(seen_at, key, end_at)]
    if not cut:
        return
    left, right = seen_at[:cut], seen_at[cut:]
    parts = np.concatenate(
        [
            left[sampling.choose(left, key[:cut], int(right[0]))],
            right[sampling.choose(right, key[cut:], end_at)],
        ]
    )
    # a part too short for one step still gives its first frame, and the standing frame is cut off at the seam
    assert set(whole) <= set(parts) | {left[-1]}
    assert set(parts) - set(whole) <= {left[0], right[0]}


@given(rhythms())
def test_a_chosen_frame_is_the_one_that_stands_at_its_instant(rhythm: tuple[np.ndarray, int]) -> None:
    seen_at, end_at = rhythm
    rows = Sampling.parse("2").choose(seen_at, np.zeros(len(seen_at), bool), end_at)
    instants = [at for at in range(-(-int(seen_at[0]) // 500_000) * 500_000, end_at, 500_000)]
    standing = sorted({max(row for row, at in enumerate(seen_at) if at <= instant) for instant in instants})
    assert rows.tolist() == (standing or [0])


def test_key_frames_and_all_frames_are_chosen_as_they_are() -> None:
    seen_at, key = np.arange(10) * 1000, np.arange(10) % 4 == 0
    assert Sampling.parse("keyframes").choose(seen_at, key, 10_000).tolist() == [0, 4, 8]
    assert Sampling.parse("all").choose(seen_at, key, 10_000).tolist() == list(range(10))
    assert Sampling.parse("2").choose(seen_at[:0], key[:0], 0).tolist() == []


def test_a_batch_checks_its_shapes_and_may_be_empty() -> None:
    none = np.zeros(0, np.int64)
    assert len(FrameBatch("seg", none, none, np.zeros((0, 4, 6, 3), np.uint8), (6, 4))) == 0
    with pytest.raises(ValueError, match="seen_at"):
        FrameBatch("seg", none, none, np.zeros((1, 4, 6, 3), np.uint8), (6, 4))


def test_a_held_frame_has_no_detections() -> None:
    stats = FeedStats(0, 0, 0, 0, np.zeros((18, 32), np.uint8))
    FrameLook(0, 0, True, stats, None)
    with pytest.raises(ValueError, match="held"):
        FrameLook(0, 0, False, stats, None)
