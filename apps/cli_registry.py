"""`rtcc cameras`, `rtcc zones` and `rtcc consent`: what the city has, what is drawn on it, and who allows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from apps.edge import Asking, now, reading, writing
from apps.show import print_json, print_rows, rows_of, say
from catalog.access import PURPOSES
from catalog.consent import Consent
from catalog.errors import BadInput, UnknownCamera
from catalog.ids import content_id
from catalog.reader import Reader
from catalog.records import records_of
from catalog.registry import Camera, Mounting
from catalog.registry_files import CameraFile, read_cameras, read_zones
from catalog.spans import Span, parse_instant

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

CAMERAS_HELP = """Read cameras from a CSV or GeoJSON file into the registry.

Columns (or properties): camera_id, and any of name, lon_deg, lat_deg, height_m, bearing_deg, frame_width_px,
frame_height_px, start_at, site_id, owner_id, legal_basis, sharing, place_kind, stream_uri, sub_stream_uri,
keep_days, quota_bytes. A stream's user and password stay out of the file (`rtcc cameras credential`). A camera
whose legal_basis is not `city` stays closed until a consent opens it (`rtcc consent grant`). A camera that was hung
differently gets a new start_at; the same start_at corrects what was known."""

cameras_app = typer.Typer(no_args_is_help=True, help="The registry of cameras.")
zones_app = typer.Typer(no_args_is_help=True, help="Areas, lines and masks drawn on cameras' pictures.")
consent_app = typer.Typer(no_args_is_help=True, help="Who allowed which cameras, for what, until when.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(cameras_app, name="cameras")
    app.add_typer(zones_app, name="zones")
    app.add_typer(consent_app, name="consent")


@cameras_app.command("import", help=CAMERAS_HELP)
def import_cameras(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .geojson file.")],
    json: Json = False,
) -> None:
    """Read cameras from a file into the registry."""
    asking: Asking = context.obj
    read = read_cameras(file)
    home, access = asking.home_made(), asking.access("admin", "maintenance")
    with writing(home) as door:
        with Reader(home, access, door) as reader:
            hung = records_of(Mounting, reader.ask("mountings"))
        snapshot_id = door.register(access, cameras=read.cameras, mountings=_with_earlier_ended(read, hung))
    private = sum(camera.private for camera in read.cameras)
    if json:
        print_json({"cameras": len(read.cameras), "private": private, "snapshot_id": snapshot_id})
        return
    print(f"{len(read.cameras)} cameras are in the registry, {private} of them closed until a consent opens them.")


def _with_earlier_ended(read: CameraFile, hung: Sequence[Mounting]) -> list[Mounting]:
    """Return the mountings to register: the new ones, and open earlier ones of the same cameras, now ended."""
    ended: list[Mounting] = []
    for new in read.mountings:
        for old in hung:
            same_camera = old.camera_id == new.camera_id and old.mounting_id != new.mounting_id
            if same_camera and old.span.start_at < new.span.start_at and old.span.contains(new.span.start_at):
                ended.append(replace(old, span=Span(old.span.start_at, new.span.start_at)))
    return [*ended, *read.mountings]


@cameras_app.command("list")
def list_cameras(context: typer.Context, json: Json = False) -> None:
    """List the registered cameras and where they hang."""
    asking: Asking = context.obj
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("cameras"))
    if json:
        print_json(rows)
    elif not rows:
        say("No camera is registered yet; `rtcc cameras import FILE` adds some.")
    else:
        columns = ["camera_id", "name", "legal_basis", "sharing", "place_kind", "lon_deg", "lat_deg", "bearing_deg"]
        print_rows(rows, columns)


@zones_app.command("import")
def import_zones(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .json file of zones.")],
    json: Json = False,
) -> None:
    """Read zones and lines from a CSV or JSON file.

    Each has camera_id, name, kind (area, line or mask), points_px ("x,y x,y …" or [[x, y], …], native pixels), and
    optionally min_dwell_s (a stay that counts, seconds) and labels (what counts). A line's forward direction is
    from the left of first → last point to its right. The same name on the same camera replaces the zone.
    """
    asking: Asking = context.obj
    home, access = asking.home_made(), asking.access("admin", "maintenance")
    with writing(home) as door:
        with Reader(home, access, door) as reader:
            zones = read_zones(file, records_of(Mounting, reader.ask("mountings")))
        snapshot_id = door.register(access, zones=zones)
    cameras = len({zone.camera_id for zone in zones})
    if json:
        print_json({"zones": len(zones), "cameras": cameras, "snapshot_id": snapshot_id})
        return
    print(f"{len(zones)} zones are drawn on {cameras} cameras; footage indexed from now on is judged by them.")


@zones_app.command("list")
def list_zones(context: typer.Context, json: Json = False) -> None:
    """List the zones and lines."""
    asking: Asking = context.obj
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("zones"))
    if json:
        print_json(rows)
    elif not rows:
        say("No zone is drawn yet; `rtcc zones import FILE` adds some.")
    else:
        print_rows(rows, ["camera_id", "name", "kind", "x_px", "y_px", "min_dwell_s", "labels"])


@consent_app.command("grant")
def grant(
    context: typer.Context,
    camera: Annotated[
        list[str], typer.Option("--camera", metavar="ID", help="A camera it opens; may be repeated.")
    ],
    grantor: Annotated[str, typer.Option("--grantor", metavar="NAME", help="Who gives it.")],
    purposes: Annotated[
        list[str],
        typer.Option(
            "--for", metavar="PURPOSE", help=f"A purpose it allows: {', '.join(PURPOSES)}; may be repeated."
        ),
    ],
    start: Annotated[
        str, typer.Option("--from", metavar="ISO8601", help="Footage from this instant on; now if left out.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="ISO8601", help="Until when; until withdrawn if left out.")
    ] = "",
    hours: Annotated[
        str, typer.Option("--hours", metavar="HH:MM-HH:MM", help="Hours of the day, local time; may pass midnight.")
    ] = "",
    live: Annotated[bool, typer.Option("--live", help="The feed may also be watched as it comes.")] = False,
    json: Json = False,
) -> None:
    """Write down that an owner opens cameras for a purpose."""
    asking: Asking = context.obj
    home, access = asking.home(), asking.access("admin", "maintenance")
    unknown = sorted(set(purposes) - set(PURPOSES))
    if unknown:
        raise BadInput(f"purpose {unknown[0]!r} is unknown; use {', '.join(PURPOSES)}")
    span = Span(instant_option("--from", start) or now(), instant_option("--until", until))
    hours_from, hours_until = _hours(hours)
    names = tuple(sorted(set(camera)))
    consent_id = content_id("con", grantor, names, sorted(purposes), span, hours)
    consent = Consent(
        consent_id, grantor, names, tuple(sorted(set(purposes))), span, live=live,
        hours_from=hours_from, hours_until=hours_until, time_zone=home.time_zone,
    )  # fmt: skip
    with writing(home) as door:
        with Reader(home, access, door) as reader:
            _require_cameras(names, records_of(Camera, reader.ask("cameras")))
        snapshot_id = door.grant(access, consent)
    if json:
        print_json({"consent_id": consent_id, "snapshot_id": snapshot_id})
        return
    print(f"Consent {consent_id} opens {', '.join(names)} for {', '.join(consent.purposes)}.")


@consent_app.command("withdraw")
def withdraw(
    context: typer.Context, consent_id: Annotated[str, typer.Argument(metavar="CONSENT_ID")], json: Json = False
) -> None:
    """Take a consent back, as of this instant."""
    asking: Asking = context.obj
    with writing(asking.home()) as door:
        snapshot_id = door.withdraw(asking.access("admin", "maintenance"), consent_id)
    if json:
        print_json({"consent_id": consent_id, "snapshot_id": snapshot_id})
        return
    print(f"Consent {consent_id} is withdrawn; what it opened is closed now.")


@consent_app.command("list")
def list_consents(context: typer.Context, json: Json = False) -> None:
    """List the consents, withdrawn ones too."""
    asking: Asking = context.obj
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("consents"))
    if json:
        print_json(rows)
    elif not rows:
        say("No consent has been given; cameras that are not the city's own are closed.")
    else:
        columns = ["consent_id", "grantor", "camera_ids", "purposes", "start_at", "end_at", "withdrawn_at"]
        print_rows(rows, columns)


def _require_cameras(names: tuple[str, ...], registered: Sequence[Camera]) -> None:
    known = {camera.camera_id for camera in registered}
    missing = [name for name in names if name not in known]
    if missing:
        raise UnknownCamera(f"camera {missing[0]!r} is not in the registry; `rtcc cameras list` shows what is")


def instant_option(option: str, text: str) -> datetime | None:
    """Read an option that names an instant; empty stays unknown."""
    try:
        return parse_instant(text) if text else None
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from error


def _hours(text: str) -> tuple[str | None, str | None]:
    if not text:
        return None, None
    first, _, last = text.partition("-")
    for word in (first, last):
        hour, colon, minute = word.partition(":")
        digits = len(hour) == 2 and len(minute) == 2 and hour.isdigit() and minute.isdigit()
        if not colon or not digits or int(hour) > 24 or int(minute) > 59:
            raise BadInput(f"--hours {text!r} is not a span of hours such as 08:00-18:00 or 22:00-06:00")
    return first, last
