"""YOLOX, the network: a picture goes in, box, objectness and class maps come out.

Own plain-torch reading of Z. Ge, S. Liu, F. Wang, Z. Li, J. Sun, "YOLOX: Exceeding YOLO Series in 2021"
(arXiv 2107.08430), in its Nano size: depth-wise convolutions, batch norm already folded into the convolutions.
Any input whose sides are multiples of 32, any batch. Two things differ in form, not in what comes out: pictures
are RGB, and the "focus" layer is part of the first convolution (see `merge_focus`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name everyone knows it by
from torch import Tensor, nn

from catalog.errors import AssetError
from workbench.vision.onnx_weights import Convolution, convolutions, fill, read_listed

STRIDES = (8, 16, 32)
"""Input pixels between neighbouring anchors of the three levels."""

COCO_CLASSES = 80
"""Classes the published weights know."""

STEM_CHANNELS = 16
"""Channels after the stem: 64 × 0.25, the width of Nano."""

REPEATS = (1, 3, 3, 1)
"""Bottlenecks in the four stages of the backbone: (3, 9, 9, 3) × 0.33, the depth of Nano."""

HEAD_CHANNELS = 64
"""Channels inside the heads: 256 × 0.25."""

POOLS = (5, 9, 13)
"""Window sides of the spatial pyramid pooling, cells."""


class ConvAct(nn.Module):
    """A convolution with bias, keeping the size per stride, then SiLU."""

    def __init__(
        self, channels_in: int, channels_out: int, side: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, side, stride, (side - 1) // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels_out, H/stride, W/stride)."""
        return F.silu(convolve(self.conv, x), inplace=True)


def convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Return `conv(x)`, on the CPU always through oneDNN.

    Left to itself, torch 2.13 takes a slower path for 1×1 convolutions with one thread and fewer than 16
    pictures: 12.5 ms a frame instead of 6.7 (416 × 256, batch of 8, one AVX-512 core).
    """
    if x.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        through: Tensor = conv(x)
        return through
    assert not isinstance(conv.padding, str)
    return torch.mkldnn_convolution(
        x, conv.weight, conv.bias, conv.padding, conv.stride, conv.dilation, conv.groups
    )  # fmt: skip


def depthwise(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Return a 3×3 convolution per channel followed by a 1×1 convolution across channels."""
    return nn.Sequential(
        ConvAct(channels_in, channels_in, 3, stride, groups=channels_in), ConvAct(channels_in, channels_out)
    )


class Bottleneck(nn.Module):
    """A 1×1 and a 3×3 convolution, with the input added where `shortcut` says so."""

    def __init__(self, channels: int, *, shortcut: bool) -> None:
        super().__init__()
        self.reduce = ConvAct(channels, channels)
        self.spread = depthwise(channels, channels)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        y: Tensor = self.spread(self.reduce(x))
        return y + x if self.shortcut else y


