"""The detector: decoded frames go in, the boxes of street things come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.errors import BadInput
from catalog.observations import LABELS, Detections
from workbench.media.frames import FrameBatch, fitted_wh_px
from workbench.vision.attributes import colours_of
from workbench.vision.detector_config import GRID_PX, DetectorConfig
from workbench.vision.suppression import best_boxes
from workbench.vision.yolox import COCO_CLASSES, YoloX, load_yolox

COCO_INDEX = {
    "person": 0, "bicycle": 1, "car": 2, "motorcycle": 3, "bus": 5, "train": 6, "truck": 7,
    "dog": 16, "backpack": 24, "handbag": 26, "suitcase": 28,
}  # fmt: skip
"""Where the street's labels stand among COCO's 80 classes (Lin et al. 2014)."""

PERSON = LABELS.index("person")
"""People are suppressed by people only."""

PAD_VALUE = 114
"""Grey that fills a picture to whole strides at right and bottom, as in YOLOX's training."""

CPU_BATCH = 8
"""Pictures a forward pass takes at once on the CPU: at 416 × 256, 8 cost 6.7 ms each, 1 costs 11.5 and 16 cost
8.8, since their features no longer fit the cache (one AVX-512 core with 2 MB of level-2 cache)."""

MAX_CANDIDATES = 1000
"""Best boxes of a frame that suppression looks at: ten times what a crowded crossing gives at a bar of 0.1."""

MIN_SIDE_PX = 1.0
"""A box narrower or lower than this after cutting it at the frame's edge is no box, native px."""


class Detector:
    """YOLOX-Nano with its weights on a device, asked for batches of frames.

    Threads are the caller's: `torch.set_num_threads(1)` once a process where several share a machine.
    """

    def __init__(self, network: YoloX, config: DetectorConfig) -> None:
        self.config = config
        self.device = _device(config.device)
        self.network = network.to(self.device, torch.float16 if config.half else torch.float32)
        self._street = _street_indexes().to(self.device)

    @classmethod
    def load(cls, weights: Path, config: DetectorConfig) -> Detector:
        """Return a detector with the weights in this file.

        Raises
        ------
        AssetError
            When the file is not the one whose digest the settings name.
        BadInput
            When the device asked for is not there.
        """
        return cls(load_yolox(weights, config.weights_sha256), config)

    def input_wh_px(self, frame_wh_px: tuple[int, int]) -> tuple[int, int]:
        """Return the size to decode frames of this native size at: longer side as set, aspect kept, even sides."""
        return fitted_wh_px(frame_wh_px, self.config.input_width_px)

    def __call__(self, batch: FrameBatch) -> list[Detections]:
        """Return each frame's detections, best first, colours filled in.

        Frames of any size are taken as they come; `input_wh_px` says which size is meant. Boxes are in native
        pixels, cut at the frame's edge. Cars, trucks and buses suppress each other; people are suppressed by
        people only, so that a rider stays beside the bicycle.
        """
        step = CPU_BATCH if self.device.type == "cpu" else max(1, len(batch))
        parts = [self._look(batch.rgb[start : start + step], start) for start in range(0, len(batch), step)]
        if not parts:
            return []
        boxes = _Boxes.joined(parts).suppressed(self.config.nms_iou).cut(batch)
        seen = colours_of(batch.rgb, boxes.frame_index, boxes.xyxy_px, boxes.class_index)
        native = boxes.xyxy_px * _native_scale(batch)
        ends = np.searchsorted(boxes.frame_index, np.arange(len(batch) + 1))
        frames = [slice(first, end) for first, end in pairwise(ends)]
        return [
            Detections(
                batch.segment_id, int(batch.pts[index]), int(batch.seen_at[index]), native[rows],
                boxes.confidence[rows], boxes.class_index[rows], seen.upper[rows], seen.upper_confidence[rows],
                seen.lower[rows], seen.lower_confidence[rows],
            )
            for index, rows in enumerate(frames)
        ]  # fmt: skip

    @torch.inference_mode()
    def _look(self, rgb: NDArray[np.uint8], first_frame: int) -> _Boxes:
        """Return what the network finds in (B, H, W, 3) pictures, before suppression."""
        dtype = torch.float16 if self.config.half else torch.float32
        # Bytes travel to the device; channels are last in memory already, so this is one conversion in place.
        pictures = torch.from_numpy(_padded(rgb)).to(self.device).permute(0, 3, 1, 2).to(dtype)
        found = self.network.candidates(pictures, self.config.min_confidence)
        score, coco = (found.objectness[:, None] * found.class_scores).max(1)
        street = self._street[coco]
        rows = ((score >= self.config.min_confidence) & (street >= 0)).nonzero().squeeze(1)
        return _Boxes(
            found.frame_index[rows].cpu().numpy() + first_frame, found.xyxy_px[rows].cpu().numpy(),
            score[rows].cpu().numpy(), street[rows].cpu().numpy(),
        )  # fmt: skip


