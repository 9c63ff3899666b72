"""Import footage: cut a video file into segments that each stand alone, and say what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from catalog.errors import BadInput, UnreadableFootage
from catalog.footage import Gap, Segment
from catalog.spans import Span, from_us, to_us
from workbench.media.cutting import PAUSE_S, Cut, orphaned, plan_cuts
from workbench.media.opening import open_video
from workbench.media.segment_files import (
    COPYABLE_CODECS,
    WrittenFile,
    copy_packets,
    encode_frames,
    finish,
    keep,
    part_file,
)
from workbench.media.sound_frames import SoundFrames, VideoPacket
from workbench.media.source_file import SourceFile, container_stream
from workbench.media.start_clock import start_clock

RankedPackets = list[tuple[int, VideoPacket]]

MAX_SEGMENT_S = 60.0
"""Longest segment of an archive, seconds."""

Progress = Callable[[float], None]
"""Told the share done, 0..1."""


@dataclass(frozen=True)
class Imported:
    """What one file became."""

    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]


class NothingReadable(UnreadableFootage):
    """A file from which nothing can be read; `gap` says so to the catalog."""

    def __init__(self, message: str, gap: Gap) -> None:
        super().__init__(message)
        self.gap = gap


def import_footage(
    path: Path,
    *,
    camera_id: str,
    mounting_id: str,
    home_root: Path,
    footage_dir: Path,
    start_at: datetime | None = None,
    time_zone: str = "UTC",
    max_segment_s: float = MAX_SEGMENT_S,
    progress: Progress | None = None,
) -> Imported:
    """Cut a video file into segments of at most `max_segment_s` under `footage_dir`, and return them with the gaps.

    Packets are copied as they are where codec, key frames and time stamps allow, else encoded anew as H.264. The
    same file gives the same segments with the same names, whenever it is imported.

    Parameters
    ----------
    home_root
        The data home, which segments' `uri` is relative to.
    footage_dir
        Folder inside it; each camera has a folder of its own there.
    start_at
        Instant of the first frame; `None` takes what the container, the name or the file's date says.
    time_zone
        IANA name of the zone in which file names count.

    Raises
    ------
    NothingReadable
        When nothing in the file can be read as video.
    BadInput
        When the camera id cannot name a folder.
    """
    if not camera_id.strip("."):
        raise BadInput(f"camera id {camera_id!r} cannot name a folder; use letters and digits")
    try:
        source = SourceFile(path, start_at, time_zone)
    except UnreadableFootage as error:
        since = start_at or _file_instant(path, time_zone)
        gap = Gap(camera_id, Span(since), "undecodable", str(error), source_name=path.name)
        raise NothingReadable(f"{error} (camera {camera_id!r})", gap) from error
    writing = _Writing(source, camera_id, mounting_id, home_root.resolve(), footage_dir.resolve() / camera_id)
    return writing.run(max_segment_s, progress or (lambda _: None))


def _file_instant(path: Path, time_zone: str) -> datetime:
    if not path.exists():
        return from_us(0)
    return start_clock(path, None, 0.0, start_at=None, time_zone=time_zone).start_at


def joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Return the gaps in order of time, those of one reason that share an instant joined into one."""
    done: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: (one.reason, one.span.start_at, one.detail)):
        last = done[-1] if done else None
        same_start = last is not None and last.span.start_at == gap.span.start_at
        if last is None or last.reason != gap.reason or not (same_start or last.span.overlaps(gap.span)):
            done.append(gap)
            continue
        ends = (last.span.end_at, gap.span.end_at)
        end_at = None if None in ends else max(end for end in ends if end is not None)
        detail = last.detail if gap.detail in last.detail else f"{last.detail}; {gap.detail}"
        done[-1] = replace(last, span=Span(last.span.start_at, end_at), detail=detail)
    return tuple(sorted(done, key=lambda one: (one.span.start_at, one.reason)))


