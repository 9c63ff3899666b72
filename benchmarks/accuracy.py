"""How much of what is there does the pipeline find, follow and state, on scenes whose truth is known?"""

from __future__ import annotations

import bz2
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_scene import WH_PX, CutOutScene, TrueThing, render, scenes
from benchmarks.footage import demo_clip, weights
from benchmarks.homes import index_config
from benchmarks.machine import machine_line, one_core
from benchmarks.options import Options, more_footage
from benchmarks.report import Answer, Ratio, Spread, Table
from benchmarks.scoring import (
    EVENT_TOLERANCE_S,
    EventScore,
    FoundBox,
    Happening,
    Score,
    TrueBox,
    group_of,
    plain_tracks,
    score_boxes,
    score_events,
)
from benchmarks.service import BEGAN
from catalog.footage import Segment
from catalog.observations import LABELS, Detections, Run, SegmentRows
from catalog.registry import Mounting, Zone
from catalog.spans import Span, to_us
from ray_jobs.config import IndexConfig
from workbench.geometry import signed_distance_to_area
from workbench.media.decode import SegmentDecoder
from workbench.media.frames import FrameBatch, FrameLook
from workbench.media.gate import LumaGate
from workbench.media.importing import import_footage
from workbench.media.picture_watch import PictureWatch
from workbench.rules.follow import Follower
from workbench.vision.detector import Detector

NAME = "accuracy"
QUESTION = (
    "How much of what is there does the pipeline find, follow and state, against a perfect detector before the "
    "same tracker and rules, and against plain tracking by overlap?"
)

SAMPLINGS = ("2", "5")

SQUARE = ((440.0, 400.0), (840.0, 400.0), (840.0, 700.0), (440.0, 700.0))
KERB = ((1000.0, 380.0), (1000.0, 715.0))
MIN_DWELL_S = 6.0

QUICK_S = 8.0
"""Length of the scene of a quick run, seconds."""

HIDDEN_RATIO = 0.5
"""A thing of which nearer ones cover this much is not judged, share of its box."""

STEPS_HZ = 100
"""Instants per second at which the truth of events is worked out."""

MIN_OTV_FRAMES = 10
"""Tracks of OTVision shorter than this are left out: at 20 fps half a second, about the workbench's own bar."""

Looks = list[FrameLook]

METHOD = f"""\
Scenes are made from real pixels with known truth: a cyclist and two cars, cut out of the demo clip along an
outline drawn by hand, move over a made street at 1280×720, 10 frames a second; they cross, hide each other,
stop and come back, in one scene large (cyclists 160–270 px), in the other far away (80–95 px, cars 35–50 px).
The video file is imported, decoded, looked at, followed and judged by the same code as any other; a box counts
as the thing's from an overlap of 0.5 on, an event as right within {EVENT_TOLERANCE_S:g} s, with its rule, group
and direction. The cut-outs come from frames in which the detector saw them: the figures say what motion, size,
overlap and sampling cost, not how many cyclists in a city it would miss. Perfect detector: the true boxes,
through the same tracker and rules. Plain tracking: the same boxes, joined by overlap alone (Bochinski et al.
2017)."""
"""How it is measured, for the page."""


@dataclass(frozen=True)
class Seen:
    """What one segment's pictures showed: to the detector, and to one that knows the truth."""

    segment: Segment
    looks: Looks
    frames_decoded: int


@dataclass(frozen=True)
class Result:
    """One scene at one sampling."""

    scene: str
    sampling: str
    ours: dict[str, Score]
    plain: dict[str, Score]
    perfect: dict[str, Score]
    events: dict[str, EventScore]
    """By rule, of the pipeline."""
    perfect_events: dict[str, EventScore]


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("torch", "av"))
    with options.folder(NAME) as folder, one_core():
        shown = [replace(scenes()[-1], duration_s=QUICK_S)] if options.quick else scenes()
        samplings = SAMPLINGS[:1] if options.quick else SAMPLINGS
        results = []
        for scene in shown:
            path = render(scene, demo_clip(), folder / f"{scene.name.replace(' ', '-')}.mp4")
            results += [_judge(scene, path, folder, sampling) for sampling in samplings]
        counts = _against_otvision(folder)
    return _answer(machine, results, counts)


