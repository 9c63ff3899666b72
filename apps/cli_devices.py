"""`rtcc devices`: panic buttons, plate readers and other systems that may report."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from apps.cli_registry import Json
from apps.edge import Asking
from apps.gateway.devices import KINDS, Device, DeviceKind, Devices, new_secret
from apps.show import print_json, print_rows, say
from catalog.errors import BadInput, NotFound
from catalog.registry import PlaceKind

devices_app = typer.Typer(no_args_is_help=True, help="Devices that may report to the gateway.")

COLUMNS = ("device_id", "kind", "camera_id", "place_kind", "place", "lon_deg", "lat_deg", "disabled")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(devices_app, name="devices")


@devices_app.command("add")
def add(
    context: typer.Context,
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help=f"What it reports: {', '.join(KINDS)}.")],
    camera: Annotated[str, typer.Option("--camera", metavar="ID", help="The one camera it reports for.")] = "",
    place_kind: Annotated[
        str, typer.Option("--place-kind", metavar="KIND", help="What its place is, e.g. school or hospital.")
    ] = "",
    place: Annotated[str, typer.Option("--place", metavar="TEXT", help="What people call its place.")] = "",
    lon: Annotated[float | None, typer.Option("--lon", help="Where it hangs, degrees east.")] = None,
    lat: Annotated[float | None, typer.Option("--lat", help="Where it hangs, degrees north.")] = None,
    json: Json = False,
) -> None:
    """Let a device report; its secret is printed once, and cannot be asked for again."""
    asking: Asking = context.obj
    if kind not in KINDS:
        raise BadInput(f"--kind {kind!r} is unknown; use one of {', '.join(KINDS)}")
    secret = new_secret()
    device = Device(
        device_id,
        cast(DeviceKind, kind),
        secret,
        camera or None,
        cast(PlaceKind, place_kind) or None,
        place,
        lon,
        lat,
    )
    Devices(asking.home()).add(device)
    if json:
        print_json({"device_id": device_id, "secret": secret})
        return
    print(f"Device {device_id} may report. Its secret, shown this once:\n{secret}")


@devices_app.command("list")
def list_devices(context: typer.Context, json: Json = False) -> None:
    """List the devices; their secrets stay where they are."""
    asking: Asking = context.obj
    rows = [{name: getattr(one, name) for name in COLUMNS} for one in Devices(asking.home()).all()]
    if json:
        print_json(rows)
    elif not rows:
        say("No device may report; `rtcc devices add` lets one.")
    else:
        print_rows(rows, list(COLUMNS))


@devices_app.command("disable")
def disable(
    context: typer.Context, device_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False
) -> None:
    """Take reports of a device no longer."""
    asking: Asking = context.obj
    Devices(asking.home()).disable(device_id)
    if json:
        print_json({"device_id": device_id, "disabled": True})
        return
    print(f"Device {device_id} may report no longer.")


@devices_app.command("press")
def press(
    context: typer.Context,
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    address: Annotated[
        str,
        typer.Option("--address", metavar="URL", help="The gateway; that of the running `rtcc up` if left out."),
    ] = "",
    detail: Annotated[str, typer.Option("--detail", metavar="TEXT", help="What the report says.")] = "A trial.",
    json: Json = False,
) -> None:
    """Press a panic button from here, to see that its report gets through: it raises a real alert."""
    from apps.edge import now
    from apps.gateway.sender import send_report
    from apps.up.record import read_record

    asking: Asking = context.obj
    home = asking.home()
    device = Devices(home).get(device_id)
    if device is None:
        raise NotFound(f"there is no device {device_id!r}; `rtcc devices list` shows those there are")
    if device.kind != "panic":
        raise BadInput(f"device {device_id!r} is no panic button but reports {device.kind}")
    if not address:
        record = read_record(home)
        if record is None:
            raise NotFound("no command center runs; start it with `rtcc up`, or name its address with --address")
        address = record.address
    said = send_report(device, address, {"detail": detail}, now())
    if json:
        print_json(said)
        return
    print(f"Alert {said['alert_id']} is raised: the report is in the catalog.")