class _Writing:
    """One import on its way: what was written so far, and what could not be."""

    def __init__(self, source: SourceFile, camera_id: str, mounting_id: str, home_root: Path, folder: Path) -> None:
        self.source, self.table = source, source.table
        self.camera_id, self.mounting_id = camera_id, mounting_id
        self.home_root, self.folder = home_root, folder
        self.segments: list[Segment] = []
        self.gaps = [
            Gap(camera_id, span, reason, detail, source_name=source.path.name)
            for span, reason, detail in source.gaps()
        ]

    def run(self, max_segment_s: float, progress: Progress) -> Imported:
        """Write every segment of the file."""
        copyable = self.source.codec in COPYABLE_CODECS
        why_not = "" if copyable else f"mp4 does not hold {self.source.codec}"
        cuts = plan_cuts(self.table, copyable=copyable, why_not=why_not, max_segment_s=max_segment_s)
        lost = orphaned(self.table)
        with open_video(self.source.path) as container:
            stream = container_stream(container)
            ranked = _Ranked(self.source.packets(container))
            for cut in cuts:
                packets = ranked.take(cut.first if cut.lead_in is None else cut.lead_in, cut.first, cut.after)
                readable = [(rank, packet) for rank, packet in packets if not lost[rank]]
                if not cut.copied or not self._copy(readable, stream):
                    self._encode(cut, readable, stream, max_segment_s)
                progress(cut.after / len(self.table))
        progress(1.0)
        return Imported(tuple(self.segments), joined(self.gaps))

    def _copy(self, packets: RankedPackets, stream: VideoStream) -> bool:
        """Write one segment as it is; False where the file format will not hold it."""
        ranks = [rank for rank, _ in packets]
        base = int(self.table.dts[ranks[0]])
        pts, dts = self.table.pts[ranks], self.table.dts[ranks]
        stamped = ((packet, int(pts[k]) - base, int(dts[k]) - base) for k, (_, packet) in enumerate(packets))
        with part_file(self.folder, f"{base}") as part:
            try:
                copy_packets(stamped, stream, part)
                written = finish(part)
            except (av.FFmpegError, UnreadableFootage) as error:
                if isinstance(error, OSError):
                    raise
                return False
            if written.frame_count != len(packets):
                return False
            self._keep(part, written, int(pts.min()), int(pts.max()), transcoded=False)
        return True

    def _encode(self, cut: Cut, packets: RankedPackets, stream: VideoStream, max_segment_s: float) -> None:
        """Write one or more segments from the pictures of a cut."""
        for rank, packet in packets:
            packet.pts = int(self.table.pts[rank])
        sound = SoundFrames([packet for _, packet in packets], stream.codec_context)
        own = np.array([rank >= cut.first and not self.table.hidden[rank] for rank, _ in packets], bool)
        rows = np.flatnonzero(own[sound.table.rank])
        frames = sound.frames(rows) if self.table.stamped else sound.in_order()
        shown = ((frame, int(sound.table.pts[row])) for row, frame in frames)
        longest = self.table.ticks(max_segment_s)
        for _, piece in groupby(shown, _Pieces(longest, self.table.ticks(PAUSE_S), self.table.frame_ticks)):
            try:
                self._encode_piece(piece)
            except (av.FFmpegError, UnreadableFootage) as error:
                if isinstance(error, OSError):
                    raise
                span = self.source.span_us(int(self.table.pts[cut.first]), self.source.until(self._last_pts(cut)))
                detail = f"it cannot be encoded anew: {error}"
                self.gaps.append(
                    Gap(self.camera_id, span, "undecodable", detail, source_name=self.source.path.name)
                )
        stream.codec_context.flush_buffers()
        self._note_lost(sound)

    def _last_pts(self, cut: Cut) -> int:
        return int(self.table.pts[cut.first : cut.after].max())

    def _encode_piece(self, piece: Iterator[tuple[VideoFrame, int]]) -> None:
        first = next(piece)
        seen = [first[1]]

        def rebased() -> Iterator[tuple[VideoFrame, int]]:
            yield first[0], 0
            for frame, pts in piece:
                seen.append(pts)
                yield frame, pts - seen[0]

        with part_file(self.folder, f"{first[1]}") as part:
            encode_frames(rebased(), self.source.wh_px, self.source.time_base, part)
            self._keep(part, finish(part), seen[0], seen[-1], transcoded=True)

    def _note_lost(self, sound: SoundFrames) -> None:
        for first, after in sound.lost_runs():
            start, last = int(sound.table.pts[first]), int(sound.table.pts[after - 1])
            detail = f"{after - first} frames: {sound.damage_words(first, after)}"
            span = self.source.span_us(start, self.source.until(last))
            self.gaps.append(Gap(self.camera_id, span, "undecodable", detail, source_name=self.source.path.name))

    def _keep(self, part: Path, written: WrittenFile, first_pts: int, last_pts: int, *, transcoded: bool) -> None:
        span = self.source.span_us(first_pts, self.source.until(last_pts))
        stamp = span.start_at.strftime("%Y%m%dT%H%M%S.%f")
        final = self.folder / f"{stamp}Z_{written.sha256[:12]}.mp4"
        keep(part, final)
        clock = self.source.clock
        jumped = any(self.table.pts[jump.rank] <= last_pts for jump in self.table.jumps)
        self.segments.append(
            Segment(
                Segment.identify(self.camera_id, to_us(span.start_at), written.sha256),
                self.camera_id, self.mounting_id, span, written.first_pts, written.time_base, written.frame_count,
                written.width_px, written.height_px, written.codec, clock.clock, None if jumped else clock.error_s,
                written.size_bytes, written.sha256, final.relative_to(self.home_root).as_posix(),
                self.source.path.name, transcoded,
            )
        )  # fmt: skip


class _Pieces:
    """Say to which piece a picture belongs: a new one begins when the last is long enough, or after a pause."""

    def __init__(self, longest: int, pause: int, frame_ticks: int) -> None:
        self.longest, self.pause, self.frame_ticks = longest, pause, frame_ticks
        self.count = 0
        self.first_pts: int | None = None
        self.last_pts = 0

    def __call__(self, shown: tuple[VideoFrame, int]) -> int:
        pts = shown[1]
        too_long = self.first_pts is not None and pts + self.frame_ticks - self.first_pts > self.longest
        if self.first_pts is None or too_long or pts - self.last_pts > self.pause:
            self.count, self.first_pts = self.count + 1, pts
        self.last_pts = pts
        return self.count


class _Ranked:
    """Packets by their place in the file, read once, with the group before kept for lead-ins."""

    def __init__(self, packets: Iterator[VideoPacket]) -> None:
        self.packets = enumerate(packets)
        self.kept: list[tuple[int, VideoPacket]] = []

    def take(self, lead_in: int, first: int, after: int) -> RankedPackets:
        """Return the packets `[lead_in, after)`; calls go forwards, overlapping by lead-ins only."""
        taken = [(rank, packet) for rank, packet in self.kept if rank >= lead_in]
        while not taken or taken[-1][0] < after - 1:
            ranked = next(self.packets, None)
            if ranked is None:
                break
            if ranked[0] >= lead_in:
                taken.append(ranked)
        last_key = max((rank for rank, packet in taken if packet.is_keyframe), default=first)
        self.kept = [(rank, packet) for rank, packet in taken if rank >= last_key]
        return [(rank, packet) for rank, packet in taken if rank < after]
