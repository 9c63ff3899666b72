"""One camera's line of work: its feed is recorded, its pictures are looked at and followed, in the order of time.

Three kinds of thread touch it, each its own part: the feed's thread records and hands over packets, a decoding
thread turns them into pictures, a following thread takes the answers. What lies between them is bounded: when
looking falls behind, pictures are left out, never packets of the recording.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from random import Random

import numpy as np
from numpy.typing import NDArray

from catalog.errors import UnreadableFootage
from catalog.footage import LEVELS, Gap, Level, SamplingLevel, Segment
from catalog.home import Home
from catalog.spans import Span, from_us, to_us
from ray_jobs.live.config import CameraPlan, LiveConfig
from ray_jobs.live.detecting import Detecting
from ray_jobs.live.figures import CameraFigures, Latencies
from ray_jobs.live.following import LOOKING, Following, Memory
from ray_jobs.live.holding import hold
from ray_jobs.live.looking import Looking
from ray_jobs.live.voice import Voice
from ray_jobs.live.writing import Writing
from workbench.feeds.credentials import CredentialStore
from workbench.feeds.feed_source import FeedSource
from workbench.feeds.feed_watch import HealthChange
from workbench.feeds.levels import LevelChooser, turn_of
from workbench.feeds.live_feed import FeedPlan, LiveFeed
from workbench.feeds.recorder import OpenSegment, Placed, Recorder
from workbench.feeds.sampler import Damage
from workbench.feeds.sub_feed import SubFeed
from workbench.feeds.tap import Tap
from workbench.feeds.unfinished import Note, discard, finish_note, take_up
from workbench.rules.alerting import alert_of_health, health_alert_id

log = logging.getLogger(__name__)

TAIL_FRAMES = 64
"""Recorded frames remembered to find the one a picture of the small stream belongs to: 2 s at 30 fps."""

SMALL_AGAIN_S = 60.0
"""A small stream that does not come is not counted on for so long, seconds."""

LOCK_WAIT_S = 0.25
"""Between two tries to become the one that records a camera, seconds."""

NOT_LOOKED_AT = "recorded only: the process that watched ended before it was looked at"


@dataclass(frozen=True)
class CameraStart:
    """Where a camera's work goes on: what the catalog held when its shard was told to watch it."""

    last_end_at: datetime | None = None
    """End of its last footage."""
    looked_until_at: datetime | None = None
    """End of the last segment that this run stated."""
    memory: Memory | None = None
    open_gaps: tuple[Gap, ...] = ()
    open_levels: tuple[SamplingLevel, ...] = ()
    """Levels of looking that a process which died left without an end."""
    open_health: tuple[tuple[str, str], ...] = ()
    """Alerts about the camera that are open: their id and rule."""


@dataclass(frozen=True)
class Shop:
    """What all lines of a shard share."""

    home: Home
    config: LiveConfig
    writing: Writing
    detecting: Detecting
    finishing: Executor
    """Closes segment files."""
    decode: Callable[[CameraLine], None]
    """Gives a line a turn at decoding."""
    follow: Callable[[CameraLine], None]
    """Gives a line a turn at following."""
    why_closed: Callable[[str], str | None]
    """Why a camera's feed may not be read now."""
    await_word: Callable[[str], None]
    """Waits, not for long, until the keeper has said whether a camera's feed may be read."""
    clock_us: Callable[[], int]
    latencies: Latencies = field(default_factory=Latencies)


