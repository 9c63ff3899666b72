"""The way of a picture into a real browser: tap, Media Source Extensions, screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apps.sessions import COOKIE
from tests.apps.gateway.media.made_media import Gateway
from tests.made_home import FARISH
from tests.ray_jobs.live.test_taps import Feed, Shard

CHROMIUM = shutil.which("chromium")

PLAY = """
async ({path, frames}) => {
  const video = document.createElement('video');
  video.muted = true;
  document.body.append(video);
  const media = new MediaSource();
  video.src = URL.createObjectURL(media);
  await new Promise(done => media.addEventListener('sourceopen', done, {once: true}));
  const shown = [], sent = [], waiting = [];
  let buffer, said = null;
  const append = () => { if (buffer && waiting.length && !buffer.updating) buffer.appendBuffer(waiting.shift()); };
  const socket = new WebSocket(`ws://${location.host}${path}`);
  socket.binaryType = 'arraybuffer';
  return await new Promise((done, fail) => {
    setTimeout(() => fail(new Error(`shown ${shown.length}, said ${JSON.stringify(said)}`)), 20000);
    const look = (_, frame) => {
      shown.push(frame.mediaTime);
      if (shown.length < frames) video.requestVideoFrameCallback(look);
      else { socket.close(); done({said, sent, shown, wide: video.videoWidth, high: video.videoHeight}); }
    };
    video.requestVideoFrameCallback(look);
    video.addEventListener('error', () => fail(new Error(video.error.message)));
    socket.onclose = ({code}) => fail(new Error(`closed with ${code}`));
    socket.onmessage = ({data}) => {
      if (typeof data === 'string') {
        said = JSON.parse(data);
        buffer = media.addSourceBuffer(said.mime);
        buffer.addEventListener('updateend', append);
        return;
      }
      sent.push(Number(new DataView(data).getBigUint64(0)));
      waiting.push(new Uint8Array(data, 8));
      append();
      video.play().catch(() => {});
    };
  });
}
"""


@pytest.fixture(scope="module")
def shard(gateway: Gateway, recorded: Path) -> Iterator[Shard]:
    feed = Feed(recorded)
    with closing(Shard(gateway.home, gateway.keeper, {FARISH.camera_id: feed})) as shard:
        yield shard
    feed.stop()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_a_tap_plays_in_a_browser(gateway: Gateway, shard: Shard) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(base_url=gateway.origin)
        context.add_cookies([{"name": COOKIE, "value": gateway.cookie("ann"), "url": gateway.origin}])
        page = context.new_page()
        page.goto("/healthz")
        told = page.evaluate(PLAY, {"path": "/v1/cameras/farish-1/tap", "frames": 8})
        still = page.evaluate(
            "async src => { const one = Object.assign(new Image(), {src}); await one.decode(); return one.width; }",
            "/v1/cameras/farish-1/still.jpg?at=2026-03-01T16:00:05Z&width=160",
        )
        browser.close()
    assert told["said"] == {"mime": 'video/mp4; codecs="avc1.64000b"', "camera_id": "farish-1"}
    assert (told["wide"], told["high"]) == (320, 180)
    assert told["shown"] == sorted(set(told["shown"]))
    assert told["sent"][0] == 0
    assert all(told["sent"][1:])
    assert still == 160
