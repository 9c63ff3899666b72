"""Segments through a real gateway: whole or in ranges, their very bytes, for no longer than they may be had."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from apps.accounts import Accounts
from apps.gateway.media import sending
from apps.gateway.media.byte_range import ByteRange, Unsatisfiable, wanted
from apps.gateway.media.threads import Threads
from apps.sessions import COOKIE
from catalog.errors import NotPermitted
from catalog.footage import Segment
from catalog.spans import Span, to_us
from tests.apps.gateway.media.made_media import Gateway
from tests.conftest import Look
from tests.made_home import MADE_AT, MAKER, STORE
from tests.ray_jobs.live.made_live import consent_to

LARGE_BYTES = 48 << 20
"""More than lies in the sockets of a loopback connection."""


def first(gateway: Gateway, camera_id: str = "farish-1") -> Segment:
    return gateway.made.segments[camera_id][0]


def path_of(segment: Segment) -> str:
    return f"/v1/segments/{segment.segment_id}.mp4"


def content_of(gateway: Gateway, segment: Segment) -> bytes:
    return gateway.home.footage_path(segment.uri).read_bytes()


@pytest.fixture
def loose(gateway: Gateway) -> Iterator[Segment]:
    """A segment of a file that the test may change."""
    segment = first(gateway)
    content = content_of(gateway, segment) + b"free"
    sha256 = hashlib.sha256(content).hexdigest()
    uri = f"footage/farish-1/{sha256[:12]}.mp4"
    start_at = MADE_AT - timedelta(days=2)
    loose = replace(
        segment, segment_id=Segment.identify("farish-1", to_us(start_at), sha256), sha256=sha256, uri=uri,
        span=Span(start_at, start_at + timedelta(seconds=10)), size_bytes=len(content),
    )  # fmt: skip
    gateway.home.footage_path(uri).write_bytes(content)
    gateway.keeper.add_footage(MAKER, [loose], [])
    yield loose
    gateway.home.footage_path(uri).unlink(missing_ok=True)


def test_a_segment_comes_whole_with_its_digest(gateway: Gateway) -> None:
    segment = first(gateway)
    answer = gateway.get(path_of(segment))
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == segment.sha256
    assert answer.headers["etag"] == f'"{segment.sha256}"'
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("header", "begin", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=-10", -10, None), ("bytes=213700-", 213_700, None),
     ("bytes=213700-99999999", 213_700, None), ("bytes=-99999999", 0, None)],
)  # fmt: skip
def test_a_range_is_those_bytes(gateway: Gateway, header: str, begin: int, end: int | None) -> None:
    segment = first(gateway)
    expected = content_of(gateway, segment)[begin:end]
    answer = gateway.get(path_of(segment), headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, expected)
    begin %= segment.size_bytes
    last = begin + len(expected) - 1
    assert answer.headers["content-range"] == f"bytes {begin}-{last}/{segment.size_bytes}"
    assert answer.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0", "bytes=213718-213720"])
def test_a_range_outside_the_file_is_refused(gateway: Gateway, header: str) -> None:
    segment = first(gateway)
    answer = gateway.get(path_of(segment), headers={"Range": header})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{segment.size_bytes}"


@pytest.mark.parametrize(
    "header", ["bytes=5-2", "bytes=a-b", "bytes=", "bytes=-", "frames=0-1", "bytes=0-1,5-6", f"bytes={'9' * 40}-"]
)
def test_what_is_no_range_of_ours_gives_the_whole(gateway: Gateway, header: str) -> None:
    segment = first(gateway)
    answer = gateway.get(path_of(segment), headers={"Range": header})
    assert (answer.status_code, len(answer.content)) == (200, segment.size_bytes)


def test_ranges_by_themselves() -> None:
    assert wanted(None, 10) is None
    assert wanted("bytes=2-3", 10) == ByteRange(2, 4)
    for header in ("bytes=0-", "bytes=-1"):
        with pytest.raises(Unsatisfiable):
            wanted(header, 0)


def test_head_if_range_and_if_none_match(gateway: Gateway) -> None:
    segment = first(gateway)
    head = gateway.person().head(path_of(segment))
    assert (head.status_code, head.headers["content-length"]) == (200, str(segment.size_bytes))
    tag = head.headers["etag"]
    same = gateway.get(path_of(segment), headers={"Range": "bytes=0-9", "If-Range": tag})
    other = gateway.get(path_of(segment), headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    held = gateway.get(path_of(segment), headers={"If-None-Match": tag})
    assert (same.status_code, other.status_code, held.status_code, held.content) == (206, 200, 304, b"")


def test_a_player_that_takes_it_in_pieces_is_in_the_audit_once_and_another_by_himself(
    gateway: Gateway, audited: Look
) -> None:
    segment = gateway.made.segments["farish-1"][1]
    for name in ("ina", "bob"):
        for place in range(0, 5000, 1000):
            gateway.get(path_of(segment), name, headers={"Range": f"bytes={place}-{place + 999}"})
        lines = audited(name)
        assert [line[1] for line in lines] == ["segment"]
        assert f"segment_id={segment.segment_id}" in str(lines[0][2])


def test_bytes_that_were_changed_are_not_handed_out_and_that_is_in_the_audit(
    gateway: Gateway, loose: Segment, audited: Look
) -> None:
    assert gateway.get(path_of(loose)).status_code == 200
    with gateway.home.footage_path(loose.uri).open("r+b") as file:
        file.seek(5000)
        file.write(b"forged")
    answer = gateway.get(path_of(loose))
    assert (answer.status_code, answer.json()["error"]) == (409, "FootageChanged")
    assert audited("ann")[-1][3] == "failed: FootageChanged"


def test_a_file_that_is_gone_is_not_found(gateway: Gateway, loose: Segment) -> None:
    gateway.home.footage_path(loose.uri).unlink()
    answer = gateway.get(path_of(loose))
    assert (answer.status_code, answer.json()["error"]) == (404, "FootageMissing")


@pytest.mark.parametrize("segment_id", ["seg_0000000000000000", "..", "..%2F..%2Fconfig", "%00", "a" * 500])
def test_what_is_no_segment_is_not_found(gateway: Gateway, segment_id: str) -> None:
    assert gateway.get(f"/v1/segments/{segment_id}.mp4").status_code in (404, 422)


def test_who_may_not_gets_nothing_also_where_the_gateway_knows_the_segment(gateway: Gateway) -> None:
    known, closed = first(gateway), first(gateway, "store-3")
    assert gateway.get(path_of(known), None).status_code == 401
    assert gateway.get(path_of(known), "ada").status_code == 403
    gateway.desk.archive.known.forget(closed)
    assert gateway.get(path_of(closed)).status_code == 404  # not even that it is there
    gateway.desk.archive.known.add([closed])
    assert gateway.get(path_of(closed)).status_code == 403


@pytest.fixture(scope="module")
def large(gateway: Gateway) -> Segment:
    """A segment of the private camera, too large to leave at once."""
    sha256, uri = hashlib.sha256(), "footage/store-3/large.mp4"
    with gateway.home.footage_path(uri).open("wb") as file:
        for _ in range(LARGE_BYTES >> 20):
            block = os.urandom(1 << 20)
            sha256.update(block)
            file.write(block)
    start_at = MADE_AT - timedelta(hours=1)
    segment = replace(
        first(gateway, "store-3"), segment_id=Segment.identify("store-3", to_us(start_at), sha256.hexdigest()),
        span=Span(start_at, start_at + timedelta(seconds=10)), size_bytes=LARGE_BYTES, uri=uri,
        sha256=sha256.hexdigest(),
    )  # fmt: skip
    gateway.keeper.add_footage(MAKER, [segment], [])
    return segment


@pytest.mark.parametrize("ends", ["consent", "session"])
def test_a_download_ends_in_the_middle_when_consent_or_the_session_does(
    gateway: Gateway, large: Segment, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LEAVE_S", 0.0)  # so that nothing rests on the word of a second ago
    gateway.keeper.grant(MAKER, consent_to(STORE, span=Span(MADE_AT - timedelta(days=1))))
    accounts = Accounts(gateway.home)
    accounts.add(f"tom-{ends}", "officer", "Tom", "a long enough password")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.serving.port, timeout=30)
    connection.request("GET", path_of(large), headers={"Cookie": f"{COOKIE}={gateway.cookie(f'tom-{ends}')}"})
    answer = connection.getresponse()
    assert (answer.status, int(answer.headers["content-length"])) == (200, LARGE_BYTES)
    got = len(answer.read(1 << 20))
    if ends == "consent":
        gateway.keeper.withdraw(MAKER, "con_1")
    else:
        accounts.disable(f"tom-{ends}")
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    assert got + len(broken.value.partial) < LARGE_BYTES
    connection.close()
    gateway.keeper.withdraw(MAKER, "con_1")


def test_leave_that_is_a_second_old_is_asked_for_again() -> None:
    asked: list[float] = []

    def renew() -> None:
        asked.append(now_s[0])
        if now_s[0] > 2.0:
            raise NotPermitted("withdrawn")

    now_s = [0.0]
    leave = sending.Leave(renew, monotonic=lambda: now_s[0])

    async def course() -> None:
        threads = Threads()
        for second in (0.0, 0.9, 1.1, 1.9, 2.05):
            now_s[0] = second
            await leave.require(threads)
        now_s[0] = 2.2
        with pytest.raises(NotPermitted):
            await leave.require(threads)
        threads.close()

    asyncio.run(course())
    assert asked == [1.1, 2.2]
