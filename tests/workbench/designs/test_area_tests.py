"""Crime before and after in one area against another, held against published figures and against laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from workbench.designs.area_tests import (
    BeforeAfter,
    displacement_quotient,
    farrington_dispersion,
    pearson_dispersion,
    raw_change,
    relative_effect,
    scaled_difference,
    unscaled_control,
    weighted_displacement,
)

TREATED, CONTROL = BeforeAfter(207, 110), BeforeAfter(308, 318)
BUFFER, BUFFER_CONTROL = BeforeAfter(178, 157), BeforeAfter(150, 140)
"""Counts of the worked example of Wheeler & Ratcliffe (2018), Crime Science 7:11."""

counts = st.integers(1, 5000)
areas = st.builds(BeforeAfter, counts, counts)


def test_the_displacement_difference_is_that_of_the_article():
    found = weighted_displacement(TREATED, CONTROL, BUFFER, BUFFER_CONTROL)
    assert (found.local, found.displacement, found.total) == (-107, -11, -118)
    assert found.local_se == pytest.approx(np.sqrt(943))
    assert (found.displacement_se, found.total_se) == pytest.approx((25, np.sqrt(1568)))
    assert found.z == pytest.approx(-2.98, abs=0.005)
    assert found.total_interval == pytest.approx((-195.61, -40.39), abs=0.005)


def test_spans_of_different_length_are_compared_by_their_rate():
    # Wheeler (2021), The WDD test with different pre/post time periods: −20, standard error √115.
    found = weighted_displacement(BeforeAfter(80, 20), BeforeAfter(100, 50), periods=(2, 1))
    assert (found.total, found.total_se) == pytest.approx((-20, np.sqrt(115)))


def test_areas_of_different_size_are_compared_by_their_density():
    # Wheeler (2021), The WDD test with different area sizes; also a test of the R package ptools.
    found = weighted_displacement(TREATED, CONTROL, BUFFER, BUFFER_CONTROL, areas=(0.9, 1.2, 1.6, 1.5))
    assert (found.total, found.total_se) == pytest.approx((-99.69444444, 35.4280755))
    assert found.total_interval == pytest.approx((-169.1321965, -30.25669241))


def test_the_rate_ratio_is_that_of_a_published_example():
    # Wheeler (2021), Comparing the WDD vs the Wilson log IRR estimator.
    found = relative_effect(BeforeAfter(50, 30), BeforeAfter(60, 55))
    assert found.log_rate_ratio == pytest.approx(-0.4238142, abs=1e-7)
    assert found.incident_rate_ratio == pytest.approx(0.6545455, abs=1e-7)


def test_dispersion_widens_intervals_and_moves_no_estimate():
    plain, wide = (relative_effect(TREATED, CONTROL, dispersion=phi) for phi in (1.0, 4.0))
    assert wide.relative_effect_size == plain.relative_effect_size
    assert wide.standard_error == pytest.approx(2 * plain.standard_error)
    assert wide.effect_size_interval[0] < plain.effect_size_interval[0]


@settings(max_examples=30)
@given(areas, areas, st.integers(1, 50))
def test_relative_effects_do_not_depend_on_the_size_of_the_control(treated, control, times):
    larger = BeforeAfter(control.before * times, control.after * times)
    ours, theirs = relative_effect(treated, control), relative_effect(treated, larger)
    assert ours.relative_effect_size == pytest.approx(theirs.relative_effect_size)
    assert scaled_difference(treated, control).difference == pytest.approx(
        scaled_difference(treated, larger).difference
    )


@settings(max_examples=30)
@given(areas, areas)
def test_swapping_treated_and_control_turns_the_signs(treated, control):
    there, back = weighted_displacement(treated, control), weighted_displacement(control, treated)
    assert (there.total, there.total_se) == pytest.approx((-back.total, back.total_se))
    ahead, behind = relative_effect(treated, control), relative_effect(control, treated)
    assert ahead.log_rate_ratio == pytest.approx(-behind.log_rate_ratio)


@settings(max_examples=30)
@given(areas, areas, areas)
def test_the_total_net_effect_is_the_scaled_difference_of_both_areas(treated, control, buffer):
    both = BeforeAfter(treated.before + buffer.before, treated.after + buffer.after)
    net = displacement_quotient(treated, control, buffer).total_net_effect
    assert net == pytest.approx(-scaled_difference(both, control).difference)


def test_the_quotient_of_the_worked_example():
    # Formulas of Guerette (2009), POP Center Tool Guide 10, appendix B, on the counts above.
    found = displacement_quotient(TREATED, CONTROL, BUFFER)
    assert (found.gross_effect, found.total_net_effect) == pytest.approx((97, 130.5))
    assert found.net_effect == pytest.approx(207 / 308 - 110 / 318)
    assert found.quotient == pytest.approx(0.2581857, abs=1e-7)
    assert "gained too" in found.says


@pytest.mark.parametrize(
    ("buffer", "quotient", "says"),
    [
        (BeforeAfter(100, 150), -1.0, "or more, reappeared"),
        (BeforeAfter(100, 125), -0.5, "50% of what fell"),
        (BeforeAfter(100, 100), 0.0, "Nothing moved"),
        (BeforeAfter(200, 100), 2.0, "more than the treated area"),
    ],
)
def test_a_quotient_is_read_in_words(buffer, quotient, says):
    found = displacement_quotient(BeforeAfter(100, 50), BeforeAfter(100, 100), buffer)
    assert found.quotient == pytest.approx(quotient)
    assert says in found.says


def test_nothing_can_have_moved_where_nothing_fell():
    found = displacement_quotient(BeforeAfter(100, 120), BeforeAfter(100, 100), BeforeAfter(50, 90))
    assert found.quotient is None
    assert "nothing that could have moved" in found.says


def test_the_scaled_difference_covers_no_effect_as_often_as_it_says():
    rng = np.random.default_rng(7)
    drawn = rng.poisson([200, 240, 400, 480], (400, 4)).astype(float)
    found = [scaled_difference(BeforeAfter(*row[:2]), BeforeAfter(*row[2:]), level=0.9).interval for row in drawn]
    covered = [low <= 0 <= high for low, high in found]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.04)


def test_a_control_the_size_of_a_city_is_not_compared_in_counts():
    # Rest of Seattle against 39 blocks: a difference of counts gives −2647 crimes, of 858.
    assert weighted_displacement(BeforeAfter(858, 788), BeforeAfter(58_109, 60_686)).total == -2647
    why = unscaled_control(858, 58_109)
    assert why is not None
    assert "67.7 times" in why
    assert unscaled_control(207, 308) is None
    assert "without any" in (unscaled_control(0, 10) or "")


def test_a_raw_change_is_by_rate():
    found = raw_change(BeforeAfter(200, 80), periods=(24, 12))
    assert (found.change_ratio, found.change_count) == pytest.approx((-0.2, -20))
    assert found.change_interval[0] < -0.2 < found.change_interval[1]


def test_dispersion_of_poisson_counts_is_one_whatever_places_and_seasons_are_like():
    rng = np.random.default_rng(3)
    mean = np.outer(rng.gamma(1, 5, 60), 1 + 0.5 * np.sin(np.arange(36) / 6))
    assert pearson_dispersion(rng.poisson(mean).astype(float)) == pytest.approx(1, abs=0.1)
    clustered = 3.0 * rng.poisson(mean / 3)
    assert pearson_dispersion(clustered) == pytest.approx(3, abs=0.3)


def test_dispersion_of_one_place_is_variance_over_mean():
    series = np.array([[4.0, 9, 2, 7, 3]])
    assert pearson_dispersion(series) == pytest.approx(series.var(ddof=1) / series.mean())
    assert np.isnan(pearson_dispersion(np.zeros((3, 4))))
    assert np.isnan(pearson_dispersion(np.ones((2, 1))))


def test_the_dispersion_of_the_literature():
    # Welsh & Farrington (2008): at 760 crimes in an area the factor is about 2 (1.8).
    assert farrington_dispersion(760) == pytest.approx(1.808)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: relative_effect(BeforeAfter(0, 3), CONTROL),
        lambda: raw_change(BeforeAfter(3, 0)),
        lambda: scaled_difference(TREATED, BeforeAfter(0, 3)),
        lambda: displacement_quotient(TREATED, BeforeAfter(3, 0)),
        lambda: weighted_displacement(TREATED, CONTROL, periods=(0, 1)),
        lambda: weighted_displacement(BeforeAfter(-1, 3), CONTROL),
        lambda: weighted_displacement(BeforeAfter(0, 0), BeforeAfter(0, 0)),
    ],
)
def test_what_has_no_answer_is_said(ask):
    with pytest.raises(BadInput):
        ask()


def test_an_empty_cell_can_be_corrected():
    found = relative_effect(BeforeAfter(9, 0), BeforeAfter(10, 10), zero_correction=0.5)
    assert found.relative_effect_size == pytest.approx(9.5 * 10.5 / (0.5 * 10.5))
