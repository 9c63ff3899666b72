"""Which shard watches which camera, as laws."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.footage import LEVELS
from ray_jobs.live.placement import (
    CAMERAS_A_SHARD,
    COST,
    HYSTERESIS,
    SHARD_COST,
    ShardPlace,
    assign,
    cost_of,
    shards_needed,
    spread,
)


@dataclass(frozen=True)
class Drawn:
    """Cameras, what they cost, where they were, and the shards there are now."""

    costs: dict[str, float]
    before: dict[str, int]
    living: tuple[int, ...]

    def assigned(self) -> dict[str, int]:
        return assign(self.costs, shards(*self.living), self.before)


def shards(*numbers: int) -> list[ShardPlace]:
    return [ShardPlace(number, "node") for number in numbers]


def loads(placed: dict[str, int], costs: dict[str, float], living: tuple[int, ...]) -> dict[int, float]:
    load = dict.fromkeys(living, 0.0)
    for camera_id, shard in placed.items():
        load[shard] += costs[camera_id]
    return load


@st.composite
def situations(draw: st.DrawFn, *, most: int = 400) -> Drawn:
    """Draw any number of cameras on shards of which some may have gone, and new ones come."""
    rng = Random(draw(st.integers(0, 2**32)))
    count = draw(st.integers(0, most))
    sizes = draw(st.sampled_from([(2.07,), (0.2, 2.07, 8.3)]))
    were, living = draw(st.sets(st.integers(0, 8))), draw(st.sets(st.integers(0, 8), min_size=1))
    known = draw(st.sampled_from([0.0, 0.5, 1.0])) if were else 0.0
    names = [f"cam-{number}" for number in range(count)]
    costs = {name: cost_of(rng.choice(LEVELS), rng.choice(sizes)) for name in names}
    before = {name: rng.choice(sorted(were)) for name in names if rng.random() < known}
    return Drawn(costs, before, tuple(sorted(living)))


@given(situations())
def test_every_camera_has_exactly_one_shard_and_it_lives(drawn: Drawn) -> None:
    placed = drawn.assigned()
    assert placed.keys() == drawn.costs.keys()
    assert set(placed.values()) <= set(drawn.living)


@given(situations(most=900))
@settings(max_examples=60)
def test_no_shard_has_too_many_cameras_while_another_has_room(drawn: Drawn) -> None:
    count = Counter(drawn.assigned().values())
    most, least = (f(count[shard] for shard in drawn.living) for f in (max, min))
    assert most <= CAMERAS_A_SHARD or least >= CAMERAS_A_SHARD


@given(situations())
def test_a_camera_whose_shard_lives_stays_unless_another_carries_far_less(drawn: Drawn) -> None:
    dealt = {one: drawn.living[number % len(drawn.living)] for number, one in enumerate(drawn.costs)}
    load = loads(dealt, drawn.costs, drawn.living)
    most, least = max(load.values()), min(load.values())
    crowded = max(Counter(dealt.values()).values(), default=0) > CAMERAS_A_SHARD
    if most <= HYSTERESIS * least and not crowded:
        assert assign(drawn.costs, shards(*drawn.living), dealt) == dealt
    placed = loads(assign(drawn.costs, shards(*drawn.living), dealt), drawn.costs, drawn.living)
    assert max(placed.values()) - min(placed.values()) <= most - least + 1e-6


@given(situations(most=900))
@settings(max_examples=60)
def test_nobody_moves_twice_for_the_same_reason(drawn: Drawn) -> None:
    """Also where a shard is missing and all others are full: moving would cost gaps, round after round."""
    placed = drawn.assigned()
    assert assign(drawn.costs, shards(*drawn.living), placed) == placed


def test_when_a_shard_dies_only_its_own_cameras_move() -> None:
    costs = {f"cam-{number}": COST["full"] if number % 5 == 0 else COST["record"] for number in range(300)}
    before = assign(costs, shards(0, 1, 2, 3, 4, 5), {})
    after = assign(costs, shards(0, 1, 2, 4, 5), before)
    assert {one for one in costs if before[one] != after[one]} == {one for one in costs if before[one] == 3}


def test_a_shard_that_came_back_takes_cameras_from_the_fullest() -> None:
    costs = {f"cam-{number}": COST["keyframes"] for number in range(120)}
    without = assign(costs, shards(0, 1), {})
    load = loads(assign(costs, shards(0, 1, 2), without), costs, (0, 1, 2))
    assert max(load.values()) <= HYSTERESIS * min(load.values()) + COST["keyframes"]


@given(st.lists(st.sampled_from(LEVELS), min_size=600, max_size=600))
@settings(max_examples=25)
def test_six_hundred_cameras_are_on_eight_shards_within_a_tenth_of_equal_cost(levels: list[str]) -> None:
    costs = {f"cam-{number}": COST[level] for number, level in enumerate(levels)}  # type: ignore[index]
    load = loads(assign(costs, shards(*range(8)), {}), costs, tuple(range(8)))
    equal = sum(costs.values()) / 8
    assert max(abs(one - equal) for one in load.values()) <= 0.1 * equal


def test_without_shards_nobody_is_placed() -> None:
    assert assign({"cam-1": 1.0}, [], {"cam-1": 0}) == {}


@given(st.integers(1, 64), st.dictionaries(st.text("abc", min_size=1), st.integers(1, 64), min_size=1, max_size=6))
def test_nodes_have_shards_in_proportion_to_their_cores(count: int, cores: dict[str, int]) -> None:
    cpus = {node: float(number) for node, number in cores.items()}
    nodes = spread(count, cpus)
    placed, total = Counter(nodes), sum(cpus.values())
    assert len(nodes) == count
    for node, cpu in cpus.items():
        assert placed[node] >= int(count * cpu / total), "nobody has less than the whole part of its share"
        assert all(placed[node] >= placed[other] for other in cpus if cpu > cpus[other])
    assert spread(count - 1, cpus) == nodes[:-1], "one shard more leaves the others where they are"


@given(st.lists(st.floats(1, 30), max_size=700), st.integers(0, 8), st.integers(0, 12))
@settings(max_examples=50)
def test_there_are_shards_enough_for_cameras_cost_and_nodes(costs: list[float], nodes: int, least: int) -> None:
    needed = shards_needed(costs, nodes, least)
    assert needed >= max(1, nodes, least)
    assert needed * CAMERAS_A_SHARD >= len(costs)
    assert needed * SHARD_COST >= sum(costs) - 1
    assert shards_needed([COST["record"]] * 600, 1) == 8


@pytest.mark.parametrize("level", LEVELS)
def test_a_bigger_picture_costs_more_only_where_it_is_looked_at(level: str) -> None:
    small, usual, large = (cost_of(level, size) for size in (0.2, None, 8.3))  # type: ignore[arg-type]
    assert usual == COST[level]  # type: ignore[index]
    assert (small < usual < large) == (level != "record")