class Bench:
    """One file of footage, imported, with a camera, zones and a run of its own."""

    def __init__(self, path: Path, folder: Path, config: IndexConfig) -> None:
        span = Span(datetime(2020, 1, 1, tzinfo=UTC))
        self.config, self.root = config, folder
        self.mounting = Mounting(Mounting.identify("made", span), "made", span)
        mounting_id = self.mounting.mounting_id
        self.zones = (
            Zone(Zone.identify(mounting_id, "square"), mounting_id, "made", "area", "square", SQUARE, MIN_DWELL_S),
            Zone(Zone.identify(mounting_id, "kerb"), mounting_id, "made", "line", "kerb", KERB),
        )
        self.run = Run("run_accuracy", "index", "made", "investigation", None, "", "", "", BEGAN, "benchmark")
        self.imported = import_footage(
            path, camera_id="made", mounting_id=self.mounting.mounting_id, home_root=folder,
            footage_dir=folder / "footage", start_at=BEGAN,
        )  # fmt: skip

    def batches(self, detector: Detector) -> Iterator[tuple[Segment, SegmentDecoder]]:
        """Yield every segment with a decoder for it."""
        for segment in self.imported.segments:
            size_px = detector.input_wh_px((segment.width_px, segment.height_px))
            path = self.root / segment.uri
            yield segment, SegmentDecoder(path, segment, self.config.sampling, size_px=size_px)

    def look(self, detector: Detector) -> list[Seen]:
        """Return what the detector finds, the gate before it."""
        seen = []
        for segment, decoder in self.batches(detector):
            watch = PictureWatch(LumaGate(self.config.gate_threshold))
            looks = [look for batch in decoder for look in _looks(batch, detector, watch)]
            seen.append(Seen(segment, looks, decoder.frames_decoded))
        return seen

    def follow(self, seen: Sequence[Seen]) -> list[SegmentRows]:
        """Return what tracker and rules make of it."""
        follower = Follower(self.config.follow, self.run, self.mounting, self.zones)
        return [
            follower.process(
                one.segment, one.looks, frames_decoded=one.frames_decoded, sampling=self.config.sampling
            )
            for one in seen
        ]


def _looks(batch: FrameBatch, detector: Detector, watch: PictureWatch) -> Iterator[FrameLook]:
    for place, picture in enumerate(batch.rgb):
        stats, held = watch.judge(picture)
        one = slice(place, place + 1)
        found = None
        if not held:
            (found,) = detector(
                FrameBatch(batch.segment_id, batch.pts[one], batch.seen_at[one], batch.rgb[one], batch.frame_wh_px)
            )
        yield FrameLook(int(batch.pts[place]), int(batch.seen_at[place]), held, stats, found)


def _judge(scene: CutOutScene, path: Path, folder: Path, sampling: str) -> Result:
    config = index_config(sampling)
    bench = Bench(path, folder, config)
    seen = bench.look(Detector.load(weights(), config.detector))
    ours = bench.follow(seen)
    perfect = bench.follow([_perfect(one, scene) for one in seen])
    instants = [look.seen_at for one in seen for look in one.looks if not look.held]
    found, ideal = _found(ours, instants), _found(perfect, instants)
    true = [_truth(scene, (at - _began_us()) / 1e6) for at in instants]
    plain = plain_tracks([(at / 1e6, boxes) for at, boxes in zip(instants, found, strict=True)])
    happenings = _true_events(scene)
    return Result(
        scene.name, sampling, score_boxes(list(zip(true, found, strict=True))),
        score_boxes(list(zip(true, plain, strict=True))), score_boxes(list(zip(true, ideal, strict=True))),
        _by_rule(happenings, _stated(ours)), _by_rule(happenings, _stated(perfect)),
    )  # fmt: skip


