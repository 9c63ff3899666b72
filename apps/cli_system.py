"""`rtcc init`, `rtcc doctor` and `rtcc lab`: the home, the machine, the notebooks."""

from __future__ import annotations

from typing import Annotated

import typer

from apps.cli_registry import Json
from apps.edge import Asking, writing
from apps.show import print_json, say
from catalog.errors import RtccError

INIT_HELP = """Make a data home: a folder for settings, catalog, footage and assets.

Where it is: the environment variable RTCC_HOME, else ~/.rtcc. Its config.toml holds the settings, each with its
default in a comment: site, time_zone, catalog (sqlite or postgres), data_path, commit_every_s, keep_snapshots_days,
device (cpu or cuda) and ray_address. Run it again at will: what is there stays."""


class NotFit(RtccError):
    """The machine lacks something the workbench cannot do without."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.command("init", help=INIT_HELP)(init)
    app.command("doctor")(doctor)
    app.command("lab")(lab)


def init(context: typer.Context, json: Json = False) -> None:
    """Make a data home."""
    asking: Asking = context.obj
    home = asking.home_made()
    with writing(home):
        pass  # the keeper makes the catalog, or says what is in its way
    if json:
        print_json({"home": str(home.root), "site": home.site})
        return
    print(f"{home.root} is ready.")
    say("Next: `rtcc demo`, or `rtcc index PATH --camera ID` with footage of your own.")


def doctor(context: typer.Context, json: Json = False) -> None:
    """Look whether this machine and this home have all that is needed, and say what to do where not.

    Every line is ok, warn (works, but less well) or fail (does not work); with a fail the exit code is 1.
    """
    from apps.doctor import examine

    asking: Asking = context.obj
    findings = examine(asking)
    if json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            print(finding.as_line())
    failed = [finding.what for finding in findings if finding.verdict == "fail"]
    if failed:
        raise NotFit(f"{', '.join(failed)}: see above what to do")


def lab(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
) -> None:
    """Open JupyterLab on the notebooks, on this machine only and behind a token."""
    from apps.lab import open_lab

    asking: Asking = context.obj
    open_lab(asking.home_made(), port, browser=browser)
