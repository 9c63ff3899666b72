"""Cameras that are dark, blurred, moved or frozen, from what each picture says about its feed.

Each complaint needs to hold for some seconds before it is stated, is dated back to its onset, and ends by itself.
Blurred and moved are judged against what this camera's picture usually is, learnt while nothing is wrong with it.

A frozen feed shows the very same picture again and again. Encoded once more on its way, it does tremble a little at
every key frame, but always in the same way; a quiet night trembles differently each time, because a lens sees
light. So a picture counts as a sign of life unless it hardly changed or was already shown before, to the last
digit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median

import numpy as np
from numpy.typing import NDArray

from catalog.observations import ClosedBy, RuleName
from workbench.media.frames import MICROSECONDS, FeedStats, FrameLook
from workbench.rules.rule import Ledger, RunningEvent

DARK: RuleName = "camera_dark"
BLURRED: RuleName = "camera_blurred"
MOVED: RuleName = "camera_moved"
FROZEN: RuleName = "camera_frozen"


@dataclass(frozen=True)
class FeedHealthConfig:
    """When something is wrong with a feed. Brightness and differences are in steps of 8 bits, 0..255."""

    dark_luma: float = 16.0
    """Mean brightness at or below which a picture may be dark: video black (16 of 255)."""
    dark_edge_ratio: float = 0.12
    """Share of the picture with edges up to which it may be dark: a clock burnt in covers up to a tenth, the lamps
    and lit walls of a night street a quarter and more."""
    bright_luma: float = 22.0
    """Mean brightness above which it is no longer dark."""
    lit_edge_ratio: float = 0.2
    """Share of the picture with edges above which it is no longer dark."""
    dark_after_s: float = 5.0
    """Longer than a lorry at the lens, seconds."""
    blurred_ratio: float = 0.3
    """Sharpness for its contrast, as a share of the usual, below which a picture is blurred."""
    sharp_ratio: float = 0.5
    """Share of the usual above which it is sharp again."""
    blurred_after_s: float = 10.0
    """Longer than an autofocus takes, seconds."""
    moved_likeness: float = 0.5
    """Correlation of the layout of edges with the usual one below which the camera looks elsewhere."""
    in_place_likeness: float = 0.65
    """Correlation above which it looks where it did."""
    moved_after_s: float = 5.0
    """Longer than a bus that fills the picture while it passes, seconds."""
    adopt_after_s: float = 600.0
    """A new view is taken for the usual one when the camera has looked there so long, seconds."""
    still_change: float = 0.02
    """Mean difference between pictures at or below which nothing lives in them; decoders repeat skipped blocks to
    the last digit, and night noise of one step makes 0.1 at every key frame."""
    frozen_after_s: float = 20.0
    """Longer than two key frames of x264's default lie apart at 25 Hz, seconds."""
    clear_after_s: float = 2.0
    """All must be well for so long before a complaint but `camera_frozen` ends, seconds."""
    learn_count: int = 5
    """Pictures that must have been seen before any is compared with the usual."""
    learn_every_s: float = 2.0
    """Least time between pictures learnt from, seconds, until enough are known."""
    refresh_every_s: float = 60.0
    """The same, after that: what is usual changes with the light, not with the traffic."""
    keep_count: int = 9
    """Pictures the usual is the median of; the oldest make room."""
    plain_edge_ratio: float = 0.15
    """Where the usual picture has edges in a smaller share of it, it is too plain to be compared with: on an empty
    car park every car that comes changes the picture more than turning the camera would."""
    texture_std: float = 4.0
    """A picture with less relief than this is too plain to be compared itself: fog, a wall at the lens."""


EDGE_STEP = 64
"""Cells of the layout above this hold an edge, 0..255: sensor noise of two steps makes 25."""

FINGERPRINTS_KEPT = 32
"""Pictures remembered to tell a repetition from life: at 2 Hz a 16 s stretch between key frames."""

FINGERPRINT_TOLERANCE = 1e-6
"""Relative difference up to which two measures of a picture are the same: rounding only."""

CONTRAST_FLOOR = 1.0
"""Added to the brightness variance before dividing by it, steps²: a black picture has none."""


@dataclass(frozen=True)
class _Picture:
    """One look with its segment."""

    segment_id: str
    look: FrameLook

    @property
    def seen_at(self) -> int:
        return self.look.seen_at

    @property
    def stats(self) -> FeedStats:
        return self.look.stats


@dataclass(frozen=True)
class _Patience:
    """How long something must be wrong before it is stated, and well before that ends, seconds."""

    after_s: float
    clear_s: float


