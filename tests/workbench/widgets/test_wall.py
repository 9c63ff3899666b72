"""The wall: live pictures that say how old they are, and never look live when they are not."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.workbench.widgets.conftest import Opened, Opener

pytestmark = pytest.mark.browser


def first_tile(opened: Opened) -> str:
    """Wait for the wall to be live, and return the camera of its first tile."""
    for number in range(4):
        expect(opened.by("tile").nth(number)).to_have_attribute("data-state", "live")
    return str(opened.by("tile").first.get_attribute("data-camera-id"))


def test_a_tile_that_gets_no_picture_says_so_and_comes_back(opener: Opener):
    opened = opener()
    camera_id = first_tile(opened)
    tile = opened.tile(camera_id)
    expect(tile.get_by_test_id("tile-age")).to_have_text(re.compile(r"^LIVE \d\.\d s$"))
    opened.gateway.media.frozen.add(camera_id)
    opened.gateway.set_camera(camera_id, state="lost", detail="no answer within 5 s")
    expect(tile).to_have_attribute("data-state", "stale")
    expect(tile.get_by_test_id("tile-stale")).to_have_text(re.compile(r"NO PICTURE FOR \d+ s"))
    expect(tile).to_contain_text("Camera lost. What you see is old.")
    expect(tile).to_contain_text("NOT LIVE")
    assert "grayscale" in tile.locator("video").evaluate("(video) => getComputedStyle(video).filter")
    opened.gateway.media.frozen.clear()
    opened.gateway.set_camera(camera_id, state="recording", detail="")
    expect(tile).to_have_attribute("data-state", "live")


SKEWED = "const here = Date.now; Date.now = () => here() + 3600e3;"
"""A page whose clock is an hour ahead."""


def test_the_age_of_a_picture_is_told_by_the_gateways_clock(opener: Opener):
    opened = opener(script=SKEWED)
    first_tile(opened)
    opened.page.wait_for_function("rtccProbe.tile_ms.length > 40")
    ages = opened.page.evaluate("rtccProbe.tile_ms.slice(-40)")
    assert all(-5_000 < age < 60_000 for age in ages), ages
    expect(opened.by("link-state")).to_have_attribute("data-state", "live")


def test_what_is_shown_stays_close_to_what_came_last(opener: Opener):
    opened = opener()
    first_tile(opened)
    videos = "[...document.querySelectorAll('.tile video')]"
    opened.page.wait_for_function(
        f"{videos}.every((video) => video.buffered.end(video.buffered.length - 1) - video.currentTime < 1.5)"
    )
    rates = opened.page.evaluate(f"{videos}.map((video) => video.playbackRate)")
    assert all(1 <= rate <= 1.1 for rate in rates)


def test_a_watch_that_is_closed_for_want_of_a_reason_asks_for_one(opener: Opener):
    opened = opener()
    camera_id = first_tile(opened)
    tile = opened.tile(camera_id)
    opened.gateway.media.refused[camera_id] = (4408, "Nobody said what it is watched for.")
    expect(tile).to_have_attribute("data-state", "closed")
    expect(tile).to_contain_text("Nobody said what it is watched for.")
    opened.gateway.media.refused.clear()
    tile.get_by_test_id("reason-text").fill("Traffic incident")
    tile.get_by_test_id("reason-give").click()
    expect(tile).to_have_attribute("data-state", "live")
    assert (camera_id, "reason=Traffic+incident") in opened.gateway.media.opened


def test_a_watch_about_to_be_closed_is_renewed_with_a_reason(opener: Opener, gateways):
    gateway = gateways(cameras=60)
    gateway.desk.policy["watch_s"] = 30
    opened = opener(gateway=gateway)
    camera_id = first_tile(opened)
    tile = opened.tile(camera_id)
    expect(tile.get_by_test_id("tile-closing")).to_contain_text(re.compile(r"Closes in \d+ s"))
    tile.get_by_test_id("tile-closing").get_by_role("button").click()
    tile.get_by_test_id("reason-text").fill("Patrol support")
    tile.get_by_test_id("reason-give").click()
    expect(tile.get_by_test_id("tile-closing")).to_have_count(0)
    assert gateway.media.kept == [(camera_id, "Patrol support")]


def test_who_may_not_watch_any_more_keeps_no_still_either(opener: Opener):
    opened = opener()
    camera_id = first_tile(opened)
    tile = opened.tile(camera_id)
    opened.gateway.media.refused[camera_id] = (4403, "Its owner has withdrawn consent.")
    expect(tile).to_have_attribute("data-state", "forbidden")
    expect(tile).to_contain_text("Its owner has withdrawn consent.")
    assert tile.locator("video").evaluate("(video) => video.hasAttribute('src')") is False


def test_a_tap_that_cannot_be_decoded_gives_way_to_hls(opener: Opener):
    opened = opener()
    camera_id = first_tile(opened)
    opened.gateway.media.broken.add(camera_id)
    expect(opened.tile(camera_id).get_by_test_id("tile-age")).to_contain_text("HLS", timeout=30_000)


def test_the_wall_is_remembered_and_tiles_change_places(opener: Opener):
    opened = opener()
    first = first_tile(opened)
    second = str(opened.by("tile").nth(1).get_attribute("data-camera-id"))
    opened.by("tile").first.drag_to(opened.by("tile").nth(1))
    expect(opened.by("tile").first).to_have_attribute("data-camera-id", second)
    opened.by("wall-size-9").click()
    opened.tile(second).hover()
    opened.tile(second).get_by_test_id("tile-remove").click()
    expect(opened.by("tile-empty")).to_have_count(1)
    opened.page.reload()
    expect(opened.by("tile-empty")).to_have_count(1)
    expect(opened.by("tile").first).to_have_attribute("data-camera-id", first)
    expect(opened.by("tile")).to_have_count(8)


def test_several_cameras_are_replayed_in_step(opener: Opener):
    opened = opener()
    camera_id = first_tile(opened)
    opened.gateway.media.unrecorded.add(camera_id)
    opened.by("replay").click()
    expect(opened.by("replay-tile")).to_have_count(4)
    missing = opened.page.locator(f'[data-testid="replay-tile"][data-camera-id="{camera_id}"]')
    expect(missing).to_contain_text("Nothing recorded in these minutes")
    playing = (
        "[...document.querySelectorAll('.replay-tile video')].filter((v) => v.currentTime > 0 && v.readyState >= 2)"
    )
    opened.page.wait_for_function(f"{playing}.length === 3")
    opened.by("replay-play").click()
    before = opened.by("replay-time").inner_text()
    opened.page.keyboard.press("ArrowLeft")
    expect(opened.by("replay-time")).not_to_have_text(before)
    opened.page.wait_for_function(f"""() => {{
        const at = {playing}.map((video) => video.currentTime);
        return at.length === 3 && Math.max(...at) - Math.min(...at) < 0.1;
    }}""")
    opened.by("replay-close").click()
    expect(opened.by("replay-tile")).to_have_count(0)


def test_a_replay_begins_where_recording_did(opener: Opener):
    opened = opener()
    first_tile(opened)
    opened.gateway.media.recorded_since_s = time.time() - 25
    opened.by("replay").click()
    opened.page.wait_for_function(
        "[...document.querySelectorAll('.replay-tile video')].filter((v) => v.currentTime > 0).length === 4"
    )
