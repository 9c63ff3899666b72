"""How much more than decoding and the network's arithmetic does archive indexing cost on one core?

Sides: the in-process pipeline (Detect, Follow, append through the keeper, all on one core); the bound, which is a
bare decode of the same pictures and a bare forward pass of the same batches; and the loop a user would write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.footage import CAMERA, DEMO, MINUTE_S, made_minute
from benchmarks.homes import MadeHome, index_config, made_home
from benchmarks.indexing_sides import (
    Indexed,
    Needed,
    bare_decode,
    bare_forward,
    run_stages,
    sampled_numbers,
    taken_in,
    users_loop,
    warm,
    what_is_needed,
)
from benchmarks.machine import Cost, Stopwatch, cost_of, machine_line, one_core
from benchmarks.options import Options
from benchmarks.parts import KEEPER, REST, WAITING, Parts
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from benchmarks.service import ACCESS, BEGAN
from workbench.vision.detector import Detector

NAME = "archive_indexing"
QUESTION = (
    "On one core, how much longer does archive indexing take than decoding the same pictures and passing the same "
    "batches through the network, and how much less than the loop a user would write?"
)

QUICK_S = 3
"""Length of the footage of a quick run, seconds."""

BOUND_GOAL = Goal("at most", 1.15)
LOOP_GOALS = {"2": Goal("at least", 1.7), "keyframes": Goal("at least", 4.0)}

METHOD = """\
One core holds everything: pipeline, keeper, bound and loop (CPU affinity; one thread each for torch, OpenCV and
the decoder). Footage: the demo clip for a minute, and the same street as a full-HD camera would send it (15
frames a second, 4 Mbit/s H.264 without B-frames, a key frame every 2 s, sensor noise); a recording consists of
several such minutes an hour apart, a segment each. Bound: the packets these pictures rest on, decoded and scaled
by PyAV, and the batches the detector was given, passed through the network; no bookkeeping at all. Pipeline:
permit, digest, decode, gate, detect, track, rules, append until durable; the keeper's merging of small files (0.1
to 0.2 s of CPU, every 30 s at most) falls outside. Loop: OpenCV reads every frame, the same detector looks at the
same pictures one at a time, boxes go into SQLite with one commit a minute; it is compared, by length of footage,
with the pipeline and its import."""
"""How it is measured, for the page."""


@dataclass
class Case:
    """One piece of footage at one sampling, and what each round took."""

    footage: str
    path: Path
    sampling: str
    seconds: float
    """Length of the file."""
    copies: int = 1
    """How often the pipeline and the bound take the file; the user's loop takes it once, its cost is even."""
    intake: Cost | None = None
    ours: list[Indexed] = field(default_factory=list)
    decode: list[Cost] = field(default_factory=list)
    forward: list[Cost] = field(default_factory=list)
    loop: list[Cost] = field(default_factory=list)
    loop_boxes: int = 0
    parts_s: dict[str, float] = field(default_factory=dict)
    """CPU time of each part in the last round, seconds."""

    @property
    def name(self) -> str:
        """What it is called in the tables."""
        return f"{self.footage}, {self.sampling if self.sampling == 'keyframes' else f'{self.sampling} fps'}"

    @property
    def minutes(self) -> float:
        """Length of the footage that pipeline and bound take."""
        return self.copies * self.seconds / 60

    def to_bound(self, spent: Callable[[Cost], float]) -> Spread:
        """Return the stages' cost over the bound's, round by round."""
        rounds = zip(self.ours, self.decode, self.forward, strict=True)
        return Spread(tuple(
            spent(ours.cost) / (spent(decode) + spent(forward)) for ours, decode, forward in rounds
        ))  # fmt: skip

    def loop_to_bound(self) -> Spread:
        """Return the loop's wall time over the bound's, for the same length of footage."""
        rounds = zip(self.decode, self.forward, self.loop, strict=True)
        return Spread(tuple(
            self.copies * loop.wall_s / (decode.wall_s + forward.wall_s) for decode, forward, loop in rounds
        ))  # fmt: skip

    def to_loop(self) -> Spread:
        """Return the loop's wall time over ours with the import, for the same length of footage."""
        assert self.intake is not None
        return Spread(tuple(
            self.copies * loop.wall_s / (self.intake.wall_s + ours.cost.wall_s)
            for ours, loop in zip(self.ours, self.loop, strict=True)
        ))  # fmt: skip


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("torch", "av", "opencv-python-headless", "duckdb", "ray"))
    with options.folder(NAME) as folder, one_core():
        cases = _cases(folder, options)
        for case in cases:
            with made_home(folder / "home", index_config(case.sampling)) as made:
                _run(case, made, folder, options.rounds)
        ray = None if options.quick else _through_ray(cases[-2], folder)
    return _answer(machine, cases, ray)


