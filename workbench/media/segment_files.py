"""Write the files of segments: packets copied as they are, or pictures encoded anew where they cannot be."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from workbench.media.frame_table import FrameTable
from workbench.media.opening import open_video, video_stream

COPYABLE_CODECS = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg"})
"""Codecs that go into an mp4 file as they are."""

SELF_CONTAINED = "frag_keyframe+empty_moov+default_base_moof"
"""How mp4 segments are laid out: no index at the end, so a file cut short keeps what it holds."""

FOR_PEOPLE = "faststart"
"""How mp4 files for players are laid out: one index, at the front."""

ENCODER_OPTIONS = {"preset": "veryfast", "crf": "18", "bf": "0", "threads": "1"}
"""H.264 for footage that cannot be copied: near the original, the same bytes on every run of one machine."""

KEY_FRAME_EVERY_S = 2.0
"""Distance of key frames in footage encoded anew, seconds."""

HASH_BLOCK_BYTES = 1 << 20
"""Read at a time while hashing, bytes."""


@dataclass(frozen=True)
class WrittenFile:
    """What a finished segment file holds, as read back from it."""

    sha256: str
    size_bytes: int
    first_pts: int
    """Ticks."""
    last_pts: int
    """Ticks."""
    time_base: Fraction
    """Seconds per tick."""
    frame_count: int
    codec: str
    width_px: int
    height_px: int


@contextmanager
def part_file(folder: Path, name: str) -> Iterator[Path]:
    """Give a path to write to, and remove what is left there when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{name}.{os.getpid()}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _mp4(path: Path, movflags: str = SELF_CONTAINED) -> Iterator[OutputContainer]:
    options = {"movflags": movflags, "fflags": "+bitexact"}
    with av.open(f"file:{path.absolute()}", "w", format="mp4", options=options) as out:
        yield out


def copy_packets(
    packets: Iterable[tuple[Packet[VideoStream], int, int]], template: VideoStream, path: Path
) -> None:
    """Write packets as they are.

    Parameters
    ----------
    packets
        Each with its presentation and decoding time stamp in the new file, ticks of the template's time base.

    Raises
    ------
    av.FFmpegError
        When the file format cannot hold them.
    """
    with _mp4(path) as out:
        stream = out.add_stream_from_template(template)
        time_base = Fraction(template.time_base or 0)
        stream.time_base = time_base
        for packet, pts, dts in packets:
            packet.stream = stream
            packet.time_base = time_base
            packet.pts, packet.dts = pts, dts
            out.mux_one(packet)


def encode_frames(
    frames: Iterable[tuple[VideoFrame, int]],
    wh_px: tuple[int, int],
    time_base: Fraction,
    path: Path,
    *,
    movflags: str = SELF_CONTAINED,
) -> None:
    """Write pictures as H.264.

    Parameters
    ----------
    frames
        Each with its time stamp in the new file, ticks of `time_base`, rising.
    wh_px
        Width and height, px; odd sizes lose their last column or row, which H.264 cannot hold.
    movflags
        Layout of the file: `SELF_CONTAINED` or `FOR_PEOPLE`.
    """
    width_px, height_px = wh_px[0] // 2 * 2, wh_px[1] // 2 * 2
    key_frame_ticks = round(KEY_FRAME_EVERY_S / time_base)
    with _mp4(path, movflags) as out:
        stream = out.add_stream("libx264", options={**ENCODER_OPTIONS, "g": "9999", "x264-params": "scenecut=0"})
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.codec_context.time_base = stream.time_base = time_base
        next_key = -1
        for frame, pts in frames:
            picture = frame.reformat(width=width_px, height=height_px, format="yuv420p")
            picture.pts, picture.time_base = pts, time_base
            picture.pict_type = av.video.frame.PictureType.I if pts >= next_key else av.video.frame.PictureType.NONE
            if pts >= next_key:
                next_key = pts + key_frame_ticks
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))


def finish(part: Path) -> WrittenFile:
    """Make the file durable, read it back and return what it holds.

    Raises
    ------
    UnreadableFootage
        When it cannot be read back.
    """
    digest = hashlib.sha256()
    with part.open("rb") as file:
        os.fsync(file.fileno())
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    with open_video(part) as container:
        stream = video_stream(container)
        assert stream is not None  # open_video refuses files without one
        table = FrameTable.of([packet for packet in container.demux(stream) if packet.size])
        return WrittenFile(
            digest.hexdigest(), part.stat().st_size, int(table.pts[0]), int(table.pts[-1]),
            Fraction(stream.time_base or 0), len(table), stream.codec_context.name,
            stream.codec_context.width, stream.codec_context.height,
        )  # fmt: skip


def keep(part: Path, final: Path) -> None:
    """Give a finished file its name, durably; the same name always holds the same bytes."""
    os.replace(part, final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
