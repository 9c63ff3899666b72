"""Whole gestures at the operations page: what arrives, is answered, is refused; by keyboard as by mouse."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.workbench.widgets.conftest import Opener
from tests.workbench.widgets.fake import city
from tests.workbench.widgets.fake.desk import PLATE

pytestmark = pytest.mark.browser

HIT, CROSSING = "alr_0000", "alr_0002"
"""A plate hit and a rule's alert of the made-up evening."""


def state_of(opened: Any, alert_id: str) -> str:
    return str(opened.gateway.desk.alerts[alert_id]["state"])


def test_a_panic_report_comes_on_top_opens_its_cameras_and_is_answered_to_its_end(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    before = [tile.get_attribute("data-camera-id") for tile in opened.by("tile").all()]
    panic = opened.gateway.raise_alert(city.panic(77, datetime.now(UTC)))
    near = opened.gateway.near({"lon": panic["lon_deg"], "lat": panic["lat_deg"]})["cameras"]
    nearest = [camera["camera_id"] for camera in near[:3]]
    opened.gateway.order_wall(panic["alert_id"], nearest)
    expect(opened.by("alert-card").first).to_have_attribute("data-alert-id", panic["alert_id"])
    expect(opened.by("announcer")).to_contain_text("Panic button: Lanier High School")
    expect(opened.by("wall-order")).to_contain_text("3 nearest cameras opened")
    for camera_id in nearest:
        expect(opened.tile(camera_id)).to_be_visible()
    assert all(
        f"alert_id={panic['alert_id']}" in query
        for camera, query in opened.gateway.media.opened
        if camera in nearest
    )

    card = opened.card(panic["alert_id"])
    card.get_by_test_id("btn-acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    card.get_by_test_id("btn-assign").click()
    expect(card).to_have_attribute("data-state", "assigned")
    card.get_by_test_id("btn-on-scene").click()
    expect(card).to_have_attribute("data-state", "on_scene")
    card.get_by_test_id("btn-close").click()
    expect(opened.by("confirm-close")).to_be_disabled()
    opened.by("outcome-resolved").check()
    opened.by("confirm-close").click()
    expect(card).to_have_count(0)
    expect(opened.by("wall-order")).to_contain_text("closed")
    opened.by("wall-restore").click()
    expect(opened.by("wall-order")).to_have_count(0)
    assert [tile.get_attribute("data-camera-id") for tile in opened.by("tile").all()] == before
    taken = [step["kind"] for step in opened.gateway.desk.steps[panic["alert_id"]]]
    assert taken == ["acknowledge", "assign", "on_scene", "close"]


def test_an_alert_is_answered_without_a_mouse(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    opened.press("j", "j", "j")
    expect(opened.card(CROSSING)).to_have_attribute("aria-current", "true")
    expect(opened.by("dock")).to_be_visible()
    opened.press("a")
    expect(opened.card(CROSSING)).to_have_attribute("data-state", "acknowledged")
    opened.press("s")
    expect(opened.card(CROSSING)).to_have_attribute("data-state", "assigned")
    opened.press("e", "o")
    expect(opened.card(CROSSING)).to_contain_text("Escalated")
    opened.press("o", "c")
    expect(opened.by("dialog-close")).to_be_visible()
    opened.press("2", "Enter")
    expect(opened.card(CROSSING)).to_have_count(0)
    assert opened.gateway.desk.alerts[CROSSING]["outcome"] == "false_alarm"


def test_other_keys_do_what_they_say(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    for key, size in (("2", "9"), ("3", "16"), ("1", "4")):
        opened.press(key)
        expect(opened.by(f"wall-size-{size}")).to_have_attribute("aria-pressed", "true")
    opened.press("?")
    expect(opened.by("dialog-help")).to_contain_text("acknowledge")
    opened.press("Escape")
    opened.press("/")
    opened.page.keyboard.type("abandoned")
    expect(opened.by("alert-card")).to_have_count(1)
    opened.press("Escape")
    expect(opened.by("alert-card")).to_have_count(12)
    opened.press("j", "k", "w")
    expect(opened.tile(opened.gateway.desk.alerts[HIT]["camera_id"])).to_be_visible()
    opened.press("z")
    opened.by("snooze-10").click()
    expect(opened.card(HIT)).to_contain_text("Snoozed until")
    opened.by("open-settings").click()
    opened.by("set-keys").uncheck()
    opened.press("a")
    expect(opened.card(HIT)).to_have_attribute("data-state", "raised")


def test_a_plate_hit_is_believed_only_after_a_person_read_it(opener: Opener):
    opened = opener()
    card = opened.card(HIT)
    expect(card.get_by_test_id("plate")).to_have_text("Plate not verified")
    expect(card.get_by_test_id("btn-assign")).to_have_count(0)
    card.get_by_test_id("btn-verify").click()
    expect(opened.by("dialog-verify")).to_contain_text("white pickup")
    expect(opened.by("input-plate")).to_have_value("")
    expect(opened.by("input-plate")).to_be_focused()
    assert PLATE not in opened.page.content()
    opened.page.keyboard.type("lsk 4417")
    opened.by("check-vehicle").check()
    opened.by("confirm-verify").click()
    expect(opened.by("verify-result")).to_have_attribute("data-result", "unlike")
    assert PLATE not in opened.page.content()
    opened.by("input-plate").fill("lsk-4471")
    opened.by("confirm-verify").click()
    expect(opened.by("verify-result")).to_have_attribute("data-result", "verified")
    opened.press("Escape")
    expect(card.get_by_test_id("plate")).to_have_text(PLATE)
    expect(card.get_by_test_id("btn-assign")).to_be_visible()
    card.click()
    expect(opened.by("dock")).to_have_count(1)
    expect(opened.by("dock").get_by_label("Steps", exact=True)).to_contain_text("found plate or vehicle unlike")


def test_who_was_quicker_is_named_and_nothing_is_shown_as_done(opener: Opener):
    opened = opener()
    card = opened.card(CROSSING)
    expect(card).to_be_visible()
    opened.gateway.step_as("kbell", CROSSING, tell=False, kind="acknowledge")
    card.get_by_test_id("btn-acknowledge").click()
    expect(card.get_by_test_id("card-note")).to_have_text("K. Bell has it. Nothing of yours was sent.")
    expect(card).to_contain_text("Acknowledged · K. Bell")
    assert opened.gateway.desk.alerts[CROSSING]["acknowledged_by"] == "kbell"


def repeated(opened: Any, alert_id: str) -> None:
    """Count a repeat that the page has not heard of yet."""
    alert = opened.gateway.desk.alerts[alert_id]
    alert.update(
        version=alert["version"] + 1, repeats=alert["repeats"] + 1, last_onset_at=datetime.now(UTC).isoformat()
    )


def test_a_repeat_between_look_and_click_does_not_undo_the_click(opener: Opener):
    opened = opener()
    card = opened.card(CROSSING)
    expect(card).to_be_visible()
    repeated(opened, CROSSING)
    card.get_by_test_id("btn-acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    expect(card.get_by_test_id("card-note")).to_have_count(0)
    assert [step["kind"] for step in opened.gateway.desk.steps[CROSSING]] == ["acknowledge"]


def test_nobody_closes_an_alert_over_a_repeat_they_have_not_seen(opener: Opener):
    opened = opener()
    card = opened.card(CROSSING)
    card.get_by_test_id("btn-assign").click()
    expect(card).to_have_attribute("data-state", "assigned")
    card.get_by_test_id("btn-close").click()
    opened.by("outcome-false_alarm").check()
    repeated(opened, CROSSING)
    opened.by("confirm-close").click()
    expect(card.get_by_test_id("card-note")).to_contain_text("It changed meanwhile")
    assert state_of(opened, CROSSING) == "assigned"


def test_a_step_that_was_not_heard_is_not_shown_as_taken(opener: Opener):
    opened = opener()
    card = opened.card(CROSSING)
    expect(card).to_be_visible()
    opened.page.context.route(re.compile("/steps$"), lambda route: route.abort())
    card.get_by_test_id("btn-acknowledge").click()
    expect(card.get_by_test_id("card-note")).to_contain_text("Nothing was changed")
    expect(card).to_have_attribute("data-state", "raised")


def test_an_alert_is_handed_to_somebody_who_is_on(opener: Opener):
    opened = opener()
    opened.card(CROSSING).get_by_test_id("btn-assign-to").click()
    opened.page.locator('[data-testid="assign-person"][data-actor="jortiz"]').click()
    expect(opened.card(CROSSING)).to_contain_text("Assigned · J. Ortiz")


def test_words_in_an_alert_are_words_and_no_markup(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    said = "<img src=x onerror=alert(1)> <b>fire</b>"
    alert = city.alert(79, None, datetime.now(UTC), kind="person", title=said, priority="P1", rank=1, plate=None)
    opened.gateway.raise_alert(alert)
    expect(opened.card(alert["alert_id"]).locator("h3")).to_contain_text(said)


def test_of_a_thousand_alerts_only_those_in_sight_are_drawn(opener: Opener):
    opened = opener(alerts=1000)
    expect(opened.by("kpi-open")).to_have_text("1000")
    expect(opened.by("alert-card").first).to_be_visible()
    assert opened.by("alert-card").count() < 60
    opened.page.wait_for_function("""() => {
        const list = document.querySelector(".cards");
        list.scrollTop = list.scrollHeight; // its length is a guess until the cards have come by
        return list.querySelector('[aria-posinset="1000"]') !== null;
    }""")
    assert opened.by("alert-card").count() < 60


def test_a_new_alert_by_hand_and_the_hand_over_at_the_end_of_the_shift(opener: Opener):
    opened = opener()
    opened.by("raise-by-hand").click()
    opened.by("raise-title").fill("Caller reports smoke")
    opened.by("confirm-raise").click()
    expect(opened.by("alert-card").filter(has_text="Caller reports smoke")).to_be_visible()
    opened.by("open-handover").click()
    expect(opened.by("handover")).to_contain_text("What happened")
    opened.by("handover-text").fill("Smoke on Pearl St is being looked at.")
    opened.press("Escape")
    opened.press("h")
    expect(opened.by("handover-text")).to_have_value("Smoke on Pearl St is being looked at.")
    opened.by("handover-save").click()
    expect(opened.by("handover-saved")).to_be_visible()
    expect(opened.by("handover")).to_contain_text("Smoke on Pearl St is being looked at.")
    assert opened.gateway.desk.notes[0]["text"] == "Smoke on Pearl St is being looked at."


LISTEN = """
    window.tones = [];
    OscillatorNode.prototype.start = function () { tones.push(Math.round(this.frequency.value)); };
    OscillatorNode.prototype.stop = () => {};
    true;
"""


def test_only_who_wants_to_hear_alerts_hears_them_each_priority_its_own(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    opened.page.evaluate(LISTEN)
    for number, priority in ((90, "P2"), (91, "P1")):
        alert = city.alert(number, None, datetime.now(UTC), kind="person", priority=priority, plate=None)
        opened.gateway.raise_alert(alert)
        expect(opened.card(alert["alert_id"])).to_have_count(1)
        if priority == "P2":
            assert opened.page.evaluate("tones") == []
            opened.by("open-settings").click()
            opened.by("set-sound").check()
            expect(opened.by("set-volume")).to_be_enabled()  # the gateway has kept it
    opened.page.wait_for_function("tones.length > 0")
    assert opened.page.evaluate("tones") == [660, 880, 1100]