@dataclass
class Complaint:
    """One thing that may be wrong, and since when."""

    rule: RuleName
    since: int | None = None
    """Onset, µs since 1970 UTC; `None` while all is well."""
    segment_id: str = ""
    pts: int = 0
    """The frame of the onset."""
    last_at: int = 0
    """Last instant at which it was seen to hold, µs since 1970 UTC."""
    well_since: int | None = None
    """From when all has been well again; `None` while it is not."""
    event: RunningEvent | None = None

    def judge(self, wrong: bool, well: bool, picture: _Picture, patience: _Patience, ledger: Ledger) -> None:
        """Take in one picture: `wrong`, `well`, or neither, which leaves things as they are."""
        now = picture.seen_at
        if wrong:
            self._hold(picture, patience.after_s, ledger)
        elif well and self.since is not None:
            self.well_since = now if self.well_since is None else self.well_since
            if self.event is None or now - self.well_since >= patience.clear_s * MICROSECONDS:
                self.end("left", ledger)

    def _hold(self, picture: _Picture, after_s: float, ledger: Ledger) -> None:
        now = picture.seen_at
        if self.since is None:
            self.since, self.segment_id, self.pts = now, picture.segment_id, picture.look.pts
        self.last_at, self.well_since = now, None
        if self.event is None and now - self.since >= after_s * MICROSECONDS:
            event_id = ledger.scope.event_id(self.rule, None, (), self.since)
            self.event = ledger.begin(
                RunningEvent(event_id, self.rule, None, (), self.since, self.segment_id, self.pts)
            )
        if self.event is not None:
            ledger.note(self.event)

    def end(self, closed_by: ClosedBy, ledger: Ledger) -> None:
        """Say that all is well again, or that footage ended."""
        if self.event is not None:
            self.event.close(self.last_at, closed_by)
            ledger.note(self.event)
        self.since, self.well_since, self.event = None, None, None


@dataclass
class Usual:
    """What the pictures of this camera usually are: a median over those learnt from."""

    signatures: tuple[bytes, ...] = ()
    """Layouts of edges, 18 × 32 bytes each, oldest first."""
    sharpness: list[float] = field(default_factory=list)
    """Sharpness for the contrast, of the same pictures."""
    learnt_at: int | None = None
    """When the last one was added, µs since 1970 UTC."""

    def learn(self, stats: FeedStats, now: int, config: FeedHealthConfig) -> None:
        """Add a picture if it is time for one."""
        every_s = config.learn_every_s if len(self.signatures) < config.learn_count else config.refresh_every_s
        if self.learnt_at is not None and now - self.learnt_at < every_s * MICROSECONDS:
            return
        self.learnt_at = now
        self.signatures = (*self.signatures, stats.signature.tobytes())[-config.keep_count :]
        self.sharpness = [*self.sharpness, _sharpness(stats)][-config.keep_count :]

    def plain(self, config: FeedHealthConfig) -> bool:
        """Tell whether the usual picture has too few edges to judge others by."""
        return _usual_layout(self.signatures).edge_ratio < config.plain_edge_ratio

    def likeness(self, stats: FeedStats, config: FeedHealthConfig) -> float | None:
        """Return the correlation of a picture's layout with the usual one, -1..1; `None` where none can be told."""
        if len(self.signatures) < config.learn_count:
            return None
        usual, now = _usual_layout(self.signatures), stats.signature.ravel().astype(np.float64)
        now_std = float(now.std())
        if self.plain(config) or usual.std < config.texture_std or now_std < config.texture_std:
            return None
        return float((usual.around_mean * (now - now.mean())).mean()) / (usual.std * now_std)

    def sharpness_ratio(self, stats: FeedStats, config: FeedHealthConfig) -> float | None:
        """Return a picture's sharpness for its contrast as a share of the usual; `None` where none can be told."""
        if len(self.sharpness) < config.learn_count or self.plain(config):
            return None
        usual = median(self.sharpness)
        return _sharpness(stats) / usual if usual > 0 else None


def _sharpness(stats: FeedStats) -> float:
    """Return the share of the contrast that lies in fine detail: it does not fall when the light does."""
    return float(stats.sharpness) / (float(stats.luma_std) ** 2 + CONTRAST_FLOOR)


@dataclass
class FeedHealthMemory:
    """What is wrong, what is usual, and which pictures were shown lately."""

    dark: Complaint = field(default_factory=lambda: Complaint(DARK))
    blurred: Complaint = field(default_factory=lambda: Complaint(BLURRED))
    moved: Complaint = field(default_factory=lambda: Complaint(MOVED))
    frozen: Complaint = field(default_factory=lambda: Complaint(FROZEN))
    usual: Usual = field(default_factory=Usual)
    new_view: Usual = field(default_factory=Usual)
    """What is seen while the camera looks elsewhere: the usual, once it has done so for long."""
    fingerprints: list[tuple[float, float, float]] = field(default_factory=list)
    """Brightness, contrast and sharpness of different pictures lately shown, oldest first."""
    segment_id: str = ""
    """Segment of the last picture."""


