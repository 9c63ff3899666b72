"""How far figures may be off."""

import numpy as np
import pytest

from tests.workbench.designs.made_panels import made_panel
from workbench.designs.counterfactuals import scaled
from workbench.designs.spread import LEAST_TREATED, spread_of


def log_ratio(cohorts):
    return np.array([np.log(cohorts.sums[cohorts.after].sum() / scaled(cohorts)[cohorts.after].sum())])


def test_the_error_is_that_of_figures_drawn_again():
    drawn = [log_ratio_of(seed) for seed in range(60)]
    found = np.mean([np.sqrt(spread_of(made_panel(seed), log_ratio, 0).places[0, 0]) for seed in range(4)])
    assert found == pytest.approx(np.std(drawn), rel=0.35)


def log_ratio_of(seed):
    from workbench.designs.counterfactuals import cohorts_of

    return float(log_ratio(cohorts_of(made_panel(seed))[0])[0])


def test_the_same_seed_gives_the_same_error():
    panel = made_panel(places=100)
    one, other = spread_of(panel, log_ratio, 5), spread_of(panel, log_ratio, 5)
    assert one.covariance == pytest.approx(other.covariance, abs=0.0)


def test_few_treated_places_are_not_asked_how_they_differ():
    few = spread_of(made_panel(treated=LEAST_TREATED - 1), log_ratio, 0)
    assert few.places is None
    assert few.margin(0, 0.95) > 0


def test_every_place_its_own_date_still_has_an_error():
    alone = spread_of(made_panel(treated=8, firsts=tuple(range(10, 18)), seed=2), log_ratio, 0)
    assert np.sqrt(alone.places[0, 0]) > 0.02


def test_the_wider_of_the_two_is_stated():
    spread = spread_of(made_panel(), log_ratio, 0)
    assert spread.margin(0, 0.95) >= 1.95 * np.sqrt(spread.counts[0, 0])
    assert spread.margin(0, 0.95) >= 1.95 * np.sqrt(spread.places[0, 0])
    assert spread.p_value(0, spread.margin(0, 0.95)) == pytest.approx(0.05)
