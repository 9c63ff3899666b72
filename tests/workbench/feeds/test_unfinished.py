"""Whatever moment a recording process dies in, what it had written is found, kept once, and said."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.spans import from_us, to_us
from tests.workbench.feeds.test_recorder import CLOCK, START_US, packets_of, recorded
from tests.workbench.feeds.watched import Home, frames_of, steps_ms
from workbench.feeds import unfinished
from workbench.feeds.unfinished import Note, finish_note, forget, read_note, take_up, write_note

NOTE = Note("cam", "mnt", START_US, "rtcp", 0.02, "street")

RECORDING = """
import sys
from pathlib import Path
from tests.workbench.feeds.watched import Home, watched
home = Home(Path(sys.argv[2]), Path(sys.argv[2]) / "footage" / "cam")
with watched(sys.argv[1], home, segment_s=float(sys.argv[3])) as one:
    one.sink.wait_for_frames(int(sys.argv[4]))
    print("recorded", flush=True)
    sys.stdin.read()
"""


def take(home, mounting_at=lambda _: "mnt"):
    return take_up(home.folder, home.root, mounting_at)


@pytest.fixture
def part(faulty_files, home) -> Path:
    """Leave a recording of 28 frames as a process that is killed leaves it: the last group is not written yet."""
    track, packets, container = packets_of(faulty_files.well)
    recorder = home.recorder()
    recorder.begin(track, CLOCK, 0, 0)
    for packet in packets[:28]:
        recorder.current.write(packet, packet.pts, packet.dts)
    path = home.folder / recorder.current.note.part_name
    written = path.read_bytes()
    segment = recorder.end()
    segment.abandon()
    container.close()
    path.write_bytes(written)
    write_note(home.folder, segment.note)
    return path


def test_a_killed_process_leaves_all_but_the_last_fragment(camera, home):
    command = [sys.executable, "-c", RECORDING, camera.uri, str(home.root), "30", "20"]
    root = Path(__file__).parents[3]
    child = subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with child:
        assert child.stdout.readline() == b"recorded\n"
        child.send_signal(signal.SIGKILL)
    (kept,), wrong = take(home)
    assert wrong == ()
    frames = frames_of(home, kept.segment)
    assert len(frames) == kept.segment.frame_count >= 12
    assert len(frames) % 6 == 0
    assert set(steps_ms(frames, 6000)) <= {66, 67}
    assert kept.segment.clock == "rtcp"
    for frame in frames:
        assert frame.seen_at == pytest.approx(camera.shown_at(frame.media_ms, frame.seen_at + 20_000), abs=1000)
    assert home.left() == [kept.note_name]


def test_what_was_written_is_kept_and_stated(part, home):
    (kept,), wrong = take(home)
    segment = kept.segment
    assert wrong == ()
    assert (segment.frame_count, segment.first_pts, segment.clock_error_s) == (24, 0, 0.02)
    assert (segment.span.start_at, segment.span.end_at) == (from_us(START_US), from_us(START_US + 1_600_000))
    assert home.path(segment).stat().st_size == segment.size_bytes
    assert read_note(home.folder / kept.note_name) == kept


def test_twice_is_once(part, home):
    first = take(home)
    files = {path.name: path.read_bytes() for path in home.folder.iterdir()}
    assert take(home) == first
    assert {path.name: path.read_bytes() for path in home.folder.iterdir()} == files


@pytest.mark.parametrize("moment", ["before its name", "before its note", "before its part is gone"])
def test_dying_while_taking_up_changes_nothing(part, home, monkeypatch, moment):
    saved = part.read_bytes()
    expected = replace(take(home)[0][0])
    again = Home.made(home.root.parent / "again")
    again_part = again.folder / part.name
    again_part.write_bytes(saved)
    write_note(again.folder, replace(expected, segment=None))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    where, name = {
        "before its name": (unfinished, "keep"),
        "before its note": (unfinished, "write_note"),
        "before its part is gone": (Path, "unlink"),
    }[moment]
    with monkeypatch.context() as patched:
        patched.setattr(where, name, die)
        with pytest.raises(KeyboardInterrupt):
            take(again)
    kept, wrong = take(again)
    assert (kept, wrong) == ((expected,), ())
    assert again.left() == [expected.note_name]


def test_a_closed_segment_gets_its_name_when_its_process_died_before(part, home, monkeypatch):
    kept = take(home)[0][0]
    shutil.move(home.path(kept.segment), part)
    assert take(home) == ((kept,), ())
    assert home.path(kept.segment).exists()
    assert not part.exists()


def test_a_note_is_forgotten_when_the_catalog_holds_the_segment(part, home):
    kept = take(home)[0][0]
    forget(home.folder, kept)
    assert take(home) == ((), ())
    assert home.path(kept.segment).exists()


@pytest.mark.parametrize("cut", [0.95, 0.6, 0.3])
def test_a_part_that_breaks_off_keeps_its_whole_frames(part, home, cut):
    size = part.stat().st_size
    with part.open("r+b") as file:
        file.truncate(round(size * cut))
    (kept,), wrong = take(home)
    assert wrong == ()
    frames = frames_of(home, kept.segment)
    assert 0 < len(frames) == kept.segment.frame_count < 24
    assert set(steps_ms(frames, 6000)) <= {66, 67}
    assert None not in [frame.media_ms for frame in frames]


@pytest.mark.parametrize("size", [0, 20, 700, 900])
def test_a_part_without_a_whole_frame_is_given_up_and_said(part, home, size):
    with part.open("r+b") as file:
        file.truncate(size)
    kept, (words,) = take(home)
    assert kept == ()
    assert words.startswith(f"{part.name}: ")
    assert home.left() == []


def test_rubbish_in_a_part_is_given_up_and_said(part, home):
    part.write_bytes(os.urandom(20_000))
    kept, (words,) = take(home)
    assert kept == ()
    assert "cannot be read" in words
    assert home.left() == []


def test_a_note_without_its_file_is_given_up_and_said(home):
    write_note(home.folder, NOTE)
    assert take(home)[0] == ()
    write_note(home.folder, NOTE)
    assert "No such file" in take(home)[1][0]
    assert home.left() == []


def test_a_closed_note_without_its_file_is_given_up_and_said(faulty_files, home):
    (segment,) = recorded(home, faulty_files.well)
    home.path(segment).unlink()
    kept, (words,) = take(home)
    assert kept == ()
    assert "No such file" in words
    assert home.left() == []


@pytest.mark.parametrize(
    "rubbish",
    ["", "{", "[]", '{"camera_id": "cam"}', json.dumps({"camera_id": "cam", "segment": {"a": 1}})],
    ids=repr,
)
def test_rubbish_in_a_note_is_said_and_the_file_kept(part, home, rubbish):
    (home.folder / NOTE.note_name).write_text(rubbish)
    (kept,), (words,) = take(home, mounting_at=lambda start_us: f"mnt_{start_us}")
    assert "cannot be read" in words
    assert kept.segment.frame_count == 24
    assert (kept.camera_id, kept.mounting_id) == ("cam", f"mnt_{START_US}")
    assert (kept.segment.clock, kept.segment.clock_error_s) == ("arrival", None)
    assert kept.segment.span.start_at == from_us(START_US)


def test_a_file_without_note_is_said_and_kept(part, home):
    (home.folder / NOTE.note_name).unlink()
    (kept,), (words,) = take(home)
    assert words == f"{part.name} lies there without its note"
    assert kept.segment.frame_count == 24


def test_a_note_about_another_file_is_not_believed(part, home):
    write_note(home.folder, replace(NOTE, start_us=START_US + 1))
    shutil.move(home.folder / f".live-{START_US + 1}.json", home.folder / NOTE.note_name)
    (kept,), (words,) = take(home)
    assert "is about .live-1800000000000001.part" in words
    assert kept.start_us == START_US


def test_a_file_whose_name_tells_nothing_is_left_and_said(home):
    (home.folder / ".live-x.part").write_bytes(b"?")
    kept, words = take(home)
    assert kept == ()
    assert "its name tells no start" in words[-1]
    assert home.left() == [".live-x.part"]


def test_a_full_disk_loses_nothing(part, home, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(unfinished, "copy_packets", full)
        (kept,), (words,) = take(home)
    assert kept.segment is None
    assert "is kept for later" in words
    assert finish_note(home.folder, home.root, kept).segment.frame_count == 24


def test_several_are_taken_up_oldest_first(part, home):
    for place in (2, 1):
        later = replace(NOTE, start_us=START_US + place * 10_000_000)
        shutil.copy(part, home.folder / later.part_name)
        write_note(home.folder, later)
    kept, wrong = take(home)
    assert wrong == ()
    assert [to_us(note.segment.span.start_at) - START_US for note in kept] == [0, 10_000_000, 20_000_000]


def test_halves_of_earlier_tries_are_swept_away(part, home):
    for name in (".live-5.saved", ".live-5.json.new"):
        (home.folder / name).write_bytes(b"half")
    kept, wrong = take(home)
    assert (len(kept), wrong) == (1, ())
    assert home.left() == [kept[0].note_name]


def test_a_folder_that_is_not_there_holds_nothing(home):
    assert take_up(home.folder / "nowhere", home.root, lambda _: "mnt") == ((), ())
