import numpy as np
import pytest
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.stattools import durbin_watson as their_durbin_watson

from catalog.errors import BadInput
from workbench.designs.series import Change
from workbench.designs.series_checks import PlaceboBreak, durbin_watson, error_beyond, ljung_box, placebo_breaks

NOISE = np.random.default_rng(1).normal(size=80)


def test_the_portmanteau_is_that_of_statsmodels():
    ours, theirs = ljung_box(NOISE, 6), acorr_ljungbox(NOISE, lags=[6])
    assert ours.statistic == pytest.approx(theirs["lb_stat"].iloc[0])
    assert ours.p_value == pytest.approx(theirs["lb_pvalue"].iloc[0])


def test_spells_are_seen_and_noise_is_not():
    assert ljung_box(np.cumsum(NOISE)).p_value < 1e-6
    assert ljung_box(NOISE).p_value > 0.05
    with pytest.raises(BadInput):
        ljung_box(NOISE, 80)


def test_neighbours_are_compared_as_by_durbin_and_watson():
    assert durbin_watson(NOISE) == pytest.approx(their_durbin_watson(NOISE))


def test_placebo_breaks_keep_their_distance_from_both_ends_and_pass_over_what_cannot_be_fitted():
    def change(at: int) -> Change:
        if at == 9:
            raise BadInput("no")
        return Change(at / 100, (0, 1), 1.0, (0, 1), 0.5)

    found = placebo_breaks(20, change)
    assert [one.at for one in found] == [6, 7, 8, 10, 11, 12, 13, 14]
    assert found[0].change_ratio == 0.06


def test_error_beyond_its_own_is_what_made_up_breaks_show_and_no_less_than_none():
    quiet = [PlaceboBreak(at, float(np.expm1(0.1 * sign)), 0.5, 0.1) for at, sign in enumerate((-1, 1, 1, -1))]
    assert error_beyond(quiet) == pytest.approx(0.0, abs=1e-6)
    loud = [PlaceboBreak(at, float(np.expm1(0.5 * sign)), 0.01, 0.3) for at, sign in enumerate((-1, 1, 1, -1))]
    assert error_beyond(loud) == pytest.approx(0.4)
    assert error_beyond([]) == 0.0
