"""YOLOX in torch: the published network, number for number."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from catalog.errors import AssetError
from workbench.assets import YOLOX_NANO
from workbench.vision.yolox import STRIDES, YoloX, load_yolox

CLOSE = 2e-4
"""Largest difference between two ways of adding the same float32 products, over all 85 maps."""


@pytest.fixture(scope="module")
def network(yolox_weights: Path) -> YoloX:
    return load_yolox(yolox_weights, YOLOX_NANO.sha256)


@pytest.fixture(scope="module")
def published(yolox_weights: Path) -> onnxruntime.InferenceSession:
    """Return the file as it is, but for the input's size: the export froze it at one picture of 416 × 416."""
    model = onnx.load(yolox_weights)
    for value in (*model.graph.input, *model.graph.output):
        for index, dimension in enumerate(value.type.tensor_type.shape.dim):
            dimension.dim_param = f"{value.name}_{index}"
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in shapes:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.array([0, 85, -1], np.int64), tensor.name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # it would warn at each call of sizes other than the frozen ones
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def pictures(count: int, height: int, width: int) -> NDArray[np.float32]:
    """Return (B, 3, H, W) RGB pictures of noise over soft shapes, 0..255."""
    random = np.random.default_rng(7)
    coarse = random.uniform(0, 255, (count, 3, height // 16, width // 16)).repeat(16, 2).repeat(16, 3)
    return np.clip(coarse + random.normal(0, 20, coarse.shape), 0, 255).astype(np.float32)


@pytest.mark.parametrize(
    ("count", "height", "width"),
    [(1, 416, 416), (1, 256, 416), (3, 256, 416), (16, 96, 160), (2, 416, 256), (1, 32, 32), (2, 640, 64)],
    ids=str,
)
def test_every_number_is_that_of_the_published_file(
    network: YoloX, published: onnxruntime.InferenceSession, count: int, height: int, width: int
):
    rgb = pictures(count, height, width)
    (theirs,) = published.run(None, {"images": rgb[:, ::-1].copy()})
    with torch.inference_mode():
        ours = network(torch.from_numpy(rgb)).numpy()
    assert ours.shape == theirs.shape == (count, sum(height * width // stride**2 for stride in STRIDES), 85)
    assert np.abs(ours - theirs).max() <= CLOSE


def test_what_lies_in_memory_channels_last_gives_the_same(network: YoloX):
    rgb = torch.from_numpy(pictures(2, 96, 160))
    with torch.inference_mode():
        apart = (network(rgb) - network(rgb.to(memory_format=torch.channels_last))).abs().max()
    assert apart <= CLOSE


def test_candidates_are_the_anchors_above_the_bar(network: YoloX):
    rgb, bar = torch.from_numpy(pictures(3, 160, 160)), 0.002
    with torch.inference_mode():
        everything, found = network(rgb), network.candidates(rgb, bar)
    scores = everything[..., 4:5] * everything[..., 5:]
    frame, anchor = (everything[..., 4] > bar).nonzero(as_tuple=True)
    assert 0 < len(frame) < everything.shape[0] * everything.shape[1]
    order = torch.argsort(found.frame_index, stable=True)
    best = (found.objectness[:, None] * found.class_scores).amax(1)
    assert torch.equal(found.frame_index[order], frame)
    assert torch.allclose(best[order], scores[frame, anchor].amax(1), atol=1e-4)


def test_a_candidates_box_is_decoded_from_its_anchor(network: YoloX):
    """One box by hand: the strongest anchor of the finest level, whose cells are 8 px."""
    rgb = torch.from_numpy(pictures(1, 64, 96))
    with torch.inference_mode():
        anchors = network(rgb)[0, : 8 * 12]
        strongest = int(anchors[:, 4].argmax())
        found = network.candidates(rgb, float(anchors[strongest, 4]) * 0.99)
    x, y, log_width, log_height = anchors[strongest, :4].tolist()
    center = np.array([(x + strongest % 12) * 8, (y + strongest // 12) * 8])
    half = np.exp([log_width, log_height]) * 4
    wanted = [*(center - half), *(center + half)]
    assert any(np.allclose(box, wanted, atol=1e-2) for box in found.xyxy_px.numpy())


def test_other_bytes_are_not_loaded(yolox_weights: Path, tmp_path: Path):
    forged = tmp_path / "yolox_nano.onnx"
    forged.write_bytes(yolox_weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(AssetError, match=f"asked for was {YOLOX_NANO.sha256}"):
        load_yolox(forged, YOLOX_NANO.sha256)


def test_a_file_that_is_no_model_says_so(tmp_path: Path):
    path = tmp_path / "notes.onnx"
    path.write_text("not a model")
    with pytest.raises(AssetError, match="no ONNX model"):
        load_yolox(path, hashlib.sha256(b"not a model").hexdigest())


def test_missing_weights_say_how_to_get_them(tmp_path: Path):
    with pytest.raises(AssetError, match=r"cannot be read.*rtcc assets pull"):
        load_yolox(tmp_path / "none.onnx", YOLOX_NANO.sha256)
