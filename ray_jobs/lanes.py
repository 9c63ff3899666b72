"""The order of work: which segment may be looked at next, and which may be followed next.

Segments are looked at in any order by any worker, but followed in the order of time, one camera at a time, since
tracks and visits go on from segment to segment. A lane is one camera's queue. Nothing here knows Ray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from catalog.footage import Segment

LookedT = TypeVar("LookedT")

LONGEST_BATCH = 8
"""Segments handed to the follower at once: enough to share one group commit, few enough to redo after a kill."""

WORTH_A_COMMIT = 4
"""Segments gathered while the next one is on its way: a commit costs the keeper 55 ms of CPU for one segment and 61
for four (one AVX-512 core), which counts where a minute of key frames is looked at in half a second."""


@dataclass(frozen=True)
class Step:
    """One segment to follow, and the one before it."""

    segment: Segment
    previous: Segment | None
    """The segment this run followed before; `None` for the first."""


@dataclass
class Lane(Generic[LookedT]):
    """One camera's segments on their way through the run.

    Parameters
    ----------
    segments
        In the order of time.
    known
        Segments whose rows the catalog already holds.
    before
        The last segment this run followed before the first of these, if any.
    """

    segments: Sequence[Segment]
    known: set[str]
    before: Segment | None = None
    looked: dict[int, LookedT] = field(default_factory=dict)
    """What came back from looking, by position, until it has been followed."""
    looking: set[int] = field(default_factory=set)
    """Positions that a worker is looking at."""
    following: range | None = None
    """Positions that the follower is at."""
    position: int = 0
    """The next segment to follow; everything before is in the catalog."""

    def __post_init__(self) -> None:
        self._skip_known()

    @property
    def finished(self) -> bool:
        """True once every segment's rows are in the catalog."""
        return self.position >= len(self.segments) and self.following is None

    @property
    def open_count(self) -> int:
        """Segments that have been started but are not yet in the catalog."""
        return len(self.looking) + len(self.looked) + (len(self.following) if self.following else 0)

    def next_to_look(self) -> int | None:
        """Return the position of the next segment nobody has looked at, or `None`."""
        for index in range(self.position, len(self.segments)):
            busy = index in self.looking or index in self.looked
            busy = busy or (self.following is not None and index in self.following)
            if not busy and self.segments[index].segment_id not in self.known:
                return index
        return None

    def next_to_follow(self) -> range | None:
        """Return the positions that are to be followed now: looked at, in order, without a hole.

        Fewer than `WORTH_A_COMMIT` wait, but only for a segment that a worker is looking at already.
        """
        if self.following is not None:
            return None
        end = self.position
        while end in self.looked and end - self.position < LONGEST_BATCH:
            end += 1
        if end == self.position or (end - self.position < WORTH_A_COMMIT and end in self.looking):
            return None
        return range(self.position, end)

    def step(self, index: int) -> Step:
        """Return the segment at a position with the one before it."""
        return Step(self.segments[index], self.segments[index - 1] if index else self.before)

    def followed(self, done: range) -> None:
        """Take note that these segments' rows are in the catalog."""
        for index in done:
            del self.looked[index]
            self.known.add(self.segments[index].segment_id)
        self.following = None
        self.position = done.stop
        self._skip_known()

    def redo_before(self, index: int) -> None:
        """Go back one segment: the catalog has lost what was known at its end.

        Raises
        ------
        ValueError
            When there is no segment before in this lane.
        """
        if index == 0:
            raise ValueError("the first segment of a lane has none before it to redo")
        self.following = None
        self.position = index - 1
        self.known.discard(self.segments[self.position].segment_id)

    def _skip_known(self) -> None:
        while self.position < len(self.segments) and self.segments[self.position].segment_id in self.known:
            self.position += 1
