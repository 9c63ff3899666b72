"""What an empty answer rests on: which footage there is, how much of it was looked at, and what was not.

Arithmetic on stretches of time: (N, 2) int64 arrays of `[start, end)` in µs since 1970 UTC, N may be 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.analysis.local_time import say_duration

Stretches = NDArray[np.int64]
"""(N, 2) `[start, end)`, µs since 1970 UTC, sorted and apart from each other."""


def stretches(pairs: Iterable[tuple[int, int]]) -> Stretches:
    """Return these pairs sorted, joined where they touch or overlap, empty ones left out."""
    array = np.asarray(sorted((start, end) for start, end in pairs if end > start), np.int64).reshape(-1, 2)
    if not len(array):
        return array
    reach = np.maximum.accumulate(array[:, 1])
    first = np.r_[True, array[1:, 0] > reach[:-1]]
    last = np.r_[first[1:], True]
    return np.column_stack([array[first, 0], reach[last]])


def within(some: Stretches, start: int | None, end: int | None) -> Stretches:
    """Return what of these stretches lies inside `[start, end)`; `None` leaves that side open."""
    low = np.iinfo(np.int64).min if start is None else start
    high = np.iinfo(np.int64).max if end is None else end
    cut = np.clip(some, low, high)
    return cut[cut[:, 1] > cut[:, 0]]


def without(some: Stretches, holes: Stretches) -> Stretches:
    """Return what is left of these stretches when the holes are taken out."""
    pieces: list[tuple[int, int]] = []
    for start, end in some.tolist():
        for hole_start, hole_end in holes.tolist():
            if hole_end <= start or hole_start >= end:
                continue
            pieces.append((start, hole_start))
            start = hole_end  # noqa: PLW2901  what is left begins after the hole
        pieces.append((start, end))
    return stretches(pieces)


def common(some: Stretches, others: Stretches) -> Stretches:
    """Return what lies in both."""
    return without(some, without(some, others))


def length_s(some: Stretches) -> float:
    """Return the sum of the lengths, seconds."""
    return float((some[:, 1] - some[:, 0]).sum()) / 1e6


@dataclass(frozen=True)
class GapSeen:
    """One gap as it bears on a question."""

    start: int
    """µs since 1970 UTC."""
    end: int | None
    """`None` while unseen."""
    reason: str
    detail: str


@dataclass(frozen=True)
class CameraCoverage:
    """What there is of one camera in the span asked for, and what of it was looked at."""

    camera_id: str
    name: str
    footage: Stretches
    """Where there is footage that can be decoded."""
    looked_at: Stretches
    """Where a run has looked at it."""
    gaps: tuple[GapSeen, ...] = ()
    """Gaps written down, with their reasons."""
    samplings: tuple[str, ...] = ()
    """How densely frames were taken, e.g. `2 fps`."""
    private: bool = False
    """True for a camera whose rows are hidden unless a consent is in force."""

    @property
    def footage_s(self) -> float:
        """Footage, seconds."""
        return length_s(self.footage)

    @property
    def looked_at_s(self) -> float:
        """Footage that a run has looked at, seconds."""
        return length_s(self.looked_at)

    @property
    def not_looked_at(self) -> Stretches:
        """Footage no run has looked at."""
        return without(self.footage, self.looked_at)


@dataclass(frozen=True)
class Coverage:
    """What a question over several cameras rests on."""

    cameras: tuple[CameraCoverage, ...]
    start: int | None = None
    """Span asked for, µs since 1970 UTC; `None` for any time."""
    end: int | None = None

    @property
    def footage_s(self) -> float:
        """Footage of all cameras, camera-seconds."""
        return sum(camera.footage_s for camera in self.cameras)

    @property
    def looked_at_s(self) -> float:
        """Footage of all cameras that a run has looked at, camera-seconds."""
        return sum(camera.looked_at_s for camera in self.cameras)

    @property
    def asked_s(self) -> float | None:
        """Length of the span asked for times the cameras in it, camera-seconds; `None` for an open span."""
        if self.start is None or self.end is None:
            return None
        return (self.end - self.start) / 1e6 * len(self.cameras)

    @property
    def complete(self) -> bool:
        """True where all that was asked for was looked at: only then does `not found` come near `not there`."""
        wanted_s = self.footage_s if self.asked_s is None else self.asked_s
        silent = any(not len(camera.footage) or camera.gaps for camera in self.cameras)
        return bool(self.cameras) and not silent and self.looked_at_s >= wanted_s - 0.5e-6

    def looked_at_words(self) -> str:
        """Return in words how much was looked at."""
        if not self.cameras:
            return "Nothing was looked at: no camera fits the question."
        seen = [camera for camera in self.cameras if len(camera.looked_at)]
        wanted_s, of = (
            (self.footage_s, "footage") if self.asked_s is None else (self.asked_s, "camera time asked for")
        )
        samplings = sorted({sampling for camera in seen for sampling in camera.samplings})
        how = f" at {', '.join(samplings)}" if samplings else ""
        if self.looked_at_s >= wanted_s > 0:
            return f"Looked at all {say_duration(wanted_s)} of {of}, on {_cameras(len(seen))}{how}."
        where = (
            _cameras(len(seen))
            if len(seen) == len(self.cameras)
            else f"{len(seen)} of {_cameras(len(self.cameras))}"
        )
        return f"Looked at {say_duration(self.looked_at_s)} of {say_duration(wanted_s)} of {of}, on {where}{how}."

    def not_looked_at_words(self) -> tuple[str, ...]:
        """Return, a sentence each, everything in the question's reach that nobody looked at."""
        sentences = []
        unseen_s = sum(length_s(camera.not_looked_at) for camera in self.cameras)
        if unseen_s:
            names = [camera.camera_id for camera in self.cameras if len(camera.not_looked_at)]
            sentences.append(f"{say_duration(unseen_s)} of footage not yet indexed: {_listed(names)}.")
        sentences += self._gap_words()
        silent = {
            camera.camera_id: length_s(self._silence(camera)) for camera in self.cameras if len(camera.footage)
        }
        if any(silent.values()):
            names = [camera_id for camera_id, silent_s in silent.items() if silent_s]
            sentences.append(f"{say_duration(sum(silent.values()))} of the span without footage: {_listed(names)}.")
        missing = [camera for camera in self.cameras if not len(camera.footage)]
        for private, why in ((False, "No footage"), (True, "No footage that consent opens to this purpose")):
            names = [camera.camera_id for camera in missing if camera.private is private]
            if names:
                sentences.append(f"{why}: {_listed(names)}.")
        return tuple(sentences)

    def _silence(self, camera: CameraCoverage) -> Stretches:
        """Return where the span asked for holds neither footage of this camera nor a gap that was written down."""
        if self.start is None or self.end is None:
            return stretches(())
        known = stretches((gap.start, self.end if gap.end is None else gap.end) for gap in camera.gaps)
        return without(without(stretches([(self.start, self.end)]), camera.footage), known)

    def _gap_words(self) -> list[str]:
        by_reason: dict[str, list[tuple[CameraCoverage, GapSeen]]] = {}
        for camera in self.cameras:
            for gap in camera.gaps:
                by_reason.setdefault(gap.reason, []).append((camera, gap))
        sentences = []
        for reason, found in sorted(by_reason.items()):
            total_s = sum((gap.end - gap.start) / 1e6 for _, gap in found if gap.end is not None)
            open_ended = ", still open" if any(gap.end is None for _, gap in found) else ""
            names = sorted({camera.camera_id for camera, _ in found})
            count = f"{len(found)} gap" + ("" if len(found) == 1 else "s")
            sentences.append(
                f"{count} ({REASONS.get(reason, reason)}, {say_duration(total_s)}{open_ended}): {_listed(names)}."
            )
        return sentences

    def words(self) -> str:
        """Return all of it as one line."""
        return " ".join((self.looked_at_words(), *self.not_looked_at_words()))


