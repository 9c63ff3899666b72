"""What is cut into packets can be put together again, and says when it is due."""

from __future__ import annotations

import struct
from itertools import islice, pairwise

import pytest

from apps.feeds.rtp import MAX_PAYLOAD_BYTES, Unit, annex_b_nals, cut, load_feed, packets, sender_report, stamped
from apps.feeds.timeline import CLOCK_HZ
from catalog.errors import UnreadableFootage
from tests.synthetic import Encoding, render, street


def whole(payloads: tuple[bytes, ...]) -> list[bytes]:
    """Put H.264 fragments together as a receiver does (RFC 6184)."""
    found: list[bytes] = []
    for payload in payloads:
        if payload[0] & 0x1F != 28:
            found.append(payload)
        elif payload[1] & 0x80:
            found.append(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:])
        else:
            found[-1] += payload[2:]
    return found


@pytest.mark.parametrize("size", [1, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 5 * MAX_PAYLOAD_BYTES, 123_457])
def test_a_unit_of_any_size_comes_out_whole(size):
    nal = b"\x65" + bytes(range(256)) * (size // 256) + bytes(size % 256)
    payloads = cut([b"\x67short", nal], "h264")
    assert max(map(len, payloads)) <= MAX_PAYLOAD_BYTES
    assert whole(payloads) == [b"\x67short", nal]


def test_a_picture_is_marked_once_at_its_end():
    sent = packets(Unit(0, True, (b"a" * 10, b"b" * 20)), channel=0, sequence=65_535, ticks=2**32 + 7, ssrc=9)
    assert struct.unpack_from("!cBHBBHII", sent, 0) == (b"$", 0, 22, 0x80, 96, 65_535, 7, 9)
    assert struct.unpack_from("!cBHBBHII", sent, 26) == (b"$", 0, 32, 0x80, 96 | 0x80, 0, 7, 9)


def test_a_sender_report_says_which_time_was_which_instant():
    sent = sender_report(channel=1, ssrc=9, at_us=1_500_000, ticks=2**32 + 5, packet_count=3, octet_count=4)
    assert struct.unpack("!cBHBBHIIIIII", sent) == (
        b"$", 1, 28, 0x80, 200, 6, 9, 2_208_988_801, 1 << 31, 5, 3, 4,
    )  # fmt: skip


def test_every_key_picture_carries_its_parameter_sets(folder):
    feed = load_feed(folder / "main.mp4")
    keys = [unit for unit in feed.units if unit.is_key]
    assert len(feed.units) == 30
    assert len(keys) == 5
    assert all([nal[0] & 0x1F for nal in whole(unit.payloads)][:2] == [7, 8] for unit in keys)


def test_a_stamp_stands_behind_the_parameter_sets(folder):
    feed = load_feed(folder / "main.mp4")
    unit = stamped(feed.units[0], "h264", camera=7, at_ms=123)
    kinds = [nal[0] & 0x1F for nal in whole(unit.payloads)]
    assert kinds[:3] == [7, 8, 6]
    assert b"7 123" in unit.payloads[2]
    assert stamped(feed.units[1], "h264", camera=7, at_ms=123) is feed.units[1]


def test_a_feed_plays_on_without_a_seam(folder):
    feed = load_feed(folder / "main.mp4")
    played = list(islice(feed.playing(0), 95))
    assert {later - earlier for (earlier, _), (later, _) in pairwise(played)} == {CLOCK_HZ // 15}


def test_a_stream_begins_with_a_key_picture(folder):
    feed = load_feed(folder / "main.mp4")
    ticks, unit = next(feed.playing(feed.length_ticks + 1))
    assert unit.is_key
    assert ticks == feed.length_ticks + feed.units[6].ticks


def test_start_codes_of_both_lengths_part_units():
    assert annex_b_nals(b"\x00\x00\x00\x01\x67a\x00\x00\x01\x68b") == [b"\x67a", b"\x68b"]


def test_what_cannot_be_served_is_refused(tmp_path):
    clip = render(street(duration_s=0.3), tmp_path / "clip.mp4", Encoding(codec="mpeg4"))
    with pytest.raises(UnreadableFootage, match=r"clip\.mp4"):
        load_feed(clip)
