"""Figures of live work on Ray's own Prometheus endpoint."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ray_jobs.live.figures import CameraFigures, DetectorFigures, ShardFigures

GAUGES = {
    "rtcc_camera_fps": ("Packets a second.", "fps"),
    "rtcc_camera_lag_seconds": ("Age of the oldest picture that is not answered.", "lag_s"),
    "rtcc_camera_bytes": ("Bytes that came from the camera since its shard began.", "size_bytes"),
    "rtcc_camera_segments": ("Segments recorded since its shard began.", "segments"),
    "rtcc_camera_gaps": ("Stretches without footage since its shard began.", "gaps"),
    "rtcc_camera_frames_inferred": ("Pictures the detector looked at.", "frames_inferred"),
    "rtcc_camera_frames_passed_over": ("Pictures that were due but not looked at.", "passed_over"),
    "rtcc_camera_alerts": ("Alerts raised.", "alerts"),
    "rtcc_camera_unwritten": ("Things the catalog has not acknowledged.", "unwritten"),
}
"""One gauge a figure of `CameraFigures`: name, what it says, the figure."""

LEVELS = {"record": 0, "keyframes": 1, "substream": 2, "full": 3}
"""Levels of looking as numbers."""


class ShardMetrics:
    """What one shard tells."""

    def __init__(self, shard: int) -> None:
        from ray.util.metrics import Gauge

        tags = ("camera", "shard")
        self._shard = str(shard)
        self._gauges: dict[str, Any] = {name: Gauge(name, words, tags) for name, (words, _) in GAUGES.items()}
        self._level = Gauge("rtcc_camera_level", "0 record, 1 key frames, 2 sub-stream, 3 full.", tags)
        self._recording = Gauge("rtcc_camera_recording", "1 while footage is being recorded.", tags)
        self._states = Gauge("rtcc_cameras", "Cameras by state.", ("state", "shard"))
        self._rss = Gauge("rtcc_shard_rss_megabytes", "Memory of the shard's process.", ("shard",))
        self._latency = Gauge("rtcc_alert_latency_ms", "From frame to acknowledged alert, last.", ("shard",))
        self._seen: set[str] = set()
        self._cameras: set[str] = set()

    def tell(self, figures: ShardFigures) -> None:
        """Set every gauge."""
        states = Counter(camera.state for camera in figures.cameras)
        for state in self._seen | set(states):
            self._states.set(states[state], {"state": state, "shard": self._shard})
        self._seen |= set(states)
        for camera in figures.cameras:
            self._tell_camera(camera)
        here = {camera.camera_id for camera in figures.cameras}
        for camera_id in self._cameras - here:
            self._leave(camera_id)
        self._cameras = here
        self._rss.set(figures.rss_mb, {"shard": self._shard})
        if figures.alert_latencies_ms:
            self._latency.set(figures.alert_latencies_ms[-1], {"shard": self._shard})

    def _tell_camera(self, camera: CameraFigures) -> None:
        tags = {"camera": camera.camera_id, "shard": self._shard}
        for name, (_, figure) in GAUGES.items():
            self._gauges[name].set(float(getattr(camera, figure)), tags)
        self._level.set(LEVELS[camera.level], tags)
        self._recording.set(float(camera.state == "recording"), tags)

    def _leave(self, camera_id: str) -> None:
        """Take back what was told of a camera that is watched elsewhere now: a gauge keeps its last value."""
        for gauge in (*self._gauges.values(), self._level, self._recording):
            gauge.set(0.0, {"camera": camera_id, "shard": self._shard})


class DetectorMetrics:
    """What one detector tells."""

    def __init__(self) -> None:
        from ray.util.metrics import Gauge

        self._frames = Gauge("rtcc_detector_frames", "Pictures looked at since it began.", ("pid",))
        self._busy = Gauge("rtcc_detector_busy_seconds", "Time spent in the network.", ("pid",))

    def tell(self, figures: DetectorFigures) -> None:
        """Set every gauge."""
        tags = {"pid": str(figures.pid)}
        self._frames.set(figures.frames, tags)
        self._busy.set(figures.busy_s, tags)
