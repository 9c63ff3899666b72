"""Draws: the same seeds give the same, wherever they run."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest

from ray_jobs.cluster import Cluster
from ray_jobs.impact import Draws
from tests.workbench.designs.synthetic_city import synthetic_city
from workbench.designs.calibration_placebos import placebo_draw, prepare_placebos


@dataclass(frozen=True)
class Dice:
    """How many sides."""

    sides: int


def throw(dice: Dice, seed: int) -> int:
    return int(np.random.default_rng(seed).integers(dice.sides))


def where(dice: Dice, seed: int) -> int:
    return os.getpid()


def test_draws_come_in_the_order_of_their_seeds_and_progress_is_told():
    told: list[tuple[int, int]] = []
    seeds = [5, 3, 5, 9]
    found = Draws(report=lambda done, asked: told.append((done, asked)))(throw, Dice(1000), seeds)
    assert found == tuple(throw(Dice(1000), seed) for seed in seeds)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_seed_is_no_draw():
    assert Draws()(throw, Dice(6), []) == ()


def test_a_stream_that_is_left_draws_no_more():
    drawn: list[int] = []

    def listed(dice: Dice, seed: int) -> int:
        drawn.append(seed)
        return seed

    for _, seed in Draws().stream(listed, Dice(6), range(100)):
        if seed == 3:
            break
    assert drawn == [0, 1, 2, 3]


@pytest.mark.ray
@pytest.mark.beside
def test_a_cluster_draws_what_this_process_draws(cluster: Cluster):
    told: list[int] = []
    spread = Draws(cluster, report=lambda done, asked: told.append(done))
    seeds = range(100, 197)
    assert spread(throw, Dice(10**6), seeds) == Draws()(throw, Dice(10**6), seeds)
    assert told == sorted(told)
    assert told[-1] == 97


@pytest.mark.ray
@pytest.mark.beside
def test_workers_draw_and_not_this_process(cluster: Cluster):
    assert os.getpid() not in Draws(cluster)(where, Dice(6), range(8))


@pytest.mark.ray
@pytest.mark.beside
def test_placebos_of_a_study_are_the_same_spread_or_not(cluster: Cluster):
    prepared = prepare_placebos(synthetic_city(6, places=200))
    there, here = (draws(placebo_draw, prepared, range(12)) for draws in (Draws(cluster), Draws()))
    assert [draw.seed for draw in there] == [draw.seed for draw in here]
    # A worker's BLAS has fewer threads and may add up in another order.
    assert [draw.change_ratio for draw in there] == pytest.approx([draw.change_ratio for draw in here], abs=1e-7)
