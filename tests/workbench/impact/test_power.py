"""What a study could see: known before its results, and never helped by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.designs.panel import Panel
from workbench.impact.power import overdispersion, power_of

PERIODS, ON = 48, 24


def panel(places: int = 400, treated: int = 40, rate: float = 3.0, seed: int = 1, spread: float = 0.0) -> Panel:
    rng = np.random.default_rng(seed)
    mean = np.full((places, PERIODS), rate)
    if spread:
        mean = mean * rng.gamma(1 / spread, spread, mean.shape)
    active = np.zeros((places, PERIODS), bool)
    active[:treated, ON:] = True
    starts = np.arange("2020-01", "2024-01", dtype="datetime64[M]").astype("datetime64[D]")
    return Panel(
        "burglary", tuple(f"p{place}" for place in range(places)), starts, np.datetime64("2024-01-01"),
        rng.poisson(mean).astype(float), active, ("treated",) * treated + ("control",) * (places - treated),
    )  # fmt: skip


def test_the_least_detectable_change_is_what_poisson_counts_allow() -> None:
    found = power_of(panel())
    expected = 40 * 24 * 3.0
    assert found.baseline_count == pytest.approx(expected, rel=0.05)
    by_formula = np.expm1(-(1.96 + 0.8416) * np.sqrt(2 / expected + 2 / (expected * 9)))
    assert found.least_detectable_ratio == pytest.approx(by_formula, rel=0.15)


def test_what_happened_after_activation_does_not_move_it() -> None:
    before = panel()
    changed = before.counts.copy()
    changed[:40, ON:] *= 0.3
    assert power_of(replace(before, counts=changed)) == power_of(before)


def test_unruly_counts_hide_more() -> None:
    calm, unruly = power_of(panel()), power_of(panel(spread=3.0))
    assert calm.least_detectable_ratio is not None
    assert unruly.least_detectable_ratio is not None
    assert unruly.least_detectable_ratio < calm.least_detectable_ratio


def test_few_controls_are_judged_by_the_formula_and_none_before_by_nothing() -> None:
    few = power_of(panel(places=50, treated=40))
    assert few.least_detectable_ratio is not None
    nothing = panel(places=50, treated=40)
    empty = replace(nothing, counts=np.where(nothing.treated[:, None], 0.0, nothing.counts))
    assert power_of(empty).least_detectable_ratio is None


def test_the_chance_of_finding_a_change_grows_with_it_from_the_level() -> None:
    curve = power_of(panel()).curve
    changes, chances = zip(*curve, strict=True)
    assert list(changes) == sorted(changes)
    assert list(chances) == sorted(chances, reverse=True)
    assert chances[-1] == pytest.approx(0.05)


def test_dispersion_of_poisson_counts_is_one_whatever_their_sizes_and_seasons() -> None:
    rng = np.random.default_rng(5)
    mean = np.outer(rng.gamma(1, 5, 200), 1 + 0.5 * np.sin(np.arange(36)))
    assert overdispersion(rng.poisson(mean).astype(float)) == pytest.approx(1.0, abs=0.05)
    assert overdispersion(rng.poisson(mean * rng.gamma(2, 0.5, mean.shape)).astype(float)) > 2
    assert overdispersion(np.zeros((3, 4))) == 1.0
