"""Weights are asked of periods they were not matched on; what falls back there is taken off what follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.calibration_folds import Foretold, folds_of, foretell
from workbench.designs.matching import Matching, matchings, weigh


def asked(matching: Matching) -> Foretold:
    found = foretell(matching, matching.control_matched, matching.control_after, matching.treated_matched)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("blocks", "sizes"),
    [(1, []), (2, [1, 1]), (3, [1, 1, 1]), (8, [3, 3, 2])],
    ids=["one", "two", "three", "eight"],
)
def test_neighbouring_blocks_are_left_out_together_and_each_once(blocks: int, sizes: list[int]) -> None:
    folds = folds_of(blocks)
    assert [len(fold) for fold in folds] == sizes
    assert [int(block) for fold in folds for block in fold] == (list(range(blocks)) if sizes else [])


def test_what_a_fold_had_plays_no_part_in_the_weights_that_foretell_it() -> None:
    (one,) = matchings(synthetic_city(1), 3)
    first = len(one.names) - one.blocks
    left_out = first + folds_of(one.blocks)[0]
    louder = one.control_matched.copy()
    louder[:, left_out] += np.random.default_rng(1).poisson(3.0, louder[:, left_out].shape)
    other = asked(replace(one, control_matched=louder))
    np.testing.assert_allclose(other.weightings[0].weights, asked(one).weightings[0].weights)
    assert np.abs(other.weightings[1].weights - asked(one).weightings[1].weights).max() > 1e-6


def test_donors_high_by_luck_fall_back_in_what_was_left_out_as_they_do_after() -> None:
    """One level for all, so that what weights match beyond it is luck: half of it is seen to be gone."""
    panel = synthetic_city(1, places=900, treated=60, before=36, after=36)
    counts = np.random.default_rng(3).poisson(np.full(panel.counts.shape, 0.1)).astype(float)
    counts[panel.treated] = np.random.default_rng(4).poisson(0.2, (60, 72))
    (one,) = matchings(replace(panel, counts=counts), 6)
    whole = weigh(one.control_matched, one.treated_matched.sum(axis=0), 60)
    found = asked(one)
    assert whole.weights @ one.control_after < 0.8 * one.treated_after.sum()
    assert found.before < 0.8 * one.treated_before
    assert found.expected(one.treated_before) == pytest.approx(one.treated_after.sum(), rel=0.25)


def test_one_block_or_none_that_may_be_left_out_foretells_nothing() -> None:
    (one,) = matchings(synthetic_city(2), 24)
    assert one.blocks == 1
    assert foretell(one, one.control_matched, one.control_after, one.treated_matched) is None
    unnamed = replace(matchings(synthetic_city(2), 3)[0], blocks=0)
    assert foretell(unnamed, unnamed.control_matched, unnamed.control_after, unnamed.treated_matched) is None
