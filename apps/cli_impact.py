"""`rtcc impact`: did the cameras change crime, and can we know?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli_registry import Json
from apps.show import print_json, print_rows, say
from catalog.errors import RtccError

if TYPE_CHECKING:
    from workbench.verification.running import Outcome

impact_app = typer.Typer(no_args_is_help=True, help="Did the cameras change crime, and can we know?")


class NotAsExpected(RtccError):
    """A method does not give the figures that were published for it."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(impact_app, name="impact")


@impact_app.command("verify")
def verify(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Cases, with a data/ beside them; else those the project carries."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FOLDER", help="Their data, if not in data/ beside them.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case-id", metavar="ID", help="Only this case; may be given again.")
    ] = None,
    json: Json = False,
) -> None:
    """Run cases with known answers, and say which came out. docs/impact.md says how one is written."""
    from workbench.verification.running import carried, run_folder

    outcomes = run_folder(folder or carried(), data, case or (), None if json else _say_outcome)
    if json:
        print_json({"cases": [_row(one) for one in outcomes]})
    failed = [one.case_id for one in outcomes if not one.passed]
    if failed:
        raise NotAsExpected(f"{len(failed)} of {len(outcomes)} cases did not come out: {', '.join(failed)}")
    say(f"All {len(outcomes)} cases came out as expected.")


def _say_outcome(one: Outcome) -> None:
    print(f"{'pass' if one.passed else 'FAIL'}  {one.case_id}  ({one.method})", flush=True)
    for miss in one.misses:
        print(f"      {miss}", flush=True)


def _row(one: Outcome) -> dict[str, object]:
    row = {"id": one.case_id, "method": one.method, "expected": one.expected, "got": one.got, "pass": one.passed}
    return row | ({"misses": list(one.misses)} if one.misses else {})


@impact_app.command("methods")
def list_methods(json: Json = False) -> None:
    """List the methods that cases may name; docs/impact.md has their parameters."""
    from workbench.verification.running import methods

    known = sorted(methods().values(), key=lambda method: method.name)
    rows: Sequence[dict[str, object]] = [
        {
            "method": method.name, "words": method.words, "parameters": [one.name for one in method.parameters],
            "gives": [name for name, _ in method.results],
        }
        for method in known
    ]  # fmt: skip
    if json:
        print_json(rows)
    else:
        print_rows(rows, ["method", "words"])
