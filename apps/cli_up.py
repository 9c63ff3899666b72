"""`rtcc up`: the whole command center on this machine, with one command."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli_registry import Json
from apps.edge import Asking, now
from apps.show import print_json, print_rows, say
from catalog.errors import NotFound, RtccError
from catalog.home import Home

if TYPE_CHECKING:
    from apps.up.center import Center

PORT = 8750
"""Where the command center is, unless another port is named."""

READY_S = 180.0
"""Longest wait for every part to be up before it is said which are not, seconds."""

END_S = 90.0
"""Longest wait for a command center that was told to end, seconds."""

SAY_EVERY_S = 5.0
"""Between two words on how far the start has come, seconds."""

UP_HELP = """Start the command center on this machine and watch over it, until Ctrl-C or SIGTERM.

Keeper, Ray, live work, gateway, pages (Voila) and JupyterLab for investigators, all on loopback behind one address
and one login; what dies is started again. --demo brings cameras (real street footage in loops), people and a panic
button of its own. People are added with `rtcc people add`, cameras with `rtcc cameras import`, devices with
`rtcc devices add`."""


def add_to(app: typer.Typer) -> None:
    """Add this command to the main one."""
    app.command("up", help=UP_HELP)(up)


def up(
    context: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="With cameras, people and a panic button to try it on.")
    ] = False,
    cameras: Annotated[int, typer.Option("--cameras", min=0, max=64, help="Cameras of the demo.")] = 8,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = PORT,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="S", help="Stop by itself after S seconds.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Show what runs, and leave.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the one that runs, and leave.")] = False,
    json: Json = False,
) -> None:
    """Start the command center."""
    asking: Asking = context.obj
    if status:
        _show(asking.home(), json=json)
    elif stop:
        _stop(asking.home())
    else:
        _run(asking, port, cameras if demo else None, seconds, json=json)


def _run(asking: Asking, port: int, demo_cameras: int | None, seconds: float | None, *, json: bool) -> None:
    from apps.demo_cameras import demo_camera_ids
    from apps.indexing import pull_asset
    from apps.living import log_to_file
    from apps.supervisor import LiveOptions
    from apps.up.center import Center
    from apps.up.demo_city import demo_panic_button
    from apps.up.record import AlreadyUp, described, end_leftovers, is_up
    from apps.up.services import HOST, require_free, services_of
    from ray_jobs.config import WEIGHTS
    from ray_jobs.processes import stop_on_signals

    home = asking.home_made()
    if is_up(home):
        raise AlreadyUp(described(home))
    for name in end_leftovers(home):
        say(f"The {name} of a command center that was killed was still there, and has been ended.")
    require_free(port)
    log_to_file(home)
    pull_asset(home, WEIGHTS)
    asked_to_stop = threading.Event()
    stop_on_signals(asked_to_stop)
    address = f"http://{HOST}:{port}"
    demo = demo_cameras is not None
    if demo:
        demo_panic_button(home)
    with _demo_cameras(asking, home, demo_cameras or 0) as enter_them:
        services = services_of(home, port)
        live = LiveOptions(demo_camera_ids(demo_cameras or 0))
        center = Center(home, services, address, live, demo=demo, at_first=enter_them, clock=now)
        say("Starting keeper, Ray, live work, gateway, pages and JupyterLab …")
        ready, broken = threading.Event(), list[BaseException]()
        running = threading.Thread(target=_kept, args=(center, asked_to_stop, ready, broken), name="center")
        running.start()
        _await_ready(center, ready, asked_to_stop)
        if not broken and not asked_to_stop.is_set():
            _tell(home, center, address, demo=demo, json=json)
        asked_to_stop.wait(seconds)
        say("Ending: pages, then live work, so that every segment is closed …")
        asked_to_stop.set()
        running.join()
    if broken:
        raise broken[0]
    say("The command center has ended.")


def _kept(center: Center, stop: threading.Event, ready: threading.Event, broken: list[BaseException]) -> None:
    try:
        center.run(stop, ready)
    except BaseException as error:  # noqa: BLE001 raised again where the command can tell it
        broken.append(error)
    finally:
        stop.set()


@contextmanager
def _demo_cameras(asking: Asking, home: Home, cameras: int) -> Iterator[Callable[[], None]]:
    """Play the demo's cameras while it lasts; yield what enters them in the registry once a keeper answers."""
    if not cameras:
        yield lambda: None
        return
    from apps.demo_cameras import demo_feeds, register_cameras
    from apps.feeds.server import FeedServer

    feeds = demo_feeds(home)
    access = asking.access(purpose="demonstration")
    with FeedServer(feeds[0][1].parent) as server:
        yield lambda: _entered(register_cameras(home, access, server, feeds, cameras))


