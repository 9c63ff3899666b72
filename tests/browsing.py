"""Debian's Chromium, as all tests of pages have it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
         "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]  # fmt: skip

PATIENCE_MS = 20_000
"""A machine that is busy is slow, not wrong."""


@contextmanager
def launched() -> Iterator[Browser]:
    """Run a browser; while it does, no other code of this process can run an asyncio loop of its own."""
    chromium = shutil.which("chromium")
    assert chromium, "the pages are tested in Debian's Chromium: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield browser
        browser.close()
