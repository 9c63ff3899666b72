"""The three sides of the indexing benchmark: the workbench, the bound below it, and the loop a user would write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.homes import MadeHome
from benchmarks.machine import Cost, Stopwatch
from benchmarks.parts import Parts
from benchmarks.service import ACCESS, BEGAN, stop_keeper
from catalog.footage import Segment
from catalog.observations import LABELS, Analysis, Run
from ray_jobs.intake import Intake, TakenIn, keep_footage, take_in
from ray_jobs.lanes import Lane
from ray_jobs.stages import BATCH_FRAMES, Detect, Follow, Looked
from workbench.media.decode import SegmentDecoder
from workbench.media.frames import FrameBatch
from workbench.media.gate import LumaGate
from workbench.media.importing import Imported
from workbench.media.picture_watch import PictureWatch
from workbench.vision.detector import CPU_BATCH, GRID_PX, PAD_VALUE, Detector

COPIES_APART = timedelta(hours=1)
"""From one copy of a file to the next: a gap, so that the repetition is no frozen feed."""


@dataclass(frozen=True)
class Indexed:
    """What the stages took over some footage, and what they found."""

    cost: Cost
    """Detect and Follow over all segments, every append acknowledged; the keeper's CPU time included."""
    frames: int
    """Frames the detector looked at."""
    held: int
    """Sampled frames whose picture had not changed."""
    detections: int
    tracks: int


def taken_in(made: MadeHome, path: Path, copies: int) -> tuple[tuple[Segment, ...], Cost]:
    """Cut a recording into segments, add them to the catalog, and say what it took.

    Parameters
    ----------
    copies
        Of how many copies of the file the recording consists, an hour apart: longer footage without a longer wait
        for its making.
    """
    watch, intake = Stopwatch((made.keeper_pid,)), Intake()
    parts = [
        take_in(made.home, made.site, path, BEGAN + copy * COPIES_APART).imported.segments for copy in range(copies)
    ]
    whole = TakenIn(Imported(tuple(segment for part in parts for segment in part), ()))
    keep_footage(made.home, ACCESS, made.door, made.site, intake, whole)
    return tuple(intake.in_order()), watch.read()


def run_stages(made: MadeHome, run: Run, segments: Sequence[Segment], parts: Parts) -> Indexed:
    """Index segments as the archive job does: one looks at them in turn, one follows whatever is next in time.

    Both share this process. The follower works in a thread of its own, so that looking goes on while rows become
    durable; both find their weights loaded and the first, slow forward pass behind them.
    """
    stop_keeper(made.home)  # a fresh one does not merge small files within its first 30 s
    detect = Detect(made.home, ACCESS, made.config)
    warm(detect.setup())
    follow = Follow(made.home, ACCESS, run, made.site, made.config)
    follow.setup()
    lane: Lane[Looked] = Lane(segments, set())
    analyses: list[Analysis] = []

    def follow_next() -> None:
        while (positions := lane.next_to_follow()) is not None:
            lane.following = positions
            steps, looked = [lane.step(at) for at in positions], [lane.looked[at] for at in positions]
            analyses.extend(one.analysis for one in follow.process(steps, *looked))
            lane.followed(positions)

    watch = Stopwatch((made.keeper_pid,))
    with ThreadPoolExecutor(1) as follower, parts.timing():
        for position, segment in enumerate(segments):
            lane.looked[position] = detect.process(segment)
            lane.looking = {position + 1} if position + 1 < len(segments) else set()
            follower.submit(follow_next)
        follower.submit(follow_next).result()
    return Indexed(
        watch.read(), sum(one.frames_looked_at for one in analyses), sum(one.frames_held for one in analyses),
        sum(one.detections for one in analyses), sum(one.tracks_begun for one in analyses),
    )  # fmt: skip


def warm(detector: Detector) -> None:
    """Let torch prepare what it prepares once a process."""
    blank = np.zeros((CPU_BATCH, 234, 416, 3), np.uint8)
    numbers = np.arange(CPU_BATCH, dtype=np.int64)
    detector(FrameBatch("warm", numbers, numbers, blank, (416, 234)))


@dataclass(frozen=True)
class Needed:
    """What one segment cannot be looked at without: which packets, which pictures, which batches."""

    path: Path
    packets: NDArray[np.bool_]
    """(P,) by place in the file, whether the packet has to be decoded."""
    wanted: frozenset[int]
    """Time stamps of the pictures handed out, ticks."""
    size_px: tuple[int, int]
    batches: tuple[NDArray[np.uint8], ...]
    """What the network was given, (B, H, W, 3) each, B at most `CPU_BATCH`."""


