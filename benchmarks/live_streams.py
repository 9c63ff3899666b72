"""What the cameras of the live benchmarks send, and the homes in which they are entered."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from apps.demo_scenes import SCENES, Drawn
from apps.feeds import made_scene
from apps.feeds.prepare import prepare_feed
from benchmarks.footage import Look, demo_clip, made_minute, store, weights
from benchmarks.service import ACCESS, stop_keeper
from catalog.client import open_door
from catalog.errors import AssetError
from catalog.home import Home
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import EPOCH, Span
from workbench.assets import VTEST


def _steady(bits: int, gop: int) -> tuple[tuple[str, str], ...]:
    """Return what an encoder is told to send so many bits a second, as cameras do: no B-frames, even key frames."""
    return (
        ("preset", "veryfast"), ("profile", "main"), ("bf", "0"), ("g", str(gop)), ("sc_threshold", "0"),
        ("b", str(bits)), ("maxrate", str(bits)), ("bufsize", str(2 * bits)),
    )  # fmt: skip


STREET = Look("1920×1080@15, 2 Mbit/s", (1920, 1080), 15, 2.0, _steady(2_000_000, 30))
"""A full-HD street camera of today, a key frame every 2 s."""

SMALL = Look("640×360@15, 0.5 Mbit/s", (640, 360), 15, 2.0, _steady(500_000, 30))
"""Its small stream, or an old camera."""

TINY_WH_PX, TINY_FPS, TINY_GOP_S, TINY_FEED_S = (160, 90), 2, 4.0, 48.0
"""Just enough to be a camera: what 600 of them on one machine leave room for. Two rounds of the made street."""

TINY_GRAIN = 4.0
"""Standard deviation of its sensor's noise, levels: without any, a still picture is rightly called frozen."""

FEED_S = 20.0
"""Length of a made feed before it begins again, seconds."""

DEMO_FPS, DEMO_GOP_S, DEMO_FEED_S = 12, 2.0, 40.0
"""Pictures a second, key-frame distance and length of the demo's feeds (`rtcc demo --live`)."""

RULES_EVERY = 4
"""One of so many of the demo's cameras has zones, and is looked at in full; the others at key frames."""

LINE = (Drawn("line", "middle", ((0.5, 0.05), (0.5, 0.95))),)
"""A line across the middle, as shares of the picture: enough for a camera to be looked at in full."""


@dataclass(frozen=True)
class LiveCamera:
    """One camera that is to be watched."""

    camera_id: str
    uri: str
    wh_px: tuple[int, int]
    drawn: tuple[Drawn, ...] = ()
    """Zones, points in pixels."""
    sub_uri: str | None = None

    def registered(self) -> tuple[Camera, Mounting, tuple[Zone, ...]]:
        """Return the camera, how it hangs, and its zones."""
        span = Span(EPOCH)
        mounting_id = Mounting.identify(self.camera_id, span)
        width, height = self.wh_px
        mounting = Mounting(
            mounting_id, self.camera_id, span, frame_width_px=width, frame_height_px=height
        )  # fmt: skip
        zones = tuple(
            Zone(
                Zone.identify(mounting_id, one.name), mounting_id, self.camera_id, one.kind, one.name,
                one.points_px, one.min_dwell_s, one.labels,
            )
            for one in self.drawn
        )  # fmt: skip
        camera = Camera(self.camera_id, self.camera_id, stream_uri=self.uri, sub_stream_uri=self.sub_uri)
        return camera, mounting, zones


@dataclass(frozen=True)
class DemoFeed:
    """A feed of the demo, and what is drawn on its picture."""

    path: Path
    wh_px: tuple[int, int]
    drawn: tuple[Drawn, ...]


def camera_name(number: int) -> str:
    """Return the id of a camera."""
    return f"live-{number + 1:03d}"


