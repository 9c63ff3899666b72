"""What is carried from picture to picture while one segment is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.media.feed_stats import feed_stats, luma_160x90
from workbench.media.frames import FeedStats
from workbench.media.gate import LumaGate


@dataclass
class PictureWatch:
    """The gate and the last picture of one segment; archive and live judge by the same."""

    gate: LumaGate
    previous: NDArray[np.uint8] | None = None
    """(90, 160) brightness of the last sampled picture."""

    def judge(self, picture: NDArray[np.uint8]) -> tuple[FeedStats, bool]:
        """Return what an (H, W, 3) picture says about the feed, and whether it is held."""
        luma = luma_160x90(picture)
        stats, held = feed_stats(luma, self.previous), self.gate.judge(luma)
        self.previous = luma
        return stats, held
