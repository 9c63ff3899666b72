"""What the tracker hands to the rules: sightings of tracks, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from catalog.observations import LABELS, VEHICLES, ClosedBy, Detections
from workbench.media.frames import FeedStats

Group = Literal["person", "two_wheeler", "vehicle", "animal", "luggage"]

GROUPS: tuple[Group, ...] = ("person", "two_wheeler", "vehicle", "animal", "luggage")
"""Groups of labels that one thing may carry in turn; a person on a bicycle is two things."""

_GROUP_OF: dict[str, Group] = {
    "person": "person", "bicycle": "two_wheeler", "motorcycle": "two_wheeler", "train": "vehicle",
    "dog": "animal", "backpack": "luggage", "handbag": "luggage", "suitcase": "luggage",
    **dict.fromkeys(VEHICLES, "vehicle"),
}  # fmt: skip

GROUP_INDEX = np.array([GROUPS.index(_GROUP_OF[label]) for label in LABELS], np.int16)
"""(len(LABELS),) index into `GROUPS` of every class index."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One detection that a track took."""

    segment_id: str
    pts: int
    """Frame address, ticks."""
    seen_at: int
    """Instant, µs since 1970 UTC."""
    xyxy_px: tuple[float, float, float, float]
    """Left, top, right, bottom, native px."""
    confidence: float
    """The model's raw score, 0..1."""

    @property
    def anchor_px(self) -> tuple[float, float]:
        """Bottom centre of the box: where the thing meets the ground."""
        return (self.xyxy_px[0] + self.xyxy_px[2]) / 2, self.xyxy_px[3]

    @property
    def height_px(self) -> float:
        """Height of the box."""
        return self.xyxy_px[3] - self.xyxy_px[1]


@dataclass(frozen=True, slots=True)
class Sighted:
    """A confirmed track in a frame in which it was sighted."""

    track_id: str
    group: Group
    label: str
    """The label most of its sightings so far agree on."""
    confidence: float
    """Mean confidence of the sightings so far with that label, 0..1."""
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class ClosedTrack:
    """A confirmed track that ended, and how its end was observed."""

    track_id: str
    closed_by: ClosedBy
    end_at: int
    """Its last sighting, µs since 1970 UTC."""


@dataclass(frozen=True)
class TrackedFrame:
    """One looked-at or held frame, its boxes given to tracks."""

    segment_id: str
    pts: int
    """Frame address, ticks."""
    seen_at: int
    """Instant, µs since 1970 UTC."""
    held: bool
    """True where the picture had not changed: nothing was looked for, and nothing counts as missed."""
    stats: FeedStats
    detections: Detections | None
    """What was found; `None` when held."""
    track_ids: tuple[str | None, ...]
    """(N,) the track that took each box, confirmed by now or not; `None` where none did."""
    sighted: tuple[Sighted, ...] = ()
    """Confirmed tracks sighted here. One confirmed just now comes with all its sightings so far, oldest first;
    they may lie in earlier frames and in an earlier segment."""
    closed: tuple[ClosedTrack, ...] = ()
    """Confirmed tracks found to have ended."""
