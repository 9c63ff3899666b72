"""The `rtcc` command: footage in, events anyone can query out.

Data goes to standard output, words to standard error, and the exit code says what went wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import islice
from typing import Annotated

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError

from apps import (
    cli_ask,
    cli_assets,
    cli_casework,
    cli_devices,
    cli_impact,
    cli_index,
    cli_live,
    cli_people,
    cli_registry,
    cli_sources,
    cli_system,
    cli_up,
)
from apps.edge import Asking, account, home_root
from apps.show import say
from catalog.access import PURPOSES
from catalog.errors import RtccError, StorageFailed

EPILOG = """
**First steps:** `rtcc demo` indexes street footage and shows what it found; `rtcc index PATH --camera ID` does the
same with yours; `rtcc sql "select label, count(*) from tracks group by label"` asks.

**Where data lives:** the folder in the environment variable `RTCC_HOME`, else `~/.rtcc`.

**Exit codes:** 0 done · 1 failed · 2 input that cannot be used · 3 not permitted (consent, purpose, role) ·
4 not found · 5 asset missing or wrong · 6 the catalog's keeper does not answer · 7 the catalog does not fit this
version · 8 the audit chain is broken · 9 the cluster failed · 10 storage cannot be written · 11 kept footage has
changed · 130 interrupted.
"""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells use it."""

GLOBAL_OPTIONS = ("--purpose", "--case", "--actor")
"""Options that belong before the command's name, and are found anywhere."""

app = typer.Typer(
    name="rtcc",
    help="A workbench for a city's real-time command center: footage in, events anyone can query out.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli_system.add_to(app)
cli_registry.add_to(app)
cli_sources.add_to(cli_registry.cameras_app)
cli_casework.add_to(app)
cli_index.add_to(app)
cli_live.add_to(app)
cli_up.add_to(app)
cli_people.add_to(app)
cli_devices.add_to(app)
cli_ask.add_to(app)
cli_impact.add_to(app)
cli_assets.add_to(app)


@app.callback()
def options(
    context: typer.Context,
    purpose: Annotated[
        str,
        typer.Option(
            "--purpose", metavar="PURPOSE", help=f"Why you ask, as the audit will say: {', '.join(PURPOSES)}."
        ),
    ] = "",
    case_id: Annotated[
        str | None, typer.Option("--case", metavar="CASE", help="The case the question belongs to.")
    ] = None,
    actor: Annotated[
        str, typer.Option("--actor", metavar="NAME", help="On whose behalf, if not this account's.")
    ] = "",
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error came from.")] = False,
) -> None:
    """Remember who asks and why; every command finds it in the context."""
    context.obj = Asking(home_root(), actor or account(), purpose, case_id, debug)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; errors become a line or two for people and an exit code for programs."""
    given = _options_first(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=given, prog_name="rtcc", standalone_mode=False)
    except ClickException as error:
        code = _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        say("rtcc: interrupted; what was acknowledged is kept, and the same command goes on from there")
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: `rtcc sql … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except RtccError as error:
        if "--debug" in given:
            raise
        say(f"rtcc: {error}")
        code = error.exit_code
    except OSError as error:  # a disk that is full, a folder that may not be written
        if "--debug" in given:
            raise
        what = f"{error.filename}: " if error.filename else ""
        say(f"rtcc: {what}{error.strerror or error}; make room, or give this account the right, and try again")
        code = StorageFailed.exit_code
    sys.exit(code or 0)


def _misused(error: ClickException) -> int:
    """Say what was wrong with the words of the command."""
    context = error.ctx if isinstance(error, UsageError) else None
    if isinstance(error, NoArgsIsHelpError):
        print(error.format_message())
        return error.exit_code
    path = context.command_path if context is not None else "rtcc"
    say(f"{path}: {error.format_message()}")
    say(f"Try `{path} --help`.")
    return error.exit_code


def _options_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with who, why and which case in front, wherever they were given."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, has_value, _ = word.partition("=")
        if word == "--":
            rest.extend([word, *words])
        elif word == "--debug" or (name in GLOBAL_OPTIONS and has_value):
            front.append(word)
        elif word in GLOBAL_OPTIONS:
            front.extend([word, *islice(words, 1)])
        else:
            rest.append(word)
    return front + rest
