from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from catalog.errors import FootageGap, UnreadableFootage
from catalog.footage import Gap, Segment
from catalog.spans import Span, from_us, to_us
from tests.synthetic import Encoding, Scene, flip_bytes, read_number, render, street
from tests.workbench.media.conftest import START_AT
from workbench.media.decode import Decoder, SegmentDecoder, frame_at, frame_pts
from workbench.media.decord_reader import DECORD_MAX_FRAMES, decord_pictures
from workbench.media.frames import Sampling

ENCODINGS = {
    "plain": Encoding(),
    "reordered": Encoding(b_frames=3),
    "long_group": Encoding(gop=1000, b_frames=2),
    "key_frames_only": Encoding(gop=1),
}


@pytest.fixture(params=ENCODINGS, scope="session")
def encoding(request: pytest.FixtureRequest) -> Encoding:
    return ENCODINGS[request.param]


@pytest.mark.parametrize("jitter_ratio", [0.0, 0.4], ids=["even", "uneven"])
@pytest.mark.parametrize("sampling", ["all", "2", "3.3", "keyframes"])
def test_both_decoders_give_the_same_frames_and_every_frame_is_the_one_it_says(
    encoding: Encoding, jitter_ratio: float, sampling: str, tmp_path: Path, bring_in: Callable, look: Callable
) -> None:
    scene = street(6.0, jitter_ratio=jitter_ratio)
    (segment,) = bring_in(render(scene, tmp_path / "a.mp4", encoding)).segments
    starts = np.array(scene.frame_ticks()) / 90_000
    by_decoder = [look((segment,), sampling, decoder=decoder, size_px=(160, 90)) for decoder in ("av", "decord")]
    for seen, instants, gaps in by_decoder:
        assert gaps == []
        assert seen
        assert np.abs((instants - to_us(START_AT)) / 1e6 - starts[seen]).max() < 1e-4
    assert by_decoder[0][0] == by_decoder[1][0]
    if sampling == "keyframes":
        assert by_decoder[0][0] == list(range(0, 60, encoding.gop))


def test_only_what_chosen_frames_rest_on_is_decoded(tmp_path: Path, bring_in: Callable, home_root: Path) -> None:
    (segment,) = bring_in(render(street(), tmp_path / "a.mp4", Encoding(gop=20, b_frames=3))).segments
    counts = {}
    for sampling in ("all", "1", "keyframes"):
        decoder = SegmentDecoder(home_root / segment.uri, segment, Sampling.parse(sampling))
        looked_at = sum(len(batch) for batch in decoder)
        counts[sampling] = (looked_at, decoder.frames_decoded)
    assert counts["all"] == (100, 100)
    assert counts["keyframes"] == (5, 5)
    assert counts["1"][0] == 10
    assert counts["1"][1] < 70


def test_batches_are_full_but_for_the_last_and_carry_the_native_size(
    tmp_path: Path, bring_in: Callable, home_root: Path
) -> None:
    (segment,) = bring_in(render(street(2.0), tmp_path / "a.mp4")).segments
    batches = list(
        SegmentDecoder(home_root / segment.uri, segment, Sampling("all"), size_px=(96, 64), batch_frames=8)
    )
    assert [len(batch) for batch in batches] == [8, 8, 4]
    assert batches[0].rgb.shape == (8, 64, 96, 3)
    assert all(batch.frame_wh_px == (320, 180) for batch in batches)
    assert batches[0].seen_at.tolist() == [segment.seen_at_us(int(pts)) for pts in batches[0].pts]


@pytest.mark.parametrize("time_base", [Fraction(1, 12_800), Fraction(1, 90_000), Fraction(1001, 30_000)], ids=str)
def test_instants_are_those_of_the_segments_own_arithmetic(time_base: Fraction) -> None:
    from workbench.media.decode import _seen_at

    span = Span(START_AT, from_us(to_us(START_AT) + 60_000_000))
    segment = Segment("seg", "cam", "m", span, 7, time_base, 9, 8, 8, "h264", "manual", None, 1, "", "", "")
    pts = np.arange(7, 60_000, 137)
    assert _seen_at(segment, pts).tolist() == [segment.seen_at_us(int(tick)) for tick in pts]


