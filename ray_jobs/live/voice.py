"""What one camera's line says to the catalog, and how much of it is acknowledged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from catalog.casework import Alert, AlertClosing
from catalog.errors import NotPermitted, RtccError
from catalog.footage import Gap, Level, SamplingLevel, Segment
from catalog.home import Home
from catalog.observations import SegmentRows
from catalog.spans import Span, from_us
from ray_jobs.live.figures import Latencies
from ray_jobs.live.writing import Footage, Writing
from workbench.feeds.unfinished import Note, forget
from workbench.rules.alerting import FOOTAGE_ENDED, RECOVERED

log = logging.getLogger(__name__)

ADOPTED_WELL_S = 30.0
"""Footage without a complaint after which an alert that an earlier process raised is closed, seconds."""


ABOUT_PICTURES = ("camera_dark", "camera_blurred", "camera_moved", "camera_frozen")
"""Rules about a camera that footage alone does not answer: someone has to look."""


@dataclass
class Counts:
    """What a line has come to."""

    segments: int = 0
    gaps: int = 0
    frames_decoded: int = 0
    frames_inferred: int = 0
    frames_held: int = 0
    passed_over: int = 0
    """Pictures that were due but not looked at."""
    detections: int = 0
    tracks: int = 0
    events: int = 0
    alerts: int = 0
    unwritten: int = 0
    """Things said that the catalog has not acknowledged yet."""
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, name: str, count: int = 1) -> None:
        """Add to one of them; several threads count."""
        with self._guard:
            setattr(self, name, getattr(self, name) + count)


class Voice:
    """One camera's way to the catalog: returns at once, is repeated until acknowledged."""

    def __init__(
        self, home: Home, camera_id: str, source_name: str, writing: Writing, latencies: Latencies,
        clock_us: Callable[[], int], open_health: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        self._home, self._writing, self._latencies, self._clock_us = home, writing, latencies, clock_us
        self.camera_id, self.source_name = camera_id, source_name
        self.counts = Counts()
        self._level: SamplingLevel | None = None
        self._guard = threading.Lock()
        self._adopted = list(open_health)
        """Alerts that an earlier process raised about this camera, and their rules."""
        self._known_as: dict[str, str] = {}
        """The alert that stands for another one: of the same rule, raised by an earlier process."""

    @property
    def now(self) -> datetime:
        """The present instant."""
        return from_us(self._clock_us())

    @property
    def level_reason(self) -> str:
        """Why the camera is looked at as closely as it is."""
        return self._level.reason if self._level else ""

    def gap(self, gap: Gap) -> None:
        """Say a stretch without footage, or without a look."""
        if gap.span.end_at is not None:
            self.counts.add("gaps")
        self._writing.footage(Footage(gaps=(gap,)), self._said())

    def segment(self, kept: Segment, note: Note) -> None:
        """Say a closed segment; its note is forgotten once the catalog holds it."""
        noted = self._said()

        def done(error: RtccError | None) -> None:
            noted(error)
            if isinstance(error, NotPermitted):
                self._not_kept(kept, error)
            elif error is not None:
                log.error("%s: segment %s stays on disk with its note: %s", self.camera_id, kept.uri, error)
                return
            forget(self._home.footage_dir / self.camera_id, note)

        self._writing.footage(Footage(segments=(kept,)), done)

    def _not_kept(self, kept: Segment, refusal: NotPermitted) -> None:
        """Remove a segment whose owner does not allow it any more, and say so."""
        self._home.footage_path(kept.uri).unlink(missing_ok=True)
        self.gap(Gap(self.camera_id, kept.span, "not_permitted", str(refusal), source_name=self.source_name))

    def rows(self, rows: SegmentRows) -> None:
        """Say what was found in a segment."""
        self.counts.add("detections", rows.analysis.detections)
        self.counts.add("tracks", rows.analysis.tracks_begun)
        self.counts.add("events", rows.analysis.events_begun)
        self._writing.rows(rows, self._said())

    def raise_alert(self, alert: Alert, seen_at: int | None = None) -> None:
        """Raise an alert.

        Parameters
        ----------
        seen_at
            Instant of the frame that showed what it is about, µs since 1970 UTC: latency counts from there.
        """
        if alert.kind == "camera_health" and self._stands(alert):
            return
        noted = self._said()

        def done(error: RtccError | None) -> None:
            noted(error)
            if error is None and seen_at is not None:
                self._latencies.add((self._clock_us() - seen_at) / 1000)

        self.counts.add("alerts")
        self._writing.alert(alert, done)

    def _stands(self, alert: Alert) -> bool:
        """Tell whether an earlier process has raised an alert of this rule, which stands for this one too."""
        with self._guard:
            standing = next((one for one in self._adopted if one[1] == (alert.rule or "")), None)
            if standing is None:
                return False
            self._adopted.remove(standing)
            self._known_as[alert.alert_id] = standing[0]
            return True

    def close_alert(self, alert_id: str, outcome: str) -> None:
        """Close an alert: what it was about has ended."""
        with self._guard:
            known = self._known_as.pop(alert_id, alert_id)
            self._adopted = [one for one in self._adopted if one[0] != known]
        self._writing.alert(AlertClosing(known, self.now, outcome), self._said())

    def well_for(self, seconds: float) -> None:
        """Take in that footage has been coming for so long: alerts nobody repeated meanwhile are over."""
        if seconds < ADOPTED_WELL_S or not self._adopted:
            return
        with self._guard:
            adopted = list(self._adopted)
        for alert_id, rule in adopted:
            # what was wrong with the pictures may still be: nobody can tell from packets
            self.close_alert(alert_id, FOOTAGE_ENDED if rule in ABOUT_PICTURES else RECOVERED)

    def level(self, level: Level, reason: str) -> None:
        """Say how closely the camera is looked at from now on."""
        self.end_level()
        self._level = SamplingLevel(self.camera_id, Span(self.now), level, reason)
        self._writing.footage(Footage(levels=(self._level,)), self._said())

    def end_level(self) -> None:
        """Say that it is not looked at that way any more."""
        row, self._level = self._level, None
        if row is not None:
            self.ended_level(row, max(self.now, row.span.start_at))

    def ended_level(self, level: SamplingLevel, at: datetime) -> None:
        """Say until when a level held."""
        ended = replace(level, span=Span(level.span.start_at, at))
        self._writing.footage(Footage(levels=(ended,)), self._said())

    def _said(self) -> Callable[[RtccError | None], None]:
        self.counts.add("unwritten")

        def noted(error: RtccError | None) -> None:
            self.counts.add("unwritten", -1)
            if error is not None:
                log.warning("%s: the catalog refused: %s", self.camera_id, error)

        return noted