def _began_us() -> int:
    return to_us(BEGAN)


def _perfect(seen: Seen, scene: CutOutScene) -> Seen:
    """Return the same looks as a detector that knows the scene would have had them; hidden things left out."""
    looks = []
    for look in seen.looks:
        true = [box for box in _truth(scene, (look.seen_at - _began_us()) / 1e6) if box.judged]
        found = Detections.of(
            seen.segment.segment_id, look.pts, look.seen_at, np.array([box.xyxy_px for box in true], np.float32),
            np.full(len(true), 0.9, np.float32),
            np.array([LABELS.index(_label(scene, box.thing)) for box in true], np.int16),
        )  # fmt: skip
        looks.append(FrameLook(look.pts, look.seen_at, look.held, look.stats, None if look.held else found))
    return Seen(seen.segment, looks, seen.frames_decoded)


def _label(scene: CutOutScene, name: str) -> str:
    return next(thing.label for thing in scene.things() if thing.name == name)


def _truth(scene: CutOutScene, at_s: float) -> list[TrueBox]:
    """Return every thing that is at least partly in the picture."""
    boxes = []
    for thing in scene.things():
        whole = [box for box in thing.actor.boxes(at_s)]
        if not whole:
            continue
        cut = np.clip(whole[thing.index][1], 0, [*WH_PX, *WH_PX])
        if np.all(cut[2:] - cut[:2] > 1):
            judged = thing.box(at_s) is not None and not _hidden(scene, thing, cut, at_s)
            boxes.append(TrueBox(thing.name, group_of(thing.label), cut, judged))
    return boxes


def _hidden(scene: CutOutScene, thing: TrueThing, box: NDArray[np.float64], at_s: float) -> bool:
    """Tell whether nearer actors cover most of a box."""
    place = thing.actor.place(at_s)
    assert place is not None
    covered = 0.0
    for other in scene.actors:
        there = other.place(at_s)
        if other is thing.actor or there is None or there[1] <= place[1]:
            continue
        for _, front in other.boxes(at_s):
            shared = np.minimum(box[2:], front[2:]) - np.maximum(box[:2], front[:2])
            covered = max(covered, float(np.prod(np.maximum(shared, 0))))
    return covered >= HIDDEN_RATIO * float(np.prod(box[2:] - box[:2]))


def _found(rows: Sequence[SegmentRows], instants: Sequence[int]) -> list[list[FoundBox]]:
    """Return the boxes that were kept, picture by picture."""
    by_instant: dict[int, list[FoundBox]] = defaultdict(list)
    for one in rows:
        for row in one.detections.to_pylist():
            xyxy_px = np.array([row[f"{side}_px"] for side in ("x1", "y1", "x2", "y2")], np.float64)
            by_instant[to_us(row["seen_at"])].append(FoundBox(group_of(row["label"]), xyxy_px, row["track_id"]))
    return [by_instant[at] for at in instants]


def _stated(rows: Sequence[SegmentRows]) -> list[Happening]:
    """Return the latest statement about each event of the two zones."""
    latest = {row["event_id"]: row for one in rows for row in one.event_states.to_pylist()}
    return [
        Happening(
            row["rule"], group_of(row["label"]), (to_us(row["start_at"]) - _began_us()) / 1e6, row["direction"],
            row["dwell_s"],
        )
        for row in latest.values()
        if row["zone_id"] is not None
    ]  # fmt: skip


