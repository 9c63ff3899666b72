"""A page outlives its connection, its session and its gateway, and says how old it is meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.workbench.widgets.conftest import Opener
from tests.workbench.widgets.fake import city

pytestmark = pytest.mark.browser


def raised(opened, number: int) -> str:
    """Keep an alert at the gateway without telling the page."""
    return str(opened.gateway.desk.keep(city.alert(number, None, datetime.now(UTC), kind="person"))["alert_id"])


def test_it_comes_back_by_itself_with_what_it_missed(opener: Opener):
    opened = opener()
    expect(opened.by("link-state")).to_have_attribute("data-state", "live")
    opened.gateway.refusing = True
    opened.gateway.drop_links()
    expect(opened.by("link-state")).to_have_attribute("data-state", "down")
    expect(opened.by("no-connection")).to_contain_text("Nothing here is newer than")
    expect(opened.by("alert-card")).to_have_count(12)
    missed = raised(opened, 80)
    opened.gateway.refusing = False
    expect(opened.card(missed)).to_be_visible(timeout=8_000)
    expect(opened.by("link-state")).to_have_attribute("data-state", "live")
    expect(opened.by("no-connection")).to_have_count(0)


def test_a_connection_that_only_looks_alive_is_given_up(opener: Opener):
    opened = opener()
    expect(opened.by("link-state")).to_have_attribute("data-state", "live")
    opened.gateway.silent = True
    expect(opened.by("link-state")).to_have_attribute("data-state", "stale")
    expect(opened.by("link-state")).to_contain_text("3 s")
    missed = raised(opened, 81)
    expect(opened.card(missed)).to_be_visible()  # a new snapshot, by a new connection


def test_a_message_lost_on_the_way_is_noticed(opener: Opener):
    opened = opener()
    expect(opened.by("link-state")).to_have_attribute("data-state", "live")
    missed = raised(opened, 82)
    opened.gateway.skip()
    expect(opened.card(missed)).to_be_visible(timeout=8_000)


def test_an_ended_session_keeps_the_page_and_shows_where_to_sign_in(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    opened.gateway.signed_out = True
    opened.card("alr_0002").get_by_test_id("btn-acknowledge").click()
    expect(opened.by("signed-out")).to_contain_text("Your session has ended")
    opened.gateway.drop_links(4401)
    expect(opened.by("link-state")).to_have_attribute("data-state", "signed_out")
    expect(opened.by("alert-card")).to_have_count(12)
    assert opened.gateway.desk.alerts["alr_0002"]["state"] == "raised"
    with opened.page.context.expect_page() as new:
        opened.by("signed-out").get_by_role("link").click()
    new.value.close()
    expect(opened.by("signed-out")).to_have_count(0)
    expect(opened.by("link-state")).to_have_attribute("data-state", "live")


def test_it_can_be_taken_down_and_put_up_again(opener: Opener):
    opened = opener()
    expect(opened.by("alert-card")).to_have_count(12)
    opened.page.evaluate("unmount()")
    expect(opened.by("alert-card")).to_have_count(0)
    assert opened.page.evaluate("document.querySelectorAll('video').length") == 0