def feed(look: Look, folder: Path, name: str, seconds: float = FEED_S) -> Path:
    """Return a feed of this look in a folder, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return made_minute(look, folder / name, seconds)


def tiny_feed(folder: Path) -> Path:
    """Return a feed of the made street, as small as a camera's may be; the view never changes."""
    folder.mkdir(parents=True, exist_ok=True)
    path, dice = folder / "tiny.mp4", np.random.default_rng(7)
    options = dict(_steady(20_000, round(TINY_FPS * TINY_GOP_S)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=TINY_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = *TINY_WH_PX, "yuv420p"
        for number in range(round(TINY_FEED_S * TINY_FPS)):
            picture = made_scene.draw(number / TINY_FPS, TINY_WH_PX[0])
            grainy = np.clip(picture + dice.normal(0, TINY_GRAIN, picture.shape), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(grainy, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, TINY_FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def across(wh_px: tuple[int, int]) -> tuple[Drawn, ...]:
    """Return a line across the middle of a picture."""
    width, height = wh_px
    return tuple(
        replace(one, points_px=tuple((x * width, y * height) for x, y in one.points_px)) for one in LINE
    )  # fmt: skip


def demo_feeds(folder: Path, seconds: float = DEMO_FEED_S) -> list[DemoFeed]:
    """Return the feeds that the live demo plays, from the clips that can be had."""
    return [
        DemoFeed(_demo_feed(folder, place, seconds, 0), SCENES[place].frame_wh_px, SCENES[place].drawn)
        for place in (0, 1)
        if place == 0 or _has_second_clip()
    ]


def clock_feeds(folder: Path, count: int, seconds: float = DEMO_FEED_S) -> list[DemoFeed]:
    """Return feeds to be played behind clocks, each another stretch of the demo's first clip.

    Odd ones are mirrored, and so is what is drawn on them.
    """
    scene = SCENES[0]
    return [
        DemoFeed(
            _demo_feed(folder, 0, seconds, number), scene.frame_wh_px,
            _mirrored(scene.drawn, scene.frame_wh_px[0]) if number % 2 else scene.drawn,
        )
        for number in range(count)
    ]  # fmt: skip


def _demo_feed(folder: Path, place: int, seconds: float, variant: int) -> Path:
    clip = demo_clip() if place == 0 else store().path(VTEST.name)
    scene = SCENES[place]
    return prepare_feed(
        clip, folder / f"{scene.camera_id}-{variant}.mp4", width_px=scene.frame_wh_px[0], fps=DEMO_FPS,
        gop_s=DEMO_GOP_S, seconds=seconds, variant=variant, caption=scene.name,
    )  # fmt: skip


def _has_second_clip() -> bool:
    try:
        store().pull(VTEST.name)
    except AssetError:
        return False
    return True


def _mirrored(drawn: Sequence[Drawn], width: int) -> tuple[Drawn, ...]:
    return tuple(
        replace(one, points_px=tuple((width - x, y) for x, y in one.points_px[::-1])) for one in drawn
    )  # fmt: skip


@contextmanager
def live_home(root: Path, cameras: Sequence[LiveCamera]) -> Iterator[Home]:
    """Yield a fresh home in which these cameras are entered; its keeper leaves, and its files go, at the end."""
    shutil.rmtree(root, ignore_errors=True)
    home = Home.create(root)
    home.assets_dir.mkdir(exist_ok=True)
    shutil.copy(weights(), home.assets_dir)
    try:
        with open_door(home) as door:
            entries = [camera.registered() for camera in cameras]
            door.register(
                ACCESS, cameras=[one for one, _, _ in entries], mountings=[one for _, one, _ in entries],
                zones=[zone for _, _, some in entries for zone in some],
            )  # fmt: skip
        stop_keeper(home)  # one that a command started leaves when it is idle: whoever is measured starts its own
        yield home
    finally:
        stop_keeper(home)
        shutil.rmtree(root, ignore_errors=True)
