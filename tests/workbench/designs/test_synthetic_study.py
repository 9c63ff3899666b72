"""Synthetic control and synthetic difference-in-differences of a panel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.synthetic_study import (
    Kind,
    estimate_synthetic_control,
    estimate_synthetic_did,
    fit_synthetic,
    space_placebos,
    time_placebos,
)

KINDS: tuple[Kind, Kind] = ("sc", "sdid")


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_change_is_found_and_ranks_first(kind: Kind) -> None:
    panel = synthetic_city(1, places=150, change=-0.4)
    found = fit_synthetic(panel, kind, placebos=30)
    estimate = found.estimate
    assert estimate.change_ratio == pytest.approx(-0.4, abs=0.12)
    assert estimate.change_interval is not None
    assert estimate.change_interval[0] < -0.4 < estimate.change_interval[1]
    assert estimate.p_value == pytest.approx(1 / 31)
    assert found.donor_weights[panel.control].sum() == pytest.approx(1)
    assert found.counterfactual[24:].sum() == pytest.approx(
        panel.counts[panel.treated][:, 24:].sum() / (1 + estimate.change_ratio)
    )


def test_no_change_is_rarely_found() -> None:
    estimates = [
        estimate_synthetic_did(synthetic_city(seed, places=120), placebos=12, level=0.9) for seed in range(12)
    ]
    held = [one.change_interval[0] <= 0 <= one.change_interval[1] for one in estimates]  # type: ignore[index]
    assert np.mean(held) >= 0.75
    assert np.mean([one.change_ratio for one in estimates]) == pytest.approx(0, abs=0.05)  # type: ignore[arg-type]


def test_places_with_cameras_at_several_dates_are_taken_wave_by_wave() -> None:
    found = estimate_synthetic_control(synthetic_city(2, places=150, change=-0.4, waves=2), placebos=20)
    assert found.change_ratio == pytest.approx(-0.4, abs=0.15)


def test_one_treated_place_tries_every_control_place_once() -> None:
    panel = synthetic_city(3, places=25, treated=1, before=20)
    found = space_placebos(panel, "sc", range(99))
    assert len(found.draws_ratio) == 24
    assert found.kind == "in space"


def test_earlier_dates_find_about_nothing() -> None:
    found = time_placebos(synthetic_city(4, places=150, change=-0.5), "sdid", [6, 8, 10])
    assert found.observed_ratio < -0.35
    assert max(abs(ratio) for ratio in found.draws_ratio) < 0.2
    assert found.p_value == 0.25


def test_too_few_places_or_periods_are_refused() -> None:
    few = synthetic_city(places=30)
    assert "10 control places are too few" in str(estimate_synthetic_control(few).refused)
    short = synthetic_city(before=3)
    assert "3 periods before the first camera are too few" in str(estimate_synthetic_did(short).refused)
    never = replace(synthetic_city(), active=np.zeros((300, 36), bool))
    assert "no treated place" in str(estimate_synthetic_did(never).refused)
    with pytest.raises(BadInput, match="no placebos of synthetic_control"):
        space_placebos(few, "sc", range(9))


def test_a_treated_level_that_no_mix_reaches_fails_its_check() -> None:
    panel = synthetic_city(5, places=80)
    counts = panel.counts.copy()
    counts[panel.treated] *= 40
    found = estimate_synthetic_control(replace(panel, counts=counts), placebos=10)
    assert not found.checks[0].passed


def test_busy_places_that_change_with_the_city_by_the_same_share_are_no_effect() -> None:
    ratios = []
    for seed in range(8):
        panel = synthetic_city(seed, places=150)
        mean = np.where(panel.treated, 8.0, 2.0)[:, None] * np.where(panel.active.any(axis=0), 0.6, 1.0)
        counts = np.random.default_rng(seed).poisson(mean).astype(float)
        ratios.append(fit_synthetic(replace(panel, counts=counts), "sdid", placebos=8).estimate.change_ratio)
    assert np.mean(ratios) == pytest.approx(0, abs=0.05)  # type: ignore[arg-type]


def test_small_counts_do_not_fail_the_fit_by_scatter_alone() -> None:
    panel = synthetic_city(1, places=300, treated=30)
    counts = np.random.default_rng(1).poisson(np.full(panel.counts.shape, 0.1)).astype(float)
    found = fit_synthetic(replace(panel, counts=counts), "sdid", placebos=8).estimate
    assert found.checks[0].name.startswith("root mean squared gap")
    assert found.checks[0].passed