class CameraLine:
    """One camera's line of work."""

    def __init__(self, plan: CameraPlan, start: CameraStart, shop: Shop, seed: int) -> None:
        self.plan, self.start, self.shop = plan, start, shop
        self.camera_id = plan.camera_id
        self.level: Level = "record"
        """How closely it is looked at; chosen by `tick`, asked for every packet."""
        self._why_closed = partial(shop.why_closed, self.camera_id)
        self.tap = Tap()
        self._random = Random(seed)
        self._folder = shop.home.footage_dir / self.camera_id
        source = FeedSource.parse(str(plan.site.camera.stream_uri))
        name = source.uri.partition("?")[0].rpartition("/")[2] or source.kind
        self.voice = Voice(
            shop.home, self.camera_id, name, shop.writing, shop.latencies, shop.clock_us, start.open_health
        )  # fmt: skip
        self.following = Following(plan, shop.config, self.voice, start.memory)
        self.looking = Looking(
            shop.config.sampler, shop.detecting, self.following, self.voice.counts,
            lambda: shop.decode(self), lambda: shop.follow(self),
        )  # fmt: skip
        recorder = Recorder(
            self.camera_id, self._mounting_at, name, self._folder, segment_s=shop.config.segment_s
        )  # fmt: skip
        credential = CredentialStore(shop.home.root).for_camera(self.camera_id, source.uri)
        self.feed = LiveFeed(
            FeedPlan(self.camera_id, source, name, credential), recorder, self, self._why_closed,
            clock_us=shop.clock_us, random=self._random, last_end_us=to_us(start.last_end_at),
        )  # fmt: skip
        self._chooser = LevelChooser(turn=turn_of(self.camera_id))
        self._tail: deque[Placed] = deque(maxlen=TAIL_FRAMES)
        self._sub: SubFeed | None = None
        self._small_again_s = float("-inf")
        """When the small stream may be tried again, on the steady clock, after it did not come."""
        self._stopping = self._has_looked = False
        self._unkept: list[Note] = []
        """Segments the disk did not take when they were closed."""
        self._thread = threading.Thread(target=self._run, name=f"feed-{self.camera_id}", daemon=True)

    def __repr__(self) -> str:
        return f"<line of {self.camera_id}>"

    def open(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to close its segment and leave; `join` waits for it."""
        self._stopping = True
        self.feed.stop()
        self._close_sub_stream()
        self.tap.close("the camera is watched no more")

    def join(self, timeout_s: float) -> None:
        """Wait until its recording has ended."""
        self._thread.join(timeout_s)

    @property
    def broken(self) -> bool:
        """True when its thread has ended although nobody asked it to."""
        return not self._thread.is_alive() and not self._stopping

    def again(self) -> CameraStart:
        """Return where a line that takes this one's place goes on, after its thread broke."""
        return CameraStart(from_us(self.feed.last_end_us), None, self.following.memory)

    @property
    def idle(self) -> bool:
        """True when nothing of it waits to be decoded or followed."""
        return self.looking.idle and self.following.idle

    def replan(self, plan: CameraPlan) -> None:
        """Work by another plan from the next segment on; its feed is the same."""
        self.plan = plan
        self.following.replan(plan)

    def tick(self, now_s: float, *, open_incident: bool, shed: str) -> None:
        """Choose how closely to look; to be called about twice a second."""
        closed = self._why_closed()
        if closed is not None:
            self.tap.close(closed)
        if self._unkept and not shed:
            self._finish_late()
        figures, now_us = self.feed.figures, self.shop.clock_us()
        if not shed or self._has_looked:  # what has never begun need not be patient once it can
            self._has_looked = True
            self._choose_level(now_s, open_incident=open_incident, shed=shed)
        if self.level == "substream":
            self._open_sub_stream()
        else:
            self._close_sub_stream()
        blind = self.following.blind
        if figures.state != "recording":
            return
        if self.level == "record":
            blind.begin("skipped", f"recorded only: {self.voice.level_reason or shed}", now_us)
        blind.tick(now_us)
        self.voice.well_for((now_us - figures.since_us) / 1e6)

    def _choose_level(self, now_s: float, *, open_incident: bool, shed: str) -> None:
        if self._sub is not None and self._sub.problem:
            self._small_again_s = now_s + SMALL_AGAIN_S
        before = self.level
        need = self.plan.need(open_incident=open_incident, small_comes=now_s >= self._small_again_s)
        lag_s, gop_s = self.looking.lag_s(now_s), self.feed.figures.gop_s
        change = self._chooser.step(now_s, need, lag_s, gop_s, shed)
        self.level = self._at_most(self._chooser.level)
        if change is not None and (self.level != before or not self.voice.level_reason):
            self.voice.level(self.level, change.reason)

    def _at_most(self, level: Level) -> Level:
        """Return the level, or the closest one that is allowed here."""
        top = self.shop.config.top_level
        return LEVELS[min(LEVELS.index(level), LEVELS.index(top))] if top in LEVELS else level

    def figures(self, fps: float, looks_hz: float) -> CameraFigures:
        """Return how it is doing."""
        feed, counts = self.feed.figures, self.voice.counts
        return CameraFigures(
            self.camera_id, feed.state, feed.since_us, feed.detail, self.level, self.voice.level_reason, fps,
            looks_hz, round(self.looking.lag_s(time.monotonic()), 3), feed.gop_s, feed.clock, feed.packets,
            feed.size_bytes, counts.segments, counts.gaps, counts.frames_decoded, counts.frames_inferred,
            counts.frames_held, counts.passed_over, counts.detections, counts.tracks, counts.events, counts.alerts,
            counts.unwritten,
        )  # fmt: skip

    # What the feed tells, from its thread

    def wants(self, *, key: bool) -> bool:
        """Tell whether the next packet's bytes are wanted: to be looked at, or watched."""
        looks_at = self._looks_at(key=key)
        if not looks_at:
            self.looking.left_out()
        return looks_at or self.tap.watched

    def _looks_at(self, *, key: bool) -> bool:
        level = self.level
        return level == "full" or (key and level == "keyframes")

    def begun(self, segment: OpenSegment) -> None:
        """Take in that a segment is being recorded."""
        self.looking.begun(segment)

    def packet(self, data: bytes, placed: Placed, *, key: bool) -> None:
        """Take a recorded packet."""
        current = self.feed.recorder.current
        if self.tap.watched and current is not None:
            self.tap.push(data, placed, current.track, key=key)
        if self._looks_at(key=key):
            self.looking.packet(data, placed, self.level, key=key)

    def placed(self, placed: Placed) -> None:
        """Take in where a packet came to lie, looked at or not."""
        self._tail.append(placed)

    def ended(self, segment: OpenSegment, until_us: int | None) -> None:
        """Take a segment that is to be finished."""
        closing = self.shop.finishing.submit(self._finish, segment, until_us)
        self.looking.ended(segment, closing, last=self._stopping)

    def damaged(self, from_us: int, until_us: int, detail: str) -> None:
        """Take in that a stretch of the open segment is damaged."""
        self.looking.damaged(Damage(from_us, until_us, detail))

    def gap(self, gap: Gap) -> None:
        """Take a stretch without footage; a stretch without a look ends where it begins."""
        self.following.blind.end(to_us(gap.span.start_at))
        self.voice.gap(gap)

    def health(self, change: HealthChange) -> None:
        """Raise or close an alert about the camera."""
        if change.ended_at_us is None:
            self.voice.raise_alert(alert_of_health(self.camera_id, change, self.voice.now))
        else:
            self.voice.close_alert(health_alert_id(self.camera_id, change), "recovered")

    # Its thread

    def _run(self) -> None:
        lock = self._become_the_one()
        try:
            if lock is None:
                return
            self._take_up()
            self.shop.await_word(self.camera_id)
            self.feed.run()
        except Exception:
            log.exception("the line of %s broke; another takes its place", self.camera_id)
            raise
        finally:
            now_us = self.shop.clock_us()
            self.following.blind.end(now_us)
            self.voice.end_level()
            if lock is not None:
                os.close(lock)

    def _become_the_one(self) -> int | None:
        """Wait until no other process records this camera; the director has mostly waited for that already."""
        while not self._stopping:
            lock = hold(self.shop.home, self.camera_id)
            if lock is not None:
                return lock
            self.feed.figures.set("lost", self.shop.clock_us(), "another process still records it")
            time.sleep(LOCK_WAIT_S)
        return None

    def _take_up(self) -> None:
        """Keep what a process that died had recorded, and end what it left open."""
        notes, wrong = take_up(self._folder, self.shop.home.root, self._mounting_at)
        for words in wrong:
            log.warning("%s: what an earlier process left: %s", self.camera_id, words)
        self._unkept += [note for note in notes if note.segment is None]
        kept = [(note.segment, note) for note in notes if note.segment is not None]
        for segment, note in kept:
            self.voice.segment(segment, note)
        ends = [self.start.last_end_at, *(segment.span.end_at for segment, _ in kept)]
        last_end_at = max((end_at for end_at in ends if end_at is not None), default=None)
        self.feed.goes_on_from(to_us(last_end_at))
        self._say_unseen(last_end_at)
        for level in self.start.open_levels:
            self.voice.ended_level(level, max(last_end_at or level.span.start_at, level.span.start_at))
        now = from_us(self.shop.clock_us())
        for gap in self.start.open_gaps:
            footage_missing = not gap.source_name.endswith(LOOKING)
            end_at = now if footage_missing else max(last_end_at or gap.span.start_at, gap.span.start_at)
            self.voice.gap(replace(gap, span=Span(gap.span.start_at, max(end_at, gap.span.start_at))))

    def _say_unseen(self, last_end_at: datetime | None) -> None:
        """Say what was recorded, but not looked at any more before the process died."""
        looked_until_at = self.start.looked_until_at
        said = any(gap.reason == "skipped" for gap in self.start.open_gaps)
        if looked_until_at is None or last_end_at is None or said or looked_until_at >= last_end_at:
            return
        span = Span(looked_until_at, last_end_at)
        self.voice.gap(Gap(self.camera_id, span, "skipped", NOT_LOOKED_AT, None, self.voice.source_name))

    def _finish(self, segment: OpenSegment, until_us: int | None) -> Segment:
        try:
            kept = segment.finish(self._folder, self.shop.home.root, until_us)
        except OSError as error:
            self._unkept.append(segment.note)  # on a full disk, what is written so far is finished later
            lost = segment.lost_tail(until_us, f"footage cannot be written: {error.strerror or error}")
            if lost.span.end_at != lost.span.start_at:
                self.voice.gap(lost)
            raise
        self.voice.counts.add("segments")
        self.voice.segment(kept, segment.note.closed_as(kept))
        return kept

    def _finish_late(self) -> None:
        """Finish a segment for which there was no room when it was closed."""
        note = self._unkept.pop(0)
        try:
            closed = finish_note(self._folder, self.shop.home.root, note)
        except (UnreadableFootage, FileNotFoundError) as error:
            log.warning("%s: nothing could be kept of %s: %s", self.camera_id, note.part_name, error)
            discard(self._folder, note)
            return
        except OSError as error:
            log.info("%s: %s is tried again: %s", self.camera_id, note.part_name, error)
            self._unkept.append(note)
            return
        if closed.segment is not None:
            self.voice.counts.add("segments")
            self.voice.segment(closed.segment, closed)

    def _mounting_at(self, start_us: int) -> str:
        return self.plan.site.mounting_at(from_us(start_us)).mounting_id

    # The small stream

    def _open_sub_stream(self) -> None:
        uri = self.plan.small_uri
        if self._sub is not None or uri is None:
            return
        source, config = FeedSource.parse(uri), self.shop.config.sampler
        credential = CredentialStore(self.shop.home.root).for_camera(self.camera_id, source.uri)
        self._sub = SubFeed(
            source, credential, self._why_closed, self._show,
            fps=config.full_fps, picture_px=config.picture_px, clock_us=self.shop.clock_us, random=self._random,
        )  # fmt: skip
        threading.Thread(target=self._sub.run, name=f"sub-{self.camera_id}", daemon=True).start()

    def _close_sub_stream(self) -> None:
        sub, self._sub = self._sub, None
        if sub is not None:
            sub.stop()

    def _show(self, rgb: NDArray[np.uint8], at_us: int) -> None:
        """Take a picture of the small stream: its address is that of the recorded frame next to it in time."""
        tail = list(self._tail)
        if tail and self.feed.recorder.current is not None:
            self.looking.shown(rgb, min(tail, key=lambda placed: abs(placed.seen_at - at_us)))
