"""Calibration synthetic control of a panel: planted changes are found, a balance that is not there is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.calibration_study import estimate_calibration, fit_calibration
from workbench.designs.matching import match
from workbench.designs.weighted_contrast import contrast


@pytest.mark.parametrize("change", [0.0, -0.3])
def test_a_planted_change_is_found_and_its_interval_holds_it_about_as_often_as_it_says(change: float) -> None:
    estimates = [estimate_calibration(synthetic_city(seed, change=change), level=0.9) for seed in range(30)]
    ratios = [one.change_ratio for one in estimates]
    assert np.mean(ratios) == pytest.approx(change, abs=0.03)  # type: ignore[arg-type]
    held = [one.change_interval[0] <= change <= one.change_interval[1] for one in estimates]  # type: ignore[index]
    assert 0.78 <= np.mean(held) <= 1.0


def test_places_with_cameras_at_several_dates_are_each_matched_up_to_their_own() -> None:
    panel = synthetic_city(3, change=-0.3, waves=3)
    waved = match(panel).waves
    assert [len(one.treated_after) for one in waved] == [7, 7, 6]
    found = estimate_calibration(panel)
    assert found.change_ratio == pytest.approx(-0.3, abs=0.15)
    assert found.change_count == pytest.approx(
        sum(one.treated_after.sum() for one in waved) * (1 - 1 / (1 + found.change_ratio)), rel=1e-6
    )


def test_the_mix_foretells_the_treated_counts_before_in_all_and_rests_on_control_places_alone() -> None:
    panel = synthetic_city(1)
    found = fit_calibration(panel, match_every=3)
    assert found.donor_weights.sum() == pytest.approx(1)
    assert found.donor_weights[panel.treated].max() == 0
    treated = panel.counts[panel.treated].sum(axis=0)
    assert found.counterfactual[:24].sum() == pytest.approx(treated[:24].sum())
    assert found.counterfactual[24:].sum() == pytest.approx(
        treated[24:].sum() / (1 + found.estimate.change_ratio)  # type: ignore[operator]
    )
    years = [slice(0, 8), slice(8, 16), slice(16, 24)]
    foretold = [found.counterfactual[year].sum() / treated[year].sum() for year in years]
    np.testing.assert_allclose(foretold, 1, atol=0.15)


def test_one_block_before_leaves_nothing_to_foretell_and_is_matched_as_it_is() -> None:
    panel = synthetic_city(1)
    found = fit_calibration(panel, match_every=24)
    treated = panel.counts[panel.treated].sum(axis=0)
    assert found.counterfactual[:24].sum() == pytest.approx(treated[:24].sum())
    assert any("could not be cut into parts" in note for note in found.estimate.notes)


@pytest.mark.parametrize("change", [0.0, -0.4])
def test_donors_that_were_high_by_luck_and_fall_back_are_no_rise(change: float) -> None:
    """Treated places are the busiest by their true level, not by their counts; nearly all other counts are luck."""
    ratios = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        panel = synthetic_city(seed, places=600, treated=40, before=36, after=24)
        level = np.where(panel.treated, 0.2, rng.gamma(0.5, 0.1, 600))
        mean = level[:, None] * np.where(panel.active, 1 + change, 1.0)
        ratios.append(estimate_calibration(replace(panel, counts=rng.poisson(mean).astype(float))).change_ratio)
    found = [ratio for ratio in ratios if ratio is not None]
    assert len(found) > 15
    assert np.mean(found) == pytest.approx(change, abs=0.06)


def test_what_no_place_is_like_is_refused_with_donors_and_largest_weight() -> None:
    panel = synthetic_city(2)
    counts = panel.counts.copy()
    counts[panel.treated, 5] += 10 * counts.max()
    found = estimate_calibration(replace(panel, counts=counts))
    assert found.change_ratio is None
    assert found.refused is not None
    assert "no weighting of 280 control places" in found.refused
    assert "equivalent of" in found.refused
    assert "on one" in found.refused
    assert {check.name for check in found.checks} >= {"effective donors", "largest donor share"}


def test_fewer_control_places_than_totals_are_refused() -> None:
    found = estimate_calibration(synthetic_city(places=22))
    assert "2 control places cannot balance 2 totals" in str(found.refused)


def test_without_cameras_or_periods_before_them_nothing_is_said() -> None:
    panel = synthetic_city()
    never = replace(panel, active=np.zeros_like(panel.active))
    assert "no treated place" in str(estimate_calibration(never).refused)
    always = replace(panel, active=np.broadcast_to(panel.treated[:, None], panel.active.shape).copy())
    assert "before the first camera" in str(estimate_calibration(always).refused)


def test_the_intervals_by_other_reckonings_stand_among_the_checks() -> None:
    panel = synthetic_city(1, change=-0.3)
    found = {check.name: check for check in estimate_calibration(panel).checks}
    linearised = found["standard error of the log ratio, linearised"]
    (wave,), (weighting,) = match(panel).waves, match(panel).weightings
    outcomes = np.vstack([panel.counts[panel.control], panel.counts[panel.treated]])[:, 24:]
    weights = np.concatenate([weighting.weights, np.ones(len(wave.treated_after))])
    plain = contrast(outcomes, np.arange(300) >= 280, weights, "linearised")
    assert linearised.found == pytest.approx(plain.log_error)
    assert "% to " in linearised.says
    assert found["standard error of the log ratio, clusters alone"].found > linearised.found


def test_buffer_places_are_no_donors() -> None:
    panel = synthetic_city(4)
    roles = tuple("buffer" if role == "control" and at % 3 == 0 else role for at, role in enumerate(panel.roles))
    found = fit_calibration(replace(panel, roles=roles))
    assert max(found.donor_weights[at] for at, role in enumerate(roles) if role == "buffer") == 0


def test_no_incident_after_is_a_fall_to_nothing_with_an_upper_bound() -> None:
    panel = synthetic_city(7)
    counts = panel.counts.copy()
    counts[panel.active] = 0
    found = estimate_calibration(replace(panel, counts=counts))
    assert found.change_ratio == -1
    assert found.change_interval is not None
    assert -1 <= found.change_interval[0] < found.change_interval[1] < 0
