"""Weights from ONNX files: every layer finds its place, or nothing is loaded."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from catalog.errors import AssetError
from workbench.vision.onnx_weights import Convolution, convolutions, fill


def small_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, 1, 1, groups=4)
    )


def layers_of(network: nn.Module, seed: int = 0) -> list[Convolution]:
    random = np.random.default_rng(seed)
    return [
        Convolution(
            f"conv_{index}",
            random.normal(size=tuple(place.weight.shape)).astype(np.float32),
            random.normal(size=place.weight.shape[0]).astype(np.float32),
            place.stride,
            tuple(place.padding),  # type: ignore[arg-type]
            place.groups,
        )
        for index, place in enumerate(module for module in network.modules() if isinstance(module, nn.Conv2d))
    ]


def model_bytes(layers: list[Convolution], *, bias: bool = True, pads: list[int] | None = None) -> bytes:
    nodes, tensors, value = [], [], "images"
    for layer in layers:
        names = [f"{layer.name}.weight", f"{layer.name}.bias"][: 2 if bias else 1]
        tensors += [
            onnx.numpy_helper.from_array(array, name)
            for array, name in zip((layer.weight, layer.bias), names, strict=False)
        ]
        settings = {"strides": layer.stride, "pads": pads or layer.padding * 2, "group": layer.groups}
        nodes.append(helper.make_node("Conv", [value, *names], [layer.name], layer.name, **settings))
        value = layer.name
    graph = helper.make_graph(nodes, "small", [], [], tensors)
    return helper.make_model(graph).SerializeToString()


def test_what_is_written_is_what_is_read():
    network = small_network()
    written = layers_of(network)
    read = convolutions(model_bytes(written), "small.onnx")
    fill(network, read, "small.onnx")
    places = [module for module in network if isinstance(module, nn.Conv2d)]
    for layer, place in zip(written, places, strict=True):
        assert torch.equal(place.weight, torch.from_numpy(layer.weight))
        assert torch.equal(place.bias, torch.from_numpy(layer.bias))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda layers: layers[:-1], "2 convolutions, the network has 3", id="one too few"),
        pytest.param(lambda layers: [layers[1], layers[0], layers[2]], "does not fit 0", id="another order"),
        pytest.param(
            lambda layers: [replace(layers[0], stride=(1, 1)), *layers[1:]], "does not fit 0", id="stride"
        ),
        pytest.param(lambda layers: [*layers[:2], replace(layers[2], groups=2)], "does not fit 3", id="groups"),
        pytest.param(
            lambda layers: [replace(layers[0], bias=layers[0].bias[:1]), *layers[1:]], "does not fit 0", id="bias"
        ),
    ],
)
def test_a_layer_that_does_not_fit_is_named(change, words):
    network = small_network()
    with pytest.raises(AssetError, match=words):
        fill(network, change(layers_of(network)), "small.onnx")


def test_a_convolution_without_bias_is_refused():
    with pytest.raises(AssetError, match="conv_0 has no constant weight and bias"):
        convolutions(model_bytes(layers_of(small_network()), bias=False), "small.onnx")


def test_uneven_padding_is_refused():
    with pytest.raises(AssetError, match="pads unevenly"):
        convolutions(model_bytes(layers_of(small_network()), pads=[0, 0, 1, 1]), "small.onnx")
