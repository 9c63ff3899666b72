"""Where every frame of a segment is: its time stamp, its place in decoding order, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray


@dataclass(frozen=True)
class FrameTable:
    """The frames of one file in order of time, as columns of length N."""

    pts: NDArray[np.int64]
    """(N,) presentation time stamps, ticks, rising."""
    key: NDArray[np.bool_]
    """(N,) whether each is a key frame."""
    rank: NDArray[np.intp]
    """(N,) place of each frame's packet in decoding order."""
    group: NDArray[np.intp]
    """(N,) count of key frames at or before it in decoding order, less one; -1 before the first."""
    leading: NDArray[np.bool_]
    """(N,) whether it is shown before the key frame it follows: it may rest on the group before, too."""
    settled_pts: NDArray[np.int64]
    """(P,) by rank: once a frame this late is out, every frame up to this rank is out or lost, ticks."""

    @classmethod
    def of(cls, packets: Sequence[Packet[VideoStream]]) -> FrameTable:
        """Return the table of these packets, given in decoding order; those without a time stamp are left out."""
        count = len(packets)
        stamped = np.array([packet.pts is not None for packet in packets], bool)
        pts = np.fromiter((packet.pts or 0 for packet in packets), np.int64, count)
        key = np.fromiter((packet.is_keyframe for packet in packets), bool, count)
        group = np.cumsum(key) - 1
        key_pts = pts[np.flatnonzero(key)][group] if key.any() else pts
        order = np.argsort(pts, kind="stable")
        order = order[stamped[order]]
        order = order[np.concatenate([np.ones(min(1, len(order)), bool), np.diff(pts[order]) > 0])]
        return cls(
            pts[order], key[order], order, group[order],
            ((pts < key_pts) & (group >= 0))[order], np.maximum.accumulate(pts) if count else pts,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.pts)

    def row_of(self, pts: int) -> int | None:
        """Return the row of the frame with this time stamp; `None` where there is none."""
        row = int(np.searchsorted(self.pts, pts))
        return row if row < len(self.pts) and self.pts[row] == pts else None

    def needed_ranks(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return, by rank, which packets have to be decoded to see these rows: (P,) of yes and no."""
        needed = np.zeros(len(self.settled_pts), bool)
        starts = self.rank[self.key]
        starts = np.sort(starts)
        for group in np.unique(self.group[rows]):
            inside = rows[self.group[rows] == group]
            first_group = max(0, group - 1) if self.leading[inside].any() else group
            if group >= 0:
                needed[starts[first_group] : self.rank[inside].max() + 1] = True
        return needed

    def resting_on(self, rank: int) -> NDArray[np.bool_]:
        """Return which rows may show damage when the packet at this rank is damaged: (N,) of yes and no."""
        at_rank = self.group[self.rank == rank]
        group = int(at_rank[0]) if len(at_rank) else int(self.group[self.rank <= rank].max(initial=-1))
        same = (self.group == group) & (self.rank >= rank)
        resting: NDArray[np.bool_] = same | ((self.group == group + 1) & self.leading)
        return resting
