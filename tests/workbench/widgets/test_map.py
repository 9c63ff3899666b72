"""The map: signs change without the ground, and what is clicked is what stands there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.workbench.widgets.conftest import Opened, Opener

pytestmark = pytest.mark.browser

AROUND = """([layer, id]) => {
    const { map, signs } = rtccProbe;
    const { lon, lat } = signs.layers[layer].find((one) => one.id === id);
    const { x, y } = map.project([lon, lat]);
    const [left, top] = [x, y].map((at) => Math.round(at * signs.ratio) - 5);
    return { x, y, pixels: [...signs.pen.getImageData(left, top, 11, 11).data] };
}"""
"""Where a sign stands on the map, CSS pixels, and what is drawn there."""


@pytest.fixture
def opened(opener: Opener) -> Opened:
    """A map of a city that is drawn, and at rest."""
    opened = opener(view="map", size=(1100, 700), alerts=3)
    expect(opened.by("map")).to_have_attribute("data-ready", "1", timeout=60_000)
    return opened


def around(opened: Opened, layer: str, thing_id: str) -> dict[str, Any]:
    found: dict[str, Any] = opened.page.evaluate(AROUND, [layer, thing_id])
    return found


def click(opened: Opened, layer: str, thing_id: str) -> None:
    at = around(opened, layer, thing_id)
    opened.by("map").click(position={"x": at["x"], "y": at["y"]})


def test_a_camera_turns_and_comes_back_while_the_ground_stays(opened: Opened):
    camera_id = next(
        one["camera_id"] for one in opened.gateway.desk.cameras.values() if one["state"] == "recording"
    )
    live = around(opened, "cameras", camera_id)
    opened.page.evaluate("window.drawn = 0; rtccProbe.map.on('render', () => window.drawn++)")

    def shows(state: str, mark: str) -> None:
        opened.gateway.set_camera(camera_id, state=state)
        drawn = f"rtccProbe.signs.layers.cameras.find((one) => one.id === {json.dumps(camera_id)}).mark"
        opened.page.wait_for_function(f"{drawn}.endsWith('-{mark}') && !rtccProbe.signs.due")

    shows("lost", "lost")
    assert around(opened, "cameras", camera_id) != live
    shows("recording", "live")
    assert around(opened, "cameras", camera_id) == live
    assert opened.page.evaluate("window.drawn") == 0


def test_signs_go_with_the_ground(opened: Opened):
    camera_id = next(iter(opened.gateway.desk.cameras))
    before = around(opened, "cameras", camera_id)
    opened.page.evaluate("""() => new Promise((rest) => {
        rtccProbe.map.once('idle', () => rest(null));
        rtccProbe.map.panBy([120, 40], { animate: false });
    })""")
    after = around(opened, "cameras", camera_id)
    assert (before["x"] - after["x"], before["y"] - after["y"]) == (pytest.approx(120), pytest.approx(40))
    assert any(after["pixels"])


def test_a_click_on_a_sign_picks_what_stands_there(opened: Opened):
    alert_id = opened.page.evaluate("rtccProbe.signs.layers.alerts.at(-1).id")
    click(opened, "alerts", alert_id)
    expect(opened.card(alert_id)).to_have_attribute("aria-current", "true")


def test_a_click_beside_every_sign_picks_nothing(opened: Opened):
    opened.by("map").click(position={"x": 3, "y": 3})
    expect(opened.page.locator('[data-testid="alert-card"][aria-current="true"]')).to_have_count(0)
