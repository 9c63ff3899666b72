"""Whether live work stays as it is over time: memory, latency, gaps, disk."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import theilslopes

from apps.feeds.server import FeedServer
from apps.supervisor import LiveOptions, Supervisor
from benchmarks.live_acks import AckWatch, Shown, shown
from benchmarks.live_catalog import asked
from benchmarks.live_latency import demo_cameras, in_words, quantiles
from benchmarks.live_processes import LiveWork, Meter, Usage, running
from benchmarks.live_streams import LiveCamera, clock_feeds, live_home
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from catalog.home import Home

NAME = "live_soak"
QUESTION = "Does live work stay as it is: memory, latency, gaps and disk over half an hour, 24 cameras?"

CAMERAS, QUICK_CAMERAS = 24, 2
CLOCKS = 2
"""Cameras among them that film a clock."""

MINUTES, QUICK_MINUTES = 30.0, 0.6

SAMPLE_S, QUICK_SAMPLE_S = 10.0, 2.0
"""Between two looks at memory, seconds."""

WARM_RATIO = 1 / 3
"""Share of the run, from its start, that is left out of the slopes: caches and pools fill."""

PERIODS = 6
"""Stretches over which latencies are told."""

CONFIDENCE = 0.95

LEAST_NOISE_MB = 0.25
"""What memory of an idle process is known to, MB: allocators take and give by such pieces."""

MEGABYTE = 1e6

METHOD = f"""\
`rtcc live` as it is, with the demo's load and {CLOCKS} cameras among it that film a clock. Memory is the
resident set of every process, pages it shares counted in full, read every {SAMPLE_S:.0f} s; the slope is
Theil's and Sen's (median of the slopes between all pairs of looks, with its {100 * CONFIDENCE:.0f} % interval
by Kendall's statistic) over the last two thirds. A process is called flat where that interval holds 0, or where
what the slope adds up to over those two thirds is no more than twice the noise, which is the scatter of the
looks about the line (1.48 times the median deviation, at least {LEAST_NOISE_MB} MB). Looks of one process
depend on one another, so intervals are narrower than they should be. Latency runs from the instant of an
alert's evidence frame in the catalog to when the keeper first names the alert."""
"""How it is measured, for the page."""


@dataclass(frozen=True)
class Slope:
    """How one process's memory went over the last two thirds."""

    mb_per_h: float
    low: float
    high: float
    noise_mb: float
    hours: float

    @property
    def flat(self) -> bool:
        """True where it cannot be told from noise."""
        return self.low <= 0 <= self.high or abs(self.mb_per_h) * self.hours <= 2 * self.noise_mb

    def text(self) -> str:
        """Return it with its interval."""
        return f"{self.mb_per_h:+.1f} ({self.low:+.1f} to {self.high:+.1f})"


@dataclass
class Disk:
    """How much the home's folders hold, look by look."""

    home: Home
    at_s: list[float] = field(default_factory=list)
    mb: dict[str, list[float]] = field(default_factory=dict)

    def look(self) -> None:
        """Measure all folders now."""
        self.at_s.append(time.monotonic())
        sizes = {entry.name: _size_mb(entry) for entry in self.home.root.iterdir() if entry.name != "assets"}
        sizes = {
            "footage": sizes.pop("footage", 0.0), "lake": sizes.pop("lake", 0.0), "run": sizes.pop("run", 0.0),
            "catalog's database and the rest": sum(sizes.values()),
        }  # fmt: skip
        for name, mb in sizes.items():
            self.mb.setdefault(name, []).append(mb)

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return each folder's size and growth, as text."""
        hours = (self.at_s[-1] - self.at_s[0]) / 3600
        return tuple(
            (name, f"{every[0]:.1f}", f"{every[-1]:.1f}", f"{(every[-1] - every[0]) / hours:.0f}")
            for name, every in self.mb.items()
        )


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("av", "ray", "torch", "duckdb"))
    count = options.cameras[0] if options.cameras else QUICK_CAMERAS if options.quick else CAMERAS
    seconds = 60 * (options.minutes or (QUICK_MINUTES if options.quick else MINUTES))
    clocks = min(CLOCKS, count - 1)
    with options.folder(NAME) as folder:
        behind = clock_feeds(folder / "feeds", clocks)
        live = {f"clock-{number + 1}.mp4": one.path for number, one in enumerate(behind)}
        with FeedServer(folder / "feeds", live=live) as server:
            cameras = [
                LiveCamera(f"clock-{number + 1}", server.uri(name), one.wh_px, one.drawn)
                for number, (name, one) in enumerate(zip(live, behind, strict=True))
            ]
            cameras += demo_cameras(server, folder / "feeds", count - clocks)
            return _watched(
                machine, cameras, folder / "home", seconds, QUICK_SAMPLE_S if options.quick else SAMPLE_S
            )


