from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.designs.made_panels import city_panel
from workbench.designs.structural_estimates import LEAST_PER_CONTROL, estimate_structural, neighbourhoods


def test_a_planted_fall_is_found_beside_what_moves_the_whole_city():
    found = estimate_structural(city_panel(-0.3, shock=0.2), draws=1000)
    low, high = found.change_interval
    assert low < -0.3 < high < 0
    assert found.count_interval[1] < 0
    assert found.p_value < 0.05
    assert found.design == "structural"
    assert [check.name for check in found.checks] == [
        "residual autocorrelation p", "effective draws", "change where nothing began, share",
    ]  # fmt: skip


def test_the_same_seed_says_the_same():
    panel = city_panel()
    first, again, other = (estimate_structural(panel, seed=seed, draws=300, placebos=False) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_nothing_planted_is_within_the_interval_about_as_often_as_it_says():
    found = [estimate_structural(city_panel(0.0, seed=seed), draws=200, placebos=False) for seed in range(14)]
    held = [one.change_interval[0] <= 0 <= one.change_interval[1] for one in found]
    assert np.mean(held) >= 0.85
    assert abs(np.mean([one.change_ratio for one in found])) < 0.03


def test_controls_are_joined_by_where_they_lie_and_none_is_lost():
    panel = city_panel()
    joined = neighbourhoods(panel)
    assert joined.sum(axis=1) == pytest.approx(panel.counts[panel.control].sum(axis=0))
    assert joined.shape[1] == int(panel.counts[panel.control][:, :36].sum() / 36 / LEAST_PER_CONTROL)
    assert neighbourhoods(replace(panel, xy_m=None)).shape == joined.shape


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        (city_panel(control=0), "name controls"),
        (city_panel(first=8), "8 periods before"),
        (city_panel(first=59), "1 periods"),
        (city_panel(first=60), "no treated place"),
        (city_panel(rate=0.01), "commoner"),
    ],
    ids=["no controls", "too few before", "too few after", "never on", "too rare"],
)
def test_what_cannot_be_answered_is_refused_with_what_to_do(panel, says):
    refused = estimate_structural(panel, draws=300)
    assert says in refused.refused
    assert refused.change_ratio is None
