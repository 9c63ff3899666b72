"""One camera's feed, watched around the clock: connect, record every packet, hand on what is to be looked at.

One thread a camera. Nothing in it waits for analysis: pictures are handed on to a bounded queue, files are
finished elsewhere. What the feed does wrong ends in a gap with its reason, and a new try.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random

from catalog.errors import RtccError
from catalog.footage import GapReason
from workbench.feeds.back_off import BackOff
from workbench.feeds.feed_session import DiskFull, NoKeyFrame, Session
from workbench.feeds.feed_sink import FeedFigures, FeedPlan, FeedSink, FeedWaits
from workbench.feeds.feed_source import FeedRefused, open_feed
from workbench.feeds.feed_watch import FeedWatch
from workbench.feeds.open_gap import OpenGap
from workbench.feeds.recorder import OpenSegment, Recorder
from workbench.feeds.stream_clock import ARRIVAL_ERROR_S, BUFFERED_ERROR_S, ClockFinder

__all__ = ["FeedPlan", "FeedSink", "FeedWaits", "LiveFeed"]

TICK_S = 0.5
"""Between two looks at the time while nothing comes, seconds."""


class Closed(RtccError):
    """The feed may not, or no longer, be read."""


class LiveFeed:
    """One camera's feed.

    Parameters
    ----------
    why_closed
        Why the feed may not be read now; `None` while it may. Asked for every packet.
    clock_us
        The wall clock, µs since 1970 UTC.
    last_end_us
        End of the last footage there is of this camera, µs since 1970 UTC; `None` where there is none.
    waits
        How long is waited for what; `None` for the usual.
    watch
        What judges the feed's health; `None` for the usual.
    """

    def __init__(
        self, plan: FeedPlan, recorder: Recorder, sink: FeedSink, why_closed: Callable[[], str | None], *,
        clock_us: Callable[[], int], random: Random, last_end_us: int | None = None, waits: FeedWaits | None = None,
        watch: FeedWatch | None = None,
    ) -> None:  # fmt: skip
        self.plan, self.recorder, self.sink = plan, recorder, sink
        self._why_closed, self.clock_us = why_closed, clock_us
        self.waits = waits or FeedWaits()
        self.back_off = BackOff(self.waits.back_off, random)
        self.stopping = threading.Event()
        self.clock = ClockFinder(BUFFERED_ERROR_S if plan.source.kind == "hls" else ARRIVAL_ERROR_S)
        self.watch = watch or FeedWatch()
        self.figures = FeedFigures()
        self.gap = OpenGap(plan.camera_id, plan.source_name, sink.gap)
        self._last_end_us = last_end_us

    def stop(self) -> None:
        """Ask the thread to close its segment and leave; a read it waits in lasts at most `FeedWaits.read_s`."""
        self.stopping.set()

    def goes_on_from(self, last_end_us: int | None) -> None:
        """Say until when there is footage of this camera, µs since 1970 UTC; `None` where there is none."""
        self._last_end_us = last_end_us

    @property
    def last_end_us(self) -> int | None:
        """End of the last footage, µs since 1970 UTC; `None` where there is none."""
        return self._last_end_us

    def steady_s(self) -> float:
        """Return the steady clock, seconds."""
        return time.monotonic()

    def run(self) -> None:
        """Watch the feed until `stop`."""
        began_us = self.clock_us()
        last_end_us = self._last_end_us
        if last_end_us is not None and last_end_us < began_us:
            self.gap.begin("no_feed", "live was not running", last_end_us)
        else:
            self.gap.begin("no_feed", "connecting", began_us)
        try:
            while not self.stopping.is_set():
                wait_s = self._once()
                self._rest(wait_s)
        finally:
            self.end_segment(None)
            self.gap.leave()

    def _once(self) -> float:
        """Keep one connection as long as it lasts, and return how long to wait before the next, seconds."""
        try:
            self.require_open()
            self._session()
        except Closed as closed:
            self._broken("not_permitted", str(closed), "closed")
            return self.waits.closed_s
        except DiskFull as full:
            self._broken("skipped", str(full), "disk full")
            return self.waits.disk_full_s
        except FeedRefused as refused:
            self._broken("no_feed", str(refused), "lost")
            return self.waits.refused_s
        except NoKeyFrame as error:
            self._broken("undecodable", str(error), "no key frame")
        except RtccError as error:
            self._broken("no_feed", str(error), "lost")
        return self.back_off.next_wait_s(self.steady_s())

    def _broken(self, reason: GapReason, detail: str, state: str) -> None:
        now_us = self.clock_us()
        # by the camera's own clock, footage may end a little after now
        last_us = self.recorder.current.end_us if self.recorder.current else now_us
        self.end_segment(None)
        if self.stopping.is_set():
            return
        self.gap.begin(reason, detail, last_us)
        self.figures.set(state, now_us, detail)
        for change in self.watch.disconnected(now_us, detail):
            self.sink.health(change)

    def _rest(self, wait_s: float) -> None:
        until_s = self.steady_s() + wait_s
        while not self.stopping.wait(min(TICK_S, max(until_s - self.steady_s(), 0.001))):
            self._tick()
            if self.steady_s() >= until_s:
                return

    def _tick(self) -> None:
        now_us = self.clock_us()
        self.gap.tick(now_us)
        for change in self.watch.tick(now_us):
            self.sink.health(change)

    def require_open(self) -> None:
        """Raise `Closed` where the feed may not be read now."""
        why = self._why_closed()
        if why is not None:
            raise Closed(why)

    def _session(self) -> None:
        container = open_feed(
            self.plan.source, self.plan.credential,
            open_timeout_s=self.waits.open_s, read_timeout_s=self.waits.read_s,
        )  # fmt: skip
        try:
            Session(self, container).run()
        finally:
            container.close()

    def end_segment(self, until_us: int | None) -> None:
        """Hand over the open segment, to be finished; `until_us` is when the next begins, where one does."""
        segment = self.recorder.end()
        if segment is not None:
            self.hand_over(segment, until_us)

    def hand_over(self, segment: OpenSegment, until_us: int | None) -> None:
        """Hand over a segment, to be finished; one without a frame is let go of."""
        if segment.frame_count == 0:
            segment.abandon()
            return
        self._last_end_us = segment.end_us
        self.sink.ended(segment, until_us)
