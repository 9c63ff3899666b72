"""`rtcc hold` and `rtcc alerts`: what may not be deleted yet, and what someone must answer."""

from __future__ import annotations

from typing import Annotated

import typer

from apps.cli_registry import Json, instant_option
from apps.edge import Asking, now, reading, writing
from apps.show import print_json, print_rows, rows_of, say
from catalog.errors import BadInput
from catalog.retention import Hold
from catalog.spans import Span, iso

hold_app = typer.Typer(no_args_is_help=True, help="Footage that may not be deleted yet.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(hold_app, name="hold")
    app.command("alerts")(list_alerts)


@hold_app.command("place")
def place(
    context: typer.Context,
    camera: Annotated[str, typer.Option("--camera", metavar="ID", help="Whose footage stays.")],
    start: Annotated[str, typer.Option("--from", metavar="ISO8601", help="Footage from this instant on.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it must stay.")],
    until: Annotated[
        str, typer.Option("--until", metavar="ISO8601", help="Until when; all that follows if left out.")
    ] = "",
    json: Json = False,
) -> None:
    """Keep footage of one camera from being deleted, however old it gets and however full the disk is."""
    asking: Asking = context.obj
    home, placed_at = asking.home(), now()
    span = _span(start, until)
    hold = Hold(Hold.identify(camera, span, reason, placed_at), camera, span, reason, asking.actor, placed_at)
    with writing(home) as door:
        snapshot_id = door.place_hold(asking.access("admin", "maintenance"), hold)
    if json:
        print_json({"hold_id": hold.hold_id, "snapshot_id": snapshot_id})
        return
    words = f"until {iso(span.end_at)}" if span.end_at else "on"
    print(f"Hold {hold.hold_id} keeps footage of {camera} from {iso(span.start_at)} {words}.")


@hold_app.command("release")
def release(
    context: typer.Context, hold_id: Annotated[str, typer.Argument(metavar="HOLD_ID")], json: Json = False
) -> None:
    """Let a hold go, as of this instant: what it kept is deleted when its time is over."""
    asking: Asking = context.obj
    with writing(asking.home()) as door:
        snapshot_id = door.release_hold(asking.access("admin", "maintenance"), hold_id)
    if json:
        print_json({"hold_id": hold_id, "snapshot_id": snapshot_id})
        return
    print(f"Hold {hold_id} is released; what it kept may be deleted now.")


@hold_app.command("list")
def list_holds(context: typer.Context, json: Json = False) -> None:
    """List the holds that stand."""
    asking: Asking = context.obj
    with reading(asking.home(), asking.access("admin", "maintenance")) as reader:
        rows = rows_of(reader.ask("holds_open"))
    if json:
        print_json(rows)
    elif not rows:
        say("No footage is held; `rtcc hold place` holds some.")
    else:
        print_rows(rows, ["hold_id", "camera_id", "start_at", "end_at", "reason", "placed_by", "placed_at"])


def list_alerts(
    context: typer.Context,
    open_: Annotated[bool, typer.Option("--open", help="Only those nobody has closed yet.")] = False,
    json: Json = False,
) -> None:
    """List the alerts, by when they were raised; with --open, the most pressing first."""
    asking: Asking = context.obj
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("open_alerts" if open_ else "alerts_between"))
    if json:
        print_json(rows)
    elif not rows:
        say("No alert is open." if open_ else "No alert has been raised yet.")
    else:
        columns = [
            "priority",
            "state",
            "raised_at",
            "camera_id",
            "kind",
            "rule",
            "onset_at",
            "detail",
            "repeats",
            "assigned_to",
            "closed_at",
            "outcome",
        ]
        print_rows(rows, ["alert_id", *columns])


def _span(start: str, until: str) -> Span:
    start_at, end_at = instant_option("--from", start), instant_option("--until", until)
    if start_at is None:
        raise BadInput("--from is empty; give the instant from which footage stays, e.g. 2026-03-01T10:00:00Z")
    if end_at is not None and end_at <= start_at:
        raise BadInput(f"--until {until} is not after --from {start}; a hold keeps a span of time")
    return Span(start_at, end_at)