def test_a_frame_address_finds_its_picture(
    encoding: Encoding, tmp_path: Path, bring_in: Callable, home_root: Path
) -> None:
    (segment,) = bring_in(render(street(4.0), tmp_path / "a.mp4", encoding)).segments
    path = home_root / segment.uri
    for number, pts in enumerate(frame_pts(path).tolist()):
        picture = frame_at(path, segment, pts)
        assert picture.shape == (180, 320, 3)
        assert read_number(picture) == number


def test_an_address_without_a_frame_is_a_gap(tmp_path: Path, bring_in: Callable, home_root: Path) -> None:
    (segment,) = bring_in(render(street(1.0), tmp_path / "a.mp4")).segments
    with pytest.raises(FootageGap, match="no such frame"):
        frame_at(home_root / segment.uri, segment, 1)
    with pytest.raises(UnreadableFootage):
        frame_at(home_root / "gone.mp4", segment, 0)


def test_a_segment_that_is_gone_is_one_gap(tmp_path: Path, bring_in: Callable, home_root: Path) -> None:
    (segment,) = bring_in(render(street(1.0), tmp_path / "a.mp4")).segments
    decoder = SegmentDecoder(home_root / "gone.mp4", segment, Sampling("all"))
    assert list(decoder) == []
    (gap,) = decoder.gaps
    assert (gap.span, gap.reason, gap.segment_id) == (segment.span, "undecodable", segment.segment_id)


