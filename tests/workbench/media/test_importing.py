from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest

from catalog.errors import BadInput, UnreadableFootage
from catalog.footage import Segment
from catalog.spans import to_us
from tests.synthetic import Encoding, Scene, flip_bytes, render, street, truncate
from tests.workbench.media.conftest import START_AT
from workbench.media.importing import Imported, NothingReadable, import_footage

BringIn = Callable[..., Imported]
CONTAINERS = ("mp4", "mkv", "mov", "ts", "avi")


def numbers_of(looked: tuple[list[int | None], object, object]) -> list[int | None]:
    return looked[0]


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_frame_of_every_container_comes_through_once_and_at_its_time(
    suffix: str, tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    imported = bring_in(render(street(), tmp_path / f"a.{suffix}"), max_segment_s=4.0)
    seen, instants, _ = look(imported.segments)
    assert seen == list(range(100))
    expected = to_us(START_AT) + (instants * 0 + 100_000).cumsum() - 100_000
    assert abs(instants - expected).max() <= 1_000
    assert imported.gaps == ()
    assert len(imported.segments) == 3
    assert not any(segment.transcoded for segment in imported.segments)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("open_gop", [False, True], ids=["closed", "open"])
def test_reordered_frames_keep_their_identity(
    suffix: str, open_gop: bool, tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    path = render(street(), tmp_path / f"b.{suffix}", Encoding(b_frames=3, open_gop=open_gop))
    imported = bring_in(path, max_segment_s=4.0)
    seen, instants, _ = look(imported.segments)
    assert seen == list(range(100))
    # AVI does not say when reordered frames are shown: only their rate is known
    assert abs((instants - to_us(START_AT)) / 1e5 - range(100)).max() <= 0.02
    assert all(segment.span.duration_s <= 4.0 for segment in imported.segments)
    if open_gop or suffix == "avi":
        assert all(segment.transcoded for segment in imported.segments)


@pytest.mark.parametrize(
    ("codec", "suffix", "copied"),
    [("mpeg4", "avi", True), ("mjpeg", "avi", True), ("mpeg2video", "ts", False), ("libx265", "mp4", True)],
)
def test_other_codecs_are_copied_where_mp4_holds_them(
    codec: str, suffix: str, copied: bool, tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this build of FFmpeg does not encode {codec}")
    fps = 25.0 if codec == "mpeg2video" else 10.0
    options = {"b": "4000000"} if codec != "libx265" else {"x265-params": "log-level=none:open-gop=0:keyint=20"}
    path = render(street(4.0, fps), tmp_path / f"c.{suffix}", Encoding(codec, options=options))
    imported = bring_in(path)
    assert numbers_of(look(imported.segments)) == list(range(round(4 * fps)))
    assert [segment.transcoded for segment in imported.segments] == [not copied] * len(imported.segments)


def test_variable_frame_rate_keeps_every_time_stamp(tmp_path: Path, bring_in: BringIn, look: Callable) -> None:
    scene = street(jitter_ratio=0.4)
    imported = bring_in(render(scene, tmp_path / "v.mp4"), max_segment_s=4.0)
    seen, instants, _ = look(imported.segments)
    assert seen == list(range(100))
    ticks = scene.frame_ticks()
    assert (
        max(abs(int(at) - to_us(START_AT) - tick * 1e6 / 90_000) for at, tick in zip(instants, ticks, strict=True))
        < 12
    )


def test_segments_are_contiguous_start_on_key_frames_and_name_their_bytes(
    tmp_path: Path, bring_in: BringIn, home_root: Path
) -> None:
    segments = bring_in(render(street(), tmp_path / "a.mp4"), max_segment_s=4.0).segments
    assert segments[0].span.start_at == START_AT
    assert segments[-1].span.end_at == START_AT + timedelta(seconds=10)
    assert [s.span.end_at for s in segments[:-1]] == [s.span.start_at for s in segments[1:]]
    for segment in segments:
        content = (home_root / segment.uri).read_bytes()
        assert hashlib.sha256(content).hexdigest() == segment.sha256
        assert len(content) == segment.size_bytes
        with av.open(str(home_root / segment.uri)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
            assert packets[0].is_keyframe
            assert len(packets) == segment.frame_count
            assert container.streams.video[0].time_base == segment.time_base
    assert list(home_root.rglob("*.part")) == []


def test_the_same_file_gives_the_same_segments_again(tmp_path: Path, bring_in: BringIn) -> None:
    for suffix, how in (("mp4", Encoding(b_frames=2)), ("avi", Encoding(b_frames=2))):
        path = render(street(6.0), tmp_path / f"a.{suffix}", how)
        assert bring_in(path) == bring_in(path)


def test_key_frames_too_far_apart_are_encoded_anew(tmp_path: Path, bring_in: BringIn, look: Callable) -> None:
    path = render(street(), tmp_path / "long.mp4", Encoding(gop=1000, b_frames=2))
    imported = bring_in(path, max_segment_s=4.0)
    assert [segment.transcoded for segment in imported.segments] == [True] * 3
    assert [segment.frame_count for segment in imported.segments] == [40, 40, 20]
    assert numbers_of(look(imported.segments)) == list(range(100))


def test_what_an_edit_list_hides_stays_hidden(tmp_path: Path, bring_in: BringIn, look: Callable) -> None:
    whole = render(street(6.0), tmp_path / "whole.mp4")
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                shift = round(0.5 / packet.time_base)
                packet.stream, packet.pts, packet.dts = stream, packet.pts - shift, packet.dts - shift
                out.mux_one(packet)
    imported = bring_in(cut)
    assert numbers_of(look(imported.segments)) == list(range(5, 60))
    assert imported.segments[0].span.start_at == START_AT


def test_flipped_bytes_give_the_sound_frames_and_a_gap(tmp_path: Path, bring_in: BringIn, look: Callable) -> None:
    sound = render(street(20.0), tmp_path / "a.mp4", Encoding(b_frames=2, movflags="faststart"))
    for seed in range(4):
        imported = bring_in(flip_bytes(sound, tmp_path / f"d{seed}.mp4", seed=seed))
        seen, instants, gaps = look(imported.segments)
        assert gaps, "damage was passed over in silence"
        true = ((instants - to_us(START_AT)) / 1e5).round().astype(int).tolist()
        assert seen == true
        lost_s = sum(gap.span.duration_s or 0 for gap in gaps)
        assert len(seen) == 200 - round(lost_s * 10)
        assert len(seen) >= 100
        assert all(gap.reason == "undecodable" and gap.detail and gap.segment_id for gap in gaps)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("ratio", [0.9, 0.5, 0.1])
def test_a_truncated_file_gives_its_beginning_and_a_gap(
    suffix: str, ratio: float, tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    whole = render(
        street(20.0), tmp_path / f"a.{suffix}", Encoding(movflags="faststart" if suffix == "mp4" else "")
    )
    imported = bring_in(truncate(whole, tmp_path / f"t.{suffix}", ratio))
    seen, _, gaps = look(imported.segments)
    assert seen == list(range(len(seen)))
    assert len(seen) >= 180 * ratio * 0.8
    if suffix != "ts":  # a transport stream does not say how long it is
        assert any(gap.reason == "undecodable" and gap.detail for gap in (*imported.gaps, *gaps))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "mov"])
@pytest.mark.parametrize("seed", range(4))
def test_damage_anywhere_never_crashes_and_never_passes_off_a_wrong_frame(
    suffix: str, seed: int, tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    whole = render(street(8.0), tmp_path / f"a.{suffix}", Encoding(b_frames=1, movflags="faststart"))
    damaged = flip_bytes(whole, tmp_path / f"d.{suffix}", places=6, run=16, between=(0.0, 1.0), seed=seed)
    try:
        imported = bring_in(damaged)
    except NothingReadable:
        return
    seen, _, gaps = look(imported.segments)
    readable = [number for number in seen if number is not None]
    assert readable == sorted(set(readable))
    assert len(seen) == 80 or imported.gaps or gaps


@pytest.mark.parametrize("seed", [19, 31])
def test_a_transport_stream_that_stumbles_is_read_on(
    seed: int, tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    # seeds under which a packet names an unannounced stream, and time stamps leap back and forth
    how = Encoding("mpeg2video", b_frames=2)
    whole = render(street(8.0, 25.0), tmp_path / "a.ts", how)
    damaged = flip_bytes(whole, tmp_path / "d.ts", places=1 + seed % 8, run=600, between=(0.0, 1.0), seed=seed)
    imported = bring_in(damaged, max_segment_s=4.0)
    seen, instants, _ = look(imported.segments)
    assert len(seen) > 80
    assert (instants[1:] > instants[:-1]).all()
    assert imported.gaps
    assert len({gap.gap_id for gap in imported.gaps}) == len(imported.gaps)


def test_frames_an_avi_counts_but_does_not_hold_are_a_gap(
    tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    content = bytearray(render(street(4.0), tmp_path / "a.avi", Encoding("mjpeg")).read_bytes())
    header = content.index(b"strh") + 8
    content[header + 32 : header + 36] = (43).to_bytes(4, "little")
    counted = tmp_path / "b.avi"
    counted.write_bytes(content)
    imported = bring_in(counted)
    assert len(look(imported.segments)[0]) == 40
    assert any("3 frames the header counts are missing" in gap.detail for gap in imported.gaps)


def test_a_damaged_time_table_does_not_reach_the_segments(
    tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    content = bytearray(render(street(jitter_ratio=0.3), tmp_path / "a.mp4").read_bytes())
    table = content.index(b"stts")
    for entry in range(30, 34):
        at = table + 12 + entry * 8
        content[at : at + 8] = b"\x7f\xff\xff\xff\x7f\xff\xff\xff"
    damaged = tmp_path / "stts.mp4"
    damaged.write_bytes(content)
    try:
        imported = bring_in(damaged)
    except NothingReadable:
        return
    seen, _, _ = look(imported.segments)
    assert seen == list(range(len(seen)))
    assert all((segment.span.duration_s or 0) <= 60.0 for segment in imported.segments)
    assert imported.gaps


def test_a_pause_in_the_file_is_a_gap_without_a_feed(tmp_path: Path, bring_in: BringIn, look: Callable) -> None:
    whole = render(street(8.0), tmp_path / "whole.mp4")
    paused = tmp_path / "paused.mp4"
    with av.open(str(whole)) as source, av.open(str(paused), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            shift = round(30 / packet.time_base) * (number >= 40)
            packet.stream, packet.pts, packet.dts = stream, packet.pts + shift, packet.dts + shift
            out.mux_one(packet)
    imported = bring_in(paused)
    assert [segment.frame_count for segment in imported.segments] == [40, 40]
    (gap,) = imported.gaps
    assert gap.reason == "no_feed"
    assert gap.span.start_at == imported.segments[0].span.end_at == START_AT + timedelta(seconds=4)
    assert gap.span.end_at == imported.segments[1].span.start_at == START_AT + timedelta(seconds=34)


def test_a_stream_that_starts_inside_a_group_loses_only_what_came_before(
    tmp_path: Path, bring_in: BringIn, look: Callable
) -> None:
    whole = render(street(8.0), tmp_path / "whole.ts", Encoding(b_frames=2, open_gop=True))
    late = tmp_path / "late.ts"
    content = whole.read_bytes()
    late.write_bytes(content[len(content) // 5 // 188 * 188 :])
    imported = bring_in(late)
    seen, _, _ = look(imported.segments)
    assert seen == list(range(seen[0], 80))
    assert seen[0] <= 41


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp4", b"", "empty"),
        ("notes.mp4", b"this is no video\n" * 40, "text"),
        ("noise.mp4", bytes(range(256)) * 50, "cannot be read"),
        ("picture.mp4", b"\xff\xd8\xff\xe0" + bytes(200), "picture"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "playlist"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n", "playlist"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile a.mp4\n", "playlist"),
        ("concat.mp4", b"ffconcat version 1.0\nfile a.mp4\n", "playlist"),
    ],
)
def test_what_is_no_footage_is_refused_in_words(
    name: str, content: bytes, words: str, tmp_path: Path, bring_in: BringIn
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFootage, match=words) as refused:
        bring_in(path)
    assert isinstance(refused.value, NothingReadable)
    assert refused.value.gap.camera_id == "cam"
    assert refused.value.gap.source_name == name


def test_a_playlist_of_real_footage_is_refused_too(tmp_path: Path, bring_in: BringIn) -> None:
    render(street(2.0), tmp_path / "a.ts")
    path = tmp_path / "b.ts"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnreadableFootage, match="playlist"):
        bring_in(path)


def test_folders_missing_files_and_protocol_names_are_refused(tmp_path: Path, bring_in: BringIn) -> None:
    real = render(street(1.0), tmp_path / "a.mp4")
    for path in (tmp_path, tmp_path / "no.mp4", Path(f"concat:{real}|{real}"), Path("http://example.org/a.mp4")):
        with pytest.raises(UnreadableFootage):
            bring_in(path)


def test_a_name_that_looks_like_a_protocol_is_only_a_name(
    tmp_path: Path, bring_in: BringIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / "subfile,,start,0,end,9,,:%d?a.mp4"
    os.replace(render(street(1.0), tmp_path / "a.mp4"), odd)
    assert bring_in(Path(odd.name)).segments[0].source_name == odd.name


def test_sound_without_pictures_is_refused(tmp_path: Path, bring_in: BringIn) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.rate = 8000
        frame.planes[0].update(bytes(4096))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(UnreadableFootage, match="holds no video, only audio"):
        bring_in(path)


def import_plain(path: Path, root: Path, **options: object) -> Segment:
    told = {"camera_id": "cam", "mounting_id": "m", "home_root": root, "footage_dir": root / "footage", **options}
    return import_footage(path, **told).segments[0]  # type: ignore[arg-type]


def test_the_clock_is_what_the_file_knows_about_itself(tmp_path: Path, home_root: Path) -> None:
    scene = street(2.0)
    created = render(
        scene, tmp_path / "201701010000.mp4", Encoding(metadata={"creation_time": "2026-03-01T10:00:00-06:00"})
    )
    segment = import_plain(created, home_root)
    assert (segment.span.start_at, segment.clock, segment.clock_error_s) == (START_AT, "container", None)
    minute = import_plain(render(scene, tmp_path / "815_201707211414.mp4"), home_root)
    assert (minute.span.start_at, minute.clock_error_s) == (datetime(2017, 7, 21, 14, 14, tzinfo=UTC), 60.0)
    second = import_plain(
        render(scene, tmp_path / "x_2017-07-21_14-14-05.mp4"), home_root, time_zone="America/Chicago"
    )
    assert (second.span.start_at, second.clock_error_s) == (datetime(2017, 7, 21, 19, 14, 5, tzinfo=UTC), 1.0)
    plain = render(scene, tmp_path / "plain.mp4")
    os.utime(plain, (1_700_000_002, 1_700_000_002))
    arrived = import_plain(plain, home_root)
    assert (arrived.span.start_at, arrived.clock) == (datetime.fromtimestamp(1_700_000_000, UTC), "arrival")
    assert import_plain(plain, home_root, start_at=START_AT).clock == "manual"


def test_a_camera_id_cannot_climb_out_of_the_footage_folder(tmp_path: Path, home_root: Path) -> None:
    with pytest.raises(BadInput, match="cannot name a folder"):
        import_plain(render(street(1.0), tmp_path / "a.mp4"), home_root, camera_id="..")


def test_progress_rises_to_one(tmp_path: Path, bring_in: BringIn) -> None:
    shares: list[float] = []
    bring_in(render(Scene(duration_s=6.0), tmp_path / "a.mp4"), max_segment_s=2.0, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
