"""Matching: blocks end where cameras begin, and are as short as the donors allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.matching import MOST_BLOCKS, match, matchings


def test_many_periods_before_are_matched_in_blocks_that_end_where_cameras_begin() -> None:
    panel = synthetic_city(before=50)
    (one,) = matchings(panel, 3)
    assert [name.split()[-1] for name in one.names if "burglary" in name][:2] == ["2015-01-01", "2015-06-01"]
    assert len(one.names) == 1 + 16
    assert one.treated_matched[:, 1:].sum() == panel.counts[panel.treated, :50].sum()


def test_what_comes_after_plays_no_part_in_what_is_matched() -> None:
    panel = synthetic_city(9, treated=8)
    counts = panel.counts.copy()
    counts[:, 24:] = 0
    assert match(panel).match_every == match(replace(panel, counts=counts)).match_every


def test_the_shortest_blocks_that_balance_and_leave_donors_are_taken() -> None:
    plenty = match(synthetic_city(1, places=900, treated=30))
    assert plenty.match_every < 6
    assert plenty.balanced
    few = match(synthetic_city(1, places=40, treated=8))
    assert few.match_every > plenty.match_every
    assert max(len(wave.names) for wave in plenty.waves) <= MOST_BLOCKS + 1


def test_covariates_and_exposure_are_matched() -> None:
    panel = synthetic_city(5)
    people = np.linspace(1, 2, 300)
    richer = replace(panel, exposure=people, covariates=people[:, None] ** 2, covariate_names=("income",))
    (one,) = matchings(richer, 3)
    assert one.names[:3] == ("places", "exposure", "income")
    weights = one.weighting().weights
    np.testing.assert_allclose(weights @ one.control_matched, one.treated_matched.sum(axis=0), rtol=1e-6)


def test_matching_holds_one_row_a_place() -> None:
    (one,) = matchings(synthetic_city(8), 3)
    assert one.control_matched.shape == (280, len(one.names))
    assert one.treated_matched.shape == (20, len(one.names))
