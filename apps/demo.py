"""`rtcc demo`: real street footage through the whole house, and how to ask about it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.demo_scenes import MORNING, SCENES, Scene
from apps.edge import DEFAULT_HOME, Asking, home_root, writing
from apps.indexing import ensure_camera, print_notes, print_summaries, pull_asset, run_index
from apps.show import print_json, say
from catalog.access import Access
from catalog.errors import AssetError, BadInput
from catalog.home import Home
from ray_jobs.config import CameraFootage, IndexConfig
from ray_jobs.intake import VIDEO_SUFFIXES, videos_in
from workbench.assets import AssetStore
from workbench.vision.detector_config import DetectorConfig

CAMERA_WORD = re.compile(r"[^A-Za-z0-9._-]+")
"""What a file's name may hold and a camera's id may not."""


PASSED = "select camera_id, label, count(*) as tracks from tracks group by all order by 1, 3 desc"
HAPPENED = "select start_at, camera_id, rule, direction, label from events order by start_at limit 20"
"""Two first questions, small enough to be understood at a glance."""


@dataclass(frozen=True)
class LeftOut:
    """A clip that could not be had."""

    asset: str
    reason: str


def run_demo(asking: Asking, folder: Path | None, *, json: bool) -> None:
    """Index the demo's clips, or a folder of somebody's own, and print what was found."""
    began = time.perf_counter()
    home, access = asking.home_made(), asking.access(purpose="demonstration")
    if folder is None:
        footage, left_out = _clips(home, access)
    else:
        footage, left_out = _folder(home, access, folder), []
    summaries = run_index(home, access, footage, IndexConfig(DetectorConfig(device=home.device)), None)
    wall_s = time.perf_counter() - began
    if json:
        print_notes(summaries)
        document = {"home": str(home.root), "wall_s": round(wall_s, 3)}
        cameras = [summary.as_json() for summary in summaries]
        print_json({**document, "cameras": cameras, "left_out": [vars(one) for one in left_out]})
        return
    print()
    print_summaries(summaries)
    for one in left_out:
        say(f"Left out: {one.asset} ({one.reason})")
    print(_what_next(summaries[0].camera_id, wall_s))


def _clips(home: Home, access: Access) -> tuple[list[CameraFootage], list[LeftOut]]:
    """Fetch the clips and enter their cameras; what cannot be reached is left out unless the demo needs it."""
    footage: list[CameraFootage] = []
    scenes: list[Scene] = []
    left_out: list[LeftOut] = []
    store = AssetStore(home.assets_dir)
    for scene in SCENES:
        try:
            path = pull_asset(home, scene.asset)
        except AssetError as error:
            if store.find(scene.asset).required:
                raise
            left_out.append(LeftOut(scene.asset, _shortly(error)))
            say(f"{scene.asset}: left out, {_shortly(error)}")
            continue
        scenes.append(scene)
        footage.append(CameraFootage(scene.camera_id, (path,), MORNING))
    with writing(home) as door:
        cameras, mountings, zones = zip(*(scene.registered() for scene in scenes), strict=True)
        admin = Access(access.actor, "admin", "demonstration")
        door.register(admin, cameras=cameras, mountings=mountings, zones=[zone for some in zones for zone in some])
    return footage, left_out


def _folder(home: Home, access: Access, folder: Path) -> list[CameraFootage]:
    """Return one camera a video file or sub-folder, entered as the city's own."""
    entries = sorted(
        entry
        for entry in folder.iterdir()
        if (entry.is_dir() and _holds_video(entry)) or entry.suffix.lower() in VIDEO_SUFFIXES
    )
    if not entries:
        raise BadInput(f"{folder} holds no video file and no folder with one; name another folder")
    footage: dict[str, CameraFootage] = {}
    for entry in entries:
        camera_id = CAMERA_WORD.sub("-", entry.name if entry.is_dir() else entry.stem).strip("-.") or "camera"
        while camera_id in footage:
            camera_id += "-2"
        ensure_camera(home, access, camera_id, register=True)
        footage[camera_id] = CameraFootage(camera_id, videos_in([entry]))
    return list(footage.values())


def _holds_video(folder: Path) -> bool:
    return any(file.suffix.lower() in VIDEO_SUFFIXES for file in folder.rglob("*"))


def _shortly(error: AssetError) -> str:
    """Return the reason in a few words; the sources' own answers follow on further lines."""
    lines = str(error).splitlines()
    last = lines[-2] if len(lines) > 2 else lines[0]
    return last.strip()


def _what_next(camera_id: str, wall_s: float) -> str:
    """Return how to ask further, ready to be copied."""
    elsewhere = home_root() != Path(DEFAULT_HOME).expanduser()
    prefix = f"RTCC_HOME={home_root()} " if elsewhere else ""
    command = f"{prefix}{_command()}"
    questions: Sequence[tuple[str, str]] = (
        ("what passed", f'{command} sql "{PASSED}"'),
        ("what happened", f'{command} sql "{HAPPENED}"'),
        ("what was looked at", f"{command} coverage --camera {camera_id}"),
        ("who asked", f"{command} audit verify"),
        ("in a notebook", f"{command} lab"),
        ("live, as officers see it", f"{command} up --demo"),
    )
    width = max(len(words) for words, _ in questions)
    lines = [f"  {words:<{width}}  {line}" for words, line in questions]
    return "\n".join(["", f"Done in {wall_s:.0f} s. Ask further:", *lines])


def _command() -> str:
    """Return how this command is called from here: by its name where it is on the path, else by its place."""
    if shutil.which("rtcc"):
        return "rtcc"
    place = Path(sys.argv[0]).resolve()
    return min(str(place), os.path.relpath(place), key=len)
