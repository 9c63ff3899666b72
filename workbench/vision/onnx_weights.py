"""Weights: read from a published ONNX file into a network of ours, layer by layer, every shape checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import nn

from catalog.errors import AssetError


@dataclass(frozen=True)
class Convolution:
    """One convolution of an ONNX graph, with what makes it fit or not fit."""

    name: str
    weight: NDArray[np.float32]
    """(out, in / groups, height, width)."""
    bias: NDArray[np.float32]
    """(out,)."""
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    """Rows and columns added at top and left; the file adds as many at bottom and right."""
    groups: int


def read_listed(path: Path, sha256: str) -> bytes:
    """Return the file's bytes, once they are known to be the ones asked for.

    Raises
    ------
    AssetError
        When the file cannot be read or its bytes have another digest.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetError(f"weights at {path} cannot be read: {error.strerror}; `rtcc assets pull`") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise AssetError(f"weights at {path} have sha256 {found}, asked for was {sha256}; `rtcc assets pull`")
    return content


def convolutions(content: bytes, source: str) -> list[Convolution]:
    """Return the graph's convolutions in the order in which they run.

    Raises
    ------
    AssetError
        When the bytes are no ONNX model, or one of its convolutions lacks weight or bias.
    """
    try:
        graph = onnx.load_model_from_string(content).graph
    except DecodeError as error:
        raise AssetError(f"{source} is no ONNX model: {error}") from error
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        if len(node.input) != 3 or any(name not in tensors for name in node.input[1:]):
            raise AssetError(
                f"{source}: convolution {node.name} has no constant weight and bias; fold its norms first"
            )
        weight, bias = (onnx.numpy_helper.to_array(tensors[name]) for name in node.input[1:])
        settings = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        pads = tuple(settings.get("pads", (0, 0, 0, 0)))
        if pads[:2] != pads[2:]:
            raise AssetError(f"{source}: convolution {node.name} pads unevenly {pads}")
        found.append(
            Convolution(
                node.name, weight, bias, tuple(settings.get("strides", (1, 1))), pads[:2], settings.get("group", 1)
            )
        )
    return found


def fill(network: nn.Module, layers: Sequence[Convolution], source: str) -> None:
    """Copy the convolutions into the network's, one to one, in the order in which both run.

    Raises
    ------
    AssetError
        When their number differs, or one does not fit its place; the network is then not to be used.
    """
    places = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    if len(places) != len(layers):
        raise AssetError(f"{source} has {len(layers)} convolutions, the network has {len(places)}: another model")
    with torch.no_grad():
        for (name, place), layer in zip(places, layers, strict=True):
            asked = (tuple(place.weight.shape), place.stride, place.padding, place.groups)
            found = (layer.weight.shape, layer.stride, layer.padding, layer.groups)
            if asked != found or place.bias is None or place.bias.shape != layer.bias.shape:
                raise AssetError(f"{source}: {layer.name} {found} does not fit {name} {asked}: another model")
            place.weight.copy_(torch.from_numpy(layer.weight.copy()))
            place.bias.copy_(torch.from_numpy(layer.bias.copy()))
