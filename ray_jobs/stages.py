"""The stages of a run as plain classes: find things in a segment, follow them through time.

A segment's looks are a function of its bytes and the settings; its rows, of the looks and of what was known at
the end of the segment before. Nothing here knows Ray, a queue or a neighbour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from catalog.access import Access
from catalog.client import KeeperClient, open_door
from catalog.errors import NotFound
from catalog.footage import Gap, Segment
from catalog.home import Home
from catalog.observations import Run, SegmentRows
from catalog.reader import Reader
from ray_jobs.config import WEIGHTS, IndexConfig
from ray_jobs.known import Followed, Site
from ray_jobs.lanes import Step
from workbench.assets import AssetStore
from workbench.media.decode import SegmentDecoder
from workbench.media.frames import FrameBatch, FrameLook
from workbench.media.gate import LumaGate
from workbench.media.picture_watch import PictureWatch
from workbench.rules.follow import Follower

if TYPE_CHECKING:
    from workbench.vision.detector import Detector

BATCH_FRAMES = 16
"""Frames decoded and detected together: two forward passes on a CPU, 6 MB of pictures."""

MOST_ATTEMPTS = 5
"""Times a worker may die over one segment before the segment is written down as undecodable. Workers also die
innocently (a machine lost, memory short), so a few tries are given; a file that crashes the decoder crashes it
each time."""


@dataclass(frozen=True)
class Looked:
    """What the frames of one segment showed."""

    segment_id: str
    looks: tuple[FrameLook, ...]
    frames_decoded: int
    gaps: tuple[Gap, ...]
    """Spans of the segment that could not be decoded."""


class MemoryMissing(NotFound):
    """The catalog does not hold what was known at the end of the segment before."""


class Detect:
    """Find things in the frames of one segment.

    Parameters
    ----------
    home
        Where footage and weights are.
    access
        On whose behalf footage is opened.
    """

    def __init__(self, home: Home, access: Access, config: IndexConfig) -> None:
        self.home, self.access, self.config = home, access, config
        self._detector: Detector | None = None

    def setup(self) -> Detector:
        """Load the weights, here, on the worker; a worker that came back does so again."""
        if self._detector is None:
            import torch

            from workbench.vision.detector import Detector

            torch.set_num_threads(1)  # one worker a core: more threads would only wait for each other
            weights = AssetStore(self.home.assets_dir).path(WEIGHTS)
            self._detector = Detector.load(weights, self.config.detector)
            self._door = open_door(self.home)
        return self._detector

    def ready(self) -> None:
        """Return when the weights are loaded."""
        self.setup()

    def process(self, segment: Segment) -> Looked:
        """Return what the frames of this segment show.

        A segment that cannot be read, or over which workers keep dying, comes back as a gap.

        Raises
        ------
        NotPermitted
            When the camera's owner does not, or no longer, allow its footage to be opened.
        """
        detector = self.setup()
        self._door.permit(self.access, segment.camera_id, segment.span)
        fault = _fault(self.home, segment)
        if fault is not None:
            return _unreadable(segment, fault)
        attempts = Attempts(self.home, segment)
        if attempts.count >= MOST_ATTEMPTS:
            return _unreadable(segment, f"{attempts.count} workers died while decoding it")
        with attempts:
            return self._look(detector, segment)

    def _look(self, detector: Detector, segment: Segment) -> Looked:
        size_px = detector.input_wh_px((segment.width_px, segment.height_px))
        decoder = SegmentDecoder(
            self.home.footage_path(segment.uri), segment, self.config.sampling,
            size_px=size_px, batch_frames=BATCH_FRAMES, decoder=self.config.decoder,
        )  # fmt: skip
        watch = PictureWatch(LumaGate(self.config.gate_threshold))
        looks = [look for batch in decoder for look in _look_at(batch, detector, watch)]
        return Looked(segment.segment_id, tuple(looks), decoder.frames_decoded, tuple(decoder.gaps))


def _look_at(batch: FrameBatch, detector: Detector, watch: PictureWatch) -> Iterator[FrameLook]:
    """Judge every frame of a batch, and run the detector once over those whose picture changed."""
    judged = [watch.judge(picture) for picture in batch.rgb]
    rows = np.array([row for row, (_, held) in enumerate(judged) if not held], np.intp)
    shown = FrameBatch(batch.segment_id, batch.pts[rows], batch.seen_at[rows], batch.rgb[rows], batch.frame_wh_px)
    found = iter(detector(shown)) if len(rows) else iter(())
    for row, (stats, held) in enumerate(judged):
        yield FrameLook(int(batch.pts[row]), int(batch.seen_at[row]), held, stats, None if held else next(found))


def _fault(home: Home, segment: Segment) -> str | None:
    """Return why the segment's file may not be used; `None` when it holds the bytes that were recorded."""
    path = home.footage_path(segment.uri)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"its file cannot be read: {error.strerror}"
    return None if found == segment.sha256 else f"its file has other bytes than were recorded: sha256 {found}"


