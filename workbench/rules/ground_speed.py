"""How fast things move over the ground, where the mounting is calibrated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.geometry import to_ground_m
from workbench.media.frames import MICROSECONDS
from workbench.tracking.sightings import Sighted

SPEED_WINDOW_S = 1.0
"""Speed is taken over the sightings of the last second, or over the last two where they lie farther apart:
box jitter of 0.1 m between neighbouring frames at 25 Hz would read as 2.5 m/s."""


@dataclass
class GroundSpeedMemory:
    """The last places of every track, by its id: instant (µs since 1970 UTC), metres east, metres north."""

    places: dict[str, list[tuple[int, float, float]]]


class GroundSpeed:
    """Speeds of tracks on one mounting; all unknown while it is not calibrated."""

    def __init__(self, m_from_px: Sequence[float] | None) -> None:
        self.m_from_px = m_from_px
        self.memory = GroundSpeedMemory({})

    def follow(self, sighted: Sequence[Sighted]) -> list[float | None]:
        """Return the speed of each sighting's track, m/s; `None` while it is unknown.

        Parameters
        ----------
        sighted
            (S,) sightings, those of one track in order of time.
        """
        if self.m_from_px is None or not sighted:
            return [None] * len(sighted)
        anchors_px = np.array([one.sighting.anchor_px for one in sighted], np.float64)
        ground_m: list[list[float]] = to_ground_m(anchors_px, self.m_from_px).tolist()
        return [
            self._speed(one.track_id, one.sighting.seen_at, east, north)
            for one, (east, north) in zip(sighted, ground_m, strict=True)
        ]

    def forget(self, track_id: str) -> None:
        """Forget a track that has ended."""
        self.memory.places.pop(track_id, None)

    def _speed(self, track_id: str, seen_at: int, east_m: float, north_m: float) -> float | None:
        if not (math.isfinite(east_m) and math.isfinite(north_m)):
            return None
        places = [*self.memory.places.get(track_id, []), (seen_at, east_m, north_m)]
        oldest = seen_at - round(SPEED_WINDOW_S * MICROSECONDS)
        while len(places) > 2 and places[0][0] < oldest:
            places.pop(0)
        self.memory.places[track_id] = places
        elapsed_s = (seen_at - places[0][0]) / MICROSECONDS
        return math.dist(places[0][1:], places[-1][1:]) / elapsed_s if elapsed_s > 0 else None
