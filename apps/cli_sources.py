"""`rtcc cameras credential`, `discover` and `probe`: how cameras are reached, and what they send."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from apps.cli_registry import Json
from apps.edge import Asking, now, writing
from apps.show import print_facts, print_json, print_rows, say
from catalog.errors import BadInput, NotPermitted, UnknownCamera
from catalog.leases import LeaseBook
from catalog.reader import Reader
from catalog.records import records_of
from catalog.registry import Camera
from workbench.feeds.credentials import Credential, CredentialName, CredentialStore

PROBE_S = 5.0
"""How long a feed is listened to, seconds: long enough for two key frames of most cameras."""

LEASE_WAIT_S = 5.0
"""How long leave to read a camera's feed is waited for, seconds: it is in the audit before it is used."""

Host = Annotated[
    str, typer.Option("--host", metavar="HOST", help="Instead of a camera: every camera at this host or host:port.")
]
CameraName = Annotated[str, typer.Argument(metavar="CAMERA", help="A camera_id.", show_default=False)]

credential_app = typer.Typer(
    no_args_is_help=True, help="Users and passwords of cameras, in a file only this account can read."
)


def add_to(cameras_app: typer.Typer) -> None:
    """Add these commands to those about cameras."""
    cameras_app.add_typer(credential_app, name="credential")
    cameras_app.command("discover")(find_devices)
    cameras_app.command("probe")(probe)


@credential_app.command("set")
def set_credential(
    context: typer.Context,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="The account on the camera.")],
    camera: CameraName = "",
    host: Host = "",
) -> None:
    """Keep the user and password of a camera, or of a host.

    The password is asked for, or read as one line from standard input; it is never part of the command.
    """
    asking: Asking = context.obj
    name = _name(camera, host)
    home = asking.home_made()
    CredentialStore(home.root).set(name, Credential(user, _password(user, name)))
    say(f"The credential for {name.kind} {name.name} is kept in {CredentialStore(home.root).path}.")


@credential_app.command("remove")
def remove_credential(context: typer.Context, camera: CameraName = "", host: Host = "") -> None:
    """Forget the user and password of a camera, or of a host."""
    asking: Asking = context.obj
    name = _name(camera, host)
    CredentialStore(asking.home().root).remove(name)
    say(f"The credential for {name.kind} {name.name} is forgotten.")


@credential_app.command("list")
def list_credentials(context: typer.Context, json: Json = False) -> None:
    """List what there are credentials for; never what they are."""
    asking: Asking = context.obj
    rows = [{"kind": name.kind, "name": name.name} for name in CredentialStore(asking.home().root).names()]
    if json:
        print_json(rows)
    elif not rows:
        say("No credential is kept yet; `rtcc cameras credential set CAMERA --user NAME` adds one.")
    else:
        print_rows(rows, ["kind", "name"])


def _name(camera: str, host: str) -> CredentialName:
    if bool(camera) == bool(host):
        raise BadInput("name either a camera or, with --host, a host")
    if host:
        return CredentialName("host", host)
    return CredentialName("camera", Camera(camera, camera).camera_id)


def _password(user: str, name: CredentialName) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {user} on {name.name}", hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line:
        raise BadInput("no password came on standard input; give it there as one line")
    return line.rstrip("\r\n")


def find_devices(
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="HOST", help="Ask this host or host:port only; may be repeated."),
    ] = None,
    timeout_s: Annotated[
        float,
        typer.Option("--timeout", metavar="S", min=0.1, max=60.0, help="How long to wait for answers, seconds."),
    ] = 3.0,
    json: Json = False,
) -> None:
    """Look for ONVIF cameras on the networks of this machine.

    A camera is registered by its stream_uri, onvif://host:port/, which means its largest stream in H.264.
    """
    from workbench.feeds.onvif_discovery import discover

    rows: list[dict[str, object]] = [
        {**asdict(device), "stream_uri": device.stream_uri} for device in discover(host or (), timeout_s)
    ]
    if json:
        print_json(rows)
    elif not rows:
        say(
            "No ONVIF camera answered; look whether ONVIF is on there, and the firewall lets UDP port 3702 through."
        )
    else:
        print_rows(rows, ["address", "name", "hardware", "location", "stream_uri"])


def probe(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="URI_OR_CAMERA", help="A feed's address, or a camera_id.")],
    camera: Annotated[
        str, typer.Option("--camera", metavar="ID", help="The camera an address belongs to, for its credential.")
    ] = "",
    listen_s: Annotated[
        float, typer.Option("--seconds", metavar="S", min=1.0, max=60.0, help="How long to listen.")
    ] = PROBE_S,
    json: Json = False,
) -> None:
    """Open a feed for a few seconds and say what it sends, or why it does not.

    Nothing is kept of it. A camera that is not the city's own opens only under a consent to watch it live; its
    address is shown to nobody, so it has to be given, with --camera.
    """
    asking: Asking = context.obj
    by_address = "://" in target
    if camera and not by_address:
        raise BadInput("--camera says whose an address is; name the address, e.g. rtsp://10.0.0.5/stream1")
    if by_address and not camera:
        facts = _probed(asking, target, None, listen_s, lambda: None)
    else:
        facts = _probed_camera(asking, camera or target, target if by_address else None, listen_s)
    if json:
        print_json(facts)
    else:
        print_facts(_spoken(facts))


def _probed_camera(asking: Asking, camera_id: str, uri: str | None, listen_s: float) -> dict[str, object]:
    """Return what a registered camera sends, read under a lease as all live reading is."""
    home, access = asking.home(), asking.access("admin", "maintenance")
    with writing(home) as door:
        with Reader(home, access, door) as reader:
            cameras = {camera.camera_id: camera for camera in records_of(Camera, reader.ask("cameras"))}
        if camera_id not in cameras:
            raise UnknownCamera(f"camera {camera_id!r} is not in the registry; `rtcc cameras list` shows what is")
        with LeaseBook(door) as leases:
            leases.want(access, camera_id)
            if (reason := leases.wait_until_told(access, camera_id, LEASE_WAIT_S)) is not None:
                raise NotPermitted(reason)
            address = uri or cameras[camera_id].stream_uri
            if address is None:
                raise BadInput(
                    f"no stream_uri of camera {camera_id!r} is shown: it has none, or is private; name its "
                    f"address: `rtcc cameras probe URI --camera {camera_id}`"
                )
            return _probed(asking, address, camera_id, listen_s, lambda: leases.why_closed(access, camera_id))


def _probed(
    asking: Asking, uri: str, camera_id: str | None, listen_s: float, why_closed: Callable[[], str | None]
) -> dict[str, object]:
    # FFmpeg takes a while to load, and only this command needs it
    from workbench.feeds.feed_probe import probe_feed
    from workbench.feeds.feed_source import FeedSource

    source = FeedSource.parse(uri)
    credential = CredentialStore(asking.home_root).for_camera(camera_id, uri)
    streams: dict[str, object] = {"stream_uri": source.uri}
    if source.kind == "onvif":
        from workbench.feeds.onvif_devices import resolve

        main, sub = resolve(source, credential)
        source, streams = FeedSource.parse(main), {"stream_uri": main, "sub_stream_uri": sub}
    facts = probe_feed(
        source, credential, listen_s=listen_s, clock=lambda: now().timestamp(), why_closed=why_closed
    )
    return {**streams, **asdict(facts)}


def _spoken(facts: dict[str, object]) -> dict[str, object]:
    """Return the facts as people read them."""
    clock = {"rtcp": "RTCP, the camera's own", "arrival": "arrival here"}[str(facts["clock"])]
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}
    return {**rounded, "clock": clock}
