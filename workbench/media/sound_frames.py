"""Take packets through a decoder and hand out only the pictures that rest on no damage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from workbench.media.frame_table import FrameTable

VideoPacket: TypeAlias = "Packet[VideoStream]"

REORDER_FRAMES = 16
"""Most frames that any H.264 or HEVC stream shows before one that was decoded earlier."""

BEFORE_ANY_PTS = -(2**62)
"""Earlier than any time stamp, ticks."""


class SoundFrames:
    """Pictures of one run of packets, known by the time stamps their packets carried.

    From a damaged packet to the next key frame every picture may be smeared, even where the decoder says
    nothing of it any more: none of them is handed out, all are in `lost`.

    Parameters
    ----------
    packets
        In decoding order, the first one a key frame.
    context
        Their decoder, not yet used.
    """

    def __init__(self, packets: Sequence[VideoPacket], context: VideoCodecContext) -> None:
        self.packets, self.context = packets, context
        self.table = FrameTable.of(packets)
        self.frames_decoded = 0
        """Pictures that came out of the decoder, handed out or not."""
        self.lost = np.zeros(len(self.table), bool)
        """(N,) rows of the table that cannot be seen without damage, as far as was looked."""
        self.damage: dict[int, str] = {}
        """What was found wrong, by the rank of the packet."""

    def frames(self, rows: NDArray[np.intp]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield (row, frame) for those of these rows, rising, that can be decoded without damage."""
        table, missing = self.table, set(rows.tolist())
        waiting: list[tuple[int, VideoFrame]] = []
        newest_pts, newest_row = BEFORE_ANY_PTS, -1
        for frame in self._decoded(rows):
            row = None if frame.pts is None else table.row_of(frame.pts)
            if row is None:
                continue
            newest_pts = max(newest_pts, int(table.pts[row]))
            if frame.is_corrupt:
                self.mark(int(table.rank[row]), "the decoder met damaged bytes")
            if row in missing and row < newest_row:
                self._miss(row, "its time stamp contradicts the order of the frames")
            elif row in missing:
                waiting.append((row, frame))
                newest_row = row
            missing.discard(row)
            # a picture is sound once all that was decoded before it has come out sound: one that is shown
            # later may be the damaged one it rests on
            while waiting and newest_pts >= table.settled_pts[table.rank[waiting[0][0]]]:
                settled, picture = waiting.pop(0)
                if not self.lost[settled]:
                    yield settled, picture
        yield from ((row, frame) for row, frame in waiting if not self.lost[row])
        for row in sorted(missing):
            self._miss(row, "the decoder gave no picture")

    def in_order(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield (row, frame) of packets whose time stamps only number them: frames count as they come out.

        A key frame is never counted earlier than its packet, so a lost frame shifts no more than its own group.
        """
        place = 0
        waiting: list[tuple[int, int, VideoFrame]] = []
        for frame in self._decoded(np.arange(len(self.table))):
            rank = None if frame.pts is None else self.table.row_of(frame.pts)
            if rank is None:
                continue
            if frame.is_corrupt:
                self.mark(rank, "the decoder met damaged bytes")
            place = max(place, rank) if frame.key_frame else place
            waiting.append((place, rank, frame))
            place += 1
            if len(waiting) > REORDER_FRAMES:
                yield from self._if_sound(*waiting.pop(0))
        for late in waiting:
            yield from self._if_sound(*late)

    def _if_sound(self, row: int, rank: int, frame: VideoFrame) -> Iterator[tuple[int, VideoFrame]]:
        if row < len(self.table) and not self.lost[rank]:
            yield row, frame

    def _decoded(self, rows: NDArray[np.intp]) -> Iterator[VideoFrame]:
        """Yield what comes out of the decoder, leaving out the packets these rows do not rest on."""
        wanted_ranks = set(self.table.rank[rows].tolist())
        previous = -1
        for rank in np.flatnonzero(self.table.needed_ranks(rows)).tolist():
            if rank != previous + 1 and previous >= 0:
                yield from self._feed(None, previous)
                self.context.flush_buffers()
            previous = rank
            # pictures that no other rests on are left out where nobody asked for them
            self.context.skip_frame = "DEFAULT" if rank in wanted_ranks else "NONREF"
            yield from self._feed(self.packets[rank], rank)
        if previous >= 0:
            yield from self._feed(None, previous)

    def _feed(self, packet: VideoPacket | None, rank: int) -> list[VideoFrame]:
        try:
            frames = self.context.decode(packet)
        except av.FFmpegError as error:
            self.mark(rank, f"the decoder refused it: {error.strerror}")
            return []
        self.frames_decoded += len(frames)
        return frames

    def _miss(self, row: int, words: str) -> None:
        if not self.lost[row]:
            self.lost[row] = True
            self.damage.setdefault(int(self.table.rank[row]), words)

    def mark(self, rank: int, words: str) -> None:
        """Note damage in the packet of this rank: what rests on it is lost."""
        if rank not in self.damage:
            self.damage[rank] = words
            self.lost |= self.table.resting_on(rank)

    def damage_words(self, first: int = 0, after: int | None = None) -> str:
        """Return what was found wrong first among the rows `[first, after)`, or at all."""
        ranks = self.table.rank[first:after]
        inside = [words for rank, words in sorted(self.damage.items()) if rank in ranks]
        return (inside or list(self.damage.values()) or ["the decoder gave no picture"])[0]

    def lost_runs(self) -> list[tuple[int, int]]:
        """Return the runs of lost rows as `[first, after)`."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.lost.astype(np.int8), [0]]))).tolist()
        return list(zip(edges[::2], edges[1::2], strict=True))
