"""What recording and watching cost a camera, against ffmpeg and against one process a camera."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apps.feeds.server import FeedServer
from benchmarks.footage import Look
from benchmarks.live_sides import (
    Pace,
    Spent,
    record_with_ffmpeg,
    record_with_pyav,
    recorders,
    shard,
    with_ffmpeg,
)
from benchmarks.live_streams import SMALL, STREET, LiveCamera, across, camera_name, feed
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table

NAME = "live_cost"
QUESTION = (
    "What does a camera cost the process that records and watches many of them, at each level of looking, against "
    "ffmpeg recording the same streams, and how much memory do cameras save by sharing a process?"
)

CAMERAS, QUICK_CAMERAS = 8, 2

FFMPEG_GOAL = Goal("at most", 1.1)

OURS = ("record", "keyframes", "substream", "full")
"""Levels, from least to most."""

FFMPEG, PYAV = "ffmpeg, a process a camera", "PyAV, a process a camera"

METHOD = """\
Cameras are RTSP streams over TCP on loopback from one server, which is not counted. Ours is one shard
(`ray_jobs.live.ingest.Ingest`) in a process of its own, with what the director asks of it once a second; beside
packets it keeps digests, time stamps, clocks, health, notes and an fsync a segment, and it tells the catalog's
keeper, a process counted apart. From key frames on it also decodes, judges and scales pictures and hands them
to a detector in another process, which is a stand-in that always sees three people walk (tracker and rules
work; the network is not counted). ffmpeg: `-rtsp_transport tcp -i URI -c copy -f segment -segment_format mp4
-segment_time 10`. PyAV: open, demux, mux into files of ten seconds, nothing else. Every side records alone,
sides in turn, all of them once a round; what is measured begins when every camera is recorded and lasts whole
segments. Memory is PSS: shared pages are shared out."""
"""How it is measured, for the page."""


@dataclass
class Case:
    """One kind of camera, and what each side took, round by round."""

    look: Look
    cameras: tuple[LiveCamera, ...]
    levels: tuple[str, ...]
    spent: dict[str, list[Spent]] = field(default_factory=dict)

    def over(self, side: str, peer: str, figure: Callable[[Spent], float]) -> Spread:
        """Return one side's figure over another's, round by round."""
        rounds = zip(self.spent[side], self.spent[peer], strict=True)
        return Spread(tuple(figure(one) / figure(other) for one, other in rounds))


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("av", "ray", "psutil"))
    count = options.cameras[0] if options.cameras else QUICK_CAMERAS if options.quick else CAMERAS
    pace = Pace(1.0, 4.0) if options.quick else Pace(5.0, 60 * options.minutes if options.minutes else 20.0)
    with options.folder(NAME) as folder:
        looks = (SMALL,) if options.quick else (STREET, SMALL)
        paths = {look: feed(look, folder / "feeds", f"{look.wh_px[0]}.mp4") for look in {SMALL, *looks}}
        with FeedServer(folder / "feeds") as server:
            cases = [_case(look, paths, server, count) for look in looks]
            for _ in range(options.rounds):
                for case in cases:
                    _round(case, folder, pace)
    return _answer(machine, cases, pace)


def _case(look: Look, paths: dict[Look, Path], server: FeedServer, count: int) -> Case:
    small = server.uri(paths[SMALL].name) if look is not SMALL else None
    cameras = tuple(
        LiveCamera(
            camera_name(number), server.uri(paths[look].name, camera=number + 1), look.wh_px, across(look.wh_px),
            None if small is None else server.uri(paths[SMALL].name, camera=number + 1),
        )
        for number in range(count)
    )  # fmt: skip
    return Case(look, cameras, OURS if small else tuple(level for level in OURS if level != "substream"))


def _round(case: Case, folder: Path, pace: Pace) -> None:
    """Let every side record once."""
    sides: dict[str, Callable[[], Spent]] = {
        PYAV: lambda: recorders(record_with_pyav, case.cameras, folder / "recorded", pace),
    }
    if with_ffmpeg():
        sides[FFMPEG] = lambda: recorders(record_with_ffmpeg, case.cameras, folder / "recorded", pace)
    for level in case.levels:
        sides[level] = lambda level=level: shard(case.cameras, folder / "home", level, pace)  # type: ignore[misc]
    for side, work in sides.items():
        case.spent.setdefault(side, []).append(work())


def _answer(machine: str, cases: Sequence[Case], pace: Pace) -> Answer:
    ratios = []
    for case in cases:
        cpu, memory = (lambda spent: spent.core_percent), (lambda spent: spent.pss_mb)
        if FFMPEG in case.spent:
            ratios.append(
                Ratio(
                    f"CPU of recording, ours over ffmpeg, {case.look.name}",
                    case.over("record", FFMPEG, cpu),
                    FFMPEG_GOAL,
                )
            )
        ratios.append(Ratio(f"CPU of recording, ours over PyAV, {case.look.name}", case.over("record", PYAV, cpu)))
        words = f"memory of a process a camera (PyAV) over ours, {len(case.cameras)} cameras, {case.look.name}"
        ratios.append(Ratio(words, case.over(PYAV, "record", memory)))
        if FFMPEG in case.spent:
            words = f"memory of ffmpeg a camera over ours, {len(case.cameras)} cameras, {case.look.name}"
            ratios.append(Ratio(words, case.over(FFMPEG, "record", memory)))
    words = METHOD if with_ffmpeg() else f"{METHOD} ffmpeg is not on this machine (`bash .ci/debian ffmpeg`)."
    tables = tuple(_table(case, pace) for case in cases)
    return Answer(NAME, QUESTION, machine, tuple(ratios), tables, (" ".join(words.split()),))


def _table(case: Case, pace: Pace) -> Table:
    rows = []
    for side, rounds in case.spent.items():
        last = rounds[-1]
        rows.append((
            side if side in (FFMPEG, PYAV) else f"ours, {side}",
            Spread(tuple(one.core_percent for one in rounds)).text(),
            Spread(tuple(one.keeper_percent for one in rounds)).text(),
            f"{last.mbit_s:.2f}", f"{last.looks_hz:.2f} + {last.passed_over_hz:.2f}",
            f"{last.pss_mb:.0f} / {last.rss_mb:.0f}", str(last.threads), str(last.gaps),
        ))  # fmt: skip
    columns = (
        "side", "CPU a camera, % of a core", "keeper's, %", "written, Mbit/s",
        "pictures looked at + passed over, Hz", "memory in all, PSS / RSS, MB", "threads", "gaps",
    )  # fmt: skip
    title = f"{len(case.cameras)} cameras of {case.look.name}, measured for {pace.seconds:.0f} s a round"
    return Table(title, columns, tuple(rows))


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
