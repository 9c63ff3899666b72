import numpy as np
import pytest

from catalog.errors import BadInput
from workbench.designs.state_space import Priors
from workbench.designs.structural import effective_draws, structural_effect


def made(seed: int = 0, effect: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a series of 90 periods and two controls, the first of which explains it; after 70 it changes."""
    rng = np.random.default_rng(seed)
    controls = np.column_stack([np.cumsum(rng.normal(size=90)) + 50, rng.normal(20, 1, 90)])
    outcome = 10 + 1.2 * controls[:, 0] + rng.normal(0, 1, 90)
    outcome[70:] += effect
    return outcome, controls


PLACE = np.arange(90)
BEFORE, AFTER = PLACE < 70, PLACE >= 70


def found(seed: int = 0, effect: float = 0.0, draws: int = 800, **more):
    return structural_effect(
        *made(seed, effect), BEFORE, AFTER, np.random.default_rng(seed), draws=draws, burn=100, **more
    )


def test_a_change_that_was_made_is_found_and_the_control_that_explains_counts():
    result = found(effect=6, priors=Priors(noise_weight=0.01))
    average = result.average
    assert average.effect_interval[0] < 6 < average.effect_interval[1]
    assert average.actual - average.predicted == pytest.approx(average.effect)
    assert result.tail_p < 0.01
    assert result.coefficients[0] > 0.7
    assert result.noise_sd == pytest.approx(1, abs=0.3)


def test_the_sum_is_the_mean_times_the_periods():
    result = found(effect=3)
    for name in ("actual", "predicted", "predicted_sd", "effect"):
        assert getattr(result.cumulative, name) == pytest.approx(20 * getattr(result.average, name))
    assert result.cumulative.relative == pytest.approx(result.average.relative)
    assert result.cumulative.drawn_relative_interval == pytest.approx(result.average.drawn_relative_interval)


def test_nothing_is_found_where_nothing_was_made_about_as_often_as_it_says():
    held = []
    for seed in range(16):
        low, high = found(seed, draws=200, level=0.9).cumulative.effect_interval
        held.append(low <= 0 <= high)
    assert np.mean(held) >= 0.75


def test_moving_and_scaling_the_series_moves_and_scales_the_effect_only():
    outcome, controls = made(effect=5)
    plain, scaled = (
        structural_effect(one, two, BEFORE, AFTER, np.random.default_rng(1), draws=200, burn=50)
        for one, two in ((outcome, controls), (100 + 7 * outcome, controls * 1000 - 5))
    )
    assert scaled.average.effect == pytest.approx(7 * plain.average.effect)
    assert scaled.tail_p == plain.tail_p


def test_periods_between_and_missing_values_are_passed_over():
    outcome, controls = made(effect=6)
    outcome[[10, 80]] = np.nan
    outcome[70:75] = 1e6
    result = structural_effect(
        outcome, controls, BEFORE, PLACE >= 75, np.random.default_rng(0), draws=500, burn=100
    )
    assert result.average.effect == pytest.approx(6, abs=2)
    assert result.cumulative.effect == pytest.approx(14 * result.average.effect)


def test_without_controls_the_own_past_goes_on():
    outcome = np.random.default_rng(0).normal(50, 1, 90)
    result = structural_effect(
        outcome, np.empty((90, 0)), BEFORE, AFTER, np.random.default_rng(0), draws=300, burn=50
    )
    assert result.average.predicted == pytest.approx(50, abs=0.6)
    assert result.included_ratio.shape == (0,)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"outcome": np.ones(90)}, "constant"),
        ({"controls": np.ones((90, 1))}, "foretells nothing"),
        ({"controls": np.full((90, 1), np.nan)}, "gaps"),
        ({"after": PLACE >= 60}, "overlap"),
        ({"after": np.zeros(90, bool)}, "both are needed"),
        ({"draws": 10}, "100 at least"),
    ],
    ids=["constant", "still control", "gaps", "overlap", "no after", "few draws"],
)
def test_what_cannot_be_learnt_from_says_so(change, says):
    outcome, controls = made()
    asked = {"outcome": outcome, "controls": controls, "before": BEFORE, "after": AFTER, "draws": 100} | change
    with pytest.raises(BadInput, match=says):
        structural_effect(rng=np.random.default_rng(0), burn=10, **asked)


def test_a_chain_that_wanders_is_worth_fewer_draws():
    noise = np.random.default_rng(0).normal(size=5000)
    chain = noise.copy()
    for at in range(1, 5000):
        chain[at] += 0.8 * chain[at - 1]
    assert effective_draws(noise) > 4000
    # (1 − ρ) / (1 + ρ) of them.
    assert effective_draws(chain) == pytest.approx(5000 / 9, rel=0.3)
