"""A study: from its files to what may be said, in the order in which a reviewer wants to see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from workbench.designs.estimates import Estimate
from workbench.designs.findings import (
    Displacement,
    EventStudy,
    Findings,
    Guard,
    Placebos,
    Power,
    Provenance,
    Series,
    Verdict,
)
from workbench.designs.holm import holm
from workbench.designs.panel import Floats, Panel
from workbench.impact.city_guards import look_at_city
from workbench.impact.counting import CountedStudy, count_study, selection_window, without_window
from workbench.impact.power import power_of
from workbench.impact.preflight import preflight
from workbench.impact.robustness import (
    RunDraws,
    displacement_of,
    in_process,
    pretrends_of,
    space_placebos,
    time_placebos,
    trend_sensitivity,
    window_sensitivity,
)
from workbench.impact.study_files import StudyFiles, read_study
from workbench.impact.study_map import study_map
from workbench.impact.study_methods import Answer, Draws, answers, chosen
from workbench.impact.verdict import Evidence, verdict

Say = Callable[[str], None]
"""Told what is being done, a line each."""


@dataclass(frozen=True)
class Answered:
    """What was found of one outcome."""

    panel: Panel
    answers: tuple[Answer, ...]
    placebos: tuple[Placebos, ...]
    event_studies: tuple[EventStudy, ...]
    displacement: Displacement | None

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Return all estimates, refusals too."""
        return tuple(one.estimate for one in self.answers)


class Study:
    """A study whose incidents are counted, and nothing of whose results has been looked at yet.

    Parameters
    ----------
    files
        What it starts from, see `read_study`.

    Raises
    ------
    BadInput
        When there is no place to count in.
    """

    def __init__(self, files: StudyFiles) -> None:
        self.files = files
        self.counted: CountedStudy = count_study(files)

    @classmethod
    def read(cls, path: Path) -> Study:
        """Return the study of a STUDY.toml; its other files are named there.

        Raises
        ------
        BadInput
            When a file cannot be used; the message names the file, row and column or key.
        """
        return cls(read_study(path))

    @cached_property
    def panels(self) -> tuple[Panel, ...]:
        """The counts that methods see: without the days that sites were chosen on, the primary outcome first."""
        window = selection_window(self.files.sites)
        primary = self.files.specification.primary.name
        panels = sorted(self.counted.panels, key=lambda panel: panel.outcome != primary)
        if window is None:
            return tuple(panels)
        return tuple(without_window(panel, self.counted.layout.periods, window) for panel in panels)

    def preflight(self) -> tuple[Guard, ...]:
        """Return what must be known before any result: what blocks, then warnings, then notes."""
        return self._guards

    @cached_property
    def _guards(self) -> tuple[Guard, ...]:
        order = {"blocks": 0, "warns": 1, "notes": 2}
        found = (*preflight(self.counted), *look_at_city(self.counted))
        return tuple(sorted(found, key=lambda guard: order[guard.severity]))

    def power(self) -> tuple[Power, ...]:
        """Return what the study could tell from chance, by outcome; nothing of its results is looked at."""
        level = self.files.specification.study.level
        return tuple(power_of(panel, level=level) for panel in self.panels)

    def prospect(self) -> Findings:
        """Return everything that is known before any result; the rest is empty."""
        specification, panels = self.files.specification, self.panels
        frame = specification.study
        return Findings(
            title=specification.title, primary_outcome=panels[0].outcome,
            outcomes=tuple(panel.outcome for panel in panels), claim=specification.claim.claim,
            guards=self.preflight(), power=self.power(), estimates=(), event_studies=(), placebos=(),
            displacement=(), sensitivity=(), series=(), study_map=study_map(self.counted, panels[0].outcome),
            quality=self.counted.quality, verdicts=(),
            provenance=Provenance(specification.title, self.files.sha256, self.files.toml, frame.seed, "", ""),
        )  # fmt: skip

    def run(
        self, methods: Sequence[str] = (), placebos: int | None = None, *, made_at: datetime, code_version: str,
        run_draws: RunDraws = in_process, say: Say = lambda words: None,
    ) -> Findings:  # fmt: skip
        """Return what the study found.

        Parameters
        ----------
        methods
            Names of methods; those of the specification when left out, and all where it names none.
        placebos
            Draws of a placebo in space; those of the specification when left out.
        made_at, code_version
            For the provenance.
        run_draws
            Runs draws over many workers.
        say
            Told what is being done.

        Raises
        ------
        BadInput
            When a method is not known.
        """
        specification = self.files.specification
        names = chosen(methods or specification.methods.names)
        draws = Draws(
            specification.study.level, specification.study.seed, specification.methods.draws,
            specification.methods.placebos if placebos is None else placebos,
        )  # fmt: skip
        answered = [self._answered(panel, names, draws, run_draws, say) for panel in self.panels]
        prospect = self.prospect()
        primary = answered[0]
        return replace(
            prospect, estimates=tuple(estimate for one in answered for estimate in one.estimates),
            event_studies=tuple(study for one in answered for study in one.event_studies),
            placebos=tuple(placebo for one in answered for placebo in one.placebos),
            displacement=tuple(one.displacement for one in answered if one.displacement is not None),
            sensitivity=(
                *window_sensitivity(primary.panel, primary.estimates, draws.level),
                *trend_sensitivity(primary.panel, draws.level, draws.seed),
            ),
            series=tuple(line for one in answered if (line := _series(one)) is not None),
            study_map=study_map(self.counted, primary.panel.outcome, _donors(primary)),
            verdicts=self._verdicts(answered, prospect),
            provenance=replace(
                prospect.provenance, code_version=code_version, made_at=made_at.isoformat(timespec="seconds")
            ),
        )  # fmt: skip

    def _answered(
        self, panel: Panel, names: Sequence[str], draws: Draws, run_draws: RunDraws, say: Say
    ) -> Answered:
        places, periods = panel.counts.shape
        say(f"{panel.outcome}: {len(names)} methods on {places} places × {periods} periods")
        found = tuple(answers(names, panel, draws))
        estimates = [one.estimate for one in found]
        say(f"{panel.outcome}: {draws.placebos} placebos, pre-trends, displacement")
        placebos = (*space_placebos(panel, estimates, draws, run_draws), *time_placebos(panel, estimates))
        return Answered(
            panel, found, placebos, pretrends_of(panel, draws.level, draws.seed),
            displacement_of(self.counted, panel, draws.level),
        )  # fmt: skip

    def _verdicts(self, answered: Sequence[Answered], prospect: Findings) -> tuple[Verdict, ...]:
        """Return the verdict of each outcome; all but the primary one's p values are corrected for their number."""
        corrected = _corrected(answered[1:])
        return tuple(
            verdict(
                Evidence(
                    one.panel.outcome, prospect.claim,
                    [guard for guard in prospect.guards if guard.outcome in (None, one.panel.outcome)], power,
                    one.estimates, one.event_studies, one.placebos, one.displacement,
                    corrected.get(one.panel.outcome, {}),
                )
            )
            for one, power in zip(answered, prospect.power, strict=True)
        )  # fmt: skip