def test_a_segment_cut_short_after_import_gives_its_beginning_and_a_gap(
    tmp_path: Path, bring_in: Callable, home_root: Path, look: Callable
) -> None:
    (segment,) = bring_in(render(street(), tmp_path / "a.mp4")).segments
    path = home_root / segment.uri
    path.write_bytes(path.read_bytes()[: segment.size_bytes // 2])
    seen, _, gaps = look((segment,))
    assert seen == list(range(len(seen)))
    assert 20 <= len(seen) < 100
    assert gaps[-1].span.end_at == segment.span.end_at


def test_a_picture_behind_damage_the_decoder_met_is_never_handed_out(
    tmp_path: Path, bring_in: Callable, look: Callable, home_root: Path
) -> None:
    # without B-frames x264 writes the same bytes every time, so the damage is the same every time
    segment = bring_in(render(street(20.0), tmp_path / "a.mp4")).segments[0]
    path, sound = home_root / segment.uri, tmp_path / "sound.bin"
    sound.write_bytes(path.read_bytes())
    clean = pictures_by_frame(path, segment, "all", "av")[0]
    passed_by_decord = 0
    for seed in range(3):  # the fourth makes valid video of another picture, which no decoder can tell
        # two lost sectors, as on a failing disk; smaller damage may make valid video that no decoder can tell
        flip_bytes(sound, path, places=2, run=512, seed=seed, between=(0.3, 0.9))
        for sampling in ("all", "2", "keyframes"):
            seen, gaps = pictures_by_frame(path, segment, sampling, "av")
            assert max(smear(clean, seen)) < SMEARED
            assert gaps or sampling != "all"
        passed_by_decord += sum(
            each >= SMEARED for each in smear(clean, pictures_by_frame(path, segment, "all", "decord")[0])
        )
    # the reason why decord is not the default: it hands out smeared pictures and says nothing
    assert passed_by_decord > 0


SMEARED = 2.0
"""Mean difference to the sound picture from which on a picture is plainly smeared, levels."""


def pictures_by_frame(
    path: Path, segment: Segment, sampling: str, decoder: Decoder
) -> tuple[dict[int, np.ndarray], list[Gap]]:
    reading = SegmentDecoder(path, segment, Sampling.parse(sampling), decoder=decoder)
    pictures = {}
    for batch in reading:
        numbers = ((batch.seen_at - to_us(START_AT)) / 1e5).round().astype(int).tolist()
        pictures.update(zip(numbers, batch.rgb.astype(np.int16), strict=True))
    return pictures, reading.gaps


def smear(clean: dict[int, np.ndarray], seen: dict[int, np.ndarray]) -> list[float]:
    return [float(np.abs(picture - clean[number]).mean()) for number, picture in seen.items()]


LOOPS = 67
CLIP_FRAMES = 300


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 20 100 frames: a clip of 300 numbered frames, over and over, by stream copy."""
    folder = tmp_path_factory.mktemp("long")
    scene = Scene(duration_s=CLIP_FRAMES / 25, fps=25.0, wh_px=(176, 96), noise=0.0)
    clip = render(scene, folder / "clip.mp4", Encoding(gop=250, b_frames=3))
    path = folder / "long.mp4"
    with av.open(str(clip)) as source:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        with av.open(str(path), "w") as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for loop in range(LOOPS):
                for packet in packets:
                    copy = av.Packet(bytes(packet))
                    copy.stream, copy.time_base, copy.is_keyframe = stream, packet.time_base, packet.is_keyframe
                    shift = loop * round(scene.duration_s / packet.time_base)
                    copy.pts, copy.dts, copy.duration = packet.pts + shift, packet.dts + shift, packet.duration
                    out.mux_one(copy)
    return path


def test_a_long_file_never_gives_a_wrong_frame(long_file: Path, bring_in: Callable, home_root: Path) -> None:
    imported = bring_in(long_file)
    assert sum(segment.frame_count for segment in imported.segments) == LOOPS * CLIP_FRAMES
    assert all(segment.frame_count < DECORD_MAX_FRAMES for segment in imported.segments)
    for segment in imported.segments[:: len(imported.segments) // 3]:
        for decoder in ("av", "decord"):
            for batch in SegmentDecoder(home_root / segment.uri, segment, Sampling.parse("2"), decoder=decoder):
                true = ((batch.seen_at - to_us(START_AT)) * 25 / 1e6).round().astype(int) % CLIP_FRAMES
                assert [read_number(picture) for picture in batch.rgb] == true.tolist()


def test_decord_is_refused_long_files_and_the_frames_are_right_all_the_same(long_file: Path) -> None:
    pts = frame_pts(long_file)
    assert len(pts) == LOOPS * CLIP_FRAMES
    rows = np.arange(0, len(pts), 1500)
    assert decord_pictures(long_file, rows, len(pts), (176, 96), 16) is None
    step_s = Fraction(1, 25)
    with av.open(str(long_file)) as container:
        time_base = container.streams.video[0].time_base
    end_at = from_us(to_us(START_AT) + int(len(pts) * step_s * 1_000_000))
    segment = Segment(
        "seg_long", "cam", "m", Span(START_AT, end_at), int(pts[0]), time_base, len(pts), 176, 96,
        "h264", "manual", None, 1, "", "", "",
    )  # fmt: skip
    decoder = SegmentDecoder(long_file, segment, Sampling.parse("keyframes"), decoder="decord")
    seen = [read_number(picture) for batch in decoder for picture in batch.rgb]
    assert seen == [0, 250] * LOOPS
    dice = random.Random(1)
    for row in (dice.randrange(len(pts)) for _ in range(20)):
        assert read_number(frame_at(long_file, segment, int(pts[row]))) == row % CLIP_FRAMES


def test_decord_itself_still_gives_wrong_frames_on_long_files(long_file: Path) -> None:
    """Shows the fault that `DECORD_MAX_FRAMES` guards against; when it passes away, so may the guard."""
    import decord

    reader = decord.VideoReader(str(long_file), num_threads=1)
    dice = random.Random(2)
    rows = (dice.randrange(len(reader)) for _ in range(100))
    if all(read_number(reader.get_batch([row]).asnumpy()[0]) == row % CLIP_FRAMES for row in rows):
        pytest.xfail("decord gave the right frames this time; the fault comes and goes with load")


def test_frames_within_a_span_are_those_and_no_others(tmp_path: Path, bring_in: Callable, look: Callable) -> None:
    (segment,) = bring_in(render(street(), tmp_path / "a.mp4", Encoding(b_frames=3))).segments
    start = to_us(START_AT)
    span = Span(from_us(start + 3_300_000), from_us(start + 5_200_000))
    assert look((segment,), within=span)[0] == list(range(33, 52))


def test_small_pictures_are_averaged_not_thinned(tmp_path: Path, bring_in: Callable, home_root: Path) -> None:
    (segment,) = bring_in(render(street(1.0), tmp_path / "a.mp4")).segments
    native, small = (
        next(iter(SegmentDecoder(home_root / segment.uri, segment, Sampling("all"), size_px=size))).rgb[0]
        for size in (None, (80, 45))
    )
    assert np.abs(cv2.resize(native, (80, 45), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 3


def test_a_segment_of_odd_resolution_changes_nothing(tmp_path: Path, bring_in: Callable, look: Callable) -> None:
    imported = bring_in(render(street(2.0, wh_px=(322, 182)), tmp_path / "a.mp4"))
    assert look(imported.segments)[0] == list(range(20))
    assert imported.segments[0].width_px == 322
