from __future__ import annotations

import numpy as np
import pytest

from tests.synthetic import Scene, street, troubled_camera
from workbench.media.feed_stats import feed_stats, luma_160x90
from workbench.media.frames import FeedStats
from workbench.media.gate import HOLD_BELOW, LumaGate


def stats_at(scene: Scene, at_s: float, before_s: float | None = None) -> FeedStats:
    def luma(instant_s: float) -> np.ndarray:
        return luma_160x90(scene.draw(round(instant_s * scene.fps), instant_s))

    return feed_stats(luma(at_s), None if before_s is None else luma(before_s))


def test_dark_blurred_moved_and_frozen_show_in_the_numbers() -> None:
    scene = troubled_camera()
    usual = stats_at(scene, 5.0, 4.8)
    dark, blurred, moved = (stats_at(scene, at_s) for at_s in (12.0, 22.0, 32.0))
    assert dark.luma_mean < 20 < usual.luma_mean
    assert blurred.sharpness < usual.sharpness / 5
    signature = usual.signature.astype(int)
    assert (
        np.abs(moved.signature - signature).mean() > 5 * np.abs(stats_at(scene, 8.0).signature - signature).mean()
    )
    assert stats_at(scene, 42.0, 41.8).change == 0.0 < usual.change


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (416, 234), (64, 36)])
def test_a_picture_of_any_size_becomes_luma_of_one_size(size: tuple[int, int]) -> None:
    rgb = np.full((size[1], size[0], 3), (255, 0, 0), np.uint8)
    luma = luma_160x90(rgb)
    assert luma.shape == (90, 160)
    assert luma.dtype == np.uint8
    assert abs(int(luma.mean()) - 76) <= 1


def test_the_signature_says_where_edges_are_not_how_bright_it_is() -> None:
    luma = luma_160x90(Scene(noise=0).draw(0, 0.0))
    dimmed = (luma * 0.7).astype(np.uint8)
    one, other = feed_stats(luma, None).signature, feed_stats(dimmed, None).signature
    assert one.shape == (18, 32)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.98


def test_a_still_street_is_held_and_a_walker_is_not() -> None:
    still, busy = Scene(noise=3.0, numbered=False), street(noise=3.0, numbered=False)
    for scene, held_share in ((still, 1.0), (busy, 0.0)):
        gate = LumaGate(HOLD_BELOW)
        verdicts = [gate.judge(luma_160x90(scene.draw(number, number / 2))) for number in range(15)]
        assert verdicts[0] is False
        assert np.mean(verdicts[1:]) == held_share


def test_slow_change_is_not_held_for_ever() -> None:
    gate = LumaGate(HOLD_BELOW)
    verdicts = [gate.judge(np.full((90, 160), level, np.uint8)) for level in range(100, 140)]
    assert 5 <= verdicts.count(False) <= 10


def test_a_gate_without_threshold_looks_at_everything() -> None:
    gate = LumaGate(None)
    assert [gate.judge(np.zeros((90, 160), np.uint8)) for _ in range(3)] == [False] * 3
