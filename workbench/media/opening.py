"""Open video files that strangers made: only files, only video formats, never a playlist."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from catalog.errors import UnreadableFootage

VIDEO_FORMATS = (
    "mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "h264", "hevc", "obu", "ivf", "m4v",
    "flv", "asf", "mjpeg", "mpjpeg", "dhav", "mxf", "ogg", "nut", "wtv", "rm",
)  # fmt: skip
"""Demuxers that may look at footage. None of them opens a second file; playlists (hls, concat, dash), devices
and picture sequences are left out on purpose."""

PLAYLIST_SUFFIXES = frozenset({".m3u8", ".m3u", ".mpd", ".ffconcat", ".pls", ".asx", ".sdp"})
"""Files that name other files: never footage."""

PICTURE_MAGIC = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF"}
"""First bytes of still pictures."""

TEXT_PROBE_BYTES = 512
"""How much of a refused file is read to say what it is, bytes."""


def open_video(path: Path) -> InputContainer:
    """Open a file for reading its video, and refuse whatever is not a plain video file.

    Raises
    ------
    UnreadableFootage
        When it is missing, empty, a folder, a playlist, a picture, text, or holds no video.
    """
    _refuse(path)
    try:
        container = av.open(
            f"file:{path.absolute()}",
            options={"protocol_whitelist": "file", "format_whitelist": ",".join(VIDEO_FORMATS)},
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableFootage(f"{path.name} cannot be read as video: {_found(path, error)}") from error
    if video_stream(container) is None:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        container.close()
        raise UnreadableFootage(f"{path.name} holds no video, only {kinds}; name a file with a video stream")
    return container


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the file's first moving picture; `None` where it has only sound or a cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    return None


def _refuse(path: Path) -> None:
    if path.is_dir():
        raise UnreadableFootage(f"{path.name} is a folder, not a video file; name the files in it")
    if path.suffix.lower() in PLAYLIST_SUFFIXES:
        raise UnreadableFootage(
            f"{path.name} is a playlist, which names other files; name the video files themselves"
        )
    if not path.is_file():
        raise UnreadableFootage(f"{path.name} is not there, or is no plain file; check the path")
    if path.stat().st_size == 0:
        raise UnreadableFootage(f"{path.name} is empty (0 bytes): nothing was recorded in it")


def _found(path: Path, error: Exception) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(TEXT_PROBE_BYTES)
    except OSError as denied:
        return f"{denied.strerror}; check who may read it"
    for magic, name in PICTURE_MAGIC.items():
        if head.startswith(magic):
            return f"it is a {name} picture; name a video file"
    if head.startswith((b"#EXTM3U", b"ffconcat")):
        return "it is a playlist, which names other files; name the video files themselves"
    if b"\0" not in head and (head.isascii() or "\ufffd" not in head[:-4].decode("utf-8", "replace")):
        return "it is text; name a video file"
    if isinstance(error, av.InvalidDataError) and b"ftyp" in head[:16]:
        return (
            "its index is missing or damaged, as when a recording is cut off; recover it with the recorder's tool"
        )
    return f"{getattr(error, 'strerror', None) or error}; it may be damaged or of an unknown format"
