"""`rtcc index` and `rtcc demo`: footage in, events out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Literal

import typer

from apps.cli_registry import Json, instant_option
from apps.edge import Asking
from apps.show import print_json, say
from catalog.errors import BadInput, UnreadableFootage

INDEX_HELP = """Index footage: cut it into segments, find and follow what is in it, judge it by the camera's zones.

PATH is a video file or a folder of them (looked through to the bottom, taken in the order of their names). With
--start the first file begins there and the others follow one another; without it each file's own word counts: its
container, a time in its name (YYYYMMDDhhmm), else when it was last written.

A camera that is not in the registry is entered as one of the city's own, and that is said; private cameras are
entered with `rtcc cameras import` and stay closed until a consent opens them. The same command again does nothing
twice: what is known is skipped, and the figures are the same."""

DEMO_HELP = """Index street footage through Ray and show what was found.

Fetches the demo's footage by digest and what it needs to see; clips that cannot be reached are left out with a
word. With --footage DIR it takes your own videos instead, one camera a file or sub-folder. Run it again at will:
nothing is done twice.

With --live it plays that footage from cameras on loopback instead, records and watches them for a while, raises
alerts, and says how fast."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.command("index", help=INDEX_HELP)(index)
    app.command("demo", help=DEMO_HELP)(demo)


def index(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Video files, or folders of them.")],
    camera: Annotated[str, typer.Option("--camera", metavar="ID", help="The camera that saw it.")],
    start: Annotated[
        str,
        typer.Option(
            "--start", metavar="ISO8601", help="When the first file begins, e.g. 2026-03-01T10:00:00-06:00."
        ),
    ] = "",
    fps: Annotated[
        str, typer.Option("--fps", metavar="F", help="Looks per second of footage; or `keyframes`, or `all`.")
    ] = "2",
    decoder: Annotated[
        Literal["av", "decord"], typer.Option("--decoder", help="What decodes; both hand out the same frames.")
    ] = "av",
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Processes that look; one a core if left out."),
    ] = None,
    submit: Annotated[
        str,
        typer.Option("--submit", metavar="ADDRESS", help="Run as a job on the Ray cluster at http://HOST:PORT."),
    ] = "",
    register: Annotated[
        bool, typer.Option("--register", help="Enter the camera even if its id looks like another's.")
    ] = False,
    json: Json = False,
) -> None:
    """Index footage."""
    from apps.indexing import ensure_camera, print_notes, print_summaries, pull_asset, run_index
    from ray_jobs.config import WEIGHTS, CameraFootage, IndexConfig
    from ray_jobs.intake import videos_in
    from workbench.media.frames import Sampling
    from workbench.vision.detector_config import DetectorConfig

    asking: Asking = context.obj
    sampling, start_at, access = Sampling.parse(fps), instant_option("--start", start), asking.access()
    files = videos_in([path.expanduser().absolute() for path in paths])
    home = asking.home_made()
    ensure_camera(home, access, camera, register=register)
    footage = CameraFootage(camera, files, start_at)
    config = IndexConfig(DetectorConfig(device=home.device), sampling, decoder)
    if submit:
        from ray_jobs.submit import submit_index

        pull_asset(home, WEIGHTS)
        summary = submit_index(home, access, footage, config, submit, workers=workers, say=say)
    else:
        (summary,) = run_index(home, access, [footage], config, workers)
    if json:
        print_notes([summary])
        print_json(summary.as_json())
    else:
        print_summaries([summary])
        say(f"Run {summary.run_id} took {summary.wall_s:.1f} s.")
    if summary.files_unreadable == summary.files:
        raise UnreadableFootage("nothing could be read from any of the files; the gaps say why (`rtcc coverage`)")


def demo(
    context: typer.Context,
    footage: Annotated[
        Path | None,
        typer.Option("--footage", metavar="DIR", help="Your own videos instead: one camera a file or sub-folder."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Record and watch cameras that send on loopback, for a while.")
    ] = False,
    cameras: Annotated[
        int, typer.Option("--cameras", min=1, max=500, metavar="N", help="With --live: how many cameras.")
    ] = 4,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, metavar="S", help="With --live: for how long.")
    ] = 30.0,
    json: Json = False,
) -> None:
    """Show what it can do."""
    from apps.demo import run_demo

    asking: Asking = context.obj
    if live and footage is not None:
        raise BadInput("--live plays the demo's own footage; give --footage without it")
    if live:
        from apps.demo_live import run_live_demo
        from ray_jobs.processes import stop_on_signals

        stop = threading.Event()
        stop_on_signals(stop)
        run_live_demo(asking, cameras, seconds, stop, json=json)
        return
    if footage is not None and not footage.expanduser().is_dir():
        raise BadInput(f"{footage} is no folder; --footage takes a folder of videos")
    run_demo(asking, footage.expanduser().absolute() if footage else None, json=json)
