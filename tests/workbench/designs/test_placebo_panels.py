"""Placebo panels: only cameras are pretended; counts stay where and when they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.placebo_panels import backdated, placebo_panel, waves

PANEL = synthetic_city(waves=3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_control_places_pretend_and_real_cameras_are_left_out(seed: int) -> None:
    found = placebo_panel(PANEL, seed)
    assert int(found.treated.sum()) == 20
    real = {name for name, treated in zip(PANEL.place_ids, PANEL.treated, strict=True) if treated}
    assert not real & set(found.place_ids)
    assert sorted(found.first_active[found.treated]) == sorted(PANEL.first_active[PANEL.treated])
    at = [PANEL.place_ids.index(name) for name in found.place_ids]
    np.testing.assert_array_equal(found.counts, PANEL.counts[at])


def test_places_that_pretend_are_about_as_busy() -> None:
    real = PANEL.counts[PANEL.treated][:, PANEL.before].mean()
    panels = [placebo_panel(PANEL, seed) for seed in range(20)]
    pretended = np.mean([panel.counts[panel.treated][:, panel.before].mean() for panel in panels])
    anyone = PANEL.counts[PANEL.control][:, PANEL.before].mean()
    assert abs(pretended - real) < 0.5 * abs(anyone - real)


def test_the_same_seed_pretends_the_same() -> None:
    assert placebo_panel(PANEL, 7).roles == placebo_panel(PANEL, 7).roles
    assert placebo_panel(PANEL, 7).roles != placebo_panel(PANEL, 8).roles


def test_too_few_control_places_cannot_pretend() -> None:
    with pytest.raises(BadInput, match="twice as many control places; there are 10"):
        placebo_panel(synthetic_city(places=30), 0)


def test_waves_come_by_date_and_hold_every_treated_place_once() -> None:
    found = waves(PANEL)
    assert [int(wave.before.sum()) for wave in found] == [24, 27, 30]
    assert sorted(np.concatenate([wave.rows for wave in found])) == np.flatnonzero(PANEL.treated).tolist()


def test_backdated_cameras_come_before_the_real_ones_and_nothing_after_them_is_left() -> None:
    found = backdated(PANEL, 6)
    assert found.counts.shape[1] == 24
    assert int(found.before.sum()) == 18
    assert found.end == PANEL.starts[24]
    with pytest.raises(BadInput, match="13 periods early"):
        backdated(PANEL, 13)


def test_places_that_pretend_do_not_fall_back_by_themselves() -> None:
    """All places have one true level: those as high before as the highest would fall back, and none may."""
    panel = synthetic_city(1, places=600, treated=30, before=24, after=24)
    counts = np.random.default_rng(2).poisson(np.full(panel.counts.shape, 0.2)).astype(float)
    counts[panel.treated] *= 2
    even = replace(panel, counts=counts)
    after_over_before = []
    for seed in range(40):
        found = placebo_panel(even, seed)
        pretended = found.counts[found.treated]
        after_over_before.append(pretended[:, 24:].sum() / pretended[:, :24].sum())
    assert np.mean(after_over_before) == pytest.approx(1.0, abs=0.12)
