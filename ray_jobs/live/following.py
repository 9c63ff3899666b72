"""One camera's answers in the order of time: tracks, events and alerts at once, rows when the segment is closed."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from catalog.errors import BadInput, CatalogConflict
from catalog.footage import Gap, Segment
from catalog.observations import Detections, SegmentRows
from catalog.spans import Span, from_us
from ray_jobs.live.blind import BlindGap
from ray_jobs.live.config import CameraPlan, LiveConfig
from ray_jobs.live.voice import Voice
from workbench.feeds.recorder import OpenSegment
from workbench.feeds.sampler import Damage, SampledPicture
from workbench.media.frames import FrameLook
from workbench.rules.alerting import alert_of_event, closing_of_event
from workbench.rules.firm import firm, stand_in
from workbench.rules.follow import Follower

log = logging.getLogger(__name__)

LOOKING = " (looking)"
"""How the source of a gap ends in which footage was recorded, but not looked at."""

UNSEEN = "none"
"""How a segment was sampled in which nobody looked."""

STATES = ("track_states", "event_states")
"""Tables of a segment's rows that say how things stand."""


@dataclass(frozen=True)
class SegmentBegun:
    """A segment is being recorded from here on."""

    segment: OpenSegment


@dataclass(frozen=True)
class Looked:
    """A sampled picture, and the promise of what is in it."""

    picture: SampledPicture
    answer: Future[Detections] | None
    """`None` where the picture is held."""
    since_s: float
    """When its packet came, on the steady clock."""
    sampling: str
    """How it was chosen: `5 fps`, `keyframes` or `substream 5 fps`."""


@dataclass(frozen=True)
class LeftOut:
    """Nothing is looked at from here to the next look."""

    at_us: int
    """µs since 1970 UTC."""
    why: str


@dataclass(frozen=True)
class SegmentEnded:
    """A segment is closed, or will be soon."""

    closing: Future[Segment]
    last: bool
    """True where nobody looks on from here."""
    frames_decoded: int = 0
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True)
class Memory:
    """Tracker and rules at a segment's end."""

    mounting_id: str
    """How the camera hung then: tracks do not go on when it hangs otherwise."""
    state: bytes


Step = SegmentBegun | Looked | LeftOut | Damage | SegmentEnded