class FeedHealth:
    """`camera_dark`, `camera_blurred`, `camera_moved` and `camera_frozen` for one feed."""

    def __init__(self, config: FeedHealthConfig) -> None:
        self.config = config
        self.memory = FeedHealthMemory()
        slow = config.clear_after_s
        self._dark_patience = _Patience(config.dark_after_s, slow)
        self._blurred_patience = _Patience(config.blurred_after_s, slow)
        self._moved_patience = _Patience(config.moved_after_s, slow)
        # a single picture that lives proves that the feed does
        self._frozen_patience = _Patience(config.frozen_after_s, 0.0)

    @property
    def frozen(self) -> bool:
        """True while the feed is stated to be frozen: what it shows is not happening."""
        return self.memory.frozen.event is not None

    def update(self, segment_id: str, look: FrameLook, ledger: Ledger) -> None:
        """Take in one picture, looked at or held."""
        config, memory, stats = self.config, self.memory, look.stats
        picture = _Picture(segment_id, look)
        edge_ratio = float((stats.signature > EDGE_STEP).mean())
        dark = stats.luma_mean <= config.dark_luma and edge_ratio <= config.dark_edge_ratio
        bright = stats.luma_mean > config.bright_luma or edge_ratio > config.lit_edge_ratio
        memory.dark.judge(dark, bright, picture, self._dark_patience, ledger)
        still = self._still(picture)
        # black pictures are all alike: they do not tell a frozen feed from a covered lens
        memory.frozen.judge(still and not dark, not still, picture, self._frozen_patience, ledger)
        if not dark and not self.frozen:
            self._compare(picture, ledger)

    def interrupt(self, ledger: Ledger) -> None:
        """End every complaint here, because footage does; what is usual stays known."""
        memory = self.memory
        for complaint in (memory.dark, memory.blurred, memory.moved, memory.frozen):
            complaint.end("gap", ledger)
        memory.new_view, memory.fingerprints, memory.segment_id = Usual(), [], ""

    def _still(self, picture: _Picture) -> bool:
        """Tell whether a picture shows no sign of life."""
        memory, stats = self.memory, picture.stats
        measures = (float(stats.luma_mean), float(stats.luma_std), float(stats.sharpness))
        shown = _known(measures, memory.fingerprints)
        if not shown:
            memory.fingerprints = [*memory.fingerprints, measures][-FINGERPRINTS_KEPT:]
        # the first picture of a segment has no difference to the one before: only its fingerprint tells
        follows = picture.segment_id == memory.segment_id
        memory.segment_id = picture.segment_id
        return shown or (follows and stats.change <= self.config.still_change)

    def _compare(self, picture: _Picture, ledger: Ledger) -> None:
        """Judge a picture against the usual one, and learn from it if nothing is wrong."""
        config, memory, stats = self.config, self.memory, picture.stats
        ratio = memory.usual.sharpness_ratio(stats, config)
        if ratio is not None:
            wrong, well = ratio < config.blurred_ratio, ratio > config.sharp_ratio
            memory.blurred.judge(wrong, well, picture, self._blurred_patience, ledger)
        # a blurred picture has lost its edges: it says nothing about where the camera looks
        likeness = memory.usual.likeness(stats, config) if memory.blurred.since is None else None
        if likeness is not None:
            wrong, well = likeness < config.moved_likeness, likeness > config.in_place_likeness
            memory.moved.judge(wrong, well, picture, self._moved_patience, ledger)
        if memory.moved.since is not None:
            self._adopt(picture, ledger)
        elif memory.blurred.since is None:
            memory.new_view = Usual()
            memory.usual.learn(stats, picture.seen_at, config)

    def _adopt(self, picture: _Picture, ledger: Ledger) -> None:
        """Take a new view for the usual one when the camera has long looked there."""
        config, memory = self.config, self.memory
        memory.new_view.learn(picture.stats, picture.seen_at, config)
        since = memory.moved.since
        if since is not None and picture.seen_at - since >= config.adopt_after_s * MICROSECONDS:
            memory.moved.end("left", ledger)
            memory.usual, memory.new_view = memory.new_view, Usual()


def _known(measures: tuple[float, float, float], fingerprints: list[tuple[float, float, float]]) -> bool:
    """Tell whether a picture with these measures was shown before."""
    mean, deviation, sharpness = measures
    mean_off, deviation_off, sharpness_off = (FINGERPRINT_TOLERANCE * abs(measure) for measure in measures)
    return any(
        abs(mean - known[0]) <= mean_off
        and abs(deviation - known[1]) <= deviation_off
        and abs(sharpness - known[2]) <= sharpness_off
        for known in fingerprints
    )


@dataclass(frozen=True)
class _Layout:
    """The usual layout of edges, and what every picture is held against."""

    around_mean: NDArray[np.float64]
    """(576,) median layout, less its mean."""
    std: float
    edge_ratio: float
    """Share of cells with an edge."""


@lru_cache(maxsize=64)
def _usual_layout(signatures: tuple[bytes, ...]) -> _Layout:
    """Return the median of these layouts; asked for at every picture, changed once a minute."""
    known = np.stack([np.frombuffer(signature, np.uint8) for signature in signatures])
    usual: NDArray[np.float64] = np.median(known, axis=0)
    return _Layout(usual - usual.mean(), float(usual.std()), float((usual > EDGE_STEP).mean()))
