"""A report of a study that never was, in the form in which reports are written: for the gateway and its page."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from workbench.designs.estimates import Check, Estimate, refusal
from workbench.designs.findings import (
    Claim,
    DataQuality,
    Displacement,
    EventStudy,
    Findings,
    Guard,
    MapPlace,
    MapSite,
    Placebos,
    Power,
    Provenance,
    Ring,
    Sensitivity,
    Series,
    StudyMap,
    Verdict,
)
from workbench.impact_report.records import findings_json

TITLE = "Ninety cameras on the hot blocks"
SLUG = "ninety-cameras-on-the-hot-blocks"
MADE_AT = "2026-02-11T09:30:00+00:00"

FIGURES = (
    ("claim_card", "From the claim to what may be said"),
    ("verdict_ladder", "Burglary: where the verdict stands"),
    ("power-burglary", "Burglary: what the study could have seen"),
    ("data_quality", "What the data are like"),
    ("forest-burglary", "Burglary: what each method found"),
    ("forest-robbery", "Robbery: what each method found"),
    ("series-burglary", "Burglary: counts and what would have been"),
    ("event_study-burglary", "Burglary: change by month since activation"),
    ("placebos-burglary", "Burglary: the same method where there were no cameras"),
    ("displacement-burglary", "Burglary: whether crime moved"),
    ("sensitivity-burglary", "Burglary: other choices"),
    ("map", "Where the cameras are, and what they are compared with"),
)


def made_findings(title: str = TITLE, made_at: str = MADE_AT) -> Findings:
    """Return findings with something of everything: a refusal, warnings, an outcome with few incidents."""
    burglary = (
        Estimate("raw", "burglary", "none", -0.499, change_count=-412.0,
                 notes=("Not causal: the places were chosen because counts were high.",)),
        Estimate("relative_effect", "burglary", "areas", -0.121, (-0.262, 0.047), -98.0, (-231.0, 36.0),
                 p_value=0.148, dispersion=1.92),
        Estimate("callaway_santanna", "burglary", "differences", -0.094, (-0.218, 0.041), -74.0, (-180.0, 33.0),
                 p_value=0.163, dispersion=1.71,
                 checks=(Check("pre-trend p", 0.41, True, "No trend apart before the cameras (p = 0.41)."),)),
        Estimate("calibration_synthetic_control", "burglary", "synthetic", -0.083, (-0.192, 0.036), -65.0,
                 (-158.0, 28.0), p_value=0.176, dispersion=1.71,
                 checks=(Check("effective donors", 611.0, True, "The weights rest on 611 places in effect."),
                         Check("largest weight", 0.09, False, "One place carries 9 % of the weight."))),
        refusal("synthetic_control", "burglary", "synthetic",
                "No weighting of 40 donors comes near the treated places before the cameras; use the calibration."),
        Estimate("structural", "burglary", "structural", -0.071, (-0.214, 0.088), -55.0, (-181.0, 71.0),
                 p_value=0.31, dispersion=1.66),
    )  # fmt: skip
    robbery = (
        Estimate("raw", "robbery", "none", None, change_count=-5.0),
        Estimate("relative_effect", "robbery", "areas", None, None, -2.0, (-9.0, math.inf), p_value=0.58),
    )  # fmt: skip
    return Findings(
        title=title, primary_outcome="burglary", outcomes=("burglary", "robbery"),
        claim=Claim("Ninety cameras cut burglary by 51 %.", -0.51, "City press release, 4 January 2026"),
        guards=_guards(),
        power=(
            Power("burglary", "calibration_synthetic_control", 824.0, -0.168,
                  curve=((-0.5, 1.0), (-0.3, 0.99), (-0.2, 0.91), (-0.168, 0.8), (-0.1, 0.42), (0.0, 0.05))),
            Power("robbery", "relative_effect", 14.0, None),
        ),
        estimates=burglary + robbery,
        event_studies=(EventStudy("burglary", "callaway_santanna", (-2, -1, 0, 1), (0.01, 0.0, -0.08, -0.1),
                                  (-0.1, 0.0, -0.2, -0.22), (0.12, 0.0, 0.04, 0.03), 0.95, 0.41),),
        placebos=(Placebos("burglary", "calibration_synthetic_control", "in space", -0.083,
                           (-0.12, -0.05, 0.01, 0.03, 0.08), 0.33),),
        displacement=(_displacement(),),
        sensitivity=(Sensitivity("burglary", "callaway_santanna", "window",
                                 ("12 months before", "24 months before"), (-0.09, None), (-0.2, None),
                                 (0.03, None)),),
        series=(Series("burglary", (date(2024, 1, 1), date(2024, 2, 1)), (70.0, 66.0), (71.5, None),
                       "calibration_synthetic_control", date(2024, 2, 1)),),
        study_map=StudyMap(
            (MapPlace("cell-1", "treated", -90.18, 32.30, (), 41.0, 22.0, None),
             MapPlace("cell-2", "control", -90.17, 32.31, (), 38.0, 33.0, 0.09)),
            (MapSite("site-1", -90.18, 32.30, (), date(2024, 2, 1), "counts of the year before"),), (150.0, 300.0),
        ),
        quality=DataQuality(18_412, 16_950, (("outside the study's area", 1_102), ("no place", 360)),
                            ((2023, 8_630), (2024, 8_320)), 0.23, 0.041, 0.0),
        verdicts=_verdicts(),
        provenance=Provenance("hot_blocks.toml", (("incidents.csv", "9f" * 32),), "[study]\n", 20260211, "0.9.0",
                              made_at),
    )  # fmt: skip


def _guards() -> tuple[Guard, ...]:
    return (
        Guard("selection_window", "warns",
              "The sites were chosen on the counts of 2023: the year 2023 is left out of what stands for before. "
              "Choosing the busiest 90 cells of this city alone gives −49.9 % in the year after.",
              "Read the raw change as regression to the mean."),
        Guard("few_incidents", "warns", "Robbery: 14 incidents before the cameras, under 20.",
              "Percentages of robbery are not stated.", "robbery"),
        Guard("whole_years", "notes", "Both windows are whole years."),
        Guard("shock", "notes", "No shock in the window."),
    )  # fmt: skip


def _verdicts() -> tuple[Verdict, ...]:
    return (
        Verdict(
            "burglary", "contradicts claim",
            "The claimed fall of 51 % is not what happened. Burglary near the cameras changed by somewhere between "
            "−26.2 % and +8.8 % against comparable places, so no change at all remains possible.",
            (-0.262, 0.088),
            ("All four designs leave the claimed −51 % far outside their intervals.",
             "A fall as large as claimed would almost surely have been seen: −17 % is found four times in five.",
             "Most of the raw fall of 50 % is what the busiest blocks of a city do by themselves."),
            ("Two more years of counts would narrow the range to about ± 9 %.",
             "Cameras placed by lot, rather than on the hottest blocks, would rule out regression to the mean."),
        ),
        Verdict("robbery", "not estimable", "There were too few robberies to say anything.", None,
                ("Fourteen robberies before the cameras.",), ("A longer window.",)),
    )  # fmt: skip


def _displacement() -> Displacement:
    rings = (
        Ring(0.0, 150.0, 210.0, 198.0, -61.0, -118.0, -4.0, -0.18),
        Ring(150.0, 300.0, 344.0, 352.0, -57.0, -131.0, 17.0, -0.29),
    )
    return Displacement("burglary", rings, 0.95, "Some of the fall may have reappeared within 150 m.")


def write_report(
    folder: Path, findings: Findings | None = None, figures: Sequence[tuple[str, str]] = FIGURES
) -> Path:
    """Write a whole report, its figures drawn with a few strokes; return its folder."""
    drawn = folder / "figures"
    drawn.mkdir(parents=True)
    made = findings or made_findings()
    (folder / "findings.json").write_text(findings_json(made))
    listed: list[dict[str, Any]] = []
    for name, title in figures:
        files = {kind: f"figures/{name}.{kind}" for kind in ("svg", "png", "csv")}
        listed.append({"name": name, "title": title, "alt": f"{title}, drawn in words.",
                       "caption": f"Look at {title[:1].lower()}{title[1:]}.", "files": files})  # fmt: skip
        (drawn / f"{name}.svg").write_text(_svg(title))
        (drawn / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
        (drawn / f"{name}.csv").write_text("method,change_ratio\ncallaway_santanna,-0.094\n")
    (folder / "figures.json").write_text(json.dumps(listed))
    (folder / "report.html").write_text(f"<!doctype html><title>{escape(made.title)}</title><h1>A report</h1>")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\n%made up\n")
    return folder


def as_json(findings: Findings) -> dict[str, Any]:
    """Return findings as they come from an address."""
    told: dict[str, Any] = json.loads(TypeAdapter(Findings).dump_json(findings))
    assert set(told) == set(asdict(findings))
    return told


def _svg(title: str) -> str:
    bars = "".join(
        f'<rect x="{40 + 90 * bar}" y="{250 - 30 * height}" width="60" height="{30 * height}" fill="#1467b3"/>'
        for bar, height in enumerate((5, 3, 6, 2, 4))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 605 300" role="img">'
        f'<rect width="605" height="300" fill="#fff"/><text x="16" y="28" font-size="15">{escape(title)}</text>'
        f'{bars}<path d="M30 250H570" stroke="#78848e"/></svg>'
    )
