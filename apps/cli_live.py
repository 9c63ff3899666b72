"""`rtcc live`: every camera with a stream recorded, watched and alerting, until Ctrl-C."""

from __future__ import annotations

import threading
import time
from typing import Annotated

import typer

from apps.cli_registry import Json
from apps.edge import Asking, now
from apps.show import print_json, say

LIVE_HELP = """Record and watch every camera that has a stream, until Ctrl-C or SIGTERM.

Starts and supervises what it takes (the catalog's keeper, a Ray head, the director with its ingest and inference
processes), starts again what dies, and ends all of it at the end; nothing else. Footage is recorded as it comes;
how closely it is looked at follows need and load (`rtcc status`). Cameras are entered with `rtcc cameras import`
(column stream_uri), passwords with `rtcc cameras credential set`."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.command("live", help=LIVE_HELP)(live)


def live(
    context: typer.Context,
    camera: Annotated[
        list[str] | None, typer.Option("--camera", metavar="ID", help="Only this camera; may be repeated.")
    ] = None,
    shards: Annotated[
        int, typer.Option("--shards", min=0, metavar="N", help="Least number of ingest processes; 0: by cost.")
    ] = 0,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="S", help="Stop by itself after S seconds.")
    ] = None,
    json: Json = False,
) -> None:
    """Record and watch."""
    from apps.indexing import pull_asset
    from apps.living import live_work, log_to_file, show_until
    from apps.supervisor import LiveOptions
    from ray_jobs.config import WEIGHTS
    from ray_jobs.live.status import read_status
    from ray_jobs.processes import stop_on_signals

    asking: Asking = context.obj
    home = asking.home_made()
    log_to_file(home)
    pull_asset(home, WEIGHTS)
    asked_to_stop = threading.Event()
    stop_on_signals(asked_to_stop)
    say("Starting keeper, Ray and director …")
    with live_work(home, LiveOptions(tuple(camera or ()), shards)) as broken:
        say("Live; Ctrl-C ends it, `rtcc status` shows it from elsewhere.")
        until_s = None if seconds is None else time.monotonic() + seconds

        def each(_: object) -> None:
            if broken.is_set():
                asked_to_stop.set()

        show_until(home, asked_to_stop, until_s, each=each)
        say("Closing segments …")
    status = read_status(home)
    if status is None:
        return
    if json:
        print_json(status.as_json())
    else:
        from apps.live_view import headline

        say(headline(status, now()))
