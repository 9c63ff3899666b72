"""Whole gestures through all that runs: a device reports, an officer answers, a camera dies and comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.apps.center.conftest import CommandCenter, SignIn
from tests.ray_jobs.live.city import Book
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(400)]

SHOTS = os.environ.get("RTCC_SCREENSHOTS", "")
"""Folder in which screenshots are kept, where one is named."""


def test_a_panic_report_opens_its_cameras_and_is_answered_to_its_end(center: CommandCenter, sign_in: SignIn):
    desk = sign_in("reed", view="split")
    expect(desk.by("link-state")).to_have_attribute("data-state", "live")
    alert_id = center.report("panic", detail="front office")
    card = desk.card(alert_id)
    expect(card).to_have_attribute("data-state", "raised")
    expect(desk.by("alert-card").first).to_have_attribute("data-alert-id", alert_id)
    for camera_id in center.camera_ids[:3]:  # the nearest
        expect(desk.tile(camera_id)).to_have_attribute("data-state", "live")
    if SHOTS:
        desk.page.wait_for_timeout(3000)
        desk.page.screenshot(path=Path(SHOTS) / "operations.png")
    card.get_by_test_id("btn-acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    card.get_by_test_id("btn-assign").click()
    expect(card).to_have_attribute("data-state", "assigned")
    card.get_by_test_id("btn-close").click()
    desk.by("outcome-resolved").check()
    desk.by("confirm-close").click()
    expect(card).to_have_count(0)
    steps = center.steps(alert_id)
    assert [step["kind"] for step in steps] == ["acknowledge", "assign", "close"]
    assert {step["actor"] for step in steps} == {"reed"}
    lines = Book(center.home).ask(
        f"select actor from lake.audit where parameters like '%{alert_id}%' order by line"
    )
    assert [line["actor"] for line in lines].count("reed") >= len(steps)


def test_a_plate_hit_is_sent_to_nobody_before_a_person_has_typed_it(center: CommandCenter, sign_in: SignIn):
    desk = sign_in("reed")
    expect(desk.by("link-state")).to_have_attribute("data-state", "live")
    alert_id = center.report(
        "plate", plate="HND 4128", confidence=0.91, camera_id=center.camera_ids[0],
        seen_at="2026-11-01T00:00:00Z", hotlist={"reason": "stolen", "vehicle": "white pickup"},
    )  # fmt: skip
    card = desk.card(alert_id)
    card.get_by_test_id("btn-acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    assert "4128" not in desk.page.content()
    card.get_by_test_id("btn-verify").click()
    desk.by("input-plate").fill("hnd4129")
    desk.by("check-vehicle").check()
    desk.by("confirm-verify").click()
    expect(desk.by("verify-result")).to_contain_text("match")
    assert "4128" not in desk.page.content()
    desk.by("input-plate").fill("hnd-4128")
    desk.by("confirm-verify").click()
    desk.page.keyboard.press("Escape")
    expect(card).to_contain_text("HND 4128")
    card.get_by_test_id("btn-assign").click()
    expect(card).to_have_attribute("data-state", "assigned")
    typed = [step for step in center.steps(alert_id) if step["kind"] == "verify"]
    assert len(typed) == 2


def test_two_officers_never_both_own_an_alert(center: CommandCenter, sign_in: SignIn):
    reed, price = sign_in("reed"), sign_in("price")
    for desk in (reed, price):
        expect(desk.by("link-state")).to_have_attribute("data-state", "live")
    alert_id = center.report("panic", detail="again")
    for desk in (reed, price):
        expect(desk.card(alert_id)).to_have_attribute("data-state", "raised")
    price.page.route("**/v1/stream*", lambda route: route.abort())
    reed.card(alert_id).get_by_test_id("btn-assign").click()
    expect(reed.card(alert_id)).to_have_attribute("data-state", "assigned")
    expect(price.card(alert_id)).to_contain_text("Reed")
    steps = center.steps(alert_id)
    assert {step["actor"] for step in steps} == {"reed"}


def test_a_camera_that_dies_says_so_and_comes_back_by_itself(center: CommandCenter, sign_in: SignIn):
    desk = sign_in("reed", view="split")
    alert_id = center.report("panic", detail="watch")
    expect(desk.card(alert_id)).to_have_count(1)
    camera_id = center.camera_ids[0]
    expect(desk.tile(camera_id)).to_have_attribute("data-state", "live")
    eventually(lambda: desk.mark_on_map(camera_id) == "camera-city-live", "the map shows it live")
    center.feeds.kill()
    expect(desk.tile(camera_id)).not_to_have_attribute("data-state", "live", timeout=30_000)
    eventually(lambda: desk.mark_on_map(camera_id) == "camera-city-lost", "the map shows it lost")
    center.feeds.start()
    expect(desk.tile(camera_id)).to_have_attribute("data-state", "live", timeout=60_000)
    eventually(lambda: desk.mark_on_map(camera_id) == "camera-city-live", "the map shows it live again")


def test_a_page_outlives_its_kernel_and_the_gateway(center: CommandCenter, sign_in: SignIn):
    desk = sign_in("ortiz")
    expect(desk.by("link-state")).to_have_attribute("data-state", "live")
    killed = {part: center.pid(part) for part in ("pages", "gateway")}
    os.kill(killed["pages"], signal.SIGKILL)  # and the page's kernel with it
    os.kill(killed["gateway"], signal.SIGKILL)
    expect(desk.by("link-state")).not_to_have_attribute("data-state", "live")
    eventually(
        lambda: all(center.pid(part) not in (0, was) for part, was in killed.items()), "both are started", 60
    )
    eventually(center.up, "every part is up again", 60)
    expect(desk.by("link-state")).to_have_attribute("data-state", "live")
    alert_id = center.report("panic", detail="after the restart")
    expect(desk.card(alert_id)).to_have_count(1)


@pytest.mark.parametrize(("name", "path"), [("ortiz", "/supervisor"), ("reed", "/phone/{alert_id}")])
def test_the_other_pages_come_up(center: CommandCenter, sign_in: SignIn, name: str, path: str):
    alert_id = center.report("panic", detail="for the pages")
    desk = sign_in(name, path.format(alert_id=alert_id), size=(390, 844) if "phone" in path else (1920, 1080))
    expect(desk.by("link-state")).to_have_attribute("data-state", "live")
    if SHOTS:
        desk.page.wait_for_timeout(3000)
        desk.page.screenshot(path=Path(SHOTS) / f"{path.split('/')[1]}.png")
