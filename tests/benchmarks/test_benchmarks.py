"""The benchmarks run, and what they print are numbers. How large they are is no business of a test."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, main
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table, finite, write_page
from workbench.assets import BIKES, YOLOX_NANO, AssetStore


@pytest.fixture(scope="session")
def footage_and_weights(assets: AssetStore) -> AssetStore:
    """Pull what the benchmarks measure on."""
    for asset in (YOLOX_NANO, BIKES):
        assets.pull(asset.name)
    return assets


@pytest.mark.slow
@pytest.mark.usefixtures("footage_and_weights")
@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_gives_finite_ratios_and_leaves_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    answer: Answer = importlib.import_module(f"benchmarks.{name}").measure(Options(quick=True))
    assert answer.ratios
    assert finite(answer)
    assert all(ratio.name in answer.show() and ratio.name in answer.markdown() for ratio in answer.ratios)
    assert list(tmp_path.iterdir()) == []


def answer(name: str, value: float) -> Answer:
    ratios = (Ratio("ours over theirs", Spread((value, value + 1, value + 3)), Goal("at most", 4.0)),)
    return Answer(
        name, "How much?", "a machine", ratios, (Table("Figures", ("a", "b"), (("1", "2"),)),), ("Words.",)
    )


def test_a_ratio_is_the_median_with_the_smallest_and_the_largest_beside_it():
    assert answer("one", 2.0).ratios[0].cells() == ("ours over theirs", "3.00 (2.00–5.00) ×", "≤ 4 ×", "met")


def test_a_missed_goal_is_said_plainly():
    assert answer("one", 9.0).ratios[0].cells()[3] == "**missed**"


def test_an_infinite_ratio_is_noticed():
    assert finite(answer("one", 2.0))
    assert not finite(answer("one", math.inf))


def test_a_page_keeps_the_sections_of_benchmarks_that_did_not_run(tmp_path: Path):
    page = tmp_path / "benchmarks.md"
    write_page(page, [answer("one", 2.0), answer("two", 3.0)])
    before = page.read_text()
    write_page(page, [answer("two", 7.0)])
    after = page.read_text()
    assert "3.00 (2.00–5.00)" in after
    assert "8.00 (7.00–10.00)" in after
    assert "4.00 (3.00–6.00)" not in after
    write_page(page, [answer("two", 3.0)])
    assert page.read_text() == before


def test_a_list_names_every_question(capsys: pytest.CaptureFixture[str]):
    assert main(["--list"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name}: " in said for name in NAMES)


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(SystemExit):
        main(["no_such_thing"])