def _entered(camera_ids: Sequence[str]) -> None:
    say(f"{len(camera_ids)} cameras of the demo send on loopback.")


def _await_ready(center: Center, ready: threading.Event, stop: threading.Event) -> None:
    """Wait until every part is up, saying now and then how far it is; go on with what there is in the end."""
    began_s = said_s = time.monotonic()
    while not ready.wait(0.2) and not stop.is_set() and time.monotonic() - began_s < READY_S:
        if time.monotonic() - said_s >= SAY_EVERY_S:
            said_s = time.monotonic()
            parts = center.record().parts
            waiting = ", ".join(part.name for part in parts if not part.up)
            say(f"  {sum(part.up for part in parts)} of {len(parts)} parts up; waiting for {waiting}")


def _tell(home: Home, center: Center, address: str, *, demo: bool, json: bool) -> None:
    """Say where it is, and who may sign in."""
    from apps.accounts import Accounts
    from apps.up.demo_city import PANIC_BUTTON, demo_people

    people = demo_people(home) if demo else ()
    down = [part for part in center.record().parts if not part.up]
    if json:
        print_json({
            "address": address, "people": [vars(person) for person in people],
            "down": [part.name for part in down], "panic_device": PANIC_BUTTON if demo else None,
        })  # fmt: skip
        return
    print(f"\nThe command center is up: {address}/")
    for words, place in (
        ("map, alerts, wall", "operations"), ("supervision", "supervisor"), ("impact of cameras", "impact"),
        ("investigators' notebooks", "lab/"), ("how each part is", "v1/health"),
    ):  # fmt: skip
        print(f"  {words:<26}{address}/{place}")
    for person in people:
        print(f"  sign in as {person.name:<15}password {person.password}")
    if demo:
        print(f"\nPress the panic button of the demo's school: rtcc devices press {PANIC_BUTTON}")
    elif not Accounts(home).all():
        say('Nobody may sign in yet: `rtcc people add NAME --role officer --display "N. Ame"`.')
    if not demo and not _has_cameras(home):
        say("No camera with a stream is registered: `rtcc cameras import FILE`, or try it on `rtcc up --demo`.")
    for part in down:
        say(f"The {part.name} is not up yet: {part.detail or 'it has not answered so far'}")
    say("Ctrl-C ends it; `rtcc up --status` shows it from elsewhere.")


def _has_cameras(home: Home) -> bool:
    """Tell whether live work has anything to watch; unknown while it has not said."""
    from ray_jobs.live.status import read_status

    status = read_status(home)
    return status is None or bool(status.cameras)


def _show(home: Home, *, json: bool) -> None:
    from dataclasses import asdict

    from apps.up.record import is_up, read_record

    record = read_record(home)
    if record is None or not is_up(home):
        raise NotFound(f"no command center of {home.root} runs; `rtcc up` starts it")
    if json:
        print_json(asdict(record))
        return
    print(f"{record.address}/  (process {record.supervisor}, since {record.started_at})")
    names = ("name", "up", "pid", "port", "since_at", "restarts", "detail")
    print_rows([{name: getattr(part, name) for name in names} for part in record.parts], list(names))


def _stop(home: Home) -> None:
    from apps.up.record import is_up, read_record

    record = read_record(home)
    if record is None or not is_up(home):
        raise NotFound(f"no command center of {home.root} runs")
    os.kill(record.supervisor, signal.SIGTERM)
    until_s = time.monotonic() + END_S
    while is_up(home):
        if time.monotonic() > until_s:
            raise RtccError(
                f"process {record.supervisor} has not ended in {END_S:.0f} s; see run/live/supervisor.log"
            )
        time.sleep(0.2)
    say("The command center has ended.")
