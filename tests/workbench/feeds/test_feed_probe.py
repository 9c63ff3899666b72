"""What a feed sends while it is listened to, and when listening ends."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from catalog.errors import NotPermitted
from tests.synthetic import Encoding, render, street
from tests.workbench.feeds.http_stub import Quiet, playlist, serving
from tests.workbench.feeds.rtsp_stub import RtspStub, rtsp_stub
from workbench.feeds.feed_probe import probe_feed
from workbench.feeds.feed_source import FeedSource, FeedUnavailable


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 4 s of a street at 10 Hz in H.264, a key frame a second."""
    return render(street(4.0), tmp_path_factory.mktemp("feed") / "street.mp4", Encoding(gop=10))


def test_a_probe_tells_rhythm_and_the_camera_s_own_clock(video: Path) -> None:
    began_at = 1_700_000_000.0
    with rtsp_stub(RtspStub(video, reports_clock_at=began_at)) as camera:
        facts = probe_feed(FeedSource.parse(camera.uri), None, listen_s=2.5, clock=lambda: began_at + 40.0)
    assert (facts.codec, facts.width_px, facts.height_px) == ("h264", 320, 180)
    assert facts.fps == pytest.approx(10.0, abs=0.1)
    assert (facts.gop_frames, facts.gop_s) == (10, pytest.approx(1.0, abs=0.05))
    assert facts.clock == "rtcp"
    assert facts.clock_error_s == pytest.approx(40.0, abs=2.5)


def test_a_probe_without_reports_goes_by_arrival(video: Path) -> None:
    ticks = iter(range(10_000))
    with rtsp_stub(RtspStub(video)) as camera:
        facts = probe_feed(FeedSource.parse(camera.uri), None, listen_s=2.0, clock=lambda: next(ticks) / 10)
    assert facts.clock == "arrival"
    assert facts.clock_error_s == pytest.approx(0.0, abs=0.11)


def test_a_probe_of_a_feed_that_breaks_off_says_why(tmp_path: Path) -> None:
    (tmp_path / "live.m3u8").write_text(playlist("none.ts"))
    with serving(functools.partial(Quiet, directory=str(tmp_path))) as address, pytest.raises(FeedUnavailable):
        probe_feed(FeedSource.parse(f"{address}/live.m3u8"), None, listen_s=1.0, clock=lambda: 0.0)


def test_reading_stops_when_leave_to_read_is_taken_back(video: Path) -> None:
    answers = iter([None, None, None, "the consent is withdrawn"])
    with pytest.raises(NotPermitted, match="withdrawn"):
        probe_feed(
            FeedSource.parse(f"file://{video}"),
            None,
            listen_s=9.0,
            clock=lambda: 0.0,
            why_closed=lambda: next(answers),
        )
