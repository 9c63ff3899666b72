"""Plan where a video file is cut into segments, from its packets' time stamps alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

PAUSE_S = 10.0
"""Frames further apart have a pause without footage between them, seconds: no recorder that runs is slower."""

BELIEVED_PAUSE_S = 3600.0
"""A longer pause inside one file is taken for a damaged time stamp, not for a stopped recorder, seconds."""

DEFAULT_FRAME_S = 0.04
"""Length of a frame where nothing in the file says it, seconds (25 per second)."""


@dataclass(frozen=True)
class ClockJump:
    """A place where time stamps run backwards or leap beyond belief."""

    rank: int
    """First packet after it, in decoding order."""
    jump_s: float
    """By how much the time stamps leap, seconds; negative for backwards."""


@dataclass(frozen=True)
class SourceTable:
    """The packets of a source file in decoding order, as columns of length P; times are made to run forwards."""

    pts: NDArray[np.int64]
    """(P,) presentation time stamps, ticks; after a clock jump they go on where the last frame ended."""
    dts: NDArray[np.int64]
    """(P,) decoding time stamps, ticks."""
    key: NDArray[np.bool_]
    """(P,) whether each is a key frame."""
    hidden: NDArray[np.bool_]
    """(P,) whether an edit list hides the frame: it is needed for decoding only."""
    flagged: NDArray[np.bool_]
    """(P,) whether the container itself says that the packet is damaged."""
    time_base: Fraction
    """Seconds per tick."""
    stamped: bool
    """False where the file does not say when its frames are shown."""
    jumps: tuple[ClockJump, ...] = ()

    def __len__(self) -> int:
        return len(self.pts)

    @cached_property
    def frame_ticks(self) -> int:
        """Usual length of a frame, ticks: the median distance between neighbours."""
        steps = np.diff(np.sort(self.pts))
        steps = steps[steps > 0]
        return int(np.median(steps)) if len(steps) else max(1, round(DEFAULT_FRAME_S / self.time_base))

    def ticks(self, seconds: float) -> int:
        """Return so many seconds in ticks."""
        return round(seconds / self.time_base)

    def seconds(self, ticks: int) -> float:
        """Return so many ticks in seconds."""
        return float(ticks * self.time_base)


@dataclass(frozen=True)
class Cut:
    """A run of packets that becomes one segment, or several where it has to be encoded anew."""

    first: int
    """First packet of its own, a key frame, in decoding order."""
    after: int
    """First packet that is no longer in it."""
    copied: bool
    """True where the bytes go over as they are."""
    why: str = ""
    """Why they cannot, where they cannot."""
    lead_in: int | None = None
    """Earlier key frame from which decoding has to begin; `None` where its own suffices."""


def source_table(
    packets: Iterable[Packet[VideoStream]], time_base: Fraction, *, numbered_only: bool
) -> SourceTable:
    """Return the table of these packets, with clock jumps taken out.

    Parameters
    ----------
    packets
        In decoding order, without empty ones.
    numbered_only
        Whether the container knows only in which order frames are decoded, and they are shown in another.
    """
    rows = [(p.pts, p.dts, p.is_keyframe, p.is_discard, p.is_corrupt, p.duration or 0) for p in packets]
    flags = np.array([row[2:5] for row in rows], bool).reshape(-1, 3)
    stamped = not numbered_only and all(row[0] is not None or row[1] is not None for row in rows)
    step = next((row[5] for row in rows if row[5]), 0) or max(1, round(DEFAULT_FRAME_S / time_base))
    dts = _filled([row[1] for row in rows], step)
    shown = [decoded if row[0] is None else row[0] for row, decoded in zip(rows, dts.tolist(), strict=True)]
    pts = np.array(shown, np.int64) if stamped else dts
    if bool(np.all(np.diff(pts) > 0)):
        dts = pts
    return _without_jumps(SourceTable(pts, dts, flags[:, 0], flags[:, 1], flags[:, 2], time_base, stamped))


def _filled(dts: list[int | None], step: int) -> NDArray[np.int64]:
    """Return decoding time stamps without holes: `step` ticks after their neighbour, or before the first known."""
    known = next((place for place, tick in enumerate(dts) if tick is not None), 0)
    last = (dts[known] or 0) - (known + 1) * step if dts else 0
    filled = []
    for tick in dts:
        last = last + step if tick is None else tick
        filled.append(last)
    return np.array(filled, np.int64)


def _without_jumps(table: SourceTable) -> SourceTable:
    steps = np.diff(table.dts)
    leaps = np.flatnonzero((steps < 0) | (steps > table.ticks(BELIEVED_PAUSE_S))) + 1
    if len(leaps) == 0:
        return table
    usual = int(np.median(steps[steps > 0])) if np.any(steps > 0) else table.ticks(DEFAULT_FRAME_S)
    shift = np.zeros(len(table), np.int64)
    for rank in leaps:
        shift[rank:] += usual - int(steps[rank - 1])
    jumps = tuple(ClockJump(int(rank), table.seconds(int(steps[rank - 1]))) for rank in leaps)
    return SourceTable(
        table.pts + shift,
        table.dts + shift,
        table.key,
        table.hidden,
        table.flagged,
        table.time_base,
        table.stamped,
        jumps,
    )


def plan_cuts(table: SourceTable, *, copyable: bool, why_not: str, max_segment_s: float) -> list[Cut]:
    """Return how the file is cut, in order; packets that `orphaned` names are in no segment.

    Copied parts begin at key frames after which nothing earlier is shown, so that each can be decoded alone. What
    has to be encoded anew may begin at any key frame, with a lead-in where it rests on the group before.

    Parameters
    ----------
    copyable
        Whether the codec may be copied; `why_not` says why where it may not.
    max_segment_s
        Longest segment, seconds.
    """
    longest = table.ticks(max_segment_s)
    clean = _clean_starts(table)
    if not table.stamped:
        return [
            Cut(int(first), len(table), False, "it does not say when its frames are shown") for first in clean[:1]
        ]
    cuts: list[Cut] = []
    for first, after in _merged(table, clean, len(table), longest):
        why = why_not if not copyable else _why_not_copied(table, first, after, longest)
        if not why:
            cuts.append(Cut(first, after, True))
            continue
        keys = np.flatnonzero(table.key[first:after]) + first
        for begun, until in _merged(table, keys, after, longest):
            before = keys[keys < begun]
            cuts.append(Cut(begun, until, False, why, None if begun in clean else int(before[-1])))
    return cuts


def orphaned(table: SourceTable) -> NDArray[np.bool_]:
    """Return which packets rest on a key frame that the file does not hold: (P,) of yes and no."""
    keys = np.flatnonzero(table.key)
    lost = np.zeros(len(table), bool)
    if len(keys) == 0:
        return ~lost
    lost[: keys[0]] = True
    second = keys[1] if len(keys) > 1 else len(table)
    lost[keys[0] : second] = table.pts[keys[0] : second] < table.pts[keys[0]]
    return lost


def _merged(table: SourceTable, starts: NDArray[np.intp], end: int, longest: int) -> list[tuple[int, int]]:
    """Join neighbouring groups `[start, next start)` while they stay short enough and no pause lies between."""
    pause = table.ticks(PAUSE_S)
    parts: list[tuple[int, int]] = []
    edges = [*starts.tolist(), end]
    for first, after in pairwise(edges):
        if parts:
            begun, until = parts[-1]
            length = int(table.pts[begun:after].max()) + table.frame_ticks - int(table.pts[begun])
            if length <= longest and int(table.pts[first]) - int(table.pts[begun:until].max()) <= pause:
                parts[-1] = (begun, after)
                continue
        parts.append((first, after))
    return parts


def _clean_starts(table: SourceTable) -> NDArray[np.intp]:
    """Return the ranks of key frames from which all that follows is shown later: (K,)."""
    keys = np.flatnonzero(table.key)
    later = np.minimum.accumulate(table.pts[::-1])[::-1]
    clean = keys[later[keys] >= table.pts[keys]]
    # a file may begin inside an open group: its first key frame starts it all the same
    return np.union1d(keys[:1], clean)


def _why_not_copied(table: SourceTable, first: int, after: int, longest: int) -> str:
    own = ~orphaned(table)[first:after]
    pts, dts = table.pts[first:after][own], table.dts[first:after][own]
    shown = np.sort(pts)
    reasons = {
        "an edit list hides part of it": bool(table.hidden[first:after].any()),
        "its time stamps do not rise": bool(np.any(np.diff(dts) <= 0) or np.any(np.diff(shown) <= 0)),
        "its time stamps contradict each other": bool(np.any(pts < dts)),
        "a pause lies between its key frames": bool(np.any(np.diff(shown) > table.ticks(PAUSE_S))),
        "its key frames are too far apart": int(shown[-1] - shown[0]) + table.frame_ticks > longest,
    }
    return next((words for words, holds in reasons.items() if holds), "")
