"""`rtcc impact`: did the cameras change crime, and can we know?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli_registry import Json
from apps.edge import Asking, now
from apps.show import print_json, print_rows, say
from catalog.errors import BadInput, RtccError
from catalog.home import Home
from ray_jobs.config import code_version

if TYPE_CHECKING:
    from workbench.impact.robustness import RunDraws
    from workbench.impact.study import Study
    from workbench.verification.running import Outcome

impact_app = typer.Typer(no_args_is_help=True, help="Did the cameras change crime, and can we know?")


IMPACT_SOURCES = ("workbench/designs", "workbench/impact")
"""Sources that decide what a study finds."""


class NotAsExpected(RtccError):
    """A method does not give the figures that were published for it."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the main one."""
    app.add_typer(impact_app, name="impact")


@impact_app.command("run")
def run(
    context: typer.Context,
    specification: Annotated[
        Path,
        typer.Argument(metavar="STUDY.toml", help="What is claimed, counted and compared.", show_default=False),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Write the report here.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="NAME", help="Only this one; may be given again.")
    ] = None,
    placebos: Annotated[
        int | None, typer.Option("--placebos", metavar="N", min=0, help="Placebo draws, if not the study's number.")
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Spread the placebos over a Ray.")] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Show it on the command center's impact page.")
    ] = False,
    json: Json = False,
) -> None:
    """Run a study: guards and power first, then every method, placebos and the verdict."""
    if output is None and not (json or publish):
        raise BadInput("say where the report goes (-o FOLDER), or ask for --json or --publish")
    from apps.studies import publish as publish_report
    from workbench.impact.study import Study
    from workbench.impact_report.records import findings_json
    from workbench.impact_report.writing import write_report

    asking: Asking = context.obj
    study = Study.read(specification)
    _say_before(study)
    with _drawing_on(asking.home_made() if ray else None) as run_draws:
        findings = study.run(
            method or (), placebos, made_at=now(), code_version=code_version(IMPACT_SOURCES), run_draws=run_draws,
            say=say,
        )  # fmt: skip
    with TemporaryDirectory(prefix="rtcc-impact-") as scratch:
        folder = output or Path(scratch) / "report"
        if output is not None or publish:
            write_report(findings, folder)
        if publish:
            say(f"On the impact page it is called {publish_report(folder, asking.home_made())}.")
    if json:
        print(findings_json(findings))
    else:
        for said in findings.verdicts:
            print(f"{said.outcome}: {said.rung}. {said.sentence}")
    if output is not None:
        say(f"The report is {output / 'report.html'}; to print, {output / 'report.pdf'}.")


def _say_before(study: Study) -> None:
    """Say what a reader must know before any result."""
    for guard in study.preflight():
        if guard.severity != "notes":
            say(f"{guard.severity}: {guard.says} {guard.do}".rstrip())
    for one in study.power():
        if one.least_detectable_ratio is None:
            say(f"{one.outcome}: not even a fall to nothing would be told from chance.")
        else:
            say(
                f"{one.outcome}: a fall of {abs(one.least_detectable_ratio):.0%} or more would probably be seen "
                f"({one.baseline_count:.0f} incidents before)."
            )


@contextmanager
def _drawing_on(home: Home | None) -> Iterator[RunDraws]:
    """Yield what runs draws: here, or on the Ray of a home."""
    if home is None:
        from workbench.impact.robustness import in_process

        yield in_process
        return
    from ray_jobs.cluster import connected
    from ray_jobs.impact import Draws

    with connected(home) as cluster:
        yield Draws(cluster)


@impact_app.command("example")
def example(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where its files go; made if it is not there.")],
    effect: Annotated[
        float, typer.Option("--effect", metavar="SHARE", min=-1.0, max=1.0, help="True change where cameras are.")
    ] = -0.2,
    hot: Annotated[bool, typer.Option("--hot", help="Cameras go where most incidents were just before.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Another city for another number.")] = 1,
) -> None:
    """Make up a city with a known answer, to try a study on. Nothing in it exists."""
    from workbench.impact.made_study import write_example

    path = write_example(folder, seed, effect, "hot" if hot else "random")
    say(f"A made city is in {folder}; TRUTH.json there says what is true of it.")
    say(f"Try: rtcc impact run {path} -o {folder / 'report'}")


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
