"""Events and complaints about cameras become alerts, each the same alert however often it is raised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.observations import Event
from catalog.spans import Span, from_us, to_us
from workbench.feeds.feed_watch import HealthChange
from workbench.rules.alerting import (
    FOOTAGE_ENDED,
    RECOVERED,
    about_camera,
    alert_of_event,
    alert_of_health,
    closing_of_event,
    health_alert_id,
)

START_AT = from_us(1_800_000_000_000_000)
NOW = START_AT + timedelta(seconds=40)
DWELL = Event(
    "evt_1", "run_1", "seg_1", "cam", "mnt", "zone_dwell", "zone_dock", ("trk_1",), Span(START_AT), NOW,
    dwell_s=31.4, label="person", confidence=0.75,
)  # fmt: skip
DARK = replace(DWELL, event_id="evt_2", rule="camera_dark", zone_id=None, track_ids=(), dwell_s=None, label=None)
RULES = ("zone_dwell", "left_object", "line_cross")


def test_an_event_someone_must_answer_becomes_an_alert():
    alert = alert_of_event(DWELL, RULES, NOW)
    assert (alert.kind, alert.event_id, alert.camera_id, alert.rule) == ("rule", "evt_1", "cam", "zone_dwell")
    assert (alert.raised_at, alert.onset_at, alert.priority) == (NOW, START_AT, "P3")
    assert (alert.detail, alert.confidence) == ("person 31 s", 0.75)
    assert alert.provisional


def test_one_event_is_one_alert_whenever_it_is_raised():
    later = alert_of_event(replace(DWELL, dwell_s=50.0), RULES, NOW + timedelta(seconds=9))
    assert later.alert_id == alert_of_event(DWELL, RULES, NOW).alert_id
    other = alert_of_event(replace(DWELL, event_id="evt_3"), RULES, NOW)
    assert other.alert_id != later.alert_id


def test_a_rule_nobody_asked_for_raises_none():
    assert alert_of_event(replace(DWELL, rule="zone_enter"), RULES, NOW) is None


def test_what_is_about_the_camera_always_raises_one():
    alert = alert_of_event(DARK, (), NOW)
    assert (alert.kind, alert.priority, alert.detail) == ("camera_health", "P2", "")


@pytest.mark.parametrize(
    ("rule", "priority"),
    [("left_object", "P2"), ("camera_frozen", "P2"), ("camera_blurred", "P3"), ("line_cross", "P3")],
)
def test_priority_follows_the_rule(rule, priority):
    alert = alert_of_event(replace(DWELL, rule=rule, direction="forward", dwell_s=None), RULES, NOW)
    assert (alert.priority, alert.detail) == (priority, "person forward")


def test_the_end_of_what_is_about_the_camera_closes_its_alert():
    ended = replace(DARK, span=Span(START_AT, NOW), closed_by="left")
    closing = closing_of_event(ended, NOW)
    assert closing.alert_id == alert_of_event(DARK, (), NOW).alert_id
    assert (closing.closed_at, closing.outcome) == (NOW, RECOVERED)


def test_where_footage_ended_nothing_is_known_to_have_recovered():
    ended = replace(DARK, span=Span(START_AT, NOW), closed_by="gap")
    assert closing_of_event(ended, NOW).outcome == FOOTAGE_ENDED


@pytest.mark.parametrize(
    "event", [DARK, replace(DWELL, span=Span(START_AT, NOW), closed_by="left")], ids=["open", "people"]
)
def test_what_goes_on_and_what_people_answer_closes_nothing(event):
    assert closing_of_event(event, NOW) is None


def test_a_complaint_from_the_packets_is_an_alert_that_its_end_closes():
    begun = HealthChange("camera_lost", to_us(START_AT), "connected, but no packet comes")
    alert = alert_of_health("cam", begun, NOW)
    assert (alert.kind, alert.rule, alert.priority) == ("camera_health", "camera_lost", "P2")
    assert (alert.onset_at, alert.raised_at, alert.detail) == (START_AT, NOW, "connected, but no packet comes")
    assert (alert.event_id, alert.provisional) == (None, False)
    assert health_alert_id("cam", replace(begun, ended_at_us=to_us(NOW))) == alert.alert_id
    assert health_alert_id("cam-2", begun) != alert.alert_id


def test_which_rules_are_about_the_camera():
    assert about_camera("camera_clock")
    assert not about_camera("zone_dwell")