@dataclass(frozen=True)
class _Boxes:
    """Boxes of a whole batch as columns, in pixels of the decoded pictures."""

    frame_index: NDArray[np.int64]
    xyxy_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_index: NDArray[np.int16]

    @classmethod
    def joined(cls, parts: Sequence[_Boxes]) -> _Boxes:
        return cls(
            np.concatenate([part.frame_index for part in parts]),
            np.concatenate([part.xyxy_px for part in parts]),
            np.concatenate([part.confidence for part in parts]),
            np.concatenate([part.class_index for part in parts]),
        )

    def rows(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> _Boxes:
        return _Boxes(
            self.frame_index[chosen], self.xyxy_px[chosen], self.confidence[chosen], self.class_index[chosen]
        )

    def suppressed(self, max_iou: float) -> _Boxes:
        """Return the best of each heap, ordered by frame and falling confidence."""
        ranked = self.rows(np.lexsort((-self.confidence, self.frame_index)))
        kind = np.where(ranked.class_index == PERSON, 0, 1).astype(np.int16)
        frames, starts = np.unique(ranked.frame_index, return_index=True)
        ends = np.searchsorted(ranked.frame_index, frames, side="right")
        stays = np.zeros(len(ranked.frame_index), np.bool_)
        for start, end in zip(starts, ends, strict=True):
            heap = slice(start, min(end, start + MAX_CANDIDATES))
            stays[heap] = best_boxes(ranked.xyxy_px[heap], kind[heap], max_iou)
        return ranked.rows(stays)

    def cut(self, batch: FrameBatch) -> _Boxes:
        """Return the boxes cut at the picture's edge, without those of which nothing is left."""
        height, width = batch.rgb.shape[1:3]
        xyxy_px = np.clip(self.xyxy_px, 0, np.array([width, height] * 2, np.float32))
        sides_px = (xyxy_px[:, 2:] - xyxy_px[:, :2]) * _native_scale(batch)[:2]
        return replace(self, xyxy_px=xyxy_px).rows(sides_px.min(axis=1, initial=np.inf) >= MIN_SIDE_PX)


def _native_scale(batch: FrameBatch) -> NDArray[np.float32]:
    """Return native pixels per decoded pixel, (4,) for left, top, right, bottom."""
    height, width = batch.rgb.shape[1:3]
    native_width, native_height = batch.frame_wh_px
    return np.array([native_width / width, native_height / height] * 2, np.float32)


def _padded(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pictures (B, H, W, 3) with both sides filled up to the grid, at right and bottom."""
    count, height, width = rgb.shape[:3]
    tall, wide = (-(-side // GRID_PX) * GRID_PX for side in (height, width))
    if (tall, wide) == (height, width):
        return np.require(rgb, requirements=["C", "W"])
    filled = np.full((count, tall, wide, 3), PAD_VALUE, np.uint8)
    filled[:, :height, :width] = rgb
    return filled


def _street_indexes() -> torch.Tensor:
    """Return (80,) where each COCO class stands among `LABELS`; -1 for those that are not the street's."""
    street = torch.full((COCO_CLASSES,), -1, dtype=torch.int16)
    for index, label in enumerate(LABELS):
        street[COCO_INDEX[label]] = index
    return street


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"device {name!r} is unknown; use cpu, cuda, or cuda:1") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise BadInput(f'device {name!r} is not there: torch sees {count} CUDA devices; set device = "cpu"')
    return device
