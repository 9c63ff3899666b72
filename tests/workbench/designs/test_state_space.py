import numpy as np
import pytest
from scipy import stats

from catalog.errors import BadInput
from workbench.designs.state_space import Priors, SpikeAndSlab, Structure, sample


def level_by_hand(values: np.ndarray, noise_sd: float, level_sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of a wandering level given its values, by the formula of conditional normals."""
    periods = len(values)
    prior = 1 + level_sd**2 * np.minimum.outer(np.arange(periods), np.arange(periods))
    gain = prior @ np.linalg.inv(prior + noise_sd**2 * np.eye(periods))
    return values[0] + gain @ (values - values[0]), prior - gain @ prior


def test_draws_of_the_level_have_the_mean_and_covariance_that_theory_gives():
    rng = np.random.default_rng(3)
    values = rng.normal(size=8)
    structure = Structure(np.ones(8, bool), values[0])
    draws = np.asarray([structure.draw(values, 0.5, np.asarray([0.3]), rng) for _ in range(8_000)])
    mean, covariance = level_by_hand(values, 0.5, 0.3)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=0.025)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.015)


@pytest.mark.parametrize(("trend", "seasons", "width"), [(False, 1, 1), (True, 1, 2), (False, 4, 2), (True, 4, 3)])
def test_the_banded_draw_is_that_of_the_dense_precision(trend, seasons, width):
    observed = np.ones(9, bool)
    observed[4] = False
    values = np.where(observed, np.sin(np.arange(9.0)), 0.0)
    structure = Structure(observed, values[0], trend=trend, seasons=seasons)
    assert structure.width == width
    sds = np.asarray([0.3, 0.2, 0.4][: trend + 1 + (seasons > 1)])

    class NoNoise:
        def standard_normal(self, size: int) -> np.ndarray:
            return np.zeros(size)

    mean = structure.draw(values, 0.5, sds, NoNoise())
    # The mean is where the log density is flat in every direction.
    sums = structure._sums.toarray()
    weight = structure._weights / np.concatenate([[0.5], sds, [1.0]])[structure._belief] ** 2
    assert sums.T @ (weight * (sums @ mean - structure._means)) == pytest.approx(np.zeros(9 * width), abs=1e-9)


def test_seasons_sum_to_nothing_over_a_round_but_for_their_steps():
    structure = Structure(np.ones(12, bool), 0.0, seasons=4)
    states = np.zeros((12, 2))
    states[:, 1] = np.tile([1.0, -2.0, 0.5, 0.5], 3)
    seen, (level, season) = structure.read(states.ravel())
    assert seen.tolist() == states[:, 1].tolist()
    assert not level.any()
    assert not season.any()
    with pytest.raises(BadInput, match="4 seasons"):
        Structure(np.ones(4, bool), 0.0, seasons=4)


def test_columns_that_count_are_told_from_those_that_do_not():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(80, 6))
    outcome = 0.8 * columns[:, 1] + 0.3 * rng.normal(size=80)
    regression = SpikeAndSlab(columns, Priors(expected_size=1))
    draws = np.asarray([regression.draw(outcome, rng)[0] for _ in range(500)])
    included = (draws != 0).mean(axis=0)
    assert included[1] == 1
    assert np.delete(included, 1).max() < 0.4
    assert draws[:, 1].mean() == pytest.approx(0.8, abs=0.1)


def test_inclusion_of_one_column_is_as_often_as_bayes_factor_says():
    rng = np.random.default_rng(1)
    column = rng.normal(size=(30, 1))
    outcome = 0.25 * column[:, 0] + rng.normal(size=30)
    priors = Priors(inclusion_ratio=0.3, slab_weight=1.0)
    regression = SpikeAndSlab(column, priors)
    included = np.mean([regression.draw(outcome, rng)[0][0] != 0 for _ in range(8000)])
    # Student's t densities of the outcome, with and without the column.
    degrees, scale = priors.noise_weight, 1 - priors.expected_r2
    slab = column @ column.T * (30 / float(column[:, 0] @ column[:, 0]))
    with_, without = (
        stats.multivariate_t.pdf(outcome, np.zeros(30), scale * (np.eye(30) + extra), degrees)
        for extra in (slab, 0.0)
    )
    assert included == pytest.approx(0.3 * with_ / (0.3 * with_ + 0.7 * without), abs=0.03)


def test_a_drawn_level_goes_on_from_where_it_is_and_its_deviation_grows_with_the_root_of_time():
    rng = np.random.default_rng(2)
    values = np.cumsum(rng.normal(0, 0.3, 60))
    none = np.empty((60, 0))
    found = sample(
        values, none, none[:25], rng, priors=Priors(level_sd=0.3, level_weight=1e4), draws=1500, burn=200
    )
    spread = found.ahead.std(axis=0)
    assert found.level_sd.mean() == pytest.approx(0.3, abs=0.01)
    assert spread[24] ** 2 - spread[0] ** 2 == pytest.approx(24 * 0.09, rel=0.15)
    assert found.ahead.mean() == pytest.approx(values[-1], abs=0.6)


def test_a_trend_goes_on_and_seasons_repeat():
    rng = np.random.default_rng(4)
    time = np.arange(60)
    season = np.tile([1.0, 0.0, -1.0, 0.0], 15)
    line = 0.1 * time + season + rng.normal(0, 0.05, 60)
    center, scale = line[:48].mean(), line[:48].std()
    none = np.empty((48, 0))
    found = sample(
        (line[:48] - center) / scale, none, none[:12], rng, priors=Priors(), draws=800, burn=300, trend=True,
        seasons=4,
    )  # fmt: skip
    ahead = found.ahead.mean(axis=0) * scale + center
    assert ahead == pytest.approx(0.1 * time[48:] + season[48:], abs=0.4)


def test_the_same_seed_draws_the_same():
    values, columns = np.random.default_rng(0).normal(size=(30,)), np.ones((30, 1))
    twice = [
        sample(values, columns, columns[:5], np.random.default_rng(7), priors=Priors(), draws=20, burn=5).ahead
        for _ in range(2)
    ]
    assert (twice[0] == twice[1]).all()