class CrossStage(nn.Module):
    """A cross-stage-partial block: half the channels go through bottlenecks, half go round them."""

    def __init__(self, channels_in: int, channels_out: int, repeats: int = 1, *, shortcut: bool = False) -> None:
        super().__init__()
        half = channels_out // 2
        self.through = ConvAct(channels_in, half)
        self.round = ConvAct(channels_in, half)
        self.bottlenecks = nn.Sequential(*(Bottleneck(half, shortcut=shortcut) for _ in range(repeats)))
        self.join = ConvAct(2 * half, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels_out, H, W)."""
        joined: Tensor = self.join(torch.cat((self.bottlenecks(self.through(x)), self.round(x)), 1))
        return joined


class PyramidPool(nn.Module):
    """Spatial pyramid pooling: the maximum over three window sizes beside the features themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvAct(channels, channels // 2)
        self.join = ConvAct(channels // 2 * (len(POOLS) + 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        x = self.reduce(x)
        pooled = [F.max_pool2d(x, side, stride=1, padding=side // 2) for side in POOLS]
        joined: Tensor = self.join(torch.cat((x, *pooled), 1))
        return joined


class Backbone(nn.Module):
    """Darknet with cross-stage blocks: features at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        c = STEM_CHANNELS
        self.stem = ConvAct(3, c, 6, 2)
        self.dark2 = nn.Sequential(depthwise(c, 2 * c, 2), CrossStage(2 * c, 2 * c, REPEATS[0], shortcut=True))
        self.dark3 = nn.Sequential(depthwise(2 * c, 4 * c, 2), CrossStage(4 * c, 4 * c, REPEATS[1], shortcut=True))
        self.dark4 = nn.Sequential(depthwise(4 * c, 8 * c, 2), CrossStage(8 * c, 8 * c, REPEATS[2], shortcut=True))
        self.dark5 = nn.Sequential(
            depthwise(8 * c, 16 * c, 2), PyramidPool(16 * c), CrossStage(16 * c, 16 * c, REPEATS[3])
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at strides 8, 16, 32 of pictures (B, 3, H, W)."""
        c3 = self.dark3(self.dark2(self.stem(pictures)))
        c4 = self.dark4(c3)
        return c3, c4, self.dark5(c4)


class Neck(nn.Module):
    """Path aggregation: coarse features go down to the fine levels and back up."""

    def __init__(self) -> None:
        super().__init__()
        c = STEM_CHANNELS
        self.lateral5 = ConvAct(16 * c, 8 * c)
        self.down4 = CrossStage(16 * c, 8 * c)
        self.lateral4 = ConvAct(8 * c, 4 * c)
        self.down3 = CrossStage(8 * c, 4 * c)
        self.step3 = depthwise(4 * c, 4 * c, 2)
        self.up4 = CrossStage(8 * c, 8 * c)
        self.step4 = depthwise(8 * c, 8 * c, 2)
        self.up5 = CrossStage(16 * c, 16 * c)

    def forward(self, c3: Tensor, c4: Tensor, c5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features at strides 8, 16, 32 with 64, 128 and 256 channels."""
        p5 = self.lateral5(c5)
        p4 = self.lateral4(self.down4(torch.cat((_twice(p5), c4), 1)))
        n3 = self.down3(torch.cat((_twice(p4), c3), 1))
        n4 = self.up4(torch.cat((self.step3(n3), p4), 1))
        return n3, n4, self.up5(torch.cat((self.step4(n4), p5), 1))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """One level's decoupled head: what it is on one branch, where it is on the other."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        c = HEAD_CHANNELS
        self.stem = ConvAct(channels_in, c)
        self.class_convs = nn.Sequential(depthwise(c, c), depthwise(c, c))
        self.class_scores = nn.Conv2d(c, COCO_CLASSES, 1)
        self.box_convs = nn.Sequential(depthwise(c, c), depthwise(c, c))
        self.boxes = nn.Conv2d(c, 4, 1)
        self.objectness = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return class features and box features, each (B, 64, h, w); the last 1×1 layers come later."""
        x = self.stem(x)
        return self.class_convs(x), self.box_convs(x)


@dataclass(frozen=True)
class Candidates:
    """Anchors of a batch whose objectness passes a bar, as columns."""

    frame_index: Tensor
    """(K,) int64 position in the batch."""
    xyxy_px: Tensor
    """(K, 4) float32 left, top, right, bottom in network input pixels."""
    objectness: Tensor
    """(K,) float32, 0..1."""
    class_scores: Tensor
    """(K, 80) float32, 0..1, given that there is something."""


class YoloX(nn.Module):
    """YOLOX-Nano over COCO's 80 classes. Modules stand in the order in which they run: weights rely on it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
        self.heads = nn.ModuleList(Head(channels * STEM_CHANNELS) for channels in (4, 8, 16))

    def _heads(self) -> list[Head]:
        return [head for head in self.heads if isinstance(head, Head)]

    def levels(self, pictures: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each level's class and box features, (B, 64, h, w) each."""
        features = self.neck(*self.backbone(pictures))
        return [head(feature) for head, feature in zip(self._heads(), features, strict=True)]

    def forward(self, pictures: Tensor) -> Tensor:
        """Return what the published ONNX file returns, every anchor of every picture.

        Parameters
        ----------
        pictures
            (B, 3, H, W) RGB, 0..255; H and W multiples of 32.

        Returns
        -------
        Tensor
            (B, anchors, 85): centre and size of the box in units of the anchor's stride (size as logarithm),
            objectness, 80 class scores.
        """
        maps = []
        for head, (class_features, box_features) in zip(self._heads(), self.levels(pictures), strict=True):
            scores = (convolve(head.objectness, box_features), convolve(head.class_scores, class_features))
            maps.append(
                torch.cat((convolve(head.boxes, box_features), torch.cat(scores, 1).sigmoid()), 1).flatten(2)
            )
        return torch.cat(maps, 2).transpose(1, 2)

    def candidates(self, pictures: Tensor, min_objectness: float) -> Candidates:
        """Return the anchors worth looking at, the last layers left uncomputed for all others.

        A detection's score is objectness times class score, so it never exceeds its objectness: anchors below the
        bar (nearly all) need neither class scores nor boxes.

        Parameters
        ----------
        pictures
            (B, 3, H, W) RGB, 0..255; H and W multiples of 32.
        min_objectness
            The bar, between 0 and 1.
        """
        bar = math.log(min_objectness / (1 - min_objectness))
        found = [
            _pick(head, stride, features, bar)
            for head, stride, features in zip(self._heads(), STRIDES, self.levels(pictures), strict=True)
        ]
        return Candidates(*(torch.cat(column) for column in zip(*found, strict=True)))


def _pick(
    head: Head, stride: int, features: tuple[Tensor, Tensor], bar: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    class_features, box_features = features
    logits = convolve(head.objectness, box_features).squeeze(1)
    frame, row, column = (logits > bar).nonzero(as_tuple=True)
    box = _at_anchors(head.boxes, box_features[frame, :, row, column])
    center = (box[:, :2] + torch.stack((column, row), 1)) * stride
    half = box[:, 2:].exp() * (stride / 2)
    classes = _at_anchors(head.class_scores, class_features[frame, :, row, column])
    objectness = logits[frame, row, column].float().sigmoid()
    return frame, torch.cat((center - half, center + half), 1), objectness, classes.sigmoid()


def _at_anchors(layer: nn.Conv2d, features: Tensor) -> Tensor:
    """Apply a 1×1 convolution to K single anchors (K, C), in float32 also where the network runs in half."""
    bias = None if layer.bias is None else layer.bias.float()
    return F.linear(features.float(), layer.weight.flatten(1).float(), bias)


def merge_focus(stem: Convolution) -> Convolution:
    """Return the first convolution so that it takes RGB pictures instead of 2×2 patches of BGR.

    YOLOX's "focus" layer makes the four pixels of each 2×2 block channels (left column first, top before bottom)
    and convolves them 3×3. That is one 6×6 convolution of stride 2 over the picture itself, with the same
    products: the preparation of a picture shrinks to turning bytes into floats.
    """
    columns_rows = (stem.weight.shape[0], 2, 2, 3, 3, 3)  # out, column, row, colour, patch row, patch column
    weight = stem.weight.reshape(columns_rows).transpose(0, 3, 4, 2, 5, 1).reshape(-1, 3, 6, 6)
    return replace(stem, weight=np.ascontiguousarray(weight[:, ::-1]), stride=(2, 2), padding=(2, 2))


def load_yolox(path: Path, sha256: str) -> YoloX:
    """Return the network with the published weights, on the CPU, ready to look.

    Raises
    ------
    AssetError
        When the file is not the one with this digest, or not YOLOX-Nano.
    """
    first, *others = convolutions(read_listed(path, sha256), str(path))
    if first.weight.shape[1:] != (12, 3, 3):
        raise AssetError(f"{path} begins with a convolution {first.weight.shape}, not with YOLOX's focus layer")
    network = YoloX()
    fill(network, [merge_focus(first), *others], str(path))
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
