"""What waits for one viewer: whatever is lost, nothing is sent that cannot be shown."""

from __future__ import annotations

import asyncio
import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.gateway.media import viewer as viewer_module
from apps.gateway.media.boxes import Codec
from apps.gateway.media.feeds import Feed
from apps.gateway.media.viewer import Backlog, Head, Viewer
from catalog.errors import NotFound, RtccError

HEADS = [Head(Codec("avc1", "video/mp4"), b"head%d" % number) for number in range(2)]


class Course:
    """A feed of numbered frames, a key frame every seventh, and what a viewer takes of it."""

    def __init__(self) -> None:
        self.viewer, self.numbers, self.head = Viewer(Backlog()), itertools.count(), HEADS[0]
        self.taken: list[Head | bytes] = []

    def come(self, count: int) -> None:
        for number in itertools.islice(self.numbers, count):
            self.viewer.offer("key" if number % 7 == 0 else "frame", b"%d" % number, self.head)

    def turn(self) -> None:
        """Let another stream begin."""
        self.head = HEADS[1 - HEADS.index(self.head)]
        self.viewer.begin_anew()

    async def take(self, count: int) -> None:
        for _ in range(min(count, len(self.viewer._waiting))):
            self.taken.append(await self.viewer.next())


steps = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(1, 40)), st.tuples(st.just("take"), st.integers(1, 40)),
        st.tuples(st.just("turn"), st.just(0)),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=150)
@given(steps, st.integers(1, 20))
def test_after_a_hole_comes_a_key_frame_and_a_head_before_all_that_needs_it(
    steps: list[tuple[str, int]], most: int
) -> None:
    async def run() -> list[Head | bytes]:
        course = Course()
        for what, count in steps:
            if what == "come":
                course.come(count)
            elif what == "take":
                await course.take(count)
            else:
                course.turn()
        await course.take(10_000)
        return course.taken

    before, viewer_module.MOST_WAITING = viewer_module.MOST_WAITING, most
    try:
        taken = asyncio.run(run())
    finally:
        viewer_module.MOST_WAITING = before
    last: int | None = None
    head = None
    for piece in taken:
        if isinstance(piece, Head):
            assert piece is not head
            head, last = piece, None
            continue
        assert head is not None
        number = int(piece)
        assert number % 7 == 0 or number - 1 == last
        assert last is None or number > last
        last = number


def test_who_keeps_up_gets_everything_and_who_does_not_gets_on_at_a_key_frame() -> None:
    async def run() -> tuple[Course, Course]:
        quick, slow = Course(), Course()
        for _ in range(300):
            quick.come(1)
            slow.come(1)
            await quick.take(5)
        await slow.take(1_000)
        return quick, slow

    quick, slow = asyncio.run(run())
    assert quick.taken == [HEADS[0], *(b"%d" % number for number in range(300))]
    assert (quick.viewer.skipped, slow.viewer.skipped > 0) == (0, True)
    assert slow.taken[-1] == b"299"


def test_the_end_comes_after_what_waits() -> None:
    async def run() -> list[object]:
        course = Course()
        course.come(3)
        course.viewer.end(NotFound("over"))
        got: list[object] = [await course.viewer.next() for _ in range(4)]
        try:
            await course.viewer.next()
        except RtccError as error:
            got.append(str(error))
        return got

    assert asyncio.run(run()) == [HEADS[0], b"0", b"1", b"2", "over"]


class Taking(Viewer):
    """A viewer that writes down what it is offered."""

    def __init__(self) -> None:
        super().__init__(Backlog())
        self.offered: list[tuple[str, bytes]] = []

    def offer(self, kind: str, message: bytes, head: Head) -> None:  # type: ignore[override]
        self.offered.append((kind, message))


HEAD_BYTES = bytes.fromhex("00000000")


def piece(kind: int, at_us: int, content: bytes, *, long: bool = False) -> bytes:
    body = bytes([kind]) + struct.pack("<Q", at_us) + content
    return (struct.pack("!iQ", -1, len(body)) if long else struct.pack("!i", len(body))) + body


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20), st.lists(st.integers(1, 700), min_size=1))
def test_however_the_socket_cuts_them_the_pieces_are_the_same(sizes: list[int], cuts: list[int]) -> None:
    feed, taking = Feed("cam"), Taking()
    feed.viewers.append(taking)
    feed._head = HEADS[0]
    sent = [
        (1 if number % 3 == 0 else 2, number * 40_000, bytes([number]) * size) for number, size in enumerate(sizes)
    ]
    stream = b"".join(piece(*one, long=number % 4 == 3) for number, one in enumerate(sent))
    at = 0
    for cut in itertools.cycle(cuts):
        if at >= len(stream):
            break
        feed.data_received(stream[at : at + cut])
        at += cut
    assert taking.offered == [
        ("key" if kind == 1 else "frame", struct.pack(">Q", at_us) + content) for kind, at_us, content in sent
    ]
    assert not feed.ended


def test_what_is_no_piece_ends_the_feed() -> None:
    for rubbish in (struct.pack("!i", -7), struct.pack("!i", 2**30), piece(9, 0, b"x"), struct.pack("!i", 0),
                    struct.pack("!i", 2) + b"\1\1", piece(0, 0, b"no head at all")):  # fmt: skip
        feed, viewer = Feed("cam"), Viewer(Backlog())
        feed.viewers.append(viewer)
        feed.data_received(rubbish)
        assert feed.ended


def test_what_waits_for_all_together_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer_module, "MOST_BYTES_TOGETHER", 500)

    async def run() -> None:
        backlog = Backlog()
        viewers = [Viewer(backlog) for _ in range(10)]
        for number in range(40):
            for viewer in viewers:
                viewer.offer("key" if number % 7 == 0 else "frame", bytes(20), HEADS[0])
                assert backlog.size_bytes <= 500 + 20 * len(viewers)  # each may hold its newest fragment
        for viewer in viewers[:5]:
            while viewer._waiting:
                await viewer.next()
        for viewer in viewers[5:]:
            viewer.leave()
        assert backlog.size_bytes == 0

    asyncio.run(run())