def _watched(machine: str, cameras: Sequence[LiveCamera], root: Path, seconds: float, every_s: float) -> Answer:
    with live_home(root, cameras) as home:
        with running(Supervisor(home, LiveOptions())) as work:
            meter, disk = Meter(work), Disk(home)
            work.wait_for(len(cameras), 2.0 * len(cameras))
            began_us = time.time_ns() // 1000
            disk.look()
            with AckWatch(home).watching() as acks:
                work.go_on_for(seconds, meter.look, every_s)
                meter.look()
            disk.look()
            counted, restarts = _counted(work), dict(_restarts(work))
            raised = acks.of_rules()
        found = shown(home, raised, lambda camera_id: camera_id.startswith("clock-"))
        gaps = _gaps(home, began_us)
    slopes = {_name(usage): _slope(usage.at_s, usage.rss_mb) for usage in _lasting(meter)}
    slopes["all together"] = _slope(*_total(_lasting(meter)))
    return _answer(
        machine, f"{len(cameras)} cameras for {seconds / 60:.1f} min", slopes, _lasting(meter), found, gaps, disk,
        (f"{counted} Restarts: {restarts or 'none'}.", " ".join(METHOD.split())), began_us, seconds,
    )  # fmt: skip


def _lasting(meter: Meter) -> list[Usage]:
    """Return the processes that were there to the end, from their first third on."""
    last_s = max((usage.at_s[-1] for usage in meter.by_process.values() if usage.at_s), default=0.0)
    every = [usage for usage in meter.by_process.values() if len(usage.at_s) > 3 and usage.at_s[-1] >= last_s - 1.0]
    return sorted(every, key=lambda usage: (usage.role, usage.pid))


def _name(usage: Usage) -> str:
    return f"{usage.name}, {usage.pid}"


def _slope(at_s: Sequence[float], mb: Sequence[float]) -> Slope:
    hours = np.array(at_s) / 3600
    late = hours >= hours[0] + WARM_RATIO * (hours[-1] - hours[0])
    hours, values = hours[late], np.array(mb)[late]
    slope, intercept, low, high = theilslopes(values, hours, alpha=CONFIDENCE)
    rest = values - (intercept + slope * hours)
    noise_mb = max(LEAST_NOISE_MB, 1.48 * float(np.median(np.abs(rest - np.median(rest)))))
    return Slope(float(slope), float(low), float(high), noise_mb, float(hours[-1] - hours[0]))


def _total(every: Sequence[Usage]) -> tuple[list[float], list[float]]:
    """Return the memory of all at the looks that found all of them."""
    count = min(len(usage.at_s) for usage in every)
    sums = [sum(usage.rss_mb[-count + place] for usage in every) for place in range(count)]
    return every[0].at_s[-count:], sums


def _counted(work: LiveWork) -> str:
    status = work.status()
    assert status is not None
    levels = {camera.level for camera in status.cameras}
    at = ", ".join(f"{sum(c.level == level for c in status.cameras)} at {level}" for level in sorted(levels))
    return (
        f"{status.total('segments')} segments, {status.total('frames_inferred')} pictures looked at, "
        f"{status.total('passed_over')} passed over, {status.total('alerts')} alerts. Cameras at the end: "
        f"{at}; {status.states}. Problems told: {'; '.join(status.problems) or 'none'}."
    )


def _restarts(work: LiveWork) -> dict[str, int]:
    from apps.supervisor import supervised

    document = supervised(work.home) or {}
    restarts = document.get("restarts")
    return {str(name): int(count) for name, count in restarts.items()} if isinstance(restarts, dict) else {}


