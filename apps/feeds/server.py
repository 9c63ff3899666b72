"""Feeds as network cameras: `with FeedServer(folder) as feeds: feeds.uri("street.mp4")`.

The server is a process of its own, so that what it costs is not charged to whoever watches, and so that it can be
paused and killed as a camera can. It ends with the process that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from apps.feeds.timeline import CLOCK_HZ, Timeline
from catalog.errors import NotFound, RtccError
from workbench.media.opening import open_video, video_stream

START_TIMEOUT_S = 30.0
"""How long a server may take until it says where it listens, seconds: imports on a busy machine."""
STOP_TIMEOUT_S = 5.0
"""How long a server may take to leave before it is killed, seconds."""


class FeedServer:
    """A server of feeds in a process of its own; starts on entry, ends on exit.

    Parameters
    ----------
    folder
        Where the feeds lie: every mp4 in it is a camera, or many (see `uri`).
    live
        Names of cameras that film a clock, each with the feed it plays behind it: encoded as it is sent, the wall
        clock of the moment of encoding burnt in.
    """

    def __init__(self, folder: Path, *, live: Mapping[str, Path] | None = None) -> None:
        self.folder = folder
        self.live = dict(live or {})
        self.port = 0
        self.started_at = 0
        """When the present process began to play, µs since 1970 UTC."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lengths_ticks: dict[str, int] = {}

    def __enter__(self) -> FeedServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the number of the server's process."""
        return self._running().pid

    def start(self) -> None:
        """Start the process; after a kill, on the same port as before.

        Raises
        ------
        NotFound
            When the folder or the feed behind a clock is not there.
        RtccError
            When the process does not come up.
        """
        missing = [path for path in (self.folder, *self.live.values()) if not path.exists()]
        if missing:
            raise NotFound(f"feeds cannot be served: {missing[0]} is not there; prepare it first")
        command = [sys.executable, "-m", "apps.feeds.server", str(self.folder), "--port", str(self.port)]
        command += [part for name, path in self.live.items() for part in ("--live", f"{name}={path}")]
        self._process = subprocess.Popen(
            [*command, "--until-eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        told = self._first_line()
        self.port, self.started_at = told["port"], told["started_at"]

    def stop(self) -> None:
        """End the process, paused or not; nothing happens where none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def kill(self) -> None:
        """End the process at once, as a camera that loses its power; `start` brings it back."""
        self._running().kill()
        self.stop()

    def pause(self) -> None:
        """Stop the process where it is: connections stay open, nothing comes."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the process go on, at the present: what was due meanwhile is never sent."""
        self._running().send_signal(signal.SIGCONT)

    def uri(self, name: str, camera: int = 0) -> str:
        """Return the address of a feed.

        Parameters
        ----------
        name
            A file of the folder, or a clock.
        camera
            Which of many cameras that play this feed: each is elsewhere in it. Feeds of one length played by one
            camera number, e.g. a main and a small stream, show the same instant.
        """
        if name not in self.live and not (self.folder / name).is_file():
            there = ", ".join(sorted([*(path.name for path in self.folder.glob("*.mp4")), *self.live])) or "none"
            raise NotFound(f"feed {name!r} is not in {self.folder}; there are: {there}")
        return f"rtsp://127.0.0.1:{self.port}/{name}" + (f"?camera={camera}" if camera else "")

    def shown_at(self, name: str, media_ms: int, before_us: int, camera: int = 0) -> int:
        """Return when the picture of a burnt-in media time was last sent before an instant, µs since 1970 UTC.

        The feed loops: of all the instants this picture was sent, the last one at or before `before_us`.
        """
        if name not in self._lengths_ticks:
            with open_video(self.folder / name) as container:
                stream = video_stream(container)
                assert stream is not None
                self._lengths_ticks[name] = round((stream.duration or 0) * (stream.time_base or 0) * CLOCK_HZ)
        return Timeline(self.started_at, self._lengths_ticks[name], camera).shown_at(media_ms, before_us)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RtccError(f"the server of the feeds in {self.folder} does not run; start it first")
        return self._process

    def _first_line(self) -> dict[str, int]:
        process = self._running()
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        line = process.stdout.readline() if ready else b""
        if not line:
            process.kill()
            code = process.wait()
            self.stop()
            raise RtccError(
                f"the server of the feeds in {self.folder} did not start (exit code {code}); "
                "what it complained of is above"
            )
        told: dict[str, int] = json.loads(line)
        return told


async def _serve(folder: Path, port: int, live: Mapping[str, Path], until_eof: bool) -> None:
    from apps.feeds.serving import CameraServer

    server = CameraServer(folder, port, live)
    await server.start()
    print(json.dumps({"port": server.bound_port, "started_at": server.clock.started_at}), flush=True)
    if until_eof:
        serving = asyncio.current_task()
        assert serving is not None
        asyncio.get_running_loop().add_reader(sys.stdin, _leave_at_eof, serving)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


def _leave_at_eof(serving: asyncio.Task[None]) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin)
        serving.cancel()


def main() -> None:
    """Serve a folder's feeds until told to stop; print the port and the start as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m apps.feeds.server", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--live", action="append", default=[], metavar="NAME=FEED", help="a clock before a feed")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    told = parser.parse_args()
    live = {name: Path(path) for name, _, path in (one.partition("=") for one in told.live)}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(told.folder, told.port, live, told.until_eof))


if __name__ == "__main__":
    main()
