"""The pages as a whole: nothing from elsewhere, legible to everybody, right on every screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.workbench.widgets.conftest import Gateways, Opened, Opener

pytestmark = pytest.mark.browser

LIVE_TILES = "document.querySelectorAll('[data-testid=tile][data-state=live]').length >= 4"


def overflowing(opened: Opened) -> list[str]:
    """Return what stands out of the window, or is cut off without a way to scroll."""
    found = opened.page.evaluate("""() => [...document.querySelectorAll('.rtcc-root button, .rtcc-root .kpi')]
        .filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width && box.right > innerWidth + 1;
        })
        .map((one) => one.outerHTML.slice(0, 90))""")
    return [str(one) for one in found]


def test_a_request_elsewhere_would_be_noticed(opener: Opener):
    opened = opener()
    elsewhere = "http://elsewhere.invalid/style.json"
    assert opened.page.evaluate(f"fetch('{elsewhere}').catch(() => 'aborted')") == "aborted"
    assert opened.foreign == [elsewhere]
    opened.foreign.clear()


def test_the_operations_page_is_whole_and_accessible(opener: Opener, shots: Path):
    opened = opener(view="split", cameras=640, size=(1920, 1080))
    expect(opened.by("map")).to_have_attribute("data-ready", "1", timeout=60_000)
    opened.page.wait_for_function(LIVE_TILES)
    opened.page.screenshot(path=shots / "operations.png")
    opened.press("j", "j", "j")
    expect(opened.by("dock-camera")).to_have_count(6)
    assert opened.faults() == []
    assert overflowing(opened) == []
    opened.press("h")
    expect(opened.by("handover")).to_be_visible()
    assert opened.faults() == []


def test_the_city_may_supply_its_map_as_pmtiles(opener: Opener, gateways: Gateways):
    gateway = gateways(cameras=60)
    gateway.desk.basemap = "pmtiles"
    opened = opener(view="map", gateway=gateway, size=(1100, 700))
    expect(opened.by("map")).to_have_attribute("data-ready", "1", timeout=60_000)
    drawn = opened.page.evaluate(
        "rtccProbe.map.queryRenderedFeatures({ layers: ['highway-streets', 'main-streets'] }).length"
    )
    assert drawn > 3


@pytest.mark.parametrize("size", [(1366, 768), (3840, 2160)], ids=["laptop", "4K"])
def test_it_fits_a_laptop_and_a_wall_screen(opener: Opener, size: tuple[int, int]):
    opened = opener(size=size)
    expect(opened.by("alert-card").first).to_be_visible()
    opened.press("j")
    assert overflowing(opened) == []
    smallest = opened.page.evaluate("""() => Math.min(...[...document.querySelectorAll('.rtcc-root *')]
        .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .filter((one) => one.checkVisibility())
        .map((one) => parseFloat(getComputedStyle(one).fontSize)))""")
    assert smallest >= (10 if size[0] < 1920 else 18)


@pytest.mark.parametrize("palette", ["high_contrast", "colour_safe"])
def test_other_palettes_have_contrast_too(opener: Opener, palette: str):
    opened = opener()
    opened.by("open-settings").click()
    opened.by(f"palette-{palette}").check()
    expect(opened.page.locator(".rtcc-root")).to_have_attribute("data-palette", palette)
    assert opened.gateway.desk.settings["palette"] == palette
    assert opened.faults() == []


def test_the_supervisor_sees_people_load_ageing_outcomes_rules_and_watches(opener: Opener, shots: Path):
    opened = opener("/supervisor", size=(1920, 1080))
    expect(opened.by("people").locator(".person")).to_have_count(5)
    expect(opened.by("scorecards").locator("tbody tr")).to_have_count(7)
    expect(opened.by("watches")).to_contain_text("No reason, closes in")
    expect(opened.by("outcomes")).to_contain_text("False alarm")
    expect(opened.by("ageing")).to_contain_text("late")
    opened.page.screenshot(path=shots / "supervisor.png")
    assert opened.faults() == []
    assert overflowing(opened) == []
    row = opened.page.locator('[data-testid="ageing-row"][data-alert-id="alr_0002"]')
    row.get_by_test_id("ageing-assign").click()
    opened.page.locator('[data-testid="assign-person"][data-actor="dross"]').click()
    expect(row).to_contain_text("Assigned · D. Ross")
    expect(opened.by("people").locator('[data-actor="dross"] .load')).to_contain_text("1")


@pytest.mark.parametrize(
    ("page", "ways"), [("/operations", ["/supervisor"]), ("/supervisor", ["/operations", "/impact"])]
)
def test_from_supervision_a_supervisor_goes_anywhere(
    opener: Opener, gateways: Gateways, shots: Path, page: str, ways: list[str]
):
    gateway = gateways(cameras=60)
    gateway.desk.me = "tgray"
    opened = opener(page, gateway=gateway)
    links = opened.page.locator(".other-page")
    expect(links).to_have_count(len(ways))
    assert links.evaluate_all("(all) => all.map((one) => one.getAttribute('href'))") == ways
    opened.page.screenshot(path=shots / f"{page[1:]}_of_supervisor.png")
    assert overflowing(opened) == []


def test_an_officer_in_the_field_answers_one_alert_by_thumb(opener: Opener, shots: Path):
    opened = opener("/phone/alr_0002", size=(390, 844))
    expect(opened.by("map")).to_have_attribute("data-ready", "1", timeout=60_000)
    opened.page.screenshot(path=shots / "phone.png")
    assert opened.faults() == []
    assert overflowing(opened) == []
    card = opened.card("alr_0002")
    heights = card.locator(".steps button").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    assert min(heights) >= 48
    card.get_by_test_id("btn-acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    card.get_by_test_id("btn-assign").click()
    card.get_by_test_id("btn-on-scene").click()
    expect(card).to_have_attribute("data-state", "on_scene")
    opened.by("note-text").fill("Two people, calm.")
    opened.by("note-text").press("Enter")
    expect(card).to_contain_text("Two people, calm.")
    card.get_by_test_id("btn-close").click()
    opened.by("outcome-resolved").check()
    opened.by("confirm-close").click()
    expect(card).to_have_attribute("data-state", "closed")


def test_a_phone_without_an_alert_offers_the_open_ones(opener: Opener):
    opened = opener("/phone", size=(390, 844))
    expect(opened.by("phone-choice")).to_have_count(12)
    opened.by("phone-choice").first.click()
    expect(opened.by("alert-card")).to_be_visible()
