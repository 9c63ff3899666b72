"""The small stream's pictures are shown in time, and it comes back by itself."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from apps.feeds.burnt_time import read
from tests.feeds.faulty import PASSWORD, USER
from tests.workbench.feeds.alongside import Alongside
from tests.workbench.feeds.watched import PATIENCE_S, QUICK, now_us
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedSource
from workbench.feeds.sub_feed import SubFeed

alongside = Alongside()


class Shown:
    """Pictures as they are shown."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.pictures = []

    def take(self, rgb, at_us):
        with self.changed:
            self.pictures.append((rgb, at_us))
            self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            wanted = len(self.pictures) + count
            assert self.changed.wait_for(lambda: len(self.pictures) >= wanted, PATIENCE_S)


@contextmanager
def showing(uri, *, fps=5.0, why_closed=lambda: None, waits=QUICK, credential=None):
    shown = Shown()
    sub = SubFeed(
        FeedSource.parse(uri), credential, why_closed, shown.take,
        fps=fps, picture_px=300, clock_us=now_us, random=Random(1), waits=waits,
    )  # fmt: skip
    thread = threading.Thread(target=sub.run, daemon=True)
    thread.start()
    try:
        yield sub, shown
    finally:
        sub.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@alongside
def test_pictures_are_shown_on_the_grid_at_their_own_instants(camera):
    with showing(camera.uri) as (sub, shown):
        shown.wait_for(6)
    for rgb, at_us in shown.pictures:
        assert rgb.shape == (168, 300, 3)
        assert at_us == pytest.approx(camera.shown_at(read(rgb), at_us + 20_000), abs=1000)
    steps = [at_us // 200_000 for _, at_us in shown.pictures]
    assert steps == list(range(steps[0], steps[0] + len(steps)))
    assert sub.problem == ""


@alongside
def test_a_file_is_played_at_its_own_pace(files):
    with showing(f"file://{files.well}?loop=1") as (_, shown):
        began_us = now_us()
        shown.wait_for(5)
    assert now_us() - began_us > 500_000
    media_ms = [read(rgb) for rgb, _ in shown.pictures[:5]]
    assert all(60 < later - sooner < 470 for sooner, later in pairwise(media_ms))


@alongside
def test_it_comes_back_after_a_hang_up(camera):
    with showing(camera.uri) as (_, shown):
        shown.wait_for(2)
        camera.do("hangup")
        camera.wait_for("PLAY", 2)
        shown.wait_for(2)


@alongside
def test_what_cannot_be_decoded_is_not_shown(camera):
    with showing(camera.uri, fps=30.0) as (_, shown):
        shown.wait_for(5)
        camera.do("rubbish")
        camera.wait(0.5)
        camera.do("well")
        shown.wait_for(5)
    unread = [read(rgb) for rgb, _ in shown.pictures].count(None)
    assert unread <= 3


@alongside
def test_a_wrong_login_waits_long(camera):
    camera.do("auth")
    wrong = Credential(USER, PASSWORD + "!")
    with showing(camera.uri, waits=replace(QUICK, refused_s=60.0), credential=wrong) as (sub, shown):
        camera.wait_for("OPTIONS")
        camera.wait_for_clients(0)
        camera.wait(0.3)
        asked = len(camera.asked)
        camera.wait(0.6)
        assert len(camera.asked) == asked
        assert "refuses this user and password" in sub.problem
    assert shown.pictures == []


@alongside
def test_a_closed_feed_is_not_read(camera):
    word = ["no consent"]
    with showing(camera.uri, why_closed=lambda: word[0]) as (sub, shown):
        camera.wait(0.3)
        assert camera.asked == []
        assert sub.problem == "no consent"
        word[0] = None
        shown.wait_for(2)
        word[0] = "withdrawn"
        camera.wait_for_clients(0)
