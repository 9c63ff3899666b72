"""Preflight says what blocks a study first, then what to beware of, then what is well."""

from __future__ import annotations

import inspect

import numpy as np

from tests.workbench.impact.small_study import even_incidents, files, site
from workbench.designs.findings import Guard
from workbench.designs.panel import Panel
from workbench.impact import guards_of_counts, guards_of_place, guards_of_time
from workbench.impact.counting import CountedStudy, count_study
from workbench.impact.preflight import LOOKS, blocked, preflight


def test_a_sound_study_is_not_blocked() -> None:
    guards = preflight(count_study(files()))
    assert not blocked(guards)
    severities = [guard.severity for guard in guards]
    assert severities == sorted(severities, key=["blocks", "warns", "notes"].index)
    assert {"primary_outcome", "controls", "overdispersion", "buffer", "whole_years"} <= {
        one.name for one in guards
    }


def test_what_blocks_comes_first_and_everything_else_is_still_said() -> None:
    guards = preflight(count_study(files(sites=[site(chosen_by="counts")])))
    assert blocked(guards)
    assert guards[0].name == "selection_window"
    assert {guard.severity for guard in guards} == {"blocks", "warns", "notes"}


def test_whoever_must_act_is_told_what_to_do() -> None:
    for guard in preflight(count_study(files(sites=[site(chosen_by="counts", monitored=False)]))):
        assert guard.says.endswith(".")
        assert bool(guard.do) == (guard.severity != "notes")


def test_more_may_be_looked_at_in_the_counts_of_each_outcome() -> None:
    def look(panel: Panel) -> list[Guard]:
        return [Guard("shock", "warns", f"{panel.outcome} jumped.", "Look.", panel.outcome)]

    guards = preflight(count_study(files()), [look])
    assert [guard.outcome for guard in guards if guard.says == "robbery jumped."] == ["robbery"]


def test_no_guard_is_forgotten() -> None:
    written = {
        function
        for module in (guards_of_counts, guards_of_place, guards_of_time)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and _looks(function)
    }
    assert written == set(LOOKS)


def _looks(function: object) -> bool:
    return inspect.get_annotations(function, eval_str=True).get("counted") is CountedStudy  # type: ignore[arg-type]


def test_a_study_without_sites_or_incidents_is_blocked_not_broken() -> None:
    without_sites = preflight(count_study(files(sites=[])))
    assert {"no_treated", "few_periods"} <= {guard.name for guard in without_sites if guard.severity == "blocks"}
    nothing = even_incidents().of(np.zeros(len(even_incidents()), bool))
    without_incidents = preflight(count_study(files(incidents=nothing)))
    assert [guard.name for guard in without_incidents if guard.severity == "blocks"] == ["few_incidents"]
