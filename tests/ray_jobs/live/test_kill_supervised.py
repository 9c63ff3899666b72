"""The whole of `rtcc live` under its supervisor: whoever dies is started again, and what was said stays said."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.feeds.server import FeedServer
from apps.supervisor import LiveOptions, Supervisor, supervised
from catalog.access import Access
from catalog.casework import Alert
from catalog.client import open_door
from catalog.consent import Consent
from catalog.errors import ClusterError, NotPermitted
from catalog.home import Home
from catalog.registry import Camera, Mounting
from catalog.spans import EPOCH, Span
from catalog.whereabouts import find
from ray_jobs.client import tap
from ray_jobs.live.figures import CameraFigures
from ray_jobs.live.status import read_status
from tests.ray_jobs.live.city import (
    ADMIN,
    Book,
    city_home,
    covered,
    enter_cameras,
    feed_in,
    holes,
    overlaps,
    runs,
)
from tests.waiting import eventually

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

CAMERAS = 3
PRIVATE = "store-7"
BACK_WITHIN_S = 15.0
LOST = ("no_feed", "undecodable", "not_permitted")


@dataclass
class Watch:
    """Live work that runs, and how to look at it."""

    home: Home
    camera_ids: list[str]
    book: Book
    stop: threading.Event
    thread: threading.Thread

    def parts(self) -> dict[str, Any]:
        return supervised(self.home) or {}

    def cameras(self) -> dict[str, CameraFigures]:
        status = read_status(self.home)
        fresh = status is not None and (datetime.now(UTC) - status.as_of_at).total_seconds() < 3
        return {one.camera_id: one for one in status.cameras} if status is not None and fresh else {}

    def state(self, camera_id: str) -> str:
        camera = self.cameras().get(camera_id)
        return camera.state if camera else "unknown"

    def all_record(self) -> bool:
        return all(self.state(one) == "recording" for one in self.camera_ids)

    def shard_pids(self) -> set[int]:
        status = read_status(self.home)
        return {shard.pid for shard in status.shards} if status else set()


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory, yolox_weights: Path, bikes_footage: Path) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("watch")
    home, feed = city_home(folder / "home", yolox_weights), feed_in(folder / "feeds", bikes_footage)
    with FeedServer(feed.parent) as feeds:
        camera_ids = enter_cameras(home, feeds, feed, CAMERAS)
        mounting_id = Mounting.identify(PRIVATE, Span(EPOCH))
        with open_door(home) as door:
            store = Camera(
                PRIVATE, PRIVATE, owner_id="A. Owner", legal_basis="voluntary", place_kind="business",
                stream_uri=feeds.uri(feed.name, camera=9),
            )  # fmt: skip
            door.register(ADMIN, cameras=[store], mountings=[Mounting(mounting_id, PRIVATE, Span(EPOCH))])
        supervisor, stop = Supervisor(home, LiveOptions(cpus=2)), threading.Event()
        thread = threading.Thread(target=supervisor.run, args=(stop,), name="supervisor")
        thread.start()
        found = Watch(home, camera_ids, Book(home), stop, thread)
        try:
            eventually(found.all_record, "every camera records", 120)
            yield found
        finally:
            stop.set()
            thread.join(90)


def test_a_second_start_says_what_runs_already(watch: Watch):
    with pytest.raises(ClusterError, match="runs already"):
        Supervisor(watch.home).run(threading.Event())


def test_a_private_camera_is_closed_until_a_consent_opens_it_and_closed_again_within_two_seconds(watch: Watch):
    assert watch.state(PRIVATE) in ("closed", "waiting")
    consent = Consent("con-7", "A. Owner", (PRIVATE,), ("response",), Span(EPOCH), archived=True, live=True)
    officer = Access("officer-1", "officer", "response")
    with open_door(watch.home) as door:
        with pytest.raises(NotPermitted):
            next(iter(tap(PRIVATE, home=watch.home, access=officer)))
        door.grant(ADMIN, consent)
        eventually(lambda: watch.state(PRIVATE) == "recording", "the private camera records", 40)
        pieces = tap(PRIVATE, home=watch.home, access=officer)
        head, first = next(pieces), next(pieces)
        assert head.data[4:8] == b"ftyp"
        assert first.kind == "key"
        door.withdraw(ADMIN, "con-7")
        withdrawn_at = datetime.now(UTC)
        seen: list[int] = [first.seen_at]
        with pytest.raises(NotPermitted):
            seen.extend(piece.seen_at for piece in pieces)
        assert seen[-1] / 1e6 - withdrawn_at.timestamp() < 2.0
    eventually(lambda: watch.state(PRIVATE) == "closed", "the private camera is closed", 10)
    last = watch.book.ask(f"select max(end_at) as at from lake.segments where camera_id = '{PRIVATE}'")[0]["at"]
    assert last is None or (last - withdrawn_at).total_seconds() < 2.0
    lines = watch.book.ask("select question, parameters, outcome from lake.audit where question = 'live tap'")
    assert [line["outcome"] for line in lines] == ["done"]


def test_a_killed_director_leaves_the_shards_recording_and_comes_back(watch: Watch):
    before, shards, since = watch.parts()["director"], watch.shard_pids(), datetime.now(UTC)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: watch.parts().get("director") not in (None, before), "another director runs", 30)
    eventually(watch.all_record, "it sees every camera", 60)
    assert watch.shard_pids() == shards
    assert all(runs(pid) for pid in shards)
    for camera_id in watch.camera_ids:
        assert not [gap for gap in watch.book.gaps(camera_id, *LOST) if gap.start_at >= since]


def test_a_killed_keeper_is_started_again_and_recording_does_not_notice(watch: Watch):
    where, since = find(watch.home), datetime.now(UTC)
    assert where is not None
    os.kill(where.pid, signal.SIGKILL)
    eventually(
        lambda: (now := find(watch.home)) is not None and now.pid != where.pid and runs(now.pid), "a keeper", 30
    )  # fmt: skip
    kept = {one: len(watch.book.segments(one)) for one in watch.camera_ids}
    eventually(lambda: all(len(watch.book.segments(one)) > kept[one] for one in kept), "segments go on", 40)
    for camera_id in watch.camera_ids:
        assert not [gap for gap in watch.book.gaps(camera_id, *LOST) if gap.start_at >= since]


def test_with_the_ray_head_killed_reports_are_durable_and_live_comes_back_by_itself(watch: Watch):
    gcs, killed_at = watch.parts()["gcs"], datetime.now(UTC)
    kept = {one: len(watch.book.segments(one)) for one in watch.camera_ids}
    os.kill(gcs, signal.SIGKILL)
    with open_door(watch.home, spawn=False) as door:
        panic = Alert("alr-panic", "panic", None, None, "P1", killed_at, killed_at, None, "button 12")
        door.raise_alerts(Access("gateway", "service", "response"), [panic])
    assert watch.book.ask("select alert_id from lake.alerts where alert_id = 'alr-panic'")
    eventually(lambda: watch.parts().get("gcs") not in (None, gcs), "another head runs", 60)
    eventually(watch.all_record, "every camera records again", 90)
    eventually(lambda: all(len(watch.book.segments(one)) > kept[one] + 1 for one in kept), "segments go on", 60)
    for camera_id in watch.camera_ids:
        segments = watch.book.segments(camera_id)
        assert not overlaps(segments)
        for hole in holes(segments):
            assert covered(hole, watch.book.gaps(camera_id, *LOST)), f"nothing says why {camera_id} lacks {hole}"
        # what was written when the head died was taken up: the hole begins where the last picture came
        first = next((hole for hole in holes(segments) if hole[1] > killed_at), None)
        assert first is None or (killed_at - first[0]).total_seconds() < 2.5


def test_the_end_leaves_no_process(watch: Watch):
    processes = [int(pid) for name, pid in watch.parts().items() if name in ("director", "keeper", "gcs") and pid]
    shards = watch.shard_pids()
    # tracks that a killed shard left open end with the next segment that is looked at
    eventually(
        lambda: all(
            one in (now := watch.cameras()) and now[one].frames_inferred > 0 and now[one].segments > 1
            for one in watch.camera_ids
        ),
        "every camera is looked at again", 90,
    )  # fmt: skip
    watch.stop.set()
    watch.thread.join(90)
    assert not [pid for pid in (*processes, *shards) if runs(pid)]
    assert supervised(watch.home) is None
    assert json.loads((watch.home.run_dir / "live" / "status.json").read_text())["state"] == "stopped"


def test_the_end_leaves_no_open_track(watch: Watch):
    assert not watch.thread.is_alive()
    with open_door(watch.home):
        still_open = watch.book.ask(
            "select track_id from (select *, row_number() over (partition by track_id order by as_of_at desc) nth "
            "from lake.track_states) where nth = 1 and end_at is null"
        )
        assert not still_open
