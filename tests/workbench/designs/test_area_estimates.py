"""The area tests asked of a panel: which spans, how far counts scatter, what is refused and what is left unsaid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.designs.area_estimates import (
    compared_spans,
    estimate_raw,
    estimate_relative_effect,
    estimate_weighted_displacement,
)
from workbench.designs.panel import Panel
from workbench.designs.scatter import change_dispersion, panel_dispersion

ESTIMATES = [estimate_raw, estimate_relative_effect, estimate_weighted_displacement]


def made_panel(effect=1.0, *, treated=10, control=10, rate=8.0, months=(24, 12), growth=1.0, seed=0, exposure=None):
    """Return Poisson counts of alike places, the treated ones multiplied by `effect` once cameras are on."""
    periods = sum(months)
    active = np.zeros((treated + control, periods), bool)
    active[:treated, months[0] :] = True
    mean = np.full(active.shape, rate) * np.where(np.arange(periods) >= months[0], growth, 1.0)
    counts = np.random.default_rng(seed).poisson(np.where(active, mean * effect, mean)).astype(float)
    starts = np.arange("2020-01", periods, dtype="datetime64[M]").astype("datetime64[D]")
    roles = ("treated",) * treated + ("control",) * control
    names = tuple(f"cell {i}" for i in range(len(roles)))
    end = (starts[-1].astype("datetime64[M]") + 1).astype("datetime64[D]")
    return Panel("robbery", names, starts, end, counts, active, roles, exposure=exposure)


def test_spans_are_whole_years_nearest_to_the_cameras():
    spans = compared_spans(made_panel(months=(30, 20)))
    assert spans.whole_years
    assert spans.lengths == (24, 12)
    assert np.flatnonzero(spans.before)[[0, -1]].tolist() == [6, 29]
    assert np.flatnonzero(spans.after)[[0, -1]].tolist() == [30, 41]


def test_shorter_spans_are_taken_whole_and_said_to_be_no_years():
    panel = made_panel(months=(8, 5))
    assert compared_spans(panel).lengths == (8, 5)
    assert any("whole years" in note for note in estimate_raw(panel).notes)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_a_planted_fall_is_found(estimate):
    found = estimate(made_panel(0.7))
    assert found.refused is None
    assert found.change_ratio == pytest.approx(-0.3, abs=0.06)
    assert found.change_count == pytest.approx(-0.3 * 10 * 8 * 12, rel=0.25)
    assert found.change_interval[0] < -0.3 < found.change_interval[1] < 0
    assert found.dispersion >= 1
    assert any(check.name == "dispersion" for check in found.checks)


@pytest.mark.parametrize(("estimate", "design"), [*zip(ESTIMATES, ("none", "areas", "areas"), strict=True)])
def test_only_the_raw_change_has_no_counterfactual(estimate, design):
    found = estimate(made_panel(0.7))
    assert found.design == design
    assert any("Not causal" in note for note in found.notes) == (design == "none")


@pytest.mark.parametrize("estimate", ESTIMATES[1:])
def test_what_happens_everywhere_is_no_effect(estimate):
    found = estimate(made_panel(1.0, growth=0.6))
    assert found.change_interval[0] < 0 < found.change_interval[1]
    assert estimate_raw(made_panel(1.0, growth=0.6)).change_ratio == pytest.approx(-0.4, abs=0.06)


@pytest.mark.parametrize("scaling", ["none", "baseline"])
def test_intervals_hold_no_effect_as_often_as_they_say(scaling):
    panels = [made_panel(treated=4, control=5, rate=3, seed=seed) for seed in range(150)]
    relative = [estimate_relative_effect(panel, level=0.9).change_interval for panel in panels]
    weighted = [
        estimate_weighted_displacement(panel, level=0.9, scaling=scaling).count_interval for panel in panels
    ]
    for intervals in (relative, weighted):
        assert np.mean([low <= 0 <= high for low, high in intervals]) > 0.84


def test_the_rest_of_the_city_unscaled_is_refused_and_scaled_is_not():
    city = made_panel(1.0, treated=5, control=500, growth=1.05)
    refused = estimate_weighted_displacement(city)
    assert refused.refused is not None
    assert "times the treated area's" in refused.refused
    assert refused.change_ratio is None
    assert refused.change_count is None
    assert any(not check.passed for check in refused.checks)
    for scaling in ("baseline", "exposure"):
        panel = made_panel(1.0, treated=5, control=500, growth=1.05, exposure=np.ones(505))
        found = estimate_weighted_displacement(panel, scaling=scaling)
        assert found.refused is None
        assert found.count_interval[0] < 0 < found.count_interval[1]


def test_scaling_by_an_exposure_nobody_gave_is_refused():
    assert "no place has one" in estimate_weighted_displacement(made_panel(), scaling="exposure").refused


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_few_incidents_get_no_percentage_but_keep_their_count(estimate):
    found = estimate(made_panel(treated=2, control=2, rate=0.2, seed=4))
    assert found.refused is None
    assert found.change_ratio is None
    assert found.change_interval is None
    assert found.change_count is not None
    assert any("no percentage" in note for note in found.notes)


def test_a_place_that_flares_up_widens_every_interval():
    calm = made_panel()
    rough_counts = calm.counts * np.random.default_rng(1).choice([0.0, 2.0], calm.counts.shape)
    rough = Panel(calm.outcome, calm.place_ids, calm.starts, calm.end, rough_counts, calm.active, calm.roles)
    assert panel_dispersion(calm) == pytest.approx(1, abs=0.5)
    assert panel_dispersion(rough) > 5
    wide, narrow = (estimate_relative_effect(panel).change_interval for panel in (rough, calm))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def drifting(seed: int, drift: float) -> Panel:
    """Return a panel without effect whose places each change by a factor of their own when cameras come on."""
    calm = made_panel(treated=30, control=120, rate=2.0, months=(24, 24), seed=seed)
    rng = np.random.default_rng(seed)
    own = np.exp(rng.normal(-(drift**2) / 2, drift, (150, 1)))
    counts = rng.poisson(np.where(np.arange(48) >= 24, 2.0 * own, 2.0)).astype(float)
    return replace(calm, counts=counts)


def test_places_that_go_their_own_ways_over_years_widen_intervals_until_they_hold():
    steady, wandering = drifting(1, 0.0), drifting(1, 0.5)
    assert change_dispersion(steady) == pytest.approx(1, abs=0.35)
    assert change_dispersion(wandering) > 3, "which no month before foretells"
    found = [estimate_relative_effect(drifting(seed, 0.5)).change_interval for seed in range(100)]
    assert sum(low <= 0 <= high for low, high in found) >= 88, "nominally 95 of a hundred, 59 by months alone"


def test_too_few_controls_say_nothing_of_how_places_drift():
    assert np.isnan(change_dispersion(made_panel()))
    assert np.isnan(change_dispersion(made_panel(control=40, rate=0.0)))


def test_without_enough_past_the_literature_says_how_far_counts_scatter():
    found = estimate_relative_effect(made_panel(months=(4, 4)))
    assert found.dispersion > 1.2
    assert any("literature" in note for note in found.notes)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_nothing_before_or_after_is_refused(estimate):
    assert "before the first camera" in estimate(made_panel(months=(0, 12))).refused
    assert "staggered" in estimate(made_panel(months=(12, 0))).refused
    assert "no incident before" in estimate(made_panel(rate=0.0)).refused


@pytest.mark.parametrize("estimate", ESTIMATES[1:])
def test_without_a_control_there_is_no_comparison(estimate):
    panel = made_panel()
    alone = panel.of(panel.treated)
    assert "control places" in estimate(alone).refused


def test_buffers_are_in_no_comparison():
    panel = made_panel()
    roles = ("treated",) * 10 + ("control",) * 5 + ("buffer",) * 5
    with_buffer = Panel(panel.outcome, panel.place_ids, panel.starts, panel.end, panel.counts, panel.active, roles)
    without = with_buffer.of(np.array([role != "buffer" for role in roles]))
    for estimate in ESTIMATES:
        assert estimate(with_buffer) == estimate(without)


def test_fractions_of_incidents_are_counted_but_not_tested_as_whole_ones():
    panel = made_panel()
    part = Panel(
        panel.outcome, panel.place_ids, panel.starts, panel.end, panel.counts / 1e5, panel.active, panel.roles
    )
    found = estimate_raw(part)
    assert found.refused is None
    assert found.change_ratio is None
    assert not any("E-test" in note for note in found.notes)
    assert any("E-test" in note for note in estimate_raw(panel).notes)


def test_a_fall_to_nothing_has_a_corrected_ratio_against_a_control_and_none_alone():
    panel = made_panel(0.0)
    assert "no incident after" in estimate_raw(panel).refused
    found = estimate_relative_effect(panel)
    assert -1 < found.change_ratio < -0.99
    assert any("0.5 was added" in note for note in found.notes)
    counted = estimate_weighted_displacement(panel)
    assert counted.change_ratio is None
    assert counted.count_interval[1] < 0
