from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from catalog.consent import Consent, consent_for, live_consent_for
from catalog.errors import BadInput
from catalog.registry import Camera
from catalog.spans import Span

START = datetime(2026, 3, 1, tzinfo=UTC)
ASKED_AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
STORE = Camera("store", "Store", owner_id="ann", legal_basis="voluntary", sharing="on_request")


def given(**more: Any) -> Consent:
    fields: dict[str, Any] = {
        "consent_id": "con", "grantor": "ann", "camera_ids": ("store",), "purposes": ("investigation",),
        "span": Span(START),
    }  # fmt: skip
    return Consent(**{**fields, **more})


def opens(consent: Consent, at: datetime, *, camera: Camera = STORE, purpose: str = "investigation") -> bool:
    return consent_for(camera, purpose, Span(at), ASKED_AT, [consent]) is consent


def test_without_a_consent_a_private_camera_is_closed() -> None:
    assert consent_for(STORE, "investigation", Span(START), ASKED_AT, []) is None


def test_a_consent_opens_footage_from_its_start_on() -> None:
    assert opens(given(), START)
    assert not opens(given(), START - timedelta(microseconds=1))


def test_a_consent_for_one_purpose_opens_nothing_for_another() -> None:
    assert not opens(given(), START, purpose="analysis")


def test_a_withdrawal_closes_at_the_very_instant() -> None:
    assert not opens(given(withdrawn_at=ASKED_AT), START)
    assert opens(given(withdrawn_at=ASKED_AT + timedelta(microseconds=1)), START)


def test_a_consent_that_ran_out_closes_what_it_had_opened() -> None:
    assert not opens(given(span=Span(START, ASKED_AT)), START)


@pytest.mark.parametrize("sharing", ["registry_only", "on_incident"])
def test_no_consent_opens_the_archive_of_a_camera_that_is_not_shared_so_far(sharing: Any) -> None:
    assert not opens(given(), START, camera=Camera("store", "Store", legal_basis="voluntary", sharing=sharing))


def test_a_consent_to_watch_live_opens_no_recording() -> None:
    assert not opens(given(archived=False, live=True), START)


def test_both_ends_of_the_footage_must_lie_inside_one_consent() -> None:
    first, second = (
        given(span=Span(START, ASKED_AT + timedelta(days=1))),
        given(span=Span(ASKED_AT - timedelta(days=1))),
    )
    long = Span(START, ASKED_AT + timedelta(days=2))
    assert consent_for(STORE, "investigation", long, ASKED_AT, [first, second]) is None


@pytest.mark.parametrize(
    ("hours", "local", "is_open"),
    [
        (("08:00", "17:00"), "07:59", False),
        (("08:00", "17:00"), "08:00", True),
        (("08:00", "17:00"), "16:59", True),
        (("08:00", "17:00"), "17:00", False),
        (("22:00", "06:00"), "23:30", True),
        (("22:00", "06:00"), "05:59", True),
        (("22:00", "06:00"), "06:00", False),
        (("00:00", "24:00"), "23:59", True),
        (("08:00", "08:00"), "08:00", False),
    ],
)
def test_hours_hold_on_the_owners_clock(hours: tuple[str, str], local: str, is_open: bool) -> None:
    chicago = datetime.fromisoformat(f"2026-03-18T{local}:30-05:00")
    assert opens(given(hours_from=hours[0], hours_until=hours[1]), chicago) is is_open


def test_hours_follow_the_clock_through_its_change() -> None:
    consent = given(hours_from="08:00", hours_until="09:00", span=Span(START))
    assert opens(consent, datetime(2026, 3, 7, 14, 30, tzinfo=UTC))
    assert not opens(consent, datetime(2026, 3, 9, 14, 30, tzinfo=UTC))
    assert opens(consent, datetime(2026, 3, 9, 13, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "more",
    [
        {"camera_ids": ()},
        {"purposes": ()},
        {"hours_from": "08:00"},
        {"hours_from": "8:00", "hours_until": "17:00"},
        {"hours_from": "08:00", "hours_until": "25:00"},
        {"hours_from": "08:00", "hours_until": "17:00\n"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc"},
    ],
    ids=str,
)
def test_a_consent_that_could_not_be_kept_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        given(**more)


any_consent = st.builds(
    given,
    camera_ids=st.sampled_from([("store",), ("a", "store"), ("a",)]),
    purposes=st.sampled_from([("investigation",), ("analysis",)]),
    span=st.sampled_from(
        [Span(START), Span(START, ASKED_AT), Span(ASKED_AT), Span(ASKED_AT + timedelta(seconds=1))]
    ),
    archived=st.booleans(),
    live=st.booleans(),
    hours_from=st.just("08:00"),
    hours_until=st.sampled_from(["07:00", "08:00", "24:00"]),
    time_zone=st.sampled_from(["America/Chicago", "Asia/Kathmandu"]),
    withdrawn_at=st.sampled_from([None, ASKED_AT, ASKED_AT + timedelta(seconds=1)]),
)
any_camera = st.builds(
    lambda sharing, basis: replace(STORE, sharing=sharing, legal_basis=basis),
    st.sampled_from(["registry_only", "on_request", "on_incident", "continuous"]),
    st.sampled_from(["voluntary", "ordinance", "warrant"]),
)


@hypothesis.given(any_camera, st.lists(any_consent, max_size=4), st.integers(0, 47))
def test_a_feed_is_open_exactly_while_its_footage_would_be_and_a_consent_says_live(
    camera, consents, half_hour
) -> None:
    asked_at = ASKED_AT + timedelta(minutes=30 * half_hour)
    found = live_consent_for(camera, "investigation", asked_at, consents)
    now = Span(asked_at, asked_at)
    lawful = [
        consent
        for consent in consents
        if consent.live and consent.archived and consent_for(camera, "investigation", now, asked_at, [consent])
    ]
    assert (found is None) == (not lawful)
    assert found is None or found is lawful[0]


def test_what_may_be_watched_and_not_kept_is_closed_since_what_is_watched_is_recorded() -> None:
    for terms in ({"live": False}, {"live": True, "archived": False}):
        assert live_consent_for(STORE, "investigation", ASKED_AT, [given(**terms)]) is None
    assert live_consent_for(STORE, "investigation", ASKED_AT, [given(live=True)]) is not None
