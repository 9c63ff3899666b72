"""Whether live work holds together with 600 cameras."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from apps.feeds.server import FeedServer
from apps.supervisor import LiveOptions
from benchmarks.live_catalog import Kept, LakeWatch, alerts_by_rule, gaps_since, kept
from benchmarks.live_drive import StubbedSupervisor
from benchmarks.live_latency import meter_began
from benchmarks.live_processes import COLUMNS, LiveWork, Meter, running
from benchmarks.live_streams import TINY_WH_PX, LiveCamera, camera_name, live_home, tiny_feed
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from catalog.home import Home
from ray_jobs.live.status import LiveStatus, status_path

NAME = "live_600"
QUESTION = "Do placement, catalog and figures hold with 600 cameras, and what do they cost apart from the pictures?"

CAMERAS, QUICK_CAMERAS = 600, 12
MINUTES, QUICK_MINUTES = 3.0, 0.4

MEMORY_GOAL = Goal("at most", 24.0, "GB")
GAPS_GOAL = Goal("at most", 0, "gaps")
AGE_GOAL = Goal("at most", 5.0, "s")

METHOD = """\
What is real: 600 registered cameras, 600 RTSP sessions over TCP, each recorded into segments of ten seconds and
looked at at its key frames; supervisor, keeper, Ray, the director's own placement on as many shards as it
chooses. What is simulated: the pictures are tiny, a made street, the streams slow (160×90, 2 frames a second,
a key frame every 4 s), all of them from one server on this machine, so that decoding and disk are not in it;
the detector is a stand-in that takes 20 ms for every call without computing, and finds nothing. So this shows
what grows with the number of cameras and not with their pictures. Shards per camera come from the lock files
their processes hold open. Visibility: a reader in another process looks at the lake twice a second; time runs
from a segment's last frame to the first look that finds it. Gaps are those that began after all cameras
recorded."""
"""How it is measured, for the page."""


@dataclass
class Watch:
    """What was seen from outside."""

    home: Home
    all_record_s: float = 0.0
    """From the start until every camera recorded, seconds."""
    half_record_s: float | None = None
    recording: list[int] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    """Age of the figures at every look, seconds."""
    lags_s: list[float] = field(default_factory=list)
    """Largest lag of a camera at every look, seconds."""

    def note(self, status: LiveStatus | None) -> None:
        """Take in a look at the figures."""
        if status is None:
            return
        self.ages_s.append((datetime.now(UTC) - status.as_of_at).total_seconds())
        self.recording.append(status.states.get("recording", 0))
        self.lags_s.append(max((camera.lag_s for camera in status.cameras), default=0.0))


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("av", "ray", "duckdb"))
    count = options.cameras[0] if options.cameras else QUICK_CAMERAS if options.quick else CAMERAS
    seconds = 60 * (options.minutes or (QUICK_MINUTES if options.quick else MINUTES))
    with options.folder(NAME) as folder:
        path = tiny_feed(folder / "feeds")
        with FeedServer(folder / "feeds") as server:
            cameras = [
                LiveCamera(camera_name(number), server.uri(path.name, camera=number + 1), TINY_WH_PX)
                for number in range(count)
            ]
            with live_home(folder / "home", cameras) as home:
                return _watched(machine, home, count, seconds)


def _watched(machine: str, home: Home, count: int, seconds: float) -> Answer:
    watch = Watch(home)
    with running(StubbedSupervisor(home, LiveOptions())) as work:
        meter = Meter(work)

        def each(status: LiveStatus) -> None:
            if watch.half_record_s is None and 2 * status.states.get("recording", 0) >= count:
                watch.half_record_s = time.monotonic() - work.began_s

        watch.all_record_s = work.wait_for(count, 300.0, each)
        began_at, from_s, before = datetime.now(UTC), meter_began(meter), kept(home)
        with LakeWatch(home).watching() as lake:
            looks = _looks(work, watch, meter)
            work.go_on_for(seconds, looks, 1.0)
            meter.look()
        after, status = kept(home), work.status()
        assert status is not None
        shards = cameras_of_shards(status)
        size_kb = status_path(home).stat().st_size / 1000
        gaps, alerts = gaps_since(home, began_at), alerts_by_rule(home)
        memory_gb = meter.rss_mb / 1000
        processes = meter.rows(from_s)
    ratios = _ratios(watch, count, lake, gaps, memory_gb)
    tables = (
        _placement(shards, watch, status),
        _catalog(before, after, lake, status),
        Table(f"Processes of {count} cameras over {seconds:.0f} s", COLUMNS, processes),
    )
    words = (_counted(watch, status, gaps, alerts, size_kb), " ".join(METHOD.split()))
    return Answer(NAME, QUESTION, machine, ratios, tables, words)


def _looks(work: LiveWork, watch: Watch, meter: Meter):  # type: ignore[no-untyped-def]
    """Return what looks at the figures every second and at the processes every ten."""
    looked_s = [time.monotonic()]

    def look() -> None:
        watch.note(work.status())
        if time.monotonic() - looked_s[0] >= 10.0:
            looked_s[0] = time.monotonic()
            meter.look()

    return look


def cameras_of_shards(status: LiveStatus) -> dict[int, int]:
    """Return how many cameras each shard has locked for itself."""
    return {shard.shard: _locked(shard.pid) for shard in status.shards}


def _locked(pid: int) -> int:
    count = 0
    folder = Path(f"/proc/{pid}/fd")
    with contextlib.suppress(OSError, psutil.Error):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                place = Path(os.readlink(entry))
                count += place.suffix == ".lock" and place.parent.name == "cameras"
    return count


def _ratios(watch: Watch, count: int, lake: LakeWatch, gaps: dict[str, int], memory_gb: float) -> tuple[Ratio, ...]:
    sights = np.array(lake.sights_s or [float("nan")])
    least = Goal("at least", count, "cameras")
    return (
        Ratio(
            "cameras that record, fewest at any look",
            Spread((float(min(watch.recording, default=0)),)),
            least,
            "cameras",
        ),
        Ratio("time until all record", Spread((watch.all_record_s,)), None, "s"),
        Ratio("gaps that began meanwhile", Spread((float(sum(gaps.values())),)), GAPS_GOAL, "gaps"),
        Ratio(
            "a segment in a reader's sight after its end, p50",
            Spread((float(np.percentile(sights, 50)),)),
            None,
            "s",
        ),
        Ratio(
            "a segment in a reader's sight after its end, p95",
            Spread((float(np.percentile(sights, 95)),)),
            None,
            "s",
        ),
        Ratio("age of the figures, oldest at any look", Spread((max(watch.ages_s, default=0.0),)), AGE_GOAL, "s"),
        Ratio("memory of all processes", Spread((memory_gb,)), MEMORY_GOAL, "GB"),
    )


def _placement(shards: dict[int, int], watch: Watch, status: LiveStatus) -> Table:
    rows = [
        (
            str(shard.shard), str(shards[shard.shard]), f"{shard.rss_mb:.0f}", str(shard.threads),
            f"{shard.cpu_s:.0f}", "; ".join(shard.problems) or "none",
        )
        for shard in sorted(status.shards, key=lambda one: one.shard)
    ]  # fmt: skip
    half = "—" if watch.half_record_s is None else f"{watch.half_record_s:.0f} s"
    title = f"Shards; half of the cameras recorded after {half}, all after {watch.all_record_s:.0f} s"
    columns = ("shard", "cameras", "RSS, MB", "threads", "CPU since its start, s", "problems")
    return Table(title, columns, tuple(rows))


def _catalog(before: Kept, after: Kept, lake: LakeWatch, status: LiveStatus) -> Table:
    passed_s = after.at_s - before.at_s
    sights = np.array(lake.sights_s or [float("nan")])
    batches = sum(one.batches for one in status.detectors)
    busy_s = sum(one.busy_s for one in status.detectors)
    rows = [
        ("commits a second", f"{(after.snapshot - before.snapshot) / passed_s:.2f}"),
        ("rows a second", f"{(after.rows - before.rows) / passed_s:.1f}"),
        ("of those, segments", f"{(after.segments - before.segments) / passed_s:.1f}"),
        ("of those, each table", ", ".join(
            f"{table} {(after.by_table[table] - before.by_table[table]) / passed_s:.1f}" for table in after.by_table
        )),
        ("a segment in sight after its end, p50 / p95 / largest, s",
         " / ".join(f"{np.percentile(sights, at):.2f}" for at in (50, 95, 100))),
        ("stand-in for the detector: pictures, calls, ms a call",
         f"{sum(one.frames for one in status.detectors)}, {batches}, {1000 * busy_s / max(batches, 1):.1f}"),
    ]  # fmt: skip
    return Table("Catalog and detector", ("what", "measured"), tuple(rows))


def _counted(watch: Watch, status: LiveStatus, gaps: dict[str, int], alerts: dict[str, int], size_kb: float) -> str:
    levels = {camera.level for camera in status.cameras}
    at = ", ".join(f"{sum(c.level == level for c in status.cameras)} at {level}" for level in sorted(levels))
    why, about = (
        "; ".join(f"{count} × {words}" for words, count in sorted(counts.items(), key=lambda one: -one[1])[:5])
        for counts in (gaps, alerts)
    )
    return (
        f"Cameras at the end: {at}; {status.total('segments')} segments, {status.total('frames_inferred')} "
        f"pictures looked at, {status.total('passed_over')} passed over, largest lag at any look "
        f"{max(watch.lags_s, default=0.0):.1f} s. Alerts since the start: {about or 'none'}. Gaps meanwhile: "
        f"{why or 'none'}. The figures' file is {size_kb:.0f} kB. "
        f"Problems told: {'; '.join(status.problems) or 'none'}."
    )


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