def _gaps(home: Home, began_us: int) -> dict[str, int]:
    """Return how many gaps began meanwhile, by reason."""
    question = (
        "select reason, count(*) from lake.gaps where epoch_us(start_at) >= $began group by reason order by 1"
    )
    return {str(reason): int(count) for reason, count in asked(home, question, began=began_us)}


def _answer(
    machine: str, what: str, slopes: dict[str, Slope], every: Sequence[Usage], found: Sequence[Shown],
    gaps: dict[str, int], disk: Disk, words: tuple[str, ...], began_us: int, seconds: float,
) -> Answer:  # fmt: skip
    together = slopes["all together"]
    flat = sum(slope.flat for slope in slopes.values())
    missing = sum(count for reason, count in gaps.items() if reason != "skipped")
    ratios = (
        Ratio("memory of all processes, slope", Spread((together.mb_per_h,)), None, "MB/h"),
        Ratio("share of processes whose memory is flat", Spread((flat / len(slopes),)), Goal("at least", 1.0)),
        Ratio("gaps in the footage", Spread((float(missing),)), Goal("at most", 0, "gaps"), "gaps"),
        *(
            Ratio(f"frame to alert, {name}", Spread((value,)), goal, "s")
            for name, value, goal in zip(
                ("p50", "p95"), quantiles(one.by_row_s for one in found)[1:3], (None, Goal("at most", 1.5, "s")),
                strict=True,
            )
            if found
        ),
    )  # fmt: skip
    tables = (
        _memory(slopes, every, what),
        _latencies(found, began_us, seconds),
        Table("Disk", ("folder", "at the start, MB", "at the end, MB", "growth, MB/h"), disk.rows()),
        Table(
            "Gaps that began meanwhile",
            ("reason", "how many"),
            tuple((r, str(n)) for r, n in gaps.items()) or (("none", "0"),),
        ),
    )
    return Answer(NAME, QUESTION, machine, ratios, tables, words)


def _memory(slopes: dict[str, Slope], every: Sequence[Usage], what: str) -> Table:
    by_name = {_name(usage): usage for usage in every}
    rows = []
    for name, slope in slopes.items():
        usage = by_name.get(name)
        mb = (
            "—"
            if usage is None
            else f"{usage.rss_mb[0]:.0f} → {usage.rss_mb[-1]:.0f}, at most {max(usage.rss_mb):.0f}"
        )
        rows.append((
            name, mb, slope.text(), f"{slope.noise_mb:.1f}", f"{slope.mb_per_h * slope.hours:+.1f}",
            "flat" if slope.flat else "**grows**" if slope.mb_per_h > 0 else "shrinks",
            "—" if usage is None else f"{usage.core_percent():.1f}", "—" if usage is None else str(usage.threads),
        ))  # fmt: skip
    columns = (
        "process", "RSS, MB", "slope over the last two thirds, MB/h", "noise, MB", "slope × time, MB", "verdict",
        "CPU, % of a core", "threads",
    )  # fmt: skip
    return Table(f"Memory: {what}", columns, tuple(rows))


def _latencies(found: Sequence[Shown], began_us: int, seconds: float) -> Table:
    rows = []
    for period in range(PERIODS):
        from_s, until_s = period * seconds / PERIODS, (period + 1) * seconds / PERIODS
        here = [one for one in found if from_s <= (one.raised.held_us - began_us) / 1e6 < until_s]
        by_row, by_picture = (
            (in_words(values) for values in zip(*map(_both, here), strict=True)) if here else ((), ())
        )
        rows.append((
            f"{from_s / 60:.1f} to {until_s / 60:.1f}", str(len(here)),
            *(" / ".join(three[1:]) or "—" for three in (by_row, by_picture)),
        ))  # fmt: skip
    columns = (
        "minutes", "alerts", "by the catalog's instants, p50 / p95 / largest, s",
        "by the clock in the picture, p50 / p95 / largest, s",
    )  # fmt: skip
    return Table("From frame to alert over time", columns, tuple(rows))


def _both(one: Shown) -> tuple[float, float | None]:
    return one.by_row_s, one.by_picture_s


def _size_mb(path: Path) -> float:
    files = [path] if path.is_file() else path.rglob("*")
    total = 0
    for file in files:
        try:
            total += file.stat().st_size if file.is_file() and not file.is_symlink() else 0
        except OSError:  # merged away, or it has got its name meanwhile
            continue
    return total / MEGABYTE


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
