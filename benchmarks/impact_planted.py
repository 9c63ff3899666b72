"""What a study says of effects that were planted, and of none: bias, coverage, false alarms, power, words."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.machine import machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from catalog.home import Home
from ray_jobs.cluster import connected
from ray_jobs.impact import Draws
from workbench.designs.findings import Rung
from workbench.impact.made_study import write_example
from workbench.impact.planted import Choice, Plan, PlantedStudy, planted_study
from workbench.impact.study_files import StudyFiles, read_study

NAME = "impact_planted"
QUESTION = "What does a study say of effects that were planted in real incidents, and of none at all?"

EFFECTS = (0.0, -0.1, -0.2, -0.4)
CHOICES: tuple[Choice, ...] = ("random", "hot")
DRAWS, QUICK_DRAWS = 120, 2
PLACEBOS, QUICK_PLACEBOS = 59, 19
LEVEL = 0.90
"""Nominal coverage of the intervals."""

METHODS = (
    "raw", "relative_effect", "poisson_etwfe", "imputation", "calibration_synthetic_control",
    "synthetic_difference_in_differences", "interrupted_series",
)  # fmt: skip
"""Those that verdicts rest on, one or two of each design; samplers and nested searches would take hours."""

RUNGS: tuple[Rung, ...] = (
    "not estimable", "consistent with no effect", "suggestive", "supported", "contradicts claim",
)  # fmt: skip

METHOD = """\
Each draw takes a month, chooses places for cameras, removes a share of the real incidents there from that month
on, each by the toss of a coin, and runs the whole study: guards, methods, placebos, pre-trends, displacement,
verdict. Nothing is claimed. Random places are drawn by lot among those with at least 16 incidents over all days
of the file, about one a year: a number asked of the time before the cameras would be a choice of places that
were just bad, and with fewer there is next to nothing to thin. Hot places are those with most incidents in the
year just before the cameras, and say so; the study leaves that year out. Cells are laid once, over all days,
and a study counts in the same. Bias is the mean of the estimated change less the planted one, coverage the
share of intervals that hold it; *leant on* are intervals of methods that passed their own checks and, where a
shock to the whole city is known or found, know more than the places' own past: a verdict rests on no others. A
false alarm is the verdict *supported* where nothing was planted, power its share where something was. Draws
share one city and its years: what moved all of it in one year is in many of them, so that they say less than as
many cities would."""

WHYS = (
    ("Only ", "one design alone"),
    ("Places or times", "placebos as large"),
    ("No placebo", "no placebo"),
    ("The places with cameras moved", "pre-trends"),
    ("Whether the places moved", "pre-trends not tested"),
    ("The change (", "less than the least detectable"),
    ("Whether crime moved", "displacement not examined"),
    ("It is a ", "another way in counts"),
    ("Incidents were placed", "placed in another way"),
)
"""How a reason that keeps a verdict at *suggestive* begins, and its name here."""


@dataclass(frozen=True)
class Setting:
    """One kind of draw, and what came of it."""

    chosen: Choice
    effect_ratio: float
    studies: Sequence[PlantedStudy]

    def share(self, rung: Rung) -> float:
        """Return the share of studies on a rung of the ladder."""
        return sum(study.rung == rung for study in self.studies) / len(self.studies)

    def of(self, method: str, leant_on: bool = False) -> np.ndarray:
        """Return (N, 3) change, low and high of one method, where it answered, or only where it may be leant on."""
        told = [one for study in self.studies for one in study.told if one.method == method]
        told = [one for one in told if one.leant_on or not leant_on]
        return np.array([(one.change_ratio, one.low, one.high) for one in told]).reshape(-1, 3)

    def coverage(self, method: str, leant_on: bool = False) -> float:
        """Return the share of a method's intervals, of all or of those leant on, that hold the planted change."""
        found = self.of(method, leant_on)
        held = (found[:, 1] <= self.effect_ratio) & (self.effect_ratio <= found[:, 2])
        return float(held.mean()) if len(found) else float("nan")

    def kept_back(self, begins: str) -> float:
        """Return the share of studies that a reason beginning so kept from *supported*."""
        return sum(any(why.startswith(begins) for why in study.missing) for study in self.studies) / len(
            self.studies
        )


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("numpy", "statsmodels", "ray"))
    count = QUICK_DRAWS if options.quick else DRAWS
    with options.folder(NAME) as folder, connected(Home.create(folder / "home")) as cluster:
        files, words, sites = _incidents(folder)
        draws = Draws(cluster, lambda done, asked: print(f"\r  {done} of {asked} ", end="", file=sys.stderr))
        settings = [
            Setting(plan.chosen, plan.effect_ratio, draws(planted_study, plan, range(count)))
            for plan in _plans(options, files, sites)
        ]
    return _answer(machine, settings, words, count, sites)


