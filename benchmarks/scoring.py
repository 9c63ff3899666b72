"""Hold what was found against what is true: boxes, tracks, events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from catalog.observations import LABELS
from workbench.geometry import iou
from workbench.tracking.sightings import GROUP_INDEX, GROUPS

MATCH_IOU = 0.5
"""Overlap from which a box is the thing's: the usual bar (PASCAL VOC)."""

EVENT_TOLERANCE_S = 1.0
"""How far in time an event may lie from the true one: two pictures at 2 fps."""


def group_of(label: str) -> str:
    """Return the group a label belongs to: labels inside a group are one for counting."""
    return GROUPS[int(GROUP_INDEX[LABELS.index(label)])]


@dataclass(frozen=True)
class TrueBox:
    """Where a thing is in one picture."""

    thing: str
    group: str
    xyxy_px: NDArray[np.float64]
    judged: bool
    """False where it is half hidden or half out of the picture: finding it is neither right nor wrong."""


@dataclass(frozen=True)
class FoundBox:
    """A box that was kept, in one picture."""

    group: str
    xyxy_px: NDArray[np.float64]
    track_id: str | None


@dataclass
class Score:
    """How right boxes and tracks of one group are."""

    true: int = 0
    found: int = 0
    """True boxes that were found."""
    extra: int = 0
    """Boxes where nothing is."""
    tracks_of: dict[str, list[str]] = field(default_factory=dict)
    """By thing: the tracks that took its boxes, in order of time."""

    @property
    def recall(self) -> float:
        """Share of the true boxes that were found."""
        return self.found / max(self.true, 1)

    @property
    def precision(self) -> float:
        """Share of the boxes that are of something."""
        return self.found / max(self.found + self.extra, 1)

    @property
    def switches(self) -> int:
        """How often a thing's boxes went from one track to another."""
        return sum(sum(a != b for a, b in pairwise(ids)) for ids in self.tracks_of.values())

    @property
    def in_main_track(self) -> float:
        """Share of the true boxes that lie in their thing's longest track."""
        longest = sum(Counter(ids).most_common(1)[0][1] for ids in self.tracks_of.values() if ids)
        return longest / max(self.true, 1)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.true + other.true, self.found + other.found, self.extra + other.extra,
            self.tracks_of | other.tracks_of,
        )  # fmt: skip


def score_boxes(pictures: Sequence[tuple[Sequence[TrueBox], Sequence[FoundBox]]]) -> dict[str, Score]:
    """Return each group's score over pictures in order of time."""
    scores: dict[str, Score] = {}
    for true, found in pictures:
        for group in {one.group for one in true} | {one.group for one in found}:
            score = scores.setdefault(group, Score())
            _score_picture(
                score, [one for one in true if one.group == group], [one for one in found if one.group == group]
            )
    return scores


def _score_picture(score: Score, true: Sequence[TrueBox], found: Sequence[FoundBox]) -> None:
    pairs = _pairs(true, found)
    score.true += sum(one.judged for one in true)
    score.extra += len(found) - len(pairs)
    for at, place in pairs:
        thing, box = true[at], found[place]
        ids = score.tracks_of.setdefault(thing.thing, [])
        if thing.judged:
            score.found += 1
            if box.track_id is not None:
                ids.append(box.track_id)


def _pairs(true: Sequence[TrueBox], found: Sequence[FoundBox]) -> list[tuple[int, int]]:
    if not true or not found:
        return []
    overlap = iou(np.array([one.xyxy_px for one in true]), np.array([one.xyxy_px for one in found]))
    rows, columns = linear_sum_assignment(-overlap)
    return [
        (row, column)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if overlap[row, column] >= MATCH_IOU or (not true[row].judged and overlap[row, column] > 0)
    ]


@dataclass(frozen=True)
class Happening:
    """A true event, or one that was stated."""

    rule: str
    group: str
    at_s: float
    """When it began, seconds from the beginning of the scene."""
    direction: str | None = None
    dwell_s: float | None = None


@dataclass(frozen=True)
class EventScore:
    """How right events are."""

    true: int
    right: int
    """Stated within the tolerance, of the right rule, group and direction."""
    stated: int
    off_s: tuple[float, ...] = ()
    """How far the right ones lie from the truth, seconds."""

    @property
    def f1(self) -> float:
        """Harmonic mean of the share found and the share right."""
        return 2 * self.right / max(self.true + self.stated, 1)

    def __add__(self, other: EventScore) -> EventScore:
        return EventScore(
            self.true + other.true, self.right + other.right, self.stated + other.stated, self.off_s + other.off_s
        )


def score_events(true: Sequence[Happening], stated: Sequence[Happening]) -> EventScore:
    """Match each true event with the nearest stated one of its kind."""
    left, off_s = list(stated), []
    for one in sorted(true, key=lambda happening: happening.at_s):
        alike = [
            other
            for other in left
            if (other.rule, other.group, other.direction) == (one.rule, one.group, one.direction)
            and abs(other.at_s - one.at_s) <= EVENT_TOLERANCE_S
        ]
        if alike:
            best = min(alike, key=lambda other: abs(other.at_s - one.at_s))
            left.remove(best)
            off_s.append(abs(best.at_s - one.at_s))
    return EventScore(len(true), len(off_s), len(stated), tuple(off_s))


LOST_AFTER_S = 2.0
"""The plain tracker gives a thing up after so long, seconds: the workbench's own limit."""

PLAIN_IOU = 0.3
"""Overlap that joins two boxes in the plain tracker: Bochinski et al. 2017 use 0.5 at full frame rate."""


def plain_tracks(pictures: Sequence[tuple[float, Sequence[FoundBox]]]) -> list[list[FoundBox]]:
    """Give boxes to tracks by overlap with the last box alone, best first, and return them with those tracks' ids.

    E. Bochinski, V. Eiselein, T. Sikora, "High-speed tracking-by-detection without using image information" (2017).

    Parameters
    ----------
    pictures
        (s, boxes) in order of time.
    """
    live: dict[str, tuple[float, FoundBox]] = {}
    out: list[list[FoundBox]] = []
    begun = 0
    for at_s, boxes in pictures:
        live = {name: last for name, last in live.items() if at_s - last[0] <= LOST_AFTER_S}
        given: dict[int, str] = {}
        for overlap, name, place in _by_overlap(live, boxes):
            if overlap >= PLAIN_IOU and place not in given and name not in given.values():
                given[place] = name
        for place in range(len(boxes)):
            if place not in given:
                given[place], begun = f"plain-{begun}", begun + 1
        named = [FoundBox(box.group, box.xyxy_px, given[place]) for place, box in enumerate(boxes)]
        live |= {box.track_id or "": (at_s, box) for box in named}
        out.append(named)
    return out


def _by_overlap(live: dict[str, tuple[float, FoundBox]], boxes: Sequence[FoundBox]) -> list[tuple[float, str, int]]:
    found = [
        (float(iou(last.xyxy_px[None], box.xyxy_px[None])[0, 0]), name, place)
        for name, (_, last) in live.items()
        for place, box in enumerate(boxes)
        if last.group == box.group
    ]
    return sorted(found, reverse=True)