def _unreadable(segment: Segment, detail: str) -> Looked:
    gap = Gap(segment.camera_id, segment.span, "undecodable", detail, segment.segment_id, segment.source_name)
    return Looked(segment.segment_id, (), 0, (gap,))


class Attempts:
    """How often workers began to look at a segment and never came back: one byte a time in a small file.

    A decoder that aborts takes its whole process with it, and Ray would start the next one on the same segment
    for ever.
    """

    def __init__(self, home: Home, segment: Segment) -> None:
        self.path = home.run_dir / "attempts" / segment.segment_id

    @property
    def count(self) -> int:
        """Workers that have died over this segment."""
        return self.path.stat().st_size if self.path.exists() else 0

    def __enter__(self) -> Attempts:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(b".")
        return self

    def __exit__(self, *exception: object) -> None:
        self.path.unlink(missing_ok=True)


def goes_on(previous: Segment, segment: Segment, overlap_s: float) -> bool:
    """Tell whether tracks may go on from one segment to the next: the same mounting, and later.

    Footage that was seen before, from a second copy or with a wrong clock, is followed on its own.
    """
    ended_at = previous.span.end_at
    later = ended_at is None or segment.span.start_at >= ended_at - timedelta(seconds=overlap_s)
    return later and previous.mounting_id == segment.mounting_id


class Follow:
    """Turn what one camera's segments show into tracks and events, in the order of time, and keep the rows.

    Parameters
    ----------
    access
        On whose behalf the run's memory is read.
    site
        How the camera hangs, and the zones drawn on its pictures.
    """

    def __init__(self, home: Home, access: Access, run: Run, site: Site, config: IndexConfig) -> None:
        self.home, self.access, self.run, self.site, self.config = home, access, run, site, config
        self._door: KeeperClient | None = None
        self._follower: Follower | None = None
        self._after: str | None = None
        """The segment at whose end the follower stands; `None` when that is not known."""

    def setup(self) -> KeeperClient:
        """Open the catalog's write door, here, on the worker."""
        if self._door is None:
            self._door = open_door(self.home)
        return self._door

    def process(self, steps: Sequence[Step], *looked: Looked) -> tuple[Followed, ...]:
        """Follow these segments and return when their rows are durable.

        Raises
        ------
        MemoryMissing
            When the segment before the first of these is not in the catalog: it has to be done again first.
        NotPermitted
            When the consent the run rests on no longer stands.
        """
        rows = [self._follow(step, seen) for step, seen in zip(steps, looked, strict=True)]
        after, self._after = self._after, None  # not known again until the catalog has taken the rows
        door = self.setup()
        with ThreadPoolExecutor(len(rows)) as together:  # side by side, they share one group commit
            list(together.map(lambda one: door.append(self.access, one), rows))
        self._after = after
        return tuple(Followed(one.analysis, tuple(one.gaps.column("gap_id").to_pylist())) for one in rows)

    def _follow(self, step: Step, seen: Looked) -> SegmentRows:
        follower = self._follower_for(step)
        self._after = None  # a follower that stopped half way stands nowhere
        rows = follower.process(
            step.segment, seen.looks, decode_gaps=seen.gaps, frames_decoded=seen.frames_decoded,
            sampling=self.config.sampling,
        )  # fmt: skip
        self._follower, self._after = follower, step.segment.segment_id
        return rows

    def _follower_for(self, step: Step) -> Follower:
        segment, previous = step.segment, step.previous
        mounting = self.site.mounting(segment.mounting_id)
        zones = self.site.zones_on(segment.mounting_id, (segment.width_px, segment.height_px))
        if previous is None or not goes_on(previous, segment, self.config.follow.overlap_s):
            return Follower(self.config.follow, self.run, mounting, zones)
        if self._follower is not None and self._after == previous.segment_id:
            return self._follower
        memory = self._memory_after(previous)
        return Follower.restore(memory, self.config.follow, self.run, mounting, zones)

    def _memory_after(self, segment: Segment) -> bytes:
        reader = Reader(self.home, self.access, self.setup())
        try:
            answer = reader.ask("memory_of", run_id=self.run.run_id, segment_id=segment.segment_id)
        finally:
            reader.close()
        if answer.num_rows == 0:
            raise MemoryMissing(
                f"run {self.run.run_id} has no memory of the end of segment {segment.segment_id} "
                f"of {segment.camera_id!r}; it has to be followed again first"
            )
        memory: bytes = answer.column("memory")[0].as_py()
        return memory
