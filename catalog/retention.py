"""When footage must be gone, and why some may not go yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.casework import Alert
from catalog.errors import BadInput
from catalog.ids import content_id
from catalog.registry import Camera
from catalog.spans import Span, to_us


@dataclass(frozen=True)
class Hold:
    """Why footage of one camera may not go yet."""

    hold_id: str
    camera_id: str
    span: Span
    """The footage that stays; `end_at` is `None` for all from the start on."""
    reason: str
    placed_by: str
    """Who asked for it."""
    placed_at: datetime
    released_at: datetime | None = None
    """When it was let go, UTC; `None` while it stands."""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise BadInput(f"a hold on {self.camera_id!r} gives no reason; say why the footage must stay")

    @staticmethod
    def identify(camera_id: str, span: Span, reason: str, placed_at: datetime) -> str:
        """Return the id of the hold placed so at this instant."""
        return content_id("hld", camera_id, to_us(span.start_at), to_us(span.end_at), reason, to_us(placed_at))


@dataclass(frozen=True)
class KeptSegment:
    """A segment as far as keeping it goes; rows of the question `footage_oldest`."""

    segment_id: str
    camera_id: str
    span: Span
    size_bytes: int
    uri: str
    """Path of the file, relative to the data home."""


@dataclass(frozen=True)
class Removal:
    """A segment that shall go."""

    segment: KeptSegment
    rule: str
    """Why, as its tombstone will say: `retention 30 d`, `camera quota`, `total quota` or `disk full`."""


def held_by(alerts: Iterable[Alert]) -> tuple[Hold, ...]:
    """Return what open alerts hold: the footage they rest on, which the keeper does not delete either."""
    return tuple(
        Hold(alert.alert_id, alert.camera_id, alert.evidence, f"open alert {alert.alert_id}", "", alert.raised_at)
        for alert in alerts
        if alert.open and alert.camera_id is not None
    )


def plan_retention(
    footage: Sequence[KeptSegment],
    cameras: Iterable[Camera],
    holds: Iterable[Hold],
    now: datetime,
    *,
    keep_days: float,
    total_quota_bytes: int = 0,
    must_free_bytes: int = 0,
) -> tuple[Removal, ...]:
    """Return what shall go, in the order to delete it: what is too old, then over a camera's quota, then over all.

    Each of the three takes the oldest first, and none takes what is held. Every removal counts for the later ones.

    Parameters
    ----------
    footage
        All that is kept, in any order.
    holds
        Those in `held_by` too, where alerts are open; released ones are passed over.
    keep_days
        How long footage is kept of cameras that say nothing else, days.
    total_quota_bytes
        How much footage of all cameras is kept, bytes; 0 for no limit.
    must_free_bytes
        How much a full disk needs back, bytes.
    """
    registry = {camera.camera_id: camera for camera in cameras}
    free = _unheld(sorted(footage, key=lambda kept: (kept.span.start_at, kept.segment_id)), holds)
    going: dict[str, Removal] = {}
    for kept in free:
        camera = registry.get(kept.camera_id)
        days = keep_days if camera is None or camera.keep_days is None else camera.keep_days
        if kept.span.end_at is not None and kept.span.end_at + timedelta(days=days) <= now:
            going[kept.segment_id] = Removal(kept, f"retention {days:g} d")
    left_bytes = _bytes_by_camera(kept for kept in footage if kept.segment_id not in going)
    free_of: dict[str, list[KeptSegment]] = defaultdict(list)
    for kept in free:
        free_of[kept.camera_id].append(kept)
    for camera_id, camera in registry.items():
        if camera.quota_bytes is not None:
            _take(going, free_of[camera_id], left_bytes[camera_id] - camera.quota_bytes, "camera quota")
    if total_quota_bytes > 0:
        left = sum(kept.size_bytes for kept in footage if kept.segment_id not in going)
        _take(going, free, left - total_quota_bytes, "total quota")
    freed = sum(removal.segment.size_bytes for removal in going.values())
    _take(going, free, must_free_bytes - freed, "disk full")
    return tuple(going.values())


def _bytes_by_camera(footage: Iterable[KeptSegment]) -> Mapping[str, int]:
    sizes: dict[str, int] = defaultdict(int)
    for kept in footage:
        sizes[kept.camera_id] += kept.size_bytes
    return sizes


def _unheld(footage: Iterable[KeptSegment], holds: Iterable[Hold]) -> list[KeptSegment]:
    spans: dict[str, list[Span]] = defaultdict(list)
    for hold in holds:
        if hold.released_at is None:
            spans[hold.camera_id].append(hold.span)
    return [kept for kept in footage if not any(span.overlaps(kept.span) for span in spans.get(kept.camera_id, ()))]


def _take(going: dict[str, Removal], oldest_first: Iterable[KeptSegment], over_bytes: int, rule: str) -> None:
    """Let segments go until this many bytes have."""
    for kept in oldest_first:
        if over_bytes <= 0:
            return
        if kept.segment_id not in going:
            going[kept.segment_id] = Removal(kept, rule)
            over_bytes -= kept.size_bytes
