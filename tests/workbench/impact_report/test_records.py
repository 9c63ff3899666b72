import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from tests.workbench.impact_report.made_findings import crowded_findings, empty_findings, made_findings
from workbench.designs.estimates import Check, Estimate
from workbench.designs.findings import Findings
from workbench.impact_report.records import findings_json, findings_of_json, read_findings

intervals = st.none() | st.tuples(st.floats(-1, 0), st.floats(0, 9) | st.just(math.inf))
estimates = st.builds(
    Estimate, change_ratio=st.none() | st.floats(), change_interval=intervals, count_interval=intervals,
    level=st.floats(0.5, 0.99), checks=st.lists(st.builds(Check), max_size=2).map(tuple), notes=..., p_value=...,
)  # fmt: skip


@given(st.builds(Findings, estimates=st.lists(estimates, max_size=3).map(tuple)))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_findings_read_back_as_they_were_written(findings):
    written = findings_json(findings)
    read = findings_of_json(written)
    # By what they print: NaN is no number and equals nothing, itself included.
    assert repr(read) == repr(findings)
    assert findings_json(read) == written


@pytest.mark.parametrize("made", [made_findings, crowded_findings, empty_findings])
def test_a_file_of_findings_reads_back(made, tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(findings_json(made()), encoding="utf-8")
    assert repr(read_findings(path)) == repr(made())


def test_json_of_findings_is_json_to_the_letter():
    def no_constant(name):
        raise AssertionError(f"{name} is no JSON")

    json.loads(findings_json(crowded_findings()), parse_constant=no_constant)


def _changed(path, value):
    findings = json.loads(findings_json(made_findings()))
    at = findings
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(findings)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("title",), None, "'title' is missing"),
        (("oddity",), 1, "'oddity' is unknown"),
        (("format",), "rtcc impact findings 0", "format"),
        (("title",), 5, "title: str was expected"),
        (("provenance", "seed"), 1.5, "seed: int was expected"),
        (("provenance", "seed"), True, "seed: int was expected"),
        (("estimates", 1, "change_ratio"), "many", r"estimates\[1\].change_ratio: a number"),
        (("estimates", 1, "change_interval"), [0.5, -0.5], "upside down"),
        (("estimates", 1, "change_interval"), [0.5], "2 values"),
        (("guards", 0, "severity"), "shouts", "severity"),
        (("series", 0, "activated_on"), "last May", "no date"),
        (("outcomes",), "burglary", "a list"),
        (("claim",), [], "an object"),
    ],
)
def test_what_no_report_wrote_is_refused_and_the_place_is_named(path, value, says):
    with pytest.raises(BadInput, match=says):
        findings_of_json(_changed(path, value))


@pytest.mark.parametrize("words", ["", "[]", "{", "null", '"findings"'])
def test_what_holds_no_findings_is_refused(words, tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(words)
    with pytest.raises(BadInput, match=r"findings\.json"):
        read_findings(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_findings(tmp_path / "nothing.json")
