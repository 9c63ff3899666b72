"""The detector: people and vehicles on real footage, boxes in native pixels, whatever the batch."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from catalog.errors import AssetError, BadInput
from catalog.observations import LABELS, Detections
from workbench.media.frames import FrameBatch
from workbench.vision.detector import CPU_BATCH, Detector
from workbench.vision.detector_config import DetectorConfig

RIDER_FRAMES = range(110, 136, 5)
"""Frames of the clip in which a man stands astride his bicycle, beside a parked motorcycle."""


@pytest.fixture(scope="module")
def detector(yolox_weights: Path) -> Detector:
    return Detector.load(yolox_weights, DetectorConfig())


@pytest.fixture(scope="module")
def riders(bikes_footage: Path, detector: Detector) -> FrameBatch:
    return decoded(bikes_footage, RIDER_FRAMES, detector)


def decoded(path: Path, indexes: range, detector: Detector) -> FrameBatch:
    with av.open(str(path)) as container:
        frames = [frame for index, frame in enumerate(container.decode(video=0)) if index in indexes]
    native = (frames[0].width, frames[0].height)
    width, height = detector.input_wh_px(native)
    rgb = np.stack([frame.reformat(width, height, "rgb24").to_ndarray() for frame in frames])
    return batch_of(rgb, native)


def batch_of(rgb: np.ndarray, native: tuple[int, int]) -> FrameBatch:
    ticks = np.arange(len(rgb), dtype=np.int64)
    return FrameBatch("seg_test", ticks * 512, ticks * 40_000, rgb, native)


def labels_above(seen: Detections, confidence: float) -> set[str]:
    return {LABELS[index] for index in seen.class_index[seen.confidence > confidence]}


def assert_same(first: Detections, second: Detections, scale: float = 1.0) -> None:
    assert first.class_index.tolist() == second.class_index.tolist()
    assert np.allclose(first.confidence, second.confidence, atol=1e-4)
    assert np.allclose(first.xyxy_px * scale, second.xyxy_px, atol=0.05)
    assert first.colour.tolist() == second.colour.tolist()


def test_a_rider_and_his_bicycle_are_both_found(detector: Detector, riders: FrameBatch):
    for seen in detector(riders):
        assert {"person", "bicycle"} <= labels_above(seen, 0.5)


def test_boxes_lie_where_the_things_are(detector: Detector, riders: FrameBatch):
    """Read off the still by eye: the rider spans x 367..490 of 640 px, his bicycle x 377..512, y 150..272."""
    seen = detector(riders)[0]
    person, bicycle = (seen.xyxy_px[seen.class_index == LABELS.index(label)][0] for label in ("person", "bicycle"))
    assert np.allclose(person[[0, 2]], [367, 490], atol=15)
    assert np.allclose(bicycle, [377, 150, 512, 272], atol=15)


def test_every_detection_is_within_the_frame_and_the_best_comes_first(detector: Detector, riders: FrameBatch):
    for seen in detector(riders):
        assert (seen.xyxy_px >= 0).all()
        assert (seen.xyxy_px[:, [0, 2]] <= riders.frame_wh_px[0]).all()
        assert (seen.xyxy_px[:, [1, 3]] <= riders.frame_wh_px[1]).all()
        assert (seen.xyxy_px[:, 2:] > seen.xyxy_px[:, :2]).all()
        assert (np.diff(seen.confidence) <= 0).all()
        assert (seen.confidence >= detector.config.min_confidence).all()


def test_each_frame_keeps_its_address(detector: Detector, riders: FrameBatch):
    found = detector(riders)
    assert [seen.pts for seen in found] == riders.pts.tolist()
    assert [seen.seen_at for seen in found] == riders.seen_at.tolist()
    assert {seen.segment_id for seen in found} == {riders.segment_id}


def test_how_frames_are_batched_does_not_change_what_is_found(detector: Detector, riders: FrameBatch):
    many = batch_of(np.concatenate([riders.rgb] * 3)[: CPU_BATCH * 2 + 1], riders.frame_wh_px)
    whole = detector(many)
    for index in (0, CPU_BATCH - 1, CPU_BATCH, CPU_BATCH * 2):
        alone = detector(batch_of(many.rgb[index : index + 1], many.frame_wh_px))[0]
        assert_same(whole[index], alone)


def test_the_same_batch_twice_gives_the_same_bits(detector: Detector, riders: FrameBatch):
    for first, second in zip(detector(riders), detector(riders), strict=True):
        assert first.xyxy_px.tobytes() == second.xyxy_px.tobytes()
        assert first.confidence.tobytes() == second.confidence.tobytes()


def test_native_size_moves_only_the_coordinates(detector: Detector, riders: FrameBatch):
    width, height = riders.frame_wh_px
    doubled = replace(riders, frame_wh_px=(2 * width, 2 * height))
    for small, large in zip(detector(riders), detector(doubled), strict=True):
        assert_same(small, large, scale=2)


def test_filling_up_to_the_grid_is_what_yolox_was_trained_with(detector: Detector, riders: FrameBatch):
    count, height, width = riders.rgb.shape[:3]
    assert height % 32
    padded = np.full((count, -(-height // 32) * 32, width, 3), 114, np.uint8)
    padded[:, :height] = riders.rgb
    native = riders.frame_wh_px[0], round(riders.frame_wh_px[0] * padded.shape[1] / width)
    for ours, by_hand in zip(detector(riders), detector(batch_of(padded, native)), strict=True):
        strong = slice(0, int((ours.confidence > 0.5).sum()))
        assert ours.class_index[strong].tolist() == by_hand.class_index[strong].tolist()
        assert np.allclose(ours.xyxy_px[strong, :3:2], by_hand.xyxy_px[strong, :3:2], atol=1)


def test_an_empty_road_gives_frames_without_boxes(detector: Detector):
    found = detector(batch_of(np.full((2, 234, 416, 3), 120, np.uint8), (1920, 1080)))
    assert [len(seen) for seen in found] == [0, 0]


def test_no_frames_give_no_detections(detector: Detector):
    assert detector(batch_of(np.zeros((0, 234, 416, 3), np.uint8), (1920, 1080))) == []


def test_a_view_into_a_larger_array_is_read_as_it_stands(detector: Detector, riders: FrameBatch):
    mirrored = batch_of(riders.rgb[:, :, ::-1], riders.frame_wh_px)
    copied = batch_of(riders.rgb[:, :, ::-1].copy(), riders.frame_wh_px)
    for view, copy in zip(detector(mirrored), detector(copied), strict=True):
        assert_same(view, copy)


def test_frames_that_may_not_be_written_are_read_all_the_same(detector: Detector, riders: FrameBatch):
    rgb = np.zeros((1, 256, 416, 3), np.uint8)
    rgb.flags.writeable = False
    assert len(detector(batch_of(rgb, (416, 256)))) == 1


@pytest.mark.parametrize(
    ("native", "decoded_at"),
    [
        pytest.param((1920, 1080), (416, 234), id="full HD"),
        pytest.param((800, 600), (416, 312), id="4:3"),
        pytest.param((1080, 1920), (234, 416), id="upright"),
        pytest.param((352, 288), (416, 340), id="smaller than the network's picture"),
        pytest.param((4000, 10), (416, 2), id="a strip"),
    ],
)
def test_frames_are_asked_for_with_their_aspect_kept(detector: Detector, native, decoded_at):
    assert detector.input_wh_px(native) == decoded_at


@pytest.mark.parametrize(
    "setting",
    [{"min_confidence": 0.0}, {"nms_iou": 1.0}, {"input_width_px": 16}, {"half": True}],
    ids=lambda setting: next(iter(setting)),
)
def test_settings_that_cannot_work_are_refused(setting):
    with pytest.raises(BadInput):
        DetectorConfig(**setting)


@pytest.mark.parametrize("device", ["gpu", "cuda:97"])
def test_a_device_that_is_not_there_is_named(yolox_weights: Path, device: str):
    with pytest.raises(BadInput, match=f"device '{device}' is"):
        Detector.load(yolox_weights, DetectorConfig(device=device))


def test_weights_other_than_the_settings_name_are_refused(yolox_weights: Path):
    with pytest.raises(AssetError, match="asked for was"):
        Detector.load(yolox_weights, DetectorConfig(weights_sha256="0" * 64))


@pytest.mark.gpu
@pytest.mark.parametrize("half", [False, True], ids=["single", "half"])
def test_a_cuda_device_finds_what_the_cpu_finds(cuda: str, yolox_weights: Path, riders: FrameBatch, half: bool):
    config = DetectorConfig(device=cuda, half=half)
    on_cpu = Detector.load(yolox_weights, DetectorConfig())(riders)
    torch.backends.cudnn.allow_tf32 = False
    for ours, theirs in zip(Detector.load(yolox_weights, config)(riders), on_cpu, strict=True):
        strong = slice(0, int((theirs.confidence > 0.5).sum()))
        assert sorted(ours.class_index[strong]) == sorted(theirs.class_index[strong])
        assert np.allclose(ours.confidence[strong], theirs.confidence[strong], atol=0.02 if half else 1e-3)
