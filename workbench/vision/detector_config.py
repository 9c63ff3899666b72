"""Settings of the detector: all of them change what is found or where it runs. Nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import BadInput
from workbench.assets import YOLOX_NANO

GRID_PX = 32
"""Sides of the network's input are multiples of its coarsest stride, px: the last of `yolox.STRIDES`."""


@dataclass(frozen=True)
class DetectorConfig:
    """Settings of the detector; all of them change what is found or where it runs."""

    weights_sha256: str = YOLOX_NANO.sha256
    device: str = "cpu"
    """`cpu`, `cuda` or `cuda:1`."""
    input_width_px: int = 416
    """Longer side of the picture the network sees, px; small things want more, speed wants less."""
    min_confidence: float = 0.1
    """Boxes below are not reported, 0..1; low, since tracking makes use of faint boxes."""
    nms_iou: float = 0.6
    """Overlap beyond which two boxes are one thing, 0..1."""
    half: bool = False
    """Half precision, CUDA only."""

    def __post_init__(self) -> None:
        for name in ("min_confidence", "nms_iou"):
            if not 0 < getattr(self, name) < 1:
                raise BadInput(f"detector setting {name} is {getattr(self, name)}; it must lie between 0 and 1")
        if self.input_width_px < GRID_PX:
            raise BadInput(f"detector setting input_width_px is {self.input_width_px}; use at least {GRID_PX}")
        if self.half and not self.device.startswith("cuda"):
            raise BadInput(f"half precision runs on CUDA, not on {self.device!r}; leave it off")
