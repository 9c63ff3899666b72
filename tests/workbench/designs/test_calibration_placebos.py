"""Placebos of the calibration synthetic control find about nothing, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.calibration_placebos import (
    PlaceboDraw,
    calibration_placebos,
    placebo_draw,
    prepare_placebos,
    rank_p,
)
from workbench.designs.calibration_study import estimate_calibration


def test_a_placebo_draw_depends_on_its_seed_alone_and_finds_about_nothing() -> None:
    prepared = prepare_placebos(synthetic_city(6, places=400, change=-0.5))
    draws = [placebo_draw(prepared, seed) for seed in range(40)]
    assert draws[3] == placebo_draw(prepared, 3)
    ratios = [draw.change_ratio for draw in draws if draw.change_ratio is not None]
    assert len(ratios) > 30
    assert abs(np.mean(ratios)) < 0.08
    assert len(set(ratios)) == len(ratios)


def test_a_large_change_is_rare_among_placebos() -> None:
    panel = synthetic_city(6, places=400, change=-0.5)
    observed = estimate_calibration(panel).change_ratio
    assert observed is not None
    prepared = prepare_placebos(panel)
    found = calibration_placebos("burglary", observed, [placebo_draw(prepared, seed) for seed in range(40)])
    assert found.p_value == pytest.approx(1 / (len(found.draws_ratio) + 1))


def test_where_no_camera_is_nothing_can_be_pretended() -> None:
    panel = synthetic_city()
    with pytest.raises(BadInput, match="no treated place has cameras"):
        prepare_placebos(replace(panel, active=np.zeros_like(panel.active)))


def test_draws_that_could_not_be_balanced_are_left_out() -> None:
    draws = [PlaceboDraw(0, 0.1, 30.0), PlaceboDraw(1, None, 2.0)]
    assert calibration_placebos("burglary", -0.2, draws).draws_ratio == (0.1,)


def test_a_halving_ranks_with_a_doubling() -> None:
    assert rank_p(-0.5, [1.0, 0.99, 0.0]) == 0.5
    assert rank_p(-0.5, []) == 1.0
