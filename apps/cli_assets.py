"""`rtcc assets`: weights and footage from outside, each by its digest."""

from __future__ import annotations

from typing import Annotated

import typer

from apps.cli_registry import Json
from apps.edge import Asking
from apps.show import print_json, print_rows, say
from catalog.errors import AssetError
from workbench.assets import ASSETS, AssetStatus, AssetStore

assets_app = typer.Typer(no_args_is_help=True, help="Weights and demo footage from outside, each by its digest.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(assets_app, name="assets")


@assets_app.command("pull")
def pull(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME…", help="Which; all that are required if left out.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The optional ones too.")] = False,
    json: Json = False,
) -> None:
    """Fetch assets: from a cache, a package archive, or where their makers publish them; checked by digest."""
    from apps.indexing import pull_asset

    asking: Asking = context.obj
    home = asking.home_made()
    store = AssetStore(home.assets_dir)
    wanted = [store.find(name).name for name in names or ()]
    wanted = wanted or [asset.name for asset in ASSETS if asset.required or everything]
    failed: list[AssetError] = []
    for name in wanted:
        try:
            pull_asset(home, name)
        except AssetError as error:
            failed.append(error)
    found = [store.verify(name) for name in wanted]
    _print(found, json=json)
    if failed:
        raise AssetError("\n".join(str(error) for error in failed))


@assets_app.command("list")
def list_assets(context: typer.Context, json: Json = False) -> None:
    """List every asset, its licence, what it is for, and whether it is here."""
    asking: Asking = context.obj
    _print(AssetStore(asking.home_made().assets_dir).status(), json=json)


@assets_app.command("verify")
def verify(context: typer.Context, json: Json = False) -> None:
    """Read every asset that is here and compare its digest; a required one that is missing is an error too."""
    asking: Asking = context.obj
    found = AssetStore(asking.home_made().assets_dir).status()
    _print(found, json=json)
    wrong = [one.asset.name for one in found if one.state == "wrong digest"]
    missing = [one.asset.name for one in found if one.state == "missing" and one.asset.required]
    if wrong:
        raise AssetError(f"{', '.join(wrong)}: not the listed bytes; `rtcc assets pull {wrong[0]}` replaces them")
    if missing:
        raise AssetError(f"{', '.join(missing)}: not here; `rtcc assets pull` fetches them")
    if not json:
        say("All that are here have the listed bytes.")


def _print(found: list[AssetStatus] | tuple[AssetStatus, ...], *, json: bool) -> None:
    rows = [
        {
            "name": one.asset.name, "kind": one.asset.kind, "state": one.state, "required": one.asset.required,
            "licence": one.asset.licence, "size_bytes": one.asset.size_bytes, "purpose": one.asset.purpose,
            "sha256": one.asset.sha256, "path": str(one.path),
        }
        for one in found
    ]  # fmt: skip
    if json:
        print_json(rows)
    else:
        print_rows(rows, ["name", "state", "required", "licence", "purpose"])