def _cases(folder: Path, options: Options) -> list[Case]:
    if options.quick:
        path = made_minute(DEMO, folder / "demo.mp4", QUICK_S)
        return [Case(DEMO.name, path, sampling, QUICK_S) for sampling in LOOP_GOALS]
    return [
        Case(look.name, made_minute(look, folder / f"{name}.mp4"), sampling, MINUTE_S, copies)
        for look, name, by_sampling in ((DEMO, "demo", (4, 8)), (CAMERA, "camera", (2, 8)))
        for sampling, copies in zip(LOOP_GOALS, by_sampling, strict=True)
    ]


def _run(case: Case, made: MadeHome, folder: Path, rounds: int) -> None:
    """Take the footage in, then run every side once a round, one after the other."""
    case.path.read_bytes()  # every side finds it in memory
    segments, case.intake = taken_in(made, case.path, case.copies)
    detector = Detector.load(next(made.home.assets_dir.iterdir()), made.config.detector)
    warm(detector)
    needed = [what_is_needed(made, segment, detector) for segment in segments]
    per_copy = len(segments) // case.copies
    sampled = sampled_numbers(segments[:per_copy], needed[:per_copy])
    for turn in range(rounds):
        parts = Parts()
        case.ours.append(run_stages(made, made.new_run(f"round {turn}"), segments, parts))
        case.decode.append(cost_of(lambda: bare_decode(needed)))
        case.forward.append(cost_of(lambda: bare_forward(needed, detector)))
        case.loop.append(_loop(case, sampled, detector, folder / "loop.sqlite"))
        case.parts_s = _complete(parts, case.ours[-1].cost)
    _check(case, needed, sampled)


def _loop(case: Case, sampled: frozenset[int], detector: Detector, database: Path) -> Cost:
    database.unlink(missing_ok=True)
    watch = Stopwatch()
    case.loop_boxes = users_loop(case.path, sampled, detector, database)
    return watch.read()


def _complete(parts: Parts, cost: Cost) -> dict[str, float]:
    """Return every part's CPU time, and what is left of the wall time."""
    rest_s = cost.own_s - sum(parts.spent_s.values())
    return parts.spent_s | {REST: rest_s, KEEPER: cost.others_s, WAITING: max(0.0, cost.wall_s - cost.cpu_s)}


def _check(case: Case, needed: Sequence[Needed], sampled: frozenset[int]) -> None:
    """Make sure that all sides looked at the same pictures."""
    wanted, ours = sum(len(one.wanted) for one in needed), case.ours[-1]
    if not wanted == case.copies * len(sampled) == ours.frames + ours.held:
        raise AssertionError(
            f"{case.name}: {wanted} pictures, {len(sampled)} numbers, {ours.frames} + {ours.held} looks"
        )


@dataclass(frozen=True)
class ThroughRay:
    """One case indexed by the archive job in a local Ray on the same core."""

    case: Case
    start_s: float
    """Wall time until Ray answered."""
    job_s: float
    """Wall time of the whole job."""
    looking_s: float
    """Wall time of the job from when its workers stood ready."""

    def ratio(self) -> Ratio:
        """Return how much longer the job's workers take than the stages in one process."""
        stages_s = [ours.cost.wall_s for ours in self.case.ours]
        name = f"job in Ray, workers ready, over stages in process, {self.case.name}"
        return Ratio(name, Spread(tuple(self.looking_s / one for one in stages_s)))

    def words(self) -> str:
        """Return what is to be known of it."""
        alone = self.case.ours[-1].cost.wall_s + (self.case.intake.wall_s if self.case.intake else 0.0)
        return (
            f"Ray on the same core ({self.case.name}): it takes {self.start_s:.1f} s to start, and the job in it "
            f"{self.job_s:.1f} s, {self.looking_s:.1f} s of that after its workers stood ready; in one process the "
            f"same footage takes {alone:.1f} s with its import. The rest is the start of Ray's processes, each of "
            "which imports torch and loads the weights: paid once a command, not once a minute of footage."
        )