def what_is_needed(made: MadeHome, segment: Segment, detector: Detector) -> Needed:
    """Find out, by looking at the segment as the pipeline does, what the bound has to decode and to pass."""
    path, watch = made.home.footage_path(segment.uri), PictureWatch(LumaGate(made.config.gate_threshold))
    size_px = detector.input_wh_px((segment.width_px, segment.height_px))
    decoder = SegmentDecoder(path, segment, made.config.sampling, size_px=size_px, batch_frames=BATCH_FRAMES)
    wanted: list[int] = []
    batches: list[NDArray[np.uint8]] = []
    for batch in decoder:
        wanted += batch.pts.tolist()
        shown = batch.rgb[[not watch.judge(picture)[1] for picture in batch.rgb]]
        batches += [padded(shown[start : start + CPU_BATCH]) for start in range(0, len(shown), CPU_BATCH)]
    return Needed(path, _needed_packets(path, frozenset(wanted)), frozenset(wanted), size_px, tuple(batches))


def padded(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (B, H, W, 3) pictures filled up to the network's grid."""
    height, width = (-(-side // GRID_PX) * GRID_PX for side in rgb.shape[1:3])
    filled = np.full((len(rgb), height, width, 3), PAD_VALUE, np.uint8)
    filled[:, : rgb.shape[1], : rgb.shape[2]] = rgb
    return filled


def _needed_packets(path: Path, wanted: frozenset[int]) -> NDArray[np.bool_]:
    """Return which packets lie between a key frame and the last wanted picture before the next one."""
    with av.open(str(path)) as container:
        packets = [(packet.pts, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    needed, start = np.zeros(len(packets), bool), 0
    for place, (pts, key) in enumerate(packets):
        start = place if key else start
        if pts in wanted:
            needed[start : place + 1] = True
    return needed


def bare_decode(needed: Sequence[Needed]) -> None:
    """Decode these packets and scale these pictures, and do nothing else."""
    for one in needed:
        width_px, height_px = one.size_px
        with av.open(str(one.path)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            context.thread_count = 1
            place = -1
            for packet in container.demux(stream):
                place += bool(packet.size)
                if packet.size and not one.packets[place]:
                    continue
                context.skip_frame = "DEFAULT" if packet.size == 0 or packet.pts in one.wanted else "NONREF"
                for frame in context.decode(packet if packet.size else None):
                    if frame.pts in one.wanted:
                        frame.to_ndarray(format="rgb24", width=width_px, height=height_px, interpolation="AREA")


@torch.inference_mode()
def bare_forward(needed: Sequence[Needed], detector: Detector) -> None:
    """Pass these batches through the network, and do nothing else."""
    for one in needed:
        for batch in one.batches:
            pictures = torch.from_numpy(batch).permute(0, 3, 1, 2).to(torch.float32)
            detector.network.candidates(pictures, detector.config.min_confidence)


def users_loop(path: Path, sampled: frozenset[int], detector: Detector, database: Path) -> int:
    """Index a file the way a script would: read every frame, look at the sampled ones one by one, insert the boxes.

    Rows are committed once a minute of footage. Nothing is hashed, tracked or ruled upon.

    Parameters
    ----------
    sampled
        Numbers of the frames to look at.

    Returns
    -------
    int
        How many boxes were inserted.
    """
    capture, connection, boxes, number = cv2.VideoCapture(str(path)), sqlite3.connect(database), 0, 0
    connection.execute("create table detections (frame, label, confidence, x1, y1, x2, y2)")
    per_minute = round(60 * capture.get(cv2.CAP_PROP_FPS))
    while True:
        more, picture = capture.read()
        if not more:
            break
        if number in sampled:
            native = (picture.shape[1], picture.shape[0])
            small = cv2.resize(picture, detector.input_wh_px(native), interpolation=cv2.INTER_AREA)
            rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)[None]
            at = np.array([number], np.int64)
            (found,) = detector(FrameBatch("segment", at, at, np.asarray(rgb, np.uint8), native))
            rows = [
                (number, LABELS[label], confidence, *box)
                for label, confidence, box in zip(
                    found.class_index.tolist(), found.confidence.tolist(), found.xyxy_px.tolist(), strict=True
                )
            ]
            connection.executemany("insert into detections values (?, ?, ?, ?, ?, ?, ?)", rows)
            boxes += len(rows)
        number += 1
        if number % per_minute == 0:
            connection.commit()
    connection.commit()
    connection.close()
    capture.release()
    return boxes


def sampled_numbers(segments: Sequence[Segment], needed: Sequence[Needed]) -> frozenset[int]:
    """Return which frames of the whole file, counted from 0, the pipeline looks at."""
    numbers: set[int] = set()
    first = 0
    for segment, one in zip(segments, needed, strict=True):
        with av.open(str(one.path)) as container:
            stamps = sorted(packet.pts or 0 for packet in container.demux(video=0) if packet.size)
        numbers.update(first + place for place, pts in enumerate(stamps) if pts in one.wanted)
        first += segment.frame_count
    return frozenset(numbers)
