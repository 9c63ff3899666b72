"""The page of the impact lab: the verdict before all else, every figure with its words and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from apps.studies import publish
from catalog.home import Home
from tests.made_report import FIGURES, SLUG, TITLE, made_findings, write_report
from tests.workbench.widgets.conftest import Gateways, Opened, Opener
from tests.workbench.widgets.fake.gateway import FakeGateway

pytestmark = pytest.mark.browser

SECOND = "The second study"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("impact")
    home = Home.create(folder / "home")
    publish(write_report(folder / "first"), home)
    publish(write_report(folder / "second", made_findings(SECOND, "2026-01-02T08:00:00+00:00")), home)
    return home


@pytest.fixture
def lab(gateways: Gateways, home: Home) -> Iterator[FakeGateway]:
    """A gateway with two studies."""
    gateway = gateways(cameras=1, alerts=0)
    gateway.studies.home = home
    return gateway


def test_a_study_is_whole_and_accessible(opener: Opener, lab: FakeGateway, shots: Path):
    opened = opener("/impact", gateway=lab, size=(1920, 1080))
    expect(opened.by("study").locator("h2")).to_have_text(TITLE)
    expect(opened.by("figure").first.locator("img")).to_be_visible()
    opened.page.screenshot(path=shots / "impact.png")
    assert opened.faults() == []
    for summary in opened.page.locator("summary").all():
        summary.evaluate("(one) => { one.parentElement.open = true }")
    assert opened.faults() == []


def test_the_verdict_comes_first_and_then_the_way_from_the_claim_to_it(opener: Opener, lab: FakeGateway):
    opened = opener("/impact", gateway=lab)
    verdict = opened.by("verdict")
    expect(verdict.locator(".rung")).to_contain_text("Contradicts claim")
    expect(verdict.locator('[aria-current="step"]')).to_contain_text("Contradicts claim")
    expect(verdict).to_contain_text("no change at all remains possible")
    expect(verdict).to_contain_text("Two more years of counts")
    steps = opened.by("claim-card").locator(".step")
    for step, words in zip(
        steps.all(),
        ("−51\u00a0%", "−49.9\u00a0%", "−26.2\u00a0% to +8.8\u00a0%", "falls from 16.8\u00a0%"),
        strict=True,
    ):
        expect(step.locator(".figure")).to_contain_text(words)
    expect(steps.nth(1)).to_contain_text("not causal")
    expect(steps.nth(3)).to_contain_text("✓ detectable")
    order = opened.page.evaluate(
        "[...document.querySelectorAll('[data-testid=verdict], [data-testid=claim-card], [data-testid=figure]')]"
        ".map((one) => one.dataset.testid)"
    )
    assert order[:2] == ["verdict", "claim-card"]


def test_every_figure_of_an_outcome_has_words_and_files_to_take_along(opener: Opener, lab: FakeGateway):
    opened = opener("/impact", gateway=lab)
    expect(opened.by("study")).to_be_visible()
    elsewhere = ("claim_card", "verdict_ladder", "forest-robbery")
    drawn = [name for name, _ in FIGURES if name not in elsewhere]
    shown = opened.by("figure").evaluate_all("(all) => all.map((one) => one.dataset.name)")
    assert sorted(shown) == sorted(drawn)
    figure = opened.page.locator('[data-testid="figure"][data-name="map"]')
    told = "Where the cameras are, and what they are compared with, drawn in words."
    expect(figure.locator("img")).to_have_attribute("alt", told)
    expect(figure.locator("figcaption")).to_contain_text("Look at where the cameras are")
    for kind in ("svg", "png", "csv"):
        with opened.page.expect_download() as saved:
            figure.get_by_test_id(f"export-{kind}").click()
        assert Path(saved.value.path()).read_bytes() == (lab_folder(lab) / "figures" / f"map.{kind}").read_bytes()
    with opened.page.expect_download() as saved:
        opened.by("report-pdf").first.click()
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF")
    with opened.page.expect_popup() as report:
        opened.by("report-html").first.click()
    expect(report.value.locator("h1")).to_have_text("A report")


def lab_folder(lab: FakeGateway) -> Path:
    assert lab.studies.home is not None
    return lab.studies.home.root / "impact" / SLUG


def test_methods_that_gave_no_answer_say_why(opener: Opener, lab: FakeGateway):
    opened = opener("/impact", gateway=lab)
    refused = opened.page.locator('[data-method="synthetic_control"]')
    expect(refused).to_contain_text("No answer. No weighting of 40 donors comes near")
    raw = opened.page.locator('[data-method="raw"]')
    expect(raw).to_contain_text("not causal")
    checked = opened.page.locator('[data-method="calibration_synthetic_control"]')
    expect(checked).to_contain_text("Robbins, Saunders and Kilmer 2017")
    checked.locator("summary").click()
    expect(checked).to_contain_text("Not passed: One place carries 9 %")
    expect(opened.by("guards")).to_contain_text("Choosing the busiest 90 cells of this city alone gives −49.9")


def test_an_outcome_with_few_incidents_has_no_percentages(opener: Opener, lab: FakeGateway):
    opened = opener("/impact", gateway=lab)
    opened.by("outcome-robbery").click()
    expect(opened.by("verdict")).to_contain_text("Not estimable")
    card = opened.by("claim-card")
    expect(card).to_contain_text("−5 incidents")
    expect(card).to_contain_text("Only 14 incidents before the cameras: under 20, no percentage is stated.")
    expect(opened.by("methods")).to_contain_text("−9 to +∞")
    assert "%" not in opened.by("methods").inner_text()
    expect(opened.page.locator('[data-name="forest-robbery"]')).to_have_count(1)
    expect(opened.page.locator('[data-name="forest-burglary"]')).to_have_count(0)
    expect(opened.by("part-sensitivity")).to_contain_text("The report has no figure of this for robbery.")
    assert opened.faults() == []


def test_the_keyboard_reaches_everything(opener: Opener, lab: FakeGateway):
    opened = opener("/impact", gateway=lab)
    expect(opened.by("study-entry")).to_have_count(2)
    opened.press("j")
    expect(opened.by("study").locator("h2")).to_have_text(SECOND)
    assert opened.page.url.endswith("?study=the-second-study")
    opened.press("k")
    expect(opened.by("study").locator("h2")).to_have_text(TITLE)
    opened.by("jumps").get_by_text("Placebos").focus()
    opened.press("Enter")
    expect(opened.by("part-placebos")).to_be_focused()
    expect(opened.by("part-placebos")).to_be_in_viewport()
    expect(opened.by("jumps").locator('[aria-current="location"]')).to_have_text("Placebos")
    opened.press("Tab")
    assert opened.page.evaluate("document.activeElement.closest('[data-testid=part-placebos]') !== null")


def test_an_address_opens_its_study(opener: Opener, lab: FakeGateway):
    opened = opener("/impact?study=the-second-study", gateway=lab)
    expect(opened.by("study").locator("h2")).to_have_text(SECOND)
    expect(opened.page).to_have_title(f"{SECOND} · Impact lab")


def test_without_studies_it_says_how_to_make_one(opener: Opener, gateways: Gateways, shots: Path):
    opened = opener("/impact", gateway=gateways(cameras=1, alerts=0))
    expect(opened.by("no-studies")).to_contain_text("rtcc impact run STUDY.toml -o report/ --publish")
    opened.page.screenshot(path=shots / "impact-empty.png")
    assert opened.faults() == []


def test_who_may_not_read_studies_is_told(opener: Opener, lab: FakeGateway):
    lab.studies.refused = {"impact": (403, "read what studies found: the role officer may not")}
    opened = opener("/impact", gateway=lab)
    expect(opened.by("no-list")).to_contain_text("the role officer may not")
    expect(opened.by("no-list").locator("a")).to_have_attribute("href", "/")
    assert opened.faults() == []


def test_what_cannot_be_read_is_said_and_tried_again(opener: Opener, lab: FakeGateway):
    lab.studies.refused = {f"impact/studies/{SLUG}": (503, "the report is broken; publish the report anew")}
    opened = opener("/impact", gateway=lab)
    expect(opened.by("study-refused")).to_contain_text("publish the report anew")
    assert opened.faults() == []
    lab.studies.refused = {}
    opened.by("study-refused").locator("button").click()
    expect(opened.by("study").locator("h2")).to_have_text(TITLE)
    expect(opened.by("study-refused")).to_have_count(0)


def test_a_figure_that_does_not_come_says_so(opener: Opener, lab: FakeGateway):
    lab.studies.refused = {f"impact/studies/{SLUG}/figures/forest-burglary.svg": (503, "no")}
    opened = opener("/impact", gateway=lab)
    figure = opened.page.locator('[data-name="forest-burglary"]')
    figure.scroll_into_view_if_needed()
    expect(figure).to_contain_text("This figure could not be loaded.")
    lab.studies.refused = {}
    figure.get_by_text("Try again").click()
    expect(figure.locator("img")).to_be_visible()


def shown_as(opened: Opened, state: str) -> None:
    expect(opened.by("link-state")).to_have_attribute("data-state", state)


def test_without_a_connection_it_says_how_old_everything_is_and_goes_on_by_itself(opener: Opener, lab: FakeGateway):
    opened = opener("/impact", gateway=lab)
    expect(opened.by("study").locator("h2")).to_have_text(TITLE)
    opened.page.context.set_offline(True)
    shown_as(opened, "down")
    expect(opened.by("no-connection")).to_contain_text("Nothing here is newer than")
    expect(opened.by("study").locator("h2")).to_have_text(TITLE)
    opened.page.context.set_offline(False)
    shown_as(opened, "live")
    expect(opened.by("no-connection")).to_have_count(0)
    lab.signed_out = True
    shown_as(opened, "signed_out")
    expect(opened.by("signed-out")).to_be_visible()


def test_a_study_published_anew_is_offered_not_exchanged(opener: Opener, gateways: Gateways, tmp_path: Path):
    gateway = gateways(cameras=1, alerts=0)
    gateway.studies.home = Home.create(tmp_path / "home")
    publish(write_report(tmp_path / "one"), gateway.studies.home)
    opened = opener("/impact", gateway=gateway)
    expect(opened.by("study").locator("h2")).to_have_text(TITLE)
    later = replace(made_findings(), primary_outcome="robbery")
    publish(write_report(tmp_path / "two", later), gateway.studies.home)
    opened.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(opened.by("published-anew")).to_be_visible()
    expect(opened.by("study")).to_contain_text("primary outcome burglary")
    opened.by("published-anew").locator("button").click()
    expect(opened.by("study")).to_contain_text("primary outcome robbery")
    expect(opened.by("published-anew")).to_have_count(0)


@pytest.mark.parametrize("palette", ["high_contrast", "colour_safe"])
def test_other_palettes_have_contrast_too(opener: Opener, lab: FakeGateway, palette: str):
    lab.desk.settings["palette"] = palette
    opened = opener("/impact", gateway=lab)
    expect(opened.page.locator(".rtcc-root")).to_have_attribute("data-palette", palette)
    expect(opened.by("verdict")).to_be_visible()
    assert opened.faults() == []


@pytest.mark.parametrize("size", [(390, 844), (1366, 768), (3840, 2160)], ids=["phone", "laptop", "4K"])
def test_nothing_stands_out_of_the_window(opener: Opener, lab: FakeGateway, size: tuple[int, int]):
    opened = opener("/impact", gateway=lab, size=size)
    expect(opened.by("methods")).to_be_attached()
    outside = opened.page.evaluate("""() => [...document.querySelectorAll('.rtcc-root *')]
        .filter((one) => !one.closest('.table-room, .jumps, .unseen, pre'))
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 90))""")
    assert outside == []
