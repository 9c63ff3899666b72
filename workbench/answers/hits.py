"""Hits of a search: tracks, each with the frame that shows it best."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from catalog.footage import FrameAddress
from workbench.analysis.local_time import say_duration, say_instant, say_time, say_zone
from workbench.answers.picture import Pixels

CLOSED_WORDS = {
    "left": "left the picture",
    "lost": "lost from view",
    "gap": "cut short by a gap",
    None: "still in view when last looked at",
}
"""How the end of a track was observed, for people."""


def thing_words(label: str, colour: str | None, lower_colour: str | None = None) -> str:
    """Return what something is in words; a colour that is unknown is left out."""
    if label != "person":
        return f"{colour} {label}" if colour else label
    clothes = " and ".join(dict.fromkeys(word for word in (colour, lower_colour) if word))
    return f"person in {clothes}" if clothes else label


@dataclass(frozen=True)
class Hit:
    """One track that fits a search, with the address of its best picture."""

    track_id: str
    run_id: str
    camera_id: str
    camera_name: str
    label: str
    confidence: float
    """The model's raw score, 0..1; not a probability."""
    colour: str | None
    """Vehicle body or upper clothing; `None` if unknown."""
    colour_confidence: float | None
    lower_colour: str | None
    """A person's lower clothing; `None` if unknown."""
    start_at: datetime
    """First sighting, UTC."""
    last_seen_at: datetime
    """Last sighting, UTC."""
    closed_by: str | None
    """How the end was observed; `None` while open."""
    best_segment_id: str
    best_pts: int
    """Frame of the most confident sighting, ticks."""
    best_x1_px: float
    best_y1_px: float
    best_x2_px: float
    best_y2_px: float
    best_seen_at: datetime | None
    """Instant of that frame, UTC; `None` where its segment is not open to the asker."""

    @classmethod
    def from_row(cls, row: Any) -> Hit:
        """Return the hit in a row that has at least these columns."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    @property
    def address(self) -> FrameAddress:
        """The frame that shows it best."""
        return FrameAddress(self.best_segment_id, self.best_pts)

    @property
    def box_px(self) -> Pixels:
        """Its box in that frame, native pixels."""
        return self.best_x1_px, self.best_y1_px, self.best_x2_px, self.best_y2_px

    @property
    def shown_at(self) -> datetime:
        """Instant to name it by: of its best frame, or else of its first sighting."""
        return self.best_seen_at or self.start_at

    @property
    def duration_s(self) -> float:
        """Time between first and last sighting, seconds."""
        return (self.last_seen_at - self.start_at).total_seconds()

    def thing(self) -> str:
        """Return what it is, e.g. `red car`, `person in blue and black`."""
        return thing_words(self.label, self.colour, self.lower_colour)

    def words(self, zone: ZoneInfo) -> str:
        """Return one line: what, where, when, how sure."""
        seen_at = f"{say_instant(self.shown_at, zone)} {say_zone(self.shown_at, zone)}"
        return f"{self.thing()} on {self.camera_id} at {seen_at}, confidence {self.confidence:.2f}"

    def seen_words(self, zone: ZoneInfo) -> str:
        """Return from when until when it was in view, and how that ended."""
        ended = CLOSED_WORDS.get(self.closed_by, self.closed_by)
        first, last = say_time(self.start_at, zone), say_time(self.last_seen_at, zone)
        length = say_duration(self.duration_s)
        return f"in view {first}–{last} ({length}), {ended}" if first != last else f"seen at {first}, {ended}"
