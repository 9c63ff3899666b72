"""What a report says and in which order: the verdict, then what was known before, then results and doubts."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.designs.estimates import Estimate
from workbench.designs.findings import Findings, Verdict
from workbench.impact_report import words
from workbench.impact_report.blocks import (
    Block,
    Bullets,
    Code,
    Finding,
    Paragraph,
    Report,
    Section,
    Subheading,
    Table,
    VerdictBlock,
)
from workbench.impact_report.drawing import Drawing
from workbench.impact_report.method_words import method_title, method_words

SEVERITY_ORDER = ("blocks", "warns", "notes")


def compose(findings: Findings, drawings: Sequence[Drawing]) -> Report:
    """Return the report of a study; `drawings` are its figures, by name put where they belong."""
    claim = f"“{findings.claim.words}”" + (f", {findings.claim.source}" if findings.claim.source else "")
    sections = (
        _verdict(findings, drawings), _guards(findings), _power(findings, drawings), _results(findings, drawings),
        _plain("time", "What happened over time", "", drawings, ("series", "event_study")),
        _plain("placebos", "Would it have looked like this anyway?", "A method that finds changes where there were "
               "no cameras finds them for other reasons.", drawings, ("placebos",)),
        _displacement(findings, drawings),
        _plain("sensitivity", "Does the answer hold?", "", drawings, ("sensitivity",)),
        _places(findings, drawings), _quality(findings, drawings), _methods(findings), _provenance(findings),
    )  # fmt: skip
    return Report(
        findings.title, f"The claim: {claim}. Primary outcome: {findings.primary_outcome}.",
        findings.provenance.made_at, findings.provenance.study,
        tuple(section for section in sections if section.blocks),
    )  # fmt: skip


def _of(drawings: Sequence[Drawing], *kinds: str) -> tuple[Drawing, ...]:
    return tuple(drawing for kind in kinds for drawing in drawings if drawing.name.split("-")[0] == kind)


def _plain(
    section_id: str, heading: str, lead: str, drawings: Sequence[Drawing], kinds: tuple[str, ...]
) -> Section:  # fmt: skip
    return Section(section_id, heading, lead, _of(drawings, *kinds))


def _verdict(findings: Findings, drawings: Sequence[Drawing]) -> Section:
    primary = words.verdict_on(findings, findings.primary_outcome)
    blocks: list[Block] = []
    if primary is None:
        blocks.append(Paragraph(f"No verdict was given on {findings.primary_outcome}."))
    else:
        blocks.append(_verdict_block(primary))
    blocks += _of(drawings, "claim_card")
    blocks += _of(drawings, "verdict_ladder") if findings.verdicts else ()
    others = [verdict for verdict in findings.verdicts if verdict.outcome != findings.primary_outcome]
    if others:
        blocks.append(Table(
            "Other outcomes, their p values corrected after Holm", ("outcome", "verdict", "range", "in words"),
            tuple((words.outcome_words(verdict.outcome), f"{words.rung_symbol(verdict.rung)} {verdict.rung}",
                   words.percents(verdict.range_ratio) if verdict.range_ratio else "none", verdict.sentence)
                  for verdict in others), (0.17, 0.22, 0.17, 0.44)))  # fmt: skip
    return Section("verdict", "What may be said", "", tuple(blocks))


def _verdict_block(verdict: Verdict) -> VerdictBlock:
    return VerdictBlock(
        words.rung_symbol(verdict.rung), words.sentence_case(verdict.rung), words.outcome_words(verdict.outcome),
        verdict.sentence, "" if verdict.range_ratio is None else words.percents(verdict.range_ratio),
        tuple(map(words.sentence_case, verdict.reasons)), tuple(map(words.sentence_case, verdict.would_change)),
    )  # fmt: skip


def _guards(findings: Findings) -> Section:
    ordered = sorted(findings.guards, key=lambda guard: SEVERITY_ORDER.index(guard.severity))
    blocks = tuple(
        Finding(guard.severity, _about(guard.name, guard.outcome), guard.says, guard.do) for guard in ordered
    )
    return Section(
        "guards", "What was looked at before any result", "", blocks or (Paragraph("Nothing was found."),)
    )


def _about(name: str, outcome: str | None) -> str:
    heading = words.sentence_case(name.replace("_", " "))
    return heading if outcome is None else f"{heading}, {outcome.replace('_', ' ')}"


def _power(findings: Findings, drawings: Sequence[Drawing]) -> Section:
    if not findings.power:
        return Section("power", "What this study could have found", "", ())
    table = Table(
        "Known before the results",
        ("outcome", "method", "incidents before", "smallest fall found", "chance", "level"),
        tuple(
            (words.outcome_words(power.outcome), method_title(power.method), words.count(power.baseline_count),
             "not even a fall to nothing" if power.least_detectable_ratio is None else
             words.percent(-power.least_detectable_ratio, signed=False),
             words.percent(power.power, signed=False), words.percent(power.level, signed=False))
            for power in findings.power
        ), (0.2, 0.3, 0.13, 0.17, 0.1, 0.1), frozenset({2, 3, 4, 5}),
    )  # fmt: skip
    lead = "Settled before any result was looked at: a change smaller than this would likely have been missed."
    return Section("power", "What this study could have found", lead, (table, *_of(drawings, "power")))


def _results(findings: Findings, drawings: Sequence[Drawing]) -> Section:
    blocks: list[Block] = []
    for outcome in words.outcomes_of(findings):
        estimates = [estimate for estimate in findings.estimates if estimate.outcome == outcome]
        if not estimates:
            continue
        blocks.append(Subheading(words.outcome_words(outcome)))
        shares = words.percentages_stated(findings, outcome)
        if not shares:
            base = words.count(words.baseline_count(findings, outcome))
            blocks.append(
                Paragraph(
                    f"{base} incidents before the cameras are too few for percentages: one more or "
                    "less would move them by over 5 %. Numbers of incidents are given instead."
                )
            )
        name = words.figure_name("forest", findings, outcome)
        blocks += [drawing for drawing in drawings if drawing.name == name]
        blocks.append(_estimates(estimates, shares))
        blocks += _checks(estimates)
    return Section("results", "What each method found", "", tuple(blocks))


def _estimates(estimates: Sequence[Estimate], shares: bool) -> Table:
    rows = tuple(_estimate_row(estimate, shares) for estimate in estimates)
    quiet = frozenset(row for row, estimate in enumerate(estimates) if not estimate.causal)
    header = ("method", "change", "interval", "incidents", "interval", "p", "dispersion")
    widths = (0.27, 0.1, 0.19, 0.1, 0.17, 0.09, 0.08)
    return Table("All estimates; grey rows are not causal or gave no answer", header, rows, widths,
                 frozenset(range(1, 7)), quiet)  # fmt: skip


def _estimate_row(estimate: Estimate, shares: bool) -> tuple[str, ...]:
    title = method_title(estimate.method)
    if estimate.refused is not None:
        return (f"{title}: no answer", *("–",) * 6)
    return (
        f"{title}, not causal" if estimate.design == "none" else title,
        words.percent(estimate.change_ratio) if shares else "–",
        words.percents(estimate.change_interval) if shares and estimate.change_interval else "–",
        words.count(estimate.change_count, signed=True) if estimate.change_count is not None else "–",
        words.counts(estimate.count_interval) if estimate.count_interval else "–",
        words.p_words(estimate.p_value),
        "–" if estimate.dispersion is None else f"{estimate.dispersion:.2f}",
    )  # fmt: skip


def _checks(estimates: Sequence[Estimate]) -> list[Block]:
    rows = tuple(
        (method_title(estimate.method), check.name, f"{check.found:.4g}".replace("-", "−"),
         "✓ passed" if check.passed else "✕ failed", check.says)
        for estimate in estimates for check in estimate.checks
    )  # fmt: skip
    blocks: list[Block] = []
    if rows:
        header = ("method", "looked at", "found", "", "in words")
        blocks.append(Table("What each method looked at to see whether it may be believed", header, rows,
                            (0.25, 0.17, 0.1, 0.12, 0.36), frozenset({2})))  # fmt: skip
    notes = tuple(f"{method_title(estimate.method)}: {note}" for estimate in estimates for note in _notes(estimate))
    return [*blocks, Bullets("To know beside the figures", notes)] if notes else blocks


def _notes(estimate: Estimate) -> tuple[str, ...]:
    return estimate.notes if estimate.refused is None else (*estimate.notes, f"no answer. {estimate.refused}")


def _displacement(findings: Findings, drawings: Sequence[Drawing]) -> Section:
    return _plain("displacement", "Did it move around the corner?", "" if findings.displacement else
                  "Displacement was not looked at.", drawings, ("displacement",))  # fmt: skip


def _places(findings: Findings, drawings: Sequence[Drawing]) -> Section:
    blocks: list[Block] = [*_of(drawings, "map", "donors")]
    if findings.study_map.sites:
        blocks.append(Table(
            "Camera sites", ("site", "on since", "why chosen"),
            tuple((site.site_id, site.activated_on.isoformat(), site.reason or "not given")
                  for site in findings.study_map.sites), (0.3, 0.2, 0.5)))  # fmt: skip
    return Section("places", "Where the cameras are, and what they are held against", "", tuple(blocks))


def _quality(findings: Findings, drawings: Sequence[Drawing]) -> Section:
    return _plain("data", "What the data are like", "", drawings, ("data_quality",))


def _methods(findings: Findings) -> Section:
    seen: dict[str, Estimate] = {}
    for estimate in findings.estimates:
        seen.setdefault(estimate.method, estimate)
    rows = tuple(
        (method_title(method), words.sentence_case(words.DESIGN_WORDS[estimate.design]),
         method_words(method).source or "–")
        for method, estimate in seen.items()
    )  # fmt: skip
    table = Table("Methods, what they take for what would have been, and where they come from",
                  ("method", "counterfactual from", "source"), rows, (0.28, 0.27, 0.45))  # fmt: skip
    return Section("methods", "Methods and sources", "", (table,) if rows else ())


def _provenance(findings: Findings) -> Section:
    source = findings.provenance
    rows = (
        ("study", source.study), ("made", source.made_at), ("code", source.code_version),
        ("seed", str(source.seed)),
        *((f"digest of {name}", digest) for name, digest in source.data_sha256),
    )  # fmt: skip
    caption = "With the same data, specification, seed and code the figures come out the same"
    table = Table(caption, ("what", "which"), rows, (0.27, 0.73))
    return Section("provenance", "Where this comes from", "", (table, Code("The study’s specification",
                                                                           source.specification)))  # fmt: skip
