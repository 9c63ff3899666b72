"""The demo's cameras: real street footage in loops, sent from this machine to itself, the time burnt in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apps.demo_scenes import SCENES, Scene
from apps.edge import writing
from apps.feeds.prepare import prepare_feed
from apps.feeds.server import FeedServer
from apps.indexing import pull_asset
from apps.show import say
from catalog.access import Access
from catalog.errors import AssetError
from catalog.home import Home
from catalog.registry import Camera, Mounting
from catalog.spans import EPOCH, Span

FPS = 12
"""Pictures a second of the demo's cameras."""

GOP_S = 2.0
"""Between two of their key frames, seconds."""

FEED_S = 40.0
"""Length of a feed before it begins again, seconds."""

WATCHED_SCENES = 2
"""Scenes of which the demo's cameras play: those whose footage anyone can fetch."""

RULES_EVERY = 4
"""One camera in so many has its zones drawn, and is therefore looked at in full; the others at key frames."""

SPREAD_DEG = 0.002
"""Between two cameras of one scene on the map, degrees: about 200 m."""


def demo_feeds(home: Home) -> list[tuple[Scene, Path]]:
    """Return the scenes that can be had, each with its feed, made on first use."""
    found = []
    for scene in SCENES[:WATCHED_SCENES]:
        try:
            clip = pull_asset(home, scene.asset)
        except AssetError as error:
            say(f"{scene.asset}: left out, {str(error).splitlines()[0]}")
            continue
        target = home.assets_dir / "feeds" / f"{scene.camera_id}.mp4"
        if not target.exists():
            say(f"{scene.asset}: making a feed of {FEED_S:.0f} s with the time burnt in …")
        target.parent.mkdir(parents=True, exist_ok=True)
        prepare_feed(
            clip, target, width_px=scene.frame_wh_px[0], fps=FPS, gop_s=GOP_S, seconds=FEED_S, caption=scene.name
        )  # fmt: skip
        found.append((scene, target))
    if not found:
        raise AssetError("no footage for the demo's cameras can be had; `rtcc assets pull bikes` says why")
    return found


def demo_camera_ids(count: int) -> tuple[str, ...]:
    """Return the ids of so many cameras of the demo."""
    return tuple(f"live-{number + 1:02d}" for number in range(count))


def register_cameras(
    home: Home, access: Access, server: FeedServer, feeds: Sequence[tuple[Scene, Path]], count: int
) -> list[str]:
    """Enter the cameras, every few of them with zones."""
    admin = Access(access.actor, "admin", "demonstration")
    camera_ids = demo_camera_ids(count)
    cameras, mountings, zones = [], [], []
    for number in range(count):
        scene, feed = feeds[number % len(feeds)]
        camera_id = camera_ids[number]
        mounting_id = Mounting.identify(camera_id, Span(EPOCH))
        place = number // len(feeds)
        mountings.append(
            Mounting(
                mounting_id, camera_id, Span(EPOCH), scene.lon_deg + SPREAD_DEG * (place % 8),
                scene.lat_deg + SPREAD_DEG * (place // 8), 6.0, scene.bearing_deg, *scene.frame_wh_px,
            )
        )  # fmt: skip
        uri = server.uri(feed.name, camera=number)
        cameras.append(
            Camera(camera_id, f"{scene.name}, live {place + 1}", place_kind=scene.place_kind, stream_uri=uri)
        )  # fmt: skip
        if number % RULES_EVERY < len(feeds):
            zones += scene.zones_on(camera_id, mounting_id)
    with writing(home) as door:
        door.register(admin, cameras=cameras, mountings=mountings, zones=zones)
    return list(camera_ids)
