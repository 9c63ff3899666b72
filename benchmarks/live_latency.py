"""How long from the moment a camera films something to the alert about it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from apps.feeds.server import FeedServer
from apps.supervisor import LiveOptions, Supervisor
from benchmarks.live_acks import AckWatch, Shown, shown
from benchmarks.live_processes import COLUMNS, Meter, running
from benchmarks.live_streams import RULES_EVERY, LiveCamera, camera_name, clock_feeds, demo_feeds, live_home
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from ray_jobs.live.status import LiveStatus

NAME = "live_latency"
QUESTION = "How long does it take from the moment a camera films something to the alert about it?"

CLOCKS, QUICK_CLOCKS = 4, 1
"""Cameras that film a clock: as many as `rtcc demo --live` has."""

OTHERS, QUICK_OTHERS = 0, 1
"""Cameras of the demo that are watched beside them; `--cameras` names another number."""

MINUTES, QUICK_MINUTES = 4.0, 0.5

GOAL = Goal("at most", 1.5, "s")

METHOD = """\
`rtcc live` as it is (supervisor, keeper, Ray, director, shards, detectors) on RTSP cameras on loopback. Clock
cameras play the demo's street clip, each another stretch of it, encoded as it is sent, the wall clock of that
moment burnt into every picture; the demo's zones are drawn on all of them. They are as many as `rtcc demo
--live` has; `--cameras N` puts N of the demo's own beside them. An alert counts as acknowledged when the keeper
first names it to a client that asks every 20 ms. Its frame is the event's evidence, read back from the recorded
segment by the address in the catalog, and the clock in that picture says when it was filmed: encoding, network,
decoding, detector, tracker, rule and commit are all in the figure, and the clock of the workbench is not. A
line counts as crossed once the thing is a margin beyond it, but the evidence is the first frame on the other
side, so what the rule waits for is in the figure, too. The shards' own figures run from the frame that decided,
without the camera's part."""
"""How it is measured, for the page."""


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("av", "ray", "torch", "duckdb"))
    clocks = QUICK_CLOCKS if options.quick else CLOCKS
    others = options.cameras[0] if options.cameras else QUICK_OTHERS if options.quick else OTHERS
    seconds = 60 * (options.minutes or (QUICK_MINUTES if options.quick else MINUTES))
    with options.folder(NAME) as folder:
        behind = clock_feeds(folder / "feeds", clocks)
        live = {f"clock-{number + 1}.mp4": one.path for number, one in enumerate(behind)}
        with FeedServer(folder / "feeds", live=live) as server:
            cameras = [
                LiveCamera(f"clock-{number + 1}", server.uri(name), one.wh_px, one.drawn)
                for number, (name, one) in enumerate(zip(live, behind, strict=True))
            ]
            cameras += demo_cameras(server, folder / "feeds", others)
            return _watched(machine, cameras, folder / "home", seconds)


def demo_cameras(server: FeedServer, folder: Path, count: int) -> list[LiveCamera]:
    """Return cameras as the live demo has them: every few of them with zones."""
    feeds = demo_feeds(folder)
    return [
        LiveCamera(
            camera_name(number), server.uri(feeds[number % len(feeds)].path.name, camera=number + 1),
            feeds[number % len(feeds)].wh_px,
            feeds[number % len(feeds)].drawn if number % RULES_EVERY < len(feeds) else (),
        )
        for number in range(count)
    ]  # fmt: skip


def _watched(machine: str, cameras: Sequence[LiveCamera], root: Path, seconds: float) -> Answer:
    with live_home(root, cameras) as home:
        with running(Supervisor(home, LiveOptions())) as work:
            meter = Meter(work)
            work.wait_for(len(cameras), 2.0 * len(cameras))
            from_s = meter_began(meter)
            with AckWatch(home).watching() as acks:
                work.go_on_for(seconds, meter.look, 5.0)
                status = work.status()
                meter.look()
            raised = acks.of_rules()
        found = shown(home, raised, lambda camera_id: camera_id.startswith("clock-"))
    return _answer(machine, cameras, found, len(raised), status, meter.rows(from_s), seconds)


def meter_began(meter: Meter) -> float:
    """Look once, and return when, on the meter's clock."""
    meter.look()
    return max((usage.at_s[-1] for usage in meter.by_process.values()), default=0.0)


def quantiles(values: Iterable[float | None]) -> tuple[int, float, float, float]:
    """Return how many there are, p50, p95 and the largest; NaN where there are none."""
    known = np.array([value for value in values if value is not None])
    if not len(known):
        return 0, float("nan"), float("nan"), float("nan")
    return len(known), *(float(np.percentile(known, at)) for at in (50, 95)), float(known.max())


def in_words(values: Iterable[float | None], digits: int = 2) -> tuple[str, ...]:
    """Return the same as text."""
    count, *rest = quantiles(values)
    return (str(count), *(f"{value:.{digits}f}" if count else "—" for value in rest))


def _answer(
    machine: str, cameras: Sequence[LiveCamera], found: Sequence[Shown], raised: int, status: LiveStatus | None,
    processes: tuple[tuple[str, ...], ...], seconds: float,
) -> Answer:  # fmt: skip
    clocked = [one for one in found if one.raised.alert.camera_id is not None and one.burnt_ms is not None]
    count, p50, p95, largest = quantiles(one.by_picture_s for one in clocked)
    off = [abs(one.clock_off_s) for one in clocked if one.clock_off_s is not None]
    ratios = [
        Ratio("alerts whose frame was read back", Spread((float(count),)), None, "alerts"),
        *(
            Ratio(f"frame to alert, {name}", Spread((value,)), goal, "s")
            for name, value, goal in (("p50", p50, None), ("p95", p95, GOAL), ("largest", largest, None))
            if count
        ),
    ]
    if off:
        ratios.append(
            Ratio("clock error of the catalog's instants, p95", Spread((1000 * quantiles(off)[2],)), None, "ms")
        )
    rules = sorted({one.raised.alert.rule or "" for one in found})
    rows = [("all, by the clock in the picture", *in_words(one.by_picture_s for one in clocked))]
    rows += [
        (
            f"{rule}, by the clock in the picture",
            *in_words(one.by_picture_s for one in clocked if one.raised.alert.rule == rule),
        )
        for rule in rules
    ]  # fmt: skip
    rows.append(("all cameras, by the instants in the catalog", *in_words(one.by_row_s for one in found)))
    rows.append(("how far the catalog's instant is off the clock in the picture", *in_words(off, digits=4)))
    tables = (
        Table("From frame to alert, seconds", ("which", "alerts", "p50", "p95", "largest"), tuple(rows)),
        Table(f"{len(cameras)} cameras for {seconds:.0f} s", COLUMNS, processes),
    )
    return Answer(
        NAME, QUESTION, machine, tuple(ratios), tables, (_counted(raised, found, status), " ".join(METHOD.split()))
    )  # fmt: skip


def _counted(raised: int, found: Sequence[Shown], status: LiveStatus | None) -> str:
    assert status is not None
    own = "none"
    if status.latency_p50_ms is not None and status.latency_p95_ms is not None:
        own = f"p50 {status.latency_p50_ms / 1000:.2f} s, p95 {status.latency_p95_ms / 1000:.2f} s"
    clocks = sorted({one.clock_name for one in found})
    levels = sorted(
        {
            f"{sum(c.level == level for c in status.cameras)} at {level}"
            for level in {c.level for c in status.cameras}
        }
    )
    return (
        f"{raised} alerts of rules were raised, {len(found)} of them have their frame in a stored segment, "
        f"{sum(one.burnt_ms is not None for one in found)} a clock that could be read. Shards' own figures: {own}. "
        f"Instants come from: {', '.join(clocks) or 'nothing'}. Cameras at the end: {', '.join(levels)}; "
        f"{status.total('frames_inferred')} pictures looked at, {status.total('passed_over')} passed over, "
        f"{status.total('gaps')} gaps."
    )


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
