"""Tests of two Poisson rates, held against published figures, a double sum and their nominal level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from catalog.errors import BadInput
from workbench.designs.poisson_tests import c_test, e_test


@pytest.mark.parametrize(("counts", "p_value"), [((0, 3), 0.0884), ((6, 2), 0.1749)])
def test_the_e_test_gives_the_figures_of_its_article(counts, p_value):
    # Krishnamoorthy & Thomson (2004), examples.
    assert e_test(*counts).p_value == pytest.approx(p_value, abs=5e-5)


def the_double_sum(k1, k2, n1, n2, d, alternative, pooled):
    """Return the p value as the article writes it: every pair of counts, one by one."""
    x1, x2 = np.meshgrid(np.arange(90.0), np.arange(90.0), indexing="ij")
    rate = (k1 + k2) / (n1 + n2) - d * n1 / (n1 + n2)

    def statistic(x1, x2):
        spread = (x1 + x2) / (n1 * n2) if pooled else x1 / n1**2 + x2 / n2**2
        with np.errstate(divide="ignore", invalid="ignore"):
            return (x1 / n1 - x2 / n2 - d) / np.sqrt(spread)

    seen, all_of_them = statistic(np.float64(k1), np.float64(k2)), statistic(x1, x2)
    all_of_them = np.where(np.isnan(all_of_them), 0, all_of_them)
    extreme = {
        "two-sided": np.abs(all_of_them) >= abs(seen) - 1e-9, "greater": all_of_them >= seen - 1e-9,
        "less": all_of_them <= seen + 1e-9,
    }[alternative]  # fmt: skip
    return float((poisson.pmf(x1, n1 * (rate + d)) * poisson.pmf(x2, n2 * rate))[extreme].sum())


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize(
    ("k1", "k2", "n1", "n2", "d"),
    [(0, 3, 1, 1, 0), (3, 0, 2, 2, 0), (7, 30, 1, 3, 0), (5, 5, 1, 1, 0), (3, 1, 1, 1, 1), (9, 12, 2, 5, 0.7)],
)
def test_one_sum_over_tails_is_the_double_sum_of_the_article(k1, k2, n1, n2, d, alternative):
    expected = the_double_sum(k1, k2, n1, n2, d, alternative, pooled=False)
    assert e_test(k1, k2, n1, n2, difference=d, alternative=alternative).p_value == pytest.approx(
        expected, abs=1e-9
    )
    if d == 0:
        expected = the_double_sum(k1, k2, n1, n2, d, alternative, pooled=True)
        found = e_test(k1, k2, n1, n2, alternative=alternative, variance="pooled").p_value
        assert found == pytest.approx(expected, abs=1e-9)


def test_which_of_two_counts_comes_first_does_not_matter():
    assert e_test(6, 2).p_value == pytest.approx(e_test(2, 6).p_value)


def test_large_counts_are_no_trouble_and_come_near_the_normal():
    found = e_test(58_109, 60_686)
    assert found.statistic == pytest.approx((58_109 - 60_686) / np.sqrt(58_109 + 60_686))
    assert 0 < found.p_value < 1e-12


@pytest.mark.parametrize("mean", [3, 20])
def test_equal_rates_are_told_apart_no_more_often_than_stated(mean):
    pairs = poisson.rvs(mean, size=(400, 2), random_state=1)
    p_values = [e_test(*map(int, pair)).p_value for pair in pairs if pair.sum()]
    assert np.mean(np.array(p_values) < 0.05) < 0.085


def test_the_conditional_test_is_a_binomial_one():
    assert c_test(0, 3).p_value == pytest.approx(0.25)
    assert c_test(3, 9, 1, 3).p_value == pytest.approx(1)
    assert c_test(2, 4, ratio=0.5).p_value == pytest.approx(1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: e_test(0, 0),
        lambda: e_test(-1, 3),
        lambda: e_test(3, 3, 1, 0),
        lambda: e_test(1, 1, difference=5),
        lambda: e_test(4, 1, difference=1, variance="pooled"),
        lambda: c_test(0, 0),
        lambda: c_test(-1, 2),
    ],
)
def test_what_has_no_answer_is_said(ask):
    with pytest.raises(BadInput):
        ask()
