"""What a camera costs as a shard has more of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from apps.feeds.server import FeedServer
from benchmarks.live_sides import Pace, Spent, shard
from benchmarks.live_streams import SMALL, STREET, LiveCamera, across, camera_name, feed
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table

NAME = "live_scale"
QUESTION = "Does a camera cost a shard the same whether it has one or many, in CPU, memory and threads?"

CAMERAS, QUICK_CAMERAS = (1, 8, 24, 64), (1, 3)

LEVELS = ("record", "keyframes")

FLAT_GOAL = Goal("at most", 1.1)

METHOD = """\
As in `live_cost`: one shard in a process of its own, RTSP streams over TCP on loopback from one server that is
not counted, a stand-in for the detector, the keeper counted apart. Numbers of cameras in turn, all of them once
a round. What the process costs by itself (ticks, leases, figures, connections) is part of every figure and is
shared by the cameras there are: it makes a single camera look dear, so flatness is judged from the second
number on. The cost of one more camera is the difference between the largest number and the second."""
"""How it is measured, for the page."""

Rounds = dict[tuple[str, int], list[Spent]]
"""What was spent, by level and number of cameras."""


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("av", "ray", "psutil"))
    look = SMALL if options.quick else STREET
    counts = tuple(sorted(set(options.cameras))) or (QUICK_CAMERAS if options.quick else CAMERAS)
    pace = Pace(1.0, 3.0) if options.quick else Pace(5.0, 60 * options.minutes if options.minutes else 20.0)
    spent: Rounds = {(level, count): [] for level in LEVELS for count in counts}
    with options.folder(NAME) as folder:
        path = feed(look, folder / "feeds", f"{look.wh_px[0]}.mp4")
        with FeedServer(folder / "feeds") as server:
            cameras = [
                LiveCamera(
                    camera_name(number), server.uri(path.name, camera=number + 1), look.wh_px, across(look.wh_px)
                )
                for number in range(counts[-1])
            ]  # fmt: skip
            for _ in range(options.rounds):
                for (level, count), rounds in spent.items():
                    rounds.append(shard(cameras[:count], folder / "home", level, pace))
    title = f"{look.name}, measured for {pace.seconds:.0f} s a round"
    return Answer(
        NAME, QUESTION, machine, _ratios(spent, counts), (_table(spent, title),), (" ".join(METHOD.split()),)
    )  # fmt: skip


def _ratios(spent: Rounds, counts: Sequence[int]) -> tuple[Ratio, ...]:
    few = counts[min(1, len(counts) - 1)]
    ratios = []
    for level in LEVELS:
        for count in counts:
            if count == few:
                continue
            pairs = zip(spent[level, count], spent[level, few], strict=True)
            value = Spread(tuple(more.core_percent / less.core_percent for more, less in pairs))
            words = f"CPU a camera, {level}: {count} cameras over {few}"
            ratios.append(Ratio(words, value, FLAT_GOAL if count > few else None))
        if counts[-1] > few:
            ratios.append(_one_more(spent[level, few], spent[level, counts[-1]], level))
    return tuple(ratios)


def _one_more(few: Sequence[Spent], many: Sequence[Spent], level: str) -> Ratio:
    values = [
        (more.rss_mb - less.rss_mb) / (more.cameras - less.cameras) for less, more in zip(few, many, strict=True)
    ]  # fmt: skip
    return Ratio(f"memory (RSS) of one more camera, {level}", Spread(tuple(values)), None, "MB")


def _table(spent: Rounds, title: str) -> Table:
    rows = []
    for (level, count), rounds in spent.items():
        last = rounds[-1]
        rows.append((
            level, str(count), Spread(tuple(one.core_percent for one in rounds)).text(),
            Spread(tuple(one.core_percent * count for one in rounds)).text(1),
            Spread(tuple(one.keeper_percent for one in rounds)).text(),
            Spread(tuple(one.rss_mb / count for one in rounds)).text(1), f"{last.pss_mb:.0f} / {last.rss_mb:.0f}",
            str(last.threads), f"{last.mbit_s:.2f}", f"{last.looks_hz:.2f} + {last.passed_over_hz:.2f}",
            str(sum(one.gaps for one in rounds)),
        ))  # fmt: skip
    columns = (
        "level", "cameras", "CPU a camera, % of a core", "CPU in all, %", "keeper's a camera, %",
        "RSS a camera, MB", "memory in all, PSS / RSS, MB", "threads", "written a camera, Mbit/s",
        "pictures looked at + passed over a camera, Hz", "gaps, all rounds",
    )  # fmt: skip
    return Table(title, columns, tuple(rows))


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