class Following:
    """Takes what one camera shows; used by one thread at a time.

    A segment's id rests on its bytes, so while it is open a stand-in is used. Alerts go out at once; rows are made
    firm and said when the segment has its name.

    Parameters
    ----------
    memory
        Where this run stood at the end of the last segment it stated; `None` to begin anew.
    """

    def __init__(self, plan: CameraPlan, config: LiveConfig, voice: Voice, memory: Memory | None) -> None:
        self.plan, self._config, self._voice = plan, config, voice
        self._memory = memory
        self._follower: Follower | None = None
        self._steps: deque[Step] = deque()
        self._open: OpenSegment | None = None
        self._open_id = ""
        self._entered = False
        """True once the follower has begun the open segment."""
        self._gaps: list[Gap] = []
        self._samplings: set[str] = set()
        self._next_plan: CameraPlan | None = None
        self._parting: tuple[CameraPlan, Memory] | None = None
        """What went on by an earlier plan or mounting, and is to be ended with the open segment."""
        self._missed_us = 0
        """Footage of the open segment that could not be used before anything in it was looked at, µs."""
        self._alerted: set[str] = set()
        """Events that go on and whose alert has been raised: their end raises it no second time."""
        self.blind = BlindGap(voice.camera_id, f"{voice.source_name}{LOOKING}", voice.gap)
        """The stretch in which footage is recorded but nobody looks."""

    @property
    def memory(self) -> Memory | None:
        """Where the run stands at the end of the last segment it stated; `None` before the first."""
        return self._memory

    def put(self, step: Step) -> None:
        """Take what comes next in time."""
        self._steps.append(step)

    def replan(self, plan: CameraPlan) -> None:
        """Work by another plan from the next segment on; tracks go on where it asks for the same work."""
        self._next_plan = plan

    @property
    def unanswered(self) -> int:
        """Pictures whose answer is not followed yet."""
        return sum(isinstance(step, Looked) for step in list(self._steps))

    @property
    def oldest_s(self) -> float | None:
        """When the packet of the oldest such picture came, on the steady clock; `None` without any."""
        return next((step.since_s for step in list(self._steps) if isinstance(step, Looked)), None)

    @property
    def idle(self) -> bool:
        """True when nothing waits."""
        return not self._steps

    def go_on(self) -> None:
        """Take the answers that are there, up to the first that is not."""
        while self._steps:
            head = self._steps[0]
            if isinstance(head, Looked) and head.answer is not None and not head.answer.done():
                return
            if isinstance(head, SegmentEnded) and not head.closing.done():
                return
            self._steps.popleft()
            try:
                self._take(head)
            except Exception as error:
                log.exception("%s: what it showed could not be followed", self._voice.camera_id)
                self._lose(head, f"{type(error).__name__}: {error}")

    def _take(self, step: Step) -> None:
        if isinstance(step, SegmentBegun):
            self._begin(step.segment)
        elif self._open is None:
            return
        elif isinstance(step, Looked):
            self._look(step)
        elif isinstance(step, LeftOut):
            self.blind.begin("skipped", step.why, step.at_us)
        elif isinstance(step, Damage):
            self._note(step)
        else:
            self._end(step)

    def _lose(self, step: Step, why: str) -> None:
        """Forget what was seen in this segment: whatever failed, tracks go on from what is written down."""
        self._follower, self._entered, self._parting = None, False, None
        if isinstance(step, Looked):
            self.blind.begin("skipped", f"following failed: {why}", step.picture.placed.seen_at)
        elif isinstance(step, SegmentEnded) and _why_not(step.closing) is None:
            self._open = None
            segment = step.closing.result()
            voice = self._voice
            voice.gap(
                Gap(
                    voice.camera_id, segment.span, "skipped", f"following failed: {why}", segment.segment_id,
                    f"{voice.source_name} (following)",
                )
            )  # fmt: skip

    def _begin(self, segment: OpenSegment) -> None:
        if self._open is not None:
            log.warning("%s: a segment was never ended; what was seen in it is lost", self._voice.camera_id)
            self._follower = None
        self._open, self._entered, self._missed_us = segment, False, 0
        self._open_id = stand_in(self._voice.camera_id, segment.start_at)
        self._gaps, self._samplings = [], set()
        self._take_plan()
        if self._memory is not None and self._memory.mounting_id != segment.note.mounting_id:
            self._part_from(self.plan)

    def _take_plan(self) -> None:
        """Go over to the next plan, if there is one."""
        before, plan, self._next_plan = self.plan, self._next_plan, None
        if plan is None:
            return
        self.plan = plan
        if not _same_work(before, plan):
            self._part_from(before)

    def _part_from(self, plan: CameraPlan) -> None:
        """Begin anew; what went on by this plan is ended with the next segment that is closed."""
        memory = self._memory
        if memory is not None and any(one.mounting_id == memory.mounting_id for one in plan.site.mountings):
            self._parting = self._parting or (plan, memory)
        self._follower = self._memory = None

    def _look(self, step: Looked) -> None:
        placed, detections = step.picture.placed, None
        if step.answer is not None:
            if _why_not(step.answer) is not None:
                self._voice.counts.add("passed_over")
                self.blind.begin("skipped", "no detector answered", placed.seen_at)
                return
            detections = replace(
                step.answer.result(), segment_id=self._open_id, pts=placed.pts, seen_at=placed.seen_at
            )  # fmt: skip
        follower = self._entered_follower()
        follower.look(
            FrameLook(placed.pts, placed.seen_at, detections is None, step.picture.stats, detections)
        )  # fmt: skip
        self._voice.counts.add("frames_held" if detections is None else "frames_inferred")
        self._samplings.add(step.sampling)
        self.blind.end(placed.seen_at)
        self._tell_news(follower, placed.seen_at)

    def _entered_follower(self) -> Follower:
        """Return the follower, which has begun the open segment."""
        segment = self._open
        assert segment is not None  # looks come only while a segment is open
        if self._entered and self._follower is not None:
            return self._follower
        follower, mounting_id = self._follower, segment.note.mounting_id
        if follower is None or follower.mounting.mounting_id != mounting_id:
            follower = self._made(self.plan, mounting_id, self._memory)
        size_px = (segment.track.width_px, segment.track.height_px)
        try:
            follower.begin(self._open_id, segment.start_at, size_px)
        except BadInput as error:
            log.warning("%s: %s; tracks begin anew", self._voice.camera_id, error)
            follower = self._made(self.plan, mounting_id, None)
            follower.begin(self._open_id, segment.start_at, size_px)
        follower.miss(self._missed_us)
        self._follower, self._entered, self._missed_us = follower, True, 0
        return follower

    def _made(self, plan: CameraPlan, mounting_id: str, memory: Memory | None) -> Follower:
        """Return a follower for this mounting, going on from a memory where it is of the same mounting and code."""
        site, settings = plan.site, self._config.follow
        mounting, zones = site.mounting(mounting_id), site.drawn_on(mounting_id)
        if memory is not None and memory.mounting_id == mounting_id:
            try:
                return Follower.restore(memory.state, settings, plan.run, mounting, zones)
            except CatalogConflict as error:
                log.warning("%s: %s", self._voice.camera_id, error)
        return Follower(settings, plan.run, mounting, zones)

    def _tell_news(self, follower: Follower, seen_at: int | None) -> None:
        """Raise what someone must answer, before the segment it happens in is closed."""
        now = self._voice.now
        for event in follower.news():
            closing = closing_of_event(event, now)
            if closing is not None:
                self._voice.close_alert(closing.alert_id, closing.outcome)
                continue
            if event.closed_by is not None and event.event_id in self._alerted:
                self._alerted.remove(event.event_id)
                continue
            alert = alert_of_event(event, self._config.alert_rules, now)
            if alert is not None:
                self._voice.raise_alert(alert, seen_at)
                if event.span.end_at is None:
                    self._alerted.add(event.event_id)

    def _note(self, damage: Damage) -> None:
        if damage.end_us <= damage.start_us:
            return
        span = Span(from_us(damage.start_us), from_us(damage.end_us))
        voice = self._voice
        self._gaps.append(
            Gap(voice.camera_id, span, "undecodable", damage.detail, self._open_id, voice.source_name)
        )  # fmt: skip
        missing_us = damage.end_us - damage.start_us
        if self._entered and self._follower is not None:
            self._follower.miss(missing_us)
        else:
            self._missed_us += missing_us

    def _end(self, step: SegmentEnded) -> None:
        for damage in step.damage:
            self._note(damage)
        why = _why_not(step.closing)
        if why is not None:
            # nothing that was seen in it counts: go on from the end of the segment before
            log.warning("%s: a segment could not be kept: %s", self._voice.camera_id, why)
            self._follower = None
        else:
            self._state(step.closing.result(), step)
        self._open = None
        self._take_plan()

    def _state(self, segment: Segment, step: SegmentEnded) -> None:
        """State what was found in the segment, now that it has a name."""
        leaving = step.last or (self._next_plan is not None and not _same_work(self.plan, self._next_plan))
        looked_at = self._entered and self._follower is not None
        said = [self._parted(segment)]
        if looked_at:
            said.append(self._stated(segment, step, leaving=leaving))
        else:
            for gap in self._gaps:
                self._voice.gap(replace(gap, segment_id=segment.segment_id))
            if leaving and self._memory is not None:
                said.append(_where_it_ends_something(self._stated(segment, step, leaving=True)))
        for rows in _joined([one for one in said if one is not None]):
            self._voice.rows(rows)

    def _stated(self, segment: Segment, step: SegmentEnded, *, leaving: bool) -> SegmentRows:
        """Return what was found in the segment; where nobody looks on from here, everything ends with it."""
        looked_at = self._entered
        follower = self._entered_follower()
        if leaving:
            follower.interrupt()
            self._tell_news(follower, None)
        rows = follower.close(
            replace(segment, segment_id=self._open_id), frames_decoded=step.frames_decoded,
            sampling=" + ".join(sorted(self._samplings)) or UNSEEN, decode_gaps=self._gaps if looked_at else (),
        )  # fmt: skip
        rows = firm(rows, self._open_id, segment.segment_id)
        self._memory = Memory(segment.mounting_id, rows.memory)
        # Going on from what is written down shows, segment by segment, that another process could.
        self._follower = self._made(self.plan, segment.mounting_id, self._memory)
        return rows

    def _parted(self, segment: Segment) -> SegmentRows | None:
        """Return the rows that end what went on by an earlier plan or mounting; `None` where nothing did."""
        parting, self._parting = self._parting, None
        if parting is None:
            return None
        plan, memory = parting
        follower = self._made(plan, memory.mounting_id, memory)
        try:
            follower.begin(self._open_id, segment.span.start_at, (segment.width_px, segment.height_px))
        except BadInput as error:
            log.warning("%s: %s; what went on before stays open", self._voice.camera_id, error)
            return None
        follower.interrupt()
        self._tell_news(follower, None)
        of_then = replace(segment, segment_id=self._open_id, mounting_id=memory.mounting_id)
        rows = firm(
            follower.close(of_then, frames_decoded=0, sampling=UNSEEN), self._open_id, segment.segment_id
        )  # fmt: skip
        # nothing is remembered from it: what it knew of the picture was another view
        return _where_it_ends_something(replace(rows, memory=self._made(plan, memory.mounting_id, None).memory))


def _why_not(promise: Future[Any]) -> str | None:
    """Return why a promise that is settled was not kept; `None` where it was."""
    if promise.cancelled():
        return "nobody was left to keep it"
    error = promise.exception()
    return None if error is None else str(error) or type(error).__name__


def _same_work(one: CameraPlan, other: CameraPlan) -> bool:
    """Tell whether tracks can go on from one plan to the other: both hang, find and watch for the same."""
    hung = [[mounting.mounting_id for mounting in plan.site.mountings] for plan in (one, other)]
    return one.run.run_id == other.run.run_id and hung[0] == hung[1]


def _where_it_ends_something(rows: SegmentRows) -> SegmentRows | None:
    """Return rows of a segment in which nobody looked only if they end a track or an event."""
    return rows if rows.track_states.num_rows or rows.event_states.num_rows else None


def _joined(said: list[SegmentRows]) -> list[SegmentRows]:
    """Return the rows with those of one run as one: what a run states about a segment replaces what it stated."""
    if len(said) < 2 or said[0].run_id != said[1].run_id:
        return said
    before, now = said
    states = {name: pa.concat_tables([getattr(before, name), getattr(now, name)]) for name in STATES}
    return [replace(now, **states)]
