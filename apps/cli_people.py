"""`rtcc people`: who may sign in to the command center."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

from apps.accounts import Accounts, generated_password
from apps.cli_registry import Json
from apps.edge import Asking
from apps.show import print_json, print_rows, say
from catalog.access import ROLES, Role
from catalog.errors import BadInput

PASSWORD_HELP = "File with the password as its first line; `-` is standard input."

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.", show_default=False)]
PasswordFile = Annotated[
    str, typer.Option("--password-file", metavar="FILE", help=PASSWORD_HELP, show_default=False)
]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it, this once.")]

people_app = typer.Typer(no_args_is_help=True, help="Who may sign in to the command center, and as what.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(people_app, name="people")


@people_app.command("add")
def add(
    context: typer.Context,
    name: Name,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help=", ".join(one for one in ROLES if one != "service"))
    ],
    display: Annotated[str, typer.Option("--display", metavar="TEXT", help="How they are called on the pages.")],
    password_file: PasswordFile = "",
    generate: Generate = False,
    json: Json = False,
) -> None:
    """Add an account. The password is asked for, read from a file, or made and printed this once."""
    asking: Asking = context.obj
    accounts = Accounts(asking.home_made())
    password, generated = _password(name, password_file, generate=generate)
    account = accounts.add(name, cast(Role, role), display, password)
    said = {"name": account.name, "role": account.role, "display": account.display}
    _tell(said | ({"password": password} if generated else {}), f"{name} may sign in as {role}.", json=json)


@people_app.command("list")
def list_people(context: typer.Context, json: Json = False) -> None:
    """List the accounts; never their passwords, which nobody can read."""
    asking: Asking = context.obj
    rows = [
        {"name": one.name, "role": one.role, "display": one.display, "disabled": one.disabled}
        for one in Accounts(asking.home()).all()
    ]
    if json:
        print_json(rows)
    elif not rows:
        say('Nobody may sign in yet; `rtcc people add NAME --role officer --display "N. Ame"` adds somebody.')
    else:
        print_rows(rows, ["name", "role", "display", "disabled"])


@people_app.command("disable")
def disable(
    context: typer.Context,
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Let them sign in again.")] = False,
) -> None:
    """Let an account not sign in any more, and end its sessions now."""
    asking: Asking = context.obj
    Accounts(asking.home()).disable(name, disabled=not undo)
    say(f"{name} may sign in again." if undo else f"{name} is signed out everywhere and may not sign in any more.")


@people_app.command("password")
def password(
    context: typer.Context,
    name: Name,
    password_file: PasswordFile = "",
    generate: Generate = False,
    json: Json = False,
) -> None:
    """Give an account another password, and end its sessions now."""
    asking: Asking = context.obj
    accounts = Accounts(asking.home())
    accounts.get(name)
    chosen, generated = _password(name, password_file, generate=generate)
    accounts.set_password(name, chosen)
    words = f"{name} has a new password and is signed out everywhere."
    _tell({"name": name} | ({"password": chosen} if generated else {}), words, json=json)


def _password(name: str, password_file: str, *, generate: bool) -> tuple[str, bool]:
    """Return the password, and whether it was made here and is to be printed."""
    if generate and password_file:
        raise BadInput("give either --generate or --password-file, not both")
    if generate:
        return generated_password(), True
    if password_file == "-" or (not password_file and not sys.stdin.isatty()):
        return _first_line(sys.stdin.readline(), "standard input"), False
    if password_file:
        with Path(password_file).open() as file:
            return _first_line(file.readline(), password_file), False
    return str(typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True)), False


def _first_line(line: str, where: str) -> str:
    if not line.strip("\r\n"):
        raise BadInput(f"no password came from {where}; give it as one line, or let --generate make one")
    return line.rstrip("\r\n")


def _tell(said: Mapping[str, object], words: str, *, json: bool) -> None:
    if json:
        print_json(said)
        return
    say(words)
    if "password" in said:
        say("Its password, shown this once:")
        print(said["password"])
