"""A recorder as one would write it first: `python -m benchmarks.live_recorder URI FOLDER`.

A process for each camera. It opens the stream with PyAV and copies packets into files of ten seconds that begin on
key frames, and no more.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av

SEGMENT_S = 10.0
"""Least length of a file, seconds: what our own recorder has."""


def record(uri: str, folder: Path) -> None:
    """Record until the process is ended."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"rtsp_transport": "tcp", "analyzeduration": "0", "fpsprobesize": "0"}
    with av.open(uri, options=options, timeout=(10.0, 5.0)) as source:
        stream = source.streams.video[0]
        out, number, begun = None, 0, 0.0
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            at_s = float(packet.dts * stream.time_base)
            if packet.is_keyframe and (out is None or at_s - begun >= SEGMENT_S):
                if out is not None:
                    out.close()
                out = av.open(str(folder / f"{number:06d}.mp4"), "w")
                copy = out.add_stream_from_template(stream)
                number, begun, first = number + 1, at_s, packet.dts
            if out is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, copy
                out.mux(packet)


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]))