def coverage_of(
    rows: pa.Table, cameras: Sequence[CameraInReach], start: int | None = None, end: int | None = None
) -> Coverage:
    """Return what a question over these cameras rests on.

    Parameters
    ----------
    rows
        The answer to the question `looked_at`: columns camera_id, kind, start_at, end_at, sampling, reason, detail.
    cameras
        All cameras in the question's reach, those without footage too.
    start, end
        The span asked for, µs since 1970 UTC; `None` leaves that side open.
    """
    by_camera: dict[str, list[_Piece]] = {}
    instants = [rows.column(name).cast(pa.int64()).to_pylist() for name in ("start_at", "end_at")]
    words = [rows.column(name).to_pylist() for name in ("camera_id", "kind", "sampling", "reason", "detail")]
    for camera_id, kind, sampling, reason, detail, first, last in zip(*words, *instants, strict=True):
        piece = _Piece(kind, first, last, sampling or "", reason or "", detail or "")
        by_camera.setdefault(camera_id, []).append(piece)
    return Coverage(
        tuple(_covered(camera, by_camera.get(camera.camera_id, []), start, end) for camera in cameras), start, end
    )


@dataclass(frozen=True)
class CameraInReach:
    """A camera a question is about, whether or not there is footage of it."""

    camera_id: str
    name: str
    private: bool


@dataclass(frozen=True)
class _Piece:
    kind: str
    start: int
    end: int | None
    sampling: str
    reason: str
    detail: str


def _covered(camera: CameraInReach, pieces: Sequence[_Piece], start: int | None, end: int | None) -> CameraCoverage:
    def of(kind: str) -> Stretches:
        return within(
            stretches((p.start, p.end) for p in pieces if p.kind == kind and p.end is not None), start, end
        )

    gaps = sorted((p.start, p.end, p.reason, p.detail) for p in pieces if p.kind == "gap" and p.end is not None)
    unended = [GapSeen(p.start, None, p.reason, p.detail) for p in pieces if p.kind == "gap" and p.end is None]
    damaged = stretches((first, last) for first, last, reason, _ in gaps if reason == "undecodable")
    footage = without(of("footage"), damaged)
    return CameraCoverage(
        camera.camera_id,
        camera.name,
        footage=footage,
        looked_at=common(footage, of("looked_at")),
        gaps=(*(_cut(gap, start, end) for gap in gaps), *unended),
        samplings=tuple(sorted({piece.sampling for piece in pieces if piece.sampling})),
        private=camera.private,
    )


def _cut(gap: tuple[int, int, str, str], start: int | None, end: int | None) -> GapSeen:
    first, last, reason, detail = gap
    low = first if start is None else max(first, start)
    return GapSeen(low, max(low, last if end is None else min(last, end)), reason, detail)


REASONS = {
    "no_feed": "no feed",
    "undecodable": "damaged footage",
    "skipped": "skipped",
    "not_permitted": "not permitted",
}
"""What a gap's reason is called when people read it."""


def _cameras(count: int) -> str:
    return f"{count} camera" + ("" if count == 1 else "s")


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
