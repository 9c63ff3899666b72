from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from catalog.errors import BadInput
from tests.workbench.designs.made_panels import city_panel
from workbench.designs.shocks import city_shocks, level_shifts, shift_at

STARTS = (np.datetime64("2017-01") + np.arange(72)).astype("datetime64[D]")
MARCH_2020 = 38


def made_city(seed: int = 0, shift: float = 0.0, length: int = 99) -> np.ndarray:
    """Return monthly counts of a city with seasons, a trend, and a shift from March 2020."""
    rng, place = np.random.default_rng(seed), np.arange(72)
    within = (place >= MARCH_2020) & (place < MARCH_2020 + length)
    logs = 6 - 0.003 * place + 0.2 * np.sin(2 * np.pi * place / 12) + np.log1p(shift) * within
    return rng.poisson(np.exp(logs + rng.normal(0, 0.03, 72))).astype(float)


def test_a_shift_that_lasts_is_found_where_it_began():
    (shock,) = level_shifts(made_city(shift=-0.3), STARTS, 12)
    assert abs((shock.at - date(2020, 3, 1)).days) <= 31
    assert shock.until is None
    assert shock.change_ratio == pytest.approx(-0.3, abs=0.06)
    assert shock.p_value < 0.01


def test_a_spell_is_found_with_its_end():
    (shock,) = level_shifts(made_city(shift=-0.4, length=3), STARTS, 12)
    assert (shock.at, shock.until) == (date(2020, 3, 1), date(2020, 6, 1))
    assert shock.change_ratio == pytest.approx(-0.4, abs=0.06)


def test_seasons_and_a_trend_are_no_shock():
    assert np.mean([bool(level_shifts(made_city(seed), STARTS, 12)) for seed in range(40)]) <= 0.05


def test_two_shocks_are_told_apart():
    counts = made_city(shift=-0.4, length=3)
    counts[10:] = np.round(counts[10:] * 1.5)
    first, second = level_shifts(counts, STARTS, 12)
    assert (first.at, second.at) == (date(2017, 11, 1), date(2020, 3, 1))
    assert first.change_ratio == pytest.approx(0.5, abs=0.1)


def test_at_a_date_known_beforehand_a_smaller_shift_is_enough():
    counts = made_city(shift=-0.08, seed=3)
    known = shift_at(counts, STARTS, 12, date(2020, 3, 1))
    assert known.change_ratio == pytest.approx(-0.08, abs=0.05)
    assert known.p_value < 0.05
    assert shift_at(counts, STARTS, 12, date(2016, 1, 1)) is None
    spell = shift_at(made_city(shift=-0.4, length=3), STARTS, 12, date(2020, 3, 1), date(2020, 6, 1))
    assert (spell.at, spell.until) == (date(2020, 3, 1), date(2020, 6, 1))


def test_what_cameras_do_is_no_shock_of_the_city():
    panel = city_panel(-0.6, rate=20)
    assert city_shocks(panel) == ()
    shaken = replace(panel, counts=panel.counts * np.where(np.arange(60) >= 30, 0.5, 1.0))
    assert [shock.at for shock in city_shocks(shaken)] == [date(2019, 7, 1)]


def test_in_a_short_series_nothing_is_looked_for():
    assert city_shocks(city_panel(periods=20, first=12)) == ()
    with pytest.raises(BadInput, match="24 or more"):
        level_shifts(np.ones(20), STARTS[:20], 12)
