"""`rtcc demo --live`: a small city on loopback, recorded, watched and alerting, and how well that goes.

Real street footage plays in loops from an RTSP server of its own, with the time burnt in; nothing of it leaves the
machine. The cameras are real to everything else: the same commands, the same rows.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass

from apps.demo_cameras import demo_feeds, register_cameras
from apps.edge import Asking, now
from apps.feeds.server import FeedServer
from apps.indexing import pull_asset
from apps.live_view import print_status
from apps.living import CpuMeter, live_work, log_to_file, show_until
from apps.show import print_json, say
from apps.supervisor import LiveOptions
from catalog.errors import ClusterError
from catalog.home import Home
from ray_jobs.config import WEIGHTS
from ray_jobs.live.status import LiveStatus, read_status


@dataclass(frozen=True)
class LiveSummary:
    """The figures of a live demo."""

    cameras: int
    segments: int
    gaps: int
    frames_decoded: int
    frames_inferred: int
    detections: int
    tracks: int
    events: int
    alerts: int
    latency_ms: dict[str, float | None]
    """From frame to acknowledged alert: `p50` and `p95`."""
    cpu_core_seconds: float
    """Processor time of all processes of live work; the camera server is not among them."""
    rss_mb: float
    """Memory of all of them together at the end, pages they share counted in each."""
    seconds: float
    recording: int
    """Cameras that were recording at the end."""


def run_live_demo(asking: Asking, cameras: int, seconds: float, stop: threading.Event, *, json: bool) -> None:
    """Watch so many cameras for so many seconds, and print what came of it."""
    home = asking.home_made()
    log_to_file(home)
    pull_asset(home, WEIGHTS)
    feeds = demo_feeds(home)
    meter = CpuMeter(home)
    with FeedServer(feeds[0][1].parent) as server:
        camera_ids = register_cameras(home, asking.access(purpose="demonstration"), server, feeds, cameras)
        say(f"{cameras} cameras send on loopback; starting keeper, Ray and director …")
        began_s = time.monotonic()
        with live_work(home, LiveOptions(tuple(camera_ids))) as broken:
            _await_footage(home, cameras, broken, stop)

            def each(_: LiveStatus | None) -> None:
                meter.look()
                if broken.is_set():
                    stop.set()

            show_until(home, stop, time.monotonic() + seconds, each=each)
            recording = sum(camera.state == "recording" for camera in _status(home).cameras)
            meter.look()
            say("Closing segments …")
        lasted_s = time.monotonic() - began_s
    _tell(_summary(_status(home), meter, recording, lasted_s), home, json=json)


def _await_footage(home: Home, cameras: int, broken: threading.Event, stop: threading.Event) -> None:
    """Wait until every camera records and can be looked at: figures are then those of live work, not its start."""
    until_s, began_at = time.monotonic() + 60.0 + cameras, now()
    while time.monotonic() < until_s and not (broken.is_set() or stop.is_set()):
        status = read_status(home)
        if status is not None and status.as_of_at >= began_at and _is_up(status, cameras):
            return
        stop.wait(0.5)


def _is_up(status: LiveStatus, cameras: int) -> bool:
    recording = sum(camera.state == "recording" for camera in status.cameras)
    return recording >= cameras and any(detector.loaded for detector in status.detectors)


def _status(home: Home) -> LiveStatus:
    status = read_status(home)
    if status is None:
        raise ClusterError(f"live work said nothing of itself; see the logs in {home.run_dir / 'live'}")
    return status


def _summary(status: LiveStatus, meter: CpuMeter, recording: int, lasted_s: float) -> LiveSummary:
    used = meter.used()
    totals = {
        name: status.total(name)
        for name in (
            "segments", "gaps", "frames_decoded", "frames_inferred", "detections", "tracks", "events", "alerts",
        )
    }  # fmt: skip
    return LiveSummary(
        len(status.cameras), **totals, latency_ms={"p50": status.latency_p50_ms, "p95": status.latency_p95_ms},
        cpu_core_seconds=used.cpu_core_seconds, rss_mb=used.rss_mb, seconds=round(lasted_s, 1),
        recording=recording,
    )  # fmt: skip


def _tell(summary: LiveSummary, home: Home, *, json: bool) -> None:
    if json:
        print_json(asdict(summary))
        return
    print_status(_status(home))
    p50, p95 = summary.latency_ms["p50"], summary.latency_ms["p95"]
    latency = "no alert yet" if p50 is None or p95 is None else f"{p50:.0f} ms in the middle, {p95:.0f} ms at p95"
    counted = (
        f"{summary.segments} segments, {summary.gaps} gaps, {summary.frames_inferred} pictures looked at, "
        f"{summary.tracks} tracks, {summary.events} events, {summary.alerts} alerts ({latency})"
    )
    used = f"{summary.cpu_core_seconds:.0f} core-seconds, {summary.rss_mb:.0f} MB"
    print(f"\n{summary.cameras} cameras for {summary.seconds:.0f} s: {counted}; {used}.")
    print("Ask further: `rtcc alerts`, `rtcc status`, `rtcc coverage --camera live-01`; for real: `rtcc live`.")
