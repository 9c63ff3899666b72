"""What an analyst holds in a notebook: a study whose every answer can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import pandas as pd

from catalog.errors import BadInput
from workbench.designs.findings import Findings, Guard, Verdict
from workbench.impact.robustness import RunDraws, in_process
from workbench.impact.study import Study
from workbench.impact_report.drawing import Drawing
from workbench.impact_report.forest import draw_forest
from workbench.impact_report.method_words import method_title
from workbench.impact_report.over_time import draw_event_study, draw_series
from workbench.impact_report.places import draw_map
from workbench.impact_report.readiness import draw_power
from workbench.impact_report.robustness import draw_displacement, draw_placebos, draw_sensitivity
from workbench.impact_report.writing import ReportFiles, write_report

SIGNS = {"blocks": "■ blocks", "warns": "▲ warns", "notes": "· notes"}
"""How a guard's severity is written: never by colour alone."""


class Draw(Protocol):
    """Draws one outcome's findings."""

    def __call__(self, findings: Findings, outcome: str) -> Drawing:
        """Return the drawing."""


@dataclass(frozen=True)
class Shown:
    """A drawing as a notebook shows it."""

    drawing: Drawing

    def __repr__(self) -> str:
        return self.drawing.alt

    def _repr_html_(self) -> str:
        caption = f"<figcaption>{escape(self.drawing.caption)}</figcaption>"
        return f'<figure style="margin:0">{self.drawing.svg}{caption}</figure>'


@dataclass(frozen=True)
class GuardList:
    """Guards as a notebook shows them."""

    guards: tuple[Guard, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{SIGNS[guard.severity]}: {guard.says} {guard.do}".rstrip() for guard in self.guards)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='white-space:nowrap'>{SIGNS[guard.severity]}</td><td style='text-align:left'>"
            f"{escape(guard.says)} {escape(guard.do)}</td></tr>"
            for guard in self.guards
        )
        return f"<table><tbody>{rows}</tbody></table>"


@dataclass(frozen=True)
class Said:
    """A verdict as a notebook shows it."""

    verdict: Verdict

    def __repr__(self) -> str:
        return f"{self.verdict.rung}: {self.verdict.sentence}"

    def _repr_html_(self) -> str:
        said = self.verdict
        lists = "".join(
            f"<p><b>{title}</b></p><ul>{''.join(f'<li>{escape(one)}</li>' for one in lines)}</ul>"
            for title, lines in (("Why", said.reasons), ("What would change it", said.would_change))
            if lines
        )
        return f"<h3>{escape(said.rung.capitalize())}</h3><p>{escape(said.sentence)}</p>{lists}"


class ImpactStudy:
    """Did the cameras change crime, and can we know?

    Guards and power come first; what methods find is there once `run` has run.

    Examples
    --------
    >>> study = ImpactStudy.read(Path("STUDY.toml"))  # doctest: +SKIP
    >>> study.preflight(), study.power()  # doctest: +SKIP
    >>> study.run().verdict()  # doctest: +SKIP
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._prospect = study.prospect()
        self._findings: Findings | None = None

    @classmethod
    def read(cls, path: Path | str) -> ImpactStudy:
        """Return the study of a STUDY.toml; its other files are named there.

        Raises
        ------
        BadInput
            When a file cannot be used; the message names the file, row and column or key.
        """
        return cls(Study.read(Path(path)))

    @property
    def findings(self) -> Findings:
        """Everything that was found.

        Raises
        ------
        BadInput
            Before `run`.
        """
        if self._findings is None:
            raise BadInput("nothing was run yet: look at preflight() and power(), then call run()")
        return self._findings

    def preflight(self) -> GuardList:
        """Return what would mislead: what blocks the verdict, then warnings, then what is well."""
        return GuardList(self._prospect.guards)

    def power(self, outcome: str | None = None) -> Shown:
        """Return what the study could tell from chance, before any result."""
        return Shown(draw_power(self._prospect, self._outcome(outcome)))

    def run(
        self, methods: Sequence[str] = (), placebo: int | None = None, run_draws: RunDraws = in_process
    ) -> ImpactStudy:
        """Run methods, placebos and everything a finding must hold against; return this study.

        Parameters
        ----------
        methods
            Names of methods; those of the specification when left out.
        placebo
            Placebo draws in space; those of the specification when left out.
        run_draws
            Runs the draws, here or on many workers (`ray_jobs.client.run_draws`).
        """
        made_at = datetime.now(UTC)  # noqa: TID251 a notebook is where people come in
        code = f"rtcc-workbench {version('rtcc-workbench')}"
        self._findings = self._study.run(methods, placebo, made_at=made_at, code_version=code, run_draws=run_draws)
        return self

    def table(self, outcome: str | None = None) -> pd.DataFrame:
        """Return what every method says of an outcome, refusals too; shares in percent."""
        rows = [
            {
                "method": method_title(one.method), "design": one.design,
                "change_percent": _percent(one.change_ratio),
                "low_percent": _percent(one.change_interval and one.change_interval[0]),
                "high_percent": _percent(one.change_interval and one.change_interval[1]),
                "incidents": one.change_count, "p": one.p_value, "dispersion": one.dispersion,
                "refused": one.refused or "",
            }
            for one in self.findings.estimates if one.outcome == self._outcome(outcome)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def forest(self, outcome: str | None = None) -> Shown:
        """Return the estimates of all methods, grouped by design."""
        return self._drawn(draw_forest, outcome)

    def series(self, outcome: str | None = None) -> Shown:
        """Return counts over time beside what would have been."""
        return self._drawn(draw_series, outcome)

    def event_study(self, outcome: str | None = None) -> Shown:
        """Return the change by period since activation."""
        return self._drawn(draw_event_study, outcome)

    def map(self) -> Shown:
        """Return the map: places by role, what cameras see, rings, donors by weight."""
        return Shown(draw_map(self.findings))

    def placebo(self, outcome: str | None = None) -> Shown:
        """Return what the same method finds where there were no cameras."""
        return self._drawn(draw_placebos, outcome)

    def displacement(self, outcome: str | None = None) -> Shown:
        """Return whether crime moved, over the rings' radii."""
        return self._drawn(draw_displacement, outcome)

    def sensitivity(self, outcome: str | None = None) -> Shown:
        """Return what the same question gives when one choice is made differently."""
        return self._drawn(draw_sensitivity, outcome)

    def verdict(self, outcome: str | None = None) -> Said:
        """Return what may be said."""
        named = self._outcome(outcome)
        return Said(next(one for one in self.findings.verdicts if one.outcome == named))

    def write(self, folder: Path | str) -> ReportFiles:
        """Write the report: a page, a document, figures, and everything found as JSON."""
        return write_report(self.findings, Path(folder))

    def _drawn(self, draw: Draw, outcome: str | None) -> Shown:
        return Shown(draw(self.findings, self._outcome(outcome)))

    def _outcome(self, named: str | None) -> str:
        if named is None:
            return self._prospect.primary_outcome
        if named not in self._prospect.outcomes:
            raise BadInput(f"the study has no outcome {named!r}; it has {', '.join(self._prospect.outcomes)}")
        return named


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else round(100 * ratio, 1)