def _through_ray(case: Case, folder: Path) -> ThroughRay:
    """Index through a local Ray on the same core."""
    from ray_jobs.archive import index
    from ray_jobs.cluster import connected
    from ray_jobs.config import CameraFootage

    config = index_config(case.sampling)
    with made_home(folder / "home", config) as made:
        watch = Stopwatch()
        with connected(made.home, cpus=1) as cluster:
            start_s = watch.read().wall_s
            watch = Stopwatch()
            paths = tuple(_link(case.path, folder / f"copy-{copy}.mp4") for copy in range(case.copies))
            footage = [CameraFootage(made.site.camera.camera_id, paths, BEGAN)]
            (summary,) = index(
                made.home, ACCESS, footage, config, cluster, clock=lambda: datetime.now(UTC), workers=1
            )
            job_s = watch.read().wall_s
    assert summary.x_realtime is not None
    return ThroughRay(case, start_s, job_s, summary.camera_seconds / summary.x_realtime)


def _link(path: Path, link: Path) -> Path:
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link


def _answer(machine: str, cases: Sequence[Case], ray: ThroughRay | None) -> Answer:
    ratios = [
        Ratio(f"pipeline over bound, {case.name}", case.to_bound(lambda cost: cost.wall_s), BOUND_GOAL)
        for case in cases
    ]
    ratios += [
        Ratio(f"user's loop over pipeline and import, {case.name}", case.to_loop(), LOOP_GOALS[case.sampling])
        for case in cases
    ]
    words = [
        METHOD,
    ]
    if ray is not None:
        ratios.append(ray.ratio())
        words.append(ray.words())
    return Answer(NAME, QUESTION, machine, tuple(ratios), (_sides(cases), _parts(cases)), tuple(words))


def _sides(cases: Sequence[Case]) -> Table:
    def walls(costs: Sequence[Cost], minutes: float) -> str:
        return Spread(tuple(cost.wall_s / minutes for cost in costs)).text()

    rows = []
    for case in cases:
        ours = case.ours[-1]
        assert case.intake is not None
        rows.append((
            case.name, f"{ours.frames} + {ours.held}", walls([case.intake], case.minutes),
            walls([one.cost for one in case.ours], case.minutes), walls(case.decode, case.minutes),
            walls(case.forward, case.minutes), walls(case.loop, case.seconds / 60),
            case.to_bound(lambda cost: cost.cpu_s).text(), case.loop_to_bound().text(),
            f"{ours.detections / case.minutes:.0f} / {ours.tracks / case.minutes:.0f}",
            f"{case.loop_boxes * 60 / case.seconds:.0f}",
        ))  # fmt: skip
    columns = (
        "case", "pictures looked at + held", "import", "stages", "bare decode", "bare forward", "user's loop",
        "stages over bound, CPU time", "loop over bound", "rows kept: boxes / tracks", "loop's rows: boxes",
    )  # fmt: skip
    return Table("Seconds of wall time, and rows, per minute of footage", columns, tuple(rows))


def _parts(cases: Sequence[Case]) -> Table:
    rows = []
    for name in cases[0].parts_s:
        cells = []
        for case in cases:
            spent_s, whole_s = case.parts_s[name], sum(case.parts_s.values())
            cells.append(f"{1000 * spent_s / case.minutes:.0f} ({100 * spent_s / whole_s:.1f} %)")
        rows.append((name, *cells))
    title = "Where the stages' time goes: ms of CPU per minute of footage, last round"
    return Table(title, ("part", *(case.name for case in cases)), tuple(rows))


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
