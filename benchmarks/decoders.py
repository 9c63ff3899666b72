"""What the two decoders cost on the same segments, for the same pictures."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.footage import CAMERA, DEMO, Look, made_minute
from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Ratio, Spread, Table
from benchmarks.service import BEGAN
from catalog.footage import Segment
from workbench.media.decode import Decoder, SegmentDecoder
from workbench.media.frames import Sampling
from workbench.media.importing import import_footage

NAME = "decoders"

QUESTION = "How much CPU does decord take to decode and scale the same pictures of our own segments, against PyAV?"

WIDTH_PX = 416
"""Width to which pictures are scaled: the detector's."""

SAMPLINGS = ("2", "keyframes", "all")


def measure(options: Options) -> Answer:
    """Decode with both, rounds interleaved, and return decord's CPU time over PyAV's."""
    ratios: list[Ratio] = []
    rows: list[tuple[str, ...]] = []
    with options.folder(NAME) as folder:
        for look in (DEMO,) if options.quick else (DEMO, CAMERA):
            path, segment = _segment(look, folder, seconds=3.0 if options.quick else 20.0)
            for sampling in SAMPLINGS:
                ratio, row = _compare(look.name, path, segment, Sampling.parse(sampling), options)
                ratios.append(ratio)
                rows.append(row)
    table = Table("CPU milliseconds", ("case", "pictures", "PyAV", "decord"), tuple(rows))
    words = (
        "The same class hands out the same frames, chosen by the time stamps in the file; only what turns packets "
        "into pictures differs. One thread each, pictures scaled to the detector's width. PyAV leaves out packets "
        "on which no wanted picture rests.",
    )
    return Answer(NAME, QUESTION, machine_line(("av", "decord2")), tuple(ratios), (table,), words)


def _segment(look: Look, folder: Path, seconds: float) -> tuple[Path, Segment]:
    clip = made_minute(look, folder / f"{look.wh_px[0]}x{look.wh_px[1]}-{seconds:g}.mp4", seconds)
    imported = import_footage(
        clip, camera_id="camera", mounting_id="mounting", home_root=folder, footage_dir=folder / "footage",
        start_at=BEGAN,
    )  # fmt: skip
    return folder / imported.segments[0].uri, imported.segments[0]


def _compare(
    name: str, path: Path, segment: Segment, sampling: Sampling, options: Options
) -> tuple[Ratio, tuple[str, ...]]:
    case = f"{name}, {sampling.name}"
    spent: dict[Decoder, list[float]] = {"av": [], "decord": []}
    pictures = 0
    for _ in range(options.rounds):
        for decoder, values in spent.items():
            began = time.process_time()
            pictures = _decode(path, segment, sampling, decoder)
            values.append((time.process_time() - began) * 1000)
    over = tuple(decord / av for av, decord in zip(spent["av"], spent["decord"], strict=True))
    texts = (Spread(tuple(values)).text(0) for values in spent.values())
    return Ratio(f"decord over PyAV, {case}", Spread(over)), (case, str(pictures), *texts)


def _decode(path: Path, segment: Segment, sampling: Sampling, decoder: Decoder) -> int:
    size_px = (WIDTH_PX, round(segment.height_px * WIDTH_PX / segment.width_px))
    return sum(
        len(batch.pts) for batch in SegmentDecoder(path, segment, sampling, size_px=size_px, decoder=decoder)
    )


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