def _incidents(folder: Path) -> tuple[StudyFiles, str, int]:
    """Return a study whose incidents are real where RTCC_INCIDENTS names its STUDY.toml, else made ones."""
    named = os.environ.get("RTCC_INCIDENTS", "").strip()
    if named:
        files = read_study(Path(named))
        return files, f"Incidents are real: {len(files.incidents):,} of {files.specification.title}.", 60
    path = write_example(folder / "made", seed=1, effect_ratio=0.0)
    return read_study(path), "RTCC_INCIDENTS names no STUDY.toml: incidents are those of a made city.", 16


def _plans(options: Options, files: StudyFiles, sites: int) -> Iterator[Plan]:
    specification = files.specification
    frame = replace(specification.study, level=LEVEL)
    files = replace(files, specification=replace(specification, study=frame, outcomes=(specification.primary,)))
    placebos = QUICK_PLACEBOS if options.quick else PLACEBOS
    for chosen in CHOICES:
        for effect in EFFECTS[:1] if options.quick else EFFECTS:
            yield Plan(files, effect, chosen, sites, methods=METHODS, placebos=placebos)


def _answer(machine: str, settings: Sequence[Setting], words: str, count: int, sites: int) -> Answer:
    ratios = []
    for setting in settings:
        if setting.effect_ratio == 0.0:
            goal = Goal("at most", 0.06 if setting.chosen == "random" else 0.0, "")
            false = Spread((setting.share("supported"),))
            ratios.append(Ratio(f"false alarms, {setting.chosen} places, nothing planted", false, goal, ""))
        elif setting.chosen == "random":
            power = Spread((setting.share("supported"),))
            ratios.append(Ratio(f"power, random places, {setting.effect_ratio:.0%} planted", power, None, ""))
    for leant_on, words_of in ((False, "all"), (True, "leant on")):
        for method in METHODS[1:]:
            held = [one.coverage(method, leant_on) for one in settings if one.chosen == "random"]
            known = Spread(tuple(share for share in held if np.isfinite(share)))
            if known.values:
                what = f"coverage of {LEVEL:.0%} intervals, {words_of}, {method}, random places"
                ratios.append(Ratio(what, known, Goal("at least", 0.85, ""), ""))
    tables = (
        _verdicts(settings), _kept_back(settings), *(_methods(settings, chosen) for chosen in CHOICES),
        _sentences(settings),
    )  # fmt: skip
    said = f"{words} {count} draws of {sites} places each a line, spread over a local Ray."
    return Answer(NAME, QUESTION, machine, tuple(ratios), tables, (said, " ".join(METHOD.split())))


def _verdicts(settings: Sequence[Setting]) -> Table:
    rows = tuple(
        (setting.chosen, f"{setting.effect_ratio:.0%}", *(f"{setting.share(rung):.0%}" for rung in RUNGS))
        for setting in settings
    )
    return Table("Verdicts, share of studies", ("places", "planted", *RUNGS), rows)


def _kept_back(settings: Sequence[Setting]) -> Table:
    rows = tuple(
        (setting.chosen, f"{setting.effect_ratio:.0%}",
         *(f"{setting.kept_back(begins):.0%}" for begins, _ in WHYS))
        for setting in settings
    )  # fmt: skip
    names = tuple(name for _, name in WHYS)
    return Table(
        "What kept suggestive studies from supported, share of all studies", ("places", "planted", *names), rows
    )


def _methods(settings: Sequence[Setting], chosen: Choice) -> Table:
    rows = []
    for method in METHODS:
        for setting in settings:
            found = setting.of(method)
            if setting.chosen != chosen or not len(found):
                continue
            sure = (found[:, 2] < 0) | (found[:, 1] > 0)
            rows.append(
                (method, f"{setting.effect_ratio:.0%}", str(len(found)),
                 f"{100 * (found[:, 0].mean() - setting.effect_ratio):+.1f}", f"{setting.coverage(method):.0%}",
                 f"{sure.mean():.0%}", str(len(setting.of(method, leant_on=True))),
                 _share(setting.coverage(method, leant_on=True)))
            )  # fmt: skip
    title = f"Methods, {chosen} places, {LEVEL:.0%} intervals"
    return Table(
        title,
        (
            "method",
            "planted",
            "answers",
            "bias, points",
            "coverage",
            "excludes no change",
            "leant on",
            "their coverage",
        ),
        tuple(rows),
    )


def _share(share: float) -> str:
    return f"{share:.0%}" if np.isfinite(share) else "—"


def _sentences(settings: Sequence[Setting]) -> Table:
    rows = []
    for setting in settings:
        rung = Counter(study.rung for study in setting.studies).most_common(1)[0][0]
        sentence = next(study.sentence for study in setting.studies if study.rung == rung)
        rows.append((setting.chosen, f"{setting.effect_ratio:.0%}", rung, sentence))
    return Table(
        "The most frequent verdict, as one study says it", ("places", "planted", "verdict", "words"), tuple(rows)
    )


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
