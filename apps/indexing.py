"""What `rtcc index` and `rtcc demo` share: weights at hand, cameras registered, the job run, its figures shown."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from difflib import get_close_matches
from pathlib import Path

from apps.edge import asset_caches, now, writing
from apps.progress import progress_report
from apps.show import print_rows, say
from catalog.access import Access
from catalog.errors import UnknownCamera
from catalog.home import Home
from catalog.reader import Reader
from catalog.records import records_of
from catalog.registry import Camera
from catalog.registry_files import city_camera
from ray_jobs.config import WEIGHTS, CameraFootage, IndexConfig
from ray_jobs.summary import IndexSummary
from workbench.assets import AssetStore, PullStep

NEAR_ENOUGH = 0.8
"""Likeness, 0..1, from which an unknown camera id is taken for a slip of the pen; `farish-1` and `farish-01`
have 0.94."""

COLUMNS = {
    "camera_id": "camera", "camera_seconds": "camera-seconds", "frames": "frames looked at",
    "detections": "detections", "tracks": "tracks", "events": "events", "gaps": "gaps", "x_realtime": "× real time",
}  # fmt: skip
"""The figures people see, and what they are called there."""


def pull_asset(home: Home, name: str) -> Path:
    """Return where an asset lies, fetching it where it is missing.

    Raises
    ------
    AssetError
        When it can be had from none of its sources.
    """
    store = AssetStore(home.assets_dir, caches=asset_caches())
    asking = {""}

    def report(step: PullStep) -> None:
        if step.words not in asking:
            asking.add(step.words)
            say(f"{step.asset.name}: {step.words}")

    return store.pull(name, report)


def ensure_camera(home: Home, access: Access, camera_id: str, *, register: bool) -> None:
    """Make sure the camera is in the registry; one that is not is entered as the city's own, and that is said.

    Raises
    ------
    UnknownCamera
        When it is not, and its id looks like a slip of the pen.
    """
    camera, mounting = city_camera(camera_id)
    with writing(home) as door:
        with Reader(home, access, door) as reader:
            known = [one.camera_id for one in records_of(Camera, reader.ask("cameras"))]
        if camera_id in known:
            return
        near = get_close_matches(camera_id, known, 3, NEAR_ENOUGH)
        if near and not register:
            raise UnknownCamera(
                f"camera {camera_id!r} is not in the registry; did you mean {' or '.join(near)}? "
                "Add --register to enter it as a new camera of the city"
            )
        door.register(Access(access.actor, "admin", "maintenance"), cameras=[camera], mountings=[mounting])
    say(
        f"Camera {camera_id} was not in the registry: it is now, as one of the city's own. "
        "Cameras of others are entered with `rtcc cameras import`."
    )


def run_index(
    home: Home, access: Access, footage: Sequence[CameraFootage], config: IndexConfig, workers: int | None
) -> tuple[IndexSummary, ...]:
    """Index footage on the cluster the settings name, or a local one, with progress on standard error."""
    from ray_jobs.cluster import connected

    pull_asset(home, WEIGHTS)
    say("Starting Ray …" if not home.ray_address else f"Connecting to Ray at {home.ray_address} …")
    # Ray tells of workers that died on standard output, where only data belongs.
    with (home.run_dir / "ray.log").open("a") as log, redirect_stdout(log), connected(home) as cluster:
        from ray_jobs.archive import index

        with progress_report() as report:
            return index(
                home, access, footage, config, cluster, clock=now, workers=workers, report=report
            )  # fmt: skip


def print_summaries(summaries: Sequence[IndexSummary], *, title: str | None = None) -> None:
    """Print the figures as a table, and what could not be read below it."""
    rows = [{words: summary.as_json()[name] for name, words in COLUMNS.items()} for summary in summaries]
    print_rows(rows, list(COLUMNS.values()), title=title)
    print_notes(summaries)
    skipped = sum(summary.segments_skipped for summary in summaries)
    if skipped:
        total = sum(summary.segments for summary in summaries)
        say(f"{skipped} of {total} segments were known already: this run had looked at them before.")


def print_notes(summaries: Sequence[IndexSummary]) -> None:
    """Say what could not be read or may not be used."""
    for summary in summaries:
        for note in summary.notes:
            say(f"rtcc: {summary.camera_id}: {note}")
