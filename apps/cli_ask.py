"""`rtcc sql`, `runs`, `coverage`, `status` and `audit`: questions to the catalog, each in the audit."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from apps.cli_registry import Json, instant_option
from apps.edge import Asking, now, reading
from apps.show import print_csv, print_facts, print_json, print_rows, print_table, rows_of, say, write_parquet
from catalog.audit import verify_chain
from catalog.errors import BadInput, NotFound, UnknownCamera
from catalog.spans import iso, parse_instant

SQL_HELP = """Ask in SQL: one SELECT over the tables cameras, mountings, zones, segments, gaps, runs, analyses,
detections, tracks, events, alerts, consents, minute_counts and audit.

It is read-only, sees what consent opens for your purpose, and is in the audit. docs/data_dictionary.md says what
each column means. Example: rtcc sql "select label, count(*) as tracks from tracks group by label order by tracks
desc\""""

runs_app = typer.Typer(help="What was run, when, with which settings, and what it found.")
audit_app = typer.Typer(no_args_is_help=True, help="Who asked what, why: a chain that can be checked.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.command("sql", help=SQL_HELP)(sql)
    app.add_typer(runs_app, name="runs")
    app.command("coverage")(coverage)
    app.command("status")(status)
    app.add_typer(audit_app, name="audit")


def sql(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="SELECT", help="The statement; `-` reads it from standard input.")
    ],
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of", metavar="SNAPSHOT", help="A snapshot's number or an ISO 8601 instant: rows as of then."
        ),
    ] = "",
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write the rows to a Parquet file.")
    ] = None,
) -> None:
    """Ask in SQL."""
    asking: Asking = context.obj
    if json + csv + (parquet is not None) > 1:
        raise BadInput("give one of --json, --csv and --parquet")
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise BadInput('the statement is empty; give a SELECT, e.g. "select count(*) from detections"')
    with reading(asking.home(), asking.access(), as_of=_as_of(as_of)) as reader:
        answer = reader.sql(text)
    _print_answer(answer, json=json, csv=csv, parquet=parquet)


def _print_answer(answer: pa.Table, *, json: bool, csv: bool, parquet: Path | None) -> None:
    if parquet is not None:
        write_parquet(answer, parquet)
        say(f"{answer.num_rows} rows are in {parquet}.")
    elif json:
        print_json(rows_of(answer))
    elif csv:
        print_csv(answer)
    else:
        print_table(answer)
        say(f"{answer.num_rows} row{'' if answer.num_rows == 1 else 's'}")


def _as_of(text: str) -> int | datetime | None:
    if not text:
        return None
    if text.isdigit():
        return int(text)
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadInput(
            f"--as-of {text!r} is neither a snapshot's number nor an instant such as 2026-03-01T10:00:00Z"
        ) from error


@runs_app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    camera: Annotated[str, typer.Option("--camera", metavar="ID", help="Of one camera only.")] = "",
    json: Json = False,
) -> None:
    """List the runs and what they found, the latest first."""
    if context.invoked_subcommand is None:
        _list_runs(context.obj, camera, json=json)


@runs_app.command("list")
def list_runs(
    context: typer.Context,
    camera: Annotated[str, typer.Option("--camera", metavar="ID", help="Of one camera only.")] = "",
    json: Json = False,
) -> None:
    """List the runs, the same as `rtcc runs`."""
    _list_runs(context.obj, camera, json=json)


def _list_runs(asking: Asking, camera: str, *, json: bool) -> None:
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("runs", camera_id=camera or None))
    if json:
        print_json(rows)
    elif not rows:
        say("Nothing has been run yet; `rtcc index PATH --camera ID` is the usual start.")
    else:
        columns = [
            "run_id",
            "camera_id",
            "started_at",
            "camera_seconds",
            "frames",
            "detections",
            "tracks",
            "events",
        ]
        print_rows(rows, columns)


@runs_app.command("show")
def show_run(
    context: typer.Context, run_id: Annotated[str, typer.Argument(metavar="RUN_ID")], json: Json = False
) -> None:
    """Show all that is kept of one run."""
    asking: Asking = context.obj
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("run_by_id", run_id=run_id))
    if not rows:
        raise NotFound(f"run {run_id!r} is not in the catalog, or not open to you; `rtcc runs` lists them")
    if json:
        print_json(rows[0])
        return
    print_facts(rows[0])


def coverage(
    context: typer.Context,
    camera: Annotated[str, typer.Option("--camera", metavar="ID", help="The camera.")],
    start: Annotated[str, typer.Option("--from", metavar="ISO8601", help="From this instant on.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="ISO8601", help="Until this instant.")] = "",
    json: Json = False,
) -> None:
    """Say what was recorded of a camera, what looked at it and how closely, and where there are gaps.

    It tells an empty answer from a blind one: nothing found where something looked, or nobody looked.
    """
    asking: Asking = context.obj
    span = {"start_at": instant_option("--from", start), "end_at": instant_option("--until", until)}
    with reading(asking.home(), asking.access()) as reader:
        rows = rows_of(reader.ask("coverage", camera_id=camera, **span))
        if not rows and camera not in {row["camera_id"] for row in rows_of(reader.ask("cameras"))}:
            raise UnknownCamera(f"camera {camera!r} is not in the registry; `rtcc cameras list` shows what is")
    if json:
        print_json(rows)
    elif not rows:
        say(f"Nothing of {camera} is recorded there, or nothing that is open to you.")
    else:
        columns = ["kind", "start_at", "end_at", "run_id", "sampling", "frames_looked_at", "frames_held", "reason"]
        print_rows(rows, [*columns, "detail"])


def status(context: typer.Context, json: Json = False) -> None:
    """Say how much the catalog holds and how far it reaches, of what is open to you, and how live work is."""
    from apps.live_view import headline, print_status
    from apps.supervisor import supervised
    from ray_jobs.live.status import read_status

    asking: Asking = context.obj
    home = asking.home()
    running, live = supervised(home), read_status(home)
    with reading(home, asking.access()) as reader:
        facts = rows_of(reader.ask("status"))[0]
        snapshot_id = reader.snapshot_id
    document: dict[str, object] = {"home": str(home.root), "site": home.site, "catalog": home.catalog.split(":")[0]}
    document |= {"snapshot_id": snapshot_id, **facts}
    if json:
        processes = {"running": running is not None, **(running or {})}
        print_json(document | {"live": processes | (live.as_json() if live is not None else {})})
        return
    print_facts(document)
    if live is not None:
        words = headline(live, now()) if running else f"not running; last seen at {iso(live.as_of_at)}"
        print_facts({"live": words})
        if running:
            print_status(live)


@audit_app.command("verify")
def verify(context: typer.Context, json: Json = False) -> None:
    """Check the chain of the audit from its first line to its last.

    The printed head is the digest of the last line: copy it to a place outside, and cutting the chain short
    later can be told.
    """
    asking: Asking = context.obj
    with reading(asking.home(), asking.access("auditor", "audit")) as reader:
        head = verify_chain(reader.ask("audit_lines"))
    if json:
        print_json({"lines": head.line, "head_sha256": head.sha256, "holds": True})
        return
    print(f"The audit holds: {head.line} lines, head {head.sha256}.")