def _donors(one: Answered) -> Mapping[str, float] | None:
    """Return place id to its share of the counterfactual, by the first answer that weighs places."""
    weights = next((answer.donor_weights for answer in one.answers if answer.donor_weights is not None), None)
    return None if weights is None else dict(zip(one.panel.place_ids, weights.tolist(), strict=True))


def _corrected(secondary: Sequence[Answered]) -> Mapping[str, Mapping[str, float]]:
    """Return p after Holm by outcome and method; the family is one method on all outcomes but the primary."""
    corrected: dict[str, dict[str, float]] = {one.panel.outcome: {} for one in secondary}
    by_method: dict[str, list[tuple[str, float]]] = {}
    for one in secondary:
        for estimate in one.estimates:
            if estimate.p_value is not None:
                by_method.setdefault(estimate.method, []).append((one.panel.outcome, estimate.p_value))
    for method, found in by_method.items():
        for (outcome, _), p_value in zip(found, holm([p for _, p in found]), strict=True):
            corrected[outcome][method] = p_value
    return corrected


def _series(one: Answered) -> Series | None:
    """Return the treated places' counts over time beside what the first method that has it says of them."""
    panel = one.panel
    told = next((answer for answer in one.answers if answer.counterfactual is not None), None)
    if not panel.treated.any() or not (~panel.before).any():
        return None
    line: Floats = np.full(len(panel.starts), np.nan) if told is None else np.asarray(told.counterfactual)
    counterfactual = tuple(None if np.isnan(value) else float(value) for value in line)
    starts = tuple(start.item() for start in panel.starts)
    method = "" if told is None else told.estimate.method
    treated = tuple(panel.counts[panel.treated].sum(axis=0).tolist())
    return Series(panel.outcome, starts, treated, counterfactual, method, starts[int(panel.before.sum())])
