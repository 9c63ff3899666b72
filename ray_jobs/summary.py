"""What an indexing job says when it is done: figures of all the footage it was given, new or known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from catalog.footage import Segment
from catalog.observations import Analysis


@dataclass(frozen=True)
class IndexSummary:
    """The figures of one camera's footage in one run.

    They count all footage named in the command, whether it was analysed just now or by the same run before.
    """

    camera_id: str
    run_id: str
    files: int
    """Video files given."""
    files_unreadable: int
    """Files from which nothing could be read; each left a gap."""
    segments: int
    segments_skipped: int
    """Segments whose rows the catalog already held: nothing was done for them."""
    camera_seconds: float
    """Length of the footage, seconds."""
    frames: int
    """Frames the detector looked at."""
    frames_held: int
    """Sampled frames whose picture had not changed, so that the last answer stands."""
    frames_decoded: int
    detections: int
    tracks: int
    """Tracks that began in this footage."""
    events: int
    """Events that began in this footage."""
    gaps: int
    """Spans without usable footage."""
    wall_s: float
    """Time this command took for this camera, seconds."""
    x_realtime: float | None
    """Newly analysed footage by the time from the first segment looked at to the last row kept, Ray's start not
    counted; `None` where nothing was new."""
    notes: tuple[str, ...] = ()
    """What could not be read or may not be used, one line each."""

    def as_json(self) -> dict[str, object]:
        """Return the figures under their names, for printing."""
        return asdict(self)


@dataclass
class Tally:
    """Counts what the segments of one command came to."""

    analyses: dict[str, Analysis] = field(default_factory=dict)
    """How much was looked at, by segment."""
    gap_ids: set[str] = field(default_factory=set)
    new_s: float = 0.0
    """Footage analysed by this command, seconds."""
    skipped: int = 0

    def add(self, analysis: Analysis, gap_ids: tuple[str, ...], *, new: bool) -> None:
        """Count one segment's rows."""
        self.analyses[analysis.segment_id] = analysis
        self.gap_ids.update(gap_ids)
        if new:
            self.new_s += analysis.span.duration_s or 0.0
        else:
            self.skipped += 1

    def summary(
        self, camera_id: str, run_id: str, segments: list[Segment], *,
        files: int, files_unreadable: int, wall_s: float, looking_s: float, notes: tuple[str, ...],
    ) -> IndexSummary:  # fmt: skip
        """Return the figures, after the last segment."""
        looked = self.analyses.values()
        return IndexSummary(
            camera_id=camera_id,
            run_id=run_id,
            files=files,
            files_unreadable=files_unreadable,
            segments=len(segments),
            segments_skipped=self.skipped,
            camera_seconds=round(sum(segment.span.duration_s or 0.0 for segment in segments), 3),
            frames=sum(analysis.frames_looked_at for analysis in looked),
            frames_held=sum(analysis.frames_held for analysis in looked),
            frames_decoded=sum(analysis.frames_decoded for analysis in looked),
            detections=sum(analysis.detections for analysis in looked),
            tracks=sum(analysis.tracks_begun for analysis in looked),
            events=sum(analysis.events_begun for analysis in looked),
            gaps=len(self.gap_ids),
            wall_s=round(wall_s, 3),
            x_realtime=round(self.new_s / looking_s, 1) if self.new_s and looking_s else None,
            notes=notes,
        )