def _true_events(scene: CutOutScene) -> list[Happening]:
    happenings = []
    for thing in scene.things():
        times = np.arange(0, scene.duration_s, 1 / STEPS_HZ)
        boxes = [(at_s, thing.box(float(at_s))) for at_s in times]
        seen = [(at_s, box) for at_s, box in boxes if box is not None]
        anchors_px = np.array([((box[0] + box[2]) / 2, box[3]) for _, box in seen]).reshape(-1, 2)
        at_s = np.array([at_s for at_s, _ in seen])
        happenings += _visits(thing, at_s, anchors_px) + _crossings(thing, at_s, anchors_px)
    return happenings


def _visits(thing: TrueThing, at_s: NDArray[np.float64], anchors_px: NDArray[np.float64]) -> list[Happening]:
    inside = signed_distance_to_area(anchors_px, np.array(SQUARE)) >= 0
    group, found, entered = group_of(thing.label), [], None
    for step in np.flatnonzero(np.diff(inside.astype(int))).tolist():
        instant = float(at_s[step + 1])
        if inside[step + 1]:
            found.append(Happening("zone_enter", group, instant))
            entered = instant
        else:
            found.append(Happening("zone_leave", group, instant))
            if entered is not None and instant - entered >= MIN_DWELL_S:
                found.append(Happening("zone_dwell", group, entered, dwell_s=instant - entered))
    return found


def _crossings(thing: TrueThing, at_s: NDArray[np.float64], anchors_px: NDArray[np.float64]) -> list[Happening]:
    beyond = anchors_px[:, 0] >= KERB[0][0]
    # the line points down the picture, so its right hand is the picture's left
    return [
        Happening("line_cross", group_of(thing.label), float(at_s[step + 1]),
                  "backward" if beyond[step + 1] else "forward")
        for step in np.flatnonzero(np.diff(beyond.astype(int))).tolist()
    ]  # fmt: skip


def _by_rule(true: Sequence[Happening], stated: Sequence[Happening]) -> dict[str, EventScore]:
    rules = ("zone_enter", "zone_leave", "zone_dwell", "line_cross")
    return {
        f"{rule}, {group}": score_events(
            [one for one in true if one.rule == rule and one.group == group],
            [one for one in stated if one.rule == rule and one.group == group],
        )
        for group in ("person", "vehicle", "two_wheeler")
        for rule in rules
    }


def _against_otvision(folder: Path) -> Table | None:
    """Count tracks by group where the further footage holds OTVision's, over the same clip."""
    more = more_footage()
    files = sorted(more.glob("otvision_*.ottrk")) if more is not None else []
    if not files:
        return None
    rows = []
    for file in files:
        clip = file.with_suffix(".mp4")
        theirs = _otvision_counts(file)
        cells = [clip.stem, *(str(theirs[group]) for group in COUNTED)]
        for sampling in ("all", "5"):
            bench = Bench(clip, folder, index_config(sampling))
            rows_of = bench.follow(bench.look(Detector.load(weights(), bench.config.detector)))
            latest = {row["track_id"]: row for one in rows_of for row in one.track_states.to_pylist()}
            ours = Counter(group_of(row["label"]) for row in latest.values())
            cells += [str(ours[group]) for group in COUNTED]
        rows.append(tuple(cells))
    columns = ("clip", *(f"{who}: {group}" for who in ("OTVision", "every picture", "5 fps") for group in COUNTED))
    return Table(
        "Tracks by group, beside OTVision's (YOLOv5s and its tracker; not a truth either)", columns, tuple(rows)
    )


COUNTED = ("person", "two_wheeler", "vehicle")


def _otvision_counts(file: Path) -> Counter[str]:
    """Return OTVision's tracks by group, each by the class most of its boxes have."""
    boxes = json.loads(bz2.decompress(file.read_bytes()))["data"]["detections"]
    classes: dict[int, Counter[str]] = defaultdict(Counter)
    for box in boxes:
        if box["class"] in LABELS:
            classes[box["track-id"]][box["class"]] += 1
    return Counter(
        group_of(count.most_common(1)[0][0]) for count in classes.values() if count.total() >= MIN_OTV_FRAMES
    )


