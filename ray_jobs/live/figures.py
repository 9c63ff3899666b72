"""What live work says about itself: figures of cameras, shards and detectors."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CameraFigures:
    """One camera, as its shard sees it."""

    camera_id: str
    state: str
    """`connecting`, `recording`, `no key frame`, `lost`, `closed` or `disk full`; `waiting` without a shard."""
    since_us: int
    """Since when, µs since 1970 UTC."""
    detail: str
    level: str
    level_reason: str
    fps: float
    """Packets a second over the last seconds."""
    looks_hz: float
    """Pictures looked at or held a second."""
    lag_s: float
    """Age of the oldest picture that is not answered, seconds."""
    gop_s: float
    clock: str
    packets: int
    size_bytes: int
    segments: int
    gaps: int
    frames_decoded: int
    frames_inferred: int
    frames_held: int
    passed_over: int
    """Pictures that were due but not looked at, because too many were unanswered."""
    detections: int
    tracks: int
    events: int
    alerts: int
    unwritten: int
    """Segments, rows and alerts the catalog has not acknowledged yet."""


@dataclass(frozen=True)
class ShardFigures:
    """One ingest process."""

    shard: int
    pid: int
    node: str
    rss_mb: float
    cpu_s: float
    """Processor time used so far, seconds."""
    threads: int
    cameras: tuple[CameraFigures, ...] = ()
    alert_latencies_ms: tuple[float, ...] = ()
    """From frame to acknowledged alert, the last ones, ms."""
    problems: tuple[str, ...] = ()
    """What went wrong lately, for the operator."""


@dataclass(frozen=True)
class DetectorFigures:
    """One inference process."""

    pid: int
    node: str
    rss_mb: float
    cpu_s: float
    frames: int
    batches: int
    busy_s: float
    """Time spent in the network, seconds."""
    waiting: int = 0
    """Pictures that wait."""
    loaded: bool = False
    """True once the weights are loaded, so that it answers in milliseconds."""


@dataclass
class Latencies:
    """The last latencies, at most so many."""

    most: int = 4096
    ms: list[float] = field(default_factory=list)

    def add(self, value_ms: float) -> None:
        """Take one more; the oldest goes."""
        self.ms.append(value_ms)
        if len(self.ms) > self.most:
            del self.ms[: len(self.ms) - self.most]

    def quantile(self, share: float) -> float | None:
        """Return the latency that this share lies at or below, ms; `None` without any."""
        if not self.ms:
            return None
        ranked = sorted(self.ms)
        return ranked[min(len(ranked) - 1, round(share * (len(ranked) - 1)))]
