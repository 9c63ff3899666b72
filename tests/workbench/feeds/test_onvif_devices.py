"""What ONVIF devices offer, and what they may not do to whoever asks them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from catalog.errors import BadInput
from tests.onvif_device import Misbehaviour, OfferedStream, OnvifDevice, onvif_device
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedRefused, FeedSource, FeedUnavailable
from workbench.feeds.onvif_devices import (
    MediaProfile,
    choose_streams,
    device_facts,
    onvif_source,
    profiles,
    resolve,
)
from workbench.feeds.onvif_discovery import FoundDevice, discover
from workbench.feeds.onvif_soap import ANSWER_BYTES_MAX, NotOnvif, read_xml

LOGIN = Credential("operator", "p@ss:w/rd%<&>")
STREAMS = (
    OfferedStream("main"),
    OfferedStream("sub", width_px=640, height_px=360, fps=10),
    OfferedStream("photos", "JPEG", width_px=2560, height_px=1440),
)


def profile(token: str, codec: str, width_px: int, height_px: int, source_token: str = "") -> MediaProfile:
    return MediaProfile(token, token, codec, width_px, height_px, 25.0, f"rtsp://10.0.0.5/{token}", source_token)


def test_a_device_says_what_it_is_and_what_it_offers() -> None:
    with onvif_device(OnvifDevice(STREAMS)) as device:
        facts = device_facts(device.address, LOGIN)
        offered = profiles(f"onvif://{device.address}/", LOGIN)
    assert (facts.maker, facts.model, facts.firmware) == ("Acme", "Eye 4", "1.2")
    assert facts.clock_offset_s == pytest.approx(0.0, abs=1.0)
    assert [(one.name, one.token, one.codec, one.width_px, one.height_px, one.fps) for one in offered] == [
        ("main stream", "main", "h264", 1920, 1080, 25.0),
        ("sub stream", "sub", "h264", 640, 360, 10.0),
        ("photos stream", "photos", "mjpeg", 2560, 1440, 25.0),
    ]


def test_streams_are_sought_at_the_host_that_was_asked_and_hold_no_login() -> None:
    streams = (
        OfferedStream("a", uri="rtsp://192.0.2.7:8554/a?channel=1&amp;subtype=0"),
        OfferedStream("b", uri="rtsp://admin:1234@198.51.100.9/b"),
        OfferedStream("c", uri="file:///etc/hostname"),
        OfferedStream("d", uri="http://192.0.2.7/video.cgi"),
        OfferedStream("e", uri="nonsense"),
        OfferedStream("f", uri="rtsp://192.0.2.7:99999/f"),
        OfferedStream("g", uri="rtsp://192.0.2.7/g?password=1234"),
    )
    with onvif_device(OnvifDevice(streams)) as device:
        offered = profiles(device.address, LOGIN)
    assert [one.stream_uri for one in offered] == [
        "rtsp://127.0.0.1:8554/a?channel=1&subtype=0", "rtsp://127.0.0.1/b", "http://127.0.0.1/video.cgi",
    ]  # fmt: skip


def test_an_older_device_that_knows_only_capabilities_is_understood() -> None:
    with onvif_device(OnvifDevice(STREAMS, misbehaves="no_services")) as device:
        assert len(profiles(device.address, LOGIN)) == 3
    assert "GetCapabilities" in device.asked


@pytest.mark.parametrize("ahead_s", [-86_400.0, 7_200.0], ids=["a_day_slow", "two_hours_fast"])
def test_a_device_with_a_wrong_clock_is_told_the_password_in_its_own_time(ahead_s: float) -> None:
    with onvif_device(OnvifDevice(STREAMS, clock_ahead_s=ahead_s)) as device:
        assert device_facts(device.address, LOGIN).clock_offset_s == pytest.approx(ahead_s, abs=1.0)
        assert len(profiles(device.address, LOGIN)) == 3


def test_a_device_that_wants_the_digest_of_http_gets_it() -> None:
    with onvif_device(OnvifDevice(STREAMS, wants_http_digest=True)) as device:
        assert len(profiles(device.address, LOGIN)) == 3


@pytest.mark.parametrize("wants_http_digest", [False, True], ids=["in_the_message", "of_http"])
@pytest.mark.parametrize("login", [Credential("operator", "guessed"), None], ids=["wrong", "none"])
def test_a_refused_login_is_its_own_error_and_is_tried_once(
    wants_http_digest: bool, login: Credential | None
) -> None:
    made = OnvifDevice(STREAMS, wants_http_digest=wants_http_digest)
    with onvif_device(made) as device, pytest.raises(FeedRefused, match="credential set") as refused:
        profiles(device.address, login)
    assert "guessed" not in f"{refused.value!r}"
    assert refused.value.__context__ is None
    assert "GetProfiles" not in device.asked


@pytest.mark.parametrize(
    ("misbehaves", "words"),
    [
        ("html", "no SOAP"), ("entities", "entities"), ("utf16", "entities"), ("endless", "no end"),
        ("elsewhere", "elsewhere"), ("nonsense", "cannot be read"), ("deep", "cannot be read|no XML"),
        ("silent", r"within 0\.5 s"),
    ],
)  # fmt: skip
def test_rubbish_is_refused_in_words(
    misbehaves: Misbehaviour, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with onvif_device(OnvifDevice(STREAMS, misbehaves=misbehaves)) as device:
        for ask in (device_facts, profiles):
            with pytest.raises(FeedUnavailable, match=words) as failed:
                ask(device.address, LOGIN, timeout_s=0.5)
            assert failed.value.__context__ is None
    assert LOGIN.password not in caplog.text
    assert set(device.asked) == {"GetSystemDateAndTime"}


def test_nobody_at_that_address_is_said_at_once() -> None:
    with pytest.raises(FeedUnavailable, match="cannot be reached"):
        resolve(FeedSource.parse("onvif://127.0.0.1:9/"), LOGIN)


def test_a_device_can_be_asked_from_within_an_event_loop() -> None:
    async def from_a_notebook() -> int:
        return len(profiles(device.address, LOGIN))

    with onvif_device(OnvifDevice(STREAMS)) as device:
        assert asyncio.run(from_a_notebook()) == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"plain words", b" " * (ANSWER_BYTES_MAX + 1)])
def test_what_is_no_xml_is_not_looked_into(content: bytes) -> None:
    with pytest.raises(NotOnvif):
        read_xml(content)


def test_asking_devices_leaves_the_program_s_own_logging_and_settings_alone() -> None:
    looked = "import logging, os; os.environ['http_proxy'] = 'p'; import workbench.feeds.onvif_devices; "
    checked = "print(logging.getLogger().handlers, logging.getLogger().level, os.environ['http_proxy'])"
    ran = subprocess.run([sys.executable, "-c", looked + checked], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[] 30 p"


# --- which streams


def test_the_largest_h264_is_recorded_and_the_smallest_that_shows_people_is_watched() -> None:
    offered = [
        profile("tiny", "h264", 320, 180), profile("small", "h264", 640, 360), profile("cif", "h264", 352, 288),
        profile("main", "h264", 1920, 1080), profile("hevc", "hevc", 3840, 2160),
        profile("jpeg", "mjpeg", 4000, 3000),
    ]  # fmt: skip
    main, sub = choose_streams(offered)
    assert (main.token, sub.token if sub else None) == ("main", "cif")


@pytest.mark.parametrize(
    ("offered", "main", "sub"),
    [
        ([("a", "hevc", 1920, 1080), ("b", "hevc", 640, 360)], "a", None),
        ([("a", "hevc", 1920, 1080), ("b", "h264", 640, 360)], "b", None),
        ([("a", "h264", 640, 360), ("b", "h264", 640, 360)], "a", None),
        ([("a", "h264", 1920, 1080), ("b", "h264", 320, 240)], "a", None),
        ([("a", "h264", 1920, 1080, "lens1"), ("b", "h264", 640, 360, "lens2")], "a", None),
        ([("a", "h264", 640, 360, "lens2"), ("b", "h264", 704, 576, "lens2")], "b", "a"),
    ],
    ids=["hevc_only", "h264_before_hevc", "one_size", "too_narrow", "another_lens", "same_lens"],
)
def test_there_is_a_stream_to_watch_only_where_one_fits(
    offered: list[tuple[str, str, int, int]], main: str, sub: str | None
) -> None:
    chosen, watched = choose_streams([profile(*one) for one in offered])
    assert (chosen.token, watched.token if watched else None) == (main, sub)


@pytest.mark.parametrize("offered", [(), (OfferedStream("jpeg", "JPEG"),)], ids=["nothing", "jpeg"])
def test_a_device_without_a_stream_that_can_be_recorded_says_what_it_has(
    offered: tuple[OfferedStream, ...],
) -> None:
    with onvif_device(OnvifDevice(offered)) as device, pytest.raises(FeedUnavailable, match=r"no video|mjpeg"):
        resolve(onvif_source(device.address), LOGIN)


def test_an_onvif_feed_resolves_to_what_is_recorded_and_what_is_watched() -> None:
    with onvif_device(OnvifDevice(STREAMS)) as device:
        found = resolve(FeedSource.parse(f"onvif://{device.address}/"), LOGIN)
    assert found == ("rtsp://127.0.0.1:554/main", "rtsp://127.0.0.1:554/sub")


@pytest.mark.parametrize("address", ["rtsp://10.0.0.5/a", "a b", "10.0.0.5:x", "u:p@10.0.0.5", ""])
def test_what_is_no_device_is_not_asked(address: str) -> None:
    with pytest.raises(BadInput):
        profiles(address, LOGIN)


# --- discovery


def test_a_device_that_is_asked_for_answers_and_answers_to_others_are_left_out() -> None:
    with onvif_device(OnvifDevice()) as first, onvif_device(OnvifDevice()) as second:
        targets = [f"127.0.0.1:{one.discovery_port}" for one in (first, second)]
        found = discover(targets, timeout_s=5.0)
    expected = [FoundDevice(one.address, "Dock 2", "Eye 4", "") for one in (first, second)]
    assert found == tuple(sorted(expected))
    assert [one.stream_uri for one in found] == [f"onvif://{one.address}/" for one in found]


@pytest.mark.parametrize("misbehaves", ["silent", "entities"])
def test_who_says_nothing_of_use_is_not_found(misbehaves: Misbehaviour) -> None:
    with onvif_device(OnvifDevice(misbehaves=misbehaves)) as device:
        assert discover([f"localhost:{device.discovery_port}"], timeout_s=0.2) == ()


def test_asking_every_network_ends_in_time() -> None:
    assert isinstance(discover(timeout_s=0.1), tuple)


@pytest.mark.parametrize("target", ["", "10.0.0.5:x", "none.invalid"])
def test_a_target_that_is_no_host_is_refused(target: str) -> None:
    with pytest.raises(BadInput, match="IPv4"):
        discover([target])
