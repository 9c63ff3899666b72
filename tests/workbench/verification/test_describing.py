"""The page says what methods there are, as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.verification.describing import described, with_methods
from workbench.verification.method import Method, Parameter
from workbench.verification.running import methods

PAGE = Path(__file__).parents[3] / "docs" / "impact.md"


def test_the_page_describes_every_method_as_it_is() -> None:
    page = PAGE.read_text("utf-8")
    assert with_methods(page, methods().values()) == page, "python -m workbench.verification.describing"


def test_a_method_is_described_with_what_it_takes_and_gives() -> None:
    takes = (Parameter("x", "number", "a | number"), Parameter("level", "number", "share", 0.95))
    text = described([Method("twice", "Two times.", takes, (("twice", "2 x"),), lambda inputs: {})])
    assert "| `x` | number | a \\| number | must be given |" in text
    assert "| `level` | number | share | `0.95` |" in text
    assert "| `twice` | 2 x |" in text


@pytest.mark.parametrize("method", methods().values(), ids=lambda method: method.name)
def test_every_method_says_what_it_gives_and_means_each_parameter(method: Method) -> None:
    assert method.words.endswith(".")
    assert method.results
    assert len({one.name for one in method.parameters}) == len(method.parameters)
    assert all(one.words for one in method.parameters)
