from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import CatalogConflict
from tests.strategies import FollowConfig, follow, pieces, standing, stream_of
from workbench.rules.follow import Follower
from workbench.tracking.memory import read_back, write_down


@dataclass
class Inner:
    place: tuple[float, float]
    word: Literal["left", "lost"] | None = None


@dataclass
class Outer:
    numbers: list[float]
    counts: dict[int, float]
    inner: dict[str, Inner] = field(default_factory=dict)
    raw: bytes = b""
    names: tuple[str, ...] = ()


finite = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, st.tuples(finite, finite), st.sampled_from(["left", "lost", None]))
outers = st.builds(
    Outer, st.lists(finite), st.dictionaries(st.integers(), finite), st.dictionaries(st.text(), inners),
    st.binary(), st.lists(st.text()).map(tuple),
)  # fmt: skip


@given(outers)
def test_what_is_written_down_is_read_back_exactly(state: Outer) -> None:
    memory = write_down(state)
    again = read_back(Outer, memory)
    assert again == state
    assert list(again.inner) == list(state.inner)
    assert write_down(again) == memory


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError):
        write_down(Inner((float("nan"), 0.0)))


def test_what_cannot_be_written_down_is_refused() -> None:
    with pytest.raises(TypeError, match="set cannot be written down"):
        write_down(Outer({1.0}, {}))  # type: ignore[arg-type]


@pytest.mark.parametrize("memory", [b"", b"{", b'{"place":[1,2],"other":3}', b"[]"])
def test_a_memory_of_another_kind_says_what_to_do(memory: bytes) -> None:
    with pytest.raises(CatalogConflict, match="index the footage again"):
        read_back(Inner, memory)


def test_a_follower_taken_up_again_remembers_the_same_bytes() -> None:
    (part,) = pieces(stream_of(lambda at_s: [standing(100 + round(70 * at_s), 400)], 6, 5))
    (rows,) = follow([part])
    from tests.strategies import MOUNTING, RUN

    again = Follower.restore(rows.memory, FollowConfig(), RUN, MOUNTING, [])
    assert again.memory == rows.memory