def _answer(machine: str, results: Sequence[Result], counts: Table | None) -> Answer:
    ratios = []
    for sampling in dict.fromkeys(result.sampling for result in results):
        here = [result for result in results if result.sampling == sampling]
        ratios += _ratios(sampling, here)
    tables = [_boxes(results), _events(results)]
    words = [
        METHOD,
    ]
    if counts is not None:
        tables.append(counts)
    else:
        words.append("OTVision's tracks: not compared; `RTCC_FOOTAGE` names no folder with `otvision_*.ottrk`.")
    return Answer(NAME, QUESTION, machine, tuple(ratios), tuple(tables), tuple(words))


def _total(results: Sequence[Result], side: str) -> Score:
    total = Score()
    for number, result in enumerate(results):
        for group, score in getattr(result, side).items():
            named = {f"{number}.{group}.{thing}": ids for thing, ids in score.tracks_of.items()}
            total += Score(score.true, score.found, score.extra, named)
    return total


def _event_total(results: Sequence[Result], side: str) -> EventScore:
    return sum((score for result in results for score in getattr(result, side).values()), EventScore(0, 0, 0))


def _ratios(sampling: str, results: Sequence[Result]) -> list[Ratio]:
    ours, plain, perfect = (_total(results, side) for side in ("ours", "plain", "perfect"))
    events, ideal = _event_total(results, "events"), _event_total(results, "perfect_events")

    figures = (
        ("boxes found of those there (recall)", ours.recall, "of 1"),
        ("boxes of something of those kept (precision)", ours.precision, "of 1"),
        ("track switches", float(ours.switches), f"(plain {plain.switches}, perfect detector {perfect.switches})"),
        ("longest tracks over plain ones", ours.in_main_track / max(plain.in_main_track, 0.01), "×"),
        ("events: F1", events.f1, "of 1"),
        ("events: F1 over that of a perfect detector", events.f1 / max(ideal.f1, 0.01), "×"),
    )
    return [Ratio(f"{name}, {sampling} fps", Spread((value,)), None, unit) for name, value, unit in figures]


def _boxes(results: Sequence[Result]) -> Table:
    rows = []
    for result in results:
        for group in ("person", "vehicle", "two_wheeler"):
            ours, plain = result.ours.get(group, Score()), result.plain.get(group, Score())
            perfect = result.perfect.get(group, Score())
            rows.append((
                f"{result.scene}, {result.sampling} fps", group, f"{ours.found} of {ours.true}",
                f"{ours.recall:.2f}",
                f"{ours.precision:.2f}", f"{ours.switches} / {plain.switches} / {perfect.switches}",
                f"{ours.in_main_track:.2f} / {plain.in_main_track:.2f} / {perfect.in_main_track:.2f}",
            ))  # fmt: skip
    columns = (
        "scene", "group", "boxes found", "recall", "precision", "switches: ours / plain / perfect",
        "in the longest track: ours / plain / perfect",
    )  # fmt: skip
    return Table("Boxes and tracks", columns, tuple(rows))


def _events(results: Sequence[Result]) -> Table:
    rows = []
    for kind in results[0].events:
        for sampling in dict.fromkeys(result.sampling for result in results):
            here = [result for result in results if result.sampling == sampling]
            ours = sum((result.events[kind] for result in here), EventScore(0, 0, 0))
            perfect = sum((result.perfect_events[kind] for result in here), EventScore(0, 0, 0))
            off = f"{np.median(ours.off_s):.2f}" if ours.off_s else "—"
            if ours.true or ours.stated:
                rows.append((
                    kind, f"{sampling} fps", str(ours.true), f"{ours.right} of {ours.stated}",
                    f"{perfect.right} of {perfect.stated}", off,
                ))  # fmt: skip
    columns = ("event", "sampling", "there", "right of stated", "perfect detector's", "median offset, s")
    return Table("Events, all scenes", columns, tuple(rows))


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
